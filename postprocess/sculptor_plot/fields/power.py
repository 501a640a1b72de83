"""The power spectrum of some levels against the exact noised one."""

import math

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .. import style
from ..files import Missing
from .axes import symmetric, wavenumber_axis
from .rows import expected_error, residual

def draw(rows):
    """Returns the figure; raises Missing where the series has no power spectrum."""
    power = rows.power()
    if power is None:
        raise Missing("no power spectrum (power, wavenumber)")
    chosen = rows.chosen(power.power)
    known = np.isfinite(power.target).any()
    errors = known and np.isfinite(power.modes).any()
    figure = style.new_figure(7.4, 7.9 if errors else 5.9 if known else 5.1)
    heights = (3.2, 1.3, 1.3)[:1 + bool(known) + bool(errors)]
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False,
                             gridspec_kw={"height_ratios": heights, "hspace": 0.03})[:, 0]
    _legend(figure, _spectra(panels[0], rows, power, chosen, errors))
    if known:
        _relative(panels[1], power, chosen, errors)
    if errors:
        _standardised(panels[2], power, chosen)
    wavenumber_axis(panels[-1])
    return figure


def _legend(figure, handles):
    """Above the panels, which leave no corner free at all times."""
    height, n_rows = figure.get_size_inches()[1], math.ceil(len(handles) / 2)
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - (0.1 + 0.21 * n_rows) / height))
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1 - 0.06 / height), ncol=2, fontsize=8.5,
                  labelspacing=0.3, borderpad=0, borderaxespad=0)


def _spectra(axes, rows, power, chosen, errors):
    """Returns what the legend has to explain."""
    handles = []
    for i, _ in chosen:
        target = np.where(power.target[i] > 0, power.target[i], np.nan)
        if np.isfinite(target).any():
            axes.plot(power.wavenumber, target, color=style.EXACT, linewidth=1.2, zorder=1)
    for i, colour in chosen:
        measured = np.where(power.power[i] > 0, power.power[i], np.nan)
        error = np.where(np.isfinite(power.error[i]), power.error[i], 0)
        lower = np.minimum(error, 0.999 * np.nan_to_num(measured))
        axes.errorbar(power.wavenumber, measured, yerr=(lower, error), fmt="o", markersize=3.6, color=colour,
                      elinewidth=1, markeredgewidth=0)
        handles.append(Line2D([], [], color=colour, marker="o", markersize=5, linestyle="",
                              label=_label(rows, power, i)))
    if any(np.isfinite(power.target[i]).any() for i, _ in chosen):
        name = "exact, with each level's noise" if rows.has_noise else "exact"
        handles.append(Line2D([], [], color=style.EXACT, linewidth=1.4, label=name))
    if errors:
        of = "exact samples" if rows.is_gaussian else "a Gaussian field"
        handles.append(Patch(color=style.GRID, label=rf"below: 1-sigma band of {of}, $\sqrt{{2/(N_k\,M)}}$"))
    axes.set_yscale("log")
    axes.grid(axis="y")
    axes.set_ylabel(f"power spectrum P(k) [(Mpc/h)$^{rows.box.n_dim}$]")
    n = power.n_realizations
    bars = "" if n == 1 or not np.isfinite(power.error).any() else ", error bars of their mean"
    axes.set_title(f"{n} realisation{'s' if n > 1 else ''}{bars}", loc="right", fontsize=9.5, color=style.MUTED)
    shown = np.concatenate([curve[i] for curve in (power.power, power.target) for i, _ in chosen])
    shown = shown[shown > 0]
    if len(shown):
        axes.set_ylim(shown.min() / 1.5, 1.5 * shown.max())
    return handles


def _label(rows, power, i):
    statistic, n_shells, error = power.chi_squared(i)
    if not n_shells:
        return rows.name(i)
    law = "" if rows.is_gaussian else " if Gaussian"  # other fields' modes are not independent: they scatter more
    return rf"{rows.name(i)}:  $\chi^2$ = {statistic:.3g}, expected {n_shells} $\pm$ {error:.2g}{law}"


def _relative(axes, power, chosen, errors):
    """P/P_target - 1 and the band that exact samples scatter in."""
    largest = 0.0
    if errors:
        band = expected_error(power.modes, power.n_realizations)
        axes.fill_between(power.wavenumber, -band, band, color=style.GRID, linewidth=0)
        largest = 2 * np.nanmax(band)
    axes.axhline(0, color=style.EXACT, linewidth=1.1)
    for i, colour in chosen:
        value = residual(power.power[i], power.target[i])
        axes.plot(power.wavenumber, value, "o", color=colour, markersize=3.4, markeredgewidth=0)
        largest = max(largest, np.max(np.abs(value[np.isfinite(value)]), initial=0))
    symmetric(axes, 1.1 * largest, 0.1)
    axes.set_ylabel(r"$P/P_{\rm exact} - 1$")


def _standardised(axes, power, chosen):
    """The same in units of the expected error, which shows what the many modes of the small scales hide above."""
    axes.axhspan(-2, 2, color=style.GRID, linewidth=0)
    axes.axhline(0, color=style.EXACT, linewidth=1.1)
    largest = 3.5
    for i, colour in chosen:
        value = residual(power.power[i], power.target[i]) / expected_error(power.modes, power.n_realizations)
        axes.plot(power.wavenumber, value, "o", color=colour, markersize=3.4, markeredgewidth=0)
        largest = max(largest, np.max(np.abs(value[np.isfinite(value)]), initial=0))
    symmetric(axes, 1.1 * largest, 10)
    axes.set_ylabel("in expected\nerrors")
