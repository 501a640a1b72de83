"""The pictures of a run: made from synthetic runs whose exact answer is known.

    /usr/bin/python3 tests/cases/test_postprocess.py

(beside others)"""

import base64
import contextlib
import io
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

import h5py
import numpy as np

POSTPROCESS = Path(__file__).resolve().parents[2] / "postprocess"
sys.path.insert(0, str(POSTPROCESS))

import sculptor_plot
from sculptor_plot import cli, filmstrip, marginals
from sculptor_plot.target import Mixture

PICTURES = ("filmstrip", "marginals", "series")
PARAMETERS = """seed: 7
population.particles: {n}
score.type: gaussian_mixture
levels.type: geometric
sampler.type: annealed_langevin
sampler.scheme: ula
sampler.steps_per_level: 100
sampler.denoise: {denoise}
"""


def target_of(n_dim):
    """The toy of Song & Ermon 2019 where d = 2, its like elsewhere."""
    return Mixture([0.8, 0.2], [[5.0] * n_dim, [-5.0] * n_dim], np.ones((2, n_dim)))


def put_provenance(file, n, denoise=False):
    file.attrs["software"], file.attrs["softwareVersion"] = np.string_("sculptor"), np.string_("0.1.0")
    file.attrs["commit"], file.attrs["seed"] = np.string_("1a2b3c4"), np.int64(7)
    file.attrs["date"] = np.string_("2025-01-02 03:04:05 +0000")
    file.attrs["input_text"] = np.string_("seed: 7  # <b>not markup</b> & more\n")
    file.attrs["parameters"] = np.string_(PARAMETERS.format(n=n, denoise=str(denoise).lower()))


def put_snapshot(directory, index, sigma, state, denoise=False):
    with h5py.File(directory / f"snapshot_{index:04d}.h5", "w") as file:
        file["state"], file["sigma"] = state, float(sigma)
        file["particle"], file["coord"] = np.arange(len(state), dtype="u8"), np.arange(state.shape[1], dtype="i4")
        put_provenance(file, len(state), denoise)


def put_series(directory, sigma, populations, target, denoise=False):
    n, n_dim = populations[0].shape
    covariance = [np.cov(x.T).reshape(n_dim, n_dim) for x in populations]
    with h5py.File(directory / "series.h5", "w") as file:
        put_provenance(file, n, denoise)
        file["sigma"], file["level"] = np.array(sigma, dtype=float), np.arange(1, len(sigma) + 1)
        file["mean"] = np.array([x.mean(axis=0) for x in populations])
        file["covariance"] = np.array(covariance if n_dim <= 16 else [np.diag(c) for c in covariance])
        file["noise_drift_ratio"] = np.geomspace(0.1, 10, len(sigma))
        file["acceptance"] = np.full(len(sigma), np.nan)
        file["evaluations"] = np.full(len(sigma), 100 * n)
        file["wall_seconds"] = np.full(len(sigma), 0.25)
        file["mode_weight"] = file["mode_occupation"] = np.tile([0.8, 0.2], (len(sigma), 1))
        file["target_weight"], file["target_mean"] = target.weight, target.mean
        file["target_variance"] = target.variance


def put_run(directory, n_dim, n=3000, n_levels=5, start=False, denoise=False, series=True):
    """Exact draws at every level, from noise 20 to 1."""
    directory.mkdir(parents=True)
    generator, target = np.random.default_rng(11), target_of(n_dim)
    sigma = list(np.geomspace(20, 1, n_levels))
    populations = [target.draw(n, s, range(n_dim), generator) for s in sigma]
    if start:
        put_snapshot(directory, 0, sigma[0], generator.uniform(-8, 8, (n, n_dim)), denoise)
    if denoise:
        sigma.append(0.0)
        populations.append(target.mean[(populations[-1][:, 0] < 0).astype(int)])
    for i, (s, x) in enumerate(zip(sigma, populations)):
        put_snapshot(directory, i + 1, s, x, denoise)
    if series:
        put_series(directory, sigma, populations, target, denoise)
    return directory


