"""Same input, same bits: on 1, 2, 3 and 4 ranks, and after kills and resumes on other numbers of them.

(time limit: 900 s)

One sampler of each way to keep state is killed twice in `make test`; every one 20 times in `make test-long`.

(beside others)"""
import os
import random
import shutil
import subprocess
import unittest

import sampler_inputs
from support import Case, LONG, checkpoints, hashes, kill_all, snapshots, start


class SameBits(Case):
    def test_every_sampler_gives_the_same_bits_on_1_to_4_ranks(self):
        for name in sampler_inputs.SAMPLERS:
            # 500 particles: 8 tiles, the last one padded, so that 3 ranks share them unevenly
            input_file = self.write(name + ".yaml", sampler_inputs.text(name, particles=500, steps=120))
            found = {}
            for ranks in (1, 2, 3, 4):
                directory = self.path(f"{name}-{ranks}")
                self.sample(ranks, input_file, "--output", directory, "--quiet")
                found[ranks] = hashes(directory)
            with self.subTest(sampler=name):
                self.assertGreaterEqual(len(found[1]), 4)
                for ranks in (2, 3, 4):
                    self.assertEqual(found[ranks], found[1])

    def test_fewer_particles_than_ranks_gives_the_same_bits(self):
        input_file = self.write("one.yaml", sampler_inputs.text("mala", particles=1, steps=50))
        found = []
        for ranks in (1, 4):
            directory = self.path(f"one-{ranks}")
            self.sample(ranks, input_file, "--output", directory, "--quiet")
            found.append(hashes(directory))
        self.assertEqual(found[0], found[1])


class Killed(Case):
    """SIGKILL at random moments of a run at work, each time resumed on another number of ranks.

    A run that ends between two kills is compared with the uninterrupted one, and a new one is begun."""

    kills = 20 if LONG else 2

    def compare(self, directory, whole):
        self.assertEqual(hashes(directory), whole)
        shutil.rmtree(directory)

    def chain(self, name):
        # A second or more of work, which saves itself at every fiftieth of a second.
        steps = {"score_flow_dormand_prince": 1000}.get(name, 6000)
        input_file = self.write(name + ".yaml", sampler_inputs.text(
            name, particles=2000, steps=steps, levels=4, checkpoint="{every_seconds: 0.02}"))
        broken = self.path("whole")
        self.sample(2, input_file, "--output", broken, "--quiet")
        whole = hashes(broken)
        moments = random.Random(name)
        broken = self.path("broken")
        killed = 0
        while killed < self.kills:
            process = start(1 + (killed + moments.randrange(3)) % 4, input_file, "--output", broken, "--quiet")
            try:
                process.wait(timeout=moments.uniform(0.2, 0.9))
                self.assertEqual(process.returncode, 0, process.communicate()[1])
                self.compare(broken, whole)
            except subprocess.TimeoutExpired:  # still at work
                kill_all(process)
                killed += 1
                if os.path.isdir(broken) and snapshots(broken):
                    hashes(broken, snapshots(broken))  # whatever stands under its name is whole
        self.sample(3, input_file, "--output", broken, "--quiet")
        self.compare(broken, whole)


class KilledAtTheEnd(Case):
    def test_a_last_checkpoint_without_its_manifest_is_saved_again_to_the_same_bits(self):
        input_file = self.write("ula.yaml", sampler_inputs.text("ula", particles=200, steps=50,
                                                                checkpoint="{every_levels: 1}"))
        directory = self.path("run")
        self.sample(2, input_file, "--output", directory, "--quiet")
        whole, last = hashes(directory), checkpoints(directory)[-1]
        os.remove(os.path.join(directory, last[:-len(".h5")] + ".manifest"))
        self.sample(3, input_file, "--output", directory, "--quiet")
        self.assertNotEqual(checkpoints(directory)[-1], last)
        self.assertEqual(hashes(directory), whole)


def _chain_test(name):
    def test(self):
        self.chain(name)
    test.__name__ = f"test_{name}_killed_again_and_again_ends_in_the_same_bits"
    return test


# Without memory; a noise shared by two steps; Metropolis and its controller; momenta; an adaptive step; denoising.
ONE_OF_EACH = ("ula", "leimkuhler_matthews", "mala_adapting", "hmc", "baoab", "score_flow_dormand_prince",
               "annealed_ula_denoised", "annealed_hmc")

for _name in sampler_inputs.SAMPLERS if LONG else ONE_OF_EACH:
    setattr(Killed, f"test_{_name}_killed_again_and_again_ends_in_the_same_bits", _chain_test(_name))

if __name__ == "__main__":
    unittest.main()
