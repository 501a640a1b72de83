"""The posterior of a field given masked, noisy data: the samples against the exact mean and deviation (Wiener's)."""

import math

import h5py
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.patches import Patch

from .. import style
from ..files import FileError, one_line, open_file
from ..levels import read_map
from .maps import Sheet, rms, where

REACH = 2.5   # of the field, in standard deviations
ERRORS = 4    # of the difference, in standard errors


def read(path, box, thickness):
    """{name: map (y, x)} of what the file has; raises FileError where it does not fit the run."""
    found = {}
    with open_file(path) as file:
        for name in ("truth", "data", "mask", "noise_sigma", "wiener_mean", "posterior_variance"):
            item = file.get(name)
            if not isinstance(item, h5py.Dataset) or item.ndim == 0:
                continue
            if item.shape != box.mesh:
                raise FileError(f"{path}: {name} {item.shape} is not on the run's mesh {box.mesh}")
            try:
                found[name] = read_map(item, box, thickness)
            except (OSError, TypeError, ValueError) as error:
                raise FileError(f"{path}: {name} cannot be read: {one_line(error)}") from None
    return found


def statistics(maps, exact_mean=None, exact_variance=None):
    """Over the samples (realization, y, x): their mean and standard deviation, and how far the mean is off the exact
    one in standard errors, of the exact variance where it is known, else of the samples' own; None where neither is."""
    n = len(maps)
    mean = maps.mean(axis=0)
    deviation = maps.std(axis=0, ddof=1) if n > 1 else None
    variance = exact_variance if exact_variance is not None else None if deviation is None else deviation**2
    if exact_mean is None or variance is None:
        return mean, deviation, None
    with np.errstate(invalid="ignore", divide="ignore"):
        return mean, deviation, np.where(variance > 0, (mean - exact_mean) / np.sqrt(variance / n), np.nan)


def draw(run, realization, thickness, notes):
    """Returns the figure."""
    path = run.directory / "wiener.h5"
    level = run.levels[-1]
    box, maps = level.box, level.maps(thickness)
    exact = read(path, box, thickness)
    if "wiener_mean" not in exact:
        notes.append(f"{path}: no wiener_mean: wiener.png does without the exact mean")
    # The mean of several planes has another variance than each of them: their covariance is not in the file.
    n_planes = 1 if box.n_dim == 2 else min(thickness, box.mesh[0])
    variance = exact.get("posterior_variance") if n_planes == 1 else None
    mean, deviation, errors = statistics(maps, exact.get("wiener_mean"), variance)
    panels = _panels(exact, maps[realization], realization, mean, deviation, errors, variance, len(maps),
                     _state(run, level))
    return _draw(panels, exact, box, where(box, thickness))


def _state(run, level):
    """What sets the last level apart from the posterior that the exact answers are of, or None: noise widens it,
    and a denoised sample is a mean, not a draw."""
    if run.is_denoised(level):
        return "denoised"
    return rf"at $\sigma$ = {style.number(level.sigma)}" if level.sigma > 0 else None


def _seen(exact):
    """The data; what the mask hides is no number."""
    data = exact.get("data")
    if data is not None and "mask" in exact:
        data = np.where(exact["mask"] > 0.5, data, np.nan)
    return data


def _panels(exact, sample, realization, mean, deviation, errors, variance, n, state):
    """Two rows of (kind, map, title, remark), columns where both are missing left out."""
    spread = None if variance is None else np.sqrt(variance)
    upper = [("field", exact.get("truth"), "truth", None),
             ("field", _seen(exact), "data", _noise(exact)),
             ("field", exact.get("wiener_mean"), "exact mean (Wiener)", None),
             ("spread", spread, "exact deviation", None)]
    lower = [("field", sample, f"one sample (realisation {realization})", None),
             ("errors", errors, "mean \u2212 exact", _size(errors, n, variance is not None)),
             ("field", mean, f"mean of {n} samples", state),
             ("spread", deviation, "samples' deviation", _ratio(deviation, spread))]
    pairs = [(above, below) for above, below in zip(upper, lower) if above[1] is not None or below[1] is not None]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _size(errors, n, is_exact):
    """The rms of the errors, and what it should be: 1, or that of Student's t where the samples tell the variance."""
    if errors is None or not np.isfinite(errors).any():
        return None
    expected = 1.0 if is_exact else math.sqrt((n - 1) / (n - 3)) if n > 3 else math.inf
    return f"rms {math.sqrt(np.nanmean(errors**2)):.2f}" + (f", ideal {expected:.3g}" if expected < math.inf else "")


