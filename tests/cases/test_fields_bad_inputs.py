"""Malformed inputs of random fields: one clear line per problem, exit status 2, nothing written.

Each case is a change of a good input, what must be said of it (the key) and words that tell what would be right.

(beside others)"""
import os
import random
import re
import time
import unittest

import h5py
import numpy as np

from support import Case, SCULPTOR, launch, run

GOOD = """\
seed: 1
population: {particles: 2, initial: {type: normal}}
score:
  type: gaussian_field
  mesh: {cells: 8, dimensions: 2, box_size: 16}
  spectrum: {type: power_law, amplitude: 1, index: -1}
levels: {type: geometric, sigma_max: 3, sigma_min: 0.5, count: 3}
sampler: {type: annealed_langevin, step_size: 0.02, steps_per_level: 5}
output: {directory: out, precision: float}
parallel: {domain_ranks: auto}
fft: {planning: estimate, plans: none}
estimators: {shells: 3}
"""
MESH, SPECTRUM = "{cells: 8, dimensions: 2, box_size: 16}", "{type: power_law, amplitude: 1, index: -1}"
INITIAL, LEVELS = "{type: normal}}", "{type: geometric, sigma_max: 3, sigma_min: 0.5, count: 3}"
SAMPLER = "{type: annealed_langevin, step_size: 0.02, steps_per_level: 5}"
CLEAN = "{type: constant, sigma: 0}"
COSMOLOGY = "Omega_m: 0.3, Omega_b: 0.05, h: 0.7, n_s: 1, sigma8: 0.8"
PARTICLES = GOOD.replace(f"type: gaussian_field\n  mesh: {MESH}\n  spectrum: {SPECTRUM}",
                         "type: gaussian\n  mean: [0, 0]\n  sigma: 1").replace("estimators: {shells: 3}\n", "")


def change(*pairs, text=GOOD):
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def mesh(new, key, *words):
    return change((MESH, new)), 5, "score.mesh" + (key and "." + key), words


def spectrum(new, key, *words):
    return change((SPECTRUM, new)), 6, "score.spectrum" + (key and "." + key), words


def table(name, *words, key="file", more=""):
    return spectrum(f"{{type: table, file: {name}{more}}}", key, *words)


def cosmology(old, new, key, *words):
    return spectrum(f"{{type: eisenstein_hu, cosmology: {{{COSMOLOGY.replace(old, new)}}}}}", "cosmology." + key, *words)


def sampler(new, key, *words, levels=LEVELS, text=GOOD):
    return change((SAMPLER, new), (LEVELS, levels), text=text), 8, key, words


def initial(new, key, *words):
    return change((INITIAL, new + "}")), 2, "population.initial" + (key and "." + key), words


TABLES = {
    "good.txt": "0.01 100\n0.1 10\n1 1\n10 0.1\n",
    "short.txt": "# k P\n0.2 5\n0.4 4\n0.6 3\n0.8 2\n",
    "late.txt": "0.5 5\n1 4\n5 3\n10 2\n",
    "unsorted.txt": "0.01 100\n1 10\n0.1 1\n10 0.1\n",
    "repeated.txt": "0.01 100\n0.1 10\n0.1 9\n10 0.1\n",
    "negative_k.txt": "-0.01 100\n0.1 10\n1 1\n10 0.1\n",
    "zero_k.txt": "0 100\n0.1 10\n1 1\n10 0.1\n",
    "negative_p.txt": "0.01 100\n0.1 10\n1 -1\n10 0.1\n",
    "zero_p.txt": "0.01 100\n0.1 10\n1 0\n10 0.1\n",
    "nan_p.txt": "0.01 100\n0.1 nan\n1 1\n10 0.1\n",
    "nan_k.txt": "0.01 100\nnan 10\n1 1\n10 0.1\n",
    "infinite_p.txt": "0.01 100\n0.1 10\n1 inf\n10 0.1\n",
    "garbage.txt": "0.01 100\nwavenumber power\n1 1\n10 0.1\n",
    "one_column.txt": "0.01\n0.1\n1\n10\n",
    "ragged.txt": "0.01 100\n0.1 10 3\n1 1\n10 0.1\n",
    "three_rows.txt": "0.01 100\n0.1 10\n10 0.1\n",
    "empty.txt": "",
    "comments.txt": "# nothing\n# here\n",
    "binary.txt": "0.01 100\n0.1\0 10\n",
}

