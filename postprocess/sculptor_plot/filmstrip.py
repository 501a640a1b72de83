"""The sculpting: the population at each level, from noise to data."""

import math

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from . import style

MASSES = (0.99, 0.68)         # of the highest-density regions drawn as contours
SPREAD = 0.995                # share of the particles a panel has to show
FEW = 10000                   # fewer particles are drawn as points
SPIKES = 50                   # a density in fewer cells is a set of spikes, drawn as dots
DECADES = 3                   # of density below the peak


def pick(levels, n):
    """n of the levels, evenly, the first and the last among them."""
    if len(levels) <= n:
        return list(levels)
    if n == 1:
        return [levels[-1]]
    return [levels[round(i * (len(levels) - 1) / (n - 1))] for i in range(n)]


def windows(populations, narrowest):
    """Centre (2) and half-widths (panel, 2): multiples 1, 2, 4, ... of what the narrowest population needs, so that
    neighbouring panels mostly share their axes and the zoom shows where they do not."""
    tail = 50 * (1 - SPREAD)
    low, high = (np.percentile(narrowest, q, axis=0) for q in (tail, 100 - tail))
    centre, last = 0.5 * (low + high), 0.5 * (high - low)
    if last.max() < 3 * last.min():
        last = np.full_like(last, last.max())  # the same unit on both axes
    last = 1.25 * np.maximum(last, max(1e-3 * last.max(), 1e-6 * max(1.0, np.abs(centre).max())))
    half = []
    for population in populations:
        needed = np.percentile(np.abs(population - centre) / last, 100 * SPREAD)
        half.append(last * 2.0 ** max(0, math.ceil(math.log2(max(needed, 1e-12)) - 0.1)))
    return centre, np.array(half)


def level_title(run, level):
    if level.index == 0:
        return "start"
    if run.is_denoised(level):
        return "denoised"
    if math.isnan(level.sigma):
        return f"level {level.index}"
    return rf"$\sigma$ = {style.number(level.sigma)}"


def round_ticks(axis, centre, half):
    """Three labelled ticks, at a round distance: enough to read the scale at any size."""
    raw = 0.7 * half
    unit = 10.0 ** math.floor(math.log10(raw))
    step = unit * max(m for m in (1, 2, 5) if m * unit <= raw * (1 + 1e-9))
    middle = step * round(centre / step)
    ticks = [t for t in (middle - step, middle, middle + step) if abs(t - centre) < 0.97 * half]
    axis.set_ticks(ticks)
    axis.set_ticklabels([f"{t:.6g}".replace("-", "\u2212") for t in ticks])


def _draw_density(axes, points, window):
    n_bins = int(np.clip(math.sqrt(len(points)) / 2.4, 64, 150))
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=n_bins, range=window)
    if np.count_nonzero(counts) < SPIKES:  # cells would be too small to be seen
        axes.plot(points[:1000, 0], points[:1000, 1], "o", color="white", markersize=4, markeredgewidth=0)
        return
    peak = max(np.partition(counts.ravel(), -3)[-3], 1)  # the third highest cell: a single one is noise
    axes.imshow(np.where(counts > 0, counts / peak, np.nan).T, origin="lower", extent=(*window[0], *window[1]),
                cmap=style.DENSITY, norm=LogNorm(10.0**-DECADES, 1), aspect="auto", interpolation="nearest",
                rasterized=True)


def _draw_points(axes, points):
    alpha = float(np.clip(1500 / len(points), 0.35, 0.9))
    axes.plot(points[:, 0], points[:, 1], ".", color=style.DENSITY(0.85), markersize=3, markeredgewidth=0,
              alpha=alpha, rasterized=True)


def draw_contours(axes, target, pair, window, masses=MASSES):
    x, y = (np.linspace(*side, 240) for side in window)
    axes.contour(x, y, target.pair_pdf(x, y, pair), levels=target.enclosing_levels(masses, pair),
                 colors=style.CONTOUR, linewidths=(0.8, 1.1)[:len(masses)])


