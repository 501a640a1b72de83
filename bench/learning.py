"""The learning part of `make bench`: kernels of networks beside the measured peak, training and sampling beside PyTorch."""
import os
import shutil
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = os.environ.get("PYTHON_TORCH", "/usr/bin/python3")
INPUT = os.path.join(ROOT, "inputs", "train_moons.yaml")
STEPS, SAMPLES, BATCH = 2000, 100000, 1024
KERNELS = ("gemm", "convolution")
REQUIRED = {0.03: 0.13, 0.1: 0.115, 0.3: 0.05, 1: 0.015}  # relative score errors after STEPS steps


def run(build, command, directory, environment, *settings, n_ranks=1):
    """The wall seconds that the command itself tells in its last line."""
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(["mpirun", "-n", str(n_ranks), os.path.join(build, "sculptor"), command, INPUT, "--output", directory,
                    "--quiet", *[word for setting in settings for word in ("--set", setting)]],
                   env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open(os.path.join(directory, "sculptor.log")) as log:
        last = log.read().splitlines()[-1]
    return float(last.split(" s,")[0].split()[-1])


def training_errors(directory):
    import h5py
    with h5py.File(os.path.join(directory, "series.h5")) as series:
        return dict(zip(series["validation_sigma"][:], series["validation_relative"][-1]))


def step_seconds(build, scratch, environment, n_ranks):
    """Of a step, start, files and validation apart: from runs of two lengths."""
    seconds = []
    for steps in (200, 700):
        seconds.append(run(build, "train", os.path.join(scratch, "train"), environment, f"training.steps={steps}",
                           "training.validation.every=0", n_ranks=n_ranks))
    return (seconds[1] - seconds[0]) / 500


def measure(build, scratch, repeats, row, figures, environment):
    for program in ("networks", "convolutions"):
        path = os.path.join(build, "bench", program)
        if os.path.exists(path):
            for name, value in figures([path, str(repeats)]).items():
                of_peak = name.startswith(KERNELS)
                if program == "convolutions" and not name.endswith("_of_peak"):
                    continue
                row(name.replace("_of_peak", "").replace("_", " "), f"{100 * value:.0f}% of the measured peak" if of_peak else
                    f"{value:.2f} " + ("GFLOP/s" if name == "fma_peak" else "us a particle" if name.startswith("mlp")
                                       else "ms a field"), "90%" if of_peak else "")

    weights = os.path.join(scratch, "weights")
    run(build, "train", weights, environment)
    errors = training_errors(weights)
    row(f"moons, perceptron 128x3, {STEPS} steps of {BATCH}: relative score error at sigma "
        + ", ".join(f"{sigma:g}" for sigma in errors), ", ".join(f"{error:.3f}" for error in errors.values()),
        "at most " + ", ".join(f"{REQUIRED[round(sigma, 6)]:g}" for sigma in errors))

    one, two, sampling, sampling_two, torch = [], [], [], [], []
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "learning_torch.py")
    settings = (f"score.weights={weights}/weights.h5", f"population.particles={SAMPLES}",
                "levels={type: explicit, values: [0.01]}")
    for _ in range(repeats):  # by turns: machines are shared
        one.append(step_seconds(build, scratch, environment, 1))
        two.append(step_seconds(build, scratch, environment, 2))
        sampling.append(run(build, "sample", os.path.join(scratch, "sample"), environment, *settings))
        sampling_two.append(run(build, "sample", os.path.join(scratch, "sample"), environment, *settings, n_ranks=2))
        try:
            torch.append(figures([PYTHON, script, "1"]))
        except (OSError, subprocess.CalledProcessError):
            pass
    step, rate = statistics.median(one), SAMPLES / statistics.median(sampling)
    row("a training step of it", f"{1e3 * step:.2f} ms, {BATCH / step / 1e3:.0f} thousand examples/s")
    row("the same on 2 ranks", f"{statistics.median(a / b for a, b in zip(one, two)):.2f} times as fast")
    row("sampling with it, Heun, 18 time steps, whole program", f"{rate / 1e3:.1f} thousand samples/s")
    row("the same on 2 ranks", f"{statistics.median(a / b for a, b in zip(sampling, sampling_two)):.2f} times as fast")
    if not torch:
        print("  PyTorch is not here (Debian: python3-torch); it is left out of the comparison of learning", flush=True)
        return
    peer = statistics.median(found["torch_training_step"] for found in torch)
    row("PyTorch's training step to ours", f"{peer / (1e3 * step):.2f} times ({peer:.2f} ms, {torch[0]['torch_training_form']})",
        "1.4 times")
    peer = statistics.median(found["torch_sampling"] for found in torch)
    row("sampling to PyTorch's", f"{rate / peer:.2f} times ({peer / 1e3:.1f} thousand samples/s, "
        f"{torch[0]['torch_sampling_batch']:.0f} a batch, {torch[0]['torch_sampling_form']})", "1.3 times")
