"""A score held against the truth, out of inspect.h5: errors over noise levels, maps of them or denoised fields, and samples
beside exact draws."""

from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm, Normalize

from . import style
from .files import FileError, RunError, attributes_of, one_line, open_file, parse_parameters

COLUMNS = 5  # levels of which maps are drawn


class Inspection:
    """A directory's inspect.h5: its arrays by name, levels first, and what the file says of itself."""

    def __init__(self, directory):
        self.directory = Path(directory)
        if not self.directory.is_dir():
            raise RunError(f"{directory}: no such directory")
        self.path = self.directory / "inspect.h5"
        if not self.path.exists():
            raise RunError(f"{self.path}: no such file; `sculptor inspect INPUT` writes it")
        with open_file(self.path) as file:
            self.parameters = parse_parameters(attributes_of(file).get("parameters"))
            try:
                self.arrays = {name: np.asarray(file[name][()], dtype=float) for name in file}
            except (OSError, TypeError, AttributeError) as error:
                raise FileError(f"{self.path}: cannot be read: {one_line(error)}") from None
        for name in ("sigma", "eps", "eps_error", "relative_error"):
            if name not in self.arrays or self.arrays[name].shape != self.arrays["sigma"].shape:
                raise FileError(f"{self.path}: no data set {name} of its levels")
        self._check_levels()

    def _check_levels(self):
        n = len(self["sigma"])
        for name, value in self.arrays.items():
            if name.startswith(("axis_", "score_", "truth_", "map_", "view_", "power_")) and (
                    value.ndim == 0 or len(value) != n):
                raise FileError(f"{self.path}: {name} {value.shape} does not belong to {n} levels")

    def __contains__(self, name):
        return name in self.arrays and np.isfinite(self.arrays[name]).any()

    def __getitem__(self, name):
        return self.arrays[name]

    def levels(self):
        """Those of which maps are drawn: evenly, first and last among them."""
        n = len(self["sigma"])
        return sorted({round(i) for i in np.linspace(0, n - 1, min(n, COLUMNS))})


def inspected(directory):
    """Whether this directory holds an inspection and no run."""
    directory = Path(directory)
    return (directory / "inspect.h5").exists() and not any(directory.glob("snapshot_*.h5"))


# ---- curves over sigma and k ----

def _curve(axes, x, y, error, colour, label, line="o-"):
    order = np.argsort(x)
    axes.errorbar(x[order], y[order], None if error is None else error[order], fmt=line, color=colour, label=label,
                  markersize=3.5, linewidth=1.4, capsize=0)


def _over_sigma(axes, found, name, error, of_gaussian, title):
    good = (found["sigma"] > 0) & (found[name] > 0)
    sigma = found["sigma"][good]
    if good.any():
        _curve(axes, sigma, found[name][good], found[error][good] if error in found else None, style.MEASURED, "score")
        axes.set_yscale("log")
    if of_gaussian and of_gaussian in found:
        _curve(axes, sigma, found[of_gaussian][good], None, style.ORANGE, "its Gaussian part", "--")
        axes.legend(fontsize=8)
    if not good.any():
        axes.text(0.5, 0.5, "exactly 0", ha="center", transform=axes.transAxes, color=style.MUTED)
    axes.set_xscale("log")
    axes.set_xlabel(r"$\sigma$")
    axes.set_title(title, loc="left")
    axes.grid(True, which="major")


def _eps(axes, found):
    _over_sigma(axes, found, "eps", "eps_error", "gaussian_eps",
                r"$\epsilon = \sigma^2\,E|s_\theta - s|^2/d$")
    if "kl_bound" in found and len(found["sigma"]) > 1:
        bound, error = found["kl_bound"][0], found["kl_bound_error"][0]
        axes.text(0.03, 0.03, f"KL \u2264 {bound:.3g} \u00b1 {error:.1g} nat", transform=axes.transAxes, fontsize=9,
                  color=style.INK, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8})


def _asymmetry(axes, found):
    values = found["asymmetry"]
    if np.nanmax(values) < 1e-6:
        axes.text(0, 0.9, f"at most {np.nanmax(values):.1g}: the score is\na gradient, to rounding", va="top",
                  transform=axes.transAxes)
        axes.set_axis_off()
    else:
        _over_sigma(axes, found, "asymmetry", "asymmetry_error", None, "")
    axes.set_title("|J \u2212 J\u2032| / |J|", loc="left")


