"""The command: sculptor-plot RUN_DIR, or sculptor-plot PICTURE RUN_DIR... Exit status 0: all drawn; 2: bad use; 3: a
file could not be used."""

import sys
from pathlib import Path

from . import __version__, commands
from .arguments import (BAD_USE, FAILED, Parser, Problem, coordinates, index, make_folder, positive, require_packages,
                        save)


def parse(arguments):
    parser = Parser(prog="sculptor-plot", description="Pictures of a Sculptor run, of particles or of random "
                     "fields: the sculpting level by level, what is known exactly beside what was found, the series, "
                     "and a page with all of them.", epilog="Single pictures, of several runs too: " + commands.HELP)
    parser.add_argument("run", metavar="RUN_DIR", help="the run's directory: snapshot_0001.h5 ..., series.h5")
    parser.add_argument("--output", metavar="DIR", help="where pictures go (RUN_DIR/pictures)")
    parser.add_argument("--levels", metavar="N", type=positive, default=10,
                        help="panels of the filmstrip at most, first and last level always (10)")
    parser.add_argument("--coordinates", metavar="i,j", type=coordinates,
                        help="coordinates of the filmstrip, counted from 0 (0,1)")
    parser.add_argument("--max-points", metavar="N", type=positive, default=200_000,
                        help="particles read of a level at most, every so-manieth one (200000)")
    parser.add_argument("--realization", metavar="N", type=index,
                        help="realisation of a random field that maps show, counted from 0 (0)")
    parser.add_argument("--slab", metavar="CELLS", type=positive,
                        help="thickness of the slices of three-dimensional fields, of which maps show the mean (1)")
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the pictures (png)")
    parser.add_argument("--version", action="version", version=f"sculptor-plot {__version__}")
    return parser.parse_args(arguments)


def _readable(levels, n, notes):
    """At most n of the levels, evenly, first and last among them; what cannot be read is noted and left out."""
    from .filmstrip import pick
    from .files import FileError

    def is_readable(level):
        try:
            return level.n_particles > 0
        except FileError as error:
            notes.append(str(error))
            return False

    levels = list(levels)
    while levels and not is_readable(levels[-1]):
        levels.pop()
    while levels and not is_readable(levels[0]):
        levels.pop(0)
    return [level for level in pick(levels, n) if is_readable(level)]


def _choose_coordinates(wanted, n_dim):
    chosen = wanted or list(range(min(2, n_dim)))
    if max(chosen) >= n_dim:
        raise Problem(f"--coordinates: there is no coordinate {max(chosen)}: the run has {n_dim}, counted from 0",
                      BAD_USE)
    return chosen


def _population_makers(run, levels, options):
    from . import filmstrip, marginals, series

    coordinates = _choose_coordinates(options.coordinates, levels[-1].n_dim)
    same = [level for level in levels if level.n_dim == levels[-1].n_dim]
    made = {"filmstrip": lambda: filmstrip.draw(run, same, coordinates, options.max_points),
            "marginals": lambda: marginals.draw(run, options.max_points)}
    if run.series:
        made["series"] = lambda: series.draw(run, levels[-1].n_particles)
    return made


def _field_makers(run, levels, options, notes):
    from . import fields

    realization = options.realization or 0
    if realization >= levels[-1].n_particles:
        raise Problem(f"--realization: there is no realisation {realization}: the run has {levels[-1].n_particles}, "
                      "counted from 0", BAD_USE)
    return fields.makers(run, levels, realization, options.slab or 1, notes)


def _refuse_options_of_the_other_kind(run, options):
    others = ("coordinates",) if run.is_field else ("realization", "slab")
    for name in others:
        if getattr(options, name) is not None:
            kind = "random fields, not particles" if run.is_field else "particles, not random fields"
            raise Problem(f"--{name}: this is a run of {kind}", BAD_USE)


def _draw(run, levels, options, failures, notes):
    """{name: figure}. A file that turns out unreadable costs its picture, not the others."""
    from .files import FileError, Missing

    if run.is_field:
        makers = _field_makers(run, levels, options, notes)
    else:
        makers = _population_makers(run, levels, options)
    figures = {}
    for name, make in makers.items():
        try:
            figures[name] = make()
        except FileError as error:
            if str(error) not in failures:
                failures.append(str(error))
        except Missing as missing:
            notes.append(f"{run.series.path} has {missing}: no {name}.{options.format}")
    return figures


def _open_series(run, failures, notes):
    """The pictures can do without the series and the target: says so and goes on."""
    from .files import FileError

    try:
        known = run.series is not None and run.target is not None
    except FileError as error:
        failures.append(str(error))
        run.series = run.target = None
        return
    if run.series is None:
        notes.append("there is no series.h5: no curves over levels, and no exact target to compare with")
    elif not known and not run.is_field:
        notes.append("the target is no Gaussian mixture, or the run does not say so: no exact density to compare with")
    if run.series is not None and "sigma" not in run.series:
        notes.append(f"{run.series.path} has no sigma: no curves over levels")
        run.series = None


def _work(options):
    from . import page, style
    from .files import RunError
    from .run import Run

    try:
        run = Run(options.run)
    except RunError as error:
        raise Problem(str(error), BAD_USE) from None
    _refuse_options_of_the_other_kind(run, options)
    failures, notes = [], []
    levels = _readable(run.levels, options.levels, failures)
    if not levels:
        raise Problem(failures[0], FAILED)
    run.levels = [level for level in run.levels if level.index <= levels[-1].index]
    _open_series(run, failures, notes)

    output = Path(options.output) if options.output else run.directory / "pictures"
    make_folder(output)

    with style.styled():
        figures = _draw(run, levels, options, failures, notes)
        pictures = {name: style.render(figure, "png") for name, figure in figures.items()}
        for name, figure in figures.items():
            data = pictures[name] if options.format == "png" else style.render(figure, options.format)
            save(output / f"{name}.{options.format}", data)
    save(output / "index.html", page.write(run, levels, pictures, failures + notes).encode("utf-8"))
    for line in notes:
        print(f"sculptor-plot: note: {line}", file=sys.stderr)
    for line in failures:
        print(f"sculptor-plot: {line}", file=sys.stderr)
    return FAILED if failures else 0


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if arguments and arguments[0] in commands.NAMES:
            return commands.run(arguments[0], arguments[1:])
        options = parse(arguments)
        require_packages()
        from .inspection import inspected

        if inspected(options.run):  # which has one picture
            return commands.run("inspect", [options.run, "--format", options.format,
                                            *(["--output", options.output] if options.output else [])])
        return _work(options)
    except Problem as problem:
        print(f"sculptor-plot: {problem}", file=sys.stderr)
        return problem.status
    except KeyboardInterrupt:
        print("sculptor-plot: interrupted", file=sys.stderr)
        return 130
