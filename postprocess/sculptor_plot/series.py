"""What happened from level to level, out of series.h5."""

import math
from statistics import NormalDist

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from . import style

COLOURS = (style.BLUE, style.GREEN)  # of the coordinates that are drawn, the first ones
MODES = 12                           # more are summed up by the largest deviation


class Rows:
    """The series with what the panels share: level numbers, sigma, particles, exact moments."""

    def __init__(self, run, n_particles):
        self.series, self.target, self.n_particles = run.series, run.target, n_particles
        self.sigma = np.asarray(self.series["sigma"], dtype=float)
        numbers = self.series.get("level")
        self.level = np.arange(1, len(self.sigma) + 1) if numbers is None else np.asarray(numbers, dtype=float)
        denoised = run.parameters.get("sampler.denoise") == "true"
        self.has_law = np.isfinite(self.sigma) & ~(denoised & (self.sigma == 0))  # a noised law is defined there
        mean = self.get("mean")
        if self.target is not None and (mean is None or mean.shape[1:] != (self.target.n_dim,)):
            self.target = None
        if self.target is not None:
            moments = [self.target.moments(s if law else math.nan) for s, law in zip(self.sigma, self.has_law)]
            self.exact_mean, self.exact_variance, self.exact_fourth = (np.array(part) for part in zip(*moments))

    def get(self, name):
        """A column as floats where it has any number, else None."""
        column = self.series.get(name)
        if column is None or column.size == 0:
            return None
        column = column.astype(float)
        return column if len(column) == len(self.sigma) and np.isfinite(column).any() else None

    def variance(self):
        covariance = self.get("covariance")
        if covariance is None:
            return None
        return covariance if covariance.ndim == 2 else np.einsum("lii->li", covariance)


# ---- panels: each returns whether it had something to draw ----

def _mean(axes, rows):
    mean, variance = rows.get("mean"), rows.variance()
    if mean is None or mean.ndim != 2:
        return False
    exact = {"color": style.EXACT, "linewidth": 1, "linestyle": (0, (4, 2))}
    for c, colour in zip(range(mean.shape[1]), COLOURS):
        deviation = np.zeros(len(mean)) if variance is None else np.sqrt(variance[:, c])
        _band(axes, rows, mean[:, c], deviation, colour, f"x[{c}]")
        if rows.target is not None:
            middle, width = rows.exact_mean[:, c], np.sqrt(rows.exact_variance[:, c])
            for curve in (middle, middle - width, middle + width):
                axes.plot(*_stretch(rows.level, curve), **exact)
    axes.set_title(r"mean $\pm$ standard deviation")
    handles, _ = axes.get_legend_handles_labels()
    if rows.target is not None:
        handles.append(Line2D([], [], label="exact", **exact))
    axes.legend(handles=handles, loc="upper right")
    return True


def _band(axes, rows, mean, deviation, colour, name):
    axes.plot(rows.level, mean, color=colour, marker=_marker(rows), label=name)
    axes.fill_between(*_stretch(rows.level, mean - deviation), _stretch(rows.level, mean + deviation)[1], color=colour,
                      alpha=0.18, linewidth=0)


def _stretch(x, y):
    """A curve of one point becomes a short line."""
    return (x, y) if len(x) > 1 else (x[0] + np.array([-0.3, 0.3]), np.repeat(y, 2))


def _deviation(axes, rows):
    mean, variance = rows.get("mean"), rows.variance()
    if rows.target is None or variance is None:
        return False
    n = rows.n_particles
    with np.errstate(invalid="ignore", divide="ignore"):
        z_mean = (mean - rows.exact_mean) / np.sqrt(rows.exact_variance / n)
        z_variance = (variance - rows.exact_variance) / np.sqrt((rows.exact_fourth - rows.exact_variance**2) / n)
    axes.axhspan(-2, 2, color=style.GRID, linewidth=0)
    for c, colour in zip(range(mean.shape[1]), COLOURS):
        axes.plot(rows.level, z_mean[:, c], color=colour, marker=_marker(rows), label=f"mean of x[{c}]")
        axes.plot(rows.level, z_variance[:, c], color=colour, linestyle=(0, (4, 2)), label=f"variance of x[{c}]",
                  marker="x" if len(rows.level) == 1 else None)
    shown = np.concatenate([z[:, :len(COLOURS)].ravel() for z in (z_mean, z_variance)])
    largest = np.max(np.abs(shown[np.isfinite(shown)]), initial=0)
    if largest > 30:
        axes.set_yscale("symlog", linthresh=5)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}".replace("-", "\u2212")))
    limit = largest**1.5 if largest > 30 else max(6, 2 * largest)  # room for the legend
    axes.set_ylim(-limit, limit)
    axes.set_title("off the exact, in standard errors")
    axes.legend(loc="upper center", fontsize=8, ncol=min(mean.shape[1], len(COLOURS)), columnspacing=1)
    return True