def _noise(exact):
    sigma = exact.get("noise_sigma")
    if sigma is None:
        return None
    seen = sigma[exact["mask"] > 0.5] if "mask" in exact else sigma.ravel()
    seen = seen[np.isfinite(seen)]
    if len(seen) == 0:
        return None
    low, high = seen.min(), seen.max()
    return f"noise {style.number(low)}" + ("" if math.isclose(low, high, rel_tol=1e-3) else f" to {style.number(high)}")


def _ratio(deviation, spread):
    if deviation is None or spread is None:
        return None
    return f"{math.sqrt(np.nanmean(deviation**2) / np.nanmean(spread**2)):.3f} \u00d7 exact"


def _draw(panels, exact, box, line):
    upper, lower = panels
    n_columns = len(upper)
    sheet = Sheet(2 * n_columns, n_columns, box, {1: 3.6, 2: 2.9, 3: 2.6}.get(n_columns, 2.45))
    fields = [values for kind, values, *_ in lower + upper if kind == "field" and values is not None]
    reach = REACH * max(rms(values) for values in (exact.get("truth"), fields[0]) if values is not None) or 1.0
    reach = float(f"{reach:.2g}")
    spreads = [values for kind, values, *_ in lower + upper if kind == "spread" and values is not None]
    kinds = {"field": (style.CONTRAST, Normalize(-reach, reach)),
             "errors": (style.CONTRAST, Normalize(-ERRORS, ERRORS)),
             "spread": ("viridis", Normalize(0, float(f"{max(np.nanpercentile(s, 99.5) for s in spreads):.2g}") or 1.0)
                        if spreads else None)}
    mask = exact.get("mask")
    hidden = mask is not None and (mask <= 0.5).any()
    for i, (kind, values, title, remark) in enumerate(upper + lower):
        if values is None:
            sheet.hide(i)
            continue
        axes = sheet.show(i, values, *kinds[kind], title, remark)
        if hidden:
            _outline(axes, mask, box, hatched=title == "data")
    shown = {kind for kind, values, *_ in upper + lower if values is not None}
    top = kinds["spread"][1].vmax if spreads else 1
    bars = [(*kinds["field"], r"$\delta$", [-reach, 0, reach], [f"\u2212{reach:g}", "0", f"{reach:g}"]),
            (*kinds["errors"], "standard errors", [-ERRORS, 0, ERRORS], [f"\u2212{ERRORS}", "0", f"{ERRORS}"]),
            (*kinds["spread"], r"deviation of $\delta$", [0, top], ["0", f"{top:g}"])]
    sheet.bars([bar for bar, kind in zip(bars, ("field", "errors", "spread")) if kind in shown])
    sheet.say(line)
    if hidden and "data" in exact:
        sheet.legend([Patch(facecolor=style.ABSENT, edgecolor=style.MUTED, hatch="////", linewidth=0,
                            label="not observed")])
    return sheet.figure


def _outline(axes, mask, box, hatched):
    """The edge of what was not observed, cell by cell."""
    hidden = mask <= 0.5
    y, x = (np.repeat(np.linspace(0, length, n + 1), 2)[1:-1]
            for length, n in zip(box.lengths[-2:], box.mesh[-2:]))
    steps = np.repeat(np.repeat(hidden.astype(float), 2, axis=0), 2, axis=1)
    if hatched:
        axes.contourf(x, y, steps, levels=[0.5, 1.5], colors="none", hatches=["////"])
        for collection in axes.collections:
            collection.set_edgecolor(style.MUTED)
            collection.set_linewidth(0)
    axes.contour(x, y, steps, levels=[0.5], colors=style.INK, linewidths=0.7)
