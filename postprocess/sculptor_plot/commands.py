"""The commands that draw one picture, of several runs too: sculptor-plot PICTURE RUN_DIR..."""

from pathlib import Path

from .arguments import (BAD_USE, FAILED, Parser, Problem, coordinate_pair, index, make_folder, positive,
                        require_packages, save)


def _parser(name, *runs, of_populations=True):
    parser = Parser(prog=f"sculptor-plot {name}", description=ABOUT[name])
    for dest, metavar, nargs, text in runs:
        parser.add_argument(dest, metavar=metavar, nargs=nargs, help=text)
    parser.add_argument("--output", metavar="DIR", help="where the picture goes (the last run's pictures)")
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the picture (png)")
    if not of_populations:
        return parser
    parser.add_argument("--coordinates", metavar="i,j", type=coordinate_pair,
                        help="the two coordinates shown, counted from 0 (0,1)")
    parser.add_argument("--max-points", metavar="N", type=positive, default=200_000,
                        help="particles read of a level at most, every so-manieth one (200000)")
    return parser


def _open(directory):
    from .files import RunError
    from .run import Run

    try:
        run = Run(directory)
    except RunError as error:
        raise Problem(str(error), BAD_USE) from None
    return run


def _pair(options, runs):
    pair = options.coordinates or [0, 1]
    for run in runs:
        n_dim = run.levels[-1].n_dim
        if max(pair) >= n_dim:
            raise Problem(f"{run.directory}: there is no coordinate {max(pair)}: the run has {n_dim}, counted from 0",
                          BAD_USE)
    return pair


def _require(run, is_field, picture):
    if run.is_field != is_field:
        found = "random fields, not particles" if run.is_field else "particles, not random fields"
        raise Problem(f"{run.directory}: this is a run of {found}: {picture}", BAD_USE)


def _target(run):
    return {key: value for key, value in run.parameters.items() if key.startswith("score.")}


def _require_one_target(runs):
    for run in runs[1:]:
        for key in sorted(set(_target(run)) | set(_target(runs[0]))):
            found, first = _target(run).get(key), _target(runs[0]).get(key)
            if found != first:
                raise Problem(f"{run.directory}: another target than {runs[0].directory}: {key} is "
                              f"{found or 'not there'}, not {first or 'absent'}", BAD_USE)


def _compare_parser():
    return _parser("compare", ("runs", "RUN_DIR", "+", "runs of the same target"))


def _compare(options):
    from . import compare

    runs = [_open(directory) for directory in options.runs]
    for run in runs:
        _require(run, False, "compare shows the last populations of samplers")
    _require_one_target(runs)
    pair = _pair(options, runs)
    return runs[-1], "compare", lambda: compare.draw(runs, pair, options.max_points)


def _filmstrip_parser():
    parser = _parser("filmstrip", ("forward", "FORWARD_RUN", None, "the run that noises data (sculptor forward)"),
                     ("reverse", "REVERSE_RUN", None, "the run of a reverse sampler"))
    parser.add_argument("--levels", metavar="N", type=positive, default=6, help="columns at most (6)")
    parser.add_argument("--realization", metavar="N", type=index, default=0,
                        help="realisation of a random field that maps show, counted from 0 (0)")
    parser.add_argument("--slab", metavar="CELLS", type=positive, default=1,
                        help="thickness of the slices of three-dimensional fields, of which maps show the mean (1)")
    return parser


def _filmstrip(options):
    from . import pairs, twins
    from .fields import twins as field_twins

    forward, reverse = _open(options.forward), _open(options.reverse)
    if reverse.parameters.get("command") == "forward" and forward.parameters.get("command") != "forward":
        raise Problem(f"{reverse.directory}: this is the run of `sculptor forward`: give it first", BAD_USE)
    _require(forward, reverse.is_field, "both rows show the same kind")
    chosen = pairs.match(forward.levels, reverse.levels, options.levels)
    if not chosen:
        raise Problem(f"{forward.directory}: no level is near in sigma to one of {reverse.directory}", BAD_USE)
    if not reverse.is_field:
        pair = _pair(options, (forward, reverse))
        return reverse, "forward_and_reverse", lambda: twins.draw(forward, reverse, chosen, pair, options.max_points)
    for run in (forward, reverse):
        if options.realization >= run.levels[-1].n_particles:
            raise Problem(f"--realization: there is no realisation {options.realization}: {run.directory} has "
                          f"{run.levels[-1].n_particles}, counted from 0", BAD_USE)
    if forward.levels[-1].box.mesh != reverse.levels[-1].box.mesh:
        raise Problem(f"{forward.directory}: its mesh is {forward.levels[-1].box.mesh}, that of {reverse.directory} "
                      f"{reverse.levels[-1].box.mesh}", BAD_USE)
    return reverse, "forward_and_reverse", lambda: field_twins.draw(forward, reverse, chosen, options.realization,
                                                                    options.slab)


