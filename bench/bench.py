"""`make bench`: every figure that docs/performance.md states, measured in one run, as a Markdown page.

    python3 bench/bench.py BUILD [--short] [--only=particles|fields|diffusion|learning]

Rates are medians of repeats; peers run in the same minutes, by turns, since machines are shared and noisy."""
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

import diffusion
import learning

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def output_of(command, **options):
    return subprocess.run(command, env=ENVIRONMENT, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options).stdout


def figures(command):
    """{name: value} of a program that prints "name value unit" lines."""
    found = {}
    for line in output_of(command).splitlines():
        words = line.split()
        if len(words) == 3:
            try:
                found[words[0]] = float(words[1])
            except ValueError:
                found[words[0]] = words[1]
    return found


def machine():
    model, flags, cores = "unknown", "", os.cpu_count()
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
            if line.startswith("flags"):
                flags = line
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    with open("/proc/meminfo") as info:
        memory = int(info.readline().split()[1]) / 2**20
    compiler = output_of(["gcc", "--version"]).splitlines()[0]
    return f"{model}, {vectors}, {cores} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}; {compiler}"


def run_program(build, n_ranks, scratch, *arguments, input_file="mixture.yaml"):
    """One run of the program; the wall seconds of its last level and its peak memory per rank in bytes."""
    import h5py
    directory = os.path.join(scratch, "run")
    shutil.rmtree(directory, ignore_errors=True)
    output_of(["mpirun", "-n", str(n_ranks), os.path.join(build, "sculptor"), "sample",
               os.path.join(ROOT, "bench", input_file), "--output", directory, *arguments])
    with h5py.File(os.path.join(directory, "series.h5")) as series:
        seconds = float(series["wall_seconds"][-1])
    with open(os.path.join(directory, "sculptor.log")) as log:
        mib = float(next(line for line in log if "MiB a rank at the most" in line).split(" MiB a rank")[0].split()[-1])
    return seconds, mib * 2**20


