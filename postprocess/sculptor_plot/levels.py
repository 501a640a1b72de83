"""The levels of a run, one snapshot each: populations or random fields. Nothing is read before it is asked for."""

import functools
from pathlib import Path

import h5py
import numpy as np

from .files import FileError, attributes_of, one_line, open_file


class Snapshot:
    """A file. `index` is 0 before the first level, 1 at the end of the first level. What it holds, `_check` tells."""

    def __init__(self, path, index):
        self.path, self.index = Path(path), index

    def __repr__(self):
        return f"<level {self.index}: {self.path}>"

    @functools.cached_property
    def _header(self):
        with open_file(self.path) as file:
            header = self._check(file)
            sigma = file.get("sigma")
            sigma = float(sigma[()]) if isinstance(sigma, h5py.Dataset) and sigma.shape == () else float("nan")
            return {**header, "sigma": sigma, "numbers": self._numbers(file), "attributes": attributes_of(file)}

    @staticmethod
    def _numbers(file):
        """What else a level may say of itself, as attributes or data sets."""
        found = {}
        for name in ("scale", "time"):
            value = file.attrs.get(name, file.get(name))
            value = value[()] if isinstance(value, h5py.Dataset) else value
            if np.ndim(value) == 0 and isinstance(value, (float, int, np.floating, np.integer)):
                found[name] = float(value)
        return found

    @property
    def sigma(self):
        """The noise level; NaN where the file does not say."""
        return self._header["sigma"]

    def number(self, name):
        """scale (alpha of x = alpha (x_0 + sigma n)) or time (t of the process); None where the file does not say."""
        return self._header["numbers"].get(name)

    @property
    def attributes(self):
        return self._header["attributes"]

    def column(self, name):
        """A number for each particle or realisation, or None where the file has no such column."""
        with open_file(self.path) as file:
            column = file.get(name)
            if not isinstance(column, h5py.Dataset) or column.shape != (self.n_particles,):
                return None
            try:
                return np.asarray(column, dtype=float)
            except (OSError, TypeError, ValueError) as error:
                raise FileError(f"{self.path}: {name} cannot be read: {one_line(error)}") from None


