"""`sculptor invert`, data to latents and back, and paths between latents.

(beside others)"""
import os
import unittest

import h5py
import numpy as np

from support import Case, SCULPTOR, checkpoints, hashes, launch, run

MEAN, SIGMA = np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, 2.0])
GAUSSIAN = "{type: gaussian, mean: [1, -2, 0.5], sigma: [0.5, 1, 2]}"
MIXTURE = "{type: moons, modes: 8, radius: 2, sigma: 0.3}"
EXACT = "{type: probability_flow, method: dormand_prince, relative_tolerance: 1e-9, absolute_tolerance: 1e-9}"
FIELD = "{type: gaussian_field, mesh: {cells: [8, 6], box_size: [8, 6]}, " \
        "spectrum: {type: power_law, amplitude: 1, index: -1}}"


def text(score=MIXTURE, sampler=EXACT, initial="{type: target}", particles=100, levels="sigma_min: 0.05, count: 3",
         process="edm", sigma_max=20):
    return (f"seed: 3\npopulation: {{particles: {particles}, initial: {initial}}}\nscore: {score}\n"
            f"levels: {{type: geometric, sigma_max: {sigma_max}, {levels}}}\nprocess: {{type: {process}}}\n"
            f"sampler: {sampler}\nfft: {{planning: estimate, plans: none}}\n")


