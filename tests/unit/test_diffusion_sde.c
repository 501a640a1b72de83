/* Reverse SDE samplers on N(mu, diag(d)), where each has an exact biased answer: per particle, given its noise, and in
 * the population's mean and variance, on particles and, per mode, on a random field. */
#include "diffusion_methods.h"
#include "field_sampler_lab.h"

#define GAUSSIAN "{type: gaussian, mean: [0.5, -1, 0, 2], sigma: [0.2, 0.5, 1, 2]}"
enum { N_DIM = 4 };
static const double MEAN[N_DIM] = {0.5, -1, 0, 2}, DEVIATION[N_DIM] = {0.2, 0.5, 1, 2};

/* Coarse, and even in none of the clocks: every scheme's bias is large. */
static const double TIMES[] = {20, 15, 11, 7, 5, 3.2, 2, 1.4, 0.8, 0.5, 0.3, 0};
enum { POINTS = sizeof TIMES / sizeof *TIMES };

static size_t n_points(const struct method *method)
{
        return method->not_to_zero ? POINTS - 1 : POINTS;
}

/* ---- per particle ---- */

static void add_noise(size_t tile, int64_t step, uint32_t stage, double noise, double *x)
{
        double z[N_DIM * LANES];
        const struct rng_stream stream = {.seed = DIFFUSION_SEED, .purpose = RNG_NOISE, .step = (uint32_t)step,
                                          .stage = stage};
        rng_normal(&stream, tile * LANES, N_DIM, z);
        for (int i = 0; i < N_DIM * LANES; i++)
                x[i] += noise * z[i];
}

/* One step by the formula; data is D of the step before and becomes this one's. */
static void take_step(const struct diffusion_lab *lab, const struct method *method, size_t tile, int64_t step,
                      double *x, double *data)
{
        const struct time_point *a = &lab->grid->point[step], *b = a + 1;
        const struct rule rule = method->rule(&lab->process, a, b);
        const double on = method_extrapolates(method, lab->grid, step);
        for (int i = 0; i < N_DIM * LANES; i++) {
                const int j = i / LANES;
                const double variance = a->scale * a->scale * (DEVIATION[j] * DEVIATION[j] + a->sigma * a->sigma);
                const double s = -(x[i] - a->scale * MEAN[j]) / variance;
                const double d = x[i] / a->scale + a->sigma * a->sigma * a->scale * s;
                x[i] = rule.keep * x[i] + rule.score * s + on * (d - data[i]);
                data[i] = d;
        }
        add_noise(tile, step, 0, sqrt(rule.variance), x);
        for (int k = 0; k < method->correctors && b->sigma > 0; k++) {
                const double width = b->scale * b->sigma, e = method->corrector_step * width * width;
                for (int i = 0; i < N_DIM * LANES; i++) {
                        const double d = DEVIATION[i / LANES] * DEVIATION[i / LANES];
                        const double mean = b->scale * MEAN[i / LANES];
                        x[i] -= e * (x[i] - mean) / (b->scale * b->scale * (d + b->sigma * b->sigma));
                }
                add_noise(tile, step, (uint32_t)k + 1, sqrt(2 * e), x);
        }
}

static void check_particles(const struct method *method, const struct process_type *process)
{
        struct diffusion_lab *lab = diffusion_lab_open(GAUSSIAN, NULL, method->text, process, TIMES, n_points(method),
                                                       2 * LANES);
        diffusion_lab_draw(lab, 1, 20);
        double x[2 * N_DIM * LANES], data[2 * N_DIM * LANES] = {0}, largest = 0;
        memcpy(x, lab->population->x, sizeof x);
        for (int64_t step = 0; step < diffusion_lab_steps(lab); step++) {
                for (size_t t = 0; t < 2; t++)
                        take_step(lab, method, t, step, x + t * N_DIM * LANES, data + t * N_DIM * LANES);
                for (int i = 0; i < 2 * N_DIM * LANES; i++)
                        largest = fmax(largest, fabs(x[i]));
        }
        diffusion_lab_go(lab);
        /* some dozens of roundings of numbers up to the largest, each 1e-16 of it */
        for (int i = 0; i < 2 * N_DIM * LANES; i++)
                if (!(fabs(lab->population->x[i] - x[i]) < 1e-13 * (1 + largest)))
                        fail_msg("%s, %s: %.17g, expected %.17g", process->name, method->text, lab->population->x[i],
                                 x[i]);
        diffusion_lab_close(lab);
}

static void test_every_particle_follows_the_published_formula(void **state)
{
        (void)state;
        for (size_t m = 0; m < METHODS; m++)
                for (size_t p = 0; p < LAB_PROCESSES; p++)
                        if (method_runs(&methods[m], p))
                                check_particles(&methods[m], lab_processes[p]);
}

/* ---- population ---- */

