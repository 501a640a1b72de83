"""What a run's sampler is called in titles, and what it cost."""

import numpy as np

# Methods and orders that make another scheme of a sampler, as their papers write them.
METHODS = {"euler": "Euler", "heun": "Heun", "rk4": "RK4", "dormand_prince": "Dormand\u2013Prince", "2m": "2M",
           "3m": "3M"}
NAMES = {"ancestral": "ancestral", "predictor_corrector": "predictor-corrector", "probability_flow": "probability flow",
         "reverse_diffusion": "reverse diffusion", "euler_maruyama": "Euler\u2013Maruyama",
         "dpm_solver": "DPM-Solver++",
         "sde_dpm_solver": "SDE-DPM-Solver++", "ddim": "DDIM", "edm_stochastic": "EDM stochastic",
         "adaptive_sde": "adaptive SDE", "annealed_langevin": "annealed Langevin"}


def sampler_name(run):
    """E.g. "probability flow, Heun". What is not known here is called as in the input."""
    kind = run.parameters.get("sampler.type", "")
    parts = [NAMES.get(kind, kind.replace("_", " ") or run.directory.name)]
    for key in ("method", "order", "scheme", "predictor"):
        value = run.parameters.get(f"sampler.{key}", run.parameters.get(f"sampler.{key}.type"))
        if value and value != "auto":
            name = METHODS.get(value.lower(), NAMES.get(value, value.replace("_", " ")))
            parts.append(f"order {name}" if name.isdigit() else name)
            break
    return ", ".join(parts)


def evaluations_per_particle(run, level):
    """(mean, least, most) over particles up to a level, or None: the snapshot's column, or else the series' sums, of
    which only the mean is known."""
    column = level.column("evaluations")
    if column is not None and np.isfinite(column).all():
        return float(column.mean()), float(column.min()), float(column.max())
    evaluations, number = ((None, None) if run.series is None else
                           (run.series.get("evaluations"), run.series.get("level")))
    if evaluations is None or number is None or evaluations.shape != number.shape:
        return None
    counted = evaluations[(number <= level.index) & (evaluations >= 0)]
    return (float(counted.sum() / level.n_particles),) * 3 if len(counted) else None


def evaluations_text(run, level):
    """E.g. "30 NFE", or "41 NFE (12 to 87)" where particles differ."""
    known = evaluations_per_particle(run, level)
    if known is None:
        return "NFE unknown"
    mean, least, most = known
    exact = f"{mean:.0f}" if abs(mean - round(mean)) < 5e-3 else f"{mean:.1f}"
    return f"{exact} NFE" + (f" ({least:.0f} to {most:.0f})" if most > least else "")
