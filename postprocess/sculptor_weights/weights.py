"""A trained network with all that is needed to use it again."""
import hashlib
from dataclasses import dataclass
from typing import Optional

import numpy as np

from . import networks


@dataclass
class Weights:
    network: dict           # {"type": "mlp", "width": 128, ...}; what is left out has the program's defaults
    tensors: dict           # name: array, of the shapes of networks.shapes()
    sigma_min: float        # trained between
    sigma_max: float
    mean: np.ndarray        # of the data: [n_dim], of fields one number
    variance: np.ndarray    # of a coordinate; of fields of modes at each wavenumber
    n_dim: int = 0          # coordinates of a particle; 0: fields
    cells: Optional[list] = None        # of fields: x, y[, z], the mesh trained on
    box_size: Optional[list] = None
    wavenumber: Optional[np.ndarray] = None
    zero_variance: float = 0.0          # of fields: of the mean mode
    steps: int = 0          # of training; 0: unknown

    def __post_init__(self):
        """Puts tensors in the network's order as float32; a ValueError tells what is wrong."""
        self.network = networks.complete(self.network)
        self.mean = np.atleast_1d(np.asarray(self.mean, np.float64))
        self.variance = np.atleast_1d(np.asarray(self.variance, np.float64))
        n_axes = 0 if self.n_dim else len(self.cells or [])
        if not self.n_dim:
            self.cells, self.box_size = [int(n) for n in self.cells or []], [float(x) for x in self.box_size or []]
            self.wavenumber = np.atleast_1d(np.asarray(self.wavenumber, np.float64))
            if n_axes not in (2, 3) or len(self.box_size) != n_axes:
                raise ValueError("give n_dim, or of fields 2 or 3 cells and box_size")
            if self.wavenumber.shape != self.variance.shape or not np.all(np.diff(self.wavenumber, prepend=0) > 0):
                raise ValueError("wavenumber must increase, one for each variance")
            if not self.zero_variance > 0:
                raise ValueError("zero_variance must be positive")
        elif self.variance.shape != (1,):
            raise ValueError("variance of particles is one number")
        if self.mean.shape != (self.n_dim or 1,):
            raise ValueError(f"mean has {self.mean.size} numbers, where {self.n_dim or 1} are wanted")
        if not (np.all(self.variance > 0) and np.all(np.isfinite(self.variance)) and np.all(np.isfinite(self.mean))):
            raise ValueError("mean and variance must be finite, and variance positive")
        if not 0 < self.sigma_min < self.sigma_max < np.inf:
            raise ValueError("sigma_min and sigma_max must be 0 < sigma_min < sigma_max")
        wanted = networks.shapes(self.network, self.n_dim, n_axes)
        for name in set(wanted) ^ set(self.tensors):
            raise ValueError(f"{name} is " + ("missing" if name in wanted else "no tensor of this architecture"))
        self.tensors = {name: np.ascontiguousarray(self.tensors[name], "<f4") for name in wanted}
        for name, shape in wanted.items():
            if self.tensors[name].shape != shape:
                raise ValueError(f"{name} has shape {self.tensors[name].shape}, where the architecture has {shape}")
            if not np.all(np.isfinite(self.tensors[name])):
                raise ValueError(f"{name} is not finite")

    def theta(self):
        """All tensors side by side, as bytes."""
        return b"".join(tensor.tobytes() for tensor in self.tensors.values())

    def digest(self):
        return hashlib.sha256(self.theta()).hexdigest()
