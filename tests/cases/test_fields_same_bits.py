"""Random fields: same input, same bits, on every grid ensemble x domain of 1 to 4 ranks, and after kills and resumes across them.

(time limit: 600 s)

(beside others)"""
import os
import random
import shutil
import subprocess
import unittest

import field_inputs
from support import Case, LONG, checkpoints, hashes, kill_all, launch, run, sample, snapshots, start

GRIDS = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 3), (4, 1), (4, 2), (4, 4)]  # ranks, of which so many share a field
FEW = [(1, 1), (3, 3), (4, 2)]
ALL_GRIDS = ("annealed_ula_denoised", "annealed_ula_3d")  # the other samplers share what these show


def grid(n_ranks, domain):
    return n_ranks, "--set", f"parallel.domain_ranks={domain}"


class SameBits(Case):
    def check(self, name):
        # three fields, so that 2 and 4 groups of ranks share them unevenly
        input_file = self.write(name + ".yaml", field_inputs.text(name, fields=3, steps=60))
        found = {}
        for n_ranks, domain in GRIDS if LONG or name in ALL_GRIDS else FEW:
            directory = self.path(f"{name}-{n_ranks}-{domain}")
            ranks, *options = grid(n_ranks, domain)
            self.sample(ranks, input_file, "--output", directory, "--quiet", *options)
            found[n_ranks, domain] = hashes(directory)
        self.assertGreaterEqual(len(found[1, 1]), 4)
        for key, value in found.items():
            self.assertEqual(value, found[1, 1], f"{key[0]} ranks, {key[1]} to a field")

    def test_more_ranks_than_planes_gives_the_same_bits(self):
        text = field_inputs.text("annealed_ula_3d", fields=1, steps=20).replace("[9, 6, 7]", "[9, 6, 2]").replace(
            "[18, 12, 14]", "[18, 12, 4]")
        input_file = self.write("thin.yaml", text)
        found = []
        for n_ranks in (1, 4):
            ranks, *options = grid(n_ranks, n_ranks)
            self.sample(ranks, input_file, "--output", self.path(f"thin-{n_ranks}"), "--quiet", *options)
            found.append(hashes(self.path(f"thin-{n_ranks}")))
        self.assertEqual(found[0], found[1])

    def test_fields_drawn_exactly_have_the_same_bits_on_every_grid(self):
        for score in ("FIELD_3D", "LOGNORMAL", "POSTERIOR"):
            input_file = self.write("field.yaml", "seed: 3\npopulation: {particles: 3, initial: {type: target}}\n"
                                    + getattr(field_inputs, score))
            found = []
            for n_ranks, domain in FEW:
                directory = self.path(f"{score}-{n_ranks}-{domain}")
                done = draw_fields(n_ranks, input_file, directory, domain)
                self.assertEqual(done.returncode, 0, done.stderr)
                found.append(hashes(directory, ["snapshot_0001.h5"]))
            for other in found[1:]:
                self.assertEqual(other, found[0], score)


def draw_fields(n_ranks, input_file, directory, domain):
    command = launch(n_ranks, "field", input_file, "--output", directory, "--quiet", "--set",
                     f"parallel.domain_ranks={domain}")
    return run(command)


def _bits_test(name):
    def test(self):
        self.check(name)
    test.__name__ = f"test_{name}_gives_the_same_bits_on_every_grid"
    return test


for _name in field_inputs.SAMPLERS:
    setattr(SameBits, f"test_{_name}_gives_the_same_bits_on_every_grid", _bits_test(_name))


class Killed(Case):
    """SIGKILL at random moments, each time resumed on another grid."""

    kills = 20 if LONG else 3

    def chain(self, name, steps):
        input_file = self.write(name + ".yaml", field_inputs.text(name, fields=3, steps=steps,
                                                                  checkpoint="{every_seconds: 0.02}"))
        whole_directory, broken = self.path("whole"), self.path("broken")
        self.sample(2, input_file, "--output", whole_directory, "--quiet")
        whole = hashes(whole_directory)
        moments, killed = random.Random(name), 0
        while killed < self.kills:
            ranks, *options = grid(*GRIDS[moments.randrange(len(GRIDS))])
            process = start(ranks, input_file, "--output", broken, "--quiet", *options)
            try:
                process.wait(timeout=moments.uniform(0.3, 1.2))
                self.assertEqual(process.returncode, 0, process.communicate()[1])
                self.assertEqual(hashes(broken), whole)
                shutil.rmtree(broken)
            except subprocess.TimeoutExpired:
                kill_all(process)
                killed += 1
                if os.path.isdir(broken) and snapshots(broken):
                    hashes(broken, snapshots(broken))  # whatever stands under its name is whole
        ranks, *options = grid(3, 3)
        self.sample(ranks, input_file, "--output", broken, "--quiet", *options)
        self.assertEqual(hashes(broken), whole)

    def test_annealed_langevin_killed_on_changing_grids_ends_in_the_same_bits(self):
        self.chain("annealed_ula_denoised", 4000)

    def test_fourier_hmc_killed_on_changing_grids_ends_in_the_same_bits(self):
        self.chain("fourier_hmc", 800)

    def test_adapting_mala_killed_on_changing_grids_ends_in_the_same_bits(self):
        self.chain("mala_adapting", 2500)

    def test_momenta_of_fields_survive_kills_on_changing_grids(self):
        self.chain("obabo", 2500)


class Plans(Case):
    """The last bits depend on FFTW's plans: measured ones are remembered, and travel in checkpoints."""

    def start_half(self, directory, cache, *options):
        input_file = self.write("plans.yaml", field_inputs.text("annealed_ula_3d", fields=1, steps=60,
                                                                checkpoint="{every_levels: 1, keep: 9}"))
        self.sample(1, input_file, "--output", directory, "--quiet", "--set", f"fft.plans={cache}", *options)
        return input_file

    def test_a_run_goes_on_with_its_checkpoints_plans_whatever_is_remembered(self):
        directory = self.path("run")
        input_file = self.start_half(directory, self.path("one"))
        whole = hashes(directory)
        first = checkpoints(directory)[0]
        other = self.path("other")
        self.sample(2, input_file, "--output", other, "--quiet", "--resume", os.path.join(directory, first),
                    "--set", "fft.plans=none")
        for name, digest in hashes(other, snapshots(other)).items():
            self.assertEqual(digest, whole[name])
        self.assertGreater(len(snapshots(other)), 0)

    def test_measured_plans_are_remembered_in_the_file_named(self):
        self.start_half(self.path("run"), self.path("deep", "plans"))
        with open(self.path("deep", "plans")) as file:
            self.assertIn("fftw", file.read())

    def test_estimated_plans_need_no_memory(self):
        self.start_half(self.path("run"), self.path("plans"), "--set", "fft.planning=estimate")
        self.assertFalse(os.path.exists(self.path("plans")))

    def test_another_planning_is_another_run(self):
        directory = self.path("run")
        input_file = self.start_half(directory, self.path("plans"))
        done = sample(1, input_file, "--output", directory, "--set", "fft.planning=estimate")
        self.assertEqual(done.returncode, 2)
        self.assertIn("fft.planning: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
