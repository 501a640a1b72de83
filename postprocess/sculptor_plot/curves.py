"""Curves over the levels, out of series.h5: what pictures of populations and of fields share."""

import math

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from . import style
from .files import Missing


class Rows:
    """The series' rows: level numbers, sigma, and columns as floats."""

    def __init__(self, run):
        self.series = run.series
        self.sigma = np.asarray(self.series["sigma"], dtype=float)
        numbers = self.series.get("level")
        self.level = np.arange(1, len(self.sigma) + 1) if numbers is None else np.asarray(numbers, dtype=float)
        self.denoised = (run.parameters.get("sampler.denoise") == "true") & (self.sigma == 0)  # of each level

    def get(self, name):
        """A column as floats where it has any number, else None."""
        column = self.series.get(name)
        if column is None or column.size == 0 or column.ndim == 0:
            return None
        column = column.astype(float)
        return column if len(column) == len(self.sigma) and np.isfinite(column).any() else None


# ---- panels: each returns whether it had something to draw ----

def noise_drift(axes, rows):
    ratio = rows.get("noise_drift_ratio")
    if ratio is None:
        return False
    axes.plot(rows.level, ratio, color=style.BLUE, marker=marker(rows))
    axes.axhline(1, color=style.INK, linewidth=1)
    low, high = min(np.nanmin(ratio), 0.5), max(np.nanmax(ratio), 2)
    axes.set_yscale("log")
    axes.set_ylim(low / 1.8, high * 1.8)
    _plain_log(axes)
    box = {"transform": axes.get_yaxis_transform(), "fontsize": 8.5, "color": style.MUTED, "ha": "right"}
    axes.text(0.98, 1.06, "noise wins", va="bottom", **box)
    axes.text(0.98, 0.93, "drift wins", va="top", **box)
    axes.set_title(r"noise / drift: $(2d/\epsilon)\,/\,\langle|s|^2\rangle$")
    return True


def acceptance(axes, rows):
    share = rows.get("acceptance")
    if share is None:
        return False
    axes.plot(rows.level, share, color=style.BLUE, marker=marker(rows))
    axes.set_ylim(0, 1)
    axes.set_title("acceptance")
    return True


def speed(axes, rows):
    evaluations, seconds = rows.get("evaluations"), rows.get("wall_seconds")
    if evaluations is None or seconds is None or not (evaluations[seconds > 0] > 0).any():
        return False
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(seconds > 0, evaluations / seconds, np.nan)
    axes.plot(rows.level, rate, color=style.BLUE, marker=marker(rows))
    axes.set_ylim(0, 1.2 * np.nanmax(rate))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _engineering(y)))
    axes.set_title("score evaluations per second")
    return True


def wall_time(axes, rows):
    seconds = rows.get("wall_seconds")
    if seconds is None:
        return False
    axes.bar(rows.level, seconds, width=0.8, color=style.SKY)
    axes.set_title(f"wall time: {style.duration(np.nansum(seconds))}")
    axes.set_ylabel("seconds a level")
    return True


# ---- the page ----

def marker(rows):
    return "o" if len(rows.level) == 1 else ("." if len(rows.level) <= 40 else None)


def stretch(x, y):
    """A curve of one point becomes a short line."""
    return (x, y) if len(x) > 1 else (x[0] + np.array([-0.3, 0.3]), np.repeat(y, 2))


def _plain_log(axes):
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: ""))


def _engineering(value):
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def _sigma_above(axes, rows):
    """Sigma, above the level numbers of some of the levels."""
    if len(rows.level) < 2:
        return
    chosen = np.unique(np.linspace(0, len(rows.level) - 1, 5).round().astype(int))
    names = [style.number(rows.sigma[i], 2) for i in chosen]
    above = axes.secondary_xaxis("top")
    above.set_xticks(rows.level[chosen], [rf"$\sigma$ = {names[0]}", *names[1:]])
    above.tick_params(length=2, pad=1, labelsize=8)
    above.spines["top"].set_visible(False)


def _plan(panels, wide):
    """Rows, columns and how many cells each panel takes."""
    n_columns = min(len(panels), 3) if len(panels) != 4 else 2
    n_rows = math.ceil(len(panels) / n_columns)
    spare, spans = n_rows * n_columns - len(panels), []
    for panel in panels:
        spans.append(2 if panel in wide and spare > 0 else 1)
        spare -= spans[-1] - 1
    return n_rows, n_columns, spans


def lay_out(rows, panels, wide=()):
    """A figure of those panels that have something to draw, those in `wide` taking a second cell where there is one
    to spare; raises Missing where none has."""
    # Which panels there are is known only by drawing them: once on a sheet that is thrown away.
    sheet = style.new_figure(4, 3)
    panels = [panel for panel in panels if panel(sheet.add_subplot(), rows)] if len(rows.level) else []
    if not panels:
        raise Missing("no finished level with numbers")
    n_rows, n_columns, spans = _plan(panels, wide)
    figure = style.new_figure(3.7 * n_columns, 2.75 * n_rows)
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
    grid = figure.add_gridspec(n_rows, n_columns)
    cell = 0
    for panel, span in zip(panels, spans):
        axes = figure.add_subplot(grid[cell // n_columns, cell % n_columns:cell % n_columns + span])
        panel(axes, rows)
        axes.grid(axis="y")
        axes.set_xlim(rows.level[0] - 0.6, rows.level[-1] + 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True, min_n_ticks=1))
        if cell < n_columns:
            _sigma_above(axes, rows)
        if cell + span > (n_rows - 1) * n_columns:
            axes.set_xlabel("level")
        cell += span
    return figure
