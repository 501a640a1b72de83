"""Conditioned scores and inpainting as whole runs: the same bits on any number of ranks, guided fields as they ought to be,
the inputs of the documentation, and what cannot be in one line.

(beside others)"""
import os
import unittest

import h5py
import numpy as np

from support import Case, ROOT, SCULPTOR, hashes, run, sample, snapshots

GUIDED = """\
seed: 7
population: {particles: 500, initial: {type: normal}}
score:
  type: guided
  prior: {type: moons}
  likelihood: {observed: [1], data: [0.25], noise: 0.1}
  method: METHOD
levels: {type: geometric, sigma_max: 10, sigma_min: 0.05, count: 3}
sampler:
  type: SAMPLER
  time_steps: {type: karras, sigma_max: 10, sigma_min: 0.05, count: 20}
"""

FIELD = """\
seed: 7
population: {particles: 6, initial: {type: normal}}
score:
  type: guided_field
  mesh: {cells: [16, 16], box_size: [16, 16]}
  spectrum: {type: power_law, amplitude: 3, index: -1.5}
  observation: {mock: true, noise_sigma: 0.3, holes: 2, hole_radius: 3}
levels: {type: geometric, sigma_max: 50, sigma_min: 0.02, count: 2}
sampler:
  type: SAMPLER
  time_steps: {type: karras, sigma_max: 50, sigma_min: 0.02, count: 12}
fft: {planning: estimate}
"""

INPAINTING = """\
seed: 7
population: {particles: 500, initial: {type: normal}}
score: {type: moons}
levels: {type: geometric, sigma_max: 10, sigma_min: 0.05, count: 3}
sampler:
  type: inpainting
  observed: [1]
  data: [0.25]
  time_steps: {type: karras, sigma_max: 10, sigma_min: 0.05, count: 20}
"""


class Bits(Case):
    def same_bits(self, label, text, rank_counts):
        found = []
        for ranks in rank_counts:
            directory = self.path(f"{label}-{ranks}")
            done = sample(ranks, self.write(label + ".yaml", text), "--output", directory, "--quiet")
            self.assertEqual(done.returncode, 0, done.stderr)
            found.append(hashes(directory, snapshots(directory)))
        self.assertTrue(all(one == found[0] for one in found), label)

    def test_guided_scores_have_the_same_bits_on_any_ranks(self):
        for method, sampler in (("exact", "ancestral"), ("pigdm", "probability_flow")):
            self.same_bits(method, GUIDED.replace("METHOD", method).replace("SAMPLER", sampler), (1, 3))

    def test_guided_fields_have_the_same_bits_on_any_ranks(self):
        self.same_bits("field", FIELD.replace("SAMPLER", "reverse_diffusion"), (1, 2, 4))


class Inputs(Case):
    def test_the_inputs_run(self):
        for name in ("inpainting_moons.yaml", "guided_moons.yaml", "guided_field.yaml"):
            with self.subTest(input=name):
                directory = self.path(name)
                done = sample(2, os.path.join(ROOT, "inputs", name), "--output", directory, "--quiet",
                              "--set", "population.particles=64")
                self.assertEqual(done.returncode, 0, done.stderr)
                with h5py.File(os.path.join(directory, snapshots(directory)[-1])) as file:
                    state = file["x" if "x" in file else "state"][:]
                self.assertTrue(np.all(np.isfinite(state)))


def changed(text, old, new):
    assert text.count(old) == 1, old
    return text.replace(old, new)


G = GUIDED.replace("METHOD", "exact").replace("SAMPLER", "probability_flow")
LIKELIHOOD = "likelihood: {observed: [1], data: [0.25], noise: 0.1}"
# what is wrong, the input, what must be said of it after its name
BAD = {
    "guidance without likelihood":
        (changed(G, "  " + LIKELIHOOD + "\n", ""),
         "3: score.likelihood: missing; give a table: the data y = A x + n, n ~ N(0, noise^2)"),
    "data of another length":
        (changed(G, LIKELIHOOD, "likelihood: {matrix: [[1, 0], [0, 1], [1, 1]], data: [1, 2], noise: 0.1}"),
         "6: score.likelihood.data: has 2 numbers, matrix has 3 rows"),
    "a matrix of another width":
        (changed(G, LIKELIHOOD, "likelihood: {matrix: [[1, 0, 0]], data: [1], noise: 0.1}"),
         "6: score.likelihood.matrix: has 3 columns, but the prior has 2 coordinates"),
    "a coordinate that is none":
        (changed(G, "observed: [1]", "observed: [2]"),
         "6: score.likelihood.observed[0]: 2 is no coordinate: the prior has 2, counted from 0"),
    "an unknown prior":
        (changed(G, "{type: moons}", "{type: moon}"), '5: score.prior.type: "moon" is unknown; did you mean moons?'),
    "a composite in a composite":
        (changed(G, "{type: moons}", "{type: mixed}"),
         '5: score.prior.type: "mixed" is not one of gaussian, gaussian_mixture, ring, grid, moons, spiral, checkerboard, '
         "funnel, banana, double_well, network, plugin"),
    "a prior without a noised form":
        (changed(changed(G, "{type: moons}", "{type: funnel, dimension: 2}"), "method: exact", "method: dps"),
         "11: sampler.time_steps: point 1 has sigma 10: this target has no closed form when noised; reverse "
         "samplers need a score that is defined at every time step: use a Langevin or Hamiltonian sampler, and levels: "
         "{type: constant, sigma: 0}"),
    "inpainting of a coordinate that is none":
        (changed(INPAINTING, "observed: [1]", "observed: [2]"),
         "7: sampler.observed[0]: 2 is no coordinate: the score has 2, counted from 0"),
    "inpainting data of another length":
        (changed(INPAINTING, "data: [0.25]", "data: [1, 2]"), "8: sampler.data: has 2 numbers, observed has 1"),
    "inpainting a field":
        (changed(FIELD, "type: SAMPLER", "type: inpainting\n  observed: [1]\n  data: [0.25]"),
         "10: sampler.type: inpainting puts back coordinates of particles; for fields use score: {type: guided_field}, "
         "exact, or posterior"),
    "inpainting by a multistep scheme":
        (changed(INPAINTING, "observed: [1]", "scheme: dpm_solver\n  observed: [1]"), None),
}


class BadInputs(Case):
    def test_what_cannot_be_is_told_in_a_line(self):
        for name, (text, told) in BAD.items():
            with self.subTest(case=name):
                done = run([SCULPTOR, "check", self.write("bad.yaml", text)])
                self.assertEqual(done.returncode, 2, done.stderr)
                lines = done.stderr.splitlines()
                if told is None:
                    self.assertIn("7: sampler.scheme: ", lines[0])
                    self.assertIn("dpm_solver", lines[0])
                else:
                    where = self.path("bad.yaml") + ":"
                    self.assertIn(where + told, lines)
                    self.assertLessEqual(len(lines), 2)


if __name__ == "__main__":
    unittest.main()
