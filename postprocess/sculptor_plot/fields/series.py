"""A field run from level to level: moments, spectrum against the exact one, acceptance, speed."""

import math

import numpy as np

from .. import style
from ..curves import acceptance, lay_out, marker, noise_drift, speed, stretch, wall_time
from .rows import variance_of

DASHED = {"color": style.EXACT, "linewidth": 1.2, "linestyle": (0, (4, 2))}


def _variance(axes, rows):
    variance = rows.scalar("variance")
    if variance is None:
        return False
    axes.plot(rows.level, variance, color=style.BLUE, marker=marker(rows), label="measured")
    power = rows.power()
    if power is not None and not np.isnan(power.modes).any():
        exact = variance_of(power.target, power.modes, rows.box)
        if np.isfinite(exact).any():
            axes.plot(*stretch(rows.level, exact), label="exact", **DASHED)
            axes.legend(loc="upper right")
    positive = variance[variance > 0]
    if len(positive) and positive.max() > 10 * positive.min():
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.25 * np.nanmax(variance))
    axes.set_title("variance of the cells")
    return True


def _moment(axes, rows, name, title):
    column = rows.scalar(name)
    if column is None:
        return False
    axes.plot(rows.level, column, color=style.BLUE, marker=marker(rows))
    if rows.is_gaussian:
        axes.axhline(0, label="exact", **DASHED)
    else:
        axes.axhline(0, color=style.INK, linewidth=1)
    largest = np.nanmax(np.abs(column))
    if rows.is_gaussian or np.nanmin(column) < -0.2 * largest:
        axes.set_ylim(-1.3 * max(largest, 1e-3), 1.3 * max(largest, 1e-3))
    axes.set_title(title)
    return True


def _skewness(axes, rows):
    return _moment(axes, rows, "skewness", "skewness")


def _kurtosis(axes, rows):
    return _moment(axes, rows, "kurtosis", "excess kurtosis")


def _chi_squared(axes, rows):
    power = rows.power()
    if power is None:
        return False
    found = [power.chi_squared(i) for i in range(len(rows.level))]
    ratio, error = (np.array([f[part] / f[1] if f[1] else math.nan for f in found]) for part in (0, 2))
    if not np.isfinite(ratio).any():
        return False
    x, low = stretch(rows.level, 1 - 2 * error)
    axes.fill_between(x, low, stretch(rows.level, 1 + 2 * error)[1], color=style.GRID, linewidth=0)
    axes.plot(*stretch(rows.level, np.where(np.isfinite(ratio), 1, np.nan)), **DASHED)
    axes.plot(rows.level, ratio, color=style.BLUE, marker=marker(rows))
    high = max(np.nanmax(ratio), 1 + 2.5 * np.nanmax(error))
    if high > 20:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.15 * high)
    axes.set_title(r"power spectrum: $\chi^2$ per shell" + ("" if rows.is_gaussian else " (band: Gaussian)"))
    return True


PANELS = (_variance, _skewness, _kurtosis, _chi_squared, acceptance, noise_drift, speed, wall_time)


def draw(rows):
    """Returns the figure; raises Missing where the series has nothing to draw."""
    return lay_out(rows, PANELS, (_variance, _chi_squared))
