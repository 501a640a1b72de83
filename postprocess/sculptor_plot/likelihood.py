"""Log-likelihoods on a grid of points in the plane, out of likelihood.h5: those of the flow, the exact ones, and
what is between them. The grid is the input's: population.initial {type: grid, low, high, points_per_axis}."""

import json
import math
from pathlib import Path

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from . import style
from .files import FileError, Missing, RunError, attributes_of, one_line, open_file, parse_parameters

DEPTH = 16     # nats below the highest log p to the end of the colours
ERRORS = 4     # standard errors at the ends of the colours
PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM = 2.9, 0.3, 0.74, 0.2, 0.62, 1.05  # inches


class Likelihoods:
    """A directory's likelihood.h5: maps (y, x), `extent` of the outermost points, and what the file says of itself."""

    def __init__(self, directory):
        self.directory = Path(directory)
        if not self.directory.is_dir():
            raise RunError(f"{directory}: no such directory")
        self.path = self.directory / "likelihood.h5"
        if not self.path.exists():
            raise RunError(f"{self.path}: no such file; `sculptor likelihood INPUT` writes it")
        with open_file(self.path) as file:
            self.attributes = attributes_of(file)
            self.parameters = parse_parameters(self.attributes.get("parameters"))
            self._read_grid(file)
            self.log_likelihood = self._map(file, "log_likelihood")
            if self.log_likelihood is None:
                raise FileError(f"{self.path}: no data set log_likelihood")
            self.exact = self._map(file, "log_density")
            self.standard_error = self._map(file, "standard_error")
            self.evaluations = self._map(file, "evaluations")

    def _read_grid(self, file):
        def vector(key):
            value = np.atleast_1d(json.loads(self.parameters.get(f"population.initial.{key}", "[]")))
            return [float(x) for x in (np.repeat(value, 2) if len(value) == 1 else value)]

        latent = file.get("latent")
        n_dim = latent.shape[1] if latent is not None and latent.ndim == 2 else None
        if self.parameters.get("population.initial.type") != "grid" or n_dim != 2:
            raise RunError(f"{self.path}: a map needs the points of a grid in two coordinates, population.initial: "
                           "{type: grid, low: ..., high: ..., points_per_axis: ...}")
        try:
            self.low, self.high = vector("low"), vector("high")
            self.n = int(self.parameters["population.initial.points_per_axis"])
        except (KeyError, ValueError):
            raise FileError(f"{self.path}: its parameters do not tell the grid") from None

    def _map(self, file, name):
        column = file.get(name)
        if column is None:
            return None
        if column.shape != (self.n**2,):
            raise FileError(f"{self.path}: {name} {column.shape} does not belong to {self.n} x {self.n} points")
        try:
            return np.asarray(column[()], dtype=float).reshape(self.n, self.n)  # the first coordinate is the fastest
        except OSError as error:
            raise FileError(f"{self.path}: {name} cannot be read: {one_line(error)}") from None

    @property
    def extent(self):
        """Cells around the points."""
        half = [0.5 * (high - low) / (self.n - 1) for low, high in zip(self.low, self.high)]
        return (self.low[0] - half[0], self.high[0] + half[0], self.low[1] - half[1], self.high[1] + half[1])


def _round_up(value):
    """To one digit."""
    if not value > 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return unit * math.ceil(value / unit * (1 - 1e-9))


def _short(value):
    """4e-6, 0.03, 12."""
    return f"{value:.2g}".replace("e-0", "e-").replace("e+0", "e")


def _panels(found):
    """(map, title, remark, kind) of each."""
    stochastic = found.standard_error is not None
    cost = "" if found.evaluations is None else f"{np.mean(found.evaluations):.0f} NFE"
    panels = [(found.log_likelihood, "log p by the flow", cost, "log")]
    if found.exact is not None:
        panels.append((found.exact, "exact log p", None, "log"))
        difference = found.log_likelihood - found.exact
        if stochastic:
            with np.errstate(invalid="ignore", divide="ignore"):
                errors = np.where(found.standard_error > 0, difference / found.standard_error, np.nan)
            rms = math.sqrt(np.nanmean(errors**2))
            panels.append((errors, "(flow \u2212 exact) / error", f"rms {rms:.2f}", "errors"))
        else:
            most = _short(np.nanmax(np.abs(difference)))
            panels.append((difference, "flow \u2212 exact", f"at most {most} nat", "difference"))
    elif stochastic:
        panels.append((found.standard_error, "its standard error", None, "error"))
    return panels


