"""The command train: its bits, ways to end, refusals, and what its files are good for.

Trainings here are tiny: what is learned is tested elsewhere, here that it is the same whatever happens.

(beside others)"""
import glob
import os
import random
import re
import signal
import subprocess
import time
import unittest

import h5py
import numpy as np

from support import Case, ENVIRONMENT, SCULPTOR, checkpoints, hashes, kill_all, launch, run

DONE, BAD_INPUT, FAILED, STOPPED_EARLY = 0, 2, 3, 75

# 192 examples are 3 tiles: no number of ranks above 1 shares them evenly, and of 4 one has none.
PARTICLES = """\
seed: 3
network: {type: mlp, width: 16, layers: 2}
data: {type: target, target: {type: moons, modes: 8, radius: 1, sigma: 0.1}}
training:
  batch: 192
  steps: 60
  sigma: {type: log_uniform, min: 0.05, max: 5}
  ema: [{type: warm_up}, {type: power, sigma_rel: 0.1}]
  validation: {every: 20, examples: 100}
"""
LINE = {"seed": 1, "network": 2, "data": 3, "training": 4, "batch": 5, "steps": 6, "sigma": 7, "ema": 8}

# To sample with what was learned: sections of the same file.
SAMPLING = """\
population: {particles: 100, initial: {type: normal}}
score: {type: network, weights: WEIGHTS}
levels: {type: constant, sigma: 0.5}
sampler: {type: ula, step_size: 0.01, steps_per_level: 20}
"""

ROWS = """\
seed: 4
network: {type: NETWORK}
data: {type: file, path: FILE, dataset: DATA, validation: 0.2, buffer_rows: 50}
training: {batch: BATCH, steps: 30, sigma: {type: log_uniform, min: 0.1, max: 10}, validation: {every: 10, examples: 20}}
"""


def train(ranks, *arguments):
    """On one rank without a launcher, which takes longer to begin than all these steps."""
    words = ["train", *map(str, arguments)]
    return run([SCULPTOR, *words] if ranks == 1 else ["mpirun", "--oversubscribe", "-n", str(ranks), SCULPTOR, *words])


def weights_of(directory):
    """{name: hash} of all weights files, and of the last checkpoint."""
    names = [os.path.basename(name) for name in glob.glob(os.path.join(directory, "weights*.h5"))]
    return hashes(directory, sorted(names) + checkpoints(directory)[-1:])


