"""`sculptor likelihood`: log densities of data against their formula, the same on any ranks, and what is refused.

(beside others)"""
import os
import subprocess
import time
import unittest

import h5py
import numpy as np

from support import Case, ENVIRONMENT, SCULPTOR, launch, run

MEANS, SIGMAS, WEIGHTS = np.array([[5.0, 5.0], [-5.0, -4.0], [0.0, 3.0]]), np.array([1.0, 0.5, 2.0]), [0.5, 0.2, 0.3]
MIXTURE = """\
seed: 7
population: {particles: 150, initial: {type: target}}
score:
  type: gaussian_mixture
  components:
    - {weight: 0.5, mean: [5, 5], sigma: 1}
    - {weight: 0.2, mean: [-5, -4], sigma: 0.5}
    - {weight: 0.3, mean: [0, 3], sigma: 2}
levels: {type: geometric, sigma_max: 60, sigma_min: 1, count: 10}
likelihood: {prior: exact, relative_tolerance: 1e-9, absolute_tolerance: 1e-9}
"""
FIELD = """\
seed: 7
population: {particles: 3, initial: {type: target}}
score:
  type: gaussian_field
  mesh: {cells: [8, 6], box_size: [8, 6]}
  spectrum: {type: power_law, amplitude: 1, index: -1}
likelihood: {prior: exact, sigma_min: 0.3, sigma_max: 30}
fft: {planning: estimate, plans: none}
"""


def log_density(x, noise=0.0):
    """Of the mixture with so much noise added."""
    variance = SIGMAS**2 + noise**2
    square = ((x[:, None, :] - MEANS) ** 2).sum(axis=2)
    return np.log((WEIGHTS / (2 * np.pi * variance) * np.exp(-square / (2 * variance))).sum(axis=1))


