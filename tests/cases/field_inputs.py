"""One short input of random fields for every sampler: the runs whose bits are compared."""

# Planes that no number of ranks from 2 to 4 divides, and an odd number of cells along two axes.
FIELD_2D = """
score:
  type: gaussian_field
  mesh: {cells: [14, 11], box_size: [14, 11]}
  spectrum: {type: power_law, amplitude: 1, index: -1}
"""
FIELD_3D = """
score:
  type: gaussian_field
  mesh: {cells: [9, 6, 7], box_size: [18, 12, 14]}
  spectrum: {type: bbks, cosmology: {Omega_m: 0.3, Omega_b: 0.05, h: 0.7, n_s: 1, sigma8: 0.8}}
"""
LOGNORMAL = """
score:
  type: lognormal_field
  mesh: {cells: [12, 10], box_size: [12, 10]}
  spectrum: {type: power_law, amplitude: 0.5, index: -1, smoothing: 0.3}
"""
POSTERIOR = """
score:
  type: posterior
  mesh: {cells: [12, 10], box_size: [12, 10]}
  spectrum: {type: power_law, amplitude: 1, index: -1}
  observation: {mock: true, noise_sigma: 0.5, holes: 2, hole_radius: 2, beam_fwhm: 1}
"""
LEVELS = "levels: {type: geometric, sigma_max: 3, sigma_min: 0.5, count: 3}"
TIMES = "time_steps: {type: karras, sigma_max: 3, sigma_min: 0.5, count: STEPS}"
CLEAN = "levels: {type: constant, sigma: 0, count: 3}"

# name: (score, levels, sampler table)
SAMPLERS = {
    "annealed_ula_denoised": (FIELD_2D, LEVELS, "{type: annealed_langevin, step_size: 0.02, steps_per_level: STEPS, denoise: true}"),
    "annealed_ula_3d": (FIELD_3D, LEVELS, "{type: annealed_langevin, step_size: 0.02, steps_per_level: STEPS}"),
    "leimkuhler_matthews": (FIELD_3D, LEVELS, "{type: leimkuhler_matthews, step_size: 0.02, steps_per_level: STEPS}"),
    "mala_adapting": (FIELD_2D, LEVELS, "{type: mala, step_size: 0.05, steps_per_level: STEPS, adapt_steps: 40}"),
    "hmc": (FIELD_3D, LEVELS, "{type: hmc, step_size: 0.2, leapfrog_steps: 3, steps_per_level: STEPS}"),
    "baoab": (FIELD_2D, LEVELS, "{type: annealed_langevin, scheme: baoab, step_size: 0.2, steps_per_level: STEPS}"),
    "obabo": (FIELD_3D, LEVELS, "{type: obabo, step_size: 0.2, steps_per_level: STEPS}"),
    "score_flow_rk4": (FIELD_2D, LEVELS, "{type: score_flow, method: rk4, step_size: 0.02, steps_per_level: STEPS}"),
    "score_flow_dormand_prince": (FIELD_2D, LEVELS, "{type: score_flow, step_size: 0.02, steps_per_level: STEPS}"),
    "fourier_ula": (FIELD_3D, LEVELS, "{type: annealed_langevin, scheme: fourier_ula, step_size: 0.2, steps_per_level: STEPS}"),
    "fourier_mala": (FIELD_2D, LEVELS, "{type: fourier_mala, step_size: 0.2, steps_per_level: STEPS}"),
    "fourier_hmc": (FIELD_2D, LEVELS, "{type: fourier_hmc, step_size: 0.5, leapfrog_steps: 3, steps_per_level: STEPS}"),
    "exponential": (FIELD_3D, LEVELS, "{type: exponential, step_size: 0.3, steps_per_level: STEPS}"),
    "lognormal_hmc": (LOGNORMAL, CLEAN, "{type: hmc, step_size: 0.1, leapfrog_steps: 3, steps_per_level: STEPS}"),
    "adaptive_sde": (FIELD_3D, LEVELS, "{type: adaptive_sde, absolute_tolerance: 0.1, time_steps: "
                                       "{type: geometric, sigma_max: 3, sigma_min: 0.5, count: 11}}"),
    "posterior_exponential": (POSTERIOR, LEVELS, "{type: fourier_exponential, step_size: 0.1, steps_per_level: STEPS}"),
    "posterior_fourier_hmc": (POSTERIOR, CLEAN, "{type: fourier_hmc, step_size: 0.2, leapfrog_steps: 3, steps_per_level: STEPS}"),
    "probability_flow_dormand_prince": (FIELD_2D, LEVELS, "{type: probability_flow, method: dormand_prince, TIMES}"),
    "dpm_solver": (FIELD_3D, LEVELS, "{type: dpm_solver, order: 3, TIMES}"),
    "edm_stochastic": (FIELD_2D, LEVELS, "{type: edm_stochastic, s_churn: 20, TIMES}"),
}


def text(name, fields, steps, checkpoint="{every_seconds: 600}"):
    """The input of one sampler."""
    score, levels, sampler = SAMPLERS[name]
    sigma = ", sigma: 0.01" if name.startswith("lognormal") else ""
    return (f"seed: 7\npopulation: {{particles: {fields}, initial: {{type: normal{sigma}}}}}\n{score}{levels}\n"
            f"sampler: {sampler.replace('TIMES', TIMES).replace('STEPS', str(steps))}\ncheckpoint: {checkpoint}\n")
