/* What the input's `sampler:` table may say: a scheme by its own name, or annealed_langevin with a scheme
 * inside, or inpainting with a reverse sampler inside. */
#include <stddef.h>

#include "inpainting.h"
#include "schemes.h"

static const struct scheme *const registry[] = {
        &scheme_ula,
        &scheme_leimkuhler_matthews,
        &scheme_mala,
        &scheme_hmc,
        &scheme_baoab,
        &scheme_obabo,
        &scheme_score_flow,
        &scheme_fourier_ula,
        &scheme_fourier_mala,
        &scheme_fourier_hmc,
        &scheme_exponential,
        &scheme_fourier_exponential,
        &scheme_probability_flow,
        &scheme_dpm_solver,
        &scheme_edm_stochastic,
        &scheme_euler_maruyama,
        &scheme_reverse_diffusion,
        &scheme_ancestral,
        &scheme_ddim,
        &scheme_predictor_corrector,
        &scheme_sde_dpm_solver,
        &scheme_adaptive_sde,
};
enum { N_SCHEMES = sizeof registry / sizeof *registry };

static struct param_variant variant_of(const struct scheme *scheme)
{
        return (struct param_variant){.name = scheme->name, .help = scheme->help, .rows = scheme->params,
                                      .settings_size = scheme->settings_size, .check = scheme->check, .type = scheme};
}

/* ---- annealed Langevin: a Langevin scheme whose step follows the noise ---- */

struct annealed_settings { struct selection scheme; };

static bool langevin_variant(size_t i, struct param_variant *variant)
{
        for (size_t k = 0; k < N_SCHEMES; k++)
                if (registry[k]->langevin && i-- == 0) {
                        *variant = variant_of(registry[k]);
                        return true;
                }
        return false;
}

bool sampler_predictor_variant(size_t i, struct param_variant *variant)
{
        for (size_t k = 0; k < N_SCHEMES; k++)
                if (registry[k]->predictor_work > 0 && i-- == 0) {
                        *variant = variant_of(registry[k]);
                        return true;
                }
        return false;
}

static const struct param annealed_params[] = {
        {.key = "scheme", .kind = PARAM_SELECT, .offset = offsetof(struct annealed_settings, scheme),
         .variant = langevin_variant, .fallback = "ula", .help = "the scheme that takes the steps of a level"},
        PARAM_END};

/* No scheme itself: marks a selection whose settings hold one. */
static const struct scheme annealed = {
        .name = "annealed_langevin",
        .help = "Langevin whose step shrinks with the noise: e_i = step_size (sigma_i/sigma_L)^2 [Song & Ermon 2019]; "
                "h_i = step_size sigma_i/sigma_L where the scheme has momenta",
        .params = annealed_params, .settings_size = sizeof(struct annealed_settings),
};

/* ---- inpainting: a reverse sampler, and what is known put back ---- */

bool scheme_inpaints_variant(size_t i, struct param_variant *variant)
{
        for (size_t k = 0; k < N_SCHEMES; k++)
                if (registry[k]->diffusion && registry[k]->n_history == 0 && !registry[k]->advance_all && i-- == 0) {
                        *variant = variant_of(registry[k]);
                        return true;
                }
        return false;
}

static bool sampler_variant(size_t i, struct param_variant *variant)
{
        static const struct scheme *const around[] = {&annealed, &inpainting};
        if (i >= N_SCHEMES + sizeof around / sizeof *around)
                return false;
        *variant = variant_of(i < N_SCHEMES ? registry[i] : around[i - N_SCHEMES]);
        return true;
}

bool sampler_is_annealed(const struct sampler_settings *settings)
{
        return settings->type.type == &annealed;
}

const struct inpainting_settings *sampler_inpainting(const struct sampler_settings *settings)
{
        return settings->type.type == &inpainting ? settings->type.settings : NULL;
}

const char *sampler_unfit(const struct sampler_settings *settings, const struct score *score, const char **key)
{
        const struct inpainting_settings *known = sampler_inpainting(settings);
        return known ? inpainting_unfit(known, score, key) : NULL;
}

static const struct selection *selected_scheme(const struct sampler_settings *settings)
{
        if (sampler_inpainting(settings))
                return &sampler_inpainting(settings)->scheme;
        if (!sampler_is_annealed(settings))
                return &settings->type;
        return &((const struct annealed_settings *)settings->type.settings)->scheme;
}

const struct scheme *sampler_scheme(const struct sampler_settings *settings)
{
        return selected_scheme(settings)->type;
}

const void *sampler_scheme_settings(const struct sampler_settings *settings)
{
        return selected_scheme(settings)->settings;
}

