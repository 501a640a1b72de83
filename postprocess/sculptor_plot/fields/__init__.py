"""Pictures of random fields."""

from . import correlations, filmstrip, pdf, power, series, wiener
from .rows import FieldRows

EXPECTED = ("power_target", "modes", "variance", "skewness", "kurtosis")  # pictures can do without, but not silently


def _note_what_is_missing(rows, notes):
    missing = [name for name in EXPECTED if rows.get(name) is None and rows.constant(name) is None]
    if missing:
        notes.append(f"{rows.series.path} has no numbers in {', '.join(missing)}: left out of the pictures")


def makers(run, levels, realization, thickness, notes):
    """{name of a picture: function that makes it}, in the page's order; what has nothing to draw raises Missing."""
    same = [level for level in levels if level.box.mesh == levels[-1].box.mesh and level.n_particles > realization]
    made = {"filmstrip": lambda: filmstrip.draw(run, same, realization, thickness)}
    if (run.directory / "wiener.h5").exists():
        made["wiener"] = lambda: wiener.draw(run, realization, thickness, notes)
    if run.series:
        rows = FieldRows(run, notes)
        _note_what_is_missing(rows, notes)
        for name, module in (("power", power), ("pdf", pdf), ("correlations", correlations), ("series", series)):
            made[name] = lambda module=module: module.draw(rows)
    return made
