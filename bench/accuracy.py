"""`make accuracy`: the distance to the target against the score evaluations spent, for every reverse sampler.

    python3 bench/accuracy.py BUILD [OUTPUT_DIR]

Runs every sampler of bench/reverse.py on both targets of bench/targets.py, some minutes in all, and writes
accuracy.csv and accuracy.png into BUILD/accuracy. `--draw` draws an accuracy.csv that is there, without a run."""
import csv
import os
import shutil
import sys
import tempfile

import numpy

import reverse
import targets

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "postprocess"))
from sculptor_plot import style  # noqa: E402

EVALUATIONS = (5, 7, 9, 13, 17, 25, 35, 49, 69, 99)
COLUMNS = ("target", "sampler", "kind", "steps", "tolerance", "evaluations", "distance", "exact_draws",
           "exact_draws_deviation")


def measure(build):
    """Rows of COLUMNS."""
    scratch, rows, told = tempfile.mkdtemp(prefix="sculptor-accuracy-"), [], set()
    for target in (targets.Mixture(), targets.Field()):
        floor = targets.floor(target)
        for sampler in reverse.SAMPLERS:
            why = reverse.refusal(build, scratch, target, sampler)
            if why and (sampler.name, why) not in told:
                print(f"{sampler.name} is left out: {why}", flush=True)
                told.add((sampler.name, why))
            for steps, settings in [] if why else reverse.variants(sampler, EVALUATIONS):
                outcome = reverse.run(build, scratch, target, settings, steps)
                rows.append(dict(zip(COLUMNS, (
                    target.name, sampler.name, sampler.kind, steps, settings.get("relative_tolerance", ""),
                    outcome.evaluations, target.distance(outcome.samples), *floor))))
                print(f"{target.name}: {sampler.name}, {rows[-1]['evaluations']:.1f} evaluations: "
                      f"{rows[-1]['distance']:.4g}", flush=True)
    shutil.rmtree(scratch, ignore_errors=True)
    return rows


def look(sampler):
    """Colour, line and marker of a sampler: the same in all panels, told apart by shape too. DDIM is Euler's method
    here, where x is not scaled, and lies on it: as rings."""
    names = [other.name for other in reverse.SAMPLERS if is_flow(other) == is_flow(sampler)]
    at = names.index(sampler.name)
    colours = (style.BLUE, style.RED, style.GREEN, style.ORANGE, style.BLACK, style.PURPLE, style.SKY)
    found = {"color": colours[at % 7], "marker": "osD^vPX"[at % 7], "markersize": 4.5,
             "linestyle": "--" if sampler.kind == "adaptive" else "-"}
    if sampler.name == "DDIM":
        found.update(marker="o", markersize=8, markerfacecolor="none", linestyle=":")
    return found


def is_flow(sampler):
    return sampler.settings["type"] in ("probability_flow", "dpm_solver", "ddim")


def panel(axes, rows, target, samplers):
    """One target, some samplers. Returns the drawn lines."""
    here = [row for row in rows if row["target"] == target.name]
    low, deviation = float(here[0]["exact_draws"]), float(here[0]["exact_draws_deviation"])
    axes.axhspan(max(low - 2 * deviation, low / 3), low + 2 * deviation, color=style.GRID, zorder=0)
    lines = []
    for sampler in samplers:
        points = sorted((float(row["evaluations"]), float(row["distance"])) for row in here
                        if row["sampler"] == sampler.name and float(row["evaluations"]) >= EVALUATIONS[0])
        if points:
            lines += axes.plot(*numpy.array(points).T, label=sampler.name.replace(" (flow)", ""), linewidth=1.6,
                               **look(sampler))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(4.5, 180)
    shown = [float(row["distance"]) for row in here if float(row["evaluations"]) >= EVALUATIONS[0]]
    axes.set_ylim(low / 2, 1.5 * max(shown))
    axes.set_xticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    axes.set_xticks([], minor=True)
    axes.grid(True, which="major")
    return lines


def draw(rows):
    figure = style.new_figure(10.4, 7.2)
    both = (targets.Mixture(), targets.Field())
    groups = (("Flows (deterministic)", [sampler for sampler in reverse.SAMPLERS if is_flow(sampler)]),
              ("Stochastic", [sampler for sampler in reverse.SAMPLERS if not is_flow(sampler)]))
    axes = figure.subplots(2, 2, sharex=True, sharey="col")
    for row, (title, samplers) in enumerate(groups):
        lines = [panel(axes[row][column], rows, target, samplers) for column, target in enumerate(both)]
        if any(lines):
            axes[row][1].legend(handles=max(lines, key=len), title=title, loc="center left", bbox_to_anchor=(1.02, 0.5),
                                alignment="left")
    axes[0][0].set_title("2-D Gaussian mixture")
    axes[0][1].set_title("Gaussian random field, $64^2$ cells")
    for row in axes:
        row[0].set_ylabel("sliced Wasserstein-2 distance")
        row[1].set_ylabel("Wasserstein-2 distance per cell")
    for axis in axes[1]:
        axis.set_xlabel("score evaluations a sample")
    for axis in axes.flat:
        target = both[0 if axis in axes[:, 0] else 1]
        low = next(float(row["exact_draws"]) for row in rows if row["target"] == target.name)
        axis.text(4.8, low, "exact draws", fontsize=8.5, color=style.MUTED, va="center")
    return figure


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    build = os.path.abspath(words[0])
    output = os.path.abspath(words[1]) if len(words) > 1 else os.path.join(build, "accuracy")
    os.makedirs(output, exist_ok=True)
    table = os.path.join(output, "accuracy.csv")
    if "--draw" not in sys.argv:
        rows = measure(build)
        with open(table, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    with style.styled():
        picture = style.render(draw(rows), "png")
    with open(os.path.join(output, "accuracy.png"), "wb") as file:
        file.write(picture)
    for name in ("accuracy.csv", "accuracy.png"):
        print(os.path.relpath(os.path.join(output, name)))


if __name__ == "__main__":
    main()
