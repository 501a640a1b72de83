"""A score that was trained: how it learned, the data, what is sampled with it, and the marginals of both.

Distances are sliced Wasserstein-2 ones, the root of the mean over DIRECTIONS fixed directions of the squared
Wasserstein-2 distance of the projections, between samples and the rows held out of the training, beside that between
as many rows of the training and the same held-out ones: what a perfect score would have."""

import math
from pathlib import Path

import h5py
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from . import style
from .files import FileError, Missing, RunError, one_line, open_file, parse_parameters
from .run import Series

DIRECTIONS, BINS = 64, 70


class Training:
    """The directory of `sculptor train`: series.h5, and the data set it learned from where that was a file."""

    def __init__(self, directory):
        self.directory = Path(directory)
        path = self.directory / "series.h5"
        if not path.exists():
            raise RunError(f"{directory}: no series.h5 in this directory; give that of sculptor train")
        self.series = Series(path)
        self.parameters = parse_parameters(self.series.attributes.get("parameters"))
        if "loss" not in self.series:
            raise RunError(f"{path}: has no loss: this is no training")

    def data(self):
        """(rows trained on, rows held out), or None where data were drawn from a target."""
        if self.parameters.get("data.type") != "file":
            return None
        path, name = self.parameters["data.path"], self.parameters["data.dataset"]
        with open_file(path) as file:
            if not isinstance(file.get(name), h5py.Dataset):
                raise FileError(f"{path}: no data set {name}")
            try:
                rows = np.asarray(file[name][()], dtype=float)
            except OSError as error:
                raise FileError(f"{path}: {name} cannot be read: {one_line(error)}") from None
        rows = rows.reshape(len(rows), -1)
        held = int(math.floor(float(self.parameters["data.validation"]) * len(rows)))
        return rows[:len(rows) - held], rows[len(rows) - held:]


def sliced_wasserstein_2(a, b, seed=1):
    """Of equal numbers of points (n, d) and (n, d)."""
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal((a.shape[1], DIRECTIONS))
    direction /= np.linalg.norm(direction, axis=0)
    return math.sqrt(np.mean((np.sort(a @ direction, axis=0) - np.sort(b @ direction, axis=0)) ** 2))


def distances(trained, held, samples):
    """(samples to held-out data, data to held-out data, numbers of points)."""
    n = min(len(trained), len(held), len(samples))
    choose = np.random.default_rng(2).permutation(len(trained))[:n]  # a data set may be in some order
    return sliced_wasserstein_2(samples[:n], held[:n]), sliced_wasserstein_2(trained[choose], held[:n]), n


def _curves(axes, training):
    """Of each validated noise level how much of the loss was learned away: 1 is what the Gaussian part alone has."""
    series = training.series
    step, loss = np.asarray(series["step"], dtype=float), series.get("validation_loss")
    axes.set_xlabel("step")
    axes.set_title("Loss of held-out data", loc="left")
    if loss is None or loss.ndim != 2 or not np.isfinite(loss).any():
        axes.plot(step, series["smoothed_loss"], color=style.SKY, label="training, smoothed")
    else:
        sigma = series["validation_sigma"]
        for i, colour in zip(range(loss.shape[1]), style.CYCLE * 3):
            known = np.isfinite(loss[:, i])
            axes.plot(step[known], loss[known, i], ".-", color=colour, linewidth=1.3, markersize=5,
                      label=rf"$\sigma$ = {style.number(sigma[i], 2)}")
    axes.axhline(1, color=style.MUTED, linewidth=1, linestyle=":")
    axes.legend(loc="best", fontsize=8)


def _map(axes, points, window, title):
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=BINS, range=window)
    peak = max(np.partition(counts.ravel(), -3)[-3], 1)
    axes.set_facecolor(style.DENSITY(0.0))
    axes.imshow(np.where(counts > 0, counts / peak, np.nan).T, origin="lower", extent=(*window[0], *window[1]),
                cmap=style.DENSITY, norm=LogNorm(10.0**-2, 1), aspect="equal", interpolation="nearest",
                rasterized=True)
    axes.set_title(title, loc="left")
    axes.set_xlabel("x[0]")
    axes.locator_params(nbins=5)


def _marginal(axes, data, samples, c):
    edges = np.linspace(*np.percentile(data, (0.05, 99.95)), 81)
    pad = 0.05 * (edges[-1] - edges[0])
    edges = np.linspace(edges[0] - pad, edges[-1] + pad, 81)
    width = edges[1] - edges[0]
    axes.stairs(np.histogram(data, edges)[0] / (len(data) * width), edges, fill=True, color=style.SKY, alpha=0.6)
    axes.stairs(np.histogram(samples, edges)[0] / (len(samples) * width), edges, color=style.RED, linewidth=1.3)
    axes.set_xlabel(f"x[{c}]")
    axes.set_ylabel("density")
    axes.set_title(f"Marginal of x[{c}]", loc="left")
    axes.set_ylim(bottom=0)


def draw(training, run, max_points):
    """Returns the figure and the distances, as distances()."""
    data = training.data()
    if data is None:
        raise Missing(f"{training.directory}: data were drawn from a target, not read from a file")
    last = run.levels[-1]
    samples = last.finite_state(range(last.n_dim), max_points)
    trained, held = data
    if samples.shape[1] != held.shape[1] or held.shape[1] < 2:
        raise Missing(f"{run.directory}: samples of {samples.shape[1]} coordinates beside data of {held.shape[1]}")
    found = distances(trained, held, samples)
    figure = style.new_figure(10.2, 6.6)
    grid = figure.subplots(2, 3)
    low, high = np.percentile(trained[:, :2], (0.7, 99.3), axis=0)
    half = 0.55 * (high - low).max()
    window = [(m - half, m + half) for m in 0.5 * (low + high)]
    _map(grid[0, 0], trained[:max_points], window, f"{style.number(len(trained))} rows of data")
    _map(grid[0, 1], samples, window, f"{style.number(len(samples))} samples of the trained score")
    _curves(grid[0, 2], training)
    for c in (0, 1):
        _marginal(grid[1, c], trained[:, c], samples[:, c], c)
    handles = [Patch(color=style.SKY, alpha=0.6, label="data"), Line2D([], [], color=style.RED, label="samples")]
    grid[1, 0].legend(handles=handles, loc="upper right")
    bars = grid[1, 2]
    bars.barh([1, 0], found[:2], color=[style.RED, style.SKY], height=0.55)
    bars.set_yticks([1, 0], ["samples", "data"])
    bars.set_xlabel("sliced Wasserstein-2 distance")
    bars.set_title("To held-out data", loc="left")
    bars.axvline(1.5 * found[1], color=style.MUTED, linewidth=1, linestyle="--")
    bars.text(1.5 * found[1], 0.5, " 1.5 times\n data to data", color=style.MUTED, fontsize=8.5, va="center")
    bars.set_xlim(0, 1.25 * max(found[0], 1.6 * found[1]))
    return figure, found