class Likelihood(Case):
    def likelihood(self, text, name, *arguments, ranks=1, status=0):
        """Runs the command; returns the arrays and attributes of its file, or where it fails what it said."""
        input_file, directory = self.write(f"{name}.yaml", text), self.path(name)
        command = [SCULPTOR] if ranks == 1 else launch(ranks)
        done = run([*command, "likelihood", input_file, "--output", directory, *arguments])
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        path = os.path.join(directory, "likelihood.h5")
        if status != 0:
            self.assertFalse(os.path.exists(path))
            return done.stderr
        with h5py.File(path) as file:
            found = {key: file[key][()] for key in file}
            found["attributes"] = dict(file.attrs)
        found["said"] = done.stderr
        return found

    def data(self, n=150):
        generator = np.random.default_rng(3)
        return MEANS[generator.integers(3, size=n)] + generator.standard_normal((n, 2))

    def with_data(self, data, *more):
        with h5py.File(self.path("data.h5"), "w") as file:
            file["points"] = data
        return ["--set", f"likelihood.data={self.path('data.h5')}", "--set", "likelihood.dataset=points", *more]

    def test_a_users_data_have_their_analytic_log_density(self):
        data = self.data()
        for noise in (0, 0.4):
            found = self.likelihood(MIXTURE, f"noise_{noise}", *self.with_data(data, "--set",
                                                                            f"likelihood.sigma_min={noise}"))
            # steps of 1e-9 each; see tests/unit/test_log_likelihood.c
            np.testing.assert_allclose(found["log_likelihood"], log_density(data, noise), rtol=0, atol=1e-6)
            np.testing.assert_allclose(found["bits_per_dimension"], -found["log_likelihood"] / (2 * np.log(2)),
                                       rtol=1e-15)
            # the prior term is the mixture's log density at sigma_max, where the latents are
            np.testing.assert_allclose(found["log_prior"], log_density(found["latent"], 60), rtol=0, atol=1e-12)
            self.assertEqual(list(found["particle"]), list(range(150)))
            self.assertTrue(np.all(found["evaluations"] % 6 == 1))
            self.assertNotIn("standard_error", found)
            self.assertEqual(found["attributes"]["sigma_max"], 60)
            mean = found["log_likelihood"].mean()
            self.assertAlmostEqual(found["attributes"]["mean_log_likelihood"], mean, 12)
            self.assertIn(f"mean log-likelihood {mean:.6g} +- ", found["said"])

    def test_the_normal_prior_is_biased_as_published(self):
        found = self.likelihood(MIXTURE, "normal", "--set", "likelihood.prior=normal")
        latent = found["latent"]
        normal = -(latent**2).sum(axis=1) / (2 * 60**2) - np.log(2 * np.pi * 60**2)
        np.testing.assert_allclose(found["log_prior"], normal, rtol=1e-14)
        exact = self.likelihood(MIXTURE, "exact")
        np.testing.assert_array_equal(exact["latent"], latent)
        self.assertGreater(np.abs(exact["log_likelihood"] - found["log_likelihood"]).max(), 1e-3)

    def same_on_any_ranks(self, text, *arguments, counts=(2, 3, 4)):
        first = self.likelihood(text, "one", *arguments)
        for ranks in counts:
            other = self.likelihood(text, f"ranks_{ranks}", *arguments, ranks=ranks)
            for key, value in first.items():
                if key not in ("attributes", "said"):
                    np.testing.assert_array_equal(other[key], value, f"{key} on {ranks} ranks")
            for key in ("mean_log_likelihood", "mean_log_likelihood_standard_error"):
                self.assertEqual(other["attributes"][key], first["attributes"][key])
        return first

    def test_bits_do_not_depend_on_ranks(self):
        self.same_on_any_ranks(MIXTURE, counts=(3,))

    def test_probes_do_not_depend_on_ranks(self):
        found = self.same_on_any_ranks(MIXTURE, "--set", "likelihood.trace=hutchinson",
                                       "--set", "likelihood.n_probes=5")
        self.assertTrue(np.all(found["standard_error"] >= 0) and found["standard_error"].max() > 0.01)

    def test_fields_do_not_depend_on_ranks_or_domains(self):
        more = "--set", "likelihood.trace=hutchinson", "--set", "likelihood.n_probes=64"
        found = self.same_on_any_ranks(FIELD, *more, counts=(2,))
        self.assertEqual(found["latent"].shape, (3, 6, 8))
        whole = self.likelihood(FIELD, "domains", *more, "--set",
                                "parallel.domain_ranks=2", ranks=2)
        np.testing.assert_array_equal(whole["log_likelihood"], found["log_likelihood"])
        exact = self.likelihood(FIELD, "exact")
        off = np.abs(found["log_likelihood"] - exact["log_likelihood"])
        self.assertTrue(np.all(off < 4 * found["standard_error"]), off / found["standard_error"])

    def test_a_grid_makes_a_map(self):
        text = MIXTURE.replace("particles: 150, initial: {type: target}",
                               "particles: 144, initial: {type: grid, low: [-8, -6], high: 8, points_per_axis: 12}")
        found = self.likelihood(text, "map")
        x, y = np.meshgrid(np.linspace(-8, 8, 12), np.linspace(-6, 8, 12))
        wanted = log_density(np.stack([x.ravel(), y.ravel()], axis=1))
        np.testing.assert_allclose(found["log_likelihood"], wanted, rtol=1e-7, atol=1e-6)
        np.testing.assert_allclose(found["log_density"], wanted, rtol=1e-12, atol=1e-12)  # for the picture's sake
        said = self.likelihood(text.replace("144", "150"), "wrong", status=2)
        self.assertRegex(said, r"^\S*wrong.yaml:2: population.particles: is 150, .* makes 144 here\n$")

    def test_bad_input_is_refused_in_one_line(self):
        good = self.data(200)
        for name, changes, words in (
                ("columns", good[:, :1], "likelihood.data: points in .* has 1 columns, but .* has 2"),
                ("rows", good[:100], "has 100 rows, fewer than population.particles, 150"),
                ("none", ["--set", "likelihood.data=nowhere.h5"], "likelihood.data: cannot read nowhere.h5"),
                ("zero", ["--set", "likelihood.relative_tolerance=0"], "likelihood.relative_tolerance: 0 is not in"),
                ("tiny", ["--set", "likelihood.relative_tolerance=1e-22"], "likelihood.relative_tolerance: 1e-22 is not in"),
                ("negative", ["--set", "likelihood.absolute_tolerance=-1"], "likelihood.absolute_tolerance"),
                ("probes", ["--set", "likelihood.n_probes=1"], "likelihood.n_probes"),
                ("order", ["--set", "likelihood.sigma_min=70"], "likelihood.sigma_max: is not above sigma_min"),
                ("prior", ["--set", "likelihood.prior=uniform"], "likelihood.prior")):
            arguments = self.with_data(changes) if isinstance(changes, np.ndarray) else changes
            said = self.likelihood(MIXTURE, name, *arguments, status=2)
            self.assertRegex(said, words)
            self.assertEqual(said.count("\n"), 1, said)
        bad = good.copy()
        bad[120, 1] = np.nan
        said = self.likelihood(MIXTURE, "nan", *self.with_data(bad), ranks=2, status=2)
        self.assertRegex(said, "row 120, column 1 is not finite")
        clean = FIELD.replace("sigma_min: 0.3", "sigma_min: 0")
        self.assertRegex(self.likelihood(clean, "clean", status=2), "give sigma_min > 0")
        funnel = MIXTURE[:MIXTURE.index("score:")] + "score: {type: funnel, dimension: 2}\nlikelihood: {sigma_max: 5}\n"
        self.assertRegex(self.likelihood(funnel, "funnel", status=2), "likelihood.sigma_max: ")

    def test_what_would_help_is_told_where_it_can_be_done(self):
        start, levels = MIXTURE[:MIXTURE.index("score:")], "levels: {type: constant, sigma: 9}\n"
        funnel, points = "score: {type: funnel, dimension: 2}\n", "score: {type: moons, sigma: 0}\n"
        no_form, whole = "this target has no closed form when noised; ", "the flow needs a score that is defined from "
        point = "a component with sigma 0 is a point without density; "
        for name, text, told in (
                ("form", funnel + levels + "likelihood: {}\n", f"5: likelihood.sigma_max: {no_form}{whole}"),
                ("order", funnel + levels + "likelihood: {sigma_min: 10}\n", "5: likelihood.sigma_max: is not above sigma_min\n"),
                ("no_section", funnel + levels, f"3: score: likelihood.sigma_max: {no_form}{whole}"),
                ("points", points + levels + "likelihood: {}\n", f"5: likelihood.sigma_min: {point}give sigma_min > 0\n"),
                ("tiny", points + levels + "likelihood: {sigma_min: 1e-200}\n",
                 f"5: likelihood.sigma_min: {point}give a larger sigma_min\n"),
                ("bare", points + levels, f"3: score: likelihood.sigma_min: {point}give sigma_min > 0\n"),
                ("zero", points + "levels: {}\n", "3: score: likelihood.sigma_max: auto is the first level's sigma")):
            said = self.likelihood(start + text, name, status=2)
            self.assertTrue(said.startswith(f"{self.path(name)}.yaml:{told}"), said)
            self.assertEqual(said.count("\n"), 1, said)

    def test_check_looks_at_the_section_where_there_is_one(self):
        text = MIXTURE + "sampler: {type: euler_maruyama}\n"
        for name, arguments, told in (
                ("good", [], None),
                ("order", ["--set", "likelihood.sigma_min=70"], r"check.yaml:10: likelihood.sigma_max: is not above "),
                ("none", ["--set", "likelihood.data=nowhere.h5"], "--set likelihood.data: cannot read nowhere.h5"),
                ("columns", self.data()[:, :1], "--set likelihood.data: points in .* has 1 columns"),
                ("data", self.data(), None)):
            arguments = self.with_data(arguments) if isinstance(arguments, np.ndarray) else arguments
            done = run([SCULPTOR, "check", self.write("check.yaml", text), *arguments])
            self.assertEqual(done.returncode, 2 if told else 0, done.stdout + done.stderr)
            self.assertRegex(done.stderr, told or "^$", name)
            self.assertEqual(done.stderr.count("\n"), 1 if told else 0, done.stderr)
        points = text[:text.index("score:")] + ("score: {type: moons, sigma: 0}\nlevels: {type: constant, sigma: 3}\n"
                                                "sampler: {type: ula, step_size: 0.1, steps_per_level: 2}\n")
        for more, status in (("", 0), ("likelihood: {}\n", 2), ("likelihood: {sigma_min: 0.1}\n", 0)):
            done = run([SCULPTOR, "check", self.write("check.yaml", points + more)])
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            done = run([SCULPTOR, "sample", self.path("check.yaml"), "--output", self.path("sampled"), "--fresh"])
            self.assertEqual(done.returncode, 0, done.stderr)  # which the section does not concern

    def test_a_failure_on_one_rank_stops_all(self):
        data = self.data()
        data[140] = 1e307  # is taken beyond the largest number
        said = self.likelihood(MIXTURE, "huge", *self.with_data(data), ranks=2, status=3)
        self.assertRegex(said, r"the likelihood of particle 140 fails at sigma \S+: its score is no longer finite")

    def test_a_signal_stops_cleanly(self):
        text = MIXTURE.replace("150", "3000000")
        directory = self.path("long")
        process = subprocess.Popen([SCULPTOR, "likelihood", self.write("long.yaml", text), "--output", directory],
                                   env=ENVIRONMENT, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        end = time.monotonic() + 20
        while not os.path.exists(os.path.join(directory, "parameters.txt")) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.3)
        process.terminate()
        said = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 75, said)
        self.assertIn("nothing is written", said)
        self.assertFalse(os.path.exists(os.path.join(directory, "likelihood.h5")))

    def test_other_runs_directories_are_left_alone(self):
        self.likelihood(MIXTURE, "here")
        again = self.likelihood(MIXTURE, "here")  # the same question may be asked again
        self.assertIn("done", again["said"])
        done = run([SCULPTOR, "likelihood", self.path("here.yaml"), "--output", self.path("here"), "--set",
                    "likelihood.prior=normal"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("likelihood.prior: normal here, exact there", done.stderr)
        fresh = self.likelihood(MIXTURE, "here", "--fresh", "--set", "likelihood.prior=normal")
        self.assertIn("previous_0001", fresh["said"])
        self.assertTrue(os.path.exists(self.path("here", "previous_0001", "likelihood.h5")))


if __name__ == "__main__":
    unittest.main()
