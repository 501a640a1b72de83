"""A run's directory: its levels, its series, its exact target. Nothing is read before it is asked for."""

import functools
import json
import os
import re
from pathlib import Path

import h5py
import numpy as np

from .files import FileError, RunError, attributes_of, one_line, open_file, parse_parameters
from .levels import FieldLevel, levels_of
from .target import Mixture

SNAPSHOT = re.compile(r"snapshot_(\d{4,})\.h5")


class Series:
    """series.h5: one row per finished level. series["mean"] reads (level, coordinate) once."""

    def __init__(self, path):
        self.path, self._read_already = Path(path), {}
        with open_file(self.path) as file:
            self.names = [name for name, item in file.items() if isinstance(item, h5py.Dataset)]
            self.attributes = attributes_of(file)

    def __contains__(self, name):
        return name in self.names

    def __getitem__(self, name):
        if name not in self._read_already:
            with open_file(self.path) as file:
                try:
                    self._read_already[name] = np.asarray(file[name][()])
                except OSError as error:
                    raise FileError(f"{self.path}: {name} cannot be read: {one_line(error)}") from None
        return self._read_already[name]

    def get(self, name, default=None):
        return self[name] if name in self else default

    @property
    def n_levels(self):
        return len(self["sigma"]) if "sigma" in self else 0


class Run:
    """A run's directory.

    levels      list of Level, or of FieldLevel, in the order of their numbers, what was before the first level (0)
                first if kept
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
        self.levels = levels_of([(self.directory / name, index) for index, name in found])

    @property
    def is_field(self):
        """Whether the levels are random fields, not populations of points."""
        return isinstance(self.levels[-1], FieldLevel)

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

    def _number_of(self, level, name):
        """Of a level: the snapshot's word, or the series', or NaN."""
        found = level.number(name)
        if found is not None:
            return found
        column, number = (None, None) if self.series is None else (self.series.get(name), self.series.get("level"))
        if column is None or number is None or column.shape != number.shape:
            return float("nan")
        rows = column[number == level.index]
        return float(rows[-1]) if len(rows) else float("nan")

    def scale_of(self, level):
        """alpha of x = alpha (x_0 + sigma n) at a level; 1 where nothing is said of it."""
        scale = self._number_of(level, "scale")
        return scale if scale > 0 else 1.0

    def time_of(self, level):
        """t of the process at a level, or NaN."""
        return self._number_of(level, "time")

    def target_at(self, level, coordinates):
        """The law of a level, the target with its noise and scale, where it has a density, else None."""
        if self.target is None or level.index == 0 or self.is_denoised(level) or not level.sigma >= 0:
            return None
        if self.target.n_dim != level.n_dim or not self.target.has_density(level.sigma, coordinates):
            return None
        return self.target.noised(level.sigma, self.scale_of(level))

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
