"""The last level, coordinate by coordinate, against the exact noised marginal."""

import math

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from . import style

SHOWN = 6              # coordinates, the first ones
EXPECTED_AT_LEAST = 10  # particles in a bin whose residual is drawn


def last_levels(run):
    """The last population at a noise level, and the denoised one after it or None."""
    last = run.levels[-1]
    if run.is_denoised(last) and len(run.levels) > 1 and run.levels[-2].index > 0:
        return run.levels[-2], last
    return last, None


def _edges(values, also=None):
    """Bins that follow Scott's n^(1/3) rule over all but the farthest thousandth on each side."""
    low, high = np.percentile(values, (0.1, 99.9))
    if also is not None:
        low, high = min(low, np.percentile(also, 0.1)), max(high, np.percentile(also, 99.9))
    pad = 0.04 * (high - low) or 0.5 * max(abs(low), 1e-12)
    n_bins = int(np.clip(1.6 * len(values) ** (1 / 3), 20, 90))
    return np.linspace(low - pad, high + pad, n_bins + 1)


def residuals(counts, probability, n):
    """(counts - n p)/sqrt(n p (1 - p)): standard errors of independent particles; NaN in bins that expect
    fewer than EXPECTED_AT_LEAST. Counts beyond the edges belong to no bin."""
    expected = n * probability
    enough = expected >= EXPECTED_AT_LEAST
    error = np.sqrt(np.where(enough, expected * (1 - probability), 1))
    return np.where(enough, (counts - expected) / error, np.nan)


def chi_squared(counts, probability, n):
    """Pearson's statistic over the bins that expect enough, the others and both tails gathered in one, and
    its degrees of freedom."""
    expected = n * probability
    enough = expected >= EXPECTED_AT_LEAST
    seen, wanted = list(counts[enough]), list(expected[enough])
    rest = n - sum(wanted)
    if rest >= EXPECTED_AT_LEAST:
        seen.append(n - sum(seen))
        wanted.append(rest)
    if len(seen) < 2:
        return math.nan, 0
    return float(sum((s - w) ** 2 / w for s, w in zip(seen, wanted))), len(seen) - 1


def draw(run, max_points):
    """Returns the figure."""
    level, denoised = last_levels(run)
    coordinates = range(min(level.n_dim, SHOWN))
    points = level.finite_state(coordinates, max_points)
    clean = denoised.finite_state(coordinates, max_points) if denoised else None
    n_columns = min(len(coordinates), 3)
    n_rows = math.ceil(len(coordinates) / n_columns)
    figure = style.new_figure(max(3.5 * n_columns, 6.4), 3.2 * n_rows + 0.7)
    outer = figure.add_gridspec(n_rows, n_columns)
    for c in coordinates:
        cell = outer[c // n_columns, c % n_columns]
        target = run.target_at(level, [c])
        if target is None:
            upper, lower = figure.add_subplot(cell), None
        else:
            upper, lower = cell.subgridspec(2, 1, height_ratios=(3, 1), hspace=0.04).subplots(sharex=True)
        _draw_one(upper, lower, points[:, c], None if clean is None else clean[:, c], target, c)
        (lower or upper).set_xlabel(f"x[{c}]")
        if c % n_columns == 0:
            upper.set_ylabel("density")
            if lower:
                lower.set_ylabel("residual")
    _legend(figure, level, len(points), clean is not None, run.target_at(level, [0]) is not None)
    return figure


def _draw_one(upper, lower, values, clean, target, coordinate):
    edges = _edges(values, clean)
    width = edges[1] - edges[0]
    counts, _ = np.histogram(values, edges)
    density = counts / (len(values) * width)
    upper.stairs(density, edges, fill=True, color=style.SKY, alpha=0.7)
    if clean is not None:
        upper.stairs(np.histogram(clean, edges)[0] / (len(clean) * width), edges, color=style.MUTED, linewidth=1.1)
    upper.set_ylim(0, 1.25 * density.max())  # a denoised spike may leave the frame
    upper.locator_params(axis="y", nbins=4)
    upper.locator_params(axis="x", nbins=6, steps=(1, 2, 5, 10))
    upper.margins(x=0)
    if target is None:
        return
    x = np.linspace(edges[0], edges[-1], 800)
    upper.plot(x, target.pdf(x, coordinate), color=style.EXACT)
    upper.tick_params(axis="x", labelbottom=False)
    probability = target.probability(edges, coordinate)
    statistic, freedom = chi_squared(counts, probability, len(values))
    if freedom:
        upper.set_title(rf"$\chi^2$ = {statistic:.4g} in {freedom} degrees of freedom", fontsize=9.5)
    _draw_residuals(lower, edges, residuals(counts, probability, len(values)))


def _draw_residuals(axes, edges, residual):
    known = np.isfinite(residual)
    middle, residual = 0.5 * (edges[1:] + edges[:-1])[known], residual[known]
    axes.axhspan(-2, 2, color=style.GRID, linewidth=0)
    axes.axhline(0, color=style.EXACT, linewidth=1.1)
    axes.vlines(middle, 0, residual, color=style.BLUE, linewidth=1)
    axes.plot(middle, residual, ".", color=style.BLUE, markersize=4)
    limit = max(4.0, 1.15 * np.max(np.abs(residual), initial=0))
    axes.set_ylim(-limit, limit)
    tick = 2 if limit < 6 else float(f"{0.7 * limit:.1g}")
    axes.set_yticks([-tick, 0, tick])
    axes.set_xlim(edges[0], edges[-1])


def _legend(figure, level, n, has_clean, has_target):
    sigma = "" if math.isnan(level.sigma) else rf" at $\sigma$ = {style.number(level.sigma)}"
    handles = [Patch(color=style.SKY, alpha=0.7, label=f"{style.number(n)} particles{sigma}")]
    if has_target:
        handles.append(Line2D([], [], color=style.EXACT, label="exact"))
    if has_clean:
        handles.append(Line2D([], [], color=style.MUTED, linewidth=1.1, label="after denoising"))
    if has_target:
        handles.append(Patch(color=style.GRID, label="\u00b12 standard errors"))
    width, height = figure.get_size_inches()
    columns = len(handles) if width >= 7 or len(handles) < 4 else 2
    strip = 0.1 + 0.22 * math.ceil(len(handles) / columns)  # inches above the panels
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - strip / height), h_pad=0.03)
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.06 / height), ncol=columns,
                  borderpad=0, borderaxespad=0)
