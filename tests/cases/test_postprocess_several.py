"""Pictures of several runs, and single ones: made from synthetic runs whose exact answer is known.

    /usr/bin/python3 tests/cases/test_postprocess_several.py

(beside others)"""

import math
import os
import unittest

import h5py
import numpy as np

from field_runs import put_field_run
from test_postprocess import Case, put_run, put_series, put_snapshot, run_command, target_of

import sculptor_plot
from sculptor_plot import compare, likelihood, pairs, paths, sampler_name
from sculptor_plot.distance import sliced_distance
from sculptor_plot.target import Mixture

VP = """score.type: gaussian_mixture
process.type: vp
sampler.type: probability_flow
sampler.method: heun
"""


def put_vp_run(directory, sigmas, n=300, parameters=VP, evaluations=None, seed=3):
    """Exact draws of x = alpha (x_0 + sigma n), alpha = 1/sqrt(1 + sigma^2), t = alpha sigma."""
    directory.mkdir(parents=True)
    generator, populations = np.random.default_rng(seed), []
    scales = [1 / math.hypot(1, sigma) for sigma in sigmas]
    for i, (sigma, scale) in enumerate(zip(sigmas, scales)):
        populations.append(scale * target_of(2).draw(n, sigma, range(2), generator))
        put_snapshot(directory, i + 1, sigma, populations[-1])
    put_series(directory, sigmas, populations, target_of(2))
    with h5py.File(directory / "series.h5", "a") as file:
        file["scale"], file["time"] = scales, [a * s for a, s in zip(scales, sigmas)]
        file.attrs["parameters"] = np.string_(parameters)
        if evaluations is not None:
            file["evaluations"][...] = evaluations
    return directory


class Several(Case):
    def drawn(self, name, *arguments):
        """The picture of a command that has to succeed."""
        status, out, err = run_command(*arguments)
        self.assertEqual((status, err), (0, ""))
        path = out.strip()
        self.assertEqual(os.path.basename(path), name)
        with open(path, "rb") as file:
            self.assert_png(file.read())
        return path

    def refused(self, status, parts, *arguments):
        found, out, err = run_command(*arguments)
        self.assertEqual((found, out), (status, ""))
        self.assert_one_line(err, *parts)


class Comparison(Several):
    def test_runs_of_one_target_are_drawn_side_by_side(self):
        runs = [put_vp_run(self.folder / str(i), [3.0, 0.1], n=n) for i, n in enumerate((300, 12000))]
        path = self.drawn("compare.png", "compare", *runs, runs[0], "--output", self.folder / "out")
        self.assertEqual(os.path.dirname(path), str(self.folder / "out"))
        self.assertEqual(os.listdir(self.folder / "out"), ["compare.png"])

    def test_evaluations_a_particle_are_those_of_the_snapshot_else_the_series(self):
        run = sculptor_plot.read(put_vp_run(self.folder / "run", [3.0, 1.0, 0.1], evaluations=[0, 300 * 12, 300 * 18]))
        first, last = run.levels[1], run.levels[2]
        self.assertEqual(sampler_name.evaluations_text(run, last), "30 NFE")
        self.assertEqual(sampler_name.evaluations_text(run, first), "12 NFE")
        self.assertEqual(compare.heading([run, run]),
                         "One target by 2 samplers, each at 30 score evaluations a particle")
        with h5py.File(last.path, "a") as file:
            file["evaluations"] = np.arange(300.0) + 5
        self.assertEqual(sampler_name.evaluations_text(run, last), "154.5 NFE (5 to 304)")
        self.assertEqual(sampler_name.sampler_name(run), "probability flow, Heun")

    def test_bad_use_is_one_line_and_status_2(self):
        run = put_vp_run(self.folder / "run", [0.1], n=50)
        other = put_vp_run(self.folder / "other", [0.1], n=50, parameters=VP.replace("gaussian_mixture", "ring"))
        fields = put_field_run(self.folder / "fields", 2, n=8, n_levels=1)
        self.refused(2, ["RUN_DIR", "sculptor-plot compare --help"], "compare")
        self.refused(2, [self.folder / "none", "no such directory"], "compare", run, self.folder / "none")
        self.refused(2, [other, "another target", "ring", "gaussian_mixture"], "compare", run, other)
        self.refused(2, [fields, "random fields, not particles"], "compare", run, fields)
        self.refused(2, ["no coordinate 2", "the run has 2"], "compare", run, "--coordinates", "0,2")
        self.refused(2, ["'1'"], "compare", run, "--coordinates", "1")

    def test_a_snapshot_that_cannot_be_used_is_named_in_one_line_and_status_3(self):
        run = put_vp_run(self.folder / "run", [0.1], n=50)
        (run / "snapshot_0001.h5").write_bytes(b"bad")
        self.refused(3, [run / "snapshot_0001.h5"], "compare", run)


