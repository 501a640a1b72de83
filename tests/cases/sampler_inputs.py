"""One short input for every sampler and scheme: the runs whose bits are compared."""

MIXTURE = """
score:
  type: gaussian_mixture
  components:
    - {weight: 0.5, mean: [2, 1, 0], sigma: 0.7}
    - {weight: 0.3, mean: [-2, 0, 1], sigma: [0.5, 1, 0.8]}
    - {weight: 0.2, mean: [0, -3, -1], sigma: 0.6}
"""

# name: the sampler table
SAMPLERS = {
    "ula": "{type: ula, step_size: 0.02, steps_per_level: STEPS}",
    "leimkuhler_matthews": "{type: leimkuhler_matthews, step_size: 0.02, steps_per_level: STEPS}",
    "mala": "{type: mala, step_size: 0.2, steps_per_level: STEPS}",
    "mala_adapting": "{type: mala, step_size: 0.02, steps_per_level: STEPS, adapt_steps: 100}",
    "hmc": "{type: hmc, step_size: 0.3, leapfrog_steps: 5, steps_per_level: STEPS}",
    "hmc_adapting": "{type: hmc, step_size: 0.1, leapfrog_steps: 5, steps_per_level: STEPS, adapt_steps: 100}",
    "baoab": "{type: baoab, step_size: 0.2, friction: 1, steps_per_level: STEPS}",
    "obabo": "{type: obabo, step_size: 0.2, friction: 1, steps_per_level: STEPS}",
    "score_flow_euler": "{type: score_flow, method: euler, step_size: 0.01, steps_per_level: STEPS}",
    "score_flow_rk4": "{type: score_flow, method: rk4, step_size: 0.01, steps_per_level: STEPS}",
    "score_flow_dormand_prince": "{type: score_flow, method: dormand_prince, step_size: 0.01, steps_per_level: STEPS}",
    "annealed_ula_denoised": "{type: annealed_langevin, scheme: ula, step_size: 0.02, steps_per_level: STEPS, denoise: true}",
    "annealed_mala": "{type: annealed_langevin, scheme: mala, step_size: 0.1, steps_per_level: STEPS, adapt_steps: 40}",
    "annealed_hmc": "{type: annealed_langevin, scheme: hmc, step_size: 0.2, leapfrog_steps: 3, steps_per_level: STEPS}",
    "annealed_baoab": "{type: annealed_langevin, scheme: baoab, step_size: 0.2, friction: 1, steps_per_level: STEPS}",
    "annealed_obabo": "{type: annealed_langevin, scheme: obabo, step_size: 0.2, friction: 1, steps_per_level: STEPS}",
    "annealed_leimkuhler_matthews":
        "{type: annealed_langevin, scheme: leimkuhler_matthews, step_size: 0.02, steps_per_level: STEPS}",
}

# Reverse samplers, run by test_diffusion.py: name: (sampler table, process table). STEPS: how many time steps.
DIFFUSION = {
    "probability_flow_euler": ("{type: probability_flow, method: euler, TIMES}", "{type: edm}"),
    "probability_flow_heun": ("{type: probability_flow, method: heun, TIMES}", "{type: edm}"),
    "probability_flow_rk4": ("{type: probability_flow, method: rk4, TIMES}", "{type: edm}"),
    "probability_flow_dormand_prince": ("{type: probability_flow, method: dormand_prince, TIMES}", "{type: vp}"),
    "probability_flow_dormand_prince_each":
        ("{type: probability_flow, method: dormand_prince, control: particle, relative_tolerance: 1e-4, TIMES}",
         "{type: subvp}"),
    "dpm_solver_3": ("{type: dpm_solver, order: 3, TIMES}", "{type: vp}"),
    "edm_stochastic": ("{type: edm_stochastic, s_churn: 30, s_min: 0.05, s_max: 10, s_noise: 1.003, TIMES}",
                       "{type: edm}"),
    "euler_maruyama": ("{type: euler_maruyama, TIMES}", "{type: subvp}"),
    "reverse_diffusion": ("{type: reverse_diffusion, TIMES}", "{type: vp}"),
    "ancestral": ("{type: ancestral, variance: posterior, TIMES}", "{type: vp}"),
    "ddim": ("{type: ddim, eta: 0.5, TIMES}", "{type: subvp}"),
    "sde_dpm_solver": ("{type: sde_dpm_solver, TIMES}", "{type: ve, sigma_min: 0.01, sigma_max: 50}"),
    "predictor_corrector":
        ("{type: predictor_corrector, predictor: ancestral, corrector_steps: 2, TIMES}", "{type: vp}"),
    "adaptive_sde": ("{type: adaptive_sde, TIMES}", "{type: vp, beta: linear}"),
    "inpainting": ("{type: inpainting, scheme: edm_stochastic, observed: [2], data: [0.5], resample: 2, TIMES}",
                   "{type: edm}"),
}


def diffusion_text(name, particles, steps, levels=3, checkpoint="{every_seconds: 600}"):
    """The input of one reverse sampler."""
    sampler, process = DIFFUSION[name]
    times = f"time_steps: {{type: karras, sigma_max: 20, sigma_min: 0.02, count: {steps + 1}}}"
    return (f"seed: 7\npopulation: {{particles: {particles}, initial: {{type: normal}}}}\n{MIXTURE}"
            f"levels: {{type: geometric, sigma_max: 20, sigma_min: 0.02, count: {levels}}}\nprocess: {process}\n"
            f"sampler: {sampler.replace('TIMES', times)}\ncheckpoint: {checkpoint}\n")


def text(name, particles, steps, levels=3, checkpoint="{every_seconds: 600}"):
    """The input of one sampler."""
    rule = (f"{{type: geometric, sigma_max: 4, sigma_min: 0.5, count: {levels}}}" if levels > 1
            else "{type: constant, sigma: 0.5}")
    return (f"seed: 7\npopulation: {{particles: {particles}, initial: {{type: normal}}}}\n{MIXTURE}"
            f"levels: {rule}\nsampler: {SAMPLERS[name].replace('STEPS', str(steps))}\n"
            f"checkpoint: {checkpoint}\n")
