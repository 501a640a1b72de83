"""Noising: every level's mean and variance are those of the process, and all levels of a particle are one path.

Statistics are compared by z = (measured - exact)/(standard error), |z| < 5.85; seeds are fixed.

(beside others)"""
import math
import os
import unittest

import h5py
import numpy as np

from support import Case, SCULPTOR, hashes, launch, run, snapshots

Z = 5.85
N = 20000
WEIGHT = np.array([0.3, 0.7])
MEAN = np.array([[1.0, -0.5], [-0.4, 0.8]])
SIGMA = np.array([0.3, 0.6])
TARGET = """\
score:
  type: gaussian_mixture
  components:
    - {weight: 0.3, mean: [1, -0.5], sigma: 0.3}
    - {weight: 0.7, mean: [-0.4, 0.8], sigma: 0.6}
"""
COSINE = 0.008


def cosine_abar(t):
    """Nichol & Dhariwal 2021, eq. 17, where no step is clipped."""
    return (math.cos((t + COSINE) / (1 + COSINE) * math.pi / 2) / math.cos(COSINE / (1 + COSINE) * math.pi / 2)) ** 2


def linear_abar(t):
    return math.exp(-(0.1 * t + 19.9 * t * t / 2))


# input: (the process, its t_max, (scale, sigma) at t)
PROCESSES = {
    "edm": ("{type: edm}", 5.0, lambda t: (1, t)),
    "ve": ("{type: ve, sigma_min: 0.02, sigma_max: 30}", 1.0, lambda t: (1, 0.02 * 1500 ** t)),
    "vp": ("{type: vp}", 1.0, lambda t: (math.sqrt(linear_abar(t)), math.sqrt(1 / linear_abar(t) - 1))),
    "vp_cosine": ("{type: vp, beta: cosine}", 0.999,
                  lambda t: (math.sqrt(cosine_abar(t)), math.sqrt(1 / cosine_abar(t) - 1))),
    "subvp": ("{type: subvp}", 1.0,
              lambda t: (math.sqrt(linear_abar(t)), (1 - linear_abar(t)) / math.sqrt(linear_abar(t)))),
}


def text(process, t_max, initial="{type: target}", n=N, score=TARGET, more=""):
    return (f"seed: 11\npopulation: {{particles: {n}, initial: {initial}}}\n{score}process: {process}\n"
            f"levels: {{type: time, t_max: {t_max}, t_min: 0.05, count: 5, to_zero: true}}\n{more}")


def read(directory, name="state"):
    """[(sigma, scale, time, process, state)] in the order of levels."""
    levels = []
    for snapshot in snapshots(directory):
        with h5py.File(os.path.join(directory, snapshot)) as file:
            process = file.attrs["process"]
            levels.append((float(file["sigma"][()]), float(file.attrs["scale"]), float(file.attrs["time"]),
                           process.decode() if isinstance(process, bytes) else process, file[name][:]))
    return levels


