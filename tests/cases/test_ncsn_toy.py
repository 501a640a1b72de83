"""The toy of Song & Ermon 2019: plain Langevin dynamics gets the modes' weights wrong, annealed nearly right."""
import os
import unittest

import h5py

from support import Case, ROOT

# Fraction of particles in the (5, 5) mode, and its error, as published for 60,000 particles.
PLAIN, PLAIN_ERROR = 0.5105, 0.002
ANNEALED, ANNEALED_ERROR = 0.7855, 0.0017


class NcsnToy(Case):
    def fraction(self, name, last):
        directory = self.path(name)
        self.sample(2, os.path.join(ROOT, "inputs", name + ".yaml"), "--output", directory, "--quiet")
        with h5py.File(os.path.join(directory, last)) as snapshot:
            state = snapshot["state"][:]
        self.assertEqual(state.shape, (60000, 2))
        with h5py.File(os.path.join(directory, "series.h5")) as series:
            occupation = series["mode_occupation"][-1]
        counted = ((state - 5) ** 2).sum(axis=1) < ((state + 5) ** 2).sum(axis=1)
        # the likeliest component differs from the nearest only within ln 4/14 of the border
        self.assertAlmostEqual(occupation[0], counted.mean(), delta=5e-4)
        return counted.mean()

    def test_plain_langevin_reaches_the_published_fraction(self):
        self.assertAlmostEqual(self.fraction("ncsn_toy_plain", "snapshot_0001.h5"), PLAIN, delta=PLAIN_ERROR)

    def test_annealed_langevin_reaches_the_published_fraction(self):
        self.assertAlmostEqual(self.fraction("ncsn_toy_annealed", "snapshot_0010.h5"), ANNEALED, delta=ANNEALED_ERROR)


if __name__ == "__main__":
    unittest.main()
