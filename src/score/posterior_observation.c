#include "score/posterior_observation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/vecmath.h"

#define FIELD(member) offsetof(struct observation_settings, member)

const struct param posterior_observation_params[] = {
        {.key = "mock", .kind = PARAM_FLAG, .offset = FIELD(mock), .fallback = "false",
         .help = "draw a truth from the prior and noise on it, both from the seed, in place of reading data"},
        {.key = "file", .kind = PARAM_TEXT, .offset = FIELD(file), .fallback = "",
         .help = "HDF5 file with data sets of the mesh's shape, (z, y, x) or (y, x)"},
        {.key = "data", .kind = PARAM_TEXT, .offset = FIELD(data), .fallback = "data",
         .help = "data set of what was observed; not looked at where masked"},
        {.key = "mask", .kind = PARAM_TEXT, .offset = FIELD(mask), .fallback = "",
         .help = "data set that is 1 where there are data and 0 where there are none; empty: data everywhere"},
        {.key = "noise", .kind = PARAM_TEXT, .offset = FIELD(noise), .fallback = "",
         .help = "data set of the noise's standard deviation in each cell; empty: noise_sigma"},
        {.key = "noise_sigma", .kind = PARAM_REAL, .offset = FIELD(noise_sigma), .fallback = "none",
         .automatic = "none", .range = "(0, inf)", .help = "the noise's standard deviation, the same in all cells"},
        {.key = "truth", .kind = PARAM_TEXT, .offset = FIELD(truth), .fallback = "",
         .help = "data set of the field that was observed, if it is known, to compare samples with"},
        {.key = "beam_fwhm", .kind = PARAM_REAL, .offset = FIELD(beam_fwhm), .fallback = "0", .range = "[0, inf)",
         .unit = "length", .help = "full width at half maximum of the Gaussian beam that smooths what is observed"},
        {.key = "holes", .kind = PARAM_INTEGER, .offset = FIELD(holes), .fallback = "0", .range = "[0, 100000]",
         .help = "circular holes in a mask that is drawn from the seed"},
        {.key = "hole_radius", .kind = PARAM_REAL, .offset = FIELD(hole_radius), .fallback = "0", .range = "[0, inf)",
         .unit = "length", .help = "their radius"},
        PARAM_END};

void posterior_observation_check(const void *configured, const struct params_scope *scope)
{
        const struct observation_settings *settings = configured;
        const char *needs_file = *settings->mask    ? "mask"
                                 : *settings->noise ? "noise"
                                 : *settings->truth ? "truth"
                                                    : NULL;
        if (!settings->mock && !*settings->file)
                params_problem(scope, "file", "is needed, or mock: true in its place");
        if (!settings->mock && !*settings->data)
                params_problem(scope, "data", "is empty; name the data set of what was observed, or use mock: true");
        if (settings->mock && !*settings->file && needs_file)
                params_problem(scope, needs_file, "names a data set, but no file is given");
        if (settings->mock && *settings->truth)
                params_problem(scope, "truth", "is drawn where mock is true; leave it out");
        if (!*settings->noise && isnan(settings->noise_sigma))
                params_problem(scope, "noise_sigma", "is needed, or noise in its place");
        if (*settings->noise && !isnan(settings->noise_sigma))
                params_problem(scope, "noise_sigma", "is given beside noise; one of them is meant");
        if (settings->holes > 0 && *settings->mask)
                params_problem(scope, "holes", "are given beside a mask; one of them is meant");
        if (settings->holes > 0 && settings->hole_radius == 0)
                params_problem(scope, "hole_radius", "is needed, above 0, where there are holes");
}

/* ---- reading and checking ---- */

static const char *read_one(const char *name, const struct observation *observation, const struct mesh *mesh,
                            const struct score_context *context, double *field)
{
        const char *file = observation->settings->file;
        if (!*name)
                return NULL;
        if (!(context->look_only ? context->inspect_field != NULL : context->read_field != NULL))
                return "observation.file: fields cannot be read from files here";
        if (context->look_only)
                return context->inspect_field(file, name, mesh);
        /* what is masked may hold anything; check_cells() looks at the rest */
        const bool any = context->read_any && (field == observation->data || field == observation->noise_sigma);
        return any ? context->read_any(file, name, mesh, field) : context->read_field(file, name, mesh, field);
}

