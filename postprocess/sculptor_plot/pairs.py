"""A forward and a reverse run brought together: which of their levels stand in one column, and what is said of them."""

import math

from . import style
from .filmstrip import pick

NEAR = 1.5  # ratio of two sigmas that still share a column


def _distance(first, second):
    """|ln(sigma/sigma')|; the data, sigma 0, are near to the data, and farther from all else than anything is."""
    if first == second:
        return 0.0
    if first == 0 or second == 0:
        return 1e3 + max(first, second)
    return abs(math.log(first / second))


def match(forward, reverse, n):
    """[(forward level, reverse level)] from data to noise, at most n: those of the same sigma, as nearly as there are,
    and at the ends the least noise of both."""
    def noise(level):
        return level.sigma

    reverse = sorted((level for level in reverse if level.index > 0 and level.sigma >= 0), key=noise)
    forward = sorted((level for level in forward if level.sigma >= 0), key=noise)
    if not forward or not reverse:
        return []
    pairs = [(forward[0], reverse[0])]
    for level in reverse[1:]:
        nearest = min(forward, key=lambda other: _distance(other.sigma, level.sigma))
        if _distance(nearest.sigma, level.sigma) < math.log(NEAR) and nearest.sigma > pairs[-1][0].sigma:
            pairs.append((nearest, level))
    return pick(pairs, n)


def titles(run, level):
    """(sigma, t) of a panel as texts; t is None where it is not known or is sigma itself."""
    sigma = "denoised" if run.is_denoised(level) else "data" if level.sigma == 0 else (
        rf"$\sigma$ = {style.number(level.sigma)}")
    t = run.time_of(level)
    if math.isnan(t) or run.parameters.get("process.type", "edm") == "edm":
        return sigma, None
    return sigma, f"t = {style.number(t, 2)}"


def row_names(forward, reverse, process):
    """What stands above the rows: (text, what it is by, whether its arrow points to the noise)."""
    names = {"edm": "process EDM", "ve": "process VE", "vp": "process VP", "subvp": "process sub-VP"}
    return (("forward: data to noise", names.get(process, process or ""), True),
            ("reverse: noise to data", reverse, False))