/* ---- where a diffusion scheme steps ---- */

/* No rule itself: the levels are the time steps. */
static const struct levels_type at_levels = {
        .name = "levels", .help = "from level to level",
};

static bool time_steps_variant(size_t i, struct param_variant *variant)
{
        if (i > 0)
                return levels_variant(i - 1, variant);
        *variant = (struct param_variant){.name = at_levels.name, .help = at_levels.help, .type = &at_levels};
        return true;
}

bool sampler_steps_at_levels(const struct sampler_settings *settings)
{
        return settings->time_steps.type.type == &at_levels;
}

struct sampler_settings sampler_noising_settings(void)
{
        struct sampler_settings settings = {.step_size = NAN, .steps_per_level = -1, .target_acceptance = NAN};
        settings.type.type = &scheme_noising;
        settings.time_steps.type.type = &at_levels;
        return settings;
}

static const struct param time_steps_params[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = time_steps_variant, .fallback = "levels",
         .help = "how the time steps of a reverse sampler follow each other"},
        PARAM_END};

/* ---- the rows ---- */

#define FIELD(member) offsetof(struct sampler_settings, member)

const struct param sampler_params[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = FIELD(type), .variant = sampler_variant,
         .help = "how particles move at a level"},
        {.key = "step_size", .kind = PARAM_REAL, .offset = FIELD(step_size), .range = "(0, inf)", .automatic = "auto",
         .fallback = "auto", .unit = "x^2 (overdamped, flow), x (hmc, baoab, obabo) or 1 (fourier_...)",
         .help = "step size, at the last level where annealed; auto: as levels: {type: ncsnv2} chooses it; reverse "
                 "samplers have none"},
        {.key = "steps_per_level", .kind = PARAM_INTEGER, .offset = FIELD(steps_per_level), .fallback = "auto",
         .automatic = "auto", .range = "[1, 4294967295]",
         .help = "steps at each level, to be given; reverse samplers have time_steps instead"},
        {.key = "time_steps", .kind = PARAM_TABLE, .offset = FIELD(time_steps), .rows = time_steps_params,
         .fallback = "{}",
         .help = "reverse samplers: the times between which they step, of which levels are those with a snapshot"},
        {.key = "denoise", .kind = PARAM_FLAG, .offset = FIELD(denoise), .fallback = "false",
         .help = "end with the mean of the clean target given x, x + sigma_L^2 s(x) [Tweedie]"},
        {.key = "adapt_steps", .kind = PARAM_INTEGER, .offset = FIELD(adapt_steps), .fallback = "0",
         .range = "[0, 4294967295]",
         .help = "mala, hmc and their fourier forms: burn-in steps at the start of each level in which step_size "
                 "adapts to target_acceptance"},
        {.key = "target_acceptance",
         .kind = PARAM_REAL,
         .offset = FIELD(target_acceptance),
         .fallback = "auto",
         .automatic = "auto",
         .range = "(0, 1)",
         .help = "fraction of proposals to accept; auto: 0.574 for mala and fourier_mala, 0.651 for hmc and "
                 "fourier_hmc"},
        PARAM_END};

void sampler_check(const void *configured, const struct params_scope *scope)
{
        const struct sampler_settings *settings = configured;
        const struct scheme *scheme = sampler_scheme(settings);
        if (scheme->diffusion && settings->steps_per_level > 0)
                params_problem(scope, "steps_per_level",
                               "%s goes along sampler.time_steps; remove this line, or say "
                               "time_steps: {type: geometric, sigma_max: ..., sigma_min: ..., count: ...}",
                               scheme->name);
        if (scheme->diffusion && !isnan(settings->step_size))
                params_problem(scope, "step_size", "%s has none: sampler.time_steps say where it steps", scheme->name);
        if (!scheme->diffusion && settings->steps_per_level < 0)
                params_problem(scope, "steps_per_level", "is needed: how many steps %s takes at each level",
                               scheme->name);
        if (!scheme->diffusion && !sampler_steps_at_levels(settings))
                params_problem(scope, "time_steps", "are for reverse samplers; %s has steps_per_level", scheme->name);
        if (settings->steps_per_level > 0 && settings->adapt_steps > settings->steps_per_level)
                params_problem(scope, "adapt_steps", "%lld is more than steps_per_level, %lld",
                               (long long)settings->adapt_steps, (long long)settings->steps_per_level);
        if (!isnan(settings->target_acceptance) && settings->adapt_steps == 0)
                params_problem(scope, "target_acceptance", "has no effect without adapt_steps");
}
