"""The pictures of random fields: made from synthetic runs drawn exactly, whose answers are known.

    /usr/bin/python3 tests/cases/test_postprocess_fields.py

(beside others)"""

import math
import os
import unittest

import h5py
import numpy as np

from field_runs import Mesh, put_field, put_field_run, put_lognormal_run, put_wiener_run, spectrum
from test_postprocess import Case, put_run, run_command

import sculptor_plot
from sculptor_plot.fields import correlations, filmstrip, pdf, rows, wiener
from sculptor_plot.levels import Box

PICTURES = ("filmstrip", "power", "pdf", "correlations", "series")
ALL = ("filmstrip", "wiener", "power", "pdf", "correlations", "series")


def failures_in(err):
    """Without the notes: a posterior has no exact spectrum, and that is told."""
    return "".join(line for line in err.splitlines(keepends=True) if not line.startswith("sculptor-plot: note: "))


class Pictures(Case):
    def check(self, directory, pictures=PICTURES, options=()):
        status, out, err = run_command(directory, *options)
        self.assertEqual(status, 0, err)
        where = directory / "pictures"
        self.assertEqual(out.split(), [str(where / f"{name}.png") for name in pictures] + [str(where / "index.html")])
        self.assertEqual(sorted(os.listdir(where)), sorted([f"{name}.png" for name in pictures] + ["index.html"]))
        for name in pictures:
            self.assert_png((where / f"{name}.png").read_bytes())
        return self.assert_page(where / "index.html", len(pictures)), err

    def test_a_field_in_three_dimensions_gives_all_pictures_and_a_page_that_tells_the_run(self):
        directory = put_field_run(self.folder / "run", 3, n=12)
        page, err = self.check(directory, options=("--realization", "3", "--slab", "2"))
        self.assertEqual(err, "")
        for fact in ("gaussian_field", "Realisations", "12 \u00d7 12 \u00d7 12", "500 Mpc/h", "(realization, z, y, x)"):
            self.assertIn(fact, page.text)

    def test_one_realisation_in_two_dimensions_is_enough(self):
        page, _ = self.check(put_field_run(self.folder / "run", 2, n=16, m=1, n_levels=1, corners=True))
        self.assertIn("16 \u00d7 16", page.text)

    def test_a_lognormal_field_has_no_exact_spectrum_and_says_so(self):
        _, err = self.check(put_lognormal_run(self.folder / "run", 2, n=32))
        self.assert_one_line(err, "series.h5", "power_target")

    def test_a_posterior_is_compared_with_the_exact_answer(self):
        self.check(put_wiener_run(self.folder / "run", n=12, m=6), ALL)

    def test_a_posterior_without_truth_and_exact_variance_is_drawn(self):
        self.check(put_wiener_run(self.folder / "run", n=12, m=6, truth=False, variance=False), ALL)

    def test_a_run_without_series_gives_the_maps_and_says_so(self):
        _, err = self.check(put_field_run(self.folder / "run", 3, n=8, series=False), ("filmstrip",))
        self.assert_one_line(err, "no series.h5")

    def test_missing_columns_cost_their_part_only_and_are_named(self):
        for without, pictures, parts in (
                (("power", "bispectrum_wavenumber"), ("filmstrip", "pdf", "correlations", "series"), ["no power.png"]),
                (("pdf_edges", "cross_correlation"), ("filmstrip", "power", "correlations", "series"), ["no pdf.png"]),
                (("modes", "variance"), PICTURES, ["modes, variance"]),
                (("power_target", "power_scatter", "correlation"), PICTURES, ["power_target"])):
            with self.subTest(without):
                directory = put_field_run(self.folder / without[0], 2, n=8, n_levels=2, leave_out=without)
                _, err = self.check(directory, pictures)
                self.assert_one_line(err, directory / "series.h5", *parts)

    def test_columns_without_a_number_count_as_missing(self):
        directory = put_field_run(self.folder / "run", 2, n=8, n_levels=2)
        with h5py.File(directory / "series.h5", "a") as file:
            for name in ("power", "pdf", "correlation", "bispectrum_squeezed", "bispectrum_equilateral", "acceptance"):
                file[name][...] = np.nan
        _, err = self.check(directory, ("filmstrip", "series"))
        self.assertEqual(err.count("\n"), 3)

    def test_a_column_that_does_not_fit_its_constant_is_named(self):
        directory = put_field_run(self.folder / "run", 2, n=8, n_levels=2)
        with h5py.File(directory / "series.h5", "a") as file:
            del file["pdf_edges"]
            file["pdf_edges"] = np.linspace(-1, 1, 4)
        status, _, err = run_command(directory)
        self.assertEqual((status, err.count("\n")), (0, 2))
        self.assertIn("pdf (2, 50) does not belong to pdf_edges (4,)", err)

    def test_pictures_of_the_same_run_are_the_same_bytes(self):
        directory = put_wiener_run(self.folder / "run", n=8, m=4)
        for name in ("a", "b"):
            self.assertEqual(run_command(directory, "--output", self.folder / name)[0], 0)
        for name in ALL:
            self.assertEqual(*((self.folder / where / f"{name}.png").read_bytes() for where in ("a", "b")))


