"""Scores from shared libraries: the example against our own mixture, fields, and everything that may be wrong with one.

(beside others)"""
import os
import shutil
import subprocess
import tempfile
import unittest

import h5py
import numpy as np

from support import BUILD, ROOT, SCULPTOR, Case, hashes, launch, run

EXAMPLE = os.path.join(BUILD, "plugins", "example_mixture.so")
TORCHSCRIPT = os.path.join(BUILD, "plugins", "torchscript.so")
COMPONENTS = "[{weight: 0.4, mean: [-2, 0], sigma: 0.5}, {weight: 0.6, mean: [2, 1], sigma: 1}]"
OURS = f"{{type: gaussian_mixture, components: {COMPONENTS}}}"
THEIRS = "{type: plugin, library: %s, config: 0.4 -2 0 0.5; 0.6 2 1 1}"
FLOW = """\
seed: 4
population: {particles: 1000, initial: {type: normal}}
score: SCORE
levels: {type: explicit, values: [10, 1, 0.1]}
sampler: {type: probability_flow, time_steps: {type: karras, sigma_max: 10, sigma_min: 0.1, count: 20}}
"""
MALA = """\
seed: 4
population: {particles: 500, initial: {type: normal, sigma: 2}}
score: SCORE
levels: {type: constant, sigma: 0}
sampler: {type: mala, step_size: 0.3, steps_per_level: 40}
"""
FIELD = """\
seed: 4
population: {particles: 3, initial: {type: normal}}
score:
  type: plugin
  library: LIBRARY
  config: "8 6 of 4 3"
  mesh: {cells: [6, 8], box_size: [3, 4]}
levels: {type: explicit, values: [10, 1]}
sampler: {type: probability_flow, method: euler, time_steps: {type: geometric, sigma_max: 10, sigma_min: 1, count: 6}}
output: {initial: true}
fft: {planning: estimate, plans: none}
"""
VARIANTS = {  # name: options of the compiler
    "good": [],
    "other": ["-DEVAL=static volatile int unused; (void)unused"],  # computes the same, and is another file
    "fields": ["-DKINDS=SCULPTOR_FIELDS"],
    "no_symbol": ["-DNO_SYMBOL"],
    "abi": ["-DABI=7"],
    "size": ["-DSIZE=24"],
    "kinds": ["-DKINDS=0"],
    "open_fails": ["-DOPEN=return snprintf(message, SCULPTOR_MESSAGE, \"no weights in\\n  here\\n\")"],
    "open_crashes": ["-DOPEN=*(volatile int *)0 = 1"],
    "dimension": ["-DOPEN=model->dimension = -3"],
    "precision": ["-DOPEN=model->precision = 2"],
    "sigma": ["-DOPEN=model->sigma_min = 3, model->sigma_max = 1"],
    "range": ["-DOPEN=model->sigma_min = 0.5"],
    "claims": ["-DOPEN=model->can = SCULPTOR_VJP"],
    "aborts": ["-DEVAL=if (sigma[0] < 2) abort()"],
    "crashes": ["-DEVAL=if (sigma[0] < 2) *(volatile int *)0 = 1"],
    "leaves": ["-DEVAL=if (sigma[0] < 2) exit(0)"],
    "fails": ["-DEVAL=if (sigma[0] < 2) return snprintf(message, SCULPTOR_MESSAGE, \"out\\nof luck\")"],
    "forgets": ["-DFIRST=if (sigma[0] < 2) return 0"],
    "nan": ["-DEVAL=if (sigma[0] < 2) ((double *)score)[5] = NAN"],
}


def launcher(ranks):
    """One rank starts faster by itself."""
    return [SCULPTOR] if ranks == 1 else launch(ranks)


def positions(directory, name):
    """Of particles [n, dimension], or fields [n, y, x]."""
    with h5py.File(os.path.join(directory, name)) as file:
        if "density" in file:
            return file["density"][()]
        axes = next(iter(file["data"].values()))["particles/population/position"]
        return np.stack([axes[axis][()] for axis in sorted(axes)], axis=1)


