"""Maps of fields: equally large panels, one frame in lengths, colour bars below."""

import math

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.transforms import ScaledTranslation

from .. import style

LEFT, RIGHT, TOP, BOTTOM, GAP_X, GAP_Y = 0.74, 0.2, 0.3, 1.1, 0.14, 0.4  # inches


def rms(values):
    """About the mean."""
    return float(np.nanstd(values))


def where(box, thickness, realization=None):
    """One line that says what a map shows."""
    text = "" if realization is None else f"realisation {realization}"
    if box.n_dim == 2:
        return text
    planes, (low, high) = box.slab(thickness)
    n = planes.stop - planes.start
    cells = "1 cell thick" if n == 1 else f"mean of {n} cells"
    line = f"slice z = {style.number(low, 4)} to {style.number(high, 4)} {box.unit}, {cells}"
    return f"{text}, {line}" if text else line


class Sheet:
    """A figure of n panels for maps of a box, and room below for colour bars. `panels` are the axes, by rows;
    `heading` is the room above the titles of each row."""

    def __init__(self, n, n_columns, box, panel, heading=0.0):
        self.box, self.n_columns = box, n_columns
        aspect = float(np.clip(box.lengths[-2] / box.lengths[-1], 0.4, 2.5))
        n_rows = math.ceil(n / n_columns)
        gap, top = GAP_Y + heading, TOP + heading
        width, height = n_columns * (panel + GAP_X) - GAP_X, n_rows * (panel * aspect + gap) - gap
        self.width, self.height = max(6.4, LEFT + width + RIGHT), BOTTOM + height + top
        self.left = 0.5 * (self.width - LEFT - width - RIGHT) + LEFT
        self.right = self.left + width
        self.figure = style.new_figure(self.width, self.height, layout=None)
        self.panels = [self._axes(self.left + (i % n_columns) * (panel + GAP_X),
                                  BOTTOM + (n_rows - 1 - i // n_columns) * (panel * aspect + gap),
                                  panel, panel * aspect) for i in range(n)]
        self._frames(BOTTOM + 0.5 * height)

    def _axes(self, x, y, width, height):
        return self.figure.add_axes((x / self.width, y / self.height, width / self.width, height / self.height))

    def text(self, x, y, text, **how):
        """Inches from the lower left corner."""
        return self.figure.text(x / self.width, y / self.height, text, **how)

    def _frames(self, middle):
        """Numbers at the left and below only: the frame is the same everywhere."""
        box = self.box
        for i, axes in enumerate(self.panels):
            axes.set_facecolor(style.ABSENT)
            for axis, length, labelled in ((axes.xaxis, box.lengths[-1], i + self.n_columns >= len(self.panels)),
                                           (axes.yaxis, box.lengths[-2], i % self.n_columns == 0)):
                ticks = (0, 0.5 * length, length)
                axis.set_ticks(ticks, [f"{t:.4g}" for t in ticks] if labelled else [""] * 3)
            # The numbers at the ends of neighbours would touch.
            for label, side in zip(axes.get_xticklabels(), ("left", "center", "right")):
                label.set_ha(side)
            for label, side in zip(axes.get_yticklabels(), ("bottom", "center", "top")):
                label.set_va(side)
            axes.tick_params(length=2.5, pad=2)
            for spine in axes.spines.values():
                spine.set_visible(False)
            axes.set_xlim(0, box.lengths[-1])
            axes.set_ylim(0, box.lengths[-2])
        self.text(0.5 * (self.left + self.right), BOTTOM - 0.36, f"x [{box.unit}]", ha="center", va="center")
        self.text(self.left - 0.6, middle, f"y [{box.unit}]", ha="center", va="center", rotation=90)

    def show(self, i, values, colours, norm, title, under=None):
        """A map (y, x) in panel i; cells that are not numbers are grey."""
        axes = self.panels[i]
        axes.imshow(np.ma.masked_invalid(values), origin="lower", extent=self.box.extent, cmap=colours, norm=norm,
                    interpolation="nearest", aspect="auto", rasterized=True)
        self.title(i, title, under)
        return axes

    def hide(self, i):
        """Leaves a panel out; the numbers at the left of its row go to the next one."""
        self.panels[i].set_visible(False)
        if (i + 1) % self.n_columns and self.panels[i].get_yticklabels()[1].get_text():
            ticks = self.panels[i].get_yticks()
            self.panels[i + 1].set_yticks(ticks, [label.get_text() for label in self.panels[i].get_yticklabels()])
            for label, side in zip(self.panels[i + 1].get_yticklabels(), ("bottom", "center", "top")):
                label.set_va(side)

    def title(self, i, title, under=None):
        axes = self.panels[i]
        axes.set_title(title, loc="left", pad=4)
        if under:
            axes.text(1, 1, under, transform=_points_above(axes, 4), ha="right", va="bottom",
                      fontsize=8.5, color=style.MUTED)

    def bars(self, bars):
        """Colour bars below: (colours, norm, name, ticks, labels) each, side by side, the names before them."""
        share = (self.right - self.left) / len(bars)
        for i, (colours, norm, name, ticks, labels) in enumerate(bars):
            middle = self.left + (i + 0.5) * share
            length = min(1.7, 0.42 * share)
            axes = self._axes(middle, 0.24, length, 0.11)
            self.figure.colorbar(ScalarMappable(norm, colours), cax=axes, orientation="horizontal", ticks=ticks)
            axes.minorticks_off()
            axes.set_xticklabels(labels)
            axes.tick_params(length=2, pad=1, labelsize=8)
            self.text(middle - 0.12, 0.295, name, ha="right", va="center", fontsize=9)

    def legend(self, handles):
        """In the margin below the panels, at the left."""
        self.figure.legend(handles=handles, loc="center left", borderpad=0, borderaxespad=0, fontsize=8.5,
                           bbox_to_anchor=(self.left / self.width, (BOTTOM - 0.36) / self.height))

    def say(self, line):
        """In the margin below the panels: what the maps are."""
        self.text(self.right, BOTTOM - 0.36, line, ha="right", va="center", fontsize=8.5, color=style.MUTED)


def _points_above(axes, points):
    return axes.transAxes + ScaledTranslation(0, points / 72, axes.figure.dpi_scale_trans)