class Distance(unittest.TestCase):
    def test_of_a_shifted_gaussian_it_is_the_shift_projected(self):
        # W1 of N(m, 1) from N(0, 1) is |m|; over directions the mean of |cos| is 2/pi. n draws add their own scatter,
        # whose area the second number tells; 24 directions miss the mean of |cos| by less than 1e-2.
        law = Mixture([1], [[0.0, 0.0]], [[1.0, 1.0]])
        points = np.random.default_rng(2).standard_normal((20000, 2))
        found, expected = sliced_distance(points + [0.6, 0.8], law, [0, 1])
        self.assertAlmostEqual(found, 2 / math.pi, delta=0.01 + 2 * expected)
        found, expected = sliced_distance(points, law, [0, 1])
        self.assertLess(found, 3 * expected)
        self.assertGreater(found, expected / 3)

    def test_exact_draws_have_the_distance_that_is_expected_of_them(self):
        # Over 40 sets: the area of one set scatters by less than its mean, so 5.85 times 1/sqrt(40).
        law, ratio = target_of(2), []
        for seed in range(40):
            points = law.noised(0.5).draw(500, 0, [0, 1], np.random.default_rng(seed))
            ratio.append(np.divide(*sliced_distance(points, law.noised(0.5), [0, 1])))
        self.assertLess(abs(np.mean(ratio) - 1), 5.85 * np.std(ratio) / math.sqrt(40) + 0.05)

    def test_points_far_outside_count_with_their_whole_distance(self):
        law = Mixture([1], [[0.0, 0.0]], [[1.0, 1.0]])
        far, _ = sliced_distance(np.full((10, 2), 1e4), law, [0, 1])
        self.assertAlmostEqual(far / (1e4 * math.sqrt(2) * 2 / math.pi), 1, delta=1e-2)

    def test_a_dense_covariance_is_projected_too(self):
        dense = Mixture([1], [[1.0, -2.0]], [[2.0, 1.0]], np.array([[2.0, 0.9], [0.9, 1.0]]))
        points = dense.draw(4000, 0, [0, 1], np.random.default_rng(4))
        found, expected = sliced_distance(points, dense, [0, 1])
        self.assertLess(found, 3 * expected)
        self.assertGreater(sliced_distance(points * [1, -1], dense, [0, 1])[0], 10 * expected)


class Scaled(unittest.TestCase):
    def test_a_noised_law_is_that_of_the_scaled_sum(self):
        clean, sigma, scale = target_of(1), 1.5, 0.4
        law, x = clean.noised(sigma, scale), np.linspace(-9, 9, 7)
        np.testing.assert_allclose(law.pdf(scale * x, 0) * scale, clean.pdf(x, 0, sigma), rtol=1e-12)
        dense = Mixture([1], [[1.0, -2.0]], [[2.0, 1.0]], np.array([[2.0, 0.9], [0.9, 1.0]]))
        np.testing.assert_allclose(dense.noised(sigma, scale).pair_pdf(scale * x, scale * x, [0, 1]) * scale**2,
                                   dense.pair_pdf(x, x, [0, 1], sigma), rtol=1e-9)