class Plugin(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sculptor-plugins-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        source = os.path.join(ROOT, "tests", "cases", "plugin_variants.c")
        common = ["-fPIC", "-shared", "-I", os.path.join(ROOT, "include")]
        jobs = [["cc", *common, *options, source, "-o", cls.library(name)] for name, options in VARIANTS.items()]
        jobs.append(["cc", "-O2", *common, "-DREAL=float", os.path.join(ROOT, "plugins", "example_mixture.c"), "-o",
                     cls.library("float"), "-lm"])
        for job in [subprocess.Popen(job) for job in jobs]:
            assert job.wait() == 0

    @classmethod
    def library(cls, name):
        return os.path.join(cls.folder, name + ".so")

    def flow(self, name, score, ranks=1, text=FLOW, status=0):
        """Runs the input with this score; its directory, or where it fails what it said."""
        directory = self.path(name)
        input_file = self.write(name + ".yaml", text.replace("SCORE", score))
        done = run([*launcher(ranks), "sample", input_file, "--output", directory])
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return directory if status == 0 else done.stderr

    def refused(self, score, key, *words, line=3):
        """One line that names the input's line and key, and holds the words."""
        input_file = self.write("a.yaml", FLOW.replace("SCORE", score))
        done = run([SCULPTOR, "check", input_file])
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertRegex(done.stderr, rf"^{input_file}:{line}: {key}: [^\n]+\n$")
        for word in words:
            self.assertIn(word, done.stderr)

    def test_flow_by_the_example_is_the_flow_of_the_mixture(self):
        ours, theirs = self.flow("ours", OURS), self.flow("theirs", THEIRS % EXAMPLE, ranks=2)
        single = self.flow("single", THEIRS % self.library("float"))
        last = positions(ours, "snapshot_0003.h5")
        # Scores agree to 1e-13, 38 evaluations; neighbours on the ridge between the modes part by |x|/0.1 at the most.
        self.assertLess(np.abs(positions(theirs, "snapshot_0003.h5") - last).max(), 1e-9)
        # Floats have 6e-8; only those on the ridge lose the factor of 100 above.
        error = np.abs(positions(single, "snapshot_0003.h5") - last).max(axis=1)
        self.assertGreater(error.max(), 1e-9)  # floats indeed
        self.assertLess(np.median(error), 1e-6)
        self.assertLess(error.max(), 1e-4)
        one = self.flow("one", THEIRS % EXAMPLE)
        self.assertEqual(hashes(one), hashes(theirs))

    def test_metropolis_by_the_examples_log_density_is_that_of_the_mixture(self):
        ours, theirs = self.flow("ours", OURS, text=MALA), self.flow("theirs", THEIRS % EXAMPLE, text=MALA)
        # 20,000 decisions, which rounding of 1e-13 changes with a probability of 1e-9 in all
        self.assertLess(np.abs(positions(ours, "snapshot_0001.h5") - positions(theirs, "snapshot_0001.h5")).max(), 1e-9)
        self.refused_sampler("good")

    def refused_sampler(self, name):
        input_file = self.write("a.yaml", MALA.replace("SCORE", "{type: plugin, library: %s}" % self.library(name)))
        done = run([SCULPTOR, "check", input_file])
        self.assertEqual(done.returncode, 2)
        self.assertIn("mala needs log p, which plugin does not have", done.stderr)

    def test_fields_are_given_cell_by_cell_in_c_order(self):
        directory = self.flow("field", "", text=FIELD.replace("LIBRARY", self.library("fields")), ranks=2)
        before, after = (positions(directory, name) for name in ("snapshot_0000.h5", "snapshot_0002.h5"))
        self.assertEqual(before.shape, (3, 8, 6))
        # Euler's steps of dx/dsigma = -sigma s = sigma x/(v + sigma^2): exact but for rounding
        variance = 1 + np.arange(48).reshape(8, 6) / 48
        sigma = np.geomspace(10, 1, 6)
        gain = np.prod([1 + (b - a) * a / (variance + a * a) for a, b in zip(sigma, sigma[1:])], axis=0)
        self.assertLess(np.abs(after / (before * gain) - 1).max(), 1e-13)

    def test_fields_whole_on_one_rank_only(self):
        text = FIELD.replace("LIBRARY", self.library("fields")) + "parallel: {domain_ranks: 2}\n"
        done = run([SCULPTOR, "check", self.write("a.yaml", text), "--ranks", "2"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("parallel.domain_ranks: plugin works on whole fields", done.stderr)

    def test_what_is_wrong_is_said_when_the_input_is_read(self):
        plugin = "{type: plugin, library: %s}"
        self.refused(plugin % self.path("none.so"), "score.library", "No such file or directory")
        self.refused(plugin % self.path(), "score.library", "no regular file")
        self.refused(plugin % os.path.join(ROOT, "README.md"), "score.library", "cannot be loaded")
        for name, *words in (
                ("no_symbol", "no symbol sculptor_plugin"), ("abi", "ABI 7", "compile it with"),
                ("size", "24 bytes"), ("kinds", "neither particles nor fields"),
                ("open_fails", "variant 0.1: open() failed: no weights in   here\n"),
                ("dimension", "-3 coordinates"), ("precision", "precision 2"), ("sigma", "from 3 to 1"),
                ("claims", "vjp()"), ("fields", "variant 0.1 is of fields: give mesh")):
            self.refused(plugin % self.library(name), "score.library", *words)
        self.refused("{type: plugin, library: %s, mesh: {cells: 4, box_size: 1, dimensions: 2}}" % self.library("good"),
                     "score.library", "is of particles: leave out mesh")
        self.refused("{type: plugin, library: %s, mesh: {cells: [4, 4]}}" % self.library("good"), "score.mesh.box_size")
        self.refused("{type: plugin, library: %s, config: 1 2}" % EXAMPLE, "score.library", "component 1 must be")
        self.refused("{type: plugin, library: %s, file: nothing.pt}" % EXAMPLE, "score.file", "No such file")
        self.refused("{type: plugin, library: %s, version: variant 9}" % self.library("good"), "score.version",
                     "variant 0.1 is there")
        self.refused("{type: plugin, library: %s, library_sha256: 12ab}" % self.library("good"), "score.library_sha256")
        self.refused(plugin % self.library("range"), "sampler.time_steps", "defined for sigma from 0.5", line=5)

    def test_a_crash_while_opening_is_named(self):
        input_file = self.write("a.yaml", FLOW.replace("SCORE", "{type: plugin, library: %s}" %
                                                       self.library("open_crashes")))
        done = run([SCULPTOR, "check", input_file])
        self.assertEqual(done.returncode, -11)
        self.assertIn("sculptor: rank 0: plugin variant 0.1 crashed (SIGSEGV) in open()\n", done.stderr)

    def broken(self, name, ranks=1):
        text = FLOW.replace("SCORE", "{type: plugin, library: %s}" % self.library(name))
        return run([*launcher(ranks), "sample", self.write(name + ".yaml", text), "--output", self.path(name)])

    def test_failures_at_run_time_are_named(self):
        done = self.broken("fails", ranks=2)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r"plugin variant 0\.1: eval\(\) at sigma 1\.\d+ failed: out of luck")
        for name, particle in (("nan", 2), ("forgets", 0)):  # what is not written is NaN
            done = self.broken(name)
            self.assertEqual(done.returncode, 3)
            self.assertIn(f"particle {particle} is no longer finite", done.stderr)

    def test_crashes_at_run_time_are_named(self):
        for name, what, ranks, status in (("crashes", r"crashed \(SIGSEGV\)", 2, 139),
                                          ("aborts", r"crashed \(SIGABRT\)", 1, -6),
                                          ("leaves", r"called exit\(\)", 1, 3)):
            done = self.broken(name, ranks)
            self.assertEqual(done.returncode, status)
            self.assertRegex(done.stderr, rf"sculptor: rank [01]: plugin variant 0\.1 {what} in eval\(\) at sigma 1\.\d+\n")

    def test_a_run_is_not_resumed_with_another_library(self):
        library = self.path("mine.so")
        shutil.copy(self.library("good"), library)
        score = "{type: plugin, library: %s}" % library
        self.flow("run", score)
        shutil.copy(self.library("good"), self.path("moved.so"))
        self.flow("run", "{type: plugin, library: %s}" % self.path("moved.so"))  # the same, elsewhere
        os.remove(library)
        shutil.copy(self.library("other"), library)
        self.assertIn("score.library_sha256", self.flow("run", score, status=2))

    @unittest.skipUnless(os.path.exists(TORCHSCRIPT), "make plugins builds torchscript.so where libtorch is found")
    def test_torchscript_module_samples_as_the_mixture_it_is(self):
        module = self.path("mixture.pt")
        done = run(["/usr/bin/python3", os.path.join(ROOT, "plugins", "torchscript_export.py"), module])
        self.assertEqual(done.returncode, 0, done.stderr)
        score = "{type: plugin, library: %s, file: %s, config: output=denoiser precision=double}" % (TORCHSCRIPT, module)
        theirs = self.flow("theirs", score, ranks=2)
        # D - x over sigma^2 loses eps |x|/sigma^2, 1e-13 at sigma 0.1; otherwise as above
        self.assertLess(np.abs(positions(theirs, "snapshot_0003.h5") -
                               positions(self.flow("ours", OURS), "snapshot_0003.h5")).max(), 1e-8)
        self.refused("{type: plugin, library: %s, file: %s, config: outptu=score}" % (TORCHSCRIPT, module),
                     "score.library", "outptu=score is none of")
        self.refused("{type: plugin, library: %s, file: %s}" % (TORCHSCRIPT, os.path.join(ROOT, "README.md")),
                     "score.library", "torchscript 1.0: open() failed")


if __name__ == "__main__":
    unittest.main()
