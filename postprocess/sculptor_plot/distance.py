"""How far a population is from an exact law, as one number: the Wasserstein-1 distance of its projections on a plane's
directions, averaged over them (sliced Wasserstein distance; Bonneel et al. 2015, J. Math. Imaging Vis. 51, 22).

Of one direction u it is the area between the empirical and the exact distribution function of u.x, in x's own units.
Exact draws are not at 0 either: of n of them the expected area is close to sqrt(2/pi) int sqrt(F (1 - F)/n)."""

import math

import numpy as np

from .target import normal_cdf

DIRECTIONS, POINTS = 24, 600


def _projected(law, pair, u):
    """Means and deviations of the components' projections."""
    mean = law.mean[:, pair] @ u
    if law.covariance is not None:
        return mean, np.sqrt([u @ law.covariance[np.ix_(pair, pair)] @ u])
    return mean, np.sqrt(law.variance[:, pair] @ u**2)


def sliced_distance(points, law, pair):
    """(distance, what exact draws of the same number would have) of points (n, 2) from two coordinates of a law."""
    found, expected = [], []
    for angle in np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS:
        u = np.array([math.cos(angle), math.sin(angle)])
        mean, deviation = _projected(law, list(pair), u)
        values = np.sort(points @ u)
        low, high = (mean - 6 * deviation).min(), (mean + 6 * deviation).max()
        # Beyond these ends the exact function is 0 or 1, and the area is that of the particles' own distances.
        x = np.linspace(low, high, POINTS)
        exact = (law.weight * normal_cdf((x[:, None] - mean) / deviation)).sum(axis=1)
        seen = np.searchsorted(values, x, side="right") / len(values)
        outside = np.maximum(low - values, 0) + np.maximum(values - high, 0)
        step = x[1] - x[0]
        found.append(np.abs(seen - exact).sum() * step + outside.mean())
        expected.append(math.sqrt(2 / math.pi / len(values)) * np.sqrt(exact * np.clip(1 - exact, 0, 1)).sum() * step)
    return float(np.mean(found)), float(np.mean(expected))
