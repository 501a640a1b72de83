"""Pictures of a Sculptor run, and lazy access to its levels.

    import sculptor_plot
    run = sculptor_plot.read("runs/ncsn_toy")
    for level in run.levels:
        print(level.sigma, level.state(max_points=1000).mean(axis=0))  # of a field: level.map(), level.density()
"""

__version__ = "0.1.0"


def read(directory):
    """The run in a directory: see sculptor_plot.run.Run. Raises RunError where there is none."""
    from .run import Run  # here, so that the command can report a missing numpy or h5py in one line

    return Run(directory)
