"""Malformed inputs: one clear line per problem, exit status 2, under a second, nothing written.

Each case is a change of a good input and what must be said of it: the line and the key (or None where the
text as a whole is at fault), once for each problem.

(beside others)"""
import os
import re
import time
import unittest

import h5py
import numpy as np

from support import Case, SCULPTOR, launch, run

GOOD = """\
seed: 2026
population:
  particles: 1000
  initial: {type: uniform, low: -8, high: 8}
score:
  type: gaussian_mixture
  components:
    - {weight: 0.8, mean: [5, 5], sigma: 0}
    - {weight: 0.2, mean: [-5, -5], sigma: 0}
levels: {type: geometric, sigma_max: 20, sigma_min: 1, count: 10}
sampler: {type: annealed_langevin, scheme: ula, step_size: 0.05, steps_per_level: 100}
output: {directory: out}
checkpoint: {every_seconds: 600, keep: 2}
"""
LINE = {"seed": 1, "population": 2, "particles": 3, "initial": 4, "score": 5, "score_type": 6, "components": 7,
        "first": 8, "second": 9, "levels": 10, "sampler": 11, "output": 12, "checkpoint": 13}


def change(old, new):
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def replaced(line, new):
    lines = GOOD.splitlines()
    lines[line - 1] = new
    return "\n".join(lines) + "\n"


def one(text, line, key):
    return text, [(line, key)]


def numbers(old, key, line, bad):
    """A number's value replaced by each bad one."""
    field = old.rsplit(" ", 1)[0]
    return {f"{key}={value!r}": one(change(old, f"{field} {value}"), line, key) for value in bad}


NOT_NUMBERS = ["abc", "'5'", "true", ".nan", "nan", ".inf", "inf", "-inf", "1e999", "0x10", "1_000", "5,5", "[1, 2]",
               "{a: 1}", "~", "null", "''", "1e", "--1", "1.5.2", "5 apples"]
NOT_WHOLE = NOT_NUMBERS + ["0.5", "99999999999999999999", "-1", "1e30"]

CASES = {}
CASES.update(numbers("seed: 2026", "seed", 1, NOT_WHOLE))
CASES.update(numbers("particles: 1000", "population.particles", 3, NOT_WHOLE + ["0", "2000000000000"]))
CASES.update(numbers("count: 10", "levels.count", 10, [v for v in NOT_WHOLE if v != "5,5"] + ["0", "2000000"]))
CASES.update(numbers("sigma_max: 20", "levels.sigma_max", 10, [v for v in NOT_NUMBERS if v != "5,5"] + ["-1", "0"]))
CASES.update(numbers("step_size: 0.05", "sampler.step_size", 11,
                     [v for v in NOT_NUMBERS if v != "5,5"] + ["0", "-0.1"]))
CASES.update(numbers("steps_per_level: 100", "sampler.steps_per_level", 11, [v for v in NOT_WHOLE if v != "5,5"] + ["0"]))
CASES.update(numbers("every_seconds: 600", "checkpoint.every_seconds", 13,
                     ["abc", "0", "-5", ".inf", "[1]", "{a: 1}", "~"]))
CASES.update(numbers("keep: 2", "checkpoint.keep", 13, ["0", "-1", "1.5", "abc", "[2]", "10000"]))
CASES.update(numbers("weight: 0.8", "score.components[0].weight", 8, ["0", "-0.8", "abc", ".nan", "[1]", "1e400"]))

