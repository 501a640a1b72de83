"""The commands that draw one picture, of several runs too: sculptor-plot PICTURE RUN_DIR..."""

from pathlib import Path

from .arguments import (BAD_USE, FAILED, Parser, Problem, coordinate_pair, index, make_folder, positive,
                        require_packages, save)


def _parser(name, *runs):
    parser = Parser(prog=f"sculptor-plot {name}", description=ABOUT[name])
    for dest, metavar, nargs, text in runs:
        parser.add_argument(dest, metavar=metavar, nargs=nargs, help=text)
    parser.add_argument("--output", metavar="DIR", help="where the picture goes (pictures, in the last run's directory)")
    parser.add_argument("--format", choices=("png", "pdf", "svg"), default="png", help="of the picture (png)")
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


def _compare(arguments):
    parser = _parser("compare", ("runs", "RUN_DIR", "+", "runs of the same target"))
    options = parser.parse_args(arguments)
    require_packages()
    from . import compare

    runs = [_open(directory) for directory in options.runs]
    for run in runs:
        _require(run, False, "compare shows the last populations of samplers")
    _require_one_target(runs)
    pair = _pair(options, runs)
    return options, runs[-1], "compare", lambda: compare.draw(runs, pair, options.max_points)


ABOUT = {"compare": "The last populations of several samplers of one target side by side, with their score "
                    "evaluations a particle (NFE), the exact density as contours and the distance from it."}
COMMANDS = {"compare": _compare}
NAMES = tuple(COMMANDS)
HELP = ", ".join(f"sculptor-plot {name} --help" for name in NAMES)


def run(name, arguments):
    """Returns the exit status."""
    options, last, file_name, make = COMMANDS[name](arguments)
    from . import style
    from .files import FileError, Missing

    with style.styled():
        try:
            data = style.render(make(), options.format)
        except (FileError, Missing) as error:
            raise Problem(str(error), FAILED) from None
        output = Path(options.output) if options.output else last.directory / "pictures"
        make_folder(output)
        save(output / f"{file_name}.{options.format}", data)
    return 0
