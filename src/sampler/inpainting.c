/* Inpainting by replacement: a reverse sampler of x, of which some coordinates x_o = y are known. After each of its
 * steps, to b, what is known is put back as noised data [Song et al. 2021, I.2],
 *
 *     x_o <- alpha_b (y + sigma_b z),   z ~ N(0, 1) afresh; at sigma_b = 0 the data themselves.
 *
 * What is unknown was moved by a score that has not seen the new x_o, so that the two do not fit: the samples are
 * those of no conditional density, however fine the steps. With resample: U each step but one to sigma 0 is taken U
 * times; in between x is noised back, x_a = (alpha_a/alpha_b) x_b + alpha_a sqrt(sigma_a^2 - sigma_b^2) z, which lets
 * them come together and makes the bias smaller [Lugmayr et al. 2022]. Evaluations: the scheme's, U times. Local.
 *
 * A known coordinate that is not finite becomes NaN and is not put back: the breakdown would be hidden.
 *
 * Repetition u has random numbers of its own: those of level u, where the scheme alone has level 0. */
#include "inpainting.h"

#include <stdio.h>

#include "diffusion.h"

enum { STAGE_KNOWN, STAGE_NOISED }; /* of RNG_DATA */

#define FIELD(member) offsetof(struct inpainting_settings, member)

static const struct param inpainting_params[] = {
        {.key = "scheme", .kind = PARAM_SELECT, .offset = FIELD(scheme), .variant = scheme_inpaints_variant,
         .fallback = "probability_flow", .help = "the reverse sampler that takes the steps"},
        {.key = "observed", .kind = PARAM_VECTOR, .offset = FIELD(observed), .range = "[0, 1048575]",
         .help = "coordinates that are known, counted from 0"},
        {.key = "data", .kind = PARAM_VECTOR, .offset = FIELD(data),
         .help = "what they are, in their order; a single number holds for all"},
        {.key = "resample", .kind = PARAM_INTEGER, .offset = FIELD(resample), .fallback = "1", .range = "[1, 1000]",
         .help = "how often each step is taken, noised back in between"},
        PARAM_END};

static void check(const void *settings, const struct params_scope *scope)
{
        const struct inpainting_settings *set = settings;
        char key[64];
        if (set->data.n != 1 && set->data.n != set->observed.n)
                params_problem(scope, "data", "has %zu numbers, observed has %zu", set->data.n, set->observed.n);
        for (size_t i = 0; i < set->observed.n; i++) {
                bool twice = false;
                for (size_t j = 0; j < i; j++)
                        twice = twice || set->observed.value[j] == set->observed.value[i];
                snprintf(key, sizeof key, "observed[%zu]", i);
                if (set->observed.value[i] != floor(set->observed.value[i]))
                        params_problem(scope, key, "%g is no whole number, and coordinates are counted from 0",
                                       set->observed.value[i]);
                else if (twice)
                        params_problem(scope, key, "coordinate %g stands here twice", set->observed.value[i]);
        }
}

const char *inpainting_unfit(const struct inpainting_settings *settings, const struct score *score, const char **key)
{
        static char why[160];
        static char where[64];
        *key = where;
        if (score->type->mesh) {
                snprintf(where, sizeof where, "sampler.type");
                return "inpainting puts back coordinates of particles; for fields use score: {type: guided_field}, "
                       "exact, or "
                       "posterior";
        }
        for (size_t i = 0; i < settings->observed.n; i++)
                if (settings->observed.value[i] >= (double)score->n_dim) {
                        snprintf(where, sizeof where, "sampler.observed[%zu]", i);
                        snprintf(why, sizeof why, "%g is no coordinate: the score has %lld, counted from 0",
                                 settings->observed.value[i], (long long)score->n_dim);
                        return why;
                }
        return NULL;
}

static void put_back(const struct inpainting_settings *settings, const struct stretch *stretch, int64_t step)
{
        const struct time_point *b = diffusion_to(stretch, step);
        double *restrict z = stretch_work(stretch, 0);
        if (b->sigma > 0)
                stretch_normal(stretch, RNG_DATA, step, STAGE_KNOWN, z);
        for (size_t i = 0; i < settings->observed.n; i++) {
                const double y = settings->data.value[settings->data.n == 1 ? 0 : i];
                const size_t row = (size_t)settings->observed.value[i] * LANES;
                for (size_t lane = row; lane < row + LANES; lane++) {
                        const double known = b->scale * (b->sigma > 0 ? fma(b->sigma, z[lane], y) : y);
                        stretch->x[lane] = isfinite(stretch->x[lane]) ? known : NAN;
                }
        }
}

static void noise_back(const struct stretch *stretch, int64_t step)
{
        const struct time_point *a = diffusion_from(stretch, step), *b = diffusion_to(stretch, step);
        const double gain = a->scale / b->scale;
        const double noise = a->scale * sqrt((a->sigma - b->sigma) * (a->sigma + b->sigma));
        double *restrict z = stretch_work(stretch, 0);
        stretch_normal(stretch, RNG_DATA, step, STAGE_NOISED, z);
        for (size_t i = 0; i < stretch->size; i++)
                stretch->x[i] = fma(noise, z[i], gain * stretch->x[i]);
}

void inpainting_advance(const struct inpainting_settings *settings, const struct stretch *stretch)
{
        const struct scheme *scheme = settings->scheme.type;
        for (int64_t step = stretch->step_begin; step < stretch->step_end; step++) {
                struct stretch one = *stretch;
                one.step_begin = step;
                one.step_end = step + 1;
                const int64_t times = diffusion_to(stretch, step)->sigma > 0 ? settings->resample : 1;
                for (int64_t u = 0; u < times; u++) {
                        one.level_index = (uint32_t)u;
                        if (u > 0)
                                noise_back(&one, step);
                        scheme->advance(settings->scheme.settings, &one);
                        put_back(settings, &one, step);
                }
        }
}

const struct scheme inpainting = {
        .name = "inpainting",
        .help = "a reverse sampler whose known coordinates are put back, noised, after each step; biased",
        .params = inpainting_params, .settings_size = sizeof(struct inpainting_settings), .check = check,
};
