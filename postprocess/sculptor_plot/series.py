"""What happened from level to level, out of series.h5."""

import math
from statistics import NormalDist

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from . import style

COORDINATES = 2   # of which mean and width are drawn
MODES = 12        # more are summed up by the largest deviation


class Rows:
    """The series with what the panels share: level numbers, sigma, particles, exact moments."""

    def __init__(self, run, n_particles):
        self.series, self.target, self.n_particles = run.series, run.target, n_particles
        self.sigma = np.asarray(self.series["sigma"], dtype=float)
        numbers = self.series.get("level")
        self.level = np.arange(1, len(self.sigma) + 1) if numbers is None else np.asarray(numbers, dtype=float)
        denoised = run.parameters.get("sampler.denoise") == "true"
        self.has_law = np.isfinite(self.sigma) & ~(denoised & (self.sigma == 0))  # a noised law is defined there
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
    for c in range(min(mean.shape[1], COORDINATES)):
        colour = (style.BLUE, style.GREEN)[c]
        axes.plot(rows.level, mean[:, c], color=colour, marker=_marker(rows), label=f"x[{c}]")
        if variance is not None:
            deviation = np.sqrt(variance[:, c])
            axes.fill_between(rows.level, mean[:, c] - deviation, mean[:, c] + deviation, color=colour, alpha=0.18,
                              linewidth=0)
        if rows.target is not None:
            exact, width = rows.exact_mean[:, c], np.sqrt(rows.exact_variance[:, c])
            for k, curve in enumerate((exact, exact - width, exact + width)):
                axes.plot(rows.level, curve, color=style.EXACT, linewidth=1, linestyle=(0, (4, 2)),
                          label="exact" if c == 0 and k == 0 else None)
    axes.set_title(r"mean $\pm$ standard deviation")
    axes.legend(loc="best")
    return True


def _deviation(axes, rows):
    mean, variance = rows.get("mean"), rows.variance()
    if rows.target is None or mean is None or variance is None or mean.shape[1] != rows.target.n_dim:
        return False
    n = rows.n_particles
    with np.errstate(invalid="ignore", divide="ignore"):
        z_mean = (mean - rows.exact_mean) / np.sqrt(rows.exact_variance / n)
        z_variance = (variance - rows.exact_variance) / np.sqrt((rows.exact_fourth - rows.exact_variance**2) / n)
    axes.axhspan(-2, 2, color=style.GRID, linewidth=0)
    for c in range(min(mean.shape[1], COORDINATES)):
        colour = (style.BLUE, style.GREEN)[c]
        axes.plot(rows.level, z_mean[:, c], color=colour, marker=_marker(rows), label=f"mean of x[{c}]")
        axes.plot(rows.level, z_variance[:, c], color=colour, linestyle=(0, (4, 2)), label=f"variance of x[{c}]")
    shown = np.concatenate([z[:, :COORDINATES].ravel() for z in (z_mean, z_variance)])
    largest = np.nanmax(np.abs(shown[np.isfinite(shown)]), initial=0)
    if largest > 30:
        axes.set_yscale("symlog", linthresh=5)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}".replace("-", "\u2212")))
    else:
        limit = max(4, 1.2 * largest)
        axes.set_ylim(-limit, limit)
    axes.set_title("off the exact, in standard errors")
    axes.legend(loc="best", fontsize=8)
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
    colours = style.CYCLE
    for k in range(n_modes):
        colour = colours[k % len(colours)]
        axes.plot(rows.level, measured[:, k], color=colour, marker=_marker(rows),
                  linestyle="-" if k < len(colours) else (0, (5, 1.5)))
        if weight is not None:
            axes.axhline(weight[k], color=style.INK, linewidth=1, linestyle=(0, (4, 2)),
                         label="target weight" if k == 0 else None)
    if responsibility is None:
        axes.set_title("mode occupation")
    else:
        axes.set_title("mode weight (mean responsibility)")
    top = 1.25 * max(np.nanmax(measured), 0 if weight is None else np.max(weight))
    axes.set_ylim(0, min(top, 1.02) if n_modes < 3 else top)
    if weight is not None:
        axes.legend(loc="best")
    return True


def _worst_mode(axes, rows, measured, weight):
    """Responsibilities vary no more than counts do, so a multinomial's standard error bounds theirs."""
    error = np.sqrt(weight * (1 - weight) / rows.n_particles)
    axes.plot(rows.level, np.max(np.abs(measured - weight) / error, axis=1), color=style.BLUE, marker=_marker(rows),
              label="largest deviation")
    typical = NormalDist().inv_cdf(0.5 * (1 + 0.5 ** (1 / len(weight))))
    axes.axhline(typical, color=style.EXACT, linewidth=1, linestyle=(0, (4, 2)), label=f"median of {len(weight)} chances")
    axes.set_ylim(bottom=0)
    axes.set_title("worst mode weight, in standard errors")
    axes.legend(loc="best", fontsize=8)
    return True


def _speed(axes, rows):
    evaluations, seconds = rows.get("evaluations"), rows.get("wall_seconds")
    if evaluations is None or seconds is None or not (seconds > 0).any():
        return False
    with np.errstate(invalid="ignore", divide="ignore"):
        axes.plot(rows.level, np.where(seconds > 0, evaluations / seconds, np.nan), color=style.BLUE,
                  marker=_marker(rows))
    axes.set_ylim(bottom=0)
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


PANELS = (_mean, _deviation, _ratio, _acceptance, _modes, _speed, _seconds)


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


def _sigma_ticks(axes, rows):
    """Sigma at the level numbers below."""
    ticks = [t for t in axes.get_xticks() if t in set(rows.level)]
    above = axes.secondary_xaxis("top")
    above.set_xticks(ticks, [style.number(rows.sigma[list(rows.level).index(t)], 2) for t in ticks])
    above.tick_params(length=2, pad=1, labelsize=8, labelcolor=style.MUTED)
    above.spines["top"].set_visible(False)


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
    n_columns = min(len(panels), 3) if len(panels) != 4 else 2
    n_rows = math.ceil(len(panels) / n_columns)
    figure = style.new_figure(3.7 * n_columns, 2.75 * n_rows)
    grid = figure.add_gridspec(n_rows, n_columns)
    spare = n_rows * n_columns - len(panels)
    cell = 0
    for panel in panels:
        span = 1 + (spare if panel is panels[0] else 0)  # the first panel takes what is left over
        axes = figure.add_subplot(grid[cell // n_columns, cell % n_columns:cell % n_columns + span])
        cell += span
        panel(axes, rows)
        axes.grid(axis="y")
        axes.set_xlim(rows.level[0] - 0.6, rows.level[-1] + 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
        axes.set_xlabel("level")
    return figure
