"""Signals, time limits, locks, refusals and failures: every way a run may end other than by finishing."""
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
import unittest

import h5py
import numpy as np

import sampler_inputs
from support import (Case, ENVIRONMENT, SCULPTOR, checkpoints, hashes, kill_all, launch, ranks_of, run, sample,
                     snapshots, start)

DONE, BAD_INPUT, FAILED, STOPPED_EARLY = 0, 2, 3, 75


def has_begun(log):
    try:
        with open(log) as file:
            return "long.yaml on" in file.read()
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.02)


class Stopping(Case):
    def setUp(self):
        super().setUp()
        # Some ten seconds of work on two cores in three levels: long enough to be interrupted, and one
        # level alone takes longer than a stretch.
        self.long = self.write("long.yaml", sampler_inputs.text("ula", particles=40000, steps=6000))
        self.short = self.write("short.yaml", sampler_inputs.text("ula", particles=500, steps=50))

    def started(self, *arguments, ranks=2):
        """A run that has drawn its population and is at work."""
        directory = self.path("run")
        process = start(ranks, self.long, "--output", directory, *arguments)
        self.addCleanup(kill_all, process)
        log = os.path.join(directory, "sculptor.log")
        wait_for(lambda: has_begun(log))
        time.sleep(0.7)
        return process, directory

    def finish_and_compare(self, directory, ranks):
        self.sample(ranks, self.long, "--output", directory, "--quiet")
        whole = self.path("whole")
        self.sample(2, self.long, "--output", whole, "--quiet")
        self.assertEqual(hashes(directory), hashes(whole))

    def test_usr1_through_mpirun_saves_and_exits_75_and_the_same_line_goes_on(self):
        process, directory = self.started()
        process.send_signal(signal.SIGUSR1)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, STOPPED_EARLY, errors)
        self.assertEqual(len(checkpoints(directory)), 1)
        self.finish_and_compare(directory, ranks=3)

    def test_usr2_to_one_rank_stops_all_ranks(self):
        process, directory = self.started()
        os.kill(ranks_of(process)[-1], signal.SIGUSR2)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, STOPPED_EARLY, errors)
        self.assertEqual(len(checkpoints(directory)), 1)

    def test_term_to_the_ranks_saves_and_exits_75(self):
        process, directory = self.started()
        for rank in ranks_of(process):
            os.kill(rank, signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, STOPPED_EARLY, errors)
        self.assertEqual(len(checkpoints(directory)), 1)

    def test_the_same_signal_twice_at_once_does_no_harm(self):
        process, directory = self.started()
        for _ in range(2):
            for rank in ranks_of(process):
                os.kill(rank, signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, STOPPED_EARLY, errors)
        self.assertEqual(len(checkpoints(directory)), 1)

    def test_max_seconds_saves_in_time_and_exits_75(self):
        begin = time.monotonic()
        directory = self.path("run")
        done = sample(2, self.long, "--output", directory, "--max-seconds", 6, "--set",
                      "sampler.steps_per_level=100000")
        self.assertEqual(done.returncode, STOPPED_EARLY, done.stderr)
        self.assertLess(time.monotonic() - begin, 8)  # the launcher's own second or two included
        self.assertEqual(len(checkpoints(directory)), 1)
        self.assertIn("--max-seconds", done.stderr)

    def test_a_directory_whose_parameters_cannot_be_read_is_left_alone(self):
        directory = self.path("run")
        os.makedirs(os.path.join(directory, "parameters.txt"))
        done = self.sample(2, self.short, "--output", directory, status=BAD_INPUT)
        self.assertIn("parameters.txt", done.stderr)
        self.assertEqual(snapshots(directory), [])
        self.sample(2, self.short, "--output", directory, "--fresh")

    def test_a_run_goes_on_after_any_of_its_files_could_not_be_written(self):
        whole = self.path("whole")
        self.sample(1, self.short, "--output", whole, "--set", "output.initial=true")
        for name in ("snapshot_0000.h5", "snapshot_0001.h5", "snapshot_0003.h5", "series.h5"):
            directory = self.path(name)
            obstacle = os.path.join(directory, name)
            os.makedirs(os.path.join(obstacle, "full"))  # no file can be renamed to it
            arguments = (self.short, "--output", directory, "--set", "output.initial=true")
            done = self.sample(2, *arguments, status=FAILED)
            self.assertIn(name, done.stderr)
            self.assertIn("last good checkpoint", done.stderr)
            shutil.rmtree(obstacle)
            done = self.sample(1, *arguments)
            self.assertNotIn("already complete", done.stderr, name)
            self.assertIn("already complete", self.sample(1, *arguments).stderr, name)
            self.assertEqual(hashes(directory, snapshots(directory)), hashes(whole, snapshots(whole)), name)
            with h5py.File(os.path.join(directory, "series.h5")) as series:
                np.testing.assert_array_equal(series["level"][:], [1, 2, 3])
                self.assertLess(series["wall_seconds"][:].sum(), 60, name)

    @unittest.skipUnless(shutil.which("script"), "needs script, of util-linux")
    def test_few_particles_show_progress_inside_a_level(self):
        line = [SCULPTOR, "sample", self.short, "--output", self.path("run"), "--max-seconds", "4", "--set",
                "sampler.steps_per_level=400000000"]
        done = run(["script", "-qec", shlex.join(line), "/dev/null"])  # a terminal
        self.assertEqual(done.returncode, STOPPED_EARLY, done.stdout)
        shown = re.findall(r"level 1/3 .* step (\d+)/400000000 ", done.stdout)
        self.assertGreater(len(shown), 1, done.stdout)
        self.assertTrue(all(0 < int(step) < 400000000 for step in shown))

    def test_a_finished_run_has_nothing_to_do(self):
        directory = self.path("run")
        self.sample(2, self.short, "--output", directory)
        before = hashes(directory)
        times = {n: os.stat(os.path.join(directory, n)).st_mtime_ns for n in before}
        done = self.sample(3, self.short, "--output", directory)
        self.assertIn("already complete", done.stderr)
        self.assertEqual({n: os.stat(os.path.join(directory, n)).st_mtime_ns for n in before}, times)

    def test_changed_parameters_refuse_to_resume_and_are_named(self):
        directory = self.path("run")
        self.sample(1, self.short, "--output", directory)
        before = sorted(os.listdir(directory))
        done = sample(2, self.short, "--output", directory, "--set", "sampler.step_size=0.03")
        self.assertEqual(done.returncode, BAD_INPUT, done.stderr)
        self.assertRegex(done.stderr, r"sculptor: .*sampler\.step_size.*0\.03.*0\.02.*--fresh")
        self.assertEqual(sorted(os.listdir(directory)), before)

    def test_changed_parameters_are_refused_without_a_checkpoint_too(self):
        directory = self.path("run")
        process = start(1, self.long, "--output", directory)
        wait_for(lambda: os.path.exists(os.path.join(directory, "parameters.txt")))
        kill_all(process)
        done = sample(1, self.short, "--output", directory)
        self.assertEqual(done.returncode, BAD_INPUT, done.stderr)

    def test_operational_parameters_may_change(self):
        directory = self.path("run")
        self.sample(1, self.short, "--output", directory, "--max-seconds", 0, status=STOPPED_EARLY)
        self.sample(2, self.short, "--output", directory, "--set", "checkpoint.keep=3", "--set", "output.score_norm=true")
        whole = self.path("whole")
        self.sample(1, self.short, "--output", whole)
        self.assertEqual(hashes(directory, snapshots(directory)), hashes(whole, snapshots(whole)))

    def test_fresh_starts_over_and_keeps_the_earlier_run(self):
        directory = self.path("run")
        self.sample(1, self.short, "--output", directory)
        first = hashes(directory, snapshots(directory))
        self.sample(1, self.short, "--output", directory, "--fresh", "--set", "seed=8")
        self.assertNotEqual(hashes(directory, snapshots(directory)), first)
        kept = os.path.join(directory, "previous_0001")
        self.assertEqual(hashes(kept, snapshots(kept)), first)

    def test_resume_takes_the_named_checkpoint(self):
        directory, other = self.path("run"), self.path("other")
        self.sample(2, self.short, "--output", directory, "--set", "checkpoint={every_levels: 1, keep: 9}")
        first = os.path.join(directory, checkpoints(directory)[0])
        done = self.sample(3, self.short, "--output", other, "--resume", first)
        self.assertIn("1 of 3 levels done", done.stderr)
        self.assertEqual(snapshots(other), ["snapshot_0002.h5", "snapshot_0003.h5"])
        self.assertEqual(hashes(other, snapshots(other)), hashes(directory, snapshots(other)))
        with h5py.File(os.path.join(other, "series.h5")) as series:
            self.assertEqual(list(series["level"][:]), [1, 2, 3])

    def test_the_same_line_with_resume_goes_on_from_what_it_saved(self):
        directory, other = self.path("run"), self.path("other")
        self.sample(2, self.short, "--output", directory, "--set", "checkpoint={every_levels: 1, keep: 9}")
        first = os.path.join(directory, checkpoints(directory)[0])
        for _ in range(2):
            done = self.sample(1, self.short, "--output", other, "--resume", first, "--max-seconds", 0,
                               status=STOPPED_EARLY)
        self.assertIn("is further than --resume", done.stderr)
        self.sample(2, self.short, "--output", other, "--resume", first)
        self.assertEqual(hashes(other, snapshots(other)), hashes(directory, snapshots(other)))

    def test_term_to_the_launcher_leaves_a_checkpoint(self):
        # mpirun ends with a status of its own, and kills its ranks about a second after it has told them
        process, directory = self.started()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertEqual(len(checkpoints(directory)), 1)

    def test_a_failure_is_in_the_log_too(self):
        directory = self.path("run")
        text = sampler_inputs.text("ula", particles=64, steps=100).replace("step_size: 0.02", "step_size: 1e6")
        self.assertEqual(sample(1, self.write("blow.yaml", text), "--output", directory).returncode, FAILED)
        with open(os.path.join(directory, "sculptor.log")) as log:
            self.assertIn("no longer finite", log.read())

    def test_a_damaged_checkpoint_is_passed_over_with_its_reason(self):
        directory = self.path("run")
        self.sample(2, self.short, "--output", directory, "--set", "checkpoint={every_levels: 1, keep: 9}")
        newest = os.path.join(directory, checkpoints(directory)[-1])
        with open(newest, "r+b") as file:
            file.seek(5000)
            byte = file.read(1)
            file.seek(5000)
            file.write(bytes([byte[0] ^ 1]))
        expected = hashes(directory, snapshots(directory))
        done = self.sample(1, self.short, "--output", directory)
        self.assertRegex(done.stderr, r"warning: .*" + os.path.basename(newest))
        self.assertIn("2 of 3 levels done", done.stderr)
        self.assertEqual(hashes(directory, snapshots(directory)), expected)

    def test_a_second_job_in_the_same_directory_is_refused(self):
        process, directory = self.started()
        done = sample(1, self.long, "--output", directory)
        self.assertEqual(done.returncode, BAD_INPUT, done.stderr)
        self.assertRegex(done.stderr, r"sculptor: .*in use")
        kill_all(process)
        self.sample(1, self.long, "--output", directory, "--max-seconds", 0, status=STOPPED_EARLY)  # no stale lock

    def test_one_killed_rank_ends_all_within_five_seconds(self):
        process, _ = self.started(ranks=3)
        ranks = ranks_of(process)
        os.kill(ranks[-1], signal.SIGKILL)
        begin = time.monotonic()
        process.communicate(timeout=20)
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in ranks))
        self.assertLess(time.monotonic() - begin, 5)
        self.assertNotEqual(process.returncode, 0)

    def test_a_run_that_stops_being_finite_names_where_and_saves_nothing_of_it(self):
        directory = self.path("run")
        text = ("seed: 1\npopulation: {particles: 300, initial: {type: normal}}\n"
                "score: {type: gaussian, mean: [0, 0], sigma: 1}\nlevels: {type: constant, sigma: 0}\n"
                "sampler: {type: ula, step_size: 1e3, steps_per_level: 1000}\n")
        done = sample(2, self.write("blow.yaml", text), "--output", directory)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        line = re.search(r"sculptor: level (\d+) \(sigma 0\), step (\d+): particle (\d+) .*finite.*", done.stderr)
        self.assertTrue(line, done.stderr)
        # x grows by 999 a step from about 1000: over 1.8e308 after some 102 steps
        self.assertIn(int(line.group(2)), range(95, 110))
        self.assertEqual(checkpoints(directory) + snapshots(directory), [])

    def test_an_unwritable_directory_is_told(self):
        self.write("file", "")
        done = sample(2, self.short, "--output", self.path("file", "run"))
        self.assertEqual(done.returncode, BAD_INPUT, done.stderr)
        self.assertRegex(done.stderr, r"sculptor: .*file")

    def test_levels_stand_once_each_in_the_series_after_restarts(self):
        directory = self.path("run")
        text = sampler_inputs.text("mala", particles=500, steps=50, levels=6, checkpoint="{every_levels: 2}")
        input_file = self.write("six.yaml", text)
        for _ in range(3):
            sample(2, input_file, "--output", directory, "--max-seconds", 0)
        self.sample(1, input_file, "--output", directory)
        whole = self.path("whole")
        self.sample(3, input_file, "--output", whole)
        with h5py.File(os.path.join(directory, "series.h5")) as a, h5py.File(os.path.join(whole, "series.h5")) as b:
            self.assertEqual(list(a["level"][:]), [1, 2, 3, 4, 5, 6])
            for name in a:
                if name != "wall_seconds":
                    np.testing.assert_array_equal(a[name][()], b[name][()], name)


if __name__ == "__main__":
    unittest.main()
