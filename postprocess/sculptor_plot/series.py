"""What happened from level to level, out of series.h5."""

import math
from statistics import NormalDist

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from . import style
from .curves import Rows, acceptance, lay_out, marker, noise_drift, speed, stretch, wall_time

COLOURS = (style.BLUE, style.GREEN)  # of the coordinates that are drawn, the first ones
MODES = 12                           # more are summed up by the largest deviation


class PopulationRows(Rows):
    """With the number of particles and the exact moments."""

    def __init__(self, run, n_particles):
        super().__init__(run)
        self.target, self.n_particles = run.target, n_particles
        has_law = np.isfinite(self.sigma) & ~self.denoised  # a noised law is defined there
        mean = self.get("mean")
        if self.target is not None and (mean is None or mean.shape[1:] != (self.target.n_dim,)):
            self.target = None
        if self.target is not None:
            scale = self.get("scale")
            scale = np.ones_like(self.sigma) if scale is None or scale.ndim != 1 else scale
            moments = [self.target.noised(s if law else math.nan, a).moments()
                       for s, a, law in zip(self.sigma, scale, has_law)]
            self.exact_mean, self.exact_variance, self.exact_fourth = (np.array(part) for part in zip(*moments))

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
                axes.plot(*stretch(rows.level, curve), **exact)
    axes.set_title(r"mean $\pm$ standard deviation")
    handles, _ = axes.get_legend_handles_labels()
    if rows.target is not None:
        handles.append(Line2D([], [], label="exact", **exact))
    axes.legend(handles=handles, loc="upper right")
    return True


def _band(axes, rows, mean, deviation, colour, name):
    axes.plot(rows.level, mean, color=colour, marker=marker(rows), label=name)
    axes.fill_between(*stretch(rows.level, mean - deviation), stretch(rows.level, mean + deviation)[1], color=colour,
                      alpha=0.18, linewidth=0)


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
        axes.plot(rows.level, z_mean[:, c], color=colour, marker=marker(rows), label=f"mean of x[{c}]")
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
        axes.plot(rows.level, measured[:, k], color=style.CYCLE[k % len(style.CYCLE)], marker=marker(rows),
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
    axes.plot(rows.level, largest, color=style.BLUE, marker=marker(rows), label="largest deviation")
    typical = NormalDist().inv_cdf(0.5 * (1 + 0.5 ** (1 / len(weight))))
    axes.axhline(typical, color=style.EXACT, linewidth=1, linestyle=(0, (4, 2)),
                 label=f"median for {len(weight)} exact counts")
    axes.set_ylim(0, 1.5 * max(np.nanmax(largest), typical))
    axes.set_title("worst mode weight, in standard errors")
    axes.legend(loc="upper left", fontsize=8)
    return True


PANELS = (_mean, _deviation, noise_drift, acceptance, speed, _modes, wall_time)
WIDE = (_mean, _modes)  # take a second cell where there is one to spare


def draw(run, n_particles):
    """Returns the figure; raises Missing where the series has nothing to draw."""
    return lay_out(PopulationRows(run, n_particles), PANELS, WIDE)
