"""Synthetic runs of random fields, made by exact draws: what the pictures of fields are tested with."""

import h5py
import numpy as np

PARAMETERS = """seed: 7
score.type: {score}
levels.type: geometric
sampler.type: annealed_langevin
sampler.steps_per_level: 100
sampler.denoise: {denoise}
"""


def spectrum(k, n_dim, amplitude=1.0):
    """P(k) in (Mpc/h)^D: rises like k, turns over at 0.03 h/Mpc, falls like k^-2.4. P(0) = 0."""
    scale = {2: 2.0e3, 3: 1.0e5}[n_dim]
    return amplitude * scale * (k / 0.03) / (1 + (k / 0.03) ** 2) ** 1.7


class Mesh:
    """A periodic mesh, its wavenumbers and its shells, a fundamental wavenumber wide, to the corner or to Nyquist."""

    def __init__(self, n, length, n_dim, corners=False):
        self.shape, self.length, self.n_dim, self.axes = (n,) * n_dim, float(length), n_dim, tuple(range(-n_dim, 0))
        self.cell = (length / n) ** n_dim
        waves = np.meshgrid(*(2 * np.pi * np.fft.fftfreq(n, length / n),) * n_dim, indexing="ij")
        self.k = np.sqrt(sum(w**2 for w in waves))
        unit = 2 * np.pi / length
        self.shell = np.floor(self.k / unit + 0.5).astype(int) - 1  # -1: the mean mode
        self.n_shells = self.shell.max() + 1 if corners else n // 2
        self.inside = (self.shell >= 0) & (self.shell < self.n_shells)
        self.modes = self._sum(np.ones_like(self.k))
        self.wavenumber = self._sum(self.k) / self.modes

    def _sum(self, values):
        return np.bincount(self.shell[self.inside], values[self.inside], self.n_shells)

    def in_shells(self, power):
        return np.array([self._sum(p) / self.modes for p in power.reshape(-1, *self.shape)])

    def draw(self, power, m, generator):
        """m Gaussian fields whose spectrum is `power`, an array over the mesh."""
        white = generator.standard_normal((m, *self.shape))
        return np.fft.ifftn(np.fft.fftn(white, axes=self.axes) * np.sqrt(power / self.cell), axes=self.axes).real

    def modes_of(self, fields):
        return self.cell * np.fft.fftn(fields, axes=self.axes)

    def power(self, fields, others=None):
        """(realisation, shell)."""
        modes = self.modes_of(fields)
        product = modes * np.conj(modes if others is None else self.modes_of(others))
        return self.in_shells(product.real / self.length**self.n_dim)

    def correlation(self, power, separation):
        """xi at the distances between cells next to those asked for, of a spectrum over the mesh."""
        xi = np.fft.ifftn(power).real / self.cell
        steps = np.round(separation / self.length * self.shape[0]).astype(int)
        return xi[(0,) * (self.n_dim - 1)][steps]


def put_provenance(file, score="gaussian_field", denoise=False):
    for name, value in {"software": "sculptor", "softwareVersion": "0.1.0", "commit": "1a2b3c4",
                        "date": "2025-01-02 03:04:05 +0000", "input_text": "seed: 7\n",
                        "parameters": PARAMETERS.format(score=score, denoise=str(denoise).lower())}.items():
        file.attrs[name] = np.string_(value)
    file.attrs["seed"] = np.int64(7)


def put_field(directory, index, sigma, fields, mesh, score="gaussian_field", kind="f4", denoise=False):
    with h5py.File(directory / f"snapshot_{index:04d}.h5", "w") as file:
        file["density"], file["sigma"] = fields.astype(kind), float(sigma)
        file["realization"] = np.arange(len(fields), dtype="i4")
        for axis, n in zip("zyx"[-mesh.n_dim:], mesh.shape):
            file[axis] = (np.arange(n) + 0.5) * mesh.length / n
        file.attrs["Nmesh"] = np.array(mesh.shape, dtype="i4")
        file.attrs["BoxSize"] = np.full(mesh.n_dim, mesh.length)
        file.attrs["index"], file.attrs["sigma_first"] = np.int64(index), 20.0
        put_provenance(file, score, denoise)


def moments(fields):
    x = fields.reshape(len(fields), -1)
    x = x - x.mean(axis=1, keepdims=True)
    variance = (x**2).mean(axis=1)
    return {"variance": variance.mean(), "skewness": ((x**3).mean(axis=1) / variance**1.5).mean(),
            "kurtosis": ((x**4).mean(axis=1) / variance**2 - 3).mean()}


