"""Paths between latents and what a deterministic sampler makes of them: points of the plane coloured along each path,
at the noise where the paths were laid and in the data. Random fields: one path a row, as maps from end to end."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.lines import Line2D

from . import style
from .arguments import BAD_USE, Problem
from .filmstrip import pick, round_ticks
from .pairs import titles
from .sampler_name import evaluations_text, sampler_name

# From a to b: dark to light with lightness rising evenly, without the yellow that white paper swallows.
ALONG = LinearSegmentedColormap.from_list("sculptor along", ["#2b0a57", "#6b1d81", "#b3367a", "#ea5f5e", "#f8a07e"])
SHOWN = 12           # paths at most
ROWS, COLUMNS = 4, 7  # of maps at most
PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM = 3.6, 0.75, 0.74, 0.2, 0.66, 1.05  # inches


def points_of(run):
    """Particles of each path; raises Problem where the run did not begin with paths."""
    parameters = run.parameters
    points = parameters.get("population.initial.points", "")
    if parameters.get("population.initial.type") != "interpolation" or not points.isdigit() or int(points) < 2:
        raise Problem(f"{run.directory}: did not begin with paths between latents, population.initial: "
                      "{type: interpolation, path: ..., points: ...}", BAD_USE)
    return int(points)


def _heading(run, n_paths, points):
    method = run.parameters.get("population.initial.method", "").replace("_", " ")
    kind = f"{method} " if method else ""
    paths = f"{n_paths} {kind}path{'s' if n_paths > 1 else ''}"
    return f"{paths} of {points} latents, {sampler_name(run)}, {evaluations_text(run, run.levels[-1])}"


# ---- particles ----

def _paths(level, points, pair):
    """(path, point, 2), the first SHOWN of them."""
    state = level.state(pair)
    n = min(len(state) // points, SHOWN)
    return state[:n * points].reshape(n, points, 2)


def draw(run, points, pair):
    """Returns the figure."""
    levels = (run.levels[0], run.levels[-1])
    paths = [_paths(level, points, pair) for level in levels]
    width, height = LEFT + 2 * PANEL + GAP + RIGHT, TOP + PANEL + BOTTOM
    figure = style.new_figure(width, height, layout=None)
    for i, (level, lines, name) in enumerate(zip(levels, paths, ("latents", "samples"))):
        axes = figure.add_axes(((LEFT + i * (PANEL + GAP)) / width, BOTTOM / height, PANEL / width, PANEL / height))
        target = run.target_at(level, pair) if level.index > 0 else None
        centre, half = _frame(lines, target, pair)
        _draw_law(axes, target, pair, centre, half)
        _draw_paths(axes, lines)
        axes.set_xlim(centre[0] - half, centre[0] + half)
        axes.set_ylim(centre[1] - half, centre[1] + half)
        round_ticks(axes.xaxis, centre[0], half)
        round_ticks(axes.yaxis, centre[1], half)
        axes.tick_params(length=2.5, pad=2)
        axes.set_xlabel(f"x[{pair[0]}]", labelpad=2)
        if i == 0:
            axes.set_ylabel(f"x[{pair[1]}]", labelpad=2)
        sigma = titles(run, level)[0]
        axes.set_title(name if sigma == "data" else rf"{name}, {sigma}", loc="left", pad=4)
    _annotate(figure, _heading(run, len(paths[0]), points), run.target is not None)
    return figure


def _frame(lines, target, pair):
    """A square with all paths, and of the exact law what is near to it."""
    values = lines.reshape(-1, 2)
    if target is not None:
        values = np.concatenate([values, np.percentile(target.draw(4000, 0, pair, np.random.default_rng(1)), (1, 99),
                                                       axis=0)])
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    return 0.5 * (low + high), 0.58 * max((high - low).max(), 1e-9)


def _draw_law(axes, target, pair, centre, half):
    """Grey where the exact density is: what holds 99, 90, 68 and 38% of it."""
    if target is None:
        return
    x, y = (np.linspace(c - half, c + half, 240) for c in centre)
    levels = target.enclosing_levels((0.99, 0.9, 0.68, 0.38), pair)
    density = target.pair_pdf(x, y, pair)
    axes.contourf(x, y, density, levels=[*levels, np.inf], colors=("#f1f3f5", "#e4e7eb", "#d5dae0", "#c4cbd3"))


def _draw_paths(axes, lines):
    along = np.linspace(0, 1, lines.shape[1])
    for line in lines:
        segments = np.stack([line[:-1], line[1:]], axis=1)
        axes.add_collection(LineCollection(segments, cmap=ALONG, norm=Normalize(0, 1), linewidths=1.3,
                                           array=0.5 * (along[1:] + along[:-1])))
        if lines.shape[1] <= 60:
            axes.scatter(*line.T, c=along, cmap=ALONG, vmin=0, vmax=1, s=9, linewidths=0, zorder=3)
        axes.scatter(*line[[0, -1]].T, c=[0, 1], cmap=ALONG, vmin=0, vmax=1, s=42, edgecolors=style.INK,
                     linewidths=0.9, zorder=4)


def _annotate(figure, heading, has_law):
    width, height = figure.get_size_inches()
    figure.text(LEFT / width, 1 - 0.19 / height, heading, fontsize=12, va="center")
    bar = figure.add_axes(((width - RIGHT - 1.7) / width, 0.24 / height, 1.7 / width, 0.11 / height))
    figure.colorbar(ScalarMappable(Normalize(0, 1), ALONG), cax=bar, orientation="horizontal", ticks=[0, 1])
    bar.set_xticklabels(["a", "b"])
    bar.tick_params(length=2, pad=1, labelsize=9)
    bar.text(-0.05, 0.5, "along the path", transform=bar.transAxes, ha="right", va="center", fontsize=9)
    handles = [Line2D([], [], linestyle="", marker="o", markersize=6.5, markerfacecolor="white",
                      markeredgecolor=style.INK, label="ends of a path")]
    if has_law:
        handles.append(Line2D([], [], linewidth=7, color="#d5dae0", label="exact: 99, 90, 68, 38% of it inside"))
    figure.legend(handles=handles, loc="center left", bbox_to_anchor=(LEFT / width, 0.295 / height), ncol=2,
                  handlelength=1.4, columnspacing=1.6, borderpad=0, borderaxespad=0)


# ---- random fields ----

def draw_fields(run, points, thickness):
    """Returns the figure: the last level's maps, a path a row. All share one scale: they are to be compared."""
    from .fields.filmstrip import REACH
    from .fields.maps import Sheet, rms, where

    level = run.levels[-1]
    n_paths = min(level.n_particles // points, ROWS)
    columns = pick(range(points), COLUMNS)
    maps = [[level.map(path * points + i, thickness) for i in columns] for path in range(n_paths)]
    spread = float(np.sqrt(np.mean([rms(values)**2 for row in maps for values in row]))) or 1.0
    sheet = Sheet(n_paths * len(columns), len(columns), level.box, 1.7)
    for row, values in enumerate(maps):
        for i, (column, one) in enumerate(zip(columns, values)):
            end = {0: "a", points - 1: "b"}.get(column, f"{100 * column / (points - 1):.0f}% to b")
            sheet.show(row * len(columns) + i, one / spread, style.CONTRAST, Normalize(-REACH, REACH), end,
                       f"rms {style.number(rms(one), 2)}")
    sheet.bars([(style.CONTRAST, Normalize(-REACH, REACH), rf"$\delta$ / {style.number(spread, 2)}", [-3, 0, 3],
                 ["\u22123", "0", "3"])])
    line = where(level.box, thickness)
    sheet.say(_heading(run, n_paths, points) + (f"; {line}" if line else ""))
    return sheet.figure