static void check_population(const struct method *method, const struct process_type *process)
{
        enum { N = 250 * LANES }; /* shows 8% of a variance; single particles have shown the rest */
        struct diffusion_lab *lab = diffusion_lab_open(GAUSSIAN, NULL, method->text, process, TIMES, n_points(method),
                                                       N);
        const struct time_point *first = &lab->grid->point[0];
        const double start = 1.3 * process_standard_deviation(first);
        diffusion_lab_draw(lab, 1, start);
        diffusion_lab_go(lab);
        for (int j = 0; j < N_DIM; j++) {
                struct moments m = {.y = 1 - first->scale * MEAN[j], .yy = start * start};
                for (int64_t step = 0; step < diffusion_lab_steps(lab); step++)
                        method_moments(method, lab->grid, step, MEAN[j], DEVIATION[j] * DEVIATION[j], &m);
                const double last = lab->grid->point[lab->grid->n - 1].scale;
                const struct lab as_lab = {.population = lab->population};
                assert_mean(method->text, &as_lab, lab->population->x, j, m.y + last * MEAN[j], m.yy);
                assert_variance(method->text, &as_lab, lab->population->x, j, m.yy);
        }
        diffusion_lab_close(lab);
}

static void test_mean_and_variance_match_the_closed_recursion(void **state)
{
        (void)state;
        for (size_t m = 0; m < METHODS; m++)
                for (size_t p = 0; p < LAB_PROCESSES; p++)
                        if (method_runs(&methods[m], p))
                                check_population(&methods[m], lab_processes[p]);
}

/* ---- the table of exact results, in its own words ---- */

static void test_the_recursions_are_those_of_the_table_of_exact_results(void **state)
{
        (void)state;
        const struct process ve = {&lab_ve, NULL}, vp = {&lab_vp, NULL};
        const struct time_point a = process_at_sigma(&ve, 3), b = process_at_sigma(&ve, 1);
        const struct time_point c = process_at_sigma(&vp, 3), e = process_at_sigma(&vp, 1);
        const double d = 0.7, ratio = (d + 1) / (d + 9);
        struct rule rule = rule_reverse_diffusion(&ve, &a, &b);
        assert_true(fabs(rule.keep - rule.score / (d + 9) - ratio) < 1e-15 && fabs(rule.variance - 8) < 1e-15);
        rule = rule_ancestral(&ve, &a, &b);
        assert_true(fabs(rule.keep - rule.score / (d + 9) - ratio) < 1e-15 && fabs(rule.variance - 8.0 / 9) < 1e-15);
        /* abar = 1/(1 + sigma^2): 1/10 and 1/2 */
        const double s = 0.1 * d + 0.9, beta = 0.8;
        rule = rule_ancestral(&vp, &c, &e);
        assert_true(fabs(rule.keep - rule.score / s - (1 - beta / s) / sqrt(1 - beta)) < 1e-14);
        assert_true(fabs(rule.variance - beta) < 1e-15);
        rule = rule_reverse_diffusion(&vp, &c, &e);
        assert_true(fabs(rule.keep - rule.score / s - (2 - sqrt(1 - beta) - beta / s)) < 1e-14);
        assert_true(fabs(rule.variance - beta) < 1e-15);
}

/* ---- fields ---- */

static const double SIGMA = 0.3; /* where TIMES end above 0 */

struct field_plan { const struct method *method; const struct time_grid *grid; double start; };

static double mode_variance(double c, const void *owner)
{
        const struct field_plan *plan = owner;
        struct moments m = {.yy = plan->start * plan->start};
        for (int64_t step = 0; step + 1 < (int64_t)plan->grid->n; step++)
                method_moments(plan->method, plan->grid, step, 0, c - SIGMA * SIGMA, &m);
        return m.yy;
}

static void check_field(const struct method *method, const struct process_type *type)
{
        static const char text[] = "{type: gaussian_field, mesh: {cells: [20, 12], box_size: [20, 12]}, "
                                   "spectrum: {type: power_law, amplitude: 1, index: -1}}";
        struct field_lab *lab = field_lab_open(text, method->text, 60, SIGMA, NULL);
        const struct process process = {type, NULL};
        struct time_grid *grid = time_grid_create(&process, TIMES, POINTS - 1);
        sampler_set_grid(lab->sampler, grid);
        population_keep_history(lab->population, lab->sampler->scheme->n_history);
        const struct field_plan plan = {method, grid, 1.3 * process_standard_deviation(&grid->point[0])};
        field_lab_draw_white(lab, 0, plan.start * plan.start);
        assert_false(
                sampler_advance(lab->sampler, lab->population, lab->level, 0, 0, POINTS - 2, &lab->tally, NULL, NULL)
                        .found);
        field_assert_variances(method->text, lab, lab->population->x, mode_variance, &plan);
        field_lab_close(lab);
        time_grid_free(grid);
}

static void test_every_mode_of_a_field_matches_the_closed_recursion(void **state)
{
        (void)state;
        for (size_t m = 0; m < METHODS; m++)
                for (size_t p = 1; p < LAB_PROCESSES; p++)
                        if (method_runs(&methods[m], p))
                                check_field(&methods[m], lab_processes[p]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_particle_follows_the_published_formula),
                cmocka_unit_test(test_mean_and_variance_match_the_closed_recursion),
                cmocka_unit_test(test_the_recursions_are_those_of_the_table_of_exact_results),
                cmocka_unit_test(test_every_mode_of_a_field_matches_the_closed_recursion),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
