"""The toy of Song & Ermon 2019: plain Langevin dynamics gets the modes' weights wrong, annealed nearly right.

(beside others)"""
import os
import unittest

import h5py
import numpy as np

from support import Case, ROOT

PARTICLES = 60000
# Fraction of particles in the (5, 5) mode, and its error, as published for 60,000 particles.
PLAIN, PLAIN_ERROR = 0.5105, 0.002
ANNEALED, ANNEALED_ERROR = 0.7855, 0.0017


def exact_fraction(levels, steps):
    """What the scheme itself gives with infinitely many particles.

    The responsibilities depend on u = (x + y)/sqrt(2) alone, so u is a Markov chain of its own whose kernel is
    N(u + e s(u), 2 e). Its density is carried by the trapezoidal rule, which for a kernel of standard deviation
    sqrt(2 e) >= 0.31 on a grid of 0.2 is exact to exp(-2 pi^2 (0.31/0.2)^2) = 1e-20."""
    du = 0.2
    u = np.arange(-800, 801) * du  # eight standard deviations at sigma = 20
    mode, edge = 5 * np.sqrt(2), 8 * np.sqrt(2)
    p = np.maximum(0, edge - np.abs(u))  # of a uniform square along its diagonal
    p /= p.sum()
    for sigma, e in levels:
        log_ratio = np.log(0.25) + ((u - mode) ** 2 - (u + mode) ** 2) / (2 * sigma ** 2)
        r = 1 / (1 + np.exp(np.clip(log_ratio, -700, 700)))
        mean = u + e * (r * (mode - u) - (1 - r) * (mode + u)) / sigma ** 2
        kernel = np.exp(-(u[:, None] - mean) ** 2 / (4 * e)) * du / np.sqrt(4 * np.pi * e)
        for _ in range(steps):
            p = kernel @ p
    return p[u > du / 2].sum() + p[len(u) // 2] / 2


class NcsnToy(Case):
    def fraction(self, name, last):
        directory = self.path(name)
        self.sample(2, os.path.join(ROOT, "inputs", name + ".yaml"), "--output", directory, "--quiet")
        with h5py.File(os.path.join(directory, last)) as snapshot:
            state = snapshot["state"][:]
        self.assertEqual(state.shape, (PARTICLES, 2))
        with h5py.File(os.path.join(directory, "series.h5")) as series:
            occupation = series["mode_occupation"][-1]
        counted = ((state - 5) ** 2).sum(axis=1) < ((state + 5) ** 2).sum(axis=1)
        # the likeliest component differs from the nearest only within ln 4/14 of the border
        self.assertAlmostEqual(occupation[0], counted.mean(), delta=5e-4)
        return counted.mean()

    def check(self, fraction, exact, published, published_error):
        error = np.sqrt(exact * (1 - exact) / PARTICLES)
        self.assertLess(abs(fraction - exact) / error, 5.85, f"{fraction}, exactly {exact}")
        # ours and the published number are both draws with an error: three of their difference's
        self.assertLess(abs(fraction - published), 3 * np.hypot(published_error, error), f"{fraction}, not {published}")

    def test_plain_langevin_has_its_exact_and_the_published_fraction(self):
        exact = exact_fraction([(1, 0.05)], 1000)
        self.check(self.fraction("ncsn_toy_plain", "snapshot_0001.h5"), exact, PLAIN, PLAIN_ERROR)

    def test_annealed_langevin_has_its_exact_and_the_published_fraction(self):
        sigma = np.geomspace(20, 1, 10)
        exact = exact_fraction([(s, 0.05 * s * s) for s in sigma], 100)
        self.check(self.fraction("ncsn_toy_annealed", "snapshot_0010.h5"), exact, ANNEALED, ANNEALED_ERROR)


if __name__ == "__main__":
    unittest.main()
