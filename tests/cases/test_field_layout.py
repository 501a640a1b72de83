"""Files of fields read without our code: the layout of docs/formats.md, what openPMD 1.1.0 and VTK require, and that the
XDMF file points at the arrays it says."""
import hashlib
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import h5py
import numpy as np

BUILD = Path(os.environ.get("BUILD", "build")).resolve()
WRITER = BUILD / "tests" / "mpi" / "test_io_fields"  # cell c of field m is sin(1000003 m + 7 c + 1) + 10
PARTICLES = BUILD / "tests" / "mpi" / "test_io"
ALONE = dict(os.environ, WITHOUT_MPI="1")
# name: cells z, y, x; lengths; fields; type
FILES = {"flat": ((5, 7), (3.0, 2.0), 3, "f8"), "solid": ((3, 4, 6), (3.0, 2.0, 1.0), 18, "f8"),
         "single": ((32, 32, 32), (1.0, 1.0, 1.0), 8, "f4"), "alone": ((256, 512), (1.0, 1.0), 1, "f8")}


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def wanted(shape, n_fields, what=1):
    cells = int(np.prod(shape))
    number = np.sin(np.arange(n_fields)[:, None] * 1000003.0 + np.arange(cells) * 7.0 + what) + 10.0 * what
    return number.reshape(n_fields, *shape)


