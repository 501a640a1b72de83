"""The one-point distribution of some levels against the Gaussian, and the lognormal where it is the target."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .. import style
from ..files import Missing

DECADES = 5  # below the Gaussian's peak


def gaussian(x):
    return np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)


def lognormal(x, variance):
    """Density of the standardised delta at x where 1 + delta = exp(g - s^2/2), g ~ N(0, s^2), and delta has this
    variance: s^2 = ln(1 + variance)."""
    s2 = np.log1p(variance)
    density = 1 + np.sqrt(variance) * np.asarray(x, dtype=float)  # 1 + delta
    inside = density > 0
    density = np.where(inside, density, 1)
    g = np.log(density) + 0.5 * s2
    return np.where(inside, np.sqrt(variance / (2 * np.pi * s2)) / density * np.exp(-0.5 * g**2 / s2), 0)


def noised_lognormal(x, variance, noise_variance):
    """The same where Gaussian noise is added; `variance` is that of both together."""
    clean = variance - noise_variance
    if not clean > 0:
        return gaussian(x)
    if noise_variance <= 0:
        return lognormal(x, clean)
    # The mean over g of the noise's Gaussian about delta(g): Gauss-Hermite would miss narrow noise, so a fine rule.
    s2 = np.log1p(clean)
    z = np.linspace(-8, 8, 4001)
    weight = gaussian(z) * (z[1] - z[0])
    delta = np.exp(np.sqrt(s2) * z - 0.5 * s2) - 1
    width = np.sqrt(noise_variance / variance)
    distance = (np.asarray(x, dtype=float)[:, None] - delta / np.sqrt(variance)) / width
    return (gaussian(distance) * weight).sum(axis=1) / width


def draw(rows):
    """Returns the figure; raises Missing where the series has no distribution."""
    pdf = rows.along("pdf", "pdf_edges", extra=1)
    if pdf is None:
        raise Missing("no one-point distribution (pdf, pdf_edges)")
    edges = rows.constant("pdf_edges")
    chosen = [i for i, _ in rows.chosen(pdf)]
    variance = rows.scalar("variance")
    has_lognormal = rows.is_lognormal and variance is not None
    figure = style.new_figure(max(2.75 * len(chosen), 6.4) + 0.5, 3.9)
    panels = figure.subplots(1, len(chosen), sharex=True, sharey=True, squeeze=False)[0]
    x = np.linspace(edges[0], edges[-1], 801)
    for axes, i in zip(panels, chosen):
        axes.stairs(np.where(pdf[i] > 0, pdf[i], 0), edges, fill=True, color=style.SKY, alpha=0.7, baseline=1e-12)
        axes.plot(x, gaussian(x), color=style.INK if not rows.is_gaussian else style.EXACT,
                  linestyle="-" if rows.is_gaussian else (0, (4, 2)), linewidth=1.4)
        if has_lognormal and np.isfinite(variance[i]):
            noise = 0 if rows.denoised[i] or not rows.sigma[i] > 0 else rows.sigma[i] ** 2
            curve = noised_lognormal(x, variance[i], noise)
            axes.plot(x, np.where(curve > 0, curve, np.nan), color=style.EXACT, linewidth=1.6)
        axes.set_title(rows.name(i), pad=19)
        axes.text(0.5, 1.02, _moments(rows, i), transform=axes.transAxes, ha="center", va="bottom", fontsize=8.5,
                  color=style.MUTED)
        axes.set_xlabel(r"$(\delta - \bar\delta)$ / rms")
    panels[0].set_yscale("log")
    top = np.nanmax([np.nanmax(pdf[i]) for i in chosen] + [0.4])
    panels[0].set_ylim(0.4 * 10.0**-DECADES, 2.5 * top)
    panels[0].set_xlim(*_reach(pdf[chosen], edges))
    panels[0].set_ylabel("probability density of a cell")
    _legend(figure, rows, has_lognormal)
    return figure


def _reach(pdf, edges):
    """Where there are cells, and at least 5 rms on both sides as far as the bins go."""
    filled = np.flatnonzero((pdf > 0).any(axis=0))
    low, high = (edges[filled[0]], edges[filled[-1] + 1]) if len(filled) else (-5, 5)
    return max(min(low, -5), edges[0]), min(max(high, 5), edges[-1])


def _moments(rows, i):
    known = [f"{name} {_signed(column[i])}" for name, column in
             (("skewness", rows.scalar("skewness")), ("kurtosis", rows.scalar("kurtosis")))
             if column is not None and np.isfinite(column[i])]
    return ", ".join(known)


def _signed(value):
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.3g}"
    return ("0.00" if text == "-0.00" else text).replace("-", "\u2212")


def _legend(figure, rows, has_lognormal):
    handles = [Patch(color=style.SKY, alpha=0.7, label="cells of all realisations")]
    if rows.is_gaussian:
        handles.append(Line2D([], [], color=style.EXACT, label="Gaussian (exact)"))
    else:
        handles.append(Line2D([], [], color=style.INK, linestyle=(0, (4, 2)), linewidth=1.4, label="Gaussian"))
    if has_lognormal:
        name = "lognormal of this variance" + (", with the noise" if rows.has_noise else "")
        handles.append(Line2D([], [], color=style.EXACT, label=name))
    height = figure.get_size_inches()[1]
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.32 / height))
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.06 / height), ncol=3, borderpad=0,
                  borderaxespad=0)
