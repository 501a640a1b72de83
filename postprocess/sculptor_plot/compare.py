"""One target by several samplers: their last populations side by side, in one frame and one colour scale."""

import math

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D

from . import style
from .distance import sliced_distance
from .filmstrip import FEW, draw_contours, round_ticks
from .sampler_name import evaluations_per_particle, evaluations_text, sampler_name

PANEL, GAP_X, GAP_Y, LEFT, RIGHT, TOP, BOTTOM = 2.5, 0.2, 0.62, 0.74, 0.15, 0.95, 0.98  # inches
DECADES = 2.5    # of density below the exact peak
INSIDE = 0.95    # share of the exact law inside the contour
SHOWN = 0.999    # share of the exact law inside the frame


class Shown:
    """A panel's population, in the variables x/scale, which all processes share."""

    def __init__(self, name, cost, points, law):
        self.name, self.cost, self.points, self.law = name, cost, points, law


def _shown(run, pair, max_points):
    level = run.levels[-1]
    scale = run.scale_of(level)
    law = run.target_at(level, pair)
    return Shown(sampler_name(run), evaluations_text(run, level), level.finite_state(pair, max_points) / scale,
                 None if law is None else law.noised(0, 1 / scale))


def _exact(shown, pair):
    """Exact draws, as many as the runs have particles, or None."""
    law = shown[-1].law
    if law is None:
        return None
    points = law.draw(len(shown[-1].points), 0, pair, np.random.default_rng(1))
    return Shown("exact draws", "0 NFE", points, law)


def _frame(shown):
    """One square frame for all: what the last panel, the exact draws where there are any, needs."""
    tail = 50 * (1 - SHOWN)
    low, high = (np.percentile(shown[-1].points, q, axis=0) for q in (tail, 100 - tail))
    centre, half = 0.5 * (low + high), 0.5 * (high - low)
    return centre, np.full(2, 1.12 * max(half.max(), 1e-6))


def _densities(shown, window):
    """Histograms on one mesh, in units of the exact peak (of the highest cell where it is not known)."""
    n = min(len(panel.points) for panel in shown)
    bins = int(np.clip(math.sqrt(n) / 1.5, 40, 130))
    area = np.prod([(high - low) / bins for low, high in window])
    found = [np.histogram2d(*panel.points.T, bins=bins, range=window)[0] / (len(panel.points) * area)
             for panel in shown]
    peak = max(np.partition(density.ravel(), -3)[-3] for density in (found[-1:] if shown[-1].law else found))
    return [density / (peak or 1) for density in found]


def heading(runs):
    """What is seen, in one line."""
    known = [evaluations_per_particle(run, run.levels[-1]) for run in runs]
    least = min((cost[1] for cost in known if cost), default=None)
    most = max((cost[2] for cost in known if cost), default=None)
    line = f"One target by {len(runs)} samplers" if len(runs) > 1 else "A sampler"
    if None in known:
        return line
    if least == most:
        return f"{line}, each at {least:.0f} score evaluations a particle"
    return f"{line}, at {least:.0f} to {most:.0f} score evaluations a particle"


def draw(runs, pair, max_points):
    """Returns the figure."""
    shown = [_shown(run, pair, max_points) for run in runs]
    exact = _exact(shown, pair)
    panels = shown + ([exact] if exact else [])
    centre, half = _frame(panels)
    window = [(c - h, c + h) for c, h in zip(centre, half)]
    dense = min(len(panel.points) for panel in panels) >= FEW
    densities = _densities(panels, window) if dense else [None] * len(panels)
    figure, axes = _grid(len(panels))
    norm = LogNorm(10.0**-DECADES, 1, clip=True)
    for i, (panel, density, ax) in enumerate(zip(panels, densities, axes)):
        ax.set_facecolor(style.DENSITY(0.0))
        if dense:
            ax.imshow(np.where(density > 0, density, np.nan).T, origin="lower", extent=(*window[0], *window[1]),
                      cmap=style.DENSITY, norm=norm, aspect="auto", interpolation="nearest", rasterized=True)
        else:
            ax.plot(*panel.points.T, ".", color=style.DENSITY(0.85), markersize=2.5, markeredgewidth=0,
                    alpha=float(np.clip(1500 / len(panel.points), 0.35, 0.9)), rasterized=True)
        if panel.law is not None:
            draw_contours(ax, panel.law, pair, window, (INSIDE,))
        _label(ax, panel, pair, i, len(panels), centre, half)
    _annotate(figure, axes, runs, pair, norm if dense else None, exact is not None)
    return figure


