#include "sculptor/lognormal_posterior.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "score/lognormal_field.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/random_field.h"
#include "sculptor/score_error.h"
#include "sculptor/tree_sum.h"
#include "sculptor/vecmath.h"

#define PILOT (RNG_MAX_PARTICLES - 1) /* the field on which the step is found */
enum { PILOT_TRAJECTORIES = 32, LONGEST_TRAJECTORY = 10000 };

#define ROW(member) offsetof(struct lognormal_posterior_settings, member)
const struct param lognormal_posterior_params[] = {
        {.key = "trajectories", .kind = PARAM_INTEGER, .offset = ROW(trajectories), .fallback = "64",
         .range = "[8, 1000000]", .help = "states of the chain that gives the exact denoised field"},
        {.key = "length", .kind = PARAM_REAL, .offset = ROW(length), .fallback = "1.5", .range = "(0, 100]",
         .help = "of a trajectory; a mode turns by a radian in 1"},
        {.key = "acceptance", .kind = PARAM_REAL, .offset = ROW(acceptance), .fallback = "0.8", .range = "[0.3, 0.99]",
         .help = "rate the leapfrog step is adapted to"},
        {.key = "step", .kind = PARAM_REAL, .offset = ROW(step), .fallback = "auto", .automatic = "auto",
         .range = "(0, 2)", .help = "of the leapfrog; auto: adapted on a field that is not measured"},
        PARAM_END};

struct lognormal_posterior {
        struct lognormal_posterior_settings settings;
        struct lognormal_law law;
        double sigma, step;
        uint64_t seed;
        uint32_t level;
        size_t n_modes;              /* of this rank */
        double *root, *mass, *white; /* [n_modes] sqrt(c_g); m; 1, or 0 where c_g = 0 */
        /* [n_modes][re, im], unnormalised transforms: the chain, a trajectory, its velocity, -dU/dw */
        double *start, *here, *there, *velocity, *force, *force_here;
        double *x_here, *x, *cells;  /* fields: x of the chain's state, of the trajectory's; work */
        const double *y;
};

bool lognormal_posterior_possible(const struct score *score)
{
        return lognormal_field_is(score);
}

static double *new_modes(const struct lognormal_posterior *posterior)
{
        return allocate(2 * posterior->n_modes + 1, sizeof(double));
}

static struct rng_stream stream_of(const struct lognormal_posterior *posterior, enum rng_purpose purpose, int64_t step)
{
        return (struct rng_stream){.seed = posterior->seed, .purpose = purpose, .level = posterior->level,
                                   .step = (uint32_t)step};
}

/* ---- between modes and cells ---- */

struct pass { const struct lognormal_posterior *posterior; const double *scale; double *mode; };

/* g = F^-1 sqrt(c_g) w */
static void fill_modes(void *owner, const struct mesh_block *block)
{
        const struct pass *pass = owner;
        const double *restrict scale = pass->scale + block->first, *restrict mode = pass->mode + 2 * block->first;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                block->value[2 * i] = scale[i] * mode[2 * i];
                block->value[2 * i + 1] = scale[i] * mode[2 * i + 1];
        }
}

static void take_modes(void *owner, const struct mesh_block *block)
{
        const struct pass *pass = owner;
        const double *restrict scale = pass->scale + block->first;
        double *restrict mode = pass->mode + 2 * block->first;
        for (size_t i = 0; i < block->mesh->block_modes; i++) {
                mode[2 * i] = scale[i] * block->value[2 * i];
                mode[2 * i + 1] = scale[i] * block->value[2 * i + 1];
        }
}

static void clear_padding(const struct mesh *mesh, double *field)
{
        for (size_t p = 0; p < mesh->n_planes_here; p++)
                memset(field + p * mesh->plane_stride + mesh->plane_cells, 0,
                       (mesh->plane_stride - mesh->plane_cells) * sizeof *field);
}

