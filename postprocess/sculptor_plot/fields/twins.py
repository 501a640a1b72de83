"""Forward and reverse side by side, of fields: maps of one realisation at the same noise levels, each in units of its
own rms, so that structure can be told from noise in both rows at every level."""

from matplotlib.colors import Normalize

from .. import style
from ..pairs import titles
from ..twins import arrow, headings
from .filmstrip import REACH
from .maps import Sheet, rms, where

PANEL = {1: 3.2, 2: 2.8, 3: 2.5, 4: 2.2}  # inches, by columns, else 1.9
HEADING = 0.34                            # inches above the titles of a row


def draw(forward, reverse, pairs, realization, thickness):
    """`pairs` of levels, from data to noise. Returns the figure."""
    box, n = pairs[0][1].box, len(pairs)
    sheet = Sheet(2 * n, n, box, PANEL.get(n, 1.9), heading=HEADING)
    norm = Normalize(-REACH, REACH)
    for row, (run, levels) in enumerate(zip((forward, reverse), zip(*pairs))):
        for i, level in enumerate(levels):
            values = level.map(realization, thickness)
            spread = rms(values)
            sigma, t = titles(run, level)
            sheet.show(row * n + i, values / (spread or 1), style.CONTRAST, norm, sigma,
                       f"{t + ', ' if t else ''}rms {style.number(spread, 2)}")
    for row, heading in enumerate(headings(forward, reverse, pairs[0][1])):
        top = sheet.panels[row * n].get_position().y1
        arrow(sheet.figure, sheet.left / sheet.width, sheet.right / sheet.width,
              top + (HEADING + 0.1) / sheet.height, *heading)
    sheet.bars([(style.CONTRAST, norm, r"$\delta$ / rms of the panel", [-3, 0, 3], ["\u22123", "0", "3"])])
    sheet.say(where(box, thickness, realization))
    return sheet.figure