/* "what is 3 in cell (z, y, x) = (0, 1, 2); how" */
static const char *bad_cell(const struct mesh *mesh, const char *what, double value, size_t at, const char *how)
{
        static char why[300];
        const int64_t plane = mesh->plane_begin + (int64_t)(at / mesh->plane_stride);
        const int64_t cell = (int64_t)(at % mesh->plane_stride), n_x = mesh->n[mesh->n_axes - 1];
        char where[80];
        if (mesh->n_axes == 3)
                snprintf(where, sizeof where, "(z, y, x) = (%lld, %lld, %lld)", (long long)plane,
                         (long long)(cell / n_x), (long long)(cell % n_x));
        else
                snprintf(where, sizeof where, "(y, x) = (%lld, %lld)", (long long)plane, (long long)cell);
        snprintf(why, sizeof why, "observation.%s is %g in cell %s; %s", what, value, where, how);
        return why;
}

static const char *check_cell(const struct observation *observation, const struct mesh *mesh, size_t at)
{
        const double mask = observation->mask[at];
        if (mask != 0 && mask != 1)
                return bad_cell(mesh, "mask", mask, at, "it must be 0 or 1");
        if (observation->truth && !isfinite(observation->truth[at]))
                return bad_cell(mesh, "truth", observation->truth[at], at, "it must be finite");
        if (mask == 0)
                return NULL;
        if (!(observation->noise_sigma[at] > 0 && observation->noise_sigma[at] < INFINITY))
                return bad_cell(mesh, "noise", observation->noise_sigma[at], at,
                                "a standard deviation is above 0 and finite; mask cells without data");
        if (!isfinite(observation->data[at]))
                return bad_cell(mesh, "data", observation->data[at], at, "mask cells without data");
        return NULL;
}

static const char *check_cells(struct observation *observation, const struct mesh *mesh)
{
        const char *why = NULL;
        bool observed = false;
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                for (size_t i = 0; i < mesh->plane_cells && !why; i++) {
                        const size_t at = p * mesh->plane_stride + i;
                        why = check_cell(observation, mesh, at);
                        observed = observed || observation->mask[at] == 1;
                        if (observation->mask[at] == 0) { /* whatever was there is not looked at */
                                observation->data[at] = 0;
                                if (!(observation->noise_sigma[at] > 0 && observation->noise_sigma[at] < INFINITY))
                                        observation->noise_sigma[at] = 1;
                        }
                }
        if (!parallel_domain_any(observed) && !why)
                return "observation: all cells are masked, so that there are no data";
        return why;
}

/* ---- the mask's holes ---- */

static double periodic_distance(double a, double b, double length)
{
        const double d = fabs(a - b);
        return fmin(d, length - d);
}

/* Cells whose centres are within the radius of `centre`, [n_axes], array order. */
static void punch(const struct mesh *mesh, const double *centre, double radius, double *mask)
{
        const int x = mesh->n_axes - 1;
        const int64_t n_y = mesh->n_axes == 3 ? mesh->n[1] : 1;
        for (size_t p = 0; p < mesh->n_planes_here; p++) {
                const double h = mesh->length[0] / (double)mesh->n[0];
                const double d_0 = periodic_distance(h * (double)(mesh->plane_begin + (int64_t)p), centre[0],
                                                     mesh->length[0]);
                if (d_0 > radius)
                        continue;
                for (int64_t y = 0; y < n_y; y++) {
                        const double h_y = mesh->length[1] / (double)mesh->n[1];
                        const double d_1 = x == 2 ? periodic_distance(h_y * (double)y, centre[1], mesh->length[1]) : 0;
                        if (d_1 > radius)
                                continue;
                        double *row = mask + p * mesh->plane_stride + (size_t)(y * mesh->n[x]);
                        for (int64_t i = 0; i < mesh->n[x]; i++) {
                                const double h_x = mesh->length[x] / (double)mesh->n[x];
                                const double d_x = periodic_distance(h_x * (double)i, centre[x], mesh->length[x]);
                                if (fma(d_0, d_0, fma(d_1, d_1, d_x * d_x)) <= radius * radius)
                                        row[i] = 0;
                        }
                }
        }
}

static void punch_holes(const struct observation *observation, const struct mesh *mesh)
{
        const struct rng_stream stream = {.seed = observation->seed, .purpose = RNG_DATA, .stage = STAGE_HOLES};
        const int64_t n = observation->settings->holes * mesh->n_axes;
        double *centre = allocate((size_t)n, sizeof *centre);
        rng_uniform_one(&stream, OBSERVATION_PARTICLE, n, centre);
        for (int64_t i = 0; i < n; i++)
                centre[i] *= mesh->length[i % mesh->n_axes];
        for (int64_t i = 0; i < n; i += mesh->n_axes)
                punch(mesh, centre + i, observation->settings->hole_radius, observation->mask);
        free(centre);
}