static void make_x(const struct lognormal_posterior *posterior, const double *w, double *x)
{
        const struct mesh *mesh = posterior->law.mesh;
        const double half = posterior->law.half_variance;
        mesh_inverse(mesh, fill_modes, &(struct pass){posterior, posterior->root, (double *)w}, x);
        for (size_t i = 0; i < mesh->size; i++)
                x[i] = vm_exp(x[i] - half) - 1;
        clear_padding(mesh, x);
}

/* x and -dU/dw at w. */
static void evaluate(const struct lognormal_posterior *posterior, const double *restrict w, double *restrict x,
                     double *restrict force)
{
        const struct mesh *mesh = posterior->law.mesh;
        const double *restrict y = posterior->y, precision = 1 / (posterior->sigma * posterior->sigma);
        double *restrict pull = posterior->cells;
        make_x(posterior, w, x);
        for (size_t i = 0; i < mesh->size; i++)
                pull[i] = (1 + x[i]) * (x[i] - y[i]) * precision;
        clear_padding(mesh, pull);
        mesh_forward(mesh, pull, take_modes, &(struct pass){posterior, posterior->root, force});
        for (size_t i = 0; i < 2 * posterior->n_modes; i++)
                force[i] = -(force[i] + w[i]);
}

/* ---- energies ---- */

struct misfit { const double *x, *y; };

static void add_misfit(void *owner, size_t begin, size_t end, double *sum)
{
        const struct misfit *misfit = owner;
        for (size_t row = begin; row < end; row += LANES)
                for (size_t i = 0; i < LANES; i++) {
                        const double d = misfit->x[row + i] - misfit->y[row + i];
                        sum[i] = fma(d, d, sum[i]);
                }
}

/* U + v' m v/2. */
static double energy(const struct lognormal_posterior *posterior, const double *w, const double *v, const double *x)
{
        const struct mesh *mesh = posterior->law.mesh;
        const double sigma = posterior->sigma;
        struct tree_sum *sum = tree_sum_create(1);
        for (size_t b = 0; b < mesh->n_blocks_here; b++) {
                const int64_t index = mesh->block_begin + (int64_t)b;
                const double *weight = mesh->line_weight + (size_t)index * mesh->width;
                double line[64] = {0}, total = 0;
                for (size_t row = 0; row < mesh->block_modes; row += mesh->width)
                        for (size_t j = 0; j < mesh->width; j++) {
                                const size_t i = b * mesh->block_modes + row + j;
                                const double w_2 = fma(w[2 * i], w[2 * i], w[2 * i + 1] * w[2 * i + 1]);
                                const double v_2 = fma(v[2 * i], v[2 * i], v[2 * i + 1] * v[2 * i + 1]);
                                line[j] += fma(posterior->mass[i], v_2, w_2);
                        }
                for (size_t j = 0; j < mesh->width; j++)
                        total = fma(weight[j], line[j], total);
                tree_sum_add(sum, index, &total);
        }
        double modes;
        tree_sum_finish_domain(sum, &modes);
        const double cells = mesh_sum(mesh, add_misfit, &(struct misfit){x, posterior->y});
        return 0.5 * (modes / (double)mesh->n_cells + cells / (sigma * sigma));
}

/* ---- the chain ---- */

static void kick(const struct lognormal_posterior *posterior, double h, double *restrict v)
{
        for (size_t i = 0; i < posterior->n_modes; i++) {
                const double a = h / posterior->mass[i];
                v[2 * i] = fma(a, posterior->force[2 * i], v[2 * i]);
                v[2 * i + 1] = fma(a, posterior->force[2 * i + 1], v[2 * i + 1]);
        }
}