CASES = {
    # the mesh
    "cells 0": mesh("{cells: 0, dimensions: 2, box_size: 16}", "cells", "0", "2"),
    "cells 1": mesh("{cells: 1, dimensions: 2, box_size: 16}", "cells", "1", "2"),
    "cells 2.5": mesh("{cells: 2.5, dimensions: 2, box_size: 16}", "cells", "2.5", "whole number"),
    "cells negative": mesh("{cells: -8, dimensions: 2, box_size: 16}", "cells", "-8", "2"),
    "one of the cells 0": mesh("{cells: [8, 0], box_size: 16}", "cells[1]", "0", "2"),
    "one of the cells broken": mesh("{cells: [8, 8.5], box_size: 16}", "cells", "8.5", "whole number"),
    "four numbers of cells": mesh("{cells: [8, 8, 8, 8], box_size: 16}", "cells", "4", "2 or 3"),
    "four lengths": mesh("{cells: 8, box_size: [1, 1, 1, 1]}", "box_size", "4", "2 or 3"),
    "no cells": mesh("{cells: [], dimensions: 2, box_size: 16}", "cells", "empty|number"),
    "cells a word": mesh("{cells: many, dimensions: 2, box_size: 16}", "cells", "many", "number"),
    "cells missing": mesh("{dimensions: 2, box_size: 16}", "cells", "missing"),
    "box_size 0": mesh("{cells: 8, dimensions: 2, box_size: 0}", "box_size", "0"),
    "box_size negative": mesh("{cells: 8, dimensions: 2, box_size: -16}", "box_size", "-16", "0"),
    "box_size nan": mesh("{cells: 8, dimensions: 2, box_size: .nan}", "box_size", "number|finite"),
    "box_size infinite": mesh("{cells: 8, dimensions: 2, box_size: .inf}", "box_size", "finite"),
    "box_size missing": mesh("{cells: 8, dimensions: 2}", "box_size", "missing"),
    "three lengths for two axes": mesh("{cells: [8, 8], box_size: [1, 1, 1]}", "cells", "2", "3 axes", "one"),
    "two lengths for three axes": mesh("{cells: [8, 8, 8], box_size: [1, 1]}", "box_size", "2", "3 axes", "one"),
    "lengths for other dimensions": mesh("{cells: 8, dimensions: 3, box_size: [1, 1]}", "box_size", "2", "3 axes"),
    "cells for other dimensions": mesh("{cells: [8, 8], dimensions: 3, box_size: 1}", "cells", "2", "3 axes"),
    "dimensions missing": mesh("{cells: 8, box_size: 16}", "dimensions", "2 or 3"),
    "dimensions 1": mesh("{cells: 8, dimensions: 1, box_size: 16}", "dimensions", "1", "2", "3"),
    "dimensions 4": mesh("{cells: 8, dimensions: 4, box_size: 16}", "dimensions", "4", "2", "3"),
    "too many cells": mesh("{cells: 1048576, dimensions: 3, box_size: 16}", "cells", "more than"),
    "more cells than a file holds": (change((MESH, "{cells: 2048, dimensions: 3, box_size: 16}"),
                                            ("particles: 2,", "particles: 1000000000,")), 2, "population.particles", ("fields", "file",)),
    "a misspelt key of the mesh": mesh("{cell: 8, cells: 8, dimensions: 2, box_size: 16}", "cell", "cells"),
    # scores and spectra
    "a misspelt score": (change(("type: gaussian_field", "type: gausian_field")), 4, "score.type", ("gaussian_field",)),
    "a misspelt key of the score": (change(("  spectrum:", "  pared: true\n  spectrum:")), 6, "score.pared", ("paired",)),
    "a misspelt spectrum": spectrum("{type: power_lore, amplitude: 1, index: -1}", "type", "power_law"),
    "a misspelt key of a spectrum": spectrum("{type: power_law, amplitude: 1, indx: -1, index: -1}", "indx", "index"),
    "a key of another spectrum": spectrum("{type: white, amplitude: 1, index: -1}", "index", "unknown|not"),
    "spectrum missing": (change((f"  spectrum: {SPECTRUM}\n", "\n")), 3, "score.spectrum", ("missing",)),
    "mesh missing": (change((f"  mesh: {MESH}\n", "\n")), 3, "score.mesh", ("missing",)),
    "amplitude negative": spectrum("{type: white, amplitude: -1}", "amplitude", "-1", "0"),
    "smoothing negative": spectrum("{type: white, amplitude: 1, smoothing: -1}", "smoothing", "-1", "0"),
    "sigma8 0": cosmology("sigma8: 0.8", "sigma8: 0", "sigma8", "0"),
    "Omega_m 0": cosmology("Omega_m: 0.3", "Omega_m: 0", "Omega_m", "0"),
    "Omega_b above Omega_m": cosmology("Omega_b: 0.05", "Omega_b: 0.5", "Omega_b", "0.5", "Omega_m", "0.3"),
    "h 0": cosmology("h: 0.7", "h: 0", "h", "0"),
    "sigma8 missing": cosmology(", sigma8: 0.8", "", "sigma8", "missing"),
    "a misspelt key of the cosmology": cosmology("sigma8: 0.8", "sigma8: 0.8, Omega_l: 0.7", "Omega_l", "Omega_"),
    # tables
    "table missing": table("nothing.txt", "nothing.txt", "No such file"),
    "table a directory": table(".", "directory"),
    "table unsorted": table("unsorted.txt", "unsorted.txt:3: ", "0.1", "not above"),
    "table with k twice": table("repeated.txt", "repeated.txt:3: ", "0.1", "not above"),
    "table with negative k": table("negative_k.txt", "negative_k.txt:1: ", "not above 0"),
    "table with k 0": table("zero_k.txt", "zero_k.txt:1: ", "not above 0"),
    "table with negative P": table("negative_p.txt", "negative_p.txt:3: ", "P = -1", "not above 0"),
    "table with P 0": table("zero_p.txt", "zero_p.txt:3: ", "P = 0", "not above 0"),
    "table with P nan": table("nan_p.txt", "nan_p.txt:2: ", "nan"),
    "table with k nan": table("nan_k.txt", "nan_k.txt:2: ", "nan"),
    "table with P infinite": table("infinite_p.txt", "infinite_p.txt:3: ", "finite"),
    "table of words": table("garbage.txt", "garbage.txt:2: ", "wavenumber", "not a number"),
    "table of one column": table("one_column.txt", "one_column.txt:1: ", "column", key="P_column"),
    "table ragged": table("ragged.txt", "ragged.txt:2: ", "3 columns", "2"),
    "table of three rows": table("three_rows.txt", "3 rows", "4"),
    "table empty": table("empty.txt", "0 rows", "4"),
    "table of comments": table("comments.txt", "0 rows", "4"),
    "table binary": table("binary.txt", "zero"),
    "table ends early": table("short.txt", "0.8", "mesh needs", "extrapolate", key=""),
    "table begins late": table("late.txt", "0.5", "mesh needs", "extrapolate", key=""),
    "table without that column": table("good.txt", "2 columns", "7", key="P_column", more=", P_column: 7"),
    "table with k for P": table("good.txt", "1", "column of k", key="P_column", more=", P_column: 1"),
    "table with a misspelt extrapolate": table("good.txt", "power_law", key="extrapolate", more=", extrapolate: powerlaw"),
    "table that grows without cosmology": table("good.txt", "missing", "growth", key="cosmology.Omega_m",
                                                more=", redshift: 1"),
    # ranks
    "domain_ranks 0": (change(("domain_ranks: auto", "domain_ranks: 0")), 10, "parallel.domain_ranks", ("0", "1")),
    "domain_ranks half": (change(("domain_ranks: auto", "domain_ranks: 1.5")), 10, "parallel.domain_ranks", ("whole",)),
    "domain_ranks on particles": (change(("domain_ranks: auto", "domain_ranks: 2"), text=PARTICLES), 10,
                                  "parallel.domain_ranks", ("gaussian", "fields")),
    # samplers
    **{f"{scheme} on particles": (change((SAMPLER, f"{{type: {scheme}, step_size: 0.02, steps_per_level: 5}}"),
                                         text=PARTICLES), 8, "sampler.type", (scheme, "power spectrum", advice))
       for scheme, advice in (("fourier_ula", "use ula"), ("fourier_mala", "use mala"), ("fourier_hmc", "use mala"),
                              ("exponential", "use ula"), ("fourier_exponential", "use ula"))},
    **{f"{scheme} where the mean has no width": sampler(f"{{type: {scheme}, step_size: 0.02, steps_per_level: 5}}",
                                                        "sampler.type", r"P = 0 at k = 0", "sigma > 0", "fourier_ula",
                                                        levels=CLEAN)
       for scheme in ("ula", "mala", "hmc", "leimkuhler_matthews", "baoab", "obabo")},
    "lognormal with noise": (change(("type: gaussian_field", "type: lognormal_field")), 7, "levels",
                             ("sigma 3", "constant")),
    "lognormal with a misspelt key": (change(("type: gaussian_field", "type: lognormal_field"), (LEVELS, CLEAN),
                                             (SAMPLER, "{type: mala, step_size: 0.02, steps_per_level: 5}"),
                                             ("  spectrum:", "  spectrum_off: log\n  spectrum:")), 6,
                                      "score.spectrum_off", ("spectrum_of",)),
    # where fields start
    "uniform in more coordinates": initial("{type: uniform, low: [0, 0, 0], high: 1}", "type", "normal, target or file"),
    "uniform": initial("{type: uniform, low: 0, high: 1}", "type", "uniform", "normal, target or file"),
    "a mean too long": initial("{type: normal, mean: [1, 2, 3]}", "", "3", "one number"),
    "a mean for each cell": initial(f"{{type: normal, mean: {[0] * 64}}}", "", "64", "one number"),
    "no file of fields": initial("{type: file, path: nothing.h5}", "path", "nothing.h5", "No such file"),
    "a text for a file of fields": initial("{type: file, path: good.txt}", "path", "HDF5"),
    "no such data set": initial("{type: file, path: fields.h5, dataset: densty}", "path", "densty"),
    "fields of another shape": initial("{type: file, path: fields.h5, dataset: wide}", "path", r"\(2, 8, 9\)", r"\(8, 8\)"),
    "fields of three axes": initial("{type: file, path: fields.h5, dataset: cube}", "path", r"\(2, 8, 8, 8\)", r"\(8, 8\)"),
    "rows for fields": initial("{type: file, path: fields.h5, dataset: rows}", "path", r"\(2, 64\)", r"\(8, 8\)"),
    "too few fields": initial("{type: file, path: fields.h5, dataset: single}", "path", "1 field", "2"),
    "words for fields": initial("{type: file, path: fields.h5, dataset: words}", "path", "words"),
    # the rest
    "precision half": (change(("precision: float", "precision: half")), 9, "output.precision", ("double", "float")),
    "planning fast": (change(("planning: estimate", "planning: fast")), 11, "fft.planning", ("estimate", "measure", "patient")),
    "strict a word": (change(("plans: none", "strict: maybe")), 11, "fft.strict", ("true", "false")),
    "a misspelt key of fft": (change(("plans: none", "plan: none")), 11, "fft.plan", ("plans|planning",)),
    "shells 0": (change(("shells: 3", "shells: 0")), 12, "estimators.shells", ("0", "1")),
    "a misspelt estimator": (change(("shells: 3", "bispectra: true")), 12, "estimators.bispectra", ("bispectrum",)),
}

