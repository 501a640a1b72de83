"""Forward and reverse side by side: data become noise in the upper row, noise becomes data in the lower one; a column
is a noise level, and its two panels share their frame."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from . import style
from .filmstrip import DECADES, FEW, MASSES, draw_panel, round_ticks, windows
from .pairs import row_names, titles
from .sampler_name import evaluations_text, sampler_name

LEFT, RIGHT, GAP_X, GAP_Y, TOP, BOTTOM = 0.74, 0.15, 0.44, 0.78, 0.62, 0.98  # inches
PANELS = {1: 2.6, 2: 2.6, 3: 2.3, 4: 2.0}                                    # width of a panel by columns, else 1.72


def arrow(figure, left, right, y, text, by, to_noise):
    """A row's heading: what happens in it and by what, and an arrow over the rest of its width. In shares of the
    figure."""
    begin = left
    for part, how in ((text, {"fontweight": "bold", "fontsize": 11}), (by, {"color": style.MUTED})):
        label = figure.text(begin, y, part, va="center", **how)
        begin = label.get_window_extent(figure.canvas.get_renderer()).x1 / figure.bbox.width + 0.012
    if begin < right - 0.03:
        ends = ((right, y), (begin, y)) if to_noise else ((begin, y), (right, y))
        figure.add_artist(_arrow(*ends))


def _arrow(tip, tail):
    return FancyArrowPatch(tail, tip, arrowstyle="-|>", mutation_scale=11, color=style.MUTED, linewidth=1.1,
                           shrinkA=0, shrinkB=0)


def headings(forward, reverse, last):
    """(text, by what, to_noise) of both rows."""
    process = forward.parameters.get("process.type") or reverse.parameters.get("process.type")
    return row_names(forward, f"{sampler_name(reverse)}, {evaluations_text(reverse, last)}", process)


def draw(forward, reverse, pairs, pair, max_points):
    """`pairs` of levels, from data to noise; `pair`: the coordinates. Returns the figure."""
    populations = [[level.finite_state(pair, max_points) for level in levels] for levels in zip(*pairs)]
    centre, half = windows([np.concatenate(both) for both in zip(*populations)], populations[0][0])
    figure, axes, panel = _grid(len(pairs))
    dense = False
    has_law = False
    for row, (run, levels, points) in enumerate(zip((forward, reverse), zip(*pairs), populations)):
        for i, (level, x, ax) in enumerate(zip(levels, points, axes[row])):
            window = [(c - h, c + h) for c, h in zip(centre, half[i])]
            law = _law(forward, reverse, level, run, pair)
            has_law = has_law or law is not None
            dense = draw_panel(ax, x, window, law, pair) or dense
            ax.set_xlim(*window[0])
            _label(ax, titles(run, level), centre, half, i, row)
    _annotate(figure, axes, pair, headings(forward, reverse, pairs[0][1]), dense, has_law)
    return figure


def _law(forward, reverse, level, run, pair):
    """The exact law of a level. A forward run noises data, and knows the target only if it is told: the reverse run's
    holds for it where the data are draws of it."""
    if run is not forward:
        return run.target_at(level, pair)
    target = forward.target or reverse.target
    if target is None or target.n_dim != level.n_dim or not target.has_density(level.sigma, pair):
        return None
    return target.noised(level.sigma, run.scale_of(level))


def _label(axes, title, centre, half, i, row):
    same = i > 0 and np.allclose(half[i], half[i - 1])
    round_ticks(axes.xaxis, centre[0], half[i][0])
    round_ticks(axes.yaxis, centre[1], half[i][1])
    if row == 0:
        axes.set_xticklabels([])
    if same:
        axes.set_yticklabels([])
    axes.tick_params(length=2.5, pad=2)
    axes.set_title(title[0], loc="left", pad=4)
    if title[1]:
        axes.text(1, 1.025, title[1], transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5,
                  color=style.MUTED)


def _grid(n):
    """(figure, two rows of n axes, width of a panel)."""
    panel = PANELS.get(n, 1.72)
    inner = n * (panel + GAP_X) - GAP_X
    width = max(LEFT + inner + RIGHT, 7.2)
    height = TOP + 2 * panel + GAP_Y + BOTTOM
    left = LEFT + 0.5 * (width - LEFT - inner - RIGHT)
    figure = style.new_figure(width, height, layout=None)
    return figure, [[figure.add_axes(((left + i * (panel + GAP_X)) / width,
                                      (BOTTOM + (1 - row) * (panel + GAP_Y)) / height, panel / width, panel / height))
                     for i in range(n)] for row in range(2)], panel


def _annotate(figure, axes, pair, rows, dense, has_law):
    width, height = figure.get_size_inches()
    boxes = [[ax.get_position() for ax in row] for row in axes]
    left, right, bottom = boxes[1][0].x0, boxes[1][-1].x1, boxes[1][0].y0
    for row, heading in zip(boxes, rows):
        arrow(figure, left, right, row[0].y1 + 0.42 / height, *heading)
        figure.text(left - 0.58 / width, 0.5 * (row[0].y0 + row[0].y1), f"x[{pair[1]}]", ha="center", va="center",
                    rotation=90)
    figure.text(0.5 * (left + right), bottom - 0.36 / height, f"x[{pair[0]}]", ha="center", va="center")
    if has_law:
        percent = " and ".join(f"{100 * mass:.0f}%" for mass in sorted(MASSES))
        figure.legend(handles=[Line2D([], [], color=style.CONTOUR, linewidth=1.6,
                                      label=f"exact density: {percent} of it lie inside")], loc="center left",
                      bbox_to_anchor=(left, bottom - 0.7 / height), borderpad=0, borderaxespad=0, handlelength=1.8)
    if dense:
        bar = figure.add_axes((right - 1.7 / width, 0.24 / height, 1.7 / width, 0.11 / height))
        figure.colorbar(ScalarMappable(LogNorm(10.0**-DECADES, 1), style.DENSITY), cax=bar, orientation="horizontal",
                        ticks=[1e-3, 1e-2, 1e-1, 1])
        bar.minorticks_off()
        bar.set_xticklabels(["0.001", "0.01", "0.1", "1"])
        bar.tick_params(length=2, pad=1, labelsize=8)
        bar.text(-0.05, 0.5, "density / peak", transform=bar.transAxes, ha="right", va="center", fontsize=9)
