"""How good trained scores are, held against the truth: the figures of docs/training.md.
(beside others; time limit: 600 s)"""
import os
import re
import subprocess
import sys
import unittest

import h5py
import numpy

from support import LONG, ROOT, Case, launch, run

PYTHON_PATH = os.path.join(ROOT, "postprocess")


class Learning(Case):
    def command(self, n_ranks, *arguments):
        done = run(launch(n_ranks, *arguments), cwd=ROOT, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def train(self, n_ranks, study, name, *settings):
        self.command(n_ranks, "train", study, "--output", self.path(name), "--quiet",
                     *[word for setting in settings for word in ("--set", setting)])
        return self.path(name, "weights.h5")

    def series(self, name, column):
        with h5py.File(self.path(name, "series.h5")) as file:
            return file[column][:]


class Moons(Learning):
    def test_a_perceptron_learns_the_moons(self):
        """Limits of the score's relative error at sigma .03, .1, .3 and 1, as published with the method's settings."""
        self.train(1, "inputs/train_moons.yaml", "moons")
        self.assertEqual(list(self.series("moons", "validation_sigma")), [0.03, 0.1, 0.3, 1])
        for error, limit in zip(self.series("moons", "validation_relative")[-1], (0.13, 0.115, 0.05, 0.015)):
            self.assertLess(error, limit)
            self.assertGreater(error, limit / 50)


class Lognormal(Learning):
    def test_a_spectral_network_learns_lognormal_fields(self):
        """Relative errors against the truth sampled by chains, of 8 fields: the errors of its mean are some per cent."""
        weights = self.train(2, "inputs/train_lognormal.yaml", "fields", "training.validation.every=0")
        self.command(2, "inspect", "inputs/train_lognormal.yaml", "--output", self.path("inspect"), "--quiet",
                     "--set", f"score.weights={weights}", "--set", "levels={type: explicit, values: [3, 1, 0.3, 0.1]}")
        with h5py.File(self.path("inspect", "inspect.h5")) as file:
            error, linear, accepted = (file[name][:] for name in ("relative_error", "gaussian_relative_error", "acceptance"))
        for found, limit in zip(error, (0.025, 0.035, 0.08, 0.13)):
            self.assertLess(found, limit)
        for found, wiener in zip(linear, (0.07, 0.16, 0.26, 0.35)):  # of the prior alone
            self.assertAlmostEqual(found, wiener, delta=0.35 * wiener)  # other fields, and their spread
        self.assertTrue(all(error < 0.5 * linear))
        self.assertTrue(all((accepted > 0.5) & (accepted < 0.99)))

        self.check_samples(weights)

    def check_samples(self, weights):
        """The trained score's samples, those of its Gaussian part alone (a network of zeros), and exact draws."""
        nothing = self.train(2, "inputs/train_lognormal.yaml", "nothing", "training.validation.every=0",
                             "training.steps=1", "training.learning_rate=1e-30")
        found = {}
        for name, of in (("trained", weights), ("wiener", nothing)):
            self.command(2, "sample", "inputs/train_lognormal.yaml", "--output", self.path(name + "_samples"), "--quiet",
                         "--set", f"score.weights={of}", "--set", "population.particles=32", "--set", "levels.count=2")
            found[name] = self.statistics(self.path(name + "_samples", "snapshot_0003.h5"))
        self.command(2, "field", "inputs/train_lognormal.yaml", "--output", self.path("exact"), "--quiet",
                     "--set", f"score={self.target()}", "--set", "population.particles=256")
        exact = self.statistics(self.path("exact", "snapshot_0001.h5"))
        for name in ("middle", "small", "variance", "skewness"):
            value, error = (numpy.array(found["trained"][name]) - (exact[name][0], 0))
            # five errors of 32 fields, and the bias that 600 steps leave, a fifth of the truth
            self.assertLess(abs(value), 5 * numpy.hypot(error, exact[name][1]) + 0.2 * exact[name][0], msg=name)
        distance = {name: self.kolmogorov(of["cells"], exact["cells"]) for name, of in found.items()}
        self.assertLess(distance["trained"], 0.05)
        self.assertGreater(distance["wiener"], 3 * distance["trained"])  # the prior alone fails the distribution of cells
        self.assertLess(abs(found["wiener"]["skewness"][0]), 0.2 * exact["skewness"][0])

    @staticmethod
    def kolmogorov(a, b):
        """The largest distance between two distribution functions."""
        at = numpy.concatenate([a, b])
        return numpy.max(numpy.abs(numpy.searchsorted(a, at, "right") / len(a) - numpy.searchsorted(b, at, "right") / len(b)))

    @staticmethod
    def target():
        with open(os.path.join(ROOT, "inputs", "train_lognormal.yaml")) as file:
            spectrum = re.search(r"spectrum: (\{.*\})", file.read()).group(1)
        return ("{type: lognormal_field, mesh: {cells: [64, 64], box_size: [64, 64]}, spectrum: " + spectrum +
                ", spectrum_of: log, mean_power: 0}")

    @staticmethod
    def statistics(path):
        """{name: (mean over fields, its standard error)}, and all cells, sorted."""
        with h5py.File(path) as file:
            x = file["density"][:]
        n = numpy.fft.fftfreq(64, 1 / 64)
        k = numpy.hypot(n[:, None], n[None, :])
        power = numpy.abs(numpy.fft.fft2(x))**2 / 64**2
        centred = x - x.mean(axis=(1, 2), keepdims=True)
        variance = numpy.mean(centred**2, axis=(1, 2))
        of_fields = {"middle": power[:, (k > 3.5) & (k < 8.5)].mean(axis=1), "variance": variance,
                     "small": power[:, (k > 8.5) & (k < 16.5)].mean(axis=1),
                     "skewness": numpy.mean(centred**3, axis=(1, 2)) / variance**1.5}
        found = {name: (values.mean(), values.std() / len(values)**0.5) for name, values in of_fields.items()}
        return {**found, "cells": numpy.sort(x.ravel())}


class UNet(Learning):
    @unittest.skipUnless(LONG, "a minute or two of training")
    def test_a_unet_learns_lognormal_fields(self):
        """Its own table, 300 steps."""
        weights = self.train(2, "inputs/train_unet.yaml", "fields", "training.validation.every=0")
        self.command(2, "inspect", "inputs/train_unet.yaml", "--output", self.path("inspect"), "--quiet",
                     "--set", f"score.weights={weights}", "--set", "levels={type: explicit, values: [3, 1, 0.3, 0.1]}")
        with h5py.File(self.path("inspect", "inspect.h5")) as file:
            error = file["relative_error"][:]
        for found, limit in zip(error, (0.03, 0.04, 0.07, 0.14)):
            self.assertLess(found, limit)


class EndToEnd(Learning):
    def test_samples_are_as_near_to_held_out_data_as_data_are(self):
        """The demo's run: sliced Wasserstein-2 distance to held-out stars within 1.5 times data-to-data."""
        environment = dict(os.environ, PYTHONPATH=PYTHON_PATH, MPLBACKEND="Agg")
        data = self.path("galaxy.h5")
        self.assertEqual(run([sys.executable, os.path.join(ROOT, "scripts", "make-galaxy"), data]).returncode, 0)
        weights = self.train(2, "inputs/train_galaxy.yaml", "train", f"data.path={data}")
        self.command(2, "sample", "inputs/train_galaxy.yaml", "--output", self.path("sample"), "--quiet",
                     "--set", f"score.weights={weights}", "--set", "levels.count=2")
        done = subprocess.run([sys.executable, "-m", "sculptor_plot", "learning", self.path("train"), self.path("sample")],
                              env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        ratio = float(re.search(r"ratio ([\d.]+)", done.stdout).group(1))
        self.assertLess(ratio, 1.5)
        self.assertTrue(os.path.getsize(self.path("sample", "pictures", "learning.png")) > 50000)


class Studies(Learning):
    def test_an_energy_is_a_gradient_while_it_learns_and_a_perceptron_is_not(self):
        short = ("training.steps=120", "training.validation.every=40", "training.validation.examples=512",
                 "network.width=32")
        for kind in ("mlp", "energy"):
            self.train(1, "inputs/studies/conservative.yaml", kind, f"network.type={kind}", *short)
        self.train(1, "inputs/train_lognormal.yaml", "spectral", "training.steps=10", "training.validation.every=5",
                   "training.validation.examples=4")
        asymmetry = {}
        for kind in ("mlp", "energy", "spectral"):
            values = self.series(kind, "validation_asymmetry")
            asymmetry[kind] = values[numpy.isfinite(values[:, 0])]
            self.assertGreaterEqual(len(asymmetry[kind]), 2)
        self.assertGreater(asymmetry["mlp"].min(), 1e-3)
        for kind in ("energy", "spectral"):  # float32: 6e-8 a product, of some tens summed
            self.assertLess(asymmetry[kind].max(), 2e-6)
            self.assertGreater(asymmetry[kind].max(), 0)  # it is measured, not assumed

    def test_a_bound_on_steepness_smears_modes(self):
        width, weight = {}, {}
        for bound in (0.5, 1, 0):
            weights = self.train(1, "inputs/studies/lipschitz.yaml", f"train_{bound}", f"network.spectral_norm={bound}",
                                 "training.steps=400")
            self.command(1, "sample", "inputs/studies/lipschitz.yaml", "--output", self.path(f"sample_{bound}"), "--quiet",
                         "--set", f"score.weights={weights}", "--set", "population.particles=2048")
            with h5py.File(self.path(f"sample_{bound}", "snapshot_0002.h5")) as file:
                x = file["state"][:]
            width[bound], weight[bound] = x[:, 1].std(), numpy.mean(x[:, 0] > 0)
        self.assertAlmostEqual(width[0], 0.1, delta=0.02)
        self.assertGreater(width[1], 1.5 * width[0])
        self.assertGreater(width[0.5], 1.5 * width[1])
        self.assertAlmostEqual(weight[0], 0.8, delta=5.85 * (0.16 / 2048)**0.5)  # no bound: within the scatter
        self.assertNotEqual(weight[0.5], weight[0])


if __name__ == "__main__":
    unittest.main()