class Level(Snapshot):
    """A population."""

    def _check(self, file):
        state = file.get("state")
        if not isinstance(state, h5py.Dataset):
            kind = "a random field (density), not a population" if "density" in file else "no data set state or density"
            raise FileError(f"{self.path}: holds {kind}")
        if state.ndim != 2 or 0 in state.shape or state.dtype.kind != "f":
            raise FileError(f"{self.path}: state is {state.dtype} {state.shape}, not reals (particle, coordinate)")
        return {"shape": state.shape}

    @property
    def n_particles(self):
        return self._header["shape"][0]

    @property
    def n_dim(self):
        return self._header["shape"][1]

    def state(self, coordinates=None, max_points=None):
        """Positions (particle, coordinate), of all or of some coordinates. At most max_points particles,
        every so-manieth one, are read; the rest of the file is not."""
        coordinates = list(range(self.n_dim)) if coordinates is None else list(coordinates)
        stride = 1 if not max_points else -(-self.n_particles // max_points)
        with open_file(self.path) as file:
            try:
                first, last = min(coordinates), max(coordinates)
                if last - first < 8 or last - first < 2 * len(coordinates):  # near each other: one read
                    block = file["state"][::stride, first:last + 1]
                    return np.asarray(block[:, [c - first for c in coordinates]], dtype=float)
                return np.stack([file["state"][::stride, c] for c in coordinates], axis=1).astype(float)
            except (OSError, KeyError) as error:
                raise FileError(f"{self.path}: state cannot be read: {one_line(error)}") from None

    def finite_state(self, coordinates, max_points):
        """The same without particles that are not numbers: pictures have no place for them."""
        state = self.state(coordinates, max_points)
        state = state[np.isfinite(state).all(axis=1)]
        if len(state) == 0:
            raise FileError(f"{self.path}: no particle has finite coordinates")
        return state


class Box:
    """A periodic mesh: cells and lengths along (y, x) or (z, y, x); lengths are in `unit`."""

    def __init__(self, mesh, lengths=None):
        self.mesh = tuple(int(n) for n in mesh)
        known = lengths is not None and np.shape(lengths) == (len(mesh),) and np.all(np.asarray(lengths) > 0)
        self.lengths = tuple(float(length) for length in (lengths if known else mesh))
        self.unit = "Mpc/h" if known else "cells"

    @property
    def n_dim(self):
        return len(self.mesh)

    @property
    def n_cells(self):
        return int(np.prod([float(n) for n in self.mesh]))

    @property
    def volume(self):
        return float(np.prod(self.lengths))

    @property
    def extent(self):
        """Of a map (y, x), as imshow wants it."""
        return (0.0, self.lengths[-1], 0.0, self.lengths[-2])

    def slab(self, thickness):
        """The central planes in z: slice, and where they lie (from, to)."""
        thickness = min(thickness, self.mesh[0])
        first = (self.mesh[0] - thickness + 1) // 2
        cell = self.lengths[0] / self.mesh[0]
        return slice(first, first + thickness), (first * cell, (first + thickness) * cell)


def read_map(dataset, box, thickness, *before):
    """A map (..., y, x) out of (..., [z,] y, x): all of a 2-D field, the mean of the central planes of a 3-D one."""
    if box.n_dim == 2:
        return np.asarray(dataset[before], dtype=float)
    planes, _ = box.slab(thickness)
    return np.asarray(dataset[(*before, planes)], dtype=float).mean(axis=-3)


class FieldLevel(Snapshot):
    """Realisations of a random field: /density (realization, [z,] y, x). A realisation counts as a particle."""

    def _check(self, file):
        density = file.get("density")
        if not isinstance(density, h5py.Dataset):
            kind = "a population (state), not a random field" if "state" in file else "no data set density"
            raise FileError(f"{self.path}: holds {kind}")
        if density.ndim not in (3, 4) or 0 in density.shape or density.dtype.kind != "f":
            raise FileError(f"{self.path}: density is {density.dtype} {density.shape}, not reals "
                            "(realization, z, y, x) or (realization, y, x)")
        return {"shape": density.shape, "box": Box(density.shape[1:], file.attrs.get("BoxSize"))}

    @property
    def n_particles(self):
        return self._header["shape"][0]

    @property
    def n_dim(self):
        return self.box.n_cells

    @property
    def box(self):
        return self._header["box"]

    def _read(self, *before, thickness=1):
        with open_file(self.path) as file:
            try:
                values = read_map(file["density"], self.box, thickness, *before)
            except (OSError, KeyError) as error:
                raise FileError(f"{self.path}: density cannot be read: {one_line(error)}") from None
        if not np.isfinite(values).any():
            raise FileError(f"{self.path}: no finite density in the cells drawn")
        return values

    def map(self, realization=0, thickness=1):
        """One realisation (y, x); of a 3-D field the mean of the `thickness` central planes, nothing else is read."""
        return self._read(realization, thickness=thickness)

    def maps(self, thickness=1):
        """The same of all realisations: (realization, y, x)."""
        return self._read(slice(None), thickness=thickness)

    def density(self, realization=0):
        """A whole realisation: ([z,] y, x)."""
        with open_file(self.path) as file:
            try:
                return np.asarray(file["density"][realization], dtype=float)
            except (OSError, KeyError) as error:
                raise FileError(f"{self.path}: density cannot be read: {one_line(error)}") from None


def levels_of(paths):
    """[(path, index)] as levels: of fields where the last file that can be read holds a field, else of populations."""
    kind = Level
    for path, _ in reversed(paths):
        try:
            with open_file(path) as file:
                kind = FieldLevel if "density" in file and "state" not in file else Level
                break
        except FileError:
            continue
    return [kind(path, index) for path, index in paths]