def _colours(kind, panels):
    """(colour map, norm, name, ticks, their labels)."""
    values = np.concatenate([values[np.isfinite(values)] for values, _, _, k in panels if k == kind])
    if len(values) == 0:
        raise Missing(f"no finite numbers to draw ({kind})")
    if kind == "log":
        high = values.max()
        low = max(values.min(), high - DEPTH)
        step = 5 if high - low > 9 else 1
        ticks = [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)] or [high]
        return style.DENSITY, Normalize(low, high if high > low else low + 1), "log p [nat]", ticks, [
            f"{t:g}".replace("-", "\u2212") for t in ticks]
    if kind == "error":
        top = _round_up(np.percentile(values, 99.5))
        return "viridis", Normalize(0, top), "standard error [nat]", [0, top], ["0", _short(top)]
    limit = ERRORS if kind == "errors" else _round_up(np.abs(values).max())
    name = "standard errors" if kind == "errors" else "difference [nat]"
    labels = [f"\u2212{_short(limit)}", "0", _short(limit)]
    return style.CONTRAST, Normalize(-limit, limit), name, [-limit, 0, limit], labels


def draw(found):
    """Returns the figure."""
    panels = _panels(found)
    aspect = float(np.clip((found.high[1] - found.low[1]) / (found.high[0] - found.low[0]), 0.4, 2.5))
    n = len(panels)
    width, height = LEFT + n * (PANEL + GAP) - GAP + RIGHT, TOP + PANEL * aspect + BOTTOM
    figure = style.new_figure(max(width, 6.2), height, layout=None)
    left = LEFT + 0.5 * (max(width, 6.2) - width)
    width = max(width, 6.2)
    kinds = {kind: _colours(kind, panels) for _, _, _, kind in panels}
    for i, (values, title, remark, kind) in enumerate(panels):
        x = left + i * (PANEL + GAP)
        axes = figure.add_axes((x / width, BOTTOM / height, PANEL / width, PANEL * aspect / height))
        axes.set_facecolor(style.ABSENT)
        axes.imshow(np.ma.masked_invalid(values), origin="lower", extent=found.extent, cmap=kinds[kind][0],
                    norm=kinds[kind][1], interpolation="nearest", aspect="auto", rasterized=True)
        axes.set_title(title, loc="left", pad=4)
        if remark:
            axes.text(1, 1.015, remark, transform=axes.transAxes, ha="right", va="bottom", fontsize=8.5,
                      color=style.MUTED)
        axes.locator_params(nbins=5)
        axes.set_xlabel("x[0]", labelpad=2)
        if i == 0:
            axes.set_ylabel("x[1]", labelpad=2)
        else:
            axes.set_yticklabels([])
        axes.tick_params(length=2.5, pad=2)
        for spine in axes.spines.values():
            spine.set_visible(False)
    _bars(figure, panels, kinds, left)
    _say(figure, found, left)
    return figure


def _bars(figure, panels, kinds, left):
    """Under the first panel of each kind; the two log p share one."""
    width, height = figure.get_size_inches()
    for kind, (colours, norm, name, ticks, labels) in kinds.items():
        members = [i for i, panel in enumerate(panels) if panel[3] == kind]
        middle = left + 0.5 * (members[0] + members[-1]) * (PANEL + GAP) + 0.5 * PANEL
        axes = figure.add_axes(((middle - 0.2) / width, 0.24 / height, 1.6 / width, 0.11 / height))
        figure.colorbar(ScalarMappable(norm, colours), cax=axes, orientation="horizontal", ticks=ticks,
                        extend="min" if kind == "log" and any(np.nanmin(panels[i][0]) < norm.vmin for i in members)
                        else "neither")
        axes.minorticks_off()
        axes.set_xticklabels(labels)
        axes.tick_params(length=2, pad=1, labelsize=8)
        figure.text((middle - 0.35) / width, 0.295 / height, name, ha="right", va="center", fontsize=9)


def _say(figure, found, left):
    """What is seen, above the panels."""
    width, height = figure.get_size_inches()
    target = found.parameters.get("score.type", "the target").replace("_", " ")
    sigma = found.attributes.get("sigma_min", 0)
    noise = f", noised by {style.number(sigma)}" if sigma else ""
    probes = found.parameters.get("likelihood.n_probes") if found.standard_error is not None else None
    trace = "" if found.standard_error is None else f", {probes + ' ' if probes else ''}random probes each"
    if found.parameters.get("likelihood.prior") == "normal" and found.attributes.get("sigma_max"):
        trace += rf", normal prior at $\sigma$ = {style.number(found.attributes['sigma_max'])}"
    figure.text(left / width, 1 - 0.17 / height, f"Log-likelihood of {found.n} \u00d7 {found.n} points: {target}{noise}"
                f"{trace}", fontsize=12, va="center")
