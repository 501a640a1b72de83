"""`sculptor inspect`: errors against closed forms, the same on any ranks, samples against draws, what is refused.

(beside others)"""
import os
import unittest

import h5py
import numpy as np

from support import Case, SCULPTOR, launch, run

Z_LIMIT = 5.85
LEVELS = "levels: {type: geometric, sigma_max: 8, sigma_min: 0.25, count: 21}\n"


def gaussian(sigma, n_dim=3):
    return f"{{type: gaussian, mean: [{', '.join(['0.5'] * n_dim)}], sigma: {sigma}}}"


def mixture(sigma):
    return ("{type: gaussian_mixture, components: [{weight: 0.5, mean: [2, 0], sigma: %s}, "
            "{weight: 0.5, mean: [-2, 1], sigma: 0.5}]}" % sigma)


def field(amplitude, more="", kind="gaussian_field"):
    return (f"{{type: {kind}, mesh: {{cells: [12, 10], box_size: [12, 10]}}, "
            f"spectrum: {{type: power_law, amplitude: {amplitude}, index: -1.5}}{more}}}")


def text(score, against, levels=LEVELS, more=""):
    return (f"seed: 7\nscore: {score}\n{levels}inspect: {{against: {against}{more}}}\n"
            "fft: {planning: estimate, plans: none}\n")


class Inspect(Case):
    def inspect(self, content, name, *arguments, ranks=1, status=0):
        """Runs the command; returns the arrays of its file, or where it fails what it said."""
        input_file, directory = self.write(f"{name}.yaml", content), self.path(name)
        command = [SCULPTOR] if ranks == 1 else launch(ranks)
        done = run([*command, "inspect", input_file, "--output", directory, *arguments])
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        path = os.path.join(directory, "inspect.h5")
        if status != 0:
            self.assertFalse(os.path.exists(path))
            return done.stderr
        with h5py.File(path) as file:
            return {key: file[key][()] for key in file}

    def same_on_any_ranks(self, content, *arguments, ranks=3):
        first, other = self.inspect(content, "one", *arguments), self.inspect(content, "many", *arguments, ranks=ranks)
        self.assertEqual(set(first), set(other))
        for key, value in first.items():
            np.testing.assert_array_equal(other[key], value, key)
        return first