CASES.update({
    # keys
    "unknown key at the top": one(GOOD + "sead: 3\n", 14, "sead"),
    "unknown key in a table": one(change("step_size: 0.05", "step_size: 0.05, step_sise: 1"), 11, "sampler.step_sise"),
    "unknown key in a component": one(change("weight: 0.8,", "wieght: 0.8,"), 8, "score.components[0].wieght"),
    "unknown key of another scheme": one(change("scheme: ula", "scheme: ula, leapfrog_steps: 3"), 11,
                                         "sampler.leapfrog_steps"),
    "unknown key in levels": one(change("count: 10", "count: 10, rho: 7"), 10, "levels.rho"),
    "unknown key in output": one(change("directory: out", "directory: out, dir: a"), 12, "output.dir"),
    "duplicate key at the top": one(GOOD + "seed: 3\n", 14, "seed"),
    "duplicate table": one(GOOD + "sampler: {type: ula, step_size: 1, steps_per_level: 1}\n", 14, "sampler"),
    "duplicate key in a table": one(change("count: 10", "count: 10, count: 11"), 10, "levels.count"),
    "duplicate key in a component": one(change("weight: 0.8,", "weight: 0.8, weight: 0.7,"), 8,
                                        "score.components[0].weight"),
    "seed missing": one(change("seed: 2026\n", "\n"), 2, "seed"),
    "particles missing": one(replaced(3, ""), 2, "population.particles"),
    "initial missing": one(replaced(4, ""), 2, "population.initial"),
    "score missing": one("\n".join(GOOD.splitlines()[:4] + GOOD.splitlines()[9:]) + "\n", 1, "score"),
    "sampler missing": one(replaced(11, ""), 1, "sampler"),
    "sigma_max missing": one(change("sigma_max: 20, ", ""), 10, "levels.sigma_max"),
    "scheme unknown": one(change("scheme: ula", "scheme: ulla"), 11, "sampler.scheme"),
    "steps_per_level missing": one(change(", steps_per_level: 100", ""), 11, "sampler.steps_per_level"),
    "mean missing": one(change("weight: 0.8, mean: [5, 5],", "weight: 0.8,"), 8, "score.components[0].mean"),
    "components missing": one("\n".join(GOOD.splitlines()[:6] + GOOD.splitlines()[9:]) + "\n", 5, "score.components"),
    # types
    "score type unknown": one(change("type: gaussian_mixture", "type: gausian_mixture"), 6, "score.type"),
    "score type missing": one(replaced(6, ""), 5, "score.type"),
    "sampler type unknown": one(change("type: annealed_langevin", "type: annealed"), 11, "sampler.type"),
    "levels type unknown": one(change("type: geometric", "type: geometrical"), 10, "levels.type"),
    "initial type unknown": one(change("type: uniform", "type: unifrom"), 4, "population.initial.type"),
    "type is a list": one(change("type: geometric", "type: [geometric]"), 10, "levels.type"),
    "type is a table": one(change("type: gaussian_mixture", "type: {name: gaussian}"), 6, "score.type"),
    "population is a number": one("seed: 1\npopulation: 5\n" + "\n".join(GOOD.splitlines()[4:]) + "\n", 2, "population"),
    "score is a text": one("\n".join(GOOD.splitlines()[:4] + ["score: mixture"] + GOOD.splitlines()[9:]) + "\n", 5,
                           "score"),
    "levels is a list": one(replaced(10, "levels: [20, 10, 1]"), 10, "levels"),
    "output is a text": one(replaced(12, "output: out"), 12, "output"),
    "components is a table": one("\n".join(GOOD.splitlines()[:7] + ["    weight: 1"] + GOOD.splitlines()[9:]) + "\n", 7,
                                 "score.components"),
    "component is a number": one(replaced(8, "    - 5"), 8, "score.components[0]"),
    "components empty": one("\n".join(GOOD.splitlines()[:6] + ["  components: []"] + GOOD.splitlines()[9:]) + "\n", 7,
                            "score.components"),
    "mean is a text": one(change("mean: [5, 5]", "mean: here"), 8, "score.components[0].mean"),
    "mean holds a text": one(change("mean: [5, 5]", "mean: [5, five]"), 8, "score.components[0].mean[1]"),
    "mean holds a nan": one(change("mean: [5, 5]", "mean: [5, .nan]"), 8, "score.components[0].mean[1]"),
    "mean holds a list": one(change("mean: [5, 5]", "mean: [[5, 5]]"), 8, "score.components[0].mean[0]"),
    "mean is empty": one(change("mean: [5, 5]", "mean: []"), 8, "score.components[0].mean"),
    "denoise is a number": one(change("scheme: ula", "scheme: ula, denoise: 3"), 11, "sampler.denoise"),
    "output.initial is a text": one(change("directory: out", "directory: out, initial: maybe"), 12, "output.initial"),
    # what rows cannot say
    "means of other lengths": one(change("mean: [-5, -5]", "mean: [-5, -5, -5]"), 9, "score.components[1].mean"),
    "sigma of another length": one(change("mean: [-5, -5], sigma: 0", "mean: [-5, -5], sigma: [1, 1, 1]"), 9,
                                   "score.components[1].sigma"),
    "sigma negative": one(change("mean: [-5, -5], sigma: 0", "mean: [-5, -5], sigma: -1"), 9, "score.components[1].sigma"),
    "sigma_min above sigma_max": one(change("sigma_min: 1", "sigma_min: 30"), 10, "levels.sigma_min"),
    "sigma_min equals sigma_max": one(change("sigma_min: 1", "sigma_min: 20"), 10, "levels.sigma_min"),
    "low above high": one(change("low: -8", "low: 9"), 4, "population.initial.high"),
    "low equals high": one(change("low: -8", "low: 8"), 4, "population.initial.high"),
    "low and high of other lengths": one(change("low: -8, high: 8", "low: [-8, -8], high: [8, 8, 8]"), 4,
                                         "population.initial.high"),
    "initial of another dimension": one(change("low: -8, high: 8", "low: [-8, -8, -8], high: 8"), 4, "population.initial"),
    "point masses without noise": one(change("{type: geometric, sigma_max: 20, sigma_min: 1, count: 10}",
                                             "{type: constant, sigma: 0}").replace("type: annealed_langevin, scheme: ula",
                                                                                   "type: ula"), 10, "levels"),
    "annealed without levels": one(change("{type: geometric, sigma_max: 20, sigma_min: 1, count: 10}",
                                          "{type: constant, sigma: 0}").replace("sigma: 0}\n    -", "sigma: 1}\n    -")
                                   .replace("[-5, -5], sigma: 0", "[-5, -5], sigma: 1"), 11, "sampler.type"),
    "auto step without a rule": one(change("step_size: 0.05", "step_size: auto"), 11, "sampler.step_size"),
    "adapting what cannot": one(change("scheme: ula", "scheme: ula, adapt_steps: 10"), 11, "sampler.adapt_steps"),
    "explicit levels rising": one(replaced(10, "levels: {type: explicit, values: [1, 2, 3]}"), 10, "levels.values"),
    "explicit levels negative": one(replaced(10, "levels: {type: explicit, values: [3, -2]}"), 10, "levels.values[1]"),
    "explicit levels empty": one(replaced(10, "levels: {type: explicit, values: []}"), 10, "levels.values"),
    "no file": one(change("{type: uniform, low: -8, high: 8}", "{type: file, path: nothing.h5}"), 4,
                   "population.initial.path"),
    "a directory for a file": one(change("{type: uniform, low: -8, high: 8}", "{type: file, path: .}"), 4,
                                  "population.initial.path"),
    "not HDF5": one(change("{type: uniform, low: -8, high: 8}", "{type: file, path: text.h5}"), 4,
                    "population.initial.path"),
    "truncated HDF5": one(change("{type: uniform, low: -8, high: 8}", "{type: file, path: cut.h5}"), 4,
                          "population.initial.path"),
    "no such data set": one(change("{type: uniform, low: -8, high: 8}", "{type: file, path: good.h5, dataset: y}"), 4,
                            "population.initial.path"),
    "data set of another width": one(change("{type: uniform, low: -8, high: 8}",
                                            "{type: file, path: good.h5, dataset: wide}"), 4, "population.initial.path"),
    "too few rows": one(change("{type: uniform, low: -8, high: 8}", "{type: file, path: good.h5, dataset: short}"), 4,
                        "population.initial.path"),
    "data set of strings": one(change("{type: uniform, low: -8, high: 8}",
                                      "{type: file, path: good.h5, dataset: words}"), 4, "population.initial.path"),
    "data set of rank 3": one(change("{type: uniform, low: -8, high: 8}",
                                     "{type: file, path: good.h5, dataset: cube}"), 4, "population.initial.path"),
    "a group for a data set": one(change("{type: uniform, low: -8, high: 8}",
                                         "{type: file, path: good.h5, dataset: group}"), 4, "population.initial.path"),
    "external storage": one(change("{type: uniform, low: -8, high: 8}",
                                   "{type: file, path: good.h5, dataset: outside}"), 4, "population.initial.path"),
    "external link": one(change("{type: uniform, low: -8, high: 8}",
                                "{type: file, path: good.h5, dataset: link}"), 4, "population.initial.path"),
    "virtual data set": one(change("{type: uniform, low: -8, high: 8}",
                                   "{type: file, path: good.h5, dataset: virtual}"), 4, "population.initial.path"),
    # scores
    "covariance not symmetric": one("\n".join(GOOD.splitlines()[:5] + [
        "  type: gaussian", "  mean: [0, 0]", "  covariance: [[1, 0.5], [0.4, 1]]", ""] + GOOD.splitlines()[9:]) + "\n", 8,
        "score.covariance"),
    "covariance singular": one("\n".join(GOOD.splitlines()[:5] + [
        "  type: gaussian", "  mean: [0, 0]", "  covariance: [[1, 1], [1, 1]]", ""] + GOOD.splitlines()[9:]) + "\n", 8,
        "score.covariance"),
    "covariance indefinite": one("\n".join(GOOD.splitlines()[:5] + [
        "  type: gaussian", "  mean: [0, 0]", "  covariance: [[1, 2], [2, 1]]", ""] + GOOD.splitlines()[9:]) + "\n", 8,
        "score.covariance"),
    "covariance not square": one("\n".join(GOOD.splitlines()[:5] + [
        "  type: gaussian", "  mean: [0, 0]", "  covariance: [[1, 0], [0, 1], [0, 0]]", ""] + GOOD.splitlines()[9:]) + "\n",
        8, "score.covariance"),
    "covariance ragged": one("\n".join(GOOD.splitlines()[:5] + [
        "  type: gaussian", "  mean: [0, 0]", "  covariance: [[1, 0], [0]]", ""] + GOOD.splitlines()[9:]) + "\n", 8,
        "score.covariance[1]"),
    "covariance of another size": one("\n".join(GOOD.splitlines()[:5] + [
        "  type: gaussian", "  mean: [0, 0]", "  covariance: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]", ""] +
        GOOD.splitlines()[9:]) + "\n", 7, "score.mean"),
    "noised funnel": one("\n".join(GOOD.splitlines()[:5] + ["  type: funnel", "  dimension: 2", "", ""] +
                                   GOOD.splitlines()[9:]) + "\n", 10, "levels"),
    "more levels than random numbers": one(change("count: 10", "count: 5000"), 10, "levels"),
    "levels in the time of an endless process": one(
        replaced(10, "levels: {type: time, t_min: 1, count: 10}"), 10, "levels"),
    # processes
    "process unknown": one(GOOD + "process: {type: vpp}\n", 14, "process.type"),
    "process that adds no noise": one(GOOD + "process: {type: ve, sigma_min: 2, sigma_max: 2}\n", 14,
                                      "process.sigma_min"),
    "negative beta": one(GOOD + "process: {type: vp, beta_min: -1}\n", 14, "process.beta_min"),
    "falling beta": one(GOOD + "process: {type: subvp, beta_min: 3, beta_max: 2}\n", 14, "process.beta_min"),
    "clip of 1": one(GOOD + "process: {type: vp, beta: cosine, clip: 1}\n", 14, "process.clip"),
    "beyond the process's noise": one(replaced(11, "sampler: {type: probability_flow}") +
                                      "process: {type: ve, sigma_min: 1, sigma_max: 19}\n", 10, "levels"),
    # several at once, in the order of lines
    "three problems": (change("seed: 2026", "seed: x").replace("count: 10", "count: ten").replace("keep: 2", "keep: 0"),
                       [(1, "seed"), (10, "levels.count"), (13, "checkpoint.keep")]),
    "five problems": (change("particles: 1000", "particles: 0").replace("low: -8", "low: a").replace(
        "weight: 0.8", "weight: -1").replace("weight: 0.2", "weight: 0").replace("step_size: 0.05", "step_size: 0"),
        [(3, "population.particles"), (4, "population.initial.low"), (8, "score.components[0].weight"),
         (9, "score.components[1].weight"), (11, "sampler.step_size")]),
    # not YAML, or not a table
    "tab": one(change("  particles: 1000", "\tparticles: 1000"), None, None),
    "unclosed brace": one(change("high: 8}", "high: 8"), None, None),
    "unclosed bracket": one(change("[5, 5]", "[5, 5"), None, None),
    "bad indentation": one(change("  particles: 1000", "particles:\n      x: 1\n    y: 2"), None, None),
    "two colons": one(change("seed: 2026", "seed: 2026: 3"), None, None),
    "unclosed quote": one(change("directory: out", 'directory: "out'), None, None),
    "a list": one("- 1\n- 2\n", 1, None),
    "a number": one("5\n", 1, None),
    "empty": one("", 1, None),
    "only a comment": one("# nothing\n", 1, None),
    "two documents": one(GOOD + "---\nseed: 1\n", None, None),
    "deep nesting": one("a: " + "[" * 2000 + "]" * 2000 + "\n", 1, None),
    "NUL byte": one("seed: 1\0\n", None, None),
    "not UTF-8": (b"seed: \xff\xfe\n", [(None, None)]),
    "control character": one("seed: \x07\n", None, None),
    "undefined alias": one(change("seed: 2026", "seed: *x"), None, None),
    "binary": (bytes(range(256)) * 20, [(None, None)]),
})