class Forward(Case):
    def forward(self, name, content, n_ranks=1, *arguments, status=0):
        command = [SCULPTOR, "forward"] if n_ranks == 1 else launch(n_ranks, "forward")
        done = run([*command, self.write(f"{name}.yaml", content), "--output", self.path(f"{name}_{n_ranks}"),
                    "--quiet", *arguments], cwd=self.scratch)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return self.path(f"{name}_{n_ranks}")

    def assert_near_zero(self, z, what):
        self.assertLess(np.max(np.abs(z)), Z, what)

    def test_levels_of_every_process_have_the_closed_means_and_variances(self):
        for name, (process, t_max, closed) in PROCESSES.items():
            levels = read(self.forward(name, text(process, t_max)))
            times = [0.0] + [0.05 + i / 4 * (t_max - 0.05) for i in range(5)]
            self.assertEqual(len(levels), 6)
            for (sigma, scale, time, process_name, x), t in zip(levels, times):
                self.assertEqual(process_name, name.split("_")[0])
                self.assertAlmostEqual(time, t, delta=1e-13)
                exact_scale, exact_sigma = closed(t) if t > 0 else (1, 0)
                np.testing.assert_allclose([scale, sigma], [exact_scale, exact_sigma], rtol=1e-11)
                mean = WEIGHT @ MEAN
                spread = MEAN - mean                              # [component, coordinate]
                variance = (SIGMA ** 2 + sigma ** 2)[:, None]     # of a component
                second = WEIGHT @ (spread ** 2 + variance)
                fourth = WEIGHT @ (spread ** 4 + 6 * spread ** 2 * variance + 3 * variance ** 2)
                measured = x / scale - mean
                self.assert_near_zero(measured.mean(0) / np.sqrt(second / N), (name, t, "mean"))
                self.assert_near_zero(((measured ** 2).mean(0) - second) / np.sqrt((fourth - second ** 2) / N),
                                      (name, t, "variance"))

    def test_levels_of_a_particle_are_one_path_with_independent_exact_steps(self):
        for name in ("vp", "subvp", "ve"):
            process, t_max, _ = PROCESSES[name]
            levels = read(self.forward(name, text(process, t_max)))
            noises = []
            for (sigma_a, scale_a, _, _, a), (sigma_b, scale_b, _, _, b) in zip(levels, levels[1:]):
                gain, deviation = scale_b / scale_a, scale_b * math.sqrt(sigma_b ** 2 - sigma_a ** 2)
                z = (b - gain * a) / deviation
                noises.append(z)
                # chi^2 of N standard normals has variance 2 N; covariances of independent unit numbers 1/N
                self.assert_near_zero(z.mean(0) * math.sqrt(N), (name, sigma_b))
                self.assert_near_zero(((z ** 2).mean(0) - 1) * math.sqrt(N / 2), (name, sigma_b))
                for x in (a, levels[0][-1]):
                    centred = x - x.mean(0)
                    self.assert_near_zero((z * centred).mean(0) / centred.std(0) * math.sqrt(N), (name, sigma_b))
                    product = centred * (b - b.mean(0))
                    exact = scale_b * (WEIGHT @ ((MEAN - WEIGHT @ MEAN) ** 2 + SIGMA[:, None] ** 2))
                    if x is levels[0][-1]:  # Cov(x_0, x_b) = alpha_b Var(x_0)
                        self.assert_near_zero((product.mean(0) - exact) / (product.std(0) / math.sqrt(N)), (name, sigma_b))
            for i in range(len(noises)):
                for k in range(i):
                    self.assert_near_zero((noises[i] * noises[k]).mean(0) * math.sqrt(N), (name, i, k))

    def test_the_last_level_of_vp_is_the_prior(self):
        x = read(self.forward("prior", text("{type: vp, beta: cosine}", 1)))[-1][-1]  # alpha = 4.9e-5
        self.assert_near_zero(x.mean(0) * math.sqrt(N), "mean")
        self.assert_near_zero(((x ** 2).mean(0) - 1) * math.sqrt(N / 2), "variance")
        self.assert_near_zero(((x ** 4).mean(0) - 3) * math.sqrt(N / 96), "kurtosis")  # Var(z^4) = 105 - 9

    def test_the_first_level_is_the_data_of_a_file_to_the_bit(self):
        data = np.random.default_rng(3).normal(size=(130, 2)) * [1, 5]
        with h5py.File(self.path("data.h5"), "w") as file:
            file["state"] = data
        directory = self.forward("file", text("{type: subvp}", 1, "{type: file, path: data.h5}", 130,
                                              more="output: {initial: true}\n"))
        levels = read(directory)
        self.assertEqual(len(levels), 7)
        np.testing.assert_array_equal(levels[0][-1], data)  # the first population, and the level of sigma 0
        np.testing.assert_array_equal(levels[1][-1], data)
        self.assertEqual([level[0] for level in levels[:2]], [0, 0])
        sigmas = [level[0] for level in levels[1:]]
        self.assertEqual(sigmas, sorted(sigmas))
        with h5py.File(os.path.join(directory, "series.h5")) as series:
            self.assertEqual(series["evaluations"][:].tolist(), [0] * 6)
            self.assertEqual(series["sigma"][:].tolist(), sigmas)
            self.assertEqual(series["steps"][:].tolist(), [0, 1, 1, 1, 1, 1])

    def test_levels_of_fields_have_the_noised_power(self):
        n, fields, amplitude = 24, 40, 3.0
        score = (f"score:\n  type: gaussian_field\n  mesh: {{cells: [{n}, {n}], box_size: [{n}, {n}]}}\n"
                 f"  spectrum: {{type: power_law, amplitude: {amplitude}, index: -1}}\n")
        wave = 2 * np.pi * np.fft.fftfreq(n)
        k = np.hypot(wave[:, None], wave[None, :])
        power = np.where(k > 0, amplitude / np.where(k > 0, k, 1), 0)  # cells have volume 1
        for process in ("{type: vp}", "{type: ve, sigma_min: 0.02, sigma_max: 30}"):
            levels = read(self.forward("grf", text(process, 1, n=fields, score=score), 1, "--fresh"), "density")
            for sigma, scale, _, _, x in levels:
                modes = np.abs(np.fft.fft2(x)) ** 2 / n ** 2
                exact = scale ** 2 * (power + sigma ** 2)
                for low, high in ((0, 0), (1e-9, 0.8), (0.8, 1.6), (1.6, 5)):
                    band = (k >= low) & (k <= high)
                    if sigma == 0 and high == 0:
                        self.assertLess(modes[:, band].max(), 1e-20)
                        continue
                    # sum of |d_k|^2/P over a band closed under -k: chi^2 with as many degrees as it has modes
                    degrees = fields * band.sum()
                    ratio = (modes[:, band] / exact[band]).sum()
                    self.assert_near_zero((ratio - degrees) / math.sqrt(2 * degrees), (process, sigma, low))

    def test_bits_do_not_depend_on_ranks_nor_on_interruptions(self):
        field = ("score:\n  type: gaussian_field\n  mesh: {cells: [14, 11], box_size: [14, 11]}\n"
                 "  spectrum: {type: power_law, amplitude: 1, index: -1}\n")
        inputs = {"particles": text("{type: vp}", 1, n=500, more="checkpoint: {every_levels: 1, keep: 20}\n"),
                  "fields": text("{type: subvp}", 1, n=3, score=field,
                                 more="checkpoint: {every_levels: 1, keep: 20}\nfft: {planning: estimate}\n")}
        for name, content in inputs.items():
            reference = hashes(self.forward(name, content))
            self.assertEqual(len(reference), 7)
            for n_ranks in (2, 3):
                self.assertEqual(hashes(self.forward(name, content, n_ranks)), reference)
            # stopped after each level in turn, and resumed on one rank or two
            directory, path, runs = self.path("cut"), self.write("cut.yaml", content), 0
            while name == "particles":
                command = [SCULPTOR, "forward"] if runs != 1 else launch(2, "forward")
                done = run([*command, path, "--output", directory, "--quiet", "--max-seconds", "0"], cwd=self.scratch)
                runs += 1
                if done.returncode == 0:
                    break
                self.assertEqual(done.returncode, 75, done.stderr)
                self.assertLess(runs, 20)
            if name == "particles":
                self.assertGreater(runs, 2)
                self.assertEqual(hashes(directory), reference)
            # killed after the third level: what came later is gone
            killed = self.path(f"{name}_1")
            for later in [n for n in os.listdir(killed) if n.startswith("snapshot_") and n > "snapshot_0003.h6"]:
                os.remove(os.path.join(killed, later))
            for checkpoint in sorted(n for n in os.listdir(killed) if n.startswith("checkpoint_"))[3:]:
                os.remove(os.path.join(killed, checkpoint))
            self.assertEqual(hashes(self.forward(name, content)), reference)

    def test_noising_needs_no_sampler_and_heeds_none(self):
        plain = hashes(self.forward("plain", text("{type: vp}", 1, n=100)))
        sampler = "sampler: {type: hmc, step_size: 0.1, leapfrog_steps: 3, steps_per_level: 7, denoise: true}\n"
        of_sampler = hashes(self.forward("sampler", text("{type: vp}", 1, n=100, more=sampler)))
        self.assertEqual(plain, of_sampler)

    def test_noise_goes_where_no_score_is_defined(self):
        """The banana has no score with noise, points have none without; lognormal fields are the banana's like."""
        field = ("{type: lognormal_field, mesh: {cells: [8, 6], box_size: [8, 6]}, "
                 "spectrum: {type: power_law, amplitude: 1, index: -1}}")
        noises = {}
        for name, score, n in (("banana", "{type: banana}", 300), ("points", "{type: moons, sigma: 0}", 300),
                               ("lognormal", field, 3)):
            content = (f"seed: 11\npopulation: {{particles: {n}, initial: {{type: target}}}}\nscore: {score}\n"
                       "levels: {type: explicit, values: [5, 1, 0]}\n"
                       "output: {initial: true, score_norm: true, log_density: true}\n"
                       "fft: {planning: estimate, plans: none}\n")
            directory = self.forward(name, content)
            levels = read(directory, "density" if name == "lognormal" else "state")
            self.assertEqual([level[0] for level in levels], [0, 0, 1, 5])
            (a, b, c), known = [level[-1] for level in levels[1:]], [sigma > 0 if name == "points" else sigma == 0
                                                                     for sigma in (0, 0, 1, 5)]
            for snapshot, has_score in zip(snapshots(directory), known):
                with h5py.File(os.path.join(directory, snapshot)) as file:
                    self.assertEqual(["score_norm" in file, "log_density" in file], [has_score, has_score], snapshot)
            noises[name] = [(b - a).ravel(), (c - b).ravel() / math.sqrt(24)]
            for z in noises[name]:
                self.assert_near_zero(z.mean() * math.sqrt(z.size), name)
                self.assert_near_zero(((z ** 2).mean() - 1) * math.sqrt(z.size / 2), name)
            self.assertEqual(hashes(directory), hashes(self.forward(name, content, 2)))
            with h5py.File(os.path.join(directory, "series.h5")) as series:
                if name == "lognormal":
                    np.testing.assert_allclose(series["mean"][:], [x.mean() for x in (a, b, c)], rtol=0, atol=1e-12)
                    continue
                np.testing.assert_allclose(series["mean"][:], [x.mean(0) for x in (a, b, c)], rtol=0, atol=1e-12)
                self.assertTrue(np.all(np.isfinite(series["covariance"][:])))
                for column in ("mean_score_norm", "mean_score_squared", *(["mode_weight"] if name == "points" else [])):
                    values = np.isfinite(series[column][:]).reshape(3, -1)
                    self.assertEqual([row.all() for row in values], known[1:], column)
                    self.assertEqual([row.any() for row in values], known[1:], column)
        # the same seed's noise whatever the score; differences of numbers below 32 round by 4e-15
        for one, other in zip(noises["banana"], noises["points"]):
            np.testing.assert_allclose(one, other, rtol=0, atol=3e-14)

    def test_what_cannot_be_noised_is_told_in_one_line(self):
        path = self.write("bad.yaml", text("{type: vp}", 1, n=100))
        for setting, key in {"levels={type: constant, sigma: 0}": "levels",
                             "levels={type: constant, sigma: 1, count: 2}": "levels",
                             "levels={type: linear, sigma_max: 500, sigma_min: 1, count: 3}": "levels"}.items():
            done = run([SCULPTOR, "forward", path, "--set", setting, "--output", self.path("bad")])
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr, rf"^(--set {key}|{path}:\d+: {key}): [^\n]{{8,}}\n$")
            self.assertFalse(os.path.exists(self.path("bad")))

    def test_a_directory_of_a_sampler_is_not_gone_on_from(self):
        content = text("{type: vp}", 1, n=100, more="sampler: {type: probability_flow, method: euler}\n")
        directory = self.forward("both", content)
        done = run([SCULPTOR, "sample", self.path("both.yaml"), "--output", directory])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("command", done.stderr)


if __name__ == "__main__":
    unittest.main()