static void draw_velocity(const struct lognormal_posterior *posterior, uint64_t particle, int64_t trajectory)
{
        const struct rng_stream stream = stream_of(posterior, RNG_MOMENTUM, trajectory);
        double *v = posterior->velocity;
        score_error_normals(&stream, posterior->law.mesh, posterior->law.mesh->n_cells, particle, posterior->cells);
        mesh_forward(posterior->law.mesh, posterior->cells, take_modes,
                     &(struct pass){posterior, posterior->white, v});
        for (size_t i = 0; i < posterior->n_modes; i++) {
                const double a = 1 / sqrt(posterior->mass[i]);
                v[2 * i] *= a;
                v[2 * i + 1] *= a;
        }
}

static void swap(double **a, double **b)
{
        double *c = *a;
        *a = *b;
        *b = c;
}

static void begin(struct lognormal_posterior *posterior, const double *y)
{
        posterior->y = y;
        memcpy(posterior->here, posterior->start, 2 * posterior->n_modes * sizeof *posterior->here);
        evaluate(posterior, posterior->here, posterior->x_here, posterior->force_here);
}

/* One trajectory from `here`, of steps h times 0.8 to 1.2, lest a mode turn by whole rounds. Returns the probability with
 * which it was, or was not, accepted. */
static double advance(struct lognormal_posterior *posterior, uint64_t particle, int64_t trajectory)
{
        const struct rng_stream decisions = stream_of(posterior, RNG_ACCEPT, trajectory);
        const size_t n = 2 * posterior->n_modes;
        double *w = posterior->there, *v = posterior->velocity, u[2];
        rng_uniform_one(&decisions, particle, 2, u);
        const double h = posterior->step * (0.8 + 0.4 * u[1]);
        const double wanted = ceil(posterior->settings.length / posterior->step);
        const int64_t n_steps = wanted < LONGEST_TRAJECTORY ? (int64_t)wanted : LONGEST_TRAJECTORY;

        draw_velocity(posterior, particle, trajectory);
        const double before = energy(posterior, posterior->here, v, posterior->x_here);
        memcpy(w, posterior->here, n * sizeof *w);
        memcpy(posterior->force, posterior->force_here, n * sizeof *w);
        kick(posterior, h / 2, v);
        for (int64_t i = 1; i <= n_steps; i++) {
                for (size_t k = 0; k < n; k++)
                        w[k] = fma(h, v[k], w[k]);
                evaluate(posterior, w, posterior->x, posterior->force);
                kick(posterior, i < n_steps ? h : h / 2, v);
        }
        const double gain = before - energy(posterior, w, v, posterior->x);
        const double accepts = gain >= 0 ? 1 : gain > -700 ? vm_exp(gain) : 0; /* 0 where it is NaN */
        if (u[0] < accepts) {
                swap(&posterior->here, &posterior->there);
                swap(&posterior->x_here, &posterior->x);
                swap(&posterior->force_here, &posterior->force);
        }
        return accepts;
}

/* A stochastic approximation [Robbins & Monro 1951] to ln h, whose last half is averaged. */
static void find_step(struct lognormal_posterior *posterior)
{
        double *x = mesh_allocate(posterior->law.mesh), *y = mesh_allocate(posterior->law.mesh);
        double ln_h = vm_log(0.4), sum = 0;
        lognormal_posterior_example(posterior, PILOT, x, y);
        begin(posterior, y);
        for (int64_t i = 0; i < PILOT_TRAJECTORIES; i++) {
                posterior->step = vm_exp(ln_h);
                const double missing = advance(posterior, PILOT, i) - posterior->settings.acceptance;
                ln_h = fmin(fma(missing, 1 / sqrt((double)i + 1), ln_h), 0.6);
                sum += 2 * i >= PILOT_TRAJECTORIES ? ln_h : 0;
        }
        posterior->step = vm_exp(sum / (PILOT_TRAJECTORIES / 2));
        free(x);
        free(y);
}

