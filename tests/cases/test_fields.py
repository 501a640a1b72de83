"""Runs of random fields: exact draws, every level of an annealed run and chains of a lognormal field against their exact
answers, computed anew with numpy; what a run says, predicts, refuses and goes on from.

Statistical tests allow |z| < 5.85; cells of a field are correlated, so that fields are what is counted as independent.

(beside others)"""
import os
import re
import unittest

import h5py
import numpy as np

import field_inputs
from support import Case, SCULPTOR, checkpoints, hashes, launch, run, snapshots

LARGEST_Z = 5.85


class Mesh:
    """A periodic mesh in the order of arrays, (z,) y, x, and its shells, as docs and series.h5 describe them."""

    def __init__(self, cells, box):  # along x, y(, z), as in inputs
        self.shape, self.length = tuple(cells[::-1]), np.array(box[::-1], dtype=float)
        self.axes, self.volume = tuple(range(-len(cells), 0)), np.prod(self.length)
        self.cell = self.volume / np.prod(self.shape)
        waves = [2 * np.pi * np.fft.fftfreq(n, length / n) for n, length in zip(self.shape, self.length)]
        self.k = np.sqrt(sum(w ** 2 for w in np.meshgrid(*waves, indexing="ij")))
        width = 2 * np.pi / self.length.max()
        nyquist = min(np.pi * n / length for n, length in zip(self.shape, self.length))
        self.n_shells = int(nyquist / width * (1 + 1e-9))
        self.shell = np.floor(self.k / width + 0.5).astype(int)  # 0: the mean
        self.modes = self.in_shells(np.ones_like(self.k))

    def in_shells(self, values):
        """Sums over the wavevectors of each shell."""
        return np.bincount(self.shell.ravel(), np.ravel(values), self.n_shells + 1)[1:self.n_shells + 1]

    def delta_k(self, fields):
        return self.cell * np.fft.fftn(fields, axes=self.axes)

    def power(self, fields):
        """P of each field at each wavevector."""
        return np.abs(self.delta_k(fields)) ** 2 / self.volume

    def shell_power(self, fields):
        """(field, shell)"""
        return np.array([self.in_shells(p) / self.modes for p in self.power(fields)])

    def text(self):
        return f"{{cells: {list(self.shape[::-1])}, box_size: {[float(length) for length in self.length[::-1]]}}}"


def power_law(k, amplitude, index):
    """P(0) = 0."""
    return np.where(k > 0, amplitude * np.where(k > 0, k, 1) ** index, 0)


def input_text(mesh, amplitude=1.0, index=-1.0, score="gaussian_field", fields=100, initial="{type: target}", more="", levels="",
               sampler=""):
    return (f"seed: 5\npopulation: {{particles: {fields}, initial: {initial}}}\n"
            f"score:\n  type: {score}\n  mesh: {mesh.text()}\n"
            f"  spectrum: {{type: power_law, amplitude: {amplitude}, index: {index}, pivot: 1}}\n{more}"
            + (f"levels: {levels}\n" if levels else "") + (f"sampler: {sampler}\n" if sampler else "")
            + "fft: {planning: estimate, plans: none}\n")


def read(directory, index=None):
    """The fields of a snapshot, or every column of the series."""
    name = "series.h5" if index is None else f"snapshot_{index:04d}.h5"
    with h5py.File(os.path.join(directory, name)) as file:
        if index is not None:
            return file["density"][:]
        return {name: column[()] for name, column in file.items() if isinstance(column, h5py.Dataset)}


