"""What the power spectrum does not say at first sight: correlation function, bispectrum, likeness to the truth."""

import numpy as np

from .. import style
from ..files import Missing
from .axes import decades_about_zero, wavenumber_axis


TOO_NOISY = 10  # times the last level's typical correlation: a scatter about it that hides all else


def is_too_noisy(values, last):
    return np.nanmedian(np.abs(values - last)) > TOO_NOISY * np.nanmedian(np.abs(last))


def _curves(axes, rows, x, column, leave_out=lambda values, last: False):
    """Returns the last level's values, which the scale is made for: noise would hide all else."""
    chosen = rows.chosen(column)
    for i, colour in chosen:
        if leave_out(column[i], column[chosen[-1][0]]):
            continue
        is_last = i == chosen[-1][0]
        axes.plot(x, column[i], color=colour, marker=".", linewidth=1.8 if is_last else 0.9,
                  markersize=6 if is_last else 3, label=rows.name(i))
    axes.grid(axis="y")
    return column[chosen[-1][0]]


def _zero(axes, is_exact):
    axes.axhline(0, color=style.EXACT if is_exact else style.INK, linewidth=1.2 if is_exact else 0.8,
                 linestyle=(0, (4, 2)) if is_exact else "-", label="exact" if is_exact else None)


def _correlation(axes, rows):
    column = rows.along("correlation", "separation")
    if column is None:
        return False
    r = rows.constant("separation")
    last = _curves(axes, rows, r, column, is_too_noisy)
    _zero(axes, False)
    decades_about_zero(axes, last, 3)
    axes.set_xlim(left=0)
    axes.set_xlabel("separation r [Mpc/h]")
    axes.set_title(r"correlation function $\xi(r)$")
    return True


def _bispectrum(axes, rows, name):
    column = rows.along(f"bispectrum_{name}", "bispectrum_wavenumber")
    if column is None:
        return False
    last = _curves(axes, rows, rows.constant("bispectrum_wavenumber"), column)
    _zero(axes, rows.is_gaussian)
    decades_about_zero(axes, last, 4)
    wavenumber_axis(axes)
    axes.set_title(f"{name} bispectrum [(Mpc/h)$^{2 * rows.box.n_dim}$]")
    return True


def _equilateral(axes, rows):
    return _bispectrum(axes, rows, "equilateral")


def _squeezed(axes, rows):
    return _bispectrum(axes, rows, "squeezed")


def _truth(axes, rows):
    column = rows.along("cross_correlation", "wavenumber")
    if column is None:
        return False
    _curves(axes, rows, rows.constant("wavenumber"), column)
    wavenumber_axis(axes)
    low = np.nanmin(column)
    axes.set_ylim(-0.05 if low > -0.05 else max(-1.05, 1.2 * low), 1.05)
    _zero(axes, False)
    axes.set_title("cross-correlation with the truth")
    return True


PANELS = (_correlation, _truth, _equilateral, _squeezed)


def draw(rows):
    """Returns the figure; raises Missing where the series has none of them."""
    sheet = style.new_figure(4, 3)
    panels = [panel for panel in PANELS if panel(sheet.add_subplot(), rows)]
    if not panels:
        raise Missing("no correlation function, bispectrum or cross-correlation")
    n_columns = min(2, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = style.new_figure(max(4.2 * n_columns, 6.4), 3.2 * n_rows + 0.3)
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
    grid = figure.add_gridspec(n_rows, n_columns)
    handles, cell = {}, 0
    for panel in panels:
        alone = cell == 0 and len(panels) % n_columns  # the first takes the whole row
        axes = figure.add_subplot(grid[0, :] if alone else grid[cell // n_columns, cell % n_columns])
        panel(axes, rows)
        cell += 2 if alone else 1
        handles.update({name: handle for handle, name in zip(*axes.get_legend_handles_labels())})
    order = [rows.name(i) for i in range(len(rows.sigma))] + ["exact"]
    names = sorted(handles, key=order.index)
    height = figure.get_size_inches()[1]
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.32 / height))
    figure.legend([handles[name] for name in names], names, loc="upper center",
                  bbox_to_anchor=(0.5, 1 - 0.06 / height), ncol=5, borderpad=0, borderaxespad=0)
    return figure