void lognormal_posterior_example(struct lognormal_posterior *posterior, uint64_t particle, double *x_0, double *y)
{
        const struct mesh *mesh = posterior->law.mesh;
        const struct rng_stream modes = stream_of(posterior, RNG_MODES, 0), noise = stream_of(posterior, RNG_FORWARD, 0);
        random_field_draw(mesh, posterior->white, &(struct random_field_options){.paired = false}, &modes, particle,
                          posterior->cells);
        mesh_forward(mesh, posterior->cells, take_modes,
                     &(struct pass){posterior, posterior->white, posterior->start});
        make_x(posterior, posterior->start, x_0);
        score_error_normals(&noise, mesh, mesh->n_cells, particle, posterior->cells);
        for (size_t i = 0; i < mesh->size; i++)
                y[i] = fma(posterior->sigma, posterior->cells[i], x_0[i]);
}

double lognormal_posterior_means(struct lognormal_posterior *posterior, uint64_t particle, const double *y,
                                 double *mean_1, double *mean_2)
{
        const int64_t n = posterior->settings.trajectories, gap = n / 8, half = (n - gap) / 2;
        const size_t size = posterior->law.mesh->size;
        double accepted = 0, *mean[2] = {mean_1, mean_2};
        memset(mean_1, 0, size * sizeof *mean_1);
        memset(mean_2, 0, size * sizeof *mean_2);
        begin(posterior, y);
        for (int64_t i = 0; i < n; i++) {
                accepted += advance(posterior, particle, i);
                if (i >= half && i < n - half)
                        continue;
                double *restrict sum = mean[i >= half];
                for (size_t k = 0; k < size; k++)
                        sum[k] += posterior->x_here[k];
        }
        for (size_t k = 0; k < size; k++) {
                mean_1[k] /= (double)half;
                mean_2[k] /= (double)half;
        }
        return accepted / (double)n;
}

double lognormal_posterior_step(const struct lognormal_posterior *posterior)
{
        return posterior->step;
}

/* ---- its life ---- */

struct lognormal_posterior *lognormal_posterior_create(const struct score *score,
                                                       const struct lognormal_posterior_settings *settings,
                                                       double sigma, uint64_t seed, uint32_t level)
{
        struct lognormal_posterior *posterior = allocate(1, sizeof *posterior);
        *posterior = (struct lognormal_posterior){.settings = *settings, .law = lognormal_field_law(score),
                                                  .sigma = sigma, .step = settings->step, .seed = seed, .level = level};
        const struct mesh *mesh = posterior->law.mesh;
        const size_t n = posterior->n_modes = mesh_modes_here(mesh);
        posterior->root = allocate(n + 1, sizeof(double));
        posterior->mass = allocate(n + 1, sizeof(double));
        posterior->white = allocate(n + 1, sizeof(double));
        const double curvature = vm_exp(2 * posterior->law.half_variance) / (sigma * sigma); /* <(1 + x)^2>/sigma^2 */
        for (size_t i = 0; i < n; i++) {
                const double c = posterior->law.variance[i];
                posterior->root[i] = sqrt(c);
                posterior->mass[i] = 1 + c * curvature;
                posterior->white[i] = c > 0;
        }
        double **modes[] = {&posterior->start, &posterior->here, &posterior->there, &posterior->velocity,
                            &posterior->force, &posterior->force_here};
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
                *modes[i] = new_modes(posterior);
        posterior->x_here = mesh_allocate(mesh);
        posterior->x = mesh_allocate(mesh);
        posterior->cells = mesh_allocate(mesh);
        if (isnan(settings->step))
                find_step(posterior);
        return posterior;
}

void lognormal_posterior_free(struct lognormal_posterior *posterior)
{
        if (!posterior)
                return;
        double *arrays[] = {posterior->root, posterior->mass, posterior->white, posterior->start, posterior->here,
                            posterior->there, posterior->velocity, posterior->force, posterior->force_here,
                            posterior->x_here, posterior->x, posterior->cells};
        for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
                free(arrays[i]);
        free(posterior);
}
