"""How every picture looks: fonts that stay readable at half size, Okabe and Ito's colour-blind safe colours."""

import contextlib
import io

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK, MUTED, GRID = "#1b1f24", "#6a737d", "#e4e7eb"
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
CYCLE = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY)
MEASURED, EXACT = BLUE, RED  # the same meaning in all pictures

# Density: dark to light with lightness rising evenly, so that it also reads in grey.
DENSITY = LinearSegmentedColormap.from_list("sculptor", [
    "#0b1022", "#11224d", "#173d80", "#245cad", "#4a83c9", "#7ea9dc", "#b0ccea", "#dbe8f5", "#ffffff"])
CONTOUR = "#f08a00"  # of the exact density, over all of those colours
# Contrasts about 0: blue below, orange above, dark at both ends, so that their size also reads in grey.
CONTRAST = LinearSegmentedColormap.from_list("sculptor contrast", [
    "#08213f", "#10508f", "#3a8cc6", "#9ccae3", "#f6f6f4", "#f5c98f", "#e0862f", "#a84a0c", "#4c1c06"])
MATTER = "magma"  # densities of fields, over decades: voids dark, peaks bright
ABSENT = "#c9ced4"  # cells without a value

DPI = 200
SETTINGS = {
    "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11, "axes.labelsize": 10,
    "xtick.labelsize": 9, "ytick.labelsize": 9, "legend.fontsize": 9, "figure.titlesize": 13,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.linewidth": 0.8, "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": False, "grid.color": GRID,
    "grid.linewidth": 0.8, "legend.frameon": False, "lines.linewidth": 1.8, "lines.solid_capstyle": "round",
    "figure.facecolor": "white", "savefig.facecolor": "white", "mathtext.fontset": "dejavusans",
    "pdf.fonttype": 42, "svg.hashsalt": "sculptor", "axes.formatter.useoffset": False,
}


@contextlib.contextmanager
def styled():
    with matplotlib.rc_context(SETTINGS):
        yield


def new_figure(width, height, layout="constrained"):
    """Inches. No pyplot: no window system, no global state."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def render(figure, file_format):
    """The figure as the bytes of a file."""
    metadata = {"png": {"Software": "sculptor-plot"}, "pdf": {"Creator": "sculptor-plot", "CreationDate": None},
                "svg": {"Creator": "sculptor-plot", "Date": None}}[file_format]
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format=file_format, dpi=DPI, metadata=metadata)
    return buffer.getvalue()


def number(value, digits=3):
    """A number for people: 0.0125, 1.2e-7, 60 000."""
    if value is None or value != value:
        return "unknown"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\u2009")
    return f"{value:.{digits}g}"


def duration(seconds):
    """0.42 s, 12 s, 3 min 20 s, 5 h 12 min."""
    if not seconds >= 0:
        return "unknown"
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
