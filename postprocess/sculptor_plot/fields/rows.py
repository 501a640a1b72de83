"""The series of a field run, and what the pictures compute from it."""

import numpy as np

from .. import style
from ..curves import Rows
from ..filmstrip import pick

CURVES = 4  # levels drawn in one panel at most
COLOURS = ("#a7afb8", style.SKY, style.GREEN, style.BLUE)  # of them, from noise to field


def residual(power, target):
    """P/P_target - 1, NaN where there is no target."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(target > 0, power / target - 1, np.nan)


def expected_error(modes, n_realizations):
    """Standard deviation of the residual: N_k P/P_target is chi-squared in N_k in every realisation."""
    modes = np.asarray(modes, dtype=float)
    return np.sqrt(2 / (np.where(modes > 0, modes, np.nan) * n_realizations))


def chi_squared(power, target, modes, n_realizations):
    """Sum over the shells of (residual / expected error)^2, the number of shells with a target, and the statistic's
    standard deviation: a shell adds 2 + 12/n, n its number of modes in all realisations."""
    squares = (residual(power, target) / expected_error(modes, n_realizations)) ** 2
    known = np.isfinite(squares)
    n_modes = np.asarray(modes, dtype=float)[known] * n_realizations
    return float(squares[known].sum()), int(known.sum()), float(np.sqrt((2 + 12 / n_modes).sum()))


def variance_of(power, modes, box):
    """The cells' variance (about the mean) that a spectrum gives, sum N_k P_k / L^D; NaN where the shells leave
    modes out."""
    if round(float(np.sum(modes))) != box.n_cells - 1:
        return np.full(np.shape(power)[:-1], np.nan)
    return (power * modes).sum(axis=-1) / box.volume


class FieldRows(Rows):
    """With the mesh, the number of realisations, and a check that every column has the length of its constant."""

    def __init__(self, run, notes):
        super().__init__(run)
        self.box, self.n_realizations, self.notes = run.levels[-1].box, run.levels[-1].n_particles, notes
        self.is_lognormal = "lognormal" in run.parameters.get("score.type", "")
        self.is_gaussian = run.parameters.get("score.type", "").startswith("gaussian")

    def constant(self, name):
        """What does not change with the level, (n,) of floats, or None."""
        values = self.series.get(name)
        if values is None or values.ndim != 1 or values.dtype.kind not in "fiu" or not np.isfinite(values).any():
            return None
        return values.astype(float)

    def along(self, name, along, extra=0):
        """A column (level, n) whose n (+ extra) is the length of the constant `along`, else None."""
        column, axis = self.get(name), self.constant(along)
        if column is None or axis is None:
            return None
        if column.shape[1:] != (len(axis) - extra,):
            line = f"{self.series.path}: {name} {column.shape} does not belong to {along} {axis.shape}: left out"
            if line not in self.notes:
                self.notes.append(line)
            return None
        return column

    def scalar(self, name):
        column = self.get(name)
        return column if column is not None and column.ndim == 1 else None

    def power(self):
        """wavenumber, modes, power, target, scatter: the first three or None, the last two NaN where not known."""
        power, modes = self.along("power", "wavenumber"), self.constant("modes")
        if power is None:
            return None
        if modes is None or modes.shape != power.shape[1:]:
            modes = np.full(power.shape[1], np.nan)
        unknown = np.full_like(power, np.nan)
        target, scatter = (self.along(name, "wavenumber") for name in ("power_target", "power_scatter"))
        return Power(self.constant("wavenumber"), modes, power, unknown if target is None else target,
                     unknown if scatter is None else scatter, self.n_realizations)

    def chosen(self, column):
        """Some of the levels where a column has numbers, the first and the last among them: (row, colour). A denoised
        level only where there is no other: it is a mean and follows no exact law."""
        rows = [i for i in range(len(self.sigma)) if np.isfinite(column[i]).any()]
        rows = [i for i in rows if not self.denoised[i]] or rows
        rows = pick(rows, CURVES)
        return list(zip(rows, COLOURS[len(COLOURS) - len(rows):]))

    @property
    def has_noise(self):
        return bool((self.sigma > 0).any())

    def name(self, i):
        """What a level is called in titles and legends."""
        if self.denoised[i]:
            return "denoised"
        if np.isnan(self.sigma[i]) or (len(self.sigma) > 1 and np.all(self.sigma == self.sigma[0])):
            return f"level {self.level[i]:g}"
        return rf"$\sigma$ = {style.number(self.sigma[i])}"


class Power:
    """P(k) of all levels: arrays (shell) and (level, shell)."""

    def __init__(self, wavenumber, modes, power, target, scatter, n_realizations):
        self.wavenumber, self.modes, self.power, self.target = wavenumber, modes, power, target
        self.scatter, self.n_realizations = scatter, n_realizations

    @property
    def error(self):
        """Of the mean over realisations."""
        return self.scatter / np.sqrt(self.n_realizations)

    def chi_squared(self, i):
        return chi_squared(self.power[i], self.target[i], self.modes, self.n_realizations)
