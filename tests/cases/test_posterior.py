"""The posterior of a field given masked, blurred data of uneven noise: samples against the exact mean and variance of every cell.

(beside others)"""
import os
import unittest

import h5py
import numpy as np

from support import Case, launch, run

LARGEST_Z = 5.0  # of 180 cells, a mean and a variance each: by chance once in 5,000 seeds
FIELDS = 400
NY, NX = 12, 15

INPUT = """
seed: 5
population: {{particles: {fields}, initial: {{type: normal, sigma: 1}}}}
score:
  type: posterior
  mesh: {{cells: [15, 12], box_size: [15, 12]}}
  spectrum: {{type: power_law, amplitude: 3, index: -1.5, pivot: 1}}
  observation: {{file: {file}, data: kappa, mask: seen, noise: error, beam_fwhm: 1.5}}
  exact_variance: true
levels: {{type: explicit, values: {levels}}}
sampler: {sampler}
"""


def deviations(x, mean, variance):
    """z of the samples' mean and of their variance, cell by cell; x[field][cell...]."""
    n = len(x)
    z_mean = (x.mean(axis=0) - mean) / np.sqrt(variance / n)
    ratio = x.var(axis=0, ddof=1) / variance
    free = n - 1
    z_variance = (np.cbrt(ratio) - (1 - 2 / (9 * free))) / np.sqrt(2 / (9 * free))  # Wilson & Hilferty 1931
    return z_mean, z_variance


class Posterior(Case):
    def write_map(self):
        """Data a user might have: a map, where it was seen (a quarter was not), and errors that grow to the right."""
        rng = np.random.default_rng(3)
        seen = np.ones((NY, NX), dtype=bool)
        seen[3:8, 4:12] = False
        path = self.path("map.h5")
        with h5py.File(path, "w") as file:
            kappa, error = rng.normal(0, 2, (NY, NX)).astype("f4"), np.linspace(0.5, 1.5, NX) * np.ones((NY, 1))
            kappa[~seen], error[~seen] = np.nan, np.inf  # as maps have it where nothing was seen
            file["kappa"], file["seen"], file["error"] = kappa, seen, error
        return path, seen

    def check(self, directory, snapshot, seen):
        with h5py.File(os.path.join(directory, "wiener.h5")) as exact:
            mean, variance = exact["wiener_mean"][:], exact["posterior_variance"][:]
        with h5py.File(os.path.join(directory, snapshot)) as file:
            self.assertEqual(file["sigma"][()], 0)
            x = file["density"][:]
        self.assertEqual(x.shape, (FIELDS, NY, NX))
        z_mean, z_variance = deviations(x, mean, variance)
        for name, cells in (("seen", seen), ("masked", ~seen)):
            self.assertLess(np.abs(z_mean[cells]).max(), LARGEST_Z, f"mean of {name} cells")
            self.assertLess(np.abs(z_variance[cells]).max(), LARGEST_Z, f"variance of {name} cells")
        self.assertGreater(variance[~seen].mean(), 1.3 * variance[seen].mean())  # data tell something

    def sample_posterior(self, sampler, levels):
        path, seen = self.write_map()
        input_file = self.write("input.yaml", INPUT.format(fields=FIELDS, file=path, sampler=sampler, levels=levels))
        directory = self.path("run")
        self.sample(2, input_file, "--output", directory, "--quiet")
        last = sorted(name for name in os.listdir(directory) if name.startswith("snapshot_"))[-1]
        self.check(directory, last, seen)

    def test_fourier_hmc_samples_the_exact_mean_and_variance_of_every_cell(self):
        self.sample_posterior("{type: fourier_hmc, step_size: 0.25, leapfrog_steps: 8, steps_per_level: 60}", "[1, 0]")

    def test_fourier_mala_samples_the_exact_mean_and_variance_of_every_cell(self):
        self.sample_posterior("{type: fourier_mala, step_size: 0.05, steps_per_level: 600}", "[1, 0]")

    def test_constrained_realisations_have_the_exact_mean_and_variance_of_every_cell(self):
        path, seen = self.write_map()
        input_file = self.write("input.yaml", INPUT.format(fields=FIELDS, file=path, levels="[0]", sampler="{type: fourier_ula, "
                                                           "step_size: 1, steps_per_level: 1}"))
        done = run(launch(2, "field", input_file, "--output", self.path("drawn"), "--quiet"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check(self.path("drawn"), "snapshot_0001.h5", seen)

    def test_a_bad_cell_of_one_rank_stops_all_with_one_line(self):
        path, _ = self.write_map()
        with h5py.File(path, "a") as file:
            file["error"][NY - 1, 2] = 0  # the last rank's
        input_file = self.write("input.yaml", INPUT.format(fields=1, file=path, levels="[0]", sampler="{type: fourier_ula, "
                                                           "step_size: 1, steps_per_level: 1}"))
        done = run(launch(3, "sample", input_file, "--output", self.path("run"), "--set", "parallel.domain_ranks=3"),
                   timeout=30)
        self.assertEqual(done.returncode, 2, done.stderr)
        said = [line for line in done.stderr.splitlines() if "noise" in line]
        self.assertEqual(len(said), 1, done.stderr)
        self.assertIn("score.observation", said[0])
        self.assertFalse(os.path.exists(self.path("run", "parameters.txt")))

    def test_data_of_another_shape_are_refused_in_one_line(self):
        path, _ = self.write_map()
        with h5py.File(path, "a") as file:
            del file["seen"]
            file["seen"] = np.ones((NX, NY))
        input_file = self.write("input.yaml", INPUT.format(fields=1, file=path, levels="[0]", sampler="{type: fourier_ula, "
                                                           "step_size: 1, steps_per_level: 1}"))
        done = run(launch(1, "check", input_file)[4:])
        self.assertEqual(done.returncode, 2)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], r"^.*input\.yaml:\d+: score.*seen in .*map\.h5 has shape \(15, 12\), but the mesh is \(12, 15\)")


if __name__ == "__main__":
    unittest.main()