class Particles(Inspect):
    def test_a_score_is_no_distance_from_itself(self):
        found = self.same_on_any_ranks(text(mixture(0.6), mixture(0.6), more=", examples: 1000, points_per_axis: 9"))
        for key in ("eps", "eps_error", "relative_error", "kl_bound", "map_relative_error"):
            self.assertEqual(np.abs(found[key]).max(), 0, key)
        self.assertLess(found["asymmetry"].max(), 1e-12)
        self.assertTrue(np.isnan(found["acceptance"]).all())

    def test_errors_of_a_gaussian_are_their_closed_form(self):
        n_dim, a, b = 3, 1.3**2, 1.0
        found = self.inspect(text(gaussian(1.3), gaussian(1), more=", examples: 4000"), "run")
        v = found["sigma"] ** 2
        exact = v * (1 / (a + v) - 1 / (b + v)) ** 2 * (b + v)
        self.assertLess(np.abs((found["eps"] - exact) / found["eps_error"]).max(), Z_LIMIT)
        np.testing.assert_array_equal(found["eps_total"], n_dim * found["eps"])
        # |ds|^2 is chi^2 of n_dim degrees: its standard error is known too; 4000 examples give it to some per cent
        np.testing.assert_allclose(found["eps_error"], exact * np.sqrt(2 / n_dim / 4000), rtol=0.2)
        # ds and s are parallel: the ratio is the same everywhere
        np.testing.assert_allclose(found["relative_error"], np.abs((b + v) / (a + v) - 1), rtol=1e-10)
        self.assertLess(found["relative_error_error"].max(), 1e-6)

        # Diffusion takes KL from both Gaussians just so fast: the bound is the difference between its ends. Trapezoids of
        # a smooth function over 20 steps of 0.17 in ln sigma: 0.17^2/12 of its ends' slopes, some 1e-3 of it.
        kl = [n_dim / 2 * ((b + s) / (a + s) - 1 - np.log((b + s) / (a + s))) for s in (v[-1], v[0])]
        bound, error = found["kl_bound"][0], found["kl_bound_error"][0]
        self.assertLess(abs(bound - (kl[0] - kl[1])), Z_LIMIT * error + 5e-3 * bound)
        self.assertLess(error, 0.02 * bound)

    def test_maps_hold_both_scores(self):
        found = self.same_on_any_ranks(text(gaussian(1.5, 2), gaussian(1, 2), more=", examples: 500, points_per_axis: 11"))
        for i, sigma in enumerate(found["sigma"]):
            x = np.stack(np.meshgrid(found["axis_0"][i], found["axis_1"][i])) - 0.5
            s, t = -x / (1.5**2 + sigma**2), -x / (1 + sigma**2)
            for c in (0, 1):
                np.testing.assert_allclose(found[f"score_{c}"][i], s[c], rtol=1e-12, atol=1e-14)
                np.testing.assert_allclose(found[f"truth_{c}"][i], t[c], rtol=1e-12, atol=1e-14)
            inside = np.hypot(*x) > 1e-3 * sigma
            np.testing.assert_allclose(found["map_relative_error"][i][inside],
                                       1 - (1 + sigma**2) / (1.5**2 + sigma**2), rtol=1e-9)
            log_p = -(x**2).sum(axis=0) / (2 * (1 + sigma**2)) - np.log(2 * np.pi * (1 + sigma**2))
            np.testing.assert_allclose(found["truth_log_density"][i], log_p, rtol=1e-12, atol=1e-12)
            # the window: 3.5 standard deviations of 500 examples, known to sqrt(1/1000)
            half = (found["axis_0"][i][-1] - found["axis_0"][i][0]) / 2
            self.assertLess(abs(half / (3.5 * np.sqrt(1 + sigma**2)) - 1), Z_LIMIT * np.sqrt(1 / 1000))

    def samples(self, data):
        with h5py.File(self.path("samples.h5"), "w") as file:
            file["state"] = data
        return ["--set", f"inspect.samples={self.path('samples.h5')}"]

    def test_samples_are_held_against_draws(self):
        generator, n = np.random.default_rng(5), 3000
        levels = "levels: {type: constant, sigma: 1}\n"
        content = text(gaussian(1), gaussian(1), levels, ", examples: 100")
        data = 0.5 + generator.standard_normal((n, 3))
        found = self.same_on_any_ranks(content, *self.samples(data))
        np.testing.assert_allclose(found["samples_mean"][0], data.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found["samples_mean_error"][0], data.std(axis=0, ddof=1) / np.sqrt(n), rtol=1e-12)
        np.testing.assert_allclose(found["samples_covariance"][0].reshape(3, 3), np.cov(data.T, bias=True), rtol=1e-10)
        z = ((found["samples_mean"][0] - found["samples_mean"][1]) / np.hypot(*found["samples_mean_error"]))
        self.assertLess(np.abs(z).max(), Z_LIMIT)
        own, floor = found["sliced_distance"].mean(axis=1)
        self.assertLess(own, 2 * floor)

        shifted = self.inspect(content, "shifted", *self.samples(data + [0.6, 0, 0]))
        # the shift's square along a random direction is a third of 0.36 on average, to 4/45 of its variance over 64
        square = shifted["sliced_distance"][0].mean() ** 2
        self.assertLess(abs(square - 0.12), Z_LIMIT * (0.36 * np.sqrt(4 / 45 / 64) + 2 * 0.35 * floor) + floor**2)
        self.assertGreater(square, 25 * floor**2)
        self.assertGreater((shifted["samples_mean"][0] - shifted["samples_mean"][1])[0], 0.4)


