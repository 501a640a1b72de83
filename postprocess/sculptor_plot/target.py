"""The exact target: a Gaussian mixture with diagonal components, at every noise level.

    p_sigma(x) = sum_k w_k N(x; m_k, v_k + sigma^2)

and, where a process scales x = alpha (x_0 + sigma n), with alpha m_k and alpha^2 (v_k + sigma^2).
Marginals of a mixture are mixtures of the components' marginals, so every curve in the pictures is exact."""

import math

import numpy as np

_erfc = np.frompyfunc(math.erfc, 1, 1)


def normal_cdf(z):
    return 0.5 * _erfc(-np.asarray(z, dtype=float) / math.sqrt(2)).astype(float)


class Mixture:
    """weight (K), mean (K, d), variance (K, d) of the clean target; covariance (d, d) of a single dense
    Gaussian, else None. A component of variance 0 has no density until noise is added."""

    def __init__(self, weight, mean, variance, covariance=None):
        weight = np.asarray(weight, dtype=float)
        self.weight = weight / weight.sum()
        self.mean, self.variance = np.asarray(mean, dtype=float), np.asarray(variance, dtype=float)
        self.covariance = covariance

    @property
    def n_dim(self):
        return self.mean.shape[1]

    def noised(self, sigma, scale=1.0):
        """The law of scale (x_0 + sigma n): a Mixture of its own, to be asked at sigma 0."""
        covariance = self.covariance
        if covariance is not None:
            covariance = scale**2 * (covariance + sigma**2 * np.eye(self.n_dim))
        return Mixture(self.weight, scale * self.mean, scale**2 * (self.variance + sigma**2), covariance)

    def has_density(self, sigma, coordinates):
        return bool((self.variance[:, list(coordinates)] + sigma**2 > 0).all())

    def _marginal(self, coordinate, sigma):
        return self.mean[:, coordinate], np.sqrt(self.variance[:, coordinate] + sigma**2)

    def pdf(self, x, coordinate, sigma=0.0):
        """Density of one coordinate at x."""
        mean, deviation = self._marginal(coordinate, sigma)
        x = np.asarray(x, dtype=float)
        total = np.zeros_like(x)
        for w, m, s in zip(self.weight, mean, deviation):
            total += w / (s * math.sqrt(2 * math.pi)) * np.exp(-0.5 * ((x - m) / s) ** 2)
        return total

    def probability(self, edges, coordinate, sigma=0.0):
        """Exact probability of each bin between consecutive edges."""
        mean, deviation = self._marginal(coordinate, sigma)
        total = np.zeros(len(edges) - 1)
        for w, m, s in zip(self.weight, mean, deviation):
            z = (np.asarray(edges, dtype=float) - m) / s
            # The upper tail from the other side: differences of values near 1 would lose all digits.
            lower, upper = normal_cdf(z), normal_cdf(-z)
            total += w * np.where(z[:-1] > 0, upper[:-1] - upper[1:], lower[1:] - lower[:-1])
        return total

    def moments(self, sigma=0.0):
        """Mean, variance and fourth central moment of every coordinate, each (d,)."""
        w, v = self.weight[:, None], self.variance + sigma**2
        mean = (w * self.mean).sum(axis=0)
        shift = self.mean - mean
        return (mean, (w * (v + shift**2)).sum(axis=0),
                (w * (3 * v**2 + 6 * v * shift**2 + shift**4)).sum(axis=0))

    def _pair_covariance(self, pair, sigma):
        return self.covariance[np.ix_(pair, pair)] + sigma**2 * np.eye(2)

    def pair_pdf(self, x, y, pair, sigma=0.0):
        """Joint density of two coordinates on the grid x (n) times y (m): (m, n)."""
        if self.covariance is not None:
            precision = np.linalg.inv(self._pair_covariance(pair, sigma))
            dx, dy = x[None, :] - self.mean[0, pair[0]], y[:, None] - self.mean[0, pair[1]]
            power = precision[0, 0] * dx**2 + 2 * precision[0, 1] * dx * dy + precision[1, 1] * dy**2
            return np.exp(-0.5 * power) * math.sqrt(np.linalg.det(precision)) / (2 * math.pi)
        factors = []
        for points, coordinate in ((x, pair[0]), (y, pair[1])):
            mean, deviation = (a[:, None] for a in self._marginal(coordinate, sigma))
            factors.append(np.exp(-0.5 * ((points - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi)))
        return np.einsum("k,ky,kx->yx", self.weight, factors[1], factors[0], optimize=True)

    def _pair_pdf_at(self, points, pair, sigma):
        if self.covariance is not None:
            delta = points - self.mean[0, pair]
            precision = np.linalg.inv(self._pair_covariance(pair, sigma))
            power = np.einsum("ni,ij,nj->n", delta, precision, delta)
            return np.exp(-0.5 * power) * math.sqrt(np.linalg.det(precision)) / (2 * math.pi)
        total = np.zeros(len(points))
        for w, m, v in zip(self.weight, self.mean[:, pair], self.variance[:, pair] + sigma**2):
            total += w / (2 * math.pi * math.sqrt(v[0] * v[1])) * np.exp(-0.5 * ((points - m) ** 2 / v).sum(axis=1))
        return total

    def draw(self, n, sigma, coordinates, generator):
        """Exact draws of some coordinates: (n, len(coordinates))."""
        coordinates = list(coordinates)
        if self.covariance is not None:
            covariance = self.covariance[np.ix_(coordinates, coordinates)] + sigma**2 * np.eye(len(coordinates))
            return generator.multivariate_normal(self.mean[0, coordinates], covariance, size=n)
        k = generator.choice(len(self.weight), size=n, p=self.weight)
        deviation = np.sqrt(self.variance[k][:, coordinates] + sigma**2)
        return self.mean[k][:, coordinates] + deviation * generator.standard_normal((n, len(coordinates)))

    def enclosing_levels(self, masses, pair, sigma=0.0, n_draws=20000):
        """Densities whose contours enclose these probabilities (highest-density regions): where x is drawn
        from p, the region {p > t} holds the mass m exactly if t is the (1 - m) quantile of p(x)."""
        pair = list(pair)
        points = self.draw(n_draws, sigma, pair, np.random.default_rng(1))
        density = self._pair_pdf_at(points, pair, sigma)
        return np.quantile(density, [1 - mass for mass in masses])