FINE = {
    "the good input": GOOD,
    "a table continued": change((SPECTRUM, "{type: table, file: short.txt, extrapolate: power_law}")),
    "a table continued by nothing": change((SPECTRUM, "{type: table, file: late.txt, extrapolate: zero}")),
    "a table that covers the mesh": change((SPECTRUM, "{type: table, file: good.txt}")),
    "fields from a file": change((INITIAL, "{type: file, path: fields.h5, dataset: density}}")),
    "a number for the mean": change((INITIAL, "{type: normal, mean: 2}}")),
    "exponential without noise": change((SAMPLER, "{type: exponential, step_size: 1, steps_per_level: 1}"), (LEVELS, CLEAN)),
}


class FieldsBadInputs(Case):
    def setUp(self):
        super().setUp()
        for name, text in TABLES.items():
            self.write(name, text)
        with h5py.File(self.path("fields.h5"), "w") as file:
            file["density"], file["wide"] = np.zeros((2, 8, 8)), np.zeros((2, 8, 9))
            file["cube"], file["rows"], file["single"] = np.zeros((2, 8, 8, 8)), np.zeros((2, 64)), np.zeros((1, 8, 8))
            file["words"] = np.full((2, 8, 8), b"a")
            file["broken"] = np.zeros((2, 8, 8))
            file["broken"][1, 6, 3] = np.nan
        self.write("bad.yaml", "")
        self.before = sorted(os.listdir(self.scratch))

    def check(self, text, *arguments):
        self.write("bad.yaml", text)
        done = run([SCULPTOR, "check", "bad.yaml", *arguments], cwd=self.scratch)
        self.assertEqual(sorted(os.listdir(self.scratch)), self.before)
        return done

    def refused(self, done, number, key, words):
        self.assertEqual(done.returncode, 2, done.stderr + done.stdout)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        start = f"bad.yaml:{number}: {key}: "
        self.assertTrue(lines[0].startswith(start), lines[0])
        for word in words:
            self.assertRegex(lines[0][len(start):], word)

    def test_each_malformed_field_input_is_told_in_one_line_that_says_what_would_be_right(self):
        for name, (text, number, key, words) in CASES.items():
            with self.subTest(case=name):
                self.refused(self.check(text), number, key, words)

    def test_what_is_right_is_not_refused(self):
        for name, text in FINE.items():
            with self.subTest(case=name):
                done = self.check(text)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_domain_ranks_that_do_not_divide_the_ranks_are_refused_for_these_ranks(self):
        text = change(("domain_ranks: auto", "domain_ranks: 3"))
        self.refused(self.check(text, "--ranks", "4"), 10, "parallel.domain_ranks", ("3", "4", "auto"))
        self.assertEqual(self.check(text, "--ranks", "6").returncode, 0)
        done = run(launch(2, "sample", "bad.yaml"), cwd=self.scratch)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(re.findall(r"^bad\.yaml:10: parallel\.domain_ranks: ", done.stderr, re.M)), 1, done.stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_several_problems_are_told_in_the_order_of_lines(self):
        done = self.check(change(("cells: 8", "cells: 0"), ("index: -1", "index: red"), ("precision: float", "precision: half"),
                                 ("planning: estimate", "planning: fast")))
        self.assertEqual([line.split(": ")[0] for line in done.stderr.splitlines()],
                         [f"bad.yaml:{n}" for n in (5, 6, 9, 11)], done.stderr)

    def test_a_cell_that_is_not_finite_is_named_once_by_three_ranks(self):
        self.write("bad.yaml", change((INITIAL, "{type: file, path: fields.h5, dataset: broken}}")))
        for domain in (1, 3):
            done = run(launch(3, "sample", "bad.yaml", "--set", f"parallel.domain_ranks={domain}", "--output", f"o{domain}"),
                       cwd=self.scratch)
            self.assertEqual(done.returncode, 2, done.stderr)
            said = [line for line in done.stderr.splitlines() if "population.initial" in line]
            self.assertEqual(len(said), 1, done.stderr)
            self.assertRegex(said[0], r"fields\.h5.*broken.*\(6, 3\)")

    def test_what_only_the_run_can_refuse_is_told_once_and_leaves_the_directory_free(self):
        """Spectra are evaluated when the mesh is planned, files of fields read when they are: then the input is put right."""
        lognormal = (("type: gaussian_field", "type: lognormal_field"), (LEVELS, CLEAN), (INITIAL, "{type: target}}"),
                     (SAMPLER, "{type: mala, step_size: 0.02, steps_per_level: 5}"))
        smooth = ("index: -1}", "index: -1, smoothing: 20}")
        huge = ("amplitude: 1, index: -1}", "amplitude: 1e308, index: -4, pivot: 100}")
        broken = (INITIAL, "{type: file, path: fields.h5, dataset: broken}}")
        for name, wrong, right, words in (
                ("lognormal", change(*lognormal, smooth), change(*lognormal), "score: .*less smoothing, or spectrum_of: log"),
                ("infinite", change(huge), GOOD, "score: P is inf at k = "),
                ("broken", change(broken), GOOD, "population.initial: .*not finite")):
            for command in ("sample", "field")[:1 if name == "broken" else 2]:
                self.write("bad.yaml", wrong)
                done = run(launch(3, command, "bad.yaml", "--output", name + command, "--set", "parallel.domain_ranks=3"),
                           cwd=self.scratch)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(len(re.findall(f"(?m)^sculptor: {words}", done.stderr)), 1, done.stderr)
                self.write("bad.yaml", right)
                done = run(launch(1, command, "bad.yaml", "--output", name + command), cwd=self.scratch)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_mutated_inputs_are_refused_or_valid_and_never_crash(self):
        """A fixed seed; what is judged is how the program ends, not what it finds."""
        dice, words = random.Random(2026), re.findall(r"[\w.]+|[{}\[\]:,\n]", GOOD)
        values = ["0", "-1", "1e308", "1e-308", ".nan", "3", "2.5", "[1, 2, 3]", "{a: 1}", "~", "auto", "true", "''", "[]",
                  "table", "white", "lognormal_field", "gaussian", "hmc", "exponential", "9999999999999999999"]
        for i in range(200):
            text = GOOD
            for _ in range(dice.choice((1, 1, 2, 4))):
                spot, kind = dice.randrange(len(text)), dice.randrange(4)
                found = list(re.finditer(r"[\w.+-]+", text))
                word = dice.choice(found)
                if kind == 0:
                    text = text[:spot] + dice.choice("{}[]:,-#'\"\n\t 0aZ&*!|>%@`\x7f\u00e9") + text[spot + dice.randrange(2):]
                elif kind == 1:
                    text = text[:word.start()] + dice.choice(values) + text[word.end():]
                elif kind == 2:
                    text = text[:word.start()] + dice.choice(words) + text[word.end():]
                else:
                    lines = text.splitlines(keepends=True)
                    line = dice.randrange(len(lines))
                    text = "".join(lines[:line] + lines[line + 1:] if dice.randrange(2) else lines[:line + 1] + lines[line:])
            with self.subTest(mutation=i, text=text):
                begin = time.monotonic()
                done = self.check(text)
                self.assertLess(time.monotonic() - begin, 2)
                self.assertIn(done.returncode, (0, 2), done.stderr)
                lines = done.stderr.splitlines()
                self.assertEqual(len(lines) > 0, done.returncode == 2, done.stderr)
                self.assertEqual(len(set(lines)), len(lines), done.stderr)
                for line in lines:
                    self.assertRegex(line, r"^bad\.yaml:\d+: \S.{8,}$")


if __name__ == "__main__":
    unittest.main()