def _draw_histogram(axes, points, window, target, coordinate):
    n_bins = int(np.clip(2 * len(points) ** (1 / 3), 24, 120))
    counts, edges = np.histogram(points, bins=n_bins, range=window)
    density = counts / (len(points) * (edges[1] - edges[0]))
    axes.stairs(density, edges, fill=True, color=style.SKY, alpha=0.75)
    if target is not None:
        x = np.linspace(*window, 400)
        axes.plot(x, target.pdf(x, coordinate), color=style.EXACT, linewidth=1.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


# ---- the page: inches, so that every panel is equally large and fonts stay as they are ----

PANEL, GAP_X, GAP_Y, LEFT, RIGHT, TOP, BOTTOM = 1.72, 0.44, 0.58, 0.74, 0.12, 0.36, 0.98
NARROW = 9  # below this width the colour bar stands under the legend, not beside it


def _grid(n, aspect, has_bar):
    """A figure with n panels, in rows of up to 5, and room for a legend and a colour bar: (figure, axes)."""
    n_rows = math.ceil(n / 5)
    n_columns = math.ceil(n / n_rows)
    panel = PANEL * max(1, min(5 / n_columns, 1.9 if n_rows == 1 else 1.3))
    width = max(LEFT + n_columns * panel + (n_columns - 1) * GAP_X + RIGHT, 6.2)
    height = TOP + n_rows * panel * aspect + (n_rows - 1) * GAP_Y + BOTTOM + (0.3 if has_bar and width < NARROW else 0)
    bottom = height - TOP - n_rows * panel * aspect - (n_rows - 1) * GAP_Y
    figure = style.new_figure(width, height, layout=None)
    left = LEFT + 0.5 * (width - (LEFT + n_columns * panel + (n_columns - 1) * GAP_X + RIGHT))
    boxes = [(left + (i % n_columns) * (panel + GAP_X),
              bottom + (n_rows - 1 - i // n_columns) * (panel * aspect + GAP_Y)) for i in range(n)]
    return figure, [figure.add_axes((x / width, y / height, panel / width, panel * aspect / height)) for x, y in boxes]


def draw(run, levels, coordinates, max_points):
    """`levels` to be drawn, in order; `coordinates`: one or two of them. Returns the figure."""
    coordinates = list(coordinates)
    flat = len(coordinates) == 1
    populations = [level.finite_state(coordinates, max_points) for level in levels]
    # A denoised population keeps the frame it was denoised in.
    last_noised = -2 if len(levels) > 1 and levels[-2].index > 0 and run.is_denoised(levels[-1]) else -1
    centre, half = windows(populations, populations[last_noised])
    figure, panels = _grid(len(levels), 0.8 if flat else 1, not flat and len(populations[0]) >= FEW)
    drawn = Drawn()
    for i, (level, points, axes) in enumerate(zip(levels, populations, panels)):
        window = [(c - h, c + h) for c, h in zip(centre, half[i])]
        target = run.target_at(level, coordinates)
        drawn.contours = drawn.contours or target is not None
        if flat:
            _draw_histogram(axes, points[:, 0], window[0], target, coordinates[0])
        else:
            drawn.density = draw_panel(axes, points, window, target, coordinates) or drawn.density
            round_ticks(axes.yaxis, centre[1], half[i][1])
        axes.set_xlim(*window[0])
        round_ticks(axes.xaxis, centre[0], half[i][0])
        axes.tick_params(length=2.5, pad=2)
        axes.set_title(level_title(run, level), pad=4)
        if i + 1 < len(levels) and half[i + 1][0] < half[i][0]:
            drawn.zoom = True
            _mark_zoom(axes, centre, half[i + 1], flat)
    _annotate(figure, panels, coordinates, drawn)
    return figure


class Drawn:
    """What the legend has to explain."""

    contours = density = zoom = False


def draw_panel(axes, points, window, target, pair):
    """Points or their density, and the exact contours; returns whether it is a density."""
    dense = len(points) >= FEW
    axes.set_facecolor(style.DENSITY(0.0))
    if dense:
        _draw_density(axes, points, window)
    else:
        _draw_points(axes, points)
    if target is not None:
        draw_contours(axes, target, pair, window)
    axes.set_ylim(*window[1])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return dense


def _mark_zoom(axes, centre, half, flat):
    dashes = {"linewidth": 0.9, "linestyle": (0, (3, 2))}
    if flat:
        for x in (centre[0] - half[0], centre[0] + half[0]):
            axes.axvline(x, color=style.MUTED, **dashes)
    else:
        axes.add_patch(Rectangle(centre - half, *(2 * half), fill=False, edgecolor="white", alpha=0.9, **dashes))


def _annotate(figure, panels, coordinates, drawn):
    """Axis names, and below the panels what lines and colours mean."""
    width, height = figure.get_size_inches()
    boxes = [axes.get_position() for axes in panels]
    left, right = min(box.x0 for box in boxes), max(box.x1 for box in boxes)
    bottom, top = min(box.y0 for box in boxes), max(box.y1 for box in boxes)
    flat = len(coordinates) == 1
    figure.text(0.5 * (left + right), bottom - 0.36 / height, f"x[{coordinates[0]}]", ha="center", va="center")
    if not flat:
        figure.text(left - 0.58 / width, 0.5 * (bottom + top), f"x[{coordinates[1]}]", ha="center", va="center",
                    rotation=90)

    handles = []
    if drawn.contours:
        name = "exact density" if flat else "exact density: 68% and 99% of it lie inside"
        handles.append(Line2D([], [], color=style.EXACT if flat else style.CONTOUR, linewidth=1.6, label=name))
    if drawn.zoom:
        handles.append(Line2D([], [], color=style.MUTED, linewidth=1.2, linestyle=(0, (3, 2)),
                              label="frame of the next panel"))
    if handles:
        centred = width < NARROW or not drawn.density
        where = (0.5 * (left + right) if centred else left, bottom - 0.72 / height)
        figure.legend(handles=handles, loc="center" if centred else "center left", bbox_to_anchor=where, ncol=2,
                      handlelength=1.8, columnspacing=1.6, borderpad=0, borderaxespad=0)
    if drawn.density:
        x = 0.5 * (left + right) - 0.4 / width if width < NARROW else right - 1.7 / width
        bar = figure.add_axes((x, 0.24 / height, 1.7 / width, 0.11 / height))
        colours = ScalarMappable(LogNorm(10.0**-DECADES, 1), style.DENSITY)
        figure.colorbar(colours, cax=bar, orientation="horizontal", ticks=[1e-3, 1e-2, 1e-1, 1])
        bar.minorticks_off()
        bar.set_xticklabels(["0.001", "0.01", "0.1", "1"])
        bar.tick_params(length=2, pad=1, labelsize=8)
        bar.text(-0.05, 0.5, "density / peak", transform=bar.transAxes, ha="right", va="center", fontsize=9)
