"""The diffusion part of `make bench`: Heun's speed beside PyTorch's, every reverse sampler's distance to the target."""
import os
import statistics
import subprocess

import numpy

import reverse
import targets

PYTHON = os.environ.get("PYTHON_TORCH", "/usr/bin/python3")
HEUN = {"type": "probability_flow", "method": "heun"}
STEPS, COUNT = 18, 1000000
EVALUATIONS = (9, 17, 35, 99)
FORMS = {"rows_double": "double precision", "rows_single": "single precision", "tuned_double": "double, tuned by hand",
         "tuned_single": "single, tuned by hand"}


def torch_rates(script, repeats, samples_path, figures):
    """{name: samples/s}, or {} where PyTorch is missing."""
    try:
        return figures([PYTHON, script, str(repeats), samples_path])
    except (OSError, subprocess.CalledProcessError):
        return {}


def measure_speed(build, scratch, repeats, row, figures):
    """Ours and PyTorch's by turns. Returns PyTorch's samples, [precision][sample][2], or None."""
    mixture = targets.Mixture()
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "heun_torch.py")
    samples_path = os.path.join(scratch, "torch.npy")
    one, two, torch = [], [], []
    for turn in range(repeats):
        one.append(reverse.run(build, scratch, mixture, HEUN, STEPS, COUNT))
        two.append(reverse.run(build, scratch, mixture, HEUN, STEPS, COUNT, n_ranks=2))
        if turn < 3:
            torch.append(torch_rates(script, 3, samples_path, figures))
    rate = COUNT / statistics.median(outcome.seconds for outcome in one)
    everything = statistics.median(outcome.program_seconds for outcome in one)
    row("EDM-Heun, 35 evaluations, mixture, 1 rank", f"{rate / 1e6:.2f} million samples/s")
    row("the whole program for a million of these", f"{everything:.1f} s, start, statistics and files included")
    row("EDM-Heun, 2 ranks to 1", f"{statistics.median(a.seconds / b.seconds for a, b in zip(one, two)):.2f} times")
    if not torch[0]:
        print("  PyTorch is not here (Debian: python3-torch); it is left out of the comparison of samplers", flush=True)
        return None
    for form, title in FORMS.items():
        peer = statistics.median(rates[form] for rates in torch)
        row(f"EDM-Heun to PyTorch's, {title}", f"{rate / peer:.1f} times ({peer / 1e3:.0f} thousand samples/s, "
            f"{torch[0][form + '_batch']:.0f} a batch)", "15 times" if form.startswith("rows") else "")
    return numpy.load(samples_path)


def distance_cells(build, scratch, target, sampler):
    """A cell for each of EVALUATIONS; of an adaptive sampler that of the run nearest below it."""
    cells = ["" for _ in EVALUATIONS]
    for steps, settings in reverse.variants(sampler, EVALUATIONS):
        outcome = reverse.run(build, scratch, target, settings, steps)
        fitting = [i for i, most in enumerate(EVALUATIONS) if outcome.evaluations <= most + 0.5]
        if not fitting:
            break  # tighter tolerances need more still
        other = abs(outcome.evaluations - EVALUATIONS[fitting[0]]) > 0.5
        cells[fitting[0]] = f"{target.distance(outcome.samples):.3g}" + f" ({outcome.evaluations:.0f})" * other
    return cells


def distance_table(build, scratch, torch_samples):
    """Lines of a Markdown table."""
    both = [targets.Mixture(), targets.Field()]
    lines = ["| sampler | " + " | ".join(f"{target.name}, {n}" for target in both for n in EVALUATIONS) + " |",
             "|---" * (1 + 2 * len(EVALUATIONS)) + "|"]

    def add(name, cells):
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print("  " + lines[-1], flush=True)

    for line in lines:
        print("  " + line, flush=True)
    for sampler in reverse.SAMPLERS:
        cells, refused = [], []
        for target in both:
            why = reverse.refusal(build, scratch, target, sampler)
            refused += [why] if why else []
            cells += ["" for _ in EVALUATIONS] if why else distance_cells(build, scratch, target, sampler)
        if len(refused) < 2:
            add(sampler.name, cells)
        for why in sorted(set(refused)):
            print(f"  {sampler.name} is left out: {why}", flush=True)
    if torch_samples is not None:
        for precision, samples in zip(("double", "single"), torch_samples):
            add(f"PyTorch's EDM-Heun, {precision}", ["" if n != 35 else f"{both[0].distance(samples):.3g}"
                                                     for n in EVALUATIONS] + ["" for _ in EVALUATIONS])
    floors = [targets.floor(target)[0] for target in both]
    add("exact draws", [f"{floor:.3g}" for floor in floors for _ in EVALUATIONS])
    return lines


def measure(build, scratch, repeats, row, figures):
    """Rows through row(); returns the table's lines."""
    return distance_table(build, scratch, measure_speed(build, scratch, repeats, row, figures))
