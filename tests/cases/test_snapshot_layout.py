"""A snapshot read without our code: the layout of docs/formats.md, and the attributes openPMD 1.1.0 requires."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

BUILD = Path(os.environ.get("BUILD", "build")).resolve()
WRITER = BUILD / "tests" / "mpi" / "test_io"  # writes one snapshot: x_j of particle p is sin(7 p + 1) + 1000 j + 1


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


class SnapshotLayout(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.files = {}
        for n, d in ((1, 1), (130, 2), (1000, 5)):
            place = Path(cls.scratch.name, f"{n}-{d}")
            subprocess.run([WRITER, "once", place, str(n), str(d)], check=True, env=dict(os.environ, WITHOUT_MPI="1"))
            cls.files[n, d] = h5py.File(place / "snapshot_0001.h5", "r")

    @classmethod
    def tearDownClass(cls):
        for file in cls.files.values():
            file.close()
        cls.scratch.cleanup()

    def each(self):
        for (n, d), file in self.files.items():
            with self.subTest(particles=n, dimensions=d):
                wanted = np.sin(np.arange(n) * 7 + 1.0)[:, None] + (np.arange(d) * 1000 + 1.0)
                yield n, d, file, wanted

    def test_state_is_particles_by_coordinates_with_its_scales(self):
        for n, d, file, wanted in self.each():
            state = file["state"]
            np.testing.assert_allclose(state[:], wanted, rtol=1e-15, atol=2.3e-16)  # numpy's sin may round otherwise
            self.assertEqual(state.dtype, np.float64)
            self.assertEqual([state.dims[i][0].name for i in range(2)], ["/particle", "/coord"])
            np.testing.assert_array_equal(file["particle"][:], np.arange(n))
            np.testing.assert_array_equal(file["coord"][:], np.arange(d))
            np.testing.assert_array_equal(file["first"][:], state[:, 0])
            self.assertEqual(file["sigma"][()], 0.5)

    def test_provenance_is_in_the_root(self):
        for _, _, file, _ in self.each():
            names = "title Conventions software softwareVersion softwareDependencies commit machine date seed input_text " \
                    "overrides parameters index sigma_first".split()
            self.assertLessEqual(set(names), set(file.attrs))
            self.assertEqual(text(file.attrs["parameters"]), "seed: 7\n")
            self.assertIn("Gau\u00df", text(file.attrs["input_text"]))

    def test_views_are_the_arrays(self):
        for n, d, file, _ in self.each():
            state = file["state"][:]
            particles = file["data/1/particles/population"]
            for j, axis in enumerate("xyz"[:d]):
                np.testing.assert_array_equal(particles["position"][axis][:], state[:, j])
                self.assertLessEqual(particles["particlePatches/offset"][axis][0], state[:, j].min())
                end = particles["particlePatches/offset"][axis][0] + particles["particlePatches/extent"][axis][0]
                self.assertGreater(end, state[:, j].max())
            np.testing.assert_array_equal(particles["id"][:], np.arange(n))
            np.testing.assert_array_equal(particles["first"][:], state[:, 0])
            if d > 3:
                np.testing.assert_array_equal(particles["state"][:], state)
            np.testing.assert_array_equal(file["posterior/x"][0], state)
            names = [file["posterior/x"].dims[i][0].name.split("/")[-1] for i in range(3)]
            self.assertEqual(names, ["chain", "draw", "x_dim_0"])

    def test_openpmd_finds_the_attributes_it_requires(self):
        for n, d, file, _ in self.each():
            self.assertEqual(text(file.attrs["openPMD"]), "1.1.0")
            self.assertEqual(file.attrs["openPMDextension"].dtype, np.uint32)
            self.assertEqual(text(file.attrs["basePath"]), "/data/%T/")
            self.assertEqual(text(file.attrs["iterationEncoding"]), "fileBased")
            self.assertNotIn("meshesPath", file.attrs)
            for name in ("time", "dt", "timeUnitSI"):
                self.assertIn(name, file["data/1"].attrs)
            self.assertAlmostEqual(file["data/1"].attrs["time"], np.log(16.0))  # sigma 8 -> 0.5
            particles = file["data/1"][text(file.attrs["particlesPath"])]["population"]
            for name, record in particles.items():
                if name == "particlePatches":
                    continue
                self.assertEqual(record.attrs["unitDimension"].shape, (7,), name)
                self.assertIn("timeOffset", record.attrs, name)
                components = [record]
                if name in ("position", "positionOffset"):
                    self.assertEqual(sorted(record), list("xyz"[:d]))
                    components = record.values()
                for component in components:
                    self.assertIn("unitSI", component.attrs, name)
                    if isinstance(component, h5py.Group):
                        self.assertIn("value", component.attrs, name)
                        np.testing.assert_array_equal(component.attrs["shape"], [n])
            self.assertEqual(particles["particlePatches/numParticles"][:].tolist(), [n])
            self.assertEqual(particles["particlePatches/numParticlesOffset"][:].tolist(), [0])

    def test_views_copy_nothing(self):
        file = self.files[1000, 5]
        arrays = sum(file[name].nbytes for name in ("state", "particle", "first"))
        self.assertLess(os.path.getsize(file.filename) - arrays, 24 << 10)  # metadata of some tens of objects


if __name__ == "__main__":
    unittest.main()
