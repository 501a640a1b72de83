"""One field of 512^3 cells on 2 ranks: within 24 GiB, killed and resumed to the same bits. Only in `make test-long`; a short
form of 64^3 cells otherwise."""
import os
import re
import subprocess
import unittest

from support import Case, LONG, checkpoints, hashes, kill_all, snapshots, start

INPUT = """
seed: 3
population: {{particles: 1, initial: {{type: normal}}}}
score:
  type: gaussian_field
  mesh: {{cells: {cells}, dimensions: 3, box_size: 1000}}
  spectrum: {{type: eisenstein_hu, cosmology: {{Omega_m: 0.31, Omega_b: 0.049, h: 0.68, n_s: 0.965, sigma8: 0.81}}}}
levels: {{type: geometric, sigma_max: 5, sigma_min: 0.5, count: 2}}
sampler: {{type: annealed_langevin, step_size: 0.1, steps_per_level: 4}}
output: {{precision: float}}
checkpoint: {{every_levels: 1}}
"""


class Large(Case):
    cells = 512 if LONG else 64

    def test_a_large_field_fits_and_goes_on_after_a_kill_to_the_same_bits(self):
        input_file = self.write("large.yaml", INPUT.format(cells=self.cells))
        whole = self.path("whole")
        self.sample(2, input_file, "--output", whole, timeout=3600)
        with open(os.path.join(whole, "sculptor.log")) as log:
            mib = float(re.search(r"(\d+) MiB a rank at the most", log.read()).group(1))
        field = 8 * self.cells ** 3 / 2 / 2 ** 20  # a rank's half, MiB
        self.assertLess(mib, 4 * field + 64)       # 3.5 fields, and the process
        self.assertLess(2 * mib, 24 * 1024)

        broken = self.path("broken")
        process = start(2, input_file, "--output", broken, "--quiet")
        for _ in range(36000):  # until the first level is saved
            if os.path.isdir(broken) and checkpoints(broken):
                break
            try:
                process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
            break
        kill_all(process)
        self.sample(1 if not LONG else 2, input_file, "--output", broken, "--quiet", timeout=3600)
        self.assertEqual(hashes(broken, snapshots(broken)), hashes(whole, snapshots(whole)))


if __name__ == "__main__":
    unittest.main()