def largest_z(samples, expected):
    """Of means over independent samples, (sample, quantity)."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    return np.abs((samples.mean(axis=0) - expected) / error).max()


class FieldCase(Case):
    def draw(self, name, text, *options, n_ranks=2):
        directory = self.path(name)
        done = run(launch(n_ranks, "field", self.write(name + ".yaml", text), "--output", directory, *options))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stderr, r"^(the earlier run was moved to \S+\n)?done: \d+ fields of \d+ cells drawn in [^\n]+\n$")
        return directory

    def check_series(self, mesh, x, series, row, target):
        """A row of the series against numpy: sums of the same numbers in another order."""
        power = mesh.shell_power(x)
        np.testing.assert_array_equal(series["modes"], mesh.modes)
        np.testing.assert_allclose(series["wavenumber"], mesh.in_shells(mesh.k) / mesh.modes, rtol=1e-12)
        np.testing.assert_allclose(series["power"][row], power.mean(axis=0), rtol=1e-10)
        np.testing.assert_allclose(series["power_scatter"][row], power.std(axis=0, ddof=1), rtol=1e-8)
        np.testing.assert_allclose(series["power_target"][row], mesh.in_shells(target) / mesh.modes, rtol=1e-10)
        ratio = series["power"][row] / series["power_target"][row]
        np.testing.assert_allclose(series["power_chi2"][row], np.sum(len(x) * mesh.modes * (ratio - 1) ** 2) / 2, rtol=1e-9)
        off, scale = x - x.mean(), x.std()
        self.assertLess(abs(series["mean"][row] - x.mean()), 1e-12 * scale)
        np.testing.assert_allclose(series["variance"][row], x.var(), rtol=1e-10)
        self.assertLess(abs(series["skewness"][row] - np.mean(off ** 3) / scale ** 3), 1e-10)
        self.assertLess(abs(series["kurtosis"][row] - (np.mean(off ** 4) / scale ** 4 - 3)), 1e-10)


class Draws(FieldCase):
    def check_gaussian(self, cells, box, amplitude, index, fields=2000):
        mesh = Mesh(cells, box)
        target = power_law(mesh.k, amplitude, index)
        directory = self.draw("gaussian", input_text(mesh, amplitude, index, fields=fields))
        x, series = read(directory, 1), read(directory)
        self.assertEqual(x.shape, (fields, *mesh.shape))
        self.check_series(mesh, x, series, 0, target)
        # the mean has no power; FFTs round in units of the largest value
        self.assertLess(np.abs(x.mean(axis=mesh.axes)).max(), 1e-14 * np.abs(x).max())
        # the sum of |delta_k|^2/(V P) over fields and the wavevectors of a shell, k and -k both, is chi^2 with as many
        # degrees of freedom; of one wavevector half a chi^2 of two a field, or, where k is -k, a chi^2 of one
        ratio = np.where(mesh.shell > 0, mesh.power(x).sum(axis=0) / np.where(mesh.shell > 0, target, 1), 0)
        in_shells = [np.bincount(mesh.shell.ravel(), values.ravel())[1:] for values in (ratio, np.full(ratio.shape, fields))]
        z = (in_shells[0] - in_shells[1]) / np.sqrt(2 * in_shells[1])
        self.assertLess(np.abs(z).max(), LARGEST_Z, z)
        places = np.meshgrid(*(np.arange(n) for n in mesh.shape), indexing="ij")
        real = np.all([2 * place % n == 0 for place, n in zip(places, mesh.shape)], axis=0)
        z = np.where(mesh.shell > 0, ratio - fields, 0) / np.sqrt(fields * np.where(real, 2, 1))
        self.assertLess(np.abs(z).max(), LARGEST_Z, z)

    def test_gaussian_fields_of_an_even_plane_have_the_power_of_their_target_in_every_shell(self):
        self.check_gaussian([16, 16], [32, 32], 2, -1.5)

    def test_gaussian_fields_of_an_odd_and_oblong_plane_have_the_power_of_their_target_in_every_shell(self):
        self.check_gaussian([15, 9], [15, 9], 1, -1)

    def test_gaussian_fields_of_an_even_box_have_the_power_of_their_target_in_every_shell(self):
        self.check_gaussian([8, 8, 8], [40, 40, 40], 100, -2)

    def test_gaussian_fields_of_an_odd_and_oblong_box_have_the_power_of_their_target_in_every_shell(self):
        self.check_gaussian([9, 6, 7], [18, 12, 14], 1, 1)

    def check_lognormal(self, cells, box, amplitude, index, fields=2000):
        mesh = Mesh(cells, box)
        target = power_law(mesh.k, amplitude, index)
        target.flat[0] = amplitude * (2 * np.pi / mesh.length.max()) ** index  # mean_power: auto
        directory = self.draw("lognormal", input_text(mesh, amplitude, index, "lognormal_field", fields))
        x = read(directory, 1)
        self.assertGreater(x.min(), -1)
        self.check_series(mesh, x, read(directory), 0, target)
        self.check_lognormal_moments(mesh, x, target)

    def check_lognormal_moments(self, mesh, x, target):
        """<x> = 0, <x^2> = xi, <x^3> = xi^2 (xi + 3), from 1 + xi = exp(xi_g); and the power of every shell."""
        xi = target.sum() / mesh.volume
        self.assertGreater(xi, 0.1)  # not all but Gaussian
        moments = np.stack([(x ** p).mean(axis=mesh.axes) for p in (1, 2, 3)], axis=1)
        self.assertLess(largest_z(moments, [0, xi, xi ** 2 * (xi + 3)]), LARGEST_Z)
        self.assertLess(largest_z(mesh.shell_power(x), mesh.in_shells(target) / mesh.modes), LARGEST_Z)

    def test_lognormal_fields_of_a_plane_have_their_moments_and_power(self):
        self.check_lognormal([12, 12], [12, 12], 0.5, -1)

    def test_lognormal_fields_of_an_odd_and_oblong_plane_have_their_moments_and_power(self):
        self.check_lognormal([9, 11], [9, 11], 0.5, -1)

    def test_lognormal_fields_of_an_even_box_have_their_moments_and_power(self):
        self.check_lognormal([6, 6, 6], [6, 6, 6], 0.4, -1)

    def test_lognormal_fields_of_an_odd_box_have_their_moments_and_power(self):
        self.check_lognormal([7, 5, 6], [7, 5.5, 6.5], 0.4, -1)

    def test_float_snapshots_are_the_doubles_rounded(self):
        text = input_text(Mesh([9, 6, 7], [9, 6, 7]), fields=5)
        whole = read(self.draw("double", text), 1)
        single = read(self.draw("float", text, "--set", "output.precision=float"), 1)
        self.assertEqual((whole.dtype, single.dtype), (np.float64, np.float32))
        np.testing.assert_array_equal(single, whole.astype("f4"))

    def test_paired_fields_are_exact_negatives(self):
        text = input_text(Mesh([9, 8], [9, 8]), fields=7, more="  paired: true\n")
        x = read(self.draw("paired", text), 1)
        np.testing.assert_array_equal(x[1::2], -x[:-1:2])
        self.assertGreater(np.abs(x[0] - x[2]).min(), 0)

    def test_fields_of_fixed_amplitude_have_the_power_of_their_target_without_scatter(self):
        for cells in ([10, 7], [6, 5, 8]):
            mesh = Mesh(cells, cells)
            series = read(self.draw("fixed", input_text(mesh, fields=9, more="  fixed_amplitude: true\n"), "--fresh"))
            target = mesh.in_shells(power_law(mesh.k, 1, -1)) / mesh.modes
            np.testing.assert_allclose(series["power"][0], target, rtol=1e-12)
            self.assertLess((series["power_scatter"][0] / target).max(), 1e-12)

    def test_a_finer_mesh_of_the_same_box_adds_modes_and_keeps_the_coarse_ones(self):
        for n_axes in (2, 3):
            modes = []
            for n in (16, 32):
                mesh = Mesh([n] * n_axes, [100] * n_axes)
                x = read(self.draw(f"finer{n_axes}-{n}", input_text(mesh, fields=2)), 1)
                low = np.r_[0:8, -7:0]  # all below the coarse mesh's Nyquist wavenumber
                modes.append(mesh.delta_k(x)[np.ix_(range(2), *[low] * n_axes)])
            self.assertLess(np.abs(modes[1] - modes[0]).max(), 1e-10 * np.abs(modes[0]).max())

    def test_only_scores_of_fields_are_drawn(self):
        path = self.write("a.yaml", "seed: 1\npopulation: {particles: 3, initial: {type: normal}}\n"
                          "score: {type: gaussian, mean: [0, 0], sigma: 1}\n")
        done = run([SCULPTOR, "field", path, "--output", self.path("none")])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, r"^sculptor: .*score\.type: gaussian is no random field")
        self.assertFalse(os.path.exists(self.path("none")))


class Sampled(FieldCase):
    def z_of_chi2(self, mesh, power, fields, chi2):
        """A wavevector adds a chi^2 of one degree of freedom with weight P/sum P to power/power_target: cumulants
        2 a^2 and 48 a^4 over fields; the sum over shells as a chi^2 of the same mean and variance, its cube root normal
        [Wilson & Hilferty 1931]."""
        total = mesh.in_shells(power)
        second = 2 * mesh.in_shells(power ** 2) / total ** 2 / fields
        fourth = 48 * mesh.in_shells(power ** 4) / total ** 4 / fields ** 3
        half = fields * mesh.modes / 2
        mean, variance = np.sum(half * second), np.sum(half ** 2 * (fourth + 2 * second ** 2))
        spread = variance / mean ** 2 / 9
        return ((chi2 / mean) ** (1 / 3) - (1 - spread)) / np.sqrt(spread)

    def check_annealed(self, scheme, cells, fields=300):
        """Each level begins at most 5 times too wide in power and is left after 10 relaxation times of its slowest mode:
        what remains is e^-20."""
        mesh, sigma = Mesh(cells, cells), [2.0, 1.0, 0.5]
        clean, directory = power_law(mesh.k, 0.5, -1), self.path("run")
        slowest = clean.max() / mesh.cell + sigma[-1] ** 2
        step = 0.1
        steps = int(np.ceil(10 * slowest / step))
        text = input_text(mesh, 0.5, -1, fields=fields, initial="{type: normal}", levels=f"{{type: explicit, values: {sigma}}}",
                          sampler=f"{{type: annealed_langevin, scheme: {scheme}, step_size: {step}, steps_per_level: {steps}}}")
        self.sample(2, self.write("a.yaml", text), "--output", directory, "--quiet")
        series = read(directory)
        for row, s in enumerate(sigma):
            target = clean + s ** 2 * mesh.cell
            x = read(directory, row + 1)
            self.check_series(mesh, x, series, row, target)
            self.assertLess(abs(self.z_of_chi2(mesh, target, fields, series["power_chi2"][row])), LARGEST_Z, f"sigma {s}")
            # of all wavevectors together, the mean's too
            n = x.size
            z = (np.sum(mesh.power(x) / target) - n) / np.sqrt(2 * n)
            self.assertLess(abs(z), LARGEST_Z, f"sigma {s}")

    def test_annealed_leimkuhler_matthews_has_the_noised_power_of_every_level(self):
        self.check_annealed("leimkuhler_matthews", [12, 15])

    def test_annealed_exponential_has_the_noised_power_of_every_level(self):
        self.check_annealed("exponential", [6, 5, 8])

    def check_chain(self, sampler, acceptance):
        mesh, fields, directory = Mesh([8, 7], [8, 7]), 1500, self.path("run")
        target = power_law(mesh.k, 0.5, -1)
        target.flat[0] = 0.5 * (2 * np.pi / mesh.length.max()) ** -1
        text = input_text(mesh, 0.5, -1, "lognormal_field", fields, levels="{type: constant, sigma: 0}", sampler=sampler)
        self.sample(2, self.write("a.yaml", text), "--output", directory, "--quiet", "--set", "output.initial=true")
        first, last, series = read(directory, 0), read(directory, 1), read(directory)
        low, high = acceptance
        self.assertTrue(low < series["acceptance"][0] < high, series["acceptance"])
        self.check_series(mesh, last, series, 0, target)
        for x in (first, last):
            Draws.check_lognormal_moments(self, mesh, x, target)
        # the chain has forgotten where it began: correlated less than by half
        self.assertLess(np.sum(first * last) / np.sqrt(np.sum(first ** 2) * np.sum(last ** 2)), 0.5)

    def test_mala_keeps_the_moments_and_power_of_a_lognormal_field(self):
        self.check_chain("{type: mala, step_size: 0.01, steps_per_level: 400}", (0.3, 0.98))

    def test_hmc_keeps_the_moments_and_power_of_a_lognormal_field(self):
        self.check_chain("{type: hmc, step_size: 0.12, leapfrog_steps: 6, steps_per_level: 60}", (0.3, 0.98))


class Told(FieldCase):
    """What a run says, foresees, refuses and goes on from."""

    def test_a_step_too_large_stops_with_one_line_naming_level_sigma_step_and_field(self):
        # e/S is at most 1/9 at the first level and up to 100 at the second, where |1 - e/S|^n overflows
        mesh = Mesh([6, 6], [6, 6])
        text = input_text(mesh, 0.01, 0, fields=3, initial="{type: normal}", levels="{type: explicit, values: [3, 0.1]}",
                          sampler="{type: ula, step_size: 1, steps_per_level: 400}")
        steps = set()
        for n_ranks, domain in ((1, 1), (3, 1), (3, 3)):
            directory = self.path(f"run-{n_ranks}-{domain}")
            done = self.sample(n_ranks, self.write("a.yaml", text), "--output", directory, "--set",
                               f"parallel.domain_ranks={domain}", status=3)
            said = [line for line in done.stderr.splitlines() if "finite" in line]
            self.assertEqual(len(said), 1, done.stderr)
            found = re.search(r"level 2 \(sigma 0\.1\), step (\d+): field ([012]) is no longer finite; the step size 1 ", said[0])
            self.assertTrue(found, said[0])
            steps.add(int(found.group(1)))
            self.assertEqual(snapshots(directory), ["snapshot_0001.h5"])
        # the mean, S = 0.01, grows by 1/S - 1 = 99 a step: from some 1 to 1e308, its sum over cells a step before
        for step in steps:
            self.assertLess(abs(step - 308 / np.log10(99)), 3)

    def small(self, directory, **options):
        options = {"fields": 3, "levels": "{type: geometric, sigma_max: 3, sigma_min: 0.5, count: 3}", "initial": "{type: normal}",
                   "sampler": "{type: leimkuhler_matthews, step_size: 0.05, steps_per_level: 40}", **options}
        return self.write(os.path.basename(directory) + ".yaml", input_text(Mesh([10, 7], [10, 7]), **options))

    def test_a_finished_run_says_so_and_changes_nothing(self):
        directory = self.path("run")
        path = self.small(directory)
        first = self.sample(2, path, "--output", directory)
        self.assertRegex(first.stderr, r"(?m)^done: 3 fields through 3 levels, 360 score evaluations, ")
        self.assertRegex(first.stderr, r"level 3/3 .* field evaluations/s")
        self.assertNotIn("particle", first.stderr)
        before = hashes(directory)
        self.assertIn("would do nothing", run([SCULPTOR, "check", path, "--output", directory]).stdout)
        again = self.sample(3, path, "--output", directory)
        self.assertIn("already complete: nothing to do", again.stderr)
        self.assertEqual(hashes(directory), before)

    def test_another_spectrum_or_mesh_is_refused_naming_the_key_and_fresh_begins_anew(self):
        directory = self.path("run")
        path = self.small(directory)
        self.sample(1, path, "--output", directory, "--quiet")
        before = hashes(directory)
        for change, key in (("score.spectrum.index=-2", "score.spectrum.index: -2 here, -1 "),
                            ("score.mesh.box_size=[20, 14]", "score.mesh.box_size"),
                            ("score.fixed_amplitude=true", "score.fixed_amplitude"),
                            ("estimators.shells=2", "estimators.shells")):
            done = self.sample(1, path, "--output", directory, "--set", change, status=2)
            self.assertEqual(len(done.stderr.splitlines()) and done.stderr.count("belongs to a run"), 1, done.stderr)
            self.assertIn(key, done.stderr)
            self.assertIn(key, run([SCULPTOR, "check", path, "--output", directory, "--set", change]).stdout)
            self.assertEqual(hashes(directory), before)
        self.sample(1, path, "--output", directory, "--set", "score.spectrum.index=-2", "--fresh", "--quiet")
        self.assertEqual(hashes(os.path.join(directory, "previous_0001")), before)
        self.assertNotEqual(hashes(directory)["snapshot_0003.h5"], before["snapshot_0003.h5"])

    def test_check_predicts_memory_in_fields_and_all_evaluations_of_every_sampler(self):
        seen = 0
        known = run([SCULPTOR, "help", "scores"]).stdout
        for name, (score, _, _) in field_inputs.SAMPLERS.items():
            if re.search(r"type: (\w+)", score).group(1) not in known:
                continue
            path, directory = self.write(name + ".yaml", field_inputs.text(name, fields=2, steps=40)), self.path(name)
            check = run([SCULPTOR, "check", path, "--ranks", "2", "--set", "fft.planning=estimate"])
            self.assertEqual(check.returncode, 0, check.stderr)
            self.assertRegex(check.stdout, r"2 fields of \d+ cells")
            fields = float(re.search(r"2 groups of 1; ([0-9.]+) fields' worth of memory in each", check.stdout).group(1))
            self.assertTrue(1 <= fields < 20, check.stdout)
            predicted = re.search(r"score evaluations +([0-9.e+]+)( or more)?", check.stdout)
            self.sample(1, path, "--output", directory, "--quiet", "--set", "fft.planning=estimate")
            taken = read(directory)["evaluations"].sum()
            with self.subTest(sampler=name):
                if predicted.group(2):
                    self.assertGreaterEqual(taken, float(predicted.group(1)))
                else:
                    self.assertLess(taken, 10000)  # four digits are printed
                    self.assertEqual(taken, float(predicted.group(1)))
            seen += 1
        self.assertGreaterEqual(seen, 13)

    def test_draws_do_not_overwrite_a_run_nor_a_run_draws(self):
        first, second = self.path("sampled"), self.path("drawn")
        path = self.small(first)
        self.sample(1, path, "--output", first, "--quiet")
        whole = hashes(first)
        done = run(launch(1, "field", path, "--output", first, "--quiet"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("command: field here", done.stderr)
        self.assertEqual(hashes(first), whole)
        self.assertEqual(run(launch(1, "field", path, "--output", second, "--quiet")).returncode, 0)
        self.assertEqual(run(launch(1, "field", path, "--output", second, "--quiet")).returncode, 0)  # the same again
        self.sample(1, path, "--output", second, "--quiet", status=2)

    def test_what_is_not_to_be_measured_is_not_in_the_series(self):
        directory = self.path("run")
        self.sample(2, self.small(directory), "--output", directory, "--quiet", "--set", "estimators.pdf=false",
                    "--set", "estimators.separations=0", "--set", "estimators.shells=2", "--set", "estimators.bispectrum=true",
                    "--set", "estimators.bispectrum_bins=1")
        with h5py.File(os.path.join(directory, "series.h5")) as series:
            self.assertFalse({"pdf", "pdf_edges", "correlation", "separation", "cross_correlation"} & set(series))
            self.assertEqual(series["power"].shape[1], 2)
            self.assertEqual(series["bispectrum_equilateral"].shape[1], 1)

    def test_a_run_continues_with_the_fields_of_a_snapshot(self):
        source = self.path("source")
        self.sample(2, self.small(source), "--output", source, "--quiet")
        single = self.path("single")
        self.sample(1, self.small(single), "--output", single, "--quiet", "--set", "output.precision=float")
        for number, directory in enumerate((source, single)):
            file = os.path.join(directory, "snapshot_0003.h5")
            initial = f"{{type: file, path: {file}, dataset: /density}}"
            for n_ranks, domain in ((1, 1), (3, 3), (2, 1)):
                target = self.path(f"next-{number}-{n_ranks}-{domain}")
                # a field fewer than there are: the first are taken
                path = self.small(target, initial=initial, fields=2, levels="{type: constant, sigma: 0.5}")
                self.sample(n_ranks, path, "--output", target, "--quiet", "--set", "output.initial=true", "--set",
                            f"parallel.domain_ranks={domain}")
                np.testing.assert_array_equal(read(target, 0), read(directory, 3)[:2].astype("f8"))
                self.assertGreater(np.abs(read(target, 1) - read(target, 0)).max(), 0)


if __name__ == "__main__":
    unittest.main()
