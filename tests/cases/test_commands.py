"""check, help, docs and the files a run leaves, as a user meets them.

(beside others)"""
import os
import re
import sys
import unittest

import h5py
import numpy as np

import sampler_inputs
from support import BUILD, Case, ROOT, SCULPTOR, checkpoints, run, snapshots


class Commands(Case):
    def test_parameters_page_is_what_the_rows_say(self):
        with open(os.path.join(ROOT, "docs", "parameters.md")) as page:
            written = page.read()
        self.assertEqual(run([SCULPTOR, "help", "--markdown"]).stdout, written, "stale: run make docs")

    def test_help_knows_sections_names_and_keys(self):
        for topic, word in (("samplers", "leimkuhler_matthews"), ("scores", "gaussian_mixture"), ("schedules", "karras"),
                            ("initials", "uniform"), ("step_size", "step_size"), ("sampler.step_size", "step_size"),
                            ("hmc", "leapfrog_steps"), ("checkpoint", "every_seconds")):
            done = run([SCULPTOR, "help", topic])
            self.assertEqual(done.returncode, 0, topic)
            self.assertIn(word, done.stdout, topic)
        self.assertIn("mpirun", run([SCULPTOR, "--help"]).stdout)
        self.assertRegex(run([SCULPTOR, "--version"]).stdout, r"^sculptor \d+\.\d+\.\d+ \(.+\)\n$")

    def test_every_input_of_the_project_is_valid(self):
        inputs = sorted(n for n in os.listdir(os.path.join(ROOT, "inputs")) if n.endswith(".yaml"))
        self.assertGreaterEqual(len(inputs), 5)
        os.mkdir(self.path("runs"))  # where the project's inputs expect what scripts make
        run([sys.executable, os.path.join(ROOT, "scripts", "make-galaxy"), self.path("runs", "galaxy.h5"), "1000"])
        for name in inputs:
            built = os.path.join(BUILD, "plugins", "example_mixture.so")
            moved = ["--set", "score.library=" + built] if name == "plugin_mixture.yaml" else []
            done = run([SCULPTOR, "check", os.path.join(ROOT, "inputs", name), *moved], cwd=self.scratch)
            self.assertEqual(done.returncode, 0, name + ": " + done.stderr)

    def test_check_predicts_what_the_run_takes(self):
        text = sampler_inputs.text("hmc", particles=20000, steps=30)
        input_file, directory = self.write("a.yaml", text), self.path("run")
        done = run([SCULPTOR, "check", input_file, "--output", directory])
        said = done.stdout
        self.assertEqual(done.stderr, "")
        self.assertIn("would start", said)
        self.sample(1, input_file, "--output", directory)
        evaluations = float(re.search(r"score evaluations +([0-9.e+]+)", said).group(1))
        with h5py.File(os.path.join(directory, "series.h5")) as series:
            # four digits are printed
            self.assertLess(abs(series["evaluations"][:].sum() / evaluations - 1), 1e-3)
        mib = float(re.search(r"3 snapshots +([0-9.]+) MiB", said).group(1))
        size = sum(os.path.getsize(os.path.join(directory, n)) for n in snapshots(directory)) / 2**20
        self.assertLess(abs(size / mib - 1), 0.05)
        again = run([SCULPTOR, "check", input_file, "--output", directory]).stdout
        self.assertIn("would do nothing", again)

    def test_check_predicts_the_evaluations_of_every_sampler(self):
        for name in sampler_inputs.SAMPLERS:
            directory = self.path(name)
            input_file = self.write("a.yaml", sampler_inputs.text(name, particles=64, steps=100))
            said = run([SCULPTOR, "check", input_file]).stdout
            self.sample(1, input_file, "--output", directory)
            predicted = re.search(r"score evaluations +([0-9.e+]+)( or more)?", said)
            with h5py.File(os.path.join(directory, "series.h5")) as series:
                actual = series["evaluations"][:].sum()
            if predicted.group(2):
                self.assertGreaterEqual(actual, float(predicted.group(1)), name)
            else:
                self.assertLess(abs(actual / float(predicted.group(1)) - 1), 1e-3, name)

    def test_check_foresees_what_sample_refuses(self):
        input_file = self.write("a.yaml", sampler_inputs.text("ula", particles=100, steps=3))
        directory, moved = self.path("run"), self.path("moved.h5")
        self.sample(1, input_file, "--output", directory)
        newest = os.path.join(directory, checkpoints(directory)[-1])
        os.rename(newest, moved)  # without its manifest
        for arguments, foreseen, said in (
                (["--output", directory, "--set", "seed=99"], "would refuse", "seed: 99 here"),
                (["--output", self.path("other"), "--resume", moved], "would stop", "manifest")):
            check = run([SCULPTOR, "check", input_file, *arguments])
            self.assertIn(foreseen, check.stdout)
            self.assertIn(said, check.stdout)
            self.assertIn(said, self.sample(1, input_file, *arguments, status=2).stderr)

    def test_more_bytes_than_a_file_can_have_are_refused(self):
        done = run([SCULPTOR, "check", self.write("a.yaml", "seed: 1\n"
                    "population: {particles: 1099511627776, initial: {type: normal}}\n"
                    "score: {type: gaussian, dimension: 1048576, mean: 0, sigma: 1}\n"
                    "sampler: {type: ula, step_size: 1, steps_per_level: 1}\n")])
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("a.yaml:2: population.particles: ", done.stderr)

    def test_state_is_one_root_data_set_in_the_order_of_particle_id(self):
        directory = self.path("run")
        with h5py.File(self.path("start.h5"), "w") as file:
            file["state"] = np.arange(3 * 1000, dtype="f8").reshape(1000, 3)
        text = sampler_inputs.text("ula", particles=999, steps=1, levels=1).replace(
            "{type: normal}", f"{{type: file, path: {self.path('start.h5')}}}")
        self.sample(3, self.write("a.yaml", text), "--output", directory, "--set", "output.initial=true")
        with h5py.File(os.path.join(directory, "snapshot_0000.h5")) as first:
            np.testing.assert_array_equal(first["state"][:], np.arange(3 * 999.0).reshape(999, 3))
            np.testing.assert_array_equal(first["particle"][:], np.arange(999))
        with h5py.File(os.path.join(directory, "snapshot_0001.h5")) as last:
            self.assertEqual(last["state"].shape, (999, 3))
            self.assertEqual(last["sigma"][()], 0.5)

    def test_series_reads_in_one_line(self):
        directory = self.path("run")
        self.sample(2, self.write("a.yaml", sampler_inputs.text("annealed_mala", particles=3000, steps=60)),
                    "--output", directory)
        mean = h5py.File(os.path.join(directory, "series.h5"))["mean"][:]
        self.assertEqual(mean.shape, (3, 3))
        with h5py.File(os.path.join(directory, "series.h5")) as series, \
                h5py.File(os.path.join(directory, "snapshot_0003.h5")) as snapshot:
            state = snapshot["state"][:]
            # numpy sums in another order: a few roundings of the largest term
            np.testing.assert_allclose(mean[-1], state.mean(axis=0), rtol=0, atol=1e-12)
            np.testing.assert_allclose(series["covariance"][-1], np.cov(state.T), rtol=1e-11, atol=1e-12)
            self.assertEqual(series["covariance"].shape, (3, 3, 3))
            self.assertTrue(np.all((series["acceptance"][:] > 0) & (series["acceptance"][:] <= 1)))
            np.testing.assert_allclose(series["mode_occupation"][:].sum(axis=1), 1, atol=1e-12)
            np.testing.assert_allclose(series["mode_weight"][:].sum(axis=1), 1, atol=1e-12)
            self.assertTrue(np.all(series["wall_seconds"][:] > 0))
            e, s2 = series["step_size"][:], series["mean_score_squared"][:]
            np.testing.assert_allclose(series["noise_drift_ratio"][:], 2 * 3 / e / s2, rtol=1e-14)

    def test_initial_populations_follow_their_laws(self):
        def population(initial):
            directory = self.path(re.sub(r"\W+", "_", initial))
            text = sampler_inputs.text("ula", particles=50000, steps=1, levels=1).replace("{type: normal}", initial)
            self.sample(2, self.write("a.yaml", text), "--output", directory, "--set", "output.initial=true")
            with h5py.File(os.path.join(directory, "snapshot_0000.h5")) as first:
                return first["state"][:]

        def check(x, mean, variance, kurtosis):
            """Means and variances within |z| < 5.85; the variance's error is v sqrt((kurtosis - 1)/n)."""
            n = len(x)
            self.assertLess(np.abs((x.mean(axis=0) - mean) / np.sqrt(variance / n)).max(), 5.85)
            error = variance * np.sqrt((kurtosis - 1) / n)
            self.assertLess(np.abs((x.var(axis=0, ddof=1) - variance) / error).max(), 5.85)

        check(population("{type: normal, mean: [1, 2, 3], sigma: 2}"), np.array([1, 2, 3]), np.full(3, 4.0), 3)
        box = population("{type: uniform, low: [-1, 0, 5], high: [1, 10, 6]}")
        check(box, np.array([0, 5, 5.5]), np.array([4, 100, 1]) / 12, 1.8)
        self.assertTrue(np.all(box > [-1, 0, 5]) and np.all(box < [1, 10, 6]))
        x = population("{type: target}")
        weight = np.array([0.5, 0.3, 0.2])
        means = np.array([[2, 1, 0], [-2, 0, 1], [0, -3, -1.0]])
        clean = np.array([[0.49] * 3, [0.25, 1, 0.64], [0.36] * 3])
        mean = weight @ means
        variance = weight @ (clean + 0.5 ** 2 + (means - mean) ** 2)
        check(x, mean, variance, 3)


if __name__ == "__main__":
    unittest.main()
