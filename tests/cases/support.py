"""Runs the program for the tests of whole runs: launcher, scratch directories, hashes, series."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
SCULPTOR = os.path.join(BUILD, "sculptor")
LONG = os.environ.get("SCULPTOR_LONG", "") not in ("", "0")

ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                   OMPI_MCA_rmaps_base_oversubscribe="1", OMPI_MCA_mpi_yield_when_idle="1",
                   XDG_CACHE_HOME=os.path.join(BUILD, "tests", "cache"))  # FFT plans of tests are theirs


def launch(n_ranks, *arguments):
    """The command line of a run on so many ranks."""
    return ["mpirun", "--oversubscribe", "-n", str(n_ranks), SCULPTOR, *map(str, arguments)]


def run(command, cwd=None, timeout=120):
    """Runs a command to its end; .returncode, .stdout and .stderr tell how it went."""
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, timeout=timeout, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def sample(n_ranks, *arguments, cwd=None, timeout=120):
    return run(launch(n_ranks, "sample", *arguments), cwd=cwd, timeout=timeout)


def start(n_ranks, *arguments, cwd=None):
    """Starts a run in a process group of its own, to be signalled or killed."""
    return subprocess.Popen(launch(n_ranks, "sample", *arguments), cwd=cwd, env=ENVIRONMENT, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True)


def ranks_of(process):
    """Process ids of the ranks below a launcher, found in /proc."""
    found, parents = [], {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
                parents[int(entry)] = int(fields[1])
            except OSError:
                continue
    below = {process.pid}
    for _ in range(8):
        below |= {pid for pid, parent in parents.items() if parent in below}
    for pid in below - {process.pid}:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if line.read().split(b"\0")[0].endswith(b"sculptor"):
                    found.append(pid)
        except OSError:
            continue
    return found


def kill_all(process):
    """SIGKILL to the launcher and every rank at once, as a dying node does."""
    victims = ranks_of(process)
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in victims) and time.monotonic() < deadline:
        time.sleep(0.01)


def snapshots(directory):
    return sorted(name for name in os.listdir(directory) if re.fullmatch(r"snapshot_\d+\.h5", name))


def checkpoints(directory):
    return sorted(name for name in os.listdir(directory) if re.fullmatch(r"checkpoint_.*\.h5", name))


def hashes(directory, names=None):
    """{file name: SHA-256 of its payload} of a run's snapshots and of its last checkpoint.

    A checkpoint killed before its manifest stood leaves its name taken: the same step is then saved as "..._2.h5",
    which counts here as the same checkpoint."""
    names = names or snapshots(directory) + checkpoints(directory)[-1:]
    done = run([SCULPTOR, "hash", *[os.path.join(directory, name) for name in names]])
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    steps = [re.sub(r"^(checkpoint_\d+)(_\d+)?\.h5$", r"\1.h5", name) for name in names]
    return dict(zip(steps, (line.split()[0] for line in done.stdout.splitlines())))


class Case(unittest.TestCase):
    """A test with a scratch directory of its own."""

    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="sculptor-test-")
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.scratch, *parts)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def sample(self, n_ranks, *arguments, status=0, **options):
        done = sample(n_ranks, *arguments, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done