def _label(axes, panel, pair, i, n, centre, half):
    columns = n_columns(n)
    axes.set_xlim(centre[0] - half[0], centre[0] + half[0])
    axes.set_ylim(centre[1] - half[1], centre[1] + half[1])
    for axis, c, h, labelled in ((axes.xaxis, centre[0], half[0], i + columns >= n),
                                 (axes.yaxis, centre[1], half[1], i % columns == 0)):
        round_ticks(axis, c, h)
        if not labelled:
            axis.set_ticklabels([])
    axes.tick_params(length=2.5, pad=2)
    for spine in axes.spines.values():
        spine.set_visible(False)
    under = panel.cost
    if panel.law is not None:
        found, expected = sliced_distance(panel.points, panel.law, pair)
        under += f"  \u00b7  distance {style.number(found, 2)}"
        if panel.name == "exact draws":
            under = f"distance {style.number(found, 2)}, expected {style.number(expected, 2)}"
    title = axes.set_title(panel.name, loc="left", pad=17, fontsize=10.5)
    share = title.get_window_extent(axes.figure.canvas.get_renderer()).width / axes.bbox.width
    title.set_fontsize(10.5 / max(1.0, share))
    axes.text(0, 1.02, under, transform=axes.transAxes, fontsize=8.5, color=style.MUTED, va="bottom")


def n_columns(n):
    return n if n <= 4 else math.ceil(n / math.ceil(n / 5))


def _grid(n):
    columns = n_columns(n)
    rows = math.ceil(n / columns)
    inner = columns * (PANEL + GAP_X) - GAP_X
    width = max(LEFT + inner + RIGHT, 7.2)
    height = TOP + rows * (PANEL + GAP_Y) - GAP_Y + BOTTOM
    left = LEFT + 0.5 * (width - LEFT - inner - RIGHT)
    figure = style.new_figure(width, height, layout=None)
    boxes = [(left + (i % columns) * (PANEL + GAP_X), BOTTOM + (rows - 1 - i // columns) * (PANEL + GAP_Y))
             for i in range(n)]
    return figure, [figure.add_axes((x / width, y / height, PANEL / width, PANEL / height)) for x, y in boxes]


def _annotate(figure, axes, runs, pair, norm, is_exact):
    """The heading, axis names, and below the panels what lines, colours and the distance mean."""
    width, height = figure.get_size_inches()
    boxes = [ax.get_position() for ax in axes]
    left, right = min(box.x0 for box in boxes), max(box.x1 for box in boxes)
    bottom, top = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    figure.text(left, 1 - 0.2 / height, heading(runs), fontsize=13, va="center")
    figure.text(0.5 * (left + right), bottom - 0.34 / height, f"x[{pair[0]}]", ha="center", va="center")
    figure.text(left - 0.58 / width, 0.5 * (bottom + top), f"x[{pair[1]}]", ha="center", va="center", rotation=90)
    if is_exact:
        figure.legend(handles=[Line2D([], [], color=style.CONTOUR, linewidth=1.6,
                                      label=f"exact: {100 * INSIDE:.0f}% of the law inside")], loc="center left",
                      bbox_to_anchor=(left, bottom - 0.58 / height), borderpad=0, borderaxespad=0, handlelength=1.8)
        figure.text(left, bottom - 0.82 / height, "distance: sliced Wasserstein-1 from the exact law", fontsize=8.5,
                    color=style.MUTED, va="center")
    if norm is not None:
        bar = figure.add_axes((right - 1.7 / width, 0.32 / height, 1.7 / width, 0.11 / height))
        figure.colorbar(ScalarMappable(norm, style.DENSITY), cax=bar, orientation="horizontal", ticks=[1e-2, 1e-1, 1])
        bar.minorticks_off()
        bar.set_xticklabels(["0.01", "0.1", "1"])
        bar.tick_params(length=2, pad=1, labelsize=8)
        bar.text(-0.05, 0.5, "density / exact peak" if is_exact else "density / peak", transform=bar.transAxes,
                 ha="right", va="center", fontsize=9)