class Errors(Case):
    def check(self, status, parts, *arguments):
        found, out, err = run_command(*arguments)
        self.assertEqual((found, out), (status, ""))
        self.assert_one_line(err, *parts)

    def test_bad_use_is_one_line_and_status_2(self):
        run = put_field_run(self.folder / "run", 2, n=8, m=2, n_levels=1)
        self.check(2, ["--realization", "no realisation 2"], run, "--realization", "2")
        self.check(2, ["--realization", "'-1'"], run, "--realization=-1")
        self.check(2, ["--coordinates", "random fields"], run, "--coordinates", "0,1")
        self.check(2, ["--slab", "particles"], put_run(self.folder / "points", 2, n=50, n_levels=1), "--slab", "2")

    def test_a_snapshot_that_cannot_be_used_is_named_in_one_line_and_status_3(self):
        run = put_field_run(self.folder / "run", 2, n=8, n_levels=1)
        snapshot = run / "snapshot_0001.h5"
        whole = snapshot.read_bytes()
        snapshot.write_bytes(whole[:len(whole) // 2])
        self.check(3, [snapshot, "truncated"], run)
        for values, part in ((np.zeros((2, 4)), "(2, 4)"), (np.zeros((0, 4, 4)), "(0, 4, 4)"),
                             (np.zeros((1, 4, 4), dtype="i4"), "int32")):
            with h5py.File(snapshot, "w") as file:
                file["density"] = values
            self.check(3, [snapshot, part], run)

    def test_one_bad_file_among_others_costs_its_part_only(self):
        for bad, pictures in (("snapshot_0002.h5", ALL), ("snapshot_0003.h5", ALL), ("series.h5", ALL[:2]),
                              ("wiener.h5", PICTURES)):
            with self.subTest(bad):
                run = put_wiener_run(self.folder / bad[:-3], n=8, m=4)
                (run / bad).write_bytes(b"bad")
                status, out, err = run_command(run)
                self.assertEqual(status, 3)
                self.assert_one_line(failures_in(err), run / bad)
                self.assertEqual(len(out.split()), len(pictures) + 1)

    def test_an_exact_answer_on_another_mesh_is_refused(self):
        run = put_wiener_run(self.folder / "run", n=8, m=4)
        with h5py.File(run / "wiener.h5", "a") as file:
            del file["mask"]
            file["mask"] = np.ones((4, 4))
        status, _, err = run_command(run)
        self.assertEqual(status, 3)
        self.assert_one_line(failures_in(err), "wiener.h5", "mask (4, 4)", "(8, 8)")

    def test_a_field_without_a_finite_cell_is_named(self):
        run = put_field_run(self.folder / "run", 2, n=8, n_levels=1)
        put_field(run, 1, 1.0, np.full((2, 8, 8), np.nan), Mesh(8, 500, 2))
        status, _, err = run_command(run)
        self.assertEqual(status, 3)
        self.assert_one_line(err, "snapshot_0001.h5", "no finite density")


class Reading(Case):
    def test_curves_are_of_the_first_some_and_the_last_noised_levels(self):
        directory = put_field_run(self.folder / "run", 2, n=8, sigma=[9.0, 5.0, 3.0, 1.0, 0.5, 0.0])
        found = [[i for i, _ in rows.FieldRows(sculptor_plot.read(directory), []).chosen(np.ones((6, 3)))]]
        with h5py.File(directory / "series.h5", "a") as file:
            file.attrs["parameters"] = np.string_("score.type: gaussian_field\nsampler.denoise: true\n")
        found.append([i for i, _ in rows.FieldRows(sculptor_plot.read(directory), []).chosen(np.ones((6, 3)))])
        self.assertEqual([(chosen[0], chosen[-1], len(chosen)) for chosen in found], [(0, 5, 4), (0, 4, 4)])

    def test_maps_are_the_central_planes(self):
        mesh, values = Mesh(6, 60, 3), np.arange(2 * 216.0).reshape(2, 6, 6, 6)
        self.folder.mkdir(exist_ok=True)
        put_field(self.folder, 1, 0.5, values, mesh, kind="f8")
        run = sculptor_plot.read(self.folder)
        level = run.levels[0]
        self.assertTrue(run.is_field)
        self.assertEqual((level.n_particles, level.n_dim, level.sigma), (2, 216, 0.5))
        np.testing.assert_array_equal(level.density(1), values[1])
        np.testing.assert_array_equal(level.map(1), values[1, 3])
        np.testing.assert_array_equal(level.maps(2), values[:, 2:4].mean(axis=1))
        np.testing.assert_array_equal(level.map(0, 100), values[0].mean(axis=0))
        self.assertEqual(level.box.slab(1), (slice(3, 4), (30.0, 40.0)))
        self.assertEqual(level.box.slab(2), (slice(2, 4), (20.0, 40.0)))

    def test_a_box_of_unequal_sides_keeps_the_order_of_the_axes(self):
        box = Box((4, 8, 16), (100.0, 200.0, 400.0))
        self.assertEqual((box.extent, box.unit, box.n_cells, box.volume), ((0, 400, 0, 200), "Mpc/h", 512, 8e6))
        self.assertEqual(Box((4, 8)).unit, "cells")

    def test_a_population_is_no_field(self):
        self.assertFalse(sculptor_plot.read(put_run(self.folder / "run", 2, n=30, n_levels=1)).is_field)


class Numbers(unittest.TestCase):
    def test_residuals_of_exact_fields_have_the_expected_error_and_chi_squared(self):
        # White-spectrum shells of a 2-D field, 60 runs of 3 realisations: the sum of chi-squared over runs has the
        # standard deviation that chi_squared tells, times the root of 60.
        mesh, generator, m, n_runs = Mesh(16, 500, 2, corners=True), np.random.default_rng(4), 3, 60
        target = spectrum(mesh.k, 2)
        shells = mesh.in_shells(target)[0]
        flat = np.where(mesh.inside, shells[mesh.shell], 0)  # constant within a shell, so that the law is exact
        found = [rows.chi_squared(mesh.power(mesh.draw(flat, m, generator)).mean(axis=0), shells, mesh.modes, m)
                 for _ in range(n_runs)]
        _, n_shells, error = found[0]
        self.assertEqual(n_shells, mesh.n_shells)
        total = sum(statistic for statistic, _, _ in found)
        self.assertLess(abs(total - n_runs * n_shells), 5 * error * math.sqrt(n_runs))
        # A spectrum 5% too high is seen where there are enough modes.
        fields = [mesh.draw(flat, 200, generator) for _ in range(3)]
        wrong = sum(rows.chi_squared(1.05 * mesh.power(x).mean(axis=0), shells, mesh.modes, 200)[0] for x in fields)
        self.assertGreater(wrong - 3 * n_shells, 5 * error * math.sqrt(3))

    def test_shells_without_target_or_modes_do_not_count(self):
        power, target = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, np.nan, 3.3, 4.0])
        np.testing.assert_allclose(rows.residual(power, target), [0, np.nan, 3 / 3.3 - 1, 0])
        statistic, n_shells, error = rows.chi_squared(power, target, [2, 2, 4, 0], 5)
        self.assertEqual(n_shells, 2)
        self.assertAlmostEqual(statistic, (3 / 3.3 - 1) ** 2 * 20 / 2, delta=1e-12)
        self.assertAlmostEqual(error, math.sqrt(4 + 12 / 10 + 12 / 20), delta=1e-12)

    def test_the_variance_of_a_spectrum_is_that_of_the_cells(self):
        mesh = Mesh(12, 300, 3, corners=True)
        power, box = spectrum(mesh.k, 3), Box(mesh.shape, (300.0,) * 3)
        xi = np.fft.ifftn(power).real[0, 0, 0] / mesh.cell
        self.assertAlmostEqual(rows.variance_of(mesh.in_shells(power), mesh.modes, box)[0] / xi, 1, delta=1e-12)
        self.assertTrue(np.isnan(rows.variance_of(mesh.in_shells(power), mesh.modes - 1, box)[0]))

    def test_one_point_densities_are_normalised_and_standardised(self):
        x = np.linspace(-6, 60, 6601)  # beyond are less than 1e-7 of the cells at these variances
        for variance, noise in ((0.3, 0.0), (1.0, 0.3), (0.5, 0.49)):
            y = np.concatenate([pdf.noised_lognormal(part, variance, noise) for part in np.array_split(x, 4)])
            for power, moment in ((0, 1), (1, 0), (2, 1)):
                self.assertAlmostEqual(np.trapz(x**power * y, x), moment, delta=2e-3)
        np.testing.assert_array_equal(pdf.noised_lognormal(x[:5], 1.0, 2.0), pdf.gaussian(x[:5]))

    def test_the_lognormal_curve_is_the_histogram_of_lognormal_cells(self):
        generator, s2, noise, n = np.random.default_rng(9), 0.4, 0.2, 400_000
        cells = np.exp(math.sqrt(s2) * generator.standard_normal(n) - 0.5 * s2) - 1
        cells += noise * generator.standard_normal(n)
        variance, edges = math.expm1(s2) + noise**2, np.linspace(-2, 3, 21)
        fine = np.linspace(-2, 3, 2001)
        density = pdf.noised_lognormal(fine, variance, noise**2)
        probability = np.array([np.trapz(density[i:i + 101], fine[i:i + 101]) for i in range(0, 2000, 100)])
        counts, _ = np.histogram(cells / math.sqrt(variance), edges)
        # 20 bins: independent binomials but for their small correlation.
        z = (counts - n * probability) / np.sqrt(n * probability * (1 - probability))
        self.assertLess(np.abs(z).max(), 5.85)

    def test_the_mean_of_samples_is_off_by_its_standard_error(self):
        generator, m = np.random.default_rng(10), 25
        exact, variance = generator.standard_normal((160, 160)), generator.uniform(0.5, 2, (160, 160))
        samples = exact + np.sqrt(variance) * generator.standard_normal((m, 160, 160))
        mean, deviation, errors = wiener.statistics(samples, exact, variance)
        np.testing.assert_array_equal(mean, samples.mean(axis=0))
        # 25600 independent squares of unit normals: standard error sqrt(2/25600).
        self.assertLess(abs(np.mean(errors**2) - 1), 5.85 * math.sqrt(2 / 25600))
        self.assertLess(abs(np.mean(deviation**2 / variance) - 1), 5.85 * math.sqrt(2 / (25600 * (m - 1))))
        self.assertGreater(np.mean(wiener.statistics(samples + 0.5, exact, variance)[2] ** 2), 3)
        self.assertIsNone(wiener.statistics(samples[:1], exact)[2])

    def test_lognormal_maps_become_densities_once_noise_is_small(self):
        generator = np.random.default_rng(1)
        delta = np.exp(0.5 * generator.standard_normal(10_000) - 0.125) - 1
        self.assertTrue(filmstrip.is_density(delta, True))
        self.assertFalse(filmstrip.is_density(delta, False))
        self.assertFalse(filmstrip.is_density(delta + 2 * generator.standard_normal(10_000), True))

    def test_a_level_lost_in_noise_is_told_from_one_that_agrees(self):
        last, scatter = np.exp(-np.arange(30.0)), np.random.default_rng(2).standard_normal(30)
        self.assertFalse(correlations.is_too_noisy(last + 0.1 * np.median(last) * scatter, last))
        self.assertTrue(correlations.is_too_noisy(last + 100 * np.median(last) * scatter, last))

    def test_colour_bars_of_densities_have_few_round_ticks(self):
        for low, high in ((0.5, 2), (0.05, 8), (1e-3, 40), (1e-4, 900), (0.93, 1.08)):
            ticks = filmstrip.density_ticks(low, high)
            self.assertTrue(1 <= len(ticks) <= 5, ticks)
            self.assertTrue(all(low <= t <= high for t in ticks))


if __name__ == "__main__":
    unittest.main()