def put_field_series(directory, sigma, populations, mesh, target, score="gaussian_field", truth=None, bispectrum=True,
                     leave_out=()):
    """target: the clean spectrum over the mesh, or None where there is no exact noised one."""
    edges, separation = np.linspace(-5, 5, 51), np.linspace(0, mesh.length / 3, 25)[1:]
    columns = {name: [] for name in ("mean", "variance", "skewness", "kurtosis", "power", "power_scatter",
                                     "power_target", "correlation", "pdf", "cross_correlation")}
    for s, x in zip(sigma, populations):
        power, flat = mesh.power(x), x.reshape(len(x), -1)
        row = {"mean": x.mean(), **moments(x), "power": power.mean(axis=0),
               "power_scatter": power.std(axis=0, ddof=1) if len(x) > 1 else np.full(mesh.n_shells, np.nan),
               "power_target": np.full(mesh.n_shells, np.nan) if target is None
               else mesh.in_shells(target + s**2 * mesh.cell)[0],
               "correlation": mesh.correlation(np.mean(np.abs(mesh.modes_of(x)) ** 2, axis=0) / mesh.length**mesh.n_dim,
                                               separation),
               "pdf": np.histogram((flat - x.mean()) / x.std(), edges, density=True)[0]}
        if truth is not None:
            row["cross_correlation"] = (mesh.power(x, np.broadcast_to(truth, x.shape))
                                        / np.sqrt(power * mesh.power(truth[None]))).mean(axis=0)
        for name, value in row.items():
            columns[name].append(value)
    generator, k = np.random.default_rng(3), mesh.wavenumber[2::4]
    if bispectrum:
        for name in ("equilateral", "squeezed"):
            columns[f"bispectrum_{name}"] = [1e3 * generator.standard_normal(len(k)) / (1 + (k / 0.03) ** 2)
                                             for _ in sigma]
        columns["bispectrum_wavenumber"] = k
    n_levels = len(sigma)
    columns.update(sigma=np.array(sigma, dtype=float), level=np.arange(1, n_levels + 1),
                   acceptance=np.linspace(0.9, 0.6, n_levels), evaluations=np.full(n_levels, 100 * len(populations[0])),
                   wall_seconds=np.full(n_levels, 0.25), wavenumber=mesh.wavenumber, modes=mesh.modes.astype("i8"),
                   separation=separation, pdf_edges=edges)
    with h5py.File(directory / "series.h5", "w") as file:
        put_provenance(file, score)
        for name, column in columns.items():
            if len(column) and name not in leave_out:
                file[name] = np.array(column)


def put_field_run(directory, n_dim=3, n=32, m=4, n_levels=5, length=500.0, corners=False, amplitude=1.0, series=True,
                  sigma=None, **options):
    """Exact draws at every level, from noise 20 to 0.1."""
    directory.mkdir(parents=True)
    mesh, generator = Mesh(n, length, n_dim, corners), np.random.default_rng(11)
    target = spectrum(mesh.k, n_dim, amplitude)
    clean = mesh.draw(target, m, generator)
    sigma = list(np.geomspace(20, 0.1, n_levels)) if sigma is None else sigma
    populations = [clean + s * generator.standard_normal(clean.shape) for s in sigma]
    for i, (s, x) in enumerate(zip(sigma, populations)):
        put_field(directory, i + 1, s, x, mesh)
    if series:
        put_field_series(directory, sigma, populations, mesh, target, **options)
    return directory


def put_lognormal_run(directory, n_dim=3, n=32, m=4, n_levels=4, length=500.0, amplitude=1.0):
    """Noise 5, then less, then none: 1 + delta = exp(g - var/2)."""
    directory.mkdir(parents=True)
    mesh, generator = Mesh(n, length, n_dim, True), np.random.default_rng(12)
    power = spectrum(mesh.k, n_dim, amplitude)
    gaussian = mesh.draw(power, m, generator)
    clean = np.exp(gaussian - 0.5 * power.sum() / mesh.length**n_dim) - 1
    sigma = [*np.geomspace(5, 0.05, n_levels - 1), 0.0]
    populations = [clean + s * generator.standard_normal(clean.shape) for s in sigma]
    for i, (s, x) in enumerate(zip(sigma, populations)):
        put_field(directory, i + 1, s, x, mesh, "lognormal_field")
    put_field_series(directory, sigma, populations, mesh, None, "lognormal_field")
    return directory


def put_wiener_run(directory, n=32, m=40, length=500.0, noise=0.4, truth=True, variance=True, shift=0.0):
    """Exact draws of the posterior of a masked, noisy 2-D field, and the exact answers in wiener.h5."""
    directory.mkdir(parents=True)
    mesh, generator = Mesh(n, length, 2), np.random.default_rng(13)
    power = spectrum(mesh.k, 2)
    xi = np.fft.ifftn(power).real / mesh.cell
    at = np.arange(n * n)
    y, x = at // n, at % n
    covariance = xi[(y[:, None] - y) % n, (x[:, None] - x) % n]
    mask = np.ones((n, n))
    mask[n // 5:2 * n // 5, n // 4:3 * n // 4] = 0
    mask[(np.arange(n)[:, None] - 0.75 * n) ** 2 + (np.arange(n) - 0.7 * n) ** 2 < (n / 8) ** 2] = 0
    seen = mask.ravel() > 0
    gain = np.linalg.solve(covariance[np.ix_(seen, seen)] + noise**2 * np.eye(seen.sum()), covariance[seen]).T
    fields = mesh.draw(power, m + 1, generator).reshape(m + 1, -1)
    data = fields[:, seen] + noise * generator.standard_normal((m + 1, seen.sum()))
    mean = gain @ data[0]
    samples = fields[1:] + (data[0] - data[1:]) @ gain.T + shift
    whole = np.zeros(n * n)
    whole[seen] = data[0]
    sigma = [5.0, 0.5, 0.0]
    populations = [(samples + s * generator.standard_normal(samples.shape)).reshape(m, n, n) for s in sigma]
    for i, (s, p) in enumerate(zip(sigma, populations)):
        put_field(directory, i + 1, s, p, mesh, "posterior")
    put_field_series(directory, sigma, populations, mesh, None, "posterior", truth=fields[0].reshape(n, n),
                     bispectrum=False)
    with h5py.File(directory / "wiener.h5", "w") as file:
        values = {"data": whole, "mask": mask, "noise_sigma": np.full(n * n, noise), "wiener_mean": mean}
        if truth:
            values["truth"] = fields[0]
        if variance:
            values["posterior_variance"] = np.diag(covariance) - np.einsum("ij,ji->i", gain, covariance[seen])
        for name, value in values.items():
            file[name] = np.reshape(value, (n, n))
        file.attrs["Nmesh"], file.attrs["BoxSize"] = np.array([n, n], dtype="i4"), np.full(2, length)
    return directory