SETS = {
    "unknown key": ("sampler.stepsize=1", "sampler.stepsize"),
    "no value": ("sampler.step_size", None),
    "no key": ("=3", None),
    "bad number": ("sampler.step_size=tiny", "sampler.step_size"),
    "out of range": ("sampler.step_size=-1", "sampler.step_size"),
    "bad index": ("score.components[7].weight=1", "score.components[7].weight"),
    "not a table": ("seed.x=1", "seed.x"),
    "bad YAML": ("population.particles=[1", "population.particles"),
}

ARGUMENTS = {
    "no input": ["sample"],
    "two inputs": ["sample", "a.yaml", "b.yaml"],
    "unknown option": ["sample", "good.yaml", "--outptu", "x"],
    "option without value": ["sample", "good.yaml", "--output"],
    "bad seconds": ["sample", "good.yaml", "--max-seconds", "soon"],
    "negative seconds": ["sample", "good.yaml", "--max-seconds", "-1"],
    "fresh and resume": ["sample", "good.yaml", "--fresh", "--resume", "x.h5"],
    "no such input": ["sample", "nothing.yaml"],
    "input is a directory": ["sample", "."],
    "unknown command": ["smaple", "good.yaml"],
    "zero ranks": ["check", "good.yaml", "--ranks", "0"],
    "half a rank": ["check", "good.yaml", "--ranks", "1.5"],
    "unknown topic": ["help", "gaussion"],
    "hash of nothing": ["hash"],
    "hash of a text": ["hash", "text.h5"],
    "hash of a foreign file": ["hash", "good.h5"],
    "hash of no file": ["hash", "nothing.h5"],
}