def _likelihood_parser():
    return _parser("likelihood", ("run", "RUN_DIR", None, "the directory of a likelihood.h5 on a grid of points"),
                   of_populations=False)


def _likelihood(options):
    from . import likelihood
    from .files import FileError, RunError

    try:
        found = likelihood.Likelihoods(options.run)
    except FileError:
        raise
    except RunError as error:
        raise Problem(str(error), BAD_USE) from None
    return found, "likelihood", lambda: likelihood.draw(found)


def _paths_parser():
    parser = _parser("paths", ("run", "RUN_DIR", None, "a run that began with paths between latents"))
    parser.add_argument("--slab", metavar="CELLS", type=positive, default=1,
                        help="thickness of the slices of three-dimensional fields, of which maps show the mean (1)")
    return parser


def _paths(options):
    from . import paths

    run = _open(options.run)
    points = paths.points_of(run)
    if run.levels[-1].n_particles < points:
        raise Problem(f"{run.directory}: {run.levels[-1].n_particles} particles are no path of {points}", BAD_USE)
    if run.is_field:
        return run, "paths", lambda: paths.draw_fields(run, points, options.slab)
    pair = _pair(options, (run,))
    return run, "paths", lambda: paths.draw(run, points, pair)


def _learning_parser():
    return _parser("learning", ("training", "TRAIN_DIR", None, "the directory of sculptor train, on a data set of a file"),
                   ("run", "RUN_DIR", None, "the run that sampled with its weights"))


def _learning(options):
    from . import learning
    from .files import FileError, RunError

    try:
        training = learning.Training(options.training)
    except FileError:
        raise
    except RunError as error:
        raise Problem(str(error), BAD_USE) from None
    run = _open(options.run)
    _require(run, False, "learning shows data and samples as particles")

    def make():
        figure, (samples, data, n) = learning.draw(training, run, options.max_points)
        print(f"sliced Wasserstein-2 distance to held-out data, {n} points: samples {samples:.4f}, "
              f"data {data:.4f}, ratio {samples / data:.2f}")
        return figure
    return run, "learning", make


def _inspect_parser():
    return _parser("inspect", ("run", "RUN_DIR", None, "the directory of an inspect.h5"), of_populations=False)


def _inspect(options):
    from . import inspection
    from .files import FileError, RunError

    try:
        found = inspection.Inspection(options.run)
    except FileError:
        raise
    except RunError as error:
        raise Problem(str(error), BAD_USE) from None
    return found, "inspect", lambda: inspection.draw(found)


ABOUT = {"inspect": "A score held against the truth: errors over noise levels, maps of them, samples beside exact draws.",
         "learning": "A trained score: data, samples, marginals, how it learned, and the distance to held-out data.",
         "compare": "The last populations of several samplers of one target side by side, with their score "
                    "evaluations a particle (NFE), the exact density as contours and the distance from it.",
         "filmstrip": "Forward and reverse side by side: data become noise above, noise becomes data below, the same "
                      "noise level in each column.",
         "likelihood": "Maps of the log-likelihood on a grid of points in the plane: by the flow, exact, and their "
                       "difference.",
         "paths": "Paths between latents and the samples a flow makes of them, coloured from end to end; of random "
                  "fields maps, a path a row."}
# name: (its arguments, what looks at the runs and returns (run whose pictures it is, name of the file, how to draw it))
COMMANDS = {"learning": (_learning_parser, _learning), "inspect": (_inspect_parser, _inspect),
            "compare": (_compare_parser, _compare), "filmstrip": (_filmstrip_parser, _filmstrip),
            "likelihood": (_likelihood_parser, _likelihood), "paths": (_paths_parser, _paths)}
NAMES = tuple(COMMANDS)
HELP = ", ".join(f"sculptor-plot {name} --help" for name in NAMES)


def run(name, arguments):
    """Returns the exit status."""
    parser, prepare = COMMANDS[name]
    options = parser().parse_args(arguments)
    require_packages()
    from . import style
    from .files import FileError, Missing

    with style.styled():
        try:
            last, file_name, make = prepare(options)
            data = style.render(make(), options.format)
        except (FileError, Missing) as error:
            raise Problem(str(error), FAILED) from None
        output = Path(options.output) if options.output else last.directory / "pictures"
        make_folder(output)
        save(output / f"{file_name}.{options.format}", data)
    return 0