class Inversion(Case):
    def go(self, command, name, written, *arguments, ranks=1, status=0):
        directory = self.path(name)
        starter = [SCULPTOR] if ranks == 1 else launch(ranks)
        done = run([*starter, command, self.write(f"{name}.yaml", written), "--output", directory, *arguments])
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr if status else directory

    def state(self, directory, index, name="state"):
        with h5py.File(os.path.join(directory, f"snapshot_{index:04d}.h5")) as file:
            return file[name][()], file["sigma"][()]

    def from_file(self, directory, index, name="state"):
        return f"{{type: file, path: {directory}/snapshot_{index:04d}.h5, dataset: {name}}}"

    def test_sampling_from_latents_returns_the_data(self):
        # 1e-9 a step over some hundred steps there and back, and what the flow makes of an error on the way back to
        # where components part: a factor of hundreds at most
        for process in ("edm", "vp"):
            there = self.go("invert", f"there_{process}", text(process=process))
            (data, first), (latent, last) = self.state(there, 1), self.state(there, 3)
            self.assertAlmostEqual(first, 0.05, 12)
            self.assertAlmostEqual(last, 20, 10)
            back = self.go("sample", f"back_{process}", text(process=process, initial=self.from_file(there, 3)))
            again, sigma = self.state(back, 3)
            self.assertAlmostEqual(sigma, 0.05, 12)
            np.testing.assert_allclose(again, data, rtol=0, atol=1e-6)
            self.assertGreater(np.abs(latent - data).max(), 0.5)

    def test_latents_of_a_gaussian_are_known(self):
        there = self.go("invert", "there", text(score=GAUSSIAN))
        (data, a), (middle, b), (latent, c) = (self.state(there, i) for i in (1, 2, 3))
        for x, sigma in ((middle, b), (latent, c)):
            wanted = MEAN + (data - MEAN) * np.sqrt((SIGMA**2 + sigma**2) / (SIGMA**2 + a**2))
            np.testing.assert_allclose(x, wanted, rtol=1e-7, atol=1e-7)

    def test_heuns_inversion_is_its_product_of_gains(self):
        sampler = "{type: probability_flow, method: heun, time_steps: {type: explicit, values: [20, 9, 4, 1, 0.3, 0]}}"
        there = self.go("invert", "heun", text(score=GAUSSIAN, sampler=sampler, levels="sigma_min: 0.05, count: 2"))
        (data, first), (latent, last) = self.state(there, 1), self.state(there, 2)
        self.assertEqual((first, last), (0, 20))
        gain = np.ones(3)
        sigmas = np.array([0, 0.3, 1, 4, 9, 20])
        for a, b in zip(sigmas[:-1], sigmas[1:]):
            at, on = a / (SIGMA**2 + a**2), b / (SIGMA**2 + b**2)
            gain *= 1 + (b - a) / 2 * (at + on * (1 + (b - a) * at))
        np.testing.assert_allclose(latent, MEAN + (data - MEAN) * gain, rtol=1e-12, atol=1e-12)

    def test_one_level_is_where_the_steps_end(self):
        sampler = EXACT[:-1] + ", time_steps: {type: geometric, sigma_max: 20, sigma_min: 0.05, count: 3}}"
        written = text(sampler=sampler).replace("levels: {type: geometric, sigma_max: 20, sigma_min: 0.05, count: 3}",
                                                "levels: {type: constant, sigma: 0.05, count: 1}")
        one = self.go("invert", "one", written)
        _, sigma = self.state(one, 1)
        self.assertAlmostEqual(sigma, 20, 10)

    def test_bits_do_not_depend_on_ranks(self):
        one = self.go("invert", "one", text(particles=200))
        three = self.go("invert", "three", text(particles=200), ranks=3)
        self.assertEqual(hashes(one), hashes(three))

    def test_only_odes_are_inverted(self):
        for sampler, words in (("{type: ula, step_size: 0.1, steps_per_level: 2}", "ula cannot be undone"),
                               ("{type: euler_maruyama}", "euler_maruyama cannot be undone"),
                               ("{type: inpainting, scheme: probability_flow, observed: [1], data: [0.25]}",
                                "inpainting cannot be undone"),
                               ("{type: dpm_solver, time_steps: {type: explicit, values: [20, 1, 0]}}", "sigma 0")):
            said = self.go("invert", "refused", text(sampler=sampler, levels="sigma_min: 0.05, count: 2"), status=2)
            self.assertRegex(said, words)
            self.assertEqual(said.count("\n"), 1, said)

    def test_an_inversion_is_no_sampling(self):
        there = self.go("invert", "there", text())
        done = run([SCULPTOR, "sample", self.path("there.yaml"), "--output", there])
        self.assertEqual(done.returncode, 2)
        again = run([SCULPTOR, "invert", self.path("there.yaml"), "--output", there])
        self.assertIn("already complete", again.stderr)
        self.assertEqual(len(checkpoints(there)), 1)

    def test_paths_between_latents_lead_from_one_datum_to_the_other(self):
        there = self.go("invert", "there", text(particles=4))
        data, _ = self.state(there, 1)
        latent, _ = self.state(there, 3)
        path = f"path: {there}/snapshot_0003.h5, points: 5"
        for method in ("spherical", "linear", "variance_preserving"):
            initial = f"{{type: interpolation, {path}, pairs: [[0, 1], [2, 3], [3, 0]], method: {method}}}"
            drawn = self.go("sample", method, text(particles=15, initial=initial) + "output: {initial: true}\n")
            start, _ = self.state(drawn, 0)
            images, _ = self.state(drawn, 3)
            for k, (a, b) in enumerate(((0, 1), (2, 3), (3, 0))):
                np.testing.assert_array_equal(start[5 * k], latent[a])
                np.testing.assert_array_equal(start[5 * k + 4], latent[b])
                np.testing.assert_allclose(images[5 * k], data[a], rtol=0, atol=1e-6)
                np.testing.assert_allclose(images[5 * k + 4], data[b], rtol=0, atol=1e-6)
                if method == "linear":
                    np.testing.assert_allclose(start[5 * k + 2], (latent[a] + latent[b]) / 2, rtol=1e-14, atol=1e-13)
        said = self.go("sample", "few", text(particles=20, initial=f"{{type: interpolation, {path}}}"), status=2)
        self.assertRegex(said, "has 4 rows, fewer than those its paths join, 8")
        said = self.go("sample", "odd", text(particles=7, initial=f"{{type: interpolation, {path}}}"), status=2)
        self.assertRegex(said, r"population.particles: is 7, .* makes 10 here")

    def test_paths_between_fields_do_not_depend_on_domains(self):
        there = self.go("invert", "there", text(score=FIELD, particles=2))
        latent, _ = self.state(there, 3, "density")
        initial = f"{{type: interpolation, path: {there}/snapshot_0003.h5, dataset: density, points: 3}}"
        written = text(score=FIELD, particles=3, initial=initial) + "output: {initial: true}\n"
        one = self.go("sample", "one", written)
        start, _ = self.state(one, 0, "density")
        a, b = latent
        w = np.arccos((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
        np.testing.assert_allclose(start[1], np.sin(w / 2) / np.sin(w) * (a + b), rtol=0, atol=1e-12)
        two = self.go("sample", "two", written + "parallel: {domain_ranks: 2}\n", ranks=2)
        self.assertEqual(hashes(one), hashes(two))
        data, _ = self.state(there, 1, "density")
        images, _ = self.state(one, 3, "density")
        np.testing.assert_allclose(images[[0, 2]], data, rtol=0, atol=1e-6)


if __name__ == "__main__":
    unittest.main()
