"""Reverse samplers as whole runs: the same bits on any number of ranks, from any checkpoint, however many snapshots are
taken; evaluations counted for each particle; a single step; inputs that cannot be.

(beside others; time limit: 900 s)"""
import os
import re
import unittest

import h5py
import numpy as np

import sampler_inputs
from support import Case, SCULPTOR, checkpoints, hashes, run, snapshots

STEPS = 72


def last_state(directory, name="state"):
    with h5py.File(os.path.join(directory, snapshots(directory)[-1])) as file:
        return file[name][:]


class Bits(Case):
    """500 particles: 8 tiles, the last one padded, so that 3 ranks share them unevenly."""

    def run_one(self, sampler, label, ranks, levels=3, *options):
        text = sampler_inputs.diffusion_text(sampler, particles=500, steps=STEPS, levels=levels,
                                             checkpoint="{every_seconds: 1e-6, keep: 100}")
        directory = self.path(label)
        self.sample(ranks, self.write(label + ".yaml", text), "--output", directory, "--quiet", *options)
        return directory

    def check(self, sampler):
        whole = self.run_one(sampler, "whole", 1)
        expected = hashes(whole)
        self.assertTrue(np.all(np.isfinite(last_state(whole))))
        self.assertEqual(hashes(self.run_one(sampler, "on-4", 4)), expected)
        # from a checkpoint in the middle of a level, on another number of ranks
        middle = checkpoints(whole)[len(checkpoints(whole)) // 2]
        resumed = self.run_one(sampler, "resumed", 3, 3, "--resume", os.path.join(whole, middle))
        found = hashes(resumed)
        self.assertEqual(found, {name: expected[name] for name in found})
        # the steps, not the snapshots, decide where particles go; neither do 2 ranks
        more = self.run_one(sampler, "more", 2, 6)
        np.testing.assert_array_equal(last_state(more), last_state(whole))
        self.count(whole)

    def count(self, directory):
        with h5py.File(os.path.join(directory, "series.h5")) as series:
            total = int(np.sum(series["evaluations"][:]))
        self.assertEqual(total, int(np.sum(last_state(directory, "evaluations"))))


def _bits(name):
    return lambda self: self.check(name)


class OneStep(Case):
    def test_one_step_is_enough_for_every_sampler(self):
        for name in sampler_inputs.DIFFUSION:
            with self.subTest(sampler=name):
                text = sampler_inputs.diffusion_text(name, particles=100, steps=1, levels=2)
                directory = self.path(name)
                self.sample(1, self.write(name + ".yaml", text), "--output", directory, "--quiet")
                self.assertTrue(np.all(np.isfinite(last_state(directory))))


class Prediction(Case):
    def test_check_foretells_the_evaluations(self):
        for name in sampler_inputs.DIFFUSION:
            with self.subTest(sampler=name):
                text = sampler_inputs.diffusion_text(name, particles=100, steps=7, levels=2)
                input_file = self.write(name + ".yaml", text)
                told = run([SCULPTOR, "check", input_file])
                self.assertEqual(told.returncode, 0, told.stderr)
                foretold, more = re.search(r"score evaluations +(\S+)( or more)?", told.stdout).groups()
                directory = self.path(name)
                self.sample(1, input_file, "--output", directory, "--quiet")
                done = np.sum(last_state(directory, "evaluations"))
                (self.assertGreaterEqual if more else self.assertEqual)(done, float(foretold))


class Denoising(Case):
    TEXT = """\
seed: 3
population: {particles: 300, initial: {type: normal}}
score: {type: gaussian, mean: [1, -2], sigma: [1, 0.5]}
process: {type: vp}
levels: {type: explicit, values: [50, 0.8]}
sampler: {type: ancestral, denoise: true, time_steps: {type: geometric, sigma_max: 50, sigma_min: 0.8, count: 20}}
"""

    def test_the_mean_of_the_data_is_that_of_x_over_alpha(self):
        directory = self.path("out")
        self.sample(2, self.write("vp.yaml", self.TEXT), "--output", directory, "--quiet")
        with h5py.File(os.path.join(directory, "snapshot_0002.h5")) as noisy:
            x, sigma, alpha = noisy["state"][:], noisy["sigma"][()], noisy.attrs["scale"]
        self.assertAlmostEqual(alpha, 1 / np.sqrt(1 + 0.8**2), delta=1e-14)  # of vp
        mean, variance = np.array([1, -2]), np.array([1, 0.25])
        exact = mean + (x / alpha - mean) * variance / (variance + sigma**2)
        with h5py.File(os.path.join(directory, "snapshot_0003.h5")) as clean:
            self.assertEqual((clean["sigma"][()], clean.attrs["scale"]), (0, 1))
            np.testing.assert_allclose(clean["state"][:], exact, rtol=0, atol=1e-13)  # |x| < 10: some 50 roundings


class BreakingDown(Case):
    def test_a_particle_that_stops_being_a_number_is_named_with_step_level_and_sigma(self):
        n, broken = 200, 137
        x = np.zeros((n, 3))
        x[broken] = 1e200  # its distance from a component has no square
        with h5py.File(self.path("start.h5"), "w") as file:
            file["state"] = x
        for sampler, words in (("probability_flow_heun", "; more time steps there may help"),
                               ("adaptive_sde", ", or no step is short enough for the tolerances")):
            text = sampler_inputs.diffusion_text(sampler, particles=n, steps=12, levels=4)
            text = re.sub(r"initial: {type: normal[^}]*}",
                          f"initial: {{type: file, path: {self.path('start.h5')}, dataset: state}}", text)
            for ranks in (1, 3):
                done = self.sample(ranks, self.write("breaks.yaml", text), "--output",
                                   self.path(f"{sampler}-{ranks}"), "--quiet", status=3)
                lines = [line for line in done.stderr.splitlines() if "no longer finite" in line]
                self.assertEqual(len(lines), 1, done.stderr)
                self.assertRegex(lines[0], r"level 2 \(sigma [0-9.]+\), time step 1 \(sigma 20 to [0-9.]+\): "
                                           rf"particle {broken} is no longer finite{words}$")


class BadInput(Case):
    GOOD = """\
seed: 1
population: {particles: 64, initial: {type: normal}}
score: {type: gaussian, mean: [0, 0], sigma: [1, 2]}
levels: {type: geometric, sigma_max: 80, sigma_min: 0.01, count: 3}
process: {type: edm}
sampler:
  type: probability_flow
  time_steps: {type: karras, sigma_max: 80, sigma_min: 0.01, count: 10}
"""
    # what is changed, its line, what must be said
    CASES = {
        "no steps": ("count: 10", "count: 0", 8, "sampler.time_steps.count: "),
        "one point, no step": ("count: 10", "count: 1", 8, "sampler.time_steps.count: "),
        "upside down": ("sigma_min: 0.01, count: 10", "sigma_min: 80, count: 10", 8,
                        "sampler.time_steps.sigma_min: 80 is not below sigma_max, 80"),
        "no tolerance": ("  type: probability_flow", "  type: adaptive_sde\n  absolute_tolerance: 0", 8,
                         "sampler.absolute_tolerance: "),
        "repeated sigma": ("{type: karras, sigma_max: 80, sigma_min: 0.01, count: 10}",
                           "{type: explicit, values: [80, 1, 1, 0]}", 8, "sampler.time_steps.values: "),
        "constant sigma": ("{type: karras, sigma_max: 80, sigma_min: 0.01, count: 10}",
                           "{type: constant, sigma: 1, count: 3}", 8,
                           "sampler.time_steps: time step 1 repeats sigma 1"),
        "more levels than steps": ("count: 3", "count: 30", 4, "levels: levels "),
        "levels before the steps": ("{type: geometric, sigma_max: 80, sigma_min: 0.01, count: 3}",
                                    "{type: explicit, values: [200, 1]}", 4,
                                    "levels: level 1 has sigma 200, but sampler.time_steps go from sigma 80 to 0.01 "),
        "levels after the steps": ("{type: geometric, sigma_max: 80, sigma_min: 0.01, count: 3}",
                                   "{type: explicit, values: [80, 1, 0]}", 4,
                                   "levels: level 3 has sigma 0, but sampler.time_steps go from sigma 80 to 0.01 "),
        "levels and steps apart": ("{type: geometric, sigma_max: 80, sigma_min: 0.01, count: 3}",
                                   "{type: explicit, values: [2000, 1000]}", 4, "levels: level 1 has sigma 2000, but "),
        "steps a level": ("  type: probability_flow", "  type: probability_flow\n  steps_per_level: 3", 8,
                          "sampler.steps_per_level: probability_flow goes along sampler.time_steps"),
        "a step size": ("  type: probability_flow", "  type: probability_flow\n  step_size: 3", 8,
                        "sampler.step_size: probability_flow has none"),
        "time steps of another sampler": ("probability_flow", "ula\n  step_size: 0.1\n  steps_per_level: 2", 10,
                                          "sampler.time_steps: are for reverse samplers"),
        "a process that nothing undoes": ("type: edm}\nsampler:\n  type: probability_flow\n"
                                          "  time_steps: {type: karras, sigma_max: 80, sigma_min: 0.01, count: 10}",
                                          "type: vp}\nsampler: {type: ula, step_size: 0.1, steps_per_level: 2}", 5,
                                          "process.type: vp is undone by reverse samplers, and ula is none"),
        "no such process": ("type: edm", "type: vq", 5, "process.type: "),
        "noise without a score": ("score: {type: gaussian, mean: [0, 0], sigma: [1, 2]}", "score: {type: banana}", 8,
                                  "sampler.time_steps: point 1 has sigma 80: this target has no closed form"),
        "no noise without a density": ("sigma: [1, 2]}\nlevels: {type: geometric, sigma_max: 80, sigma_min: 0.01, count: 3}"
                                       "\nprocess: {type: edm}\nsampler:\n  type: probability_flow\n  time_steps: {type: "
                                       "karras, sigma_max: 80, sigma_min: 0.01, count: 10}",
                                       "sigma: [1, 0]}\nlevels: {}\nsampler:\n  type: probability_flow\n"
                                       "  time_steps: {type: explicit, values: [80, 1, 0]}", 7,
                                       "sampler.time_steps: point 3 has sigma 0: a coordinate whose sigma is 0 has no "
                                       "density without noise; reverse samplers need a score that is defined at every "
                                       "time step: end them above 0\n"),
        "denoising none": ("{type: karras, sigma_max: 80, sigma_min: 0.01, count: 10}",
                           "{type: explicit, values: [80, 1, 0]}\n  denoise: true", 9,
                           "sampler.denoise: the last time step ends at sigma 0"),
    }

    def test_each_is_told_in_a_line_of_its_own(self):
        for name, (old, new, line, said) in self.CASES.items():
            with self.subTest(case=name):
                self.assertEqual(self.GOOD.count(old), 1)
                done = run([SCULPTOR, "check", self.write("bad.yaml", self.GOOD.replace(old, new))])
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertTrue(done.stderr.startswith(f"{self.path('bad.yaml')}:{line}: {said}"), done.stderr)

    def test_levels_near_the_steps_or_one_alone_are_moved_there(self):
        for levels in ("{}", "{type: constant, sigma: 1000}", "{type: explicit, values: [150, 0.006]}"):
            old = "{type: geometric, sigma_max: 80, sigma_min: 0.01, count: 3}"
            done = run([SCULPTOR, "check", self.write("near.yaml", self.GOOD.replace(old, levels))])
            self.assertEqual((done.returncode, done.stderr), (0, ""), levels)

    def test_the_good_one_is_good(self):
        done = run([SCULPTOR, "check", self.write("good.yaml", self.GOOD)])
        self.assertEqual((done.returncode, done.stderr), (0, ""))


for _name in sampler_inputs.DIFFUSION:
    setattr(Bits, f"test_{_name}_gives_the_same_bits_however_it_is_run", _bits(_name))

if __name__ == "__main__":
    unittest.main()
