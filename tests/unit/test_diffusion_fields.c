/* Reverse samplers on random fields: every mode of a Gaussian field is a scalar N(0, d) with d of its own, so that the
 * gains of particles (test_diffusion_ode.c) hold mode by mode. */
#include "field_sampler_lab.h"
#include "ode_gains.h"
#include "sculptor/time_grid.h"

static const char *const fields[] = {"{type: gaussian_field, mesh: {cells: [24, 20], box_size: [24, 20]}, "
                                     "spectrum: {type: power_law, amplitude: 1, index: -1}}",
                                     "{type: gaussian_field, mesh: {cells: [9, 8, 7], box_size: [18, 16, 14]}, "
                                     "spectrum: {type: power_law, amplitude: 8, index: -1}}"};
enum { N_FIELDS = 2, POINTS = 19, ENSEMBLE = 300 };

static double sigma[POINTS]; /* 80 to 0.002 by Karras' rule, then 0 */

static int make_grid(void **state)
{
        (void)state;
        for (int i = 0; i < POINTS - 1; i++)
                sigma[i] = pow(pow(80, 1 / 7.0) + i / (POINTS - 2.0) * (pow(0.002, 1 / 7.0) - pow(80, 1 / 7.0)), 7);
        sigma[POINTS - 1] = 0;
        return 0;
}

/* At sigma 1, where the mean has c = 1: d = c - 1. */
struct field_flow { struct field_lab *lab; struct time_grid *grid; };

static struct field_flow open_flow(const char *field, const char *sampler, int64_t n, size_t n_points)
{
        struct field_flow flow = {.lab = field_lab_open(field, sampler, n, 1, NULL)};
        static struct process process; /* outlives the grid */
        process = lab_process_edm();
        flow.grid = time_grid_create(&process, sigma, n_points);
        sampler_set_grid(flow.lab->sampler, flow.grid);
        field_lab_draw_white(flow.lab, 0, 6400);
        return flow;
}

static void go(struct field_flow *flow)
{
        const int64_t steps = (int64_t)flow->grid->n - 1;
        for (int64_t step = 0; step < steps; step += 7)
                assert_false(sampler_advance(flow->lab->sampler, flow->lab->population, flow->lab->level, 0, step,
                                             step + 7 < steps ? step + 7 : steps, &flow->lab->tally, NULL, NULL)
                                     .found);
}

static void close_flow(struct field_flow *flow)
{
        time_grid_free(flow->grid);
        field_lab_close(flow->lab);
}

static void copy_modes(void *owner, const struct mesh_block *block)
{
        memcpy((double *)owner + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof(double));
}

/* F x of the first field; the caller frees. */
static double *modes_of(const struct field_lab *lab)
{
        double *modes = allocate(2 * mesh_modes_here(lab->mesh), sizeof *modes);
        mesh_forward(lab->mesh, lab->population->x, copy_modes, modes);
        return modes;
}

/* Every mode against gain(d) times what it was, within `tolerance` of their root mean square. */
static void assert_modes(const char *what, const struct field_lab *lab, const double *start, const double *end,
                         long double (*gain)(int order, long double d), int order, double tolerance)
{
        double square = 0, n = 0, most = 0;
        for (int64_t block = 0; block < lab->mesh->n_blocks; block++) {
                struct mode mode;
                for (mode_begin(lab->mesh, block, &mode); mode_next(&mode);) {
                        const size_t i = (size_t)block * lab->mesh->block_modes + mode.index;
                        const long double factor = gain(order, mode.zero ? 0 : lab->c[i] - 1.0L);
                        for (size_t part = 2 * i; part < 2 * i + 2; part++) {
                                most = fmax(most, (double)fabsl(end[part] - factor * start[part]));
                                square += end[part] * end[part];
                                n++;
                        }
                }
        }
        if (!(most <= tolerance * sqrt(square / n)))
                fail_msg("%s: a mode is off by %g of the mean", what, most / sqrt(square / n));
}