def _shells(axes, found):
    """Of each level: how much power the denoised field has, how far it correlates."""
    k, chosen = found["wavenumber"], found.levels()
    colours = [style.CYCLE[i % len(style.CYCLE)] for i in range(len(chosen))]
    for level, colour in zip(chosen, colours):
        denoised, truth, cross = (found[f"power_{name}"][level] for name in ("denoised", "truth", "cross"))
        with np.errstate(invalid="ignore", divide="ignore"):
            transfer, coherence = np.sqrt(denoised / truth), cross / np.sqrt(denoised * truth)
        axes.plot(k, transfer, color=colour, linewidth=1.2, label=rf"$\sigma$ = {found['sigma'][level]:.3g}")
        axes.plot(k, coherence, color=colour, linewidth=1.2, linestyle=":")
    axes.axhline(1, color=style.MUTED, linewidth=0.8)
    axes.set_ylim(0, 1.5)
    axes.set_xscale("log")
    axes.set_xlabel("k")
    axes.set_title("transfer \u2014, coherence \u00b7\u00b7\u00b7", loc="left")
    axes.legend(fontsize=7, loc="lower left")


def _draw_curves(figure, found):
    makers = [_eps, lambda axes, f: _over_sigma(axes, f, "relative_error", "relative_error_error",
                                                "gaussian_relative_error", "relative error of the score")]
    if "wavenumber" in found and "power_denoised" in found:
        makers.append(_shells)
    if "asymmetry" in found:
        makers.append(_asymmetry)
    for axes, make in zip(np.atleast_1d(figure.subplots(1, len(makers))), makers):
        make(axes, found)


# ---- maps ----

