"""Reverse samplers of the program as a user runs them: `sculptor sample`, its last snapshot, its series."""
import glob
import os
import shutil
import subprocess
import time
from collections import namedtuple

ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
SIGMA_MAX, SIGMA_MIN = 80.0, 0.002

# settings: of the sampler, and "process", in whose time an adaptive SDE steps. per_step, saved: N steps to sigma 0 cost
# per_step N - saved evaluations. tolerances: of an adaptive one, whose steps are its own. kind: how it is drawn.
Sampler = namedtuple("Sampler", "name kind settings per_step saved tolerances", defaults=(1, 0, None))

SAMPLERS = [
    Sampler("Euler (flow)", "ode", {"type": "probability_flow", "method": "euler"}),
    Sampler("Heun (flow)", "ode", {"type": "probability_flow", "method": "heun"}, 2, 1),
    Sampler("RK4 (flow)", "ode", {"type": "probability_flow", "method": "rk4"}, 4, 1),
    Sampler("Dormand-Prince (flow)", "adaptive", {"type": "probability_flow", "method": "dormand_prince"},
            tolerances=[("relative_tolerance", "absolute_tolerance"), (2e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5)]),
    Sampler("DDIM", "ode", {"type": "ddim"}),
    Sampler("DPM-Solver++ 2M", "ode", {"type": "dpm_solver", "order": 2}),
    Sampler("DPM-Solver++ 3M", "ode", {"type": "dpm_solver", "order": 3}),
    Sampler("EDM stochastic", "sde", {"type": "edm_stochastic", "s_churn": 10, "s_min": 0.05, "s_max": 50}, 2, 1),
    Sampler("Euler-Maruyama", "sde", {"type": "euler_maruyama"}),
    Sampler("reverse diffusion", "sde", {"type": "reverse_diffusion"}),
    Sampler("ancestral", "sde", {"type": "ancestral"}),
    Sampler("predictor-corrector", "sde", {"type": "predictor_corrector"}, 2, 1),
    Sampler("SDE-DPM-Solver++", "sde", {"type": "sde_dpm_solver"}),
    Sampler("adaptive SDE", "adaptive", {"type": "adaptive_sde", "absolute_tolerance": 0.1, "process": "ve"},
            tolerances=[("relative_tolerance",), (0.7, 0.4, 0.2, 0.1)]),
]

Outcome = namedtuple("Outcome", "samples evaluations seconds seconds_with_statistics program_seconds")


def time_steps(n):
    """n steps of Karras et al. 2022, eq. 5: n points, rho = 7, then 0."""
    if n == 1:
        return [SIGMA_MAX, 0.0]
    top, bottom = SIGMA_MAX**(1 / 7), SIGMA_MIN**(1 / 7)
    return [SIGMA_MAX] + [(top + i / (n - 1) * (bottom - top))**7 for i in range(1, n)] + [0.0]


def steps_within(sampler, evaluations):
    """The most steps for at most so many evaluations, or 0."""
    return (evaluations + sampler.saved) // sampler.per_step


def variants(sampler, evaluations):
    """(steps, settings) of a sampler for each number of evaluations; of an adaptive one for each tolerance."""
    if sampler.tolerances:
        keys, values = sampler.tolerances
        return [(1, dict(sampler.settings, **{key: value for key in keys})) for value in values]
    steps = sorted({steps_within(sampler, n) for n in evaluations} - {0})
    return [(n, sampler.settings) for n in steps]


def write_input(path, target, settings, steps, count):
    """The process ve never comes to sigma 0: there the last noise is taken away by one evaluation more."""
    sigmas, settings = time_steps(steps), dict(settings)
    process = {"edm": "{type: edm}", "ve": f"{{type: ve, sigma_max: {SIGMA_MAX}, sigma_min: {SIGMA_MIN}}}"}
    name = settings.pop("process", "edm")
    if name == "ve":
        sigmas = sigmas[:-1] + [SIGMA_MIN]
        settings["denoise"] = "true"
    values = ", ".join(f"{sigma:.17g}" for sigma in sigmas)
    lines = [f"  {key}: {value}" for key, value in settings.items()]
    with open(path, "w") as file:
        file.write(f"seed: 1\npopulation: {{particles: {count}, initial: {{type: normal}}}}\nscore: {target.score}\n"
                   f"process: {process[name]}\n"
                   f"levels: {{type: explicit, values: [{sigmas[0]:.17g}, {sigmas[-1]:.17g}]}}\nsampler:\n" +
                   "\n".join(lines) + f"\n  time_steps: {{type: explicit, values: [{values}]}}\n"
                   "checkpoint: {every_seconds: 100000}\n")


def refusal(build, scratch, target, sampler):
    """None, or why this build does not run the sampler on the target: the first line of `sculptor check`."""
    path = os.path.join(scratch, "check.yaml")
    steps, settings = variants(sampler, [40])[0]
    write_input(path, target, settings, steps, target.count)
    found = subprocess.run([os.path.join(build, "sculptor"), "check", path], env=ENVIRONMENT, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return None if found.returncode == 0 else (found.stderr.splitlines() or ["unknown"])[0].replace(path + ":", "line ")


def run(build, scratch, target, settings, steps, count=None, n_ranks=1):
    """One run. Seconds are the steps' own: of the series' wall time, the first level's, in which nothing moves and only
    statistics are made, is taken off the second's."""
    import h5py
    count = count or target.count
    path, directory = os.path.join(scratch, "input.yaml"), os.path.join(scratch, "reverse")
    shutil.rmtree(directory, ignore_errors=True)
    write_input(path, target, settings, steps, count)
    begin = time.perf_counter()
    subprocess.run(["mpirun", "-n", str(n_ranks), os.path.join(build, "sculptor"), "sample", path, "--quiet",
                    "--output", directory], env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    program_seconds = time.perf_counter() - begin
    with h5py.File(os.path.join(directory, "series.h5")) as series:
        wall, evaluations = series["wall_seconds"][:], series["evaluations"][:].sum() / count
    with h5py.File(sorted(glob.glob(os.path.join(directory, "snapshot_*.h5")))[-1]) as snapshot:
        samples = snapshot["density" if target.name == "field" else "state"][:]
    return Outcome(samples, float(evaluations), float(wall[1] - wall[0]), float(wall[1]), program_seconds)
