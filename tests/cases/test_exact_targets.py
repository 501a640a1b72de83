"""Moons, ring and grid: every mode's weight and variance against the exact noised target at the last level.

(beside others)"""
import os
import unittest

import h5py
import numpy as np

from support import Case

# Within five standard errors: of 3 targets with up to 64 modes each, 2 weights and variances per mode, the
# largest of some 300 |z| exceeds 5 by chance once in 6,000 seeds.
LARGEST_Z = 5.0

INPUT = """
seed: 11
population: {{particles: 20000, initial: {{type: normal}}}}
score: {score}
levels: {{type: geometric, sigma_max: {sigma_max}, sigma_min: {sigma_min}, count: {count}}}
sampler: {{type: annealed_langevin, scheme: mala, step_size: {step}, steps_per_level: {steps}}}
"""


def responsibilities(x, weight, mean, variance):
    """Posterior probability of each component for each particle, (particle, component)."""
    log_p = np.log(weight) - 0.5 * np.sum(np.log(variance), axis=1)
    for j in range(x.shape[1]):
        log_p = log_p - 0.5 * (x[:, j, None] - mean[:, j]) ** 2 / variance[:, j]
    log_p -= log_p.max(axis=1, keepdims=True)
    p = np.exp(log_p)
    return p / p.sum(axis=1, keepdims=True)


class ExactTargets(Case):
    def check(self, score, **numbers):
        """E r_k = w_k and E r_k (x - mu_k)^2 = w_k v_k hold exactly, however much the components overlap."""
        directory = self.path("run")
        input_file = self.write("input.yaml", INPUT.format(score=score, **numbers))
        self.sample(2, input_file, "--output", directory, "--quiet")
        last = sorted(n for n in os.listdir(directory) if n.startswith("snapshot_"))[-1]
        with h5py.File(os.path.join(directory, last)) as snapshot:
            x, sigma = snapshot["state"][:], snapshot["sigma"][()]
        with h5py.File(os.path.join(directory, "series.h5")) as series:
            weight, mean, clean = (series["target_" + name][:] for name in ("weight", "mean", "variance"))
        variance = clean + sigma ** 2
        self.assertAlmostEqual(weight.sum(), 1, delta=1e-12)
        r = responsibilities(x, weight, mean, variance)
        n = len(x)
        z_weight = (r.mean(axis=0) - weight) / (r.std(axis=0, ddof=1) / np.sqrt(n))
        self.assertLess(np.abs(z_weight).max(), LARGEST_Z, f"weights: {z_weight}")
        for j in range(x.shape[1]):
            excess = r * ((x[:, j, None] - mean[:, j]) ** 2 - variance[:, j])
            z = excess.mean(axis=0) / (excess.std(axis=0, ddof=1) / np.sqrt(n))
            self.assertLess(np.abs(z).max(), LARGEST_Z, f"variances along coordinate {j}: {z}")

    def test_ring_has_the_exact_weights_and_variances(self):
        self.check("{type: ring}", sigma_max=10, sigma_min=0.1, count=12, step=0.01, steps=100)

    def test_grid_has_the_exact_weights_and_variances(self):
        self.check("{type: grid}", sigma_max=10, sigma_min=0.1, count=12, step=0.01, steps=100)

    def test_moons_have_the_exact_weights_and_variances(self):
        self.check("{type: moons}", sigma_max=10, sigma_min=0.1, count=12, step=0.01, steps=100)


if __name__ == "__main__":
    unittest.main()