def _bare(axes):
    axes.tick_params(length=2, labelsize=7)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _arrows(axes, x, y, u, v, colour):
    step = max(1, len(x) // 14)
    start = step // 2
    at = slice(start, None, step)
    length = np.hypot(u, v)[at, at]
    scale = np.where(length > 0, 1 / np.sqrt(np.maximum(length, 1e-300)), 0)  # long ones shortened, direction kept
    axes.quiver(x[at], y[at], u[at, at] * scale, v[at, at] * scale, color=colour, width=0.006)


def _draw_maps(figure, found):
    chosen = found.levels()
    axes = figure.subplots(2, len(chosen), squeeze=False)
    errors = found["map_relative_error"][chosen]
    good = errors[np.isfinite(errors) & (errors > 0)]
    low, high = (np.percentile(good, 2), max(np.percentile(good, 99), 1e-12)) if len(good) else (1e-3, 1)
    norm = LogNorm(max(min(low, 0.5 * high), 1e-4 * high), high)
    for column, level in enumerate(chosen):
        x, y = found["axis_0"][level], found["axis_1"][level]
        extent = (x[0], x[-1], y[0], y[-1])
        top, below = axes[:, column]
        if "truth_log_density" in found:
            log_p = found["truth_log_density"][level]
            top.imshow(log_p, extent=extent, origin="lower", cmap=style.DENSITY, aspect="equal",
                       norm=Normalize(np.nanmax(log_p) - 12, np.nanmax(log_p)))
        else:
            top.set_facecolor(style.DENSITY(0.3))
        _arrows(top, x, y, found["truth_0"][level], found["truth_1"][level], style.RED)
        _arrows(top, x, y, found["score_0"][level], found["score_1"][level], style.SKY)
        top.set_title(rf"$\sigma$ = {found['sigma'][level]:.3g}", loc="left")
        image = below.imshow(np.where(found["map_relative_error"][level] > 0, found["map_relative_error"][level], norm.vmin),
                             extent=extent, origin="lower", cmap="magma", norm=norm, aspect="equal")
        for each in (top, below):
            each.set_xlim(extent[:2])
            each.set_ylim(extent[2:])
            _bare(each)
    axes[0, 0].set_ylabel("log p; s exact (red), learned (blue)", fontsize=8)
    axes[1, 0].set_ylabel(r"$|s_\theta - s|/|s|$", fontsize=8)
    figure.colorbar(image, ax=axes.ravel().tolist(), shrink=0.5, pad=0.01, anchor=(0, 0.05), extend="min")


def _draw_views(figure, found):
    chosen = found.levels()
    rows = (("view_clean", "drawn"), ("view_noisy", "noised"), ("view_denoised", "denoised by the score"),
            ("view_truth", "by the truth"), (None, "difference"))
    axes = figure.subplots(len(rows), len(chosen), squeeze=False)
    for column, level in enumerate(chosen):
        limit = np.nanpercentile(np.abs(found["view_clean"][level]), 99.5) or 1
        axes[0, column].set_title(rf"$\sigma$ = {found['sigma'][level]:.3g}", loc="left")
        for row, (name, label) in enumerate(rows):
            panel = axes[row, column]
            if name:
                shown = 3 * np.nanstd(found[name][level]) if name == "view_noisy" else limit
                panel.imshow(found[name][level], origin="lower", cmap=style.CONTRAST, norm=Normalize(-shown, shown))
            else:
                difference = found["view_denoised"][level] - found["view_truth"][level]
                most = np.nanpercentile(np.abs(difference), 99.5) or 1
                panel.imshow(difference, origin="lower", cmap=style.CONTRAST, norm=Normalize(-most, most))
                panel.set_xlabel(f"\u00b1 {most:.2g}", fontsize=8)
            panel.set_xticks([])
            panel.set_yticks([])
            _bare(panel)
            if column == 0:
                panel.set_ylabel(label, fontsize=8)


# ---- samples ----

def _ratio(axes, found):
    ours, exact = found["samples_power"]
    error = found["samples_power_error"]
    axes.axhline(1, color=style.EXACT, linewidth=1)
    axes.errorbar(found["wavenumber"], ours / exact, ours / exact * np.hypot(error[0] / ours, error[1] / exact), fmt="o",
                  color=style.MEASURED, markersize=3)
    axes.set_xscale("log")
    axes.set_xlabel("k")
    axes.set_title("P(k) of samples / of draws", loc="left")


def _distribution(axes, found):
    centre = found["samples_pdf_centre"]
    for values, error, colour, label in zip(found["samples_pdf"], found["samples_pdf_error"],
                                            (style.MEASURED, style.EXACT), ("samples", "exact draws")):
        good = values > 0
        axes.errorbar(centre[good], values[good], error[good], color=colour, label=label, linewidth=1.2)
    axes.set_yscale("log")
    axes.set_xlabel("x of a cell")
    axes.set_title("distribution of the cells", loc="left")
    axes.legend(fontsize=8)


def _moments(axes, found):
    ours, exact = found["samples_moments"]
    error = np.hypot(*found["samples_moments_error"])
    names = ("mean", "variance", "skewness", "kurtosis", "> 2 rms")
    rounding = 1e-12 * np.sqrt(exact[1])  # of a mean that is fixed
    ours, exact = (np.where(np.abs(values) > rounding, values, 0) for values in (ours, exact))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(ours != exact, (ours - exact) / error, 0)
    axes.barh(range(len(z)), z, color=style.MEASURED)
    axes.axvspan(-2, 2, color=style.GRID, zorder=0)
    axes.set_yticks(range(len(z)), [f"{name} {a:.3g} / {b:.3g}" for name, a, b in zip(names, ours, exact)], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("(samples \u2212 draws) / standard error")
    axes.set_title("moments: samples / draws", loc="left")


def _distances(axes, found):
    for row, (values, colour) in enumerate(zip(found["sliced_distance"], (style.MEASURED, style.EXACT))):
        axes.plot(values, np.full(len(values), row), "o", color=colour)
    axes.set_yticks((0, 1), ("samples to draws", "draws to draws"))
    axes.set_ylim(1.6, -0.6)
    axes.set_xlim(0, None)
    axes.set_xlabel("sliced Wasserstein-2 distance")
    axes.set_title("samples", loc="left")


def _sample_makers(found):
    if "samples_power" in found and "wavenumber" in found:
        return [_ratio, _distribution, _moments]
    return [_distances] if "sliced_distance" in found else []


def draw(found):
    """Returns the figure."""
    kinds, heights = [_draw_curves], [2.9]
    if "map_relative_error" in found and "axis_0" in found:
        kinds.append(_draw_maps)
        heights.append(4.6)
    elif "view_clean" in found:
        kinds.append(_draw_views)
        heights.append(9.5)
    makers = _sample_makers(found)
    if makers:
        def draw_samples(figure, of):
            for axes, make in zip(np.atleast_1d(figure.subplots(1, len(makers))), makers):
                make(axes, of)
        kinds.append(draw_samples)
        heights.append(2.8)
    figure = style.new_figure(11, sum(heights) + 0.4)
    parts = np.atleast_1d(figure.subfigures(len(kinds), 1, height_ratios=heights))
    for part, make in zip(parts, kinds):
        make(part, found)
    score, truth = (found.parameters.get(key, "?") for key in ("score.type", "inspect.against.type"))
    figure.suptitle(f"{score.replace('_', ' ')} held against {truth.replace('_', ' ')}")
    return figure
