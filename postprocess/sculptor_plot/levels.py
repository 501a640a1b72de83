"""A level of a run: one snapshot. Nothing is read before it is asked for."""

import functools
from pathlib import Path

import h5py
import numpy as np

from .files import FileError, attributes_of, one_line, open_file


class Level:
    """One snapshot. `index` is 0 for the initial population, 1 for the first level."""

    def __init__(self, path, index):
        self.path, self.index = Path(path), index

    def __repr__(self):
        return f"<level {self.index}: {self.path}>"

    @functools.cached_property
    def _header(self):
        with open_file(self.path) as file:
            state = file.get("state")
            if not isinstance(state, h5py.Dataset):
                kind = "a random field (density), not a population" if "density" in file else "no data set state"
                raise FileError(f"{self.path}: holds {kind}")
            if state.ndim != 2 or 0 in state.shape or state.dtype.kind != "f":
                raise FileError(f"{self.path}: state is {state.dtype} {state.shape}, not reals (particle, coordinate)")
            sigma = file.get("sigma")
            sigma = float(sigma[()]) if isinstance(sigma, h5py.Dataset) and sigma.shape == () else float("nan")
            return {"shape": state.shape, "sigma": sigma, "attributes": attributes_of(file)}

    @property
    def n_particles(self):
        return self._header["shape"][0]

    @property
    def n_dim(self):
        return self._header["shape"][1]

    @property
    def sigma(self):
        """The noise level; NaN where the file does not say."""
        return self._header["sigma"]

    @property
    def attributes(self):
        return self._header["attributes"]

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
