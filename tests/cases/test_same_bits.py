"""Same input, same bits: on 1, 2, 3 and 4 ranks, and after kills and resumes on other numbers of them.

Every sampler is killed 20 times in `make test-long`, 8 times in `make test` (time limit: 600 s)."""
import os
import random
import unittest

import sampler_inputs
from support import Case, LONG, hashes, kill_all, start


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
    """SIGKILL at random moments, each time resumed on another number of ranks, until the run is done."""

    kills = 20 if LONG else 8

    def chain(self, name):
        # Long enough that most kills hit a run at work; saves itself at every twentieth of a second.
        input_file = self.write(name + ".yaml", sampler_inputs.text(
            name, particles=2000, steps=600 if "dormand" not in name else 300, levels=4,
            checkpoint="{every_seconds: 0.05, every_levels: 1}"))
        whole = self.path("whole-" + name)
        self.sample(2, input_file, "--output", whole, "--quiet")
        moments = random.Random(name)
        broken = self.path("broken-" + name)
        killed = 0
        for i in range(self.kills):
            process = start(1 + (i + moments.randrange(3)) % 4, input_file, "--output", broken, "--quiet")
            try:
                process.wait(timeout=moments.uniform(0.05, 1.5))
            except Exception:  # still at work
                killed += 1
            kill_all(process)
            if os.path.isdir(broken):
                for snapshot in [n for n in os.listdir(broken) if n.startswith("snapshot_") and n.endswith(".h5")]:
                    hashes(broken, [snapshot])  # whatever stands under its name is whole
        self.sample(3, input_file, "--output", broken, "--quiet")
        self.assertGreater(killed, 0)
        self.assertEqual(hashes(broken), hashes(whole), name)


def _chain_test(name):
    def test(self):
        self.chain(name)
    test.__name__ = f"test_{name}_killed_again_and_again_ends_in_the_same_bits"
    return test


for _name in sampler_inputs.SAMPLERS:
    setattr(Killed, f"test_{_name}_killed_20_times_ends_in_the_same_bits", _chain_test(_name))

if __name__ == "__main__":
    unittest.main()