static void check(const char *sampler, long double (*gain)(int order, long double d), int order, int64_t evaluations,
                  double tolerance)
{
        for (int i = 0; i < N_FIELDS; i++) {
                struct field_flow flow = open_flow(fields[i], sampler, 2, POINTS);
                double *start = modes_of(flow.lab);
                go(&flow);
                double *end = modes_of(flow.lab);
                const double used = (double)flow.lab->tally.evaluations / 2;
                if (evaluations > 0)
                        assert_true(used == (double)evaluations);
                assert_modes(sampler, flow.lab, start, end, gain, order,
                             evaluations > 0 ? tolerance : tolerance * used);
                free(start);
                free(end);
                close_flow(&flow);
        }
}

static long double gain_of_step(int order, long double d)
{
        return ode_gain(order == 1   ? ode_euler
                        : order == 2 ? ode_heun
                        : order == 4 ? ode_rk4
                                     : ode_exact,
                        d, sigma, POINTS);
}

static long double gain_of_dpm(int order, long double d)
{
        return ode_dpm_gain(order, false, d, sigma, POINTS);
}

/* 71 transforms there and back err by some 5e-16 of the root mean square each, of fields whose modes decay together;
 * those of the smallest d end 4 times below the mean. */
static void test_each_mode_is_multiplied_by_its_gain(void **state)
{
        (void)state;
        check("{type: probability_flow, method: euler}", gain_of_step, 1, 18, 1e-12);
        check("{type: probability_flow}", gain_of_step, 2, 35, 1e-12);
        check("{type: probability_flow, method: rk4}", gain_of_step, 4, 71, 1e-12);
        check("{type: dpm_solver, order: 1}", gain_of_dpm, 1, 18, 1e-12);
        check("{type: dpm_solver, order: 2}", gain_of_dpm, 2, 18, 1e-12);
        check("{type: dpm_solver, order: 3}", gain_of_dpm, 3, 18, 1e-12);
}

/* An inner step errs by tolerances of 1e-10 (1 + |x|), |x| below 5 deviations, which decay with the field but for the
 * 4 of the modes' spread: 21e-10 of the mean at the end, a sixth of it for each evaluation. */
static void test_dormand_prince_is_exact_for_each_mode_within_its_tolerance(void **state)
{
        (void)state;
        const char *controls[] = {"tile", "particle"}; /* the same: a field is one particle */
        for (int i = 0; i < 2; i++) {
                char text[200];
                snprintf(text, sizeof text,
                         "{type: probability_flow, method: dormand_prince, control: %s, relative_tolerance: 1e-10, "
                         "absolute_tolerance: 1e-10}",
                         controls[i]);
                check(text, gain_of_step, 5, 0, 21e-10 / 6);
        }
}

static double churned_variance(double c, const void *owner)
{
        (void)owner;
        const double d = c - 1;
        long double v = 6400;
        for (int i = 0; i + 2 < POINTS; i++) {
                const long double a = sigma[i],
                                  hat = a >= 0.05L && a <= 50 ? a * sqrtl(2) : a; /* 40/17 > sqrt(2) - 1 */
                const long double gain = ode_heun(d, hat, sigma[i + 1]);
                v = gain * gain * (v + 1.003L * 1.003L * (hat * hat - a * a));
        }
        return (double)v;
}

/* To 0.002, so that the mean keeps a width. */
static void test_churn_widens_each_mode_by_its_exact_variance(void **state)
{
        (void)state;
        for (int i = 0; i < N_FIELDS; i++) {
                struct field_flow flow = open_flow(fields[i],
                                                   "{type: edm_stochastic, s_churn: 40, s_min: 0.05, s_max: 50, "
                                                   "s_noise: 1.003}",
                                                   ENSEMBLE, POINTS - 1);
                go(&flow);
                assert_int_equal(flow.lab->tally.evaluations, ENSEMBLE * 34);
                field_assert_variances("churn", flow.lab, flow.lab->population->x, churned_variance, NULL);
                close_flow(&flow);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_mode_is_multiplied_by_its_gain),
                cmocka_unit_test(test_dormand_prince_is_exact_for_each_mode_within_its_tolerance),
                cmocka_unit_test(test_churn_widens_each_mode_by_its_exact_variance),
        };
        return cmocka_run_group_tests(tests, make_grid, NULL);
}