def measure_fields(build, scratch, repeats, row):
    """Random fields of 256^3 cells beside FFTW alone and NumPy."""
    n, python = 256, os.environ.get("PYTHON_TORCH", "/usr/bin/python3")
    for n_ranks in (1, 2):
        found = figures(["mpirun", "-n", str(n_ranks), os.path.join(build, "bench", "fields"), str(n), str(repeats)])
        peer = "FFTW's own two transforms" if n_ranks == 1 else "fftw_mpi's own two transforms"
        ranks = f"{n_ranks} rank{'s' if n_ranks > 1 else ''}"
        row(f"256^3 field, annealed Langevin step to {peer}, {ranks}",
            f"{found['field_step'] / found['fftw_pair']:.2f} times ({1e3 * found['field_step']:.0f} ms)",
            "1.5 times" if n_ranks == 1 else "1 time")
        row(f"its two transforms to {peer}, {ranks}", f"{found['field_filter'] / found['fftw_pair']:.2f} times",
            "1 time" if n_ranks == 2 else "")
        if n_ranks == 1:
            numpy = figures([python, os.path.join(ROOT, "bench", "field_numpy.py"), str(n), str(max(3, repeats // 2))])
            row("256^3 Gaussian random field, NumPy's time to ours",
                f"{numpy['numpy_draw'] / found['field_draw']:.1f} times ({1e3 * found['field_draw']:.0f} ms)", "5 times")
    for n_ranks in (1, 2):
        peak = run_program(build, n_ranks, scratch, input_file="field.yaml")[1]
        base = run_program(build, n_ranks, scratch, "--set", "score.mesh.cells=8", input_file="field.yaml")[1]
        row(f"peak memory of a rank, 256^3 field on {n_ranks} rank{'s' if n_ranks > 1 else ''}",
            f"{(peak - base) / (8 * n**3 / n_ranks):.2f} times its part of the field, beside {base / 2**20:.0f} MiB", "4 fields")


def measure_particles(build, scratch, repeats, row):
    """Kernels, Langevin dynamics of the mixture beside PyTorch, memory, writing."""
    short = repeats < 5
    kernels = figures([os.path.join(build, "bench", "kernels")])
    for name, value in kernels.items():
        row(name.replace("_", " "), f"{value / 1e6:.1f} million/s" if isinstance(value, float) else value)

    torch = {}
    try:
        torch = figures([os.environ.get("PYTHON_TORCH", "/usr/bin/python3"), os.path.join(ROOT, "bench", "langevin_torch.py"),
                         str(3 if short else 5)])
        row("PyTorch, best batch", f"{torch['torch_steps'] / 1e6:.2f} million particle-steps/s "
                                   f"({torch['torch_batch']:.0f} particles)")
    except (OSError, subprocess.CalledProcessError):
        print("  PyTorch is not here (Debian: python3-torch); its ratio is left out", flush=True)

    particles, steps = 2000000, 200
    one, two = [], []
    for _ in range(repeats):
        one.append(run_program(build, 1, scratch)[0])
        two.append(run_program(build, 2, scratch)[0])
    rate = particles * steps / statistics.median(one)
    row("whole program, 1 rank", f"{rate / 1e6:.1f} million particle-steps/s", "45 million on an AVX-512 core")
    if torch:
        row("whole program to PyTorch", f"{rate / torch['torch_steps']:.1f} times", "20 times")
    row("2 ranks to 1", f"{statistics.median(a / b for a, b in zip(one, two)):.2f} times", "1.9 times")

    n = 8000000
    _, peak = run_program(build, 1, scratch, "--set", f"population.particles={n}", "--set", "sampler.steps_per_level=2")
    row("peak memory, 8 million particles", f"{peak / 2**20:.0f} MiB, {(peak - 64 * 2**20) / n:.1f} bytes a particle "
        "beside 64 MiB", "8(d + 2) = 32 bytes")

    for n_ranks in (1, 2):
        writing = figures(["mpirun", "-n", str(n_ranks), os.path.join(build, "bench", "writing"), scratch,
                           str(4000000 if short else 16000000), str(repeats)])
        row(f"snapshot writing, {n_ranks} rank{'s' if n_ranks > 1 else ''}",
            f"{writing['snapshot_write']:.0f} MB/s, plain fwrite + fsync {writing['plain_write']:.0f} MB/s: "
            f"{100 * writing['snapshot_to_plain']:.0f}%", "70%")


def main():
    build = os.path.abspath(sys.argv[1])
    short = "--short" in sys.argv
    repeats = 3 if short else 7
    scratch = tempfile.mkdtemp(prefix="sculptor-bench-", dir=os.environ.get("BENCH_DIR"))
    rows = []

    def row(what, value, required=""):
        rows.append((what, value, required))
        print(f"  {what}: {value}{'  (asked: ' + required + ')' if required else ''}", flush=True)

    print(f"machine: {machine()}", flush=True)
    only = next((word.split("=", 1)[1] for word in sys.argv if word.startswith("--only=")), None)
    table = []
    if only in (None, "particles"):
        measure_particles(build, scratch, repeats, row)
    if only in (None, "fields"):
        measure_fields(build, scratch, repeats, row)
    if only in (None, "diffusion"):
        table = diffusion.measure(build, scratch, repeats, row, figures)
    if only in (None, "learning"):
        learning.measure(build, scratch, repeats, row, figures, ENVIRONMENT)
    shutil.rmtree(scratch, ignore_errors=True)

    os.makedirs(os.path.join(build, "bench"), exist_ok=True)
    page = os.path.join(build, "bench", "performance.md")
    with open(page, "w") as file:
        file.write(f"Measured {datetime.date.today()} by `make bench` on: {machine()}.\n\n")
        file.write("| what | measured | asked |\n|---|---|---|\n")
        for what, value, required in rows:
            file.write(f"| {what} | {value} | {required} |\n")
        file.writelines(["\n", *(line + "\n" for line in table)] if table else [])
    print(f"written: {os.path.relpath(page)}")


if __name__ == "__main__":
    main()