class FieldLayout(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.place = Path(cls.scratch.name)
        subprocess.run([WRITER, "once", cls.place], check=True, env=ALONE)
        cls.files = {name: h5py.File(cls.place / name / "snapshot_0002.h5", "r") for name in FILES}

    @classmethod
    def tearDownClass(cls):
        for file in cls.files.values():
            file.close()
        cls.scratch.cleanup()

    def each(self):
        for name, (shape, lengths, n_fields, kind) in FILES.items():
            with self.subTest(file=name):
                yield name, self.files[name], shape, lengths, n_fields, kind

    def same(self, found, exact, kind):
        np.testing.assert_allclose(found, exact, rtol=1e-15 if kind == "f8" else 6e-8)  # numpy's sin may round otherwise

    def test_density_is_realizations_by_cells_with_its_scales(self):
        for _, file, shape, lengths, n_fields, kind in self.each():
            density = file["density"]
            self.assertEqual(density.dtype, np.dtype(kind))
            self.assertEqual(density.shape, (n_fields, *shape))
            self.same(density[:], wanted(shape, n_fields), kind)
            axes = "zyx"[3 - len(shape):]
            self.assertEqual([density.dims[i][0].name for i in range(density.ndim)],
                             ["/realization", *(f"/{axis}" for axis in axes)])
            np.testing.assert_array_equal(file["realization"][:], np.arange(n_fields))
            self.assertEqual(file["realization"].dtype, np.int32)
            for axis, n, length in zip(axes, shape, lengths):
                np.testing.assert_allclose(file[axis][:], (np.arange(n) + 0.5) * length / n, rtol=1e-15)
            np.testing.assert_array_equal(file.attrs["BoxSize"], lengths)
            np.testing.assert_array_equal(file.attrs["Nmesh"], shape)
            self.assertEqual(file.attrs["Nmesh"].dtype, np.int32)
            self.assertEqual((file["sigma"][()], file.attrs["index"]), (0.5, 2))
            first = file["first"]
            self.assertEqual((first.dtype, first.dims[0][0].name), (np.float64, "/realization"))
            self.same(first[:], wanted(shape, n_fields).reshape(n_fields, -1)[:, 0], "f8")

    def test_openpmd_finds_the_mesh_attributes_it_requires(self):
        for _, file, shape, lengths, n_fields, kind in self.each():
            self.assertEqual(text(file.attrs["openPMD"]), "1.1.0")
            self.assertEqual(file.attrs["openPMDextension"].dtype, np.uint32)
            self.assertNotIn("particlesPath", file.attrs)
            self.assertNotIn("posterior", file)
            meshes = file["data/2"][text(file.attrs["meshesPath"])]
            self.assertEqual(list(meshes), [f"density_{m:04d}" for m in range(min(n_fields, 16))])
            for m, record in enumerate(meshes.values()):
                attributes = record.attrs
                self.assertEqual((text(attributes["geometry"]), text(attributes["dataOrder"])), ("cartesian", "C"))
                self.assertEqual([text(label) for label in attributes["axisLabels"]], list("zyx"[3 - len(shape):]))
                np.testing.assert_allclose(attributes["gridSpacing"], np.divide(lengths, shape), rtol=1e-15)
                np.testing.assert_array_equal(attributes["gridGlobalOffset"], np.zeros(len(shape)))
                np.testing.assert_array_equal(attributes["position"], np.full(len(shape), 0.5))
                np.testing.assert_array_equal(attributes["unitDimension"], np.zeros(7))
                self.assertEqual((attributes["gridUnitSI"], attributes["unitSI"], attributes["timeOffset"]), (1, 1, 0))
                self.assertTrue(record.is_virtual)
                np.testing.assert_array_equal(record[:], file["density"][m])

    def test_vtk_has_solid_boxes_only_x_first_at_cell_centres(self):
        for _, file, shape, lengths, n_fields, kind in self.each():
            self.assertEqual("VTKHDF" in file, len(shape) == 3)
            if len(shape) == 2:
                continue
            image = file["VTKHDF"]
            self.assertEqual(text(image.attrs["Type"]), "ImageData")
            np.testing.assert_array_equal(image.attrs["Version"], [1, 0])
            extent = [edge for n in shape[::-1] for edge in (0, n - 1)]
            np.testing.assert_array_equal(image.attrs["WholeExtent"], extent)
            spacing = np.divide(lengths, shape)[::-1]
            np.testing.assert_allclose(image.attrs["Spacing"], spacing, rtol=1e-15)
            np.testing.assert_allclose(image.attrs["Origin"], spacing / 2, rtol=1e-15)
            np.testing.assert_array_equal(image.attrs["Direction"], np.eye(3).ravel())
            for name, record in image["PointData"].items():
                np.testing.assert_array_equal(record[:], file["density"][int(name[-4:])])

    def test_sizes_are_those_of_the_arrays(self):
        place = self.place / "alone"  # a field of 1 MiB
        for name in ("snapshot_0002.h5", "checkpoint_000000000100.h5"):
            self.assertLess(os.path.getsize(place / name), 1.03 * (1 << 20))
        self.assertLess(os.path.getsize(place / "wiener.h5"), 1.03 * 1.5 * (1 << 20))

    def test_views_copy_nothing(self):
        for name, file, _, _, n_fields, _ in self.each():
            views = min(n_fields, 16)
            spare = os.path.getsize(self.place / name / "snapshot_0002.h5") - file["density"].nbytes
            self.assertLess(spare, (24 + 3 * views) << 10)  # metadata of some tens of objects, and of the views

    def test_hash_is_of_doubles_by_rows_then_shape_sigma_and_index(self):
        for name, file, *_ in self.each():
            density = file["density"][:].astype("<f8")
            payload = density.tobytes() + np.array(density.shape, "<u8").tobytes()
            payload += np.float64(0.5).tobytes() + np.int64(2).tobytes()
            path = self.place / name / "snapshot_0002.h5"
            said = subprocess.run([BUILD / "sculptor", "hash", path], check=True, stdout=subprocess.PIPE, text=True)
            self.assertEqual(said.stdout.split()[0], hashlib.sha256(payload).hexdigest())

    def test_files_of_single_fields_have_their_scales(self):
        for name, _, shape, lengths, *_ in self.each():
            with h5py.File(self.place / name / "wiener.h5") as file:
                self.same(file["mean"][:], wanted(shape, 1)[0], "f8")
                self.same(file["deviation"][:], wanted(shape, 1, 2)[0], "f4")
                self.assertEqual((file["mean"].dtype, file["deviation"].dtype), (np.float64, np.float32))
                self.assertEqual([file["mean"].dims[i].label for i in range(len(shape))], list("zyx"[3 - len(shape):]))
                self.assertEqual(text(file["mean"].attrs["long_name"]), "posterior mean")
                np.testing.assert_array_equal(file.attrs["BoxSize"], lengths)
                np.testing.assert_array_equal(file.attrs["Nmesh"], shape)


def read_item(item, place):
    """What an XDMF <DataItem> stands for, checked against the type it claims."""
    shape = [int(n) for n in item.get("Dimensions").split()]
    if item.get("ItemType") == "Function":
        assert item.get("Function") == "0*$0"
        return 0 * read_item(item[0], place)
    if item.get("Format") == "XML":
        return np.array([float(number) for number in item.text.split()]).reshape(shape)
    name, path = item.text.split(":")
    with h5py.File(place / name) as file:
        kind = {"Float": "f", "UInt": "u"}[item.get("NumberType")] + item.get("Precision")
        assert file[path].dtype == np.dtype(kind), path
        assert file[path].size == np.prod(shape), path
        return file[path][:].reshape(shape)


class Xdmf(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.place = Path(self.scratch.name)

    def tearDown(self):
        self.scratch.cleanup()

    def grids(self, place):
        series = ElementTree.parse(place / "snapshots.xdmf").getroot().find("Domain/Grid")
        self.assertEqual((series.get("GridType"), series.get("CollectionType")), ("Collection", "Temporal"))
        for grid in series.findall("Grid"):
            yield grid, float(grid.find("Time").get("Value")), [read_item(item, place) for item in grid.find("Geometry")]

    def test_fields_are_cells_of_a_box_z_first(self):
        subprocess.run([WRITER, "once", self.place], check=True, env=ALONE)
        for name, (shape, lengths, n_fields, _) in FILES.items():
            place = self.place / name
            found = list(self.grids(place))
            self.assertEqual([grid.get("Name") for grid, *_ in found], ["level_0001", "level_0002"])
            for grid, time, (origin, spacing) in found:
                self.assertAlmostEqual(time, np.log(16.0))  # sigma 8 -> 0.5
                solid = shape if len(shape) == 3 else (1, *shape)  # a flat box is one layer thick
                self.assertEqual(grid.find("Topology").get("TopologyType"), "3DCoRectMesh")
                self.assertEqual(grid.find("Topology").get("Dimensions"), " ".join(str(n + 1) for n in solid))
                np.testing.assert_array_equal(origin, np.zeros(3))
                np.testing.assert_allclose(spacing[3 - len(shape):], np.divide(lengths, shape), rtol=1e-15)
                attributes = grid.findall("Attribute")
                self.assertEqual(len(attributes), min(n_fields, 16))
                with h5py.File(place / f"snapshot_{grid.get('Name')[-4:]}.h5") as file:
                    for m, attribute in enumerate(attributes):
                        self.assertEqual(attribute.get("Center"), "Cell")
                        np.testing.assert_array_equal(read_item(attribute[0], place).reshape(shape), file["density"][m])

    def test_particles_are_points_whatever_their_dimension(self):
        for n_dim in (1, 2, 3, 5):
            place = self.place / str(n_dim)
            subprocess.run([PARTICLES, "once", place, "130", str(n_dim)], check=True, env=ALONE)
            (grid, _, geometry), = self.grids(place)
            self.assertEqual(grid.find("Topology").get("NumberOfElements"), "130")
            attributes = {attribute.get("Name"): read_item(attribute[0], place) for attribute in grid.findall("Attribute")}
            with h5py.File(place / "snapshot_0001.h5") as file:
                state = file["state"][:]
                points = geometry[0] if n_dim == 2 else np.stack(geometry, axis=1)
                self.assertEqual(grid.find("Geometry").get("GeometryType"), "XY" if n_dim == 2 else "X_Y_Z")
                np.testing.assert_array_equal(points[:, :min(n_dim, 3)], state[:, :3])
                np.testing.assert_array_equal(points[:, n_dim:], np.zeros((130, max(points.shape[1] - n_dim, 0))))
                self.assertEqual(sorted(attributes), sorted(["first", "id"] + (["state"] if n_dim > 3 else [])))
                np.testing.assert_array_equal(attributes["first"], state[:, 0])
                np.testing.assert_array_equal(attributes["id"], np.arange(130))


if __name__ == "__main__":
    unittest.main()
