"""scripts/run-pictures: from the project's inputs to pictures, and what the inputs say of themselves.

(beside others)"""
import os
import unittest

import h5py
import numpy as np

from support import Case, ENVIRONMENT, ROOT, run, snapshots


class Pictures(Case):
    def made(self, *names, status=0, **environment):
        ENVIRONMENT.update(RUNS=self.path("runs"), RANKS="1", **environment)
        done = run([os.path.join(ROOT, "scripts", "run-pictures"), *names])
        for name in ("RUNS", "RANKS", *environment):
            del ENVIRONMENT[name]
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def last(self, directory, name):
        path = self.path("runs", directory)
        with h5py.File(os.path.join(path, snapshots(path)[-1])) as file:
            return file[name][:]

    def assert_png(self, *where):
        with open(self.path("runs", *where), "rb") as file:
            self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")

    def test_five_samplers_are_drawn_at_equal_evaluations(self):
        self.made("five_samplers", NFE="12")
        self.assert_png("five_samplers", "compare.png")
        names = ("ancestral", "predictor_corrector", "probability_flow", "dpm_solver", "sde_dpm_solver")
        for name in names:
            self.assertEqual(set(self.last(f"five_samplers/{name}", "evaluations")), {12}, name)

    def test_forward_and_reverse_meet_at_both_ends(self):
        self.made("forward_and_reverse")
        self.assert_png("reverse_vp", "pictures", "forward_and_reverse.png")
        for name in ("forward_vp", "reverse_vp"):
            with h5py.File(self.path("runs", name, "series.h5")) as series:
                self.assertEqual(len(series["sigma"]), 6)
                noise = int(np.argmax(series["sigma"][:]))
                # exact draws of N(0, I) but for the data's part, 1e-4 of the variance: 12000 particles
                tolerance = 5.85 * (2 / 12000) ** 0.5 + 1e-3
                np.testing.assert_allclose(series["covariance"][noise], np.eye(2), atol=tolerance)

    def test_likelihood_map_and_paths_are_drawn(self):
        self.made("likelihood_map", "paths")
        self.assert_png("likelihood_map", "pictures", "likelihood.png")
        self.assert_png("paths", "pictures", "paths.png")
        # The ends of the paths are the data that were inverted. Both ways have 60 steps of Heun's method, whose errors
        # of order (ln sigma step)^2 = (7.6/60)^2 do not all cancel.
        with h5py.File(self.path("runs", "paths_latents", "snapshot_0001.h5")) as file:
            data = file["state"][:]
        found = self.last("paths", "state").reshape(6, 60, 2)
        np.testing.assert_allclose(found[:, 0], data[0::2], atol=0.1)
        np.testing.assert_allclose(found[:, -1], data[1::2], atol=0.1)

    def test_bad_use_is_one_line_and_status_2(self):
        self.assertRegex(self.made("six_samplers", status=2), r"^run-pictures: there is no picture six_samplers; .*\n$")
        self.assertRegex(self.made("five_samplers", status=2, NFE="7"), r"^run-pictures: NFE is 7: .*\n$")


class Inputs(Case):
    """What the comments of inputs claim."""

    def last(self, name):
        directory = self.path(name)
        self.sample(1, os.path.join(ROOT, "inputs", name + ".yaml"), "--output", directory, "--quiet")
        return h5py.File(os.path.join(directory, snapshots(directory)[-1]))

    def test_edm_ends_in_the_data_after_35_evaluations(self):
        with self.last("edm") as file:
            self.assertEqual((file["sigma"][()], set(file["evaluations"][:])), (0, {35}))
            x = file["state"][:]
        # modes of width 0.08: of 40,000 coordinates none lies 5.5 widths away but once in 600 such runs
        self.assertLess(np.abs(x - np.round(x)).max(), 0.44)
        self.assertLess(abs(np.std(x - np.round(x)) / 0.08 - 1), 0.15)
        modes = np.round(x).astype(int)
        self.assertEqual((modes.min(), modes.max()), (-2, 2))

    def test_fields_take_30_evaluations(self):
        with self.last("reverse_field") as file:
            self.assertEqual(set(file["evaluations"][:]), {30})

    def test_adaptive_steps_differ_between_particles(self):
        with self.last("adaptive") as file:
            evaluations = file["evaluations"][:]
        self.assertGreater(evaluations.max(), 1.3 * evaluations.min())


if __name__ == "__main__":
    unittest.main()
