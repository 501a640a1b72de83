"""The sculpting of a field: maps of one realisation at each level, from noise to structure."""

import math

import numpy as np
from matplotlib.colors import LogNorm, Normalize

from .. import style
from .maps import Sheet, rms, where

REACH = 3      # standard deviations from the middle to the end of the colours
FEW_BELOW = 0.01  # share of cells that noise may push below no density in a map shown as a density


def is_density(values, is_lognormal):
    """Whether a map is shown as 1 + delta on a logarithmic scale: a lognormal field nearly free of noise."""
    return bool(is_lognormal and np.mean(values[np.isfinite(values)] <= -1) < FEW_BELOW)


def density_range(maps):
    """The ends of the colours of all density maps: the middle 99% of the cells."""
    values = np.concatenate([1 + m[np.isfinite(m) & (m > -1)] for m in maps])
    low, high = np.percentile(values, (0.5, 99.5))
    return float(np.clip(low, 1e-4 * high, 0.99 * high)), float(high)


def density_ticks(low, high):
    """1, 2 or 5 times powers of 10, at most 5 of them, so that 1, the mean density, is one where it can be."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [m * 10.0**d for d in decades for m in steps if low <= m * 10.0**d <= high]
        if len(ticks) <= 5:
            return ticks
    return ticks[::math.ceil(len(ticks) / 5)]


def _title(level, levels, is_denoised):
    if level.index == 0:
        return "start"
    if is_denoised:
        return "denoised"
    if math.isnan(level.sigma) or (len(levels) > 1 and all(other.sigma == level.sigma for other in levels)):
        return f"level {level.index}"
    return rf"$\sigma$ = {style.number(level.sigma)}"


def _layout(n):
    """Columns and width of a panel in inches."""
    n_columns = math.ceil(n / math.ceil(n / 5))
    return n_columns, {1: 3.6, 2: 2.8, 3: 2.5, 4: 2.2}.get(n_columns, 1.9)


def draw(run, levels, realization, thickness):
    """`levels` to be drawn, in order. Returns the figure."""
    box = levels[-1].box
    maps = [level.map(realization, thickness) for level in levels]
    lognormal = "lognormal" in run.parameters.get("score.type", "")
    dense = [is_density(values, lognormal) for values in maps]
    contrast = Normalize(-REACH, REACH)
    density = LogNorm(*density_range([m for m, d in zip(maps, dense) if d])) if any(dense) else None
    n_columns, panel = _layout(len(levels))
    sheet = Sheet(len(levels), n_columns, box, panel)
    for i, (level, values, is_dense) in enumerate(zip(levels, maps, dense)):
        spread = rms(values)
        title, under = _title(level, levels, run.is_denoised(level)), f"rms {style.number(spread)}"
        if is_dense:
            sheet.show(i, np.maximum(1 + values, density.vmin), style.MATTER, density, title, under)
        else:
            sheet.show(i, values / (spread or 1), style.CONTRAST, contrast, title, under)
    _bars(sheet, contrast if not all(dense) else None, density)
    sheet.say(where(box, thickness, realization))
    return sheet.figure


def _bars(sheet, contrast, density):
    bars = []
    if contrast is not None:
        bars.append((style.CONTRAST, contrast, r"$\delta$ / rms of the panel", [-3, 0, 3], ["\u22123", "0", "3"]))
    if density is not None:
        ticks = density_ticks(density.vmin, density.vmax)
        bars.append((style.MATTER, density, r"$1 + \delta$", ticks, [f"{t:g}" for t in ticks]))
    sheet.bars(bars)