class Training(Case):
    def setUp(self):
        super().setUp()
        self.particles = self.write("particles.yaml", PARTICLES)

    def train(self, ranks, *arguments, status=DONE):
        done = train(ranks, *arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def rows(self, dataset, network="mlp, width: 16, layers: 1", batch=64, **extra):
        text = ROWS.replace("NETWORK", network).replace("FILE", self.path("data.h5")).replace("DATA", dataset)
        for key, value in extra.items():
            text = text.replace("validation: 0.2", f"validation: 0.2, {key}: {value}")
        return self.write(f"rows-{dataset}.yaml", text.replace("BATCH", str(batch)))

    # ---- the same bits ----

    def test_particles_give_the_same_bits_on_1_to_4_ranks(self):
        found = {}
        for ranks in (1, 2, 3, 4):
            directory = self.path(f"on-{ranks}")
            self.train(ranks, self.particles, "--output", directory, "--quiet")
            found[ranks] = weights_of(directory)
        self.assertEqual(sorted(found[1]), ["checkpoint_000000000060.h5", "weights.h5", "weights_2.h5"])
        self.assertEqual(len(set(found[1].values())), 3)  # the two averages differ
        for ranks in (2, 3, 4):
            self.assertEqual(found[ranks], found[1])

    def test_rows_give_the_same_bits_on_any_ranks_and_however_the_file_holds_them(self):
        random_numbers = np.random.default_rng(5)
        points = random_numbers.normal(size=(150, 3)).astype(np.float32)
        fields = random_numbers.normal(size=(30, 8, 12)).astype(np.float32)
        with h5py.File(self.path("data.h5"), "w") as file:
            file["points"] = points
            file.create_dataset("doubles", data=points.astype(">f8"), chunks=(7, 2), compression="gzip")
            file["fields"] = fields
            file["flat"] = fields.reshape(30, 96)
        found = {}
        for name in ("points", "doubles"):
            for ranks in (1, 3) if name == "points" else (1,):
                self.train(ranks, self.rows(name), "--output", self.path("run"), "--fresh", "--quiet")
                found[name, ranks] = weights_of(self.path("run"))
        self.assertEqual(len(found), 3)
        self.assertTrue(all(some == found["points", 1] for some in found.values()), found)
        spectral = "spectral, channels: 2, hidden: 4"
        found = {}
        for name in ("fields", "flat"):
            for ranks in (1, 2) if name == "fields" else (1,):
                self.train(ranks, self.rows(name, spectral, batch=5, cells="[12, 8]"), "--output", self.path("run"),
                           "--fresh", "--quiet")
                found[name, ranks] = weights_of(self.path("run"))
        self.assertTrue(all(some == found["fields", 1] for some in found.values()), found)

    # ---- ends ----

    def test_a_training_killed_at_any_moment_goes_on_to_the_same_bits_on_other_ranks(self):
        steps = ("--set", "training.steps=16000", "--set", "training.validation.every=2000", "--set",
                 "checkpoint={every_seconds: 0.1, keep: 2}", "--quiet")  # some eight seconds of work
        directory = self.path("killed")
        draw = random.Random(6)
        for ranks in (2, 3):
            before = checkpoints(directory)[-1:] if os.path.isdir(directory) else []
            process = subprocess.Popen(launch(ranks, "train", self.particles, "--output", directory, *steps),
                                       env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, start_new_session=True)
            self.addCleanup(kill_all, process)
            end = time.monotonic() + 20
            while time.monotonic() < end and process.poll() is None:
                if os.path.isdir(directory) and checkpoints(directory)[-1:] > (before or ["checkpoint_000000000000.h5"]):
                    break
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.1))
            self.assertIsNone(process.poll(), "it ended before it could be killed")
            kill_all(process)
            self.assertFalse(os.path.exists(os.path.join(directory, "weights.h5")))
        done = self.train(1, self.particles, "--output", directory, *steps[:-1])
        self.assertRegex(done.stderr, r"resumed from \S+: [1-9]\d* of 16000 steps done")
        self.train(1, self.particles, "--output", self.path("whole"), *steps)
        self.assertEqual(weights_of(directory), weights_of(self.path("whole")))
        with h5py.File(os.path.join(directory, "series.h5")) as a, h5py.File(self.path("whole", "series.h5")) as b:
            self.assertEqual(list(a["step"][:]), list(range(80, 16001, 80)))  # 200 rows, validations among them
            for name in a:
                if name != "wall_seconds":
                    np.testing.assert_array_equal(a[name][()], b[name][()], name)

    def test_max_seconds_and_signals_save_and_exit_75_and_the_same_line_goes_on(self):
        directory = self.path("run")
        for begun in (1, 2):  # with no time at all a job takes a step
            done = self.train(1, self.particles, "--output", directory, "--max-seconds", 0, status=STOPPED_EARLY)
            self.assertIn(f"stopped before --max-seconds at step {begun}", done.stderr)
        self.train(2, self.particles, "--output", directory, "--quiet")
        self.train(1, self.particles, "--output", self.path("whole"), "--quiet")
        self.assertEqual(weights_of(directory), weights_of(self.path("whole")))
        self.assertIn("already complete", self.train(1, self.particles, "--output", directory).stderr)

        process = subprocess.Popen(launch(2, "train", self.particles, "--output", self.path("long"), "--set",
                                          "training.steps=2000000000", "--set", "training.validation.every=0"),
                                   env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(kill_all, process)
        end = time.monotonic() + 20
        while not glob.glob(self.path("long", "checkpoint_*.manifest")) and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGUSR1)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, STOPPED_EARLY, errors)
        self.assertRegex(errors, r"stopped by signal \d+ at step [1-9]\d*: the same command line goes on")

    def test_a_diverging_training_names_its_last_good_checkpoint(self):
        directory = self.path("run")
        wild = (self.particles, "--output", directory, "--set", "training.learning_rate=10", "--set",
                "training.warm_up=0", "--set", "training.steps=500")
        done = self.train(1, *wild, status=FAILED)
        line = re.search(r"^sculptor: the (loss|gradient) .* at step \d+.*learning_rate.*; last good checkpoint: (\S+)$",
                         done.stderr, re.MULTILINE)
        self.assertTrue(line, done.stderr)
        self.assertFalse(os.path.exists(os.path.join(directory, "weights.h5")))
        done = self.train(2, *wild, status=FAILED)  # which verifies: a second job goes on from it, to the same end
        self.assertIn(f"resumed from {line.group(2)}", done.stderr)
        self.assertIn(f"last good checkpoint: {line.group(2)}", done.stderr)

    def test_changed_parameters_refuse_to_resume_and_are_named(self):
        directory = self.path("run")
        self.train(1, self.particles, "--output", directory, "--max-seconds", 0, status=STOPPED_EARLY)
        done = self.train(1, self.particles, "--output", directory, "--set", "training.beta_2=0.5", status=BAD_INPUT)
        self.assertRegex(done.stderr, r"(?m)^sculptor: .*training\.beta_2: 0\.5 here, 0\.99 there.*--fresh")
        # what only sampling reads, and what changes no bit, may change
        sampling = self.write("both.yaml", PARTICLES + SAMPLING.replace("WEIGHTS", "w.h5") + "checkpoint: {keep: 3}\n")
        self.assertIn("resumed from", self.train(1, sampling, "--output", directory).stderr)

    def test_other_data_under_the_same_name_are_refused(self):
        def write(shift):
            with h5py.File(self.path("data.h5"), "w") as file:
                file["points"] = np.random.default_rng(5).normal(size=(150, 3)) + shift
        write(0)
        directory, rows = self.path("run"), self.rows("points")
        self.train(1, rows, "--output", directory, "--max-seconds", 0, status=STOPPED_EARLY)
        write(1)
        done = self.train(1, rows, "--output", directory, status=BAD_INPUT)
        self.assertRegex(done.stderr, r"(?m)^sculptor: .*data\.sha256: .* here, .* there.*--fresh")
        write(0)
        self.assertIn("resumed from", self.train(1, rows, "--output", directory).stderr)

    def test_nothing_held_out_is_nothing_validated(self):
        with h5py.File(self.path("data.h5"), "w") as file:
            file["points"] = np.random.default_rng(5).normal(size=(150, 3))
        done = self.train(1, self.rows("points"), "--output", self.path("run"), "--set", "data.validation=0")
        self.assertNotIn("nan", done.stderr)
        with h5py.File(self.path("run", "series.h5")) as series:
            self.assertTrue(np.isnan(series["validation_loss"][:]).all())
            self.assertTrue(np.isfinite(series["loss"][:]).all())

    # ---- what its files are good for ----

    def test_weights_and_checkpoints_are_sampled_with_from_the_same_file(self):
        directory = self.path("run")
        both = self.write("both.yaml", PARTICLES.replace("[{type: warm_up}, {type: power, sigma_rel: 0.1}]",
                                                         "[{type: warm_up}]") +
                          SAMPLING.replace("WEIGHTS", os.path.join(directory, "weights.h5")))
        self.train(1, both, "--output", directory, "--quiet")
        found = []
        for name in ["weights.h5", checkpoints(directory)[-1]]:
            output = self.path("of-" + name)
            done = run([SCULPTOR, "sample", both, "--output", output, "--quiet", "--set",
                        "score.weights=" + os.path.join(directory, name)])
            self.assertEqual(done.returncode, DONE, done.stderr)
            found.append(hashes(output, ["snapshot_0001.h5"]))
        self.assertEqual(found[0], found[1])

    def test_the_series_tells_of_steps_and_validations(self):
        self.train(1, self.particles, "--output", self.path("run"), "--quiet")
        with h5py.File(self.path("run", "series.h5")) as series:
            self.assertEqual(list(series["step"][:]), list(range(1, 61)))
            # Adam's rate rises over 50 steps to 0.005, then falls as a cosine
            np.testing.assert_allclose(series["learning_rate"][:50], 0.005 * np.arange(1, 51) / 50, rtol=1e-12)
            self.assertTrue(np.all(np.diff(series["learning_rate"][50:]) < 0))
            validated = np.isfinite(series["validation_eps"][:, 0])
            self.assertEqual(list(series["step"][:][validated]), [20, 40, 60])
            self.assertEqual(series["validation_eps"].shape, (60, series["validation_sigma"].shape[0]))
            # eps is what is left of |s|^2: by the definitions of both, at one sigma after the other
            eps, relative = series["validation_eps"][59], series["validation_relative"][59]
            self.assertTrue(np.all(eps > 0) and np.all(relative > 0))
            self.assertLess(series["validation_relative"][59, 2], series["validation_relative"][19, 2])

    def test_check_predicts_training_and_sampling(self):
        weights = self.path("weights.h5")
        both = self.write("both.yaml", PARTICLES + SAMPLING.replace("WEIGHTS", weights))
        done = run([SCULPTOR, "check", both, "--ranks", "2"])
        self.assertEqual((done.returncode, done.stderr), (DONE, ""))
        # 2 coordinates and 6 numbers of the noise in, two layers, 2 out: the program's own count of them is in the log
        log = self.train(1, self.particles, "--output", self.path("run")).stderr
        count = re.search(r"mlp network of (\d+) weights", log).group(1)
        self.assertIn(f"network mlp of {count} weights, 60 steps of 192 examples, sigma 0.05 to 5", done.stdout)
        self.assertIn("1.152e+04 examples of 2 coordinates, drawn from moons", done.stdout)
        self.assertIn("would start from the first weights", done.stdout)
        self.assertIn(f"not checked, to sample: train first, for {weights} is not there yet", done.stdout)
        done = run([SCULPTOR, "check", self.particles, "--output", self.path("run")])
        self.assertIn("is of the finished run", done.stdout)
        self.assertEqual(done.returncode, DONE)
        os.rename(self.path("run", "weights.h5"), weights)
        done = run([SCULPTOR, "check", both])
        self.assertIn("100 particles of 2 coordinates, score network, sampler ula", done.stdout)

    # ---- refusals ----

    def test_bad_inputs_are_told_by_line_and_key(self):
        points = np.zeros((10, 3))
        with h5py.File(self.path("data.h5"), "w") as file:
            file["points"], file["fields"], file["one"] = points, np.zeros((4, 8, 12)), np.zeros((1, 3))
            file["text"] = "nothing"
        spectral = "spectral, channels: 2, hidden: 4"
        changes = {
            ("batch: 192", "batch: 100"): (5, "training.batch: 100 is no multiple of 64.*use 128"),
            ("batch: 192", "batches: 192"): (5, "training.batches: unknown key"),
            ("width: 16", "width: 16, depth: 3"): (2, "network.depth: unknown key"),
            ("type: mlp, width: 16, layers: 2", "type: spectral"): (2, "network.type: spectral is for fields"),
            ("type: moons, modes: 8, radius: 1, sigma: 0.1", "type: tempered"): (3, "data.target.type: .*tempered"),
            ("type: moons", "type: mons"): (3, "data.target.type: .*moons"),
            ("  batch: 192", "  loss: sliced\n  batch: 192.5"): (6, "training.batch"),
            ("seed: 3", "sead: 3"): (1, "sead: unknown key"),
            ("max: 5", "max: 0.01"): (7, "training.sigma"),
        }
        cases = [(self.write(f"bad-{i}.yaml", self.changed(*change)), *told)
                 for i, (change, told) in enumerate(changes.items())]
        cases += [(self.rows("nothing"), 3, "data.path: .*nothing"),
                  (self.rows("text"), 3, "data.path: .*text"),
                  (self.rows("one"), 3, "data.dataset: one has 1 rows"),
                  (self.rows("fields", spectral, 4, cells="[8, 12]"), 3,
                   "data.cells: of a row of fields must be its sizes from the last axis on: 12 8"),
                  (self.rows("points", spectral, 4, cells="[8, 12]"), 3,
                   "data.cells: make 96 cells, but a row of points has 3")]
        for path, line, told in cases:
            done = run([SCULPTOR, "check", path])
            with self.subTest(told=told, said=done.stderr):
                self.assertEqual((done.returncode, done.stdout), (BAD_INPUT, ""))
                self.assertRegex(done.stderr, rf"(?m)^{re.escape(path)}:{line}: {told}")
        done = self.train(2, cases[0][0], "--output", self.path("run"), status=BAD_INPUT)
        self.assertIn("no multiple of 64", done.stderr)
        self.assertFalse(os.path.exists(self.path("run")))

    def changed(self, old, new):
        self.assertEqual(PARTICLES.count(old), 1, old)
        return PARTICLES.replace(old, new)

    def test_data_that_cannot_be_learned_from_are_told(self):
        points = np.random.default_rng(7).normal(size=(200, 3))
        points[90, 2] = np.nan
        with h5py.File(self.path("data.h5"), "w") as file:
            file["points"], file["same"] = points, np.ones((200, 3))
        done = self.train(1, self.rows("same"), "--output", self.path("same"), status=BAD_INPUT)
        self.assertIn("variance is 0", done.stderr)
        done = self.train(1, self.rows("points"), "--output", self.path("run"), status=BAD_INPUT)
        self.assertIn("row 90, column 2 is not finite", done.stderr)


if __name__ == "__main__":
    unittest.main()