def run_command(*arguments):
    """(status, standard output, standard error) of the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([str(a) for a in arguments])
    return status, out.getvalue(), err.getvalue()


class Page(HTMLParser):
    """What a page holds and where its links go; complains about tags that do not match."""

    VOID = {"meta", "img", "br", "link", "hr", "input"}

    def __init__(self, text):
        super().__init__()
        self.images, self.links, self.open, self.text, self.tags = [], [], [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.links += [attrs[name] for name in ("href", "src", "srcset", "action", "data") if name in attrs]
        if tag == "img":
            self.images.append(attrs["src"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        self.text += data


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def assert_png(self, data):
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual(data[-8:-4], b"IEND")
        width, height = (int.from_bytes(data[at:at + 4], "big") for at in (16, 20))
        self.assertTrue(1000 <= width <= 4000 and 500 <= height <= 4000, f"{width} x {height}")
        self.assertTrue(10_000 < len(data) < 3_000_000, f"{len(data)} bytes")

    def assert_page(self, path, n_pictures):
        page = Page(path.read_text(encoding="utf-8"))
        self.assertEqual(page.open, [])
        self.assertEqual(len(page.images), n_pictures)
        for source in page.images:
            self.assert_png(base64.b64decode(source.split("data:image/png;base64,")[1], validate=True))
        self.assertEqual([link for link in page.links if not link.startswith("data:image/png;base64,")], [])
        self.assertNotRegex(path.read_text(encoding="utf-8"), r"https?:|url\(|@import|<script")
        return page

    def assert_one_line(self, text, *parts):
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text.startswith("sculptor-plot: "), text)
        for part in parts:
            self.assertIn(str(part), text)


class Pictures(Case):
    def check(self, n_dim, pictures=PICTURES, options=(), **run):
        directory = put_run(self.folder / "run", n_dim, **run)
        status, out, err = run_command(directory, *options)
        self.assertEqual(status, 0, err)
        where = directory / "pictures"
        self.assertEqual(out.split(), [str(where / f"{name}.png") for name in pictures] + [str(where / "index.html")])
        self.assertEqual(sorted(os.listdir(where)), sorted([f"{name}.png" for name in pictures] + ["index.html"]))
        for name in pictures:
            self.assert_png((where / f"{name}.png").read_bytes())
        return self.assert_page(where / "index.html", len(pictures)), err

    def test_two_coordinates_give_all_pictures_and_a_page_that_tells_the_run(self):
        page, err = self.check(2, n=12000, start=True)
        self.assertEqual(err, "")
        for fact in ("gaussian_mixture", "annealed_langevin", "ula", "12\u2009000", "sculptor 0.1.0", "1a2b3c4",
                     "6\u2009000\u2009000", "# <b>not markup</b> & more"):
            self.assertIn(fact, page.text)
        self.assertNotIn("b", page.tags)

    def test_one_coordinate_gives_histograms(self):
        self.check(1, denoise=True)

    def test_three_coordinates_show_the_chosen_pair(self):
        self.check(3, options=("--coordinates", "2,0", "--levels", "2"))

    def test_twenty_coordinates_with_a_diagonal_covariance(self):
        self.check(20, denoise=True)

    def test_a_run_without_series_gives_the_other_pictures_and_says_so(self):
        page, err = self.check(2, pictures=("filmstrip", "marginals"), series=False)
        self.assertIn("no series.h5", err)
        self.assertIn("no series.h5", page.text)

    def test_a_single_level_is_enough(self):
        self.check(2, n_levels=1)

    def test_other_formats_still_embed_png_in_the_page(self):
        directory = put_run(self.folder / "run", 2, n_levels=2, n=500)
        status, _, err = run_command(directory, "--format", "svg", "--output", self.folder / "deep" / "er")
        self.assertEqual(status, 0, err)
        self.assertIn(b"<svg", (self.folder / "deep" / "er" / "filmstrip.svg").read_bytes())
        self.assert_page(self.folder / "deep" / "er" / "index.html", 3)

    def test_pictures_of_the_same_run_are_the_same_bytes(self):
        directory = put_run(self.folder / "run", 2, n_levels=2, n=500)
        for name in ("a", "b"):
            self.assertEqual(run_command(directory, "--output", self.folder / name)[0], 0)
        for name in PICTURES:
            self.assertEqual(*((self.folder / where / f"{name}.png").read_bytes() for where in ("a", "b")))

    def test_both_ways_to_start_it_without_installing_work(self):
        for command in (["-m", "sculptor_plot"], [str(POSTPROCESS / "sculptor-plot")]):
            done = subprocess.run([sys.executable, *command, "--help"], capture_output=True, text=True, check=True,
                                  env={**os.environ, "PYTHONPATH": str(POSTPROCESS)})
            self.assertIn("RUN_DIR", done.stdout)


class Errors(Case):
    def check(self, status, parts, *arguments):
        found, out, err = run_command(*arguments)
        self.assertEqual((found, out), (status, ""))
        self.assert_one_line(err, *parts)

    def test_bad_use_is_one_line_and_status_2(self):
        run = put_run(self.folder / "run", 2, n=50, n_levels=1)
        (self.folder / "empty").mkdir()
        self.check(2, [self.folder / "none", "no such directory"], self.folder / "none")
        self.check(2, [self.folder / "empty", "no snapshots"], self.folder / "empty")
        self.check(2, ["not a directory"], run / "snapshot_0001.h5")
        self.check(2, ["RUN_DIR"])
        self.check(2, ["--levels", "'0'"], run, "--levels", "0")
        self.check(2, ["--format", "gif"], run, "--format", "gif")
        self.check(2, ["--coordinates", "'1,1'"], run, "--coordinates", "1,1")
        self.check(2, ["--coordinates", "no coordinate 5"], run, "--coordinates", "0,5")

    def test_the_only_snapshot_unreadable_is_named_in_one_line_and_status_3(self):
        run = put_run(self.folder / "run", 2, n=50, n_levels=1)
        snapshot = run / "snapshot_0001.h5"
        whole = snapshot.read_bytes()
        snapshot.write_bytes(whole[:len(whole) // 2])
        self.check(3, [snapshot, "truncated"], run)
        snapshot.write_bytes(b"not HDF5 at all")
        self.check(3, [snapshot, "cannot be read as HDF5"], run)
        with h5py.File(snapshot, "w") as file:
            file["other"] = 1
        self.check(3, [snapshot, "no data set state"], run)

    def test_one_bad_file_among_others_costs_its_part_only(self):
        for bad, pictures in (("snapshot_0002.h5", 3), ("snapshot_0003.h5", 3), ("series.h5", 2)):
            with self.subTest(bad):
                run = put_run(self.folder / bad[:-3], 2, n=200, n_levels=3)
                (run / bad).write_bytes(b"bad")
                status, out, err = run_command(run)
                self.assertEqual(status, 3)
                self.assert_one_line(err, run / bad)
                self.assertEqual(len(out.split()), pictures + 1)
                self.assertIn(bad, self.assert_page(run / "pictures" / "index.html", pictures).text)

    def test_a_place_that_cannot_be_written_is_one_line(self):
        run = put_run(self.folder / "run", 2, n=50, n_levels=1)
        (self.folder / "file").write_text("")
        self.check(3, [self.folder / "file"], run, "--output", self.folder / "file")

    def test_a_missing_package_names_the_line_that_installs_it(self):
        (self.folder / "h5py.py").write_text("raise ImportError('No module named h5py')\n")
        done = subprocess.run([sys.executable, "-m", "sculptor_plot", "anywhere"], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": f"{self.folder}:{POSTPROCESS}"}, check=False)
        self.assertEqual(done.returncode, 3)
        self.assert_one_line(done.stderr, "apt install python3-h5py", "pip install h5py")


class Exactness(unittest.TestCase):
    def test_the_exact_marginal_integrates_to_one_at_every_noise(self):
        target = Mixture([1, 2, 3], [[-4.0], [0.0], [9.0]], [[0.01], [1.0], [4.0]])
        for sigma in (0.0, 0.3, 20.0):
            reach = 12 * math.hypot(2, sigma)
            x = np.linspace(-4 - reach, 9 + reach, 40001)
            # The trapezoidal rule on a smooth function that vanishes at both ends: far better than 1e-10
            # where the step is below the smallest width, here at most 0.1/6.
            self.assertAlmostEqual(np.trapz(target.pdf(x, 0, sigma), x), 1, delta=1e-10)
            self.assertAlmostEqual(target.probability(x, 0, sigma).sum(), 1, delta=1e-12)

    def test_the_joint_density_integrates_to_its_marginal(self):
        dense = Mixture([1], [[1.0, -2.0]], [[2.0, 1.0]], np.array([[2.0, 0.9], [0.9, 1.0]]))
        for target in (target_of(2), dense):
            x, y = np.linspace(-8, 8, 9), np.linspace(-40, 40, 4001)
            joint = target.pair_pdf(x, y, [0, 1], 0.5)
            np.testing.assert_allclose(np.trapz(joint, y, axis=0), target.pdf(x, 0, 0.5), rtol=1e-9)

    def test_probabilities_far_in_the_upper_tail_keep_their_digits(self):
        tail = Mixture([1], [[0.0]], [[1.0]]).probability(np.array([9.0, 10.0]), 0, 0.0)[0]
        exact = 0.5 * (math.erfc(9 / math.sqrt(2)) - math.erfc(10 / math.sqrt(2)))
        self.assertAlmostEqual(tail / exact, 1, delta=1e-12)

    def test_moments_are_those_of_the_density(self):
        target, x = target_of(1), np.linspace(-60, 60, 60001)
        p = target.pdf(x, 0, 2.0)
        mean, variance, fourth = (part[0] for part in target.moments(2.0))
        self.assertAlmostEqual(np.trapz(x * p, x), mean, delta=1e-9)
        self.assertAlmostEqual(np.trapz((x - mean) ** 2 * p, x) / variance, 1, delta=1e-9)
        self.assertAlmostEqual(np.trapz((x - mean) ** 4 * p, x) / fourth, 1, delta=1e-9)

    def test_contours_enclose_the_mass_they_claim(self):
        masses, n = (0.99, 0.68), 20000
        levels = target_of(2).enclosing_levels(masses, [0, 1], 1.0, n)
        x = np.linspace(-25, 25, 1001)
        density = target_of(2).pair_pdf(x, x, [0, 1], 1.0)
        for mass, level in zip(masses, levels):
            inside = density[density > level].sum() * (x[1] - x[0]) ** 2
            # The level is a quantile of n draws: a binomial standard error, times 5.85.
            self.assertAlmostEqual(inside, mass, delta=5.85 * math.sqrt(mass * (1 - mass) / n) + 1e-3)


class Residuals(unittest.TestCase):
    n, sigma = 20000, 1.0

    def statistic(self, values):
        target, edges = target_of(1), np.linspace(-10, 11, 61)
        counts, _ = np.histogram(values, edges)
        probability = target.probability(edges, 0, self.sigma)
        return (marginals.chi_squared(counts, probability, len(values)),
                marginals.residuals(counts, probability, len(values)))

    def test_exact_draws_have_the_chi_squared_of_their_degrees_of_freedom(self):
        # The sum over independent draws is chi-squared in all their degrees of freedom: |z| < 5.85, with
        # Pearson's extra variance sum 1/(n p) (bins expect 10 at least) far below 2 f.
        generator, total, freedom = np.random.default_rng(5), 0.0, 0
        for _ in range(40):
            (chi, f), _ = self.statistic(target_of(1).draw(self.n, self.sigma, [0], generator)[:, 0])
            total, freedom = total + chi, freedom + f
        self.assertLess(abs(total - freedom) / math.sqrt(2 * freedom), 5.85)

    def test_few_bins_have_the_right_degrees_of_freedom_with_and_without_a_gathered_one(self):
        # 4 bins of 1/4: 3 degrees of freedom. 4 bins and a tail of 1/5 outside them: 4. The mean over 2000
        # draws has standard error sqrt(2 f/2000), 0.06 at most: one degree too many is 16 of them.
        generator, n, n_draws = np.random.default_rng(8), 1000, 2000
        for probability, expected in (([0.25] * 4, 3), ([0.2] * 4, 4)):
            outside = 1 - sum(probability)
            counts = generator.multinomial(n, [*probability, outside], size=n_draws)[:, :4]
            found = [marginals.chi_squared(c, np.array(probability), n) for c in counts]
            self.assertEqual({freedom for _, freedom in found}, {expected})
            mean = np.mean([chi for chi, _ in found])
            self.assertLess(abs(mean - expected), 5.85 * math.sqrt(2 * expected / n_draws))

    def test_residuals_of_exact_draws_have_unit_variance(self):
        generator = np.random.default_rng(6)
        draws = [self.statistic(target_of(1).draw(self.n, self.sigma, [0], generator)[:, 0])[1] for _ in range(40)]
        z = np.concatenate(draws)
        z = z[np.isfinite(z)]
        # Nearly normal, bins nearly independent: the mean square has standard error sqrt(2/len).
        self.assertLess(abs(np.mean(z**2) - 1), 5.85 * math.sqrt(2 / len(z)) * 1.1)

    def test_draws_of_wrong_weights_or_widths_are_seen(self):
        generator = np.random.default_rng(7)
        wrong = Mixture([0.75, 0.25], [[5.0], [-5.0]], np.ones((2, 1)))
        for target, sigma in ((wrong, self.sigma), (target_of(1), 1.1)):
            (chi, freedom), _ = self.statistic(target.draw(self.n, sigma, [0], generator)[:, 0])
            self.assertGreater((chi - freedom) / math.sqrt(2 * freedom), 5.85)


class Reading(Case):
    def test_levels_are_read_lazily_and_in_strides(self):
        directory = put_run(self.folder / "run", 3, n=1001, n_levels=4, start=True)
        run = sculptor_plot.read(directory)
        self.assertEqual([level.index for level in run.levels], [0, 1, 2, 3, 4])
        (directory / "snapshot_0002.h5").write_bytes(b"bad")  # nobody has looked at it yet
        last = run.levels[-1]
        with h5py.File(last.path, "r") as file:
            whole = file["state"][:]
        self.assertEqual((last.n_particles, last.n_dim, last.sigma), (1001, 3, 1.0))
        np.testing.assert_array_equal(last.state(), whole)
        np.testing.assert_array_equal(last.state([2, 0], max_points=100), whole[::11][:, [2, 0]])
        self.assertLessEqual(len(last.state(max_points=1000)), 1000)
        self.assertEqual(run.series["mean"].shape, (4, 3))
        self.assertEqual(run.parameters["sampler.scheme"], "ula")
        np.testing.assert_array_equal(run.target.weight, [0.8, 0.2])

    def test_coordinates_far_apart_are_read_too(self):
        run = sculptor_plot.read(put_run(self.folder / "run", 40, n=30, n_levels=1))
        np.testing.assert_array_equal(run.levels[0].state([37, 1]), run.levels[0].state()[:, [37, 1]])

    def test_a_dense_gaussian_takes_its_covariance_from_the_parameters(self):
        directory = put_run(self.folder / "run", 2, n=30, n_levels=1)
        with h5py.File(directory / "series.h5", "a") as file:
            file.attrs["parameters"] = np.string_("score.type: gaussian\nscore.covariance: [[2, 0.5], [0.5, 1]]\n")
            for name, value in (("weight", [1.0]), ("mean", [[0.0, 0.0]]), ("variance", [[2.0, 1.0]])):
                del file[f"target_{name}"]
                file[f"target_{name}"] = value
        np.testing.assert_array_equal(sculptor_plot.read(directory).target.covariance, [[2, 0.5], [0.5, 1]])

    def test_panels_are_chosen_evenly_with_both_ends(self):
        for n_levels in (1, 2, 9, 10, 11, 31, 400):
            for n in (2, 3, 10):
                chosen = filmstrip.pick(list(range(n_levels)), n)
                self.assertEqual((chosen[0], chosen[-1]), (0, n_levels - 1))
                self.assertEqual(len(chosen), min(n, n_levels))
                steps = np.diff(chosen)
                self.assertTrue(len(steps) == 0 or steps.max() - steps.min() <= 1)


class Packaging(unittest.TestCase):
    def test_the_project_file_names_the_command_and_the_package(self):
        text = (POSTPROCESS / "pyproject.toml").read_text()
        self.assertRegex(text, r'sculptor-plot = "sculptor_plot\.cli:main"')
        packages = {".".join(init.relative_to(POSTPROCESS).parent.parts) for init in POSTPROCESS.rglob("__init__.py")}
        self.assertEqual(set(re.findall(r'"([^"]+)"', re.search(r"packages = \[(.*)\]", text)[1])), packages)
        self.assertTrue(re.fullmatch(r"\d+\.\d+\.\d+", sculptor_plot.__version__))


if __name__ == "__main__":
    unittest.main()