class BadInputs(Case):
    def setUp(self):
        super().setUp()
        self.write("good.yaml", GOOD)
        self.write("text.h5", "this is not HDF5\n")
        with h5py.File(self.path("good.h5"), "w") as file:
            file["state"] = np.zeros((1000, 2))
            file["wide"] = np.zeros((1000, 3))
            file["short"] = np.zeros((999, 2))
            file["cube"] = np.zeros((10, 10, 2))
            file["words"] = np.array([b"a", b"b"])
            file.create_group("group")
            file.create_dataset("outside", (1000, 2), "f8", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])
            file["link"] = h5py.ExternalLink("other.h5", "/state")
            layout = h5py.VirtualLayout(shape=(1000, 2), dtype="f8")
            layout[:] = h5py.VirtualSource("other.h5", "state", shape=(1000, 2), dtype="f8")
            file.create_virtual_dataset("virtual", layout)
        with open(self.path("good.h5"), "rb") as whole, open(self.path("cut.h5"), "wb") as cut:
            cut.write(whole.read()[:3000])
        self.before = sorted(os.listdir(self.scratch))

    def refused(self, arguments, expected, name="bad.yaml"):
        """Exit status 2 in under a second; stderr holds exactly the expected problems, one a line."""
        begin = time.monotonic()
        done = run([SCULPTOR, *arguments], cwd=self.scratch)
        seconds = time.monotonic() - begin
        lines = done.stderr.splitlines()
        self.assertEqual(done.returncode, 2, done.stderr + done.stdout)
        self.assertLess(seconds, 1)
        self.assertEqual(len(lines), len(expected), done.stderr)
        for line, (number, key) in zip(lines, expected):
            where = f"{re.escape(name)}:{number if number else '[0-9]+'}: "
            self.assertRegex(line, "^" + where + (re.escape(key) + ": " if key else "") + ".{8,}")
        return lines

    def test_each_malformed_input_is_told_in_one_line_per_problem(self):
        self.assertGreaterEqual(len(CASES) + len(SETS) + len(ARGUMENTS), 200)
        for name, (text, expected) in CASES.items():
            with self.subTest(case=name):
                with open(self.path("bad.yaml"), "wb") as file:
                    file.write(text if isinstance(text, bytes) else text.encode())
                self.refused(["check", "bad.yaml"], expected)
                os.remove(self.path("bad.yaml"))
                self.assertEqual(sorted(os.listdir(self.scratch)), self.before)

    def test_each_bad_override_is_told_in_one_line(self):
        for name, (assignment, key) in SETS.items():
            with self.subTest(case=name):
                done = run([SCULPTOR, "check", "good.yaml", "--set", assignment], cwd=self.scratch)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertTrue(done.stderr.startswith("--set " + (key + ": " if key else "")), done.stderr)

    def test_each_bad_command_line_is_told_in_one_line(self):
        for name, arguments in ARGUMENTS.items():
            with self.subTest(case=name):
                done = run([SCULPTOR, *arguments], cwd=self.scratch)
                self.assertEqual(done.returncode, 2, done.stderr + done.stdout)
                self.assertRegex(done.stderr, r"^sculptor: [^\n]{8,}\n$")
                self.assertEqual(sorted(os.listdir(self.scratch)), self.before)

    def test_problems_are_printed_once_on_four_ranks(self):
        self.write("bad.yaml", CASES["three problems"][0])
        done = run(launch(4, "sample", "bad.yaml"), cwd=self.scratch)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(re.findall(r"^bad\.yaml:\d+: ", done.stderr, re.M)), 3, done.stderr)
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_row_that_is_not_finite_is_named_before_anything_is_written(self):
        with h5py.File(self.path("good.h5"), "a") as file:
            file["state"][777, 1] = np.nan
        self.write("nan.yaml", change("{type: uniform, low: -8, high: 8}", "{type: file, path: good.h5}"))
        before = sorted(os.listdir(self.scratch))
        for command in ([SCULPTOR, "check", "nan.yaml"], launch(2, "sample", "nan.yaml")):
            done = run(command, cwd=self.scratch)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr.splitlines()[0], r"^nan\.yaml:4: population\.initial\.path: .*777")
            self.assertEqual(sorted(os.listdir(self.scratch)), before)

    def test_a_bad_resume_is_told_before_anything_is_written(self):
        done = run(launch(2, "sample", "good.yaml", "--resume", "text.h5"), cwd=self.scratch)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(sorted(os.listdir(self.scratch)), self.before)

    def test_the_good_input_is_valid(self):
        done = run([SCULPTOR, "check", "good.yaml"], cwd=self.scratch)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(self.scratch)), self.before)


if __name__ == "__main__":
    unittest.main()