def _ratio(axes, rows):
    ratio = rows.get("noise_drift_ratio")
    if ratio is None:
        return False
    axes.plot(rows.level, ratio, color=style.BLUE, marker=_marker(rows))
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


def _acceptance(axes, rows):
    acceptance = rows.get("acceptance")
    if acceptance is None:
        return False
    axes.plot(rows.level, acceptance, color=style.BLUE, marker=_marker(rows))
    axes.set_ylim(0, 1)
    axes.set_title("acceptance")
    return True


def _modes(axes, rows):
    weight = rows.series.get("target_weight")
    occupation, responsibility = rows.get("mode_occupation"), rows.get("mode_weight")
    measured = occupation if responsibility is None else responsibility
    if measured is None or measured.ndim != 2:
        return False
    n_modes = measured.shape[1]
    if weight is not None and len(weight) != n_modes:
        weight = None
    if n_modes > MODES:
        return weight is not None and _worst_mode(axes, rows, measured, np.asarray(weight))
    for k in range(n_modes):
        axes.plot(rows.level, measured[:, k], color=style.CYCLE[k % len(style.CYCLE)], marker=_marker(rows),
                  linestyle="-" if k < len(style.CYCLE) else (0, (5, 1.5)))
        if weight is not None:
            axes.axhline(weight[k], color=style.INK, linewidth=1, linestyle=(0, (4, 2)),
                         label="target weight" if k == 0 else None)
    axes.set_title("mode occupation" if responsibility is None else "mode weights (mean responsibilities)")
    axes.set_ylim(0, 1.3 * max(np.nanmax(measured), 0 if weight is None else np.max(weight)))
    if weight is not None:
        axes.legend(loc="upper right")
    return True


def _worst_mode(axes, rows, measured, weight):
    """Responsibilities vary no more than counts do, so a multinomial's standard error bounds theirs."""
    error = np.sqrt(weight * (1 - weight) / rows.n_particles)
    largest = np.max(np.abs(measured - weight) / error, axis=1)
    axes.plot(rows.level, largest, color=style.BLUE, marker=_marker(rows), label="largest deviation")
    typical = NormalDist().inv_cdf(0.5 * (1 + 0.5 ** (1 / len(weight))))
    axes.axhline(typical, color=style.EXACT, linewidth=1, linestyle=(0, (4, 2)),
                 label=f"median for {len(weight)} exact counts")
    axes.set_ylim(0, 1.5 * max(np.nanmax(largest), typical))
    axes.set_title("worst mode weight, in standard errors")
    axes.legend(loc="upper left", fontsize=8)
    return True


def _speed(axes, rows):
    evaluations, seconds = rows.get("evaluations"), rows.get("wall_seconds")
    if evaluations is None or seconds is None or not (seconds > 0).any():
        return False
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = np.where(seconds > 0, evaluations / seconds, np.nan)
    axes.plot(rows.level, speed, color=style.BLUE, marker=_marker(rows))
    axes.set_ylim(0, 1.2 * np.nanmax(speed))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _engineering(y)))
    axes.set_title("score evaluations per second")
    return True


def _seconds(axes, rows):
    seconds = rows.get("wall_seconds")
    if seconds is None:
        return False
    axes.bar(rows.level, seconds, width=0.8, color=style.SKY)
    axes.set_title(f"wall time: {style.duration(np.nansum(seconds))}")
    axes.set_ylabel("seconds a level")
    return True


PANELS = (_mean, _deviation, _ratio, _acceptance, _speed, _modes, _seconds)
WIDE = (_mean, _modes)  # take a second cell where there is one to spare


# ---- the page ----

def _marker(rows):
    return "o" if len(rows.level) == 1 else ("." if len(rows.level) <= 40 else None)


def _engineering(value):
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def _plain_log(axes):
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: ""))


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


def _plan(panels):
    """Rows, columns and how many cells each panel takes."""
    n_columns = min(len(panels), 3) if len(panels) != 4 else 2
    n_rows = math.ceil(len(panels) / n_columns)
    spare, spans = n_rows * n_columns - len(panels), []
    for panel in panels:
        spans.append(2 if panel in WIDE and spare > 0 else 1)
        spare -= spans[-1] - 1
    return n_rows, n_columns, spans


def draw(run, n_particles):
    """The figure, or None where the series has nothing to draw."""
    rows = Rows(run, n_particles)
    if len(rows.level) == 0:
        return None
    # Which panels there are is known only by drawing them: once on a sheet that is thrown away.
    sheet = style.new_figure(4, 3)
    panels = [panel for panel in PANELS if panel(sheet.add_subplot(), rows)]
    if not panels:
        return None
    n_rows, n_columns, spans = _plan(panels)
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
