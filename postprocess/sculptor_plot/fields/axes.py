"""Axes that several pictures of fields share."""

import math

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator


def wavenumber_axis(axes):
    """Logarithmic, with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlabel("wavenumber k [h/Mpc]")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda k, _: f"{k:g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda k, _: f"{k:g}" if f"{k:.0e}"[0] in "25" else ""))
    axes.tick_params(axis="x", which="minor", labelsize=8)


def symmetric(axes, limit, linear):
    """From -limit to limit; logarithmic outside of +-linear where most would be lost otherwise."""
    limit = limit if limit > 0 else 1.0
    if limit > 30 * linear:
        axes.set_yscale("symlog", linthresh=linear)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}".replace("-", "\u2212")))
        limit *= 2
    axes.set_ylim(-limit, limit)


def decades_about_zero(axes, values, decades):
    """A scale for values of both signs that covers some decades below the largest."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    largest = np.max(np.abs(values), initial=0)
    if not largest > 0:
        return
    least = math.floor(math.log10(largest)) - decades + 1
    axes.set_yscale("symlog", linthresh=10.0**least, linscale=0.5)
    low, high = values.min(), values.max()
    bottom = low * 1.8 if low < -(10.0**least) else -(10.0**least)
    top = high * 1.8 if high > 10.0**least else 10.0**least
    powers = [10.0**d for d in range(least, least + decades + 2)]
    ticks = [0.0] + [sign * power for power in powers for sign in (-1, 1)]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if bottom <= tick <= top]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom, top)