class Filmstrips(Several):
    def twins(self):
        sigmas = [0.01, 0.1, 1.0, 9.0]
        return (put_vp_run(self.folder / "forward", [0.0, *sigmas], n=400, seed=5),
                put_vp_run(self.folder / "reverse", sigmas[::-1], n=400))

    def test_forward_and_reverse_particles(self):
        forward, reverse = self.twins()
        path = self.drawn("forward_and_reverse.png", "filmstrip", forward, reverse)
        self.assertEqual(path, str(reverse / "pictures" / "forward_and_reverse.png"))

    def test_forward_and_reverse_fields(self):
        runs = [put_field_run(self.folder / str(i), 2, n=8, sigma=sigma)
                for i, sigma in enumerate(([0.0, 0.1, 1.0, 9.0], [9.0, 1.0, 0.1, 0.0]))]
        self.drawn("forward_and_reverse.png", "filmstrip", *runs, "--realization", "1", "--levels", "3")

    def test_single_runs_of_a_scaled_process_are_drawn_against_their_scaled_law(self):
        _, reverse = self.twins()
        status, _, err = run_command(reverse)
        self.assertEqual((status, err), (0, ""))
        page = (reverse / "pictures" / "index.html").read_text(encoding="utf-8")
        self.assertIn("<dt>Process</dt><dd>vp</dd>", page)
        run = sculptor_plot.read(reverse)
        first = run.target_at(run.levels[0], [0, 1])
        np.testing.assert_allclose(first.variance, (1 + 81) / 82, rtol=1e-12)
        self.assertAlmostEqual(run.time_of(run.levels[0]), 9 / math.sqrt(82), delta=1e-12)

    def test_columns_hold_the_same_noise(self):
        forward, reverse = (sculptor_plot.read(path) for path in self.twins())
        found = [(f.sigma, r.sigma) for f, r in pairs.match(forward.levels, reverse.levels, 6)]
        self.assertEqual(found, [(0.0, 0.01), (0.1, 0.1), (1.0, 1.0), (9.0, 9.0)])
        self.assertEqual(len(pairs.match(forward.levels, reverse.levels, 2)), 2)
        self.assertEqual(len(pairs.match(forward.levels[:2], reverse.levels, 6)), 1)

    def test_bad_use_is_one_line_and_status_2(self):
        forward, reverse = self.twins()
        fields = put_field_run(self.folder / "fields", 2, n=8, m=2, n_levels=2)
        finer = put_field_run(self.folder / "finer", 2, n=16, m=2, n_levels=2)
        self.refused(2, ["REVERSE_RUN"], "filmstrip", forward)
        with h5py.File(forward / "series.h5", "a") as file:
            file.attrs["parameters"] = np.string_("command: forward\n" + VP)
        self.refused(2, [forward, "give it first"], "filmstrip", reverse, forward)
        self.refused(2, [fields, "random fields, not particles"], "filmstrip", fields, reverse)
        self.refused(2, [forward, "particles, not random fields"], "filmstrip", forward, fields)
        self.refused(2, ["no realisation 2"], "filmstrip", fields, fields, "--realization", "2")
        self.refused(2, [finer, "(16, 16)", "(8, 8)"], "filmstrip", finer, fields)
        self.refused(2, ["no coordinate 3"], "filmstrip", forward, reverse, "--coordinates", "0,3")
        self.refused(2, ["'0'"], "filmstrip", forward, reverse, "--levels", "0")


def put_likelihood(directory, n=24, exact=True, probes=False, kind="grid"):
    """Of the toy's noised density on a grid, off by a little."""
    directory.mkdir(parents=True)
    x, y = np.linspace(-12, 12, n), np.linspace(-11, 13, n)
    log_p = np.log(target_of(2).pair_pdf(x, y, [0, 1], 2.0)).ravel()
    error = np.random.default_rng(1).standard_normal(n * n) * (0.1 if probes else 1e-7)
    with h5py.File(directory / "likelihood.h5", "w") as file:
        file["latent"], file["log_likelihood"] = np.zeros((n * n, 2)), log_p + error
        file["evaluations"] = np.full(n * n, 143)
        if exact:
            file["log_density"] = log_p
        if probes:
            file["standard_error"] = np.full(n * n, 0.1)
        file.attrs["sigma_min"], file.attrs["sigma_max"] = 2.0, 60.0
        file.attrs["parameters"] = np.string_(
            f"score.type: gaussian_mixture\npopulation.initial.type: {kind}\npopulation.initial.low: [-12, -11]\n"
            f"population.initial.high: [12, 13]\npopulation.initial.points_per_axis: {n}\nlikelihood.prior: normal\n")
    return directory