/* ---- the life of an observation ---- */

static void fill(const struct mesh *mesh, double value, double *field)
{
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                for (size_t i = 0; i < mesh->plane_cells; i++)
                        field[p * mesh->plane_stride + i] = value;
}

const char *posterior_observation_load(struct observation *observation, const struct mesh *mesh,
                                       const struct score_context *context)
{
        const struct observation_settings *settings = observation->settings;
        observation->seed = context->seed;
        if (!context->look_only) {
                observation->data = mesh_allocate(mesh);
                observation->mask = mesh_allocate(mesh);
                observation->noise_sigma = mesh_allocate(mesh);
                if (settings->mock || *settings->truth)
                        observation->truth = mesh_allocate(mesh);
                fill(mesh, 1, observation->mask);
                fill(mesh, settings->noise_sigma, observation->noise_sigma);
        }
        const struct {
                const char *name;
                double *field;
        } wanted[] = {
                {settings->mock ? "" : settings->data, observation->data},
                {settings->mask, observation->mask},
                {settings->noise, observation->noise_sigma},
                {settings->truth, observation->truth},
        };
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
                const char *why = read_one(wanted[i].name, observation, mesh, context, wanted[i].field);
                if (parallel_any(why != NULL))
                        return why;
        }
        if (context->look_only)
                return NULL;
        punch_holes(observation, mesh);
        return check_cells(observation, mesh);
}

void posterior_observation_release(struct observation *observation)
{
        free(observation->data);
        free(observation->mask);
        free(observation->noise_sigma);
        free(observation->truth);
        free(observation->beam);
}

void posterior_observation_normal(const struct mesh *mesh, const struct rng_stream *stream, uint64_t particle,
                                  double *z)
{
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                rng_normal_row(stream, particle, (mesh->plane_begin + (int64_t)p) * (int64_t)mesh->plane_cells,
                               (int64_t)mesh->plane_cells, z + p * mesh->plane_stride);
}

struct smoothing { const double *beam; };

static void smooth_block(void *owner, const struct mesh_block *block)
{
        const double *beam = ((const struct smoothing *)owner)->beam + block->first;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                block->value[2 * i] *= beam[i];
                block->value[2 * i + 1] *= beam[i];
        }
}

void posterior_observation_smooth(const struct observation *observation, const struct mesh *mesh, const double *x,
                                  double *out)
{
        struct smoothing smoothing = {observation->beam};
        if (observation->beam)
                mesh_filter(mesh, x, out, smooth_block, &smoothing);
        else if (out != x)
                memcpy(out, x, mesh->size * sizeof *out);
}

/* b = e^(-k^2 s^2/2), s = fwhm/sqrt(8 ln 2) */
static void make_beam(struct observation *observation, const struct mesh *mesh)
{
        const double fwhm = observation->settings->beam_fwhm, variance = fwhm * fwhm / (8 * 0.69314718055994530942);
        if (fwhm == 0)
                return;
        observation->beam = allocate(mesh_modes_here(mesh), sizeof *observation->beam);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                struct mode mode;
                for (mode_begin(mesh, mesh->block_begin + (int64_t)b, &mode); mode_next(&mode);)
                        observation->beam[b * mesh->block_modes + mode.index] = vm_exp(-0.5 * mode.k_squared *
                                                                                       variance);
        }
}

void posterior_observation_prepare(struct observation *observation, const struct field_prior *prior)
{
        const struct mesh *mesh = prior->mesh;
        make_beam(observation, mesh);
        if (!observation->settings->mock)
                return;
        const struct rng_stream modes = {.seed = observation->seed, .purpose = RNG_MODES};
        const struct rng_stream noise = {.seed = observation->seed, .purpose = RNG_DATA, .stage = STAGE_NOISE};
        double *z = mesh_allocate(mesh);
        random_field_draw(mesh, prior->variance, &(struct random_field_options){0}, &modes, OBSERVATION_PARTICLE,
                          observation->truth);
        posterior_observation_normal(mesh, &noise, OBSERVATION_PARTICLE, z);
        posterior_observation_smooth(observation, mesh, observation->truth, observation->data);
        for (size_t i = 0; i < mesh->size; i++)
                observation->data[i] = observation->mask[i] > 0
                                               ? fma(observation->noise_sigma[i], z[i], observation->data[i])
                                               : 0;
        free(z);
}
