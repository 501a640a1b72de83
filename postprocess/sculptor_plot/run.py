"""A run's directory: its levels, its series, its exact target. Nothing is read before it is asked for."""

import functools
import json
import os
import re
from pathlib import Path

# Pictures only read, and finished files are never changed in place: no locks, which some parallel
# file systems do not have. HDF5 reads this when it is loaded.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

import h5py
import numpy as np

from .target import Mixture

SNAPSHOT = re.compile(r"snapshot_(\d{4,})\.h5")


class RunError(Exception):
    """What a user can cause, told in one line."""


class FileError(RunError):
    """A file that exists but cannot be used; the line names it."""


def _one_line(error):
    return " ".join(str(error).split())


def _open(path):
    try:
        return h5py.File(path, "r")
    except OSError as error:
        inner = re.search(r"\((.*)\)$", _one_line(error))  # what HDF5 says stands in brackets
        reason = inner.group(1) if inner else _one_line(error)
        raise FileError(f"{path}: cannot be read as HDF5: {reason}") from None


def _text(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) and not isinstance(value, np.void) else value


def _attributes(file):
    return {name: _text(value) for name, value in file.attrs.items()}


def parse_parameters(text):
    """The echo's lines "sampler.step_size: 0.05" as a dictionary of texts."""
    pairs = (line.split(": ", 1) for line in str(text or "").splitlines() if ": " in line)
    return {key.strip(): value.strip() for key, value in pairs}


class Level:
    """One snapshot. `index` is 0 for the initial population, 1 for the first level."""

    def __init__(self, path, index):
        self.path, self.index = Path(path), index

    def __repr__(self):
        return f"<level {self.index}: {self.path}>"

    @functools.cached_property
    def _header(self):
        with _open(self.path) as file:
            state = file.get("state")
            if not isinstance(state, h5py.Dataset):
                kind = "a random field (density), not a population" if "density" in file else "no data set state"
                raise FileError(f"{self.path}: holds {kind}")
            if state.ndim != 2 or 0 in state.shape or state.dtype.kind != "f":
                raise FileError(f"{self.path}: state is {state.dtype} {state.shape}, not reals (particle, coordinate)")
            sigma = file.get("sigma")
            sigma = float(sigma[()]) if isinstance(sigma, h5py.Dataset) and sigma.shape == () else float("nan")
            return {"shape": state.shape, "sigma": sigma, "attributes": _attributes(file)}

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
        with _open(self.path) as file:
            try:
                first, last = min(coordinates), max(coordinates)
                if last - first < 8 or last - first < 2 * len(coordinates):  # near each other: one read
                    block = file["state"][::stride, first:last + 1]
                    return np.asarray(block[:, [c - first for c in coordinates]], dtype=float)
                return np.stack([file["state"][::stride, c] for c in coordinates], axis=1).astype(float)
            except (OSError, KeyError) as error:
                raise FileError(f"{self.path}: state cannot be read: {_one_line(error)}") from None


    def finite_state(self, coordinates, max_points):
        """The same without particles that are not numbers: pictures have no place for them."""
        state = self.state(coordinates, max_points)
        state = state[np.isfinite(state).all(axis=1)]
        if len(state) == 0:
            raise FileError(f"{self.path}: no particle has finite coordinates")
        return state


class Series:
    """series.h5: one row per finished level. series["mean"] reads (level, coordinate) once."""

    def __init__(self, path):
        self.path, self._read_already = Path(path), {}
        with _open(self.path) as file:
            self.names = [name for name, item in file.items() if isinstance(item, h5py.Dataset)]
            self.attributes = _attributes(file)

    def __contains__(self, name):
        return name in self.names

    def __getitem__(self, name):
        if name not in self._read_already:
            with _open(self.path) as file:
                try:
                    self._read_already[name] = np.asarray(file[name][()])
                except OSError as error:
                    raise FileError(f"{self.path}: {name} cannot be read: {_one_line(error)}") from None
        return self._read_already[name]

    def get(self, name, default=None):
        return self[name] if name in self else default

    @property
    def n_levels(self):
        return len(self["sigma"]) if "sigma" in self else 0


class Run:
    """A run's directory.

    levels      list of Level, in the order of their numbers, the initial population (0) first if kept
    series      Series or None
    target      the clean target as a Mixture, or None where it is none or unknown
    parameters  what decides the run, as texts: {"sampler.step_size": "0.05", ...}
    attributes  provenance: software, softwareVersion, commit, seed, date, machine, input_text ...
    """

    def __init__(self, directory):
        self.directory = Path(directory)
        if not self.directory.exists():
            raise RunError(f"{directory}: no such directory")
        if not self.directory.is_dir():
            raise RunError(f"{directory}: not a directory; give the run's directory, which holds snapshot_0001.h5")
        try:
            names = os.listdir(self.directory)
        except OSError as error:
            raise RunError(f"{directory}: {error.strerror}") from None
        found = sorted((int(match.group(1)), name) for name in names if (match := SNAPSHOT.fullmatch(name)))
        if not found:
            raise RunError(f"{directory}: no snapshots (snapshot_0001.h5 ...) in this directory")
        self.levels = [Level(self.directory / name, index) for index, name in found]

    @functools.cached_property
    def series(self):
        path = self.directory / "series.h5"
        return Series(path) if path.exists() else None

    @functools.cached_property
    def attributes(self):
        return self.series.attributes if self.series else self.levels[-1].attributes

    @functools.cached_property
    def parameters(self):
        return parse_parameters(self.attributes.get("parameters"))

    def is_denoised(self, level):
        """Whether a level is Tweedie's estimate, not a population at a noise level."""
        return self.parameters.get("sampler.denoise") == "true" and level.index > 0 and level.sigma == 0

    def target_at(self, level, coordinates):
        """The target where its noised density at a level is known exactly, else None."""
        if self.target is None or level.index == 0 or self.is_denoised(level) or not level.sigma >= 0:
            return None
        if self.target.n_dim != level.n_dim or not self.target.has_density(level.sigma, coordinates):
            return None
        return self.target

    @functools.cached_property
    def target(self):
        names = ("target_weight", "target_mean", "target_variance")
        if self.series is None or not all(name in self.series for name in names):
            return None
        weight, mean, variance = (np.asarray(self.series[name], dtype=float) for name in names)
        if weight.ndim != 1 or mean.ndim != 2 or mean.shape != variance.shape or len(weight) != len(mean):
            raise FileError(f"{self.series.path}: target_weight {weight.shape}, target_mean {mean.shape} and "
                            f"target_variance {variance.shape} do not belong together")
        return Mixture(weight, mean, variance, self._dense_covariance(mean))

    def _dense_covariance(self, mean):
        """The series keeps variances only; a single dense Gaussian's covariance stands in the parameters."""
        if self.parameters.get("score.type") != "gaussian" or len(mean) != 1:
            return None
        try:
            covariance = np.array(json.loads(self.parameters.get("score.covariance", "[]")), dtype=float)
        except ValueError:
            return None
        return covariance if covariance.shape == (mean.shape[1],) * 2 else None
