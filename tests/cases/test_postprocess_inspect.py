"""Pictures of inspections: made from synthetic files whose numbers are known.

    /usr/bin/python3 tests/cases/test_postprocess_inspect.py

(beside others)"""
import unittest

import h5py
import numpy as np

from test_postprocess import run_command
from test_postprocess_several import Several

from sculptor_plot import inspection

PARAMETERS = "score.type: network\ninspect.against.type: moons\n"


def put_inspection(directory, n_levels=1, **more):
    directory.mkdir(parents=True)
    sigma = np.geomspace(3, 0.1, n_levels)
    with h5py.File(directory / "inspect.h5", "w") as file:
        file.attrs["parameters"] = np.string_(PARAMETERS)
        arrays = {"sigma": sigma, "eps": 0.01 * sigma, "eps_error": 0.001 * sigma, "relative_error": 0.1 / sigma,
                  "relative_error_error": 0.01 / sigma, "gaussian_eps": np.full(n_levels, np.nan),
                  "asymmetry": 0.1 + 0 * sigma, "asymmetry_error": 0.01 + 0 * sigma, "kl_bound": [0.3],
                  "kl_bound_error": [0.01], **more}
        for name, value in arrays.items():
            file[name] = value
    return directory


def maps(n_levels=1, n=9):
    axis = np.tile(np.linspace(-2, 2, n), (n_levels, 1))
    x, y = np.meshgrid(axis[0], axis[0])
    of = {"score_0": -x, "score_1": -y, "truth_0": -1.1 * x, "truth_1": -y, "map_relative_error": np.abs(x) + 0.01,
          "truth_log_density": -x**2 - y**2}
    return {"axis_0": axis, "axis_1": axis, **{name: np.tile(value, (n_levels, 1, 1)) for name, value in of.items()}}


def of_fields(n_levels=1, n=8, shells=4):
    generator = np.random.default_rng(1)
    k = np.arange(1.0, shells + 1)
    views = {f"view_{name}": generator.standard_normal((n_levels, n, n)) for name in ("clean", "noisy", "denoised", "truth")}
    powers = {f"power_{name}": np.tile(1 / k, (n_levels, 1)) for name in ("denoised", "truth", "cross", "difference")}
    samples = {"samples_power": [1 / k, 1 / k], "samples_power_error": [0.1 / k, 0.1 / k],
               "samples_moments": np.ones((2, 5)), "samples_moments_error": np.ones((2, 5)),
               "samples_pdf": np.ones((2, 6)), "samples_pdf_error": np.full((2, 6), 0.1), "samples_pdf_centre": np.arange(6.0)}
    return {"wavenumber": k, **views, **powers, **samples}


class Inspections(Several):
    def test_a_map_is_drawn_by_its_command_and_of_its_directory(self):
        run = put_inspection(self.folder / "run", **maps(), sliced_distance=[[0.1, 0.2], [0.1, 0.1]])
        path = self.drawn("inspect.png", "inspect", run)
        self.assertEqual(path, str(run / "pictures" / "inspect.png"))
        self.assertTrue(inspection.inspected(run))
        (run / "snapshot_0001.h5").write_bytes(b"")
        self.assertFalse(inspection.inspected(run))

    def test_fields_and_samples_are_drawn(self):
        run = put_inspection(self.folder / "run", **of_fields())
        status, out, err = run_command(run, "--output", self.folder / "out")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out.strip(), str(self.folder / "out" / "inspect.png"))

    def test_panels_hold_what_the_file_has(self):
        found = inspection.Inspection(put_inspection(self.folder / "run", n_levels=12))
        self.assertEqual(found.levels(), [0, 3, 6, 8, 11])
        figure = inspection.draw(found)
        curves = figure.subfigs[0].axes
        self.assertEqual(len(curves), 3)  # no shells
        self.assertEqual(len(figure.subfigs), 1)
        np.testing.assert_allclose(curves[0].lines[0].get_ydata(), 0.01 * np.sort(found["sigma"]))
        self.assertIn("KL \u2264 0.3 \u00b1 0.01 nat", [text.get_text() for text in curves[0].texts])

    def test_bad_use_is_one_line_and_status_2_and_bad_files_3(self):
        self.refused(2, [self.folder / "none", "no such directory"], "inspect", self.folder / "none")
        run = put_inspection(self.folder / "run", view_clean=np.zeros((2, 4, 4)))
        self.refused(3, [run / "inspect.h5", "view_clean", "1 levels"], "inspect", run)
        (run / "inspect.h5").write_bytes(b"bad")
        self.refused(3, [run / "inspect.h5", "cannot be read as HDF5"], "inspect", run)
        (run / "inspect.h5").unlink()
        self.refused(2, [run / "inspect.h5", "no such file", "sculptor inspect"], "inspect", run)


if __name__ == "__main__":
    unittest.main()