class Fields(Inspect):
    LEVELS = "levels: {type: explicit, values: [1, 0.3]}\n"

    def test_powers_of_denoised_fields_are_their_closed_form(self):
        content = text(field(2), field(1), self.LEVELS, ", examples: 64")
        found = self.same_on_any_ranks(content)
        k, modes = found["wavenumber"], found["modes"]
        ky, kx = (2 * np.pi * np.fft.fftfreq(n) for n in (10, 12))
        all_k = np.hypot(*np.meshgrid(kx, ky))
        width = 2 * np.pi / 12
        shell = np.floor(all_k / width + 0.5)
        for level, sigma in enumerate(found["sigma"]):
            for i in range(len(k)):
                inside = all_k[shell == i + 1]
                self.assertEqual(len(inside), modes[i])
                self.assertAlmostEqual(inside.mean(), k[i], 12)
                d, c = inside**-1.5, 2 * inside**-1.5
                w, v = c / (c + sigma**2), d / (d + sigma**2)
                power = d + sigma**2
                for name, gain in (("denoised", w * w), ("truth", v * v), ("cross", w * v),
                                   ("difference", (w - v) ** 2)):
                    exact, scatter = (gain * power).mean(), np.sqrt(2 * (gain * power**2 * gain).sum()) / len(inside)
                    z = (found[f"power_{name}"][level, i] - exact) / (scatter / np.sqrt(64))
                    self.assertLess(abs(z), Z_LIMIT, (name, sigma, i))
        np.testing.assert_allclose(found["view_noisy"].shape, (2, 10, 12))
        noise = found["view_noisy"] - found["view_clean"]  # 120 cells
        self.assertTrue(np.all(np.abs(noise.std(axis=(1, 2)) / found["sigma"] - 1) < Z_LIMIT / np.sqrt(240)))

    def test_a_lognormal_truth_is_sampled_the_same_on_any_ranks(self):
        lognormal = field(2, kind="lognormal_field")
        found = self.same_on_any_ranks(text(field(2), lognormal, self.LEVELS, ", examples: 3, trajectories: 10"), ranks=2)
        self.assertTrue(np.all(found["acceptance"] > 0.3))
        self.assertTrue(np.all((found["reference_noise"] > 0) & (found["reference_noise"] < 1)))

    def test_samples_of_fields_are_held_against_draws(self):
        lognormal = field(1.5, kind="lognormal_field")
        base = text(lognormal, lognormal, "levels: {type: constant, sigma: 0}\n", ", examples: 2, probes: 0")
        for name, score in (("drawn", lognormal), ("gaussian", field(1.5))):
            content = f"seed: 99\npopulation: {{particles: 64, initial: {{type: normal}}}}\nscore: {score}\n" \
                      "fft: {planning: estimate, plans: none}\n"
            done = run([SCULPTOR, "field", self.write(f"{name}.yaml", content), "--output", self.path(name)])
            self.assertEqual(done.returncode, 0, done.stderr)
        with_samples = ["--set", f"inspect.samples={self.path('drawn', 'snapshot_0001.h5')}"]
        found = self.same_on_any_ranks(base, *with_samples, ranks=2)
        for key in ("power", "moments"):
            of = found[f"samples_{key}"]
            z = (of[0] - of[1]) / np.hypot(*found[f"samples_{key}_error"])
            # skewness and kurtosis of 64 fields are themselves skew: one-sided tails are no Gaussian's
            self.assertLess(np.abs(z).max(), Z_LIMIT, key)
        with h5py.File(self.path("drawn", "snapshot_0001.h5")) as file:
            x = file["density"][()]
        f = np.abs(np.fft.fft2(x)) ** 2 / 120
        ky, kx = (np.fft.fftfreq(n) for n in (10, 12))
        first = np.floor(np.hypot(*np.meshgrid(kx, ky)) * 12 + 0.5) == 1
        np.testing.assert_allclose(found["samples_power"][0][0], f[:, first].mean(), rtol=1e-10)
        np.testing.assert_allclose(found["samples_moments"][0][1], x.var(axis=(1, 2)).mean(), rtol=1e-10)
        density = found["samples_pdf"]
        width = found["samples_pdf_centre"][1] - found["samples_pdf_centre"][0]
        self.assertTrue(np.all(density.sum(axis=1) * width > 0.9) and np.all(density.sum(axis=1) * width <= 1 + 1e-12))
        self.assertLess(found["cells_wasserstein"][0].mean(), 3 * found["cells_wasserstein"][1].mean())

        # a Gaussian field of the same power has the spectrum, but neither skewness nor the distribution
        other = self.inspect(base, "other", "--set", f"inspect.samples={self.path('gaussian', 'snapshot_0001.h5')}")
        z = (other["samples_moments"][0] - other["samples_moments"][1]) / np.hypot(*other["samples_moments_error"])
        self.assertLess(z[2], -10)
        self.assertGreater(other["cells_kolmogorov"][0].mean(), 3 * other["cells_kolmogorov"][1].mean())


class Refused(Inspect):
    def test_what_cannot_be_inspected_is_refused_in_one_line(self):
        lognormal = field(1, kind="lognormal_field")
        clean = "levels: {type: constant, sigma: 0}\n"
        for i, (content, line) in enumerate((
                (text(gaussian(1, 2), gaussian(1, 3)), "inspect.against: gaussian is on another mesh, or of another "
                                                       "dimension, than the score"),
                (text(gaussian(1), field(1)), "inspect.against: gaussian_field is on another mesh"),
                (text(lognormal, lognormal), "levels: level 1: the score at sigma 8"),
                (text(lognormal, lognormal, clean, ", probes: 1"), "inspect.probes: lognormal_field has no Jacobian"),
                (text(gaussian(1), gaussian(1)).replace("inspect:", "other:"), "other: unknown"),
                (text(gaussian(1), gaussian(1), more=", examples: 1"), "inspect.examples"),
                (text(gaussian(1), gaussian(1), more=", samples: nowhere.h5"), "inspect.samples: "))):
            said = self.inspect(content, f"refused_{i}", status=2)
            self.assertIn(line, said)

    def test_samples_of_another_dimension_are_refused(self):
        with h5py.File(self.path("two.h5"), "w") as file:
            file["state"] = np.zeros((5, 2))
            file.create_group("other")
        said = self.inspect(text(gaussian(1), gaussian(1)), "two", "--set", f"inspect.samples={self.path('two.h5')}",
                            status=2)
        self.assertIn("has 2 numbers, but the score has 3", said)


if __name__ == "__main__":
    unittest.main()