class LikelihoodMaps(Several):
    def test_every_kind_of_likelihood_is_drawn(self):
        for exact in (True, False):
            for probes in (True, False):
                run = put_likelihood(self.folder / f"{exact}{probes}", exact=exact, probes=probes)
                path = self.drawn("likelihood.png", "likelihood", run)
                self.assertEqual(path, str(run / "pictures" / "likelihood.png"))

    def test_maps_have_the_first_coordinate_along_x(self):
        found = likelihood.Likelihoods(put_likelihood(self.folder / "run", n=13))
        row, column = np.unravel_index(found.exact.argmax(), found.exact.shape)
        self.assertEqual((column, row), (8, 8))  # x = 4, y = 5: the grid's points nearest to the mode at (5, 5)
        self.assertEqual(found.extent, (-13.0, 13.0, -12.0, 14.0))

    def test_bad_use_is_one_line_and_status_2_and_bad_files_3(self):
        run = put_vp_run(self.folder / "run", [0.1], n=50)
        self.refused(2, [self.folder / "none", "no such directory"], "likelihood", self.folder / "none")
        self.refused(2, [run / "likelihood.h5", "no such file", "sculptor likelihood"], "likelihood", run)
        self.refused(2, ["RUN_DIR"], "likelihood")
        scattered = put_likelihood(self.folder / "scattered", kind="normal")
        self.refused(2, [scattered / "likelihood.h5", "type: grid"], "likelihood", scattered)
        with h5py.File(scattered / "likelihood.h5", "a") as file:
            file.attrs["parameters"] = file.attrs["parameters"].replace(b"normal\n", b"grid\n", 1)
            del file["log_likelihood"]
        self.refused(3, [scattered / "likelihood.h5", "no data set log_likelihood"], "likelihood", scattered)
        (scattered / "likelihood.h5").write_bytes(b"bad")
        self.refused(3, [scattered / "likelihood.h5", "cannot be read as HDF5"], "likelihood", scattered)


PATHS = VP + """population.initial.type: interpolation
population.initial.points: 25
population.initial.method: spherical
"""


def put_field_paths(directory, m=18, points=9):
    put_field_run(directory, 2, n=8, m=m, n_levels=2)
    with h5py.File(directory / "series.h5", "a") as file:
        file.attrs["parameters"] = np.string_("score.type: gaussian_field\nsampler.type: probability_flow\n"
                                              "population.initial.type: interpolation\n"
                                              f"population.initial.points: {points}\n")
    return directory


class Paths(Several):
    def test_paths_of_particles_and_of_fields_are_drawn(self):
        run = put_vp_run(self.folder / "run", [9.0, 0.1], n=75, parameters=PATHS)
        self.assertEqual(self.drawn("paths.png", "paths", run), str(run / "pictures" / "paths.png"))
        self.drawn("paths.png", "paths", put_field_paths(self.folder / "fields"))

    def test_a_path_is_a_run_of_neighbours(self):
        run = sculptor_plot.read(put_vp_run(self.folder / "run", [9.0, 0.1], n=75, parameters=PATHS))
        found = paths._paths(run.levels[-1], paths.points_of(run), [0, 1])
        self.assertEqual(found.shape, (3, 25, 2))
        np.testing.assert_array_equal(found[1], run.levels[-1].state()[25:50])

    def test_bad_use_is_one_line_and_status_2(self):
        run = put_vp_run(self.folder / "run", [0.1], n=20, parameters=PATHS)
        self.refused(2, [run, "20 particles are no path of 25"], "paths", run)
        other = put_vp_run(self.folder / "other", [0.1], n=20)
        self.refused(2, [other, "did not begin with paths", "interpolation"], "paths", other)
        self.refused(2, ["RUN_DIR"], "paths")
        self.refused(2, [self.folder / "none", "no such directory"], "paths", self.folder / "none")


if __name__ == "__main__":
    unittest.main()
