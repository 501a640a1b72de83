/* The adaptive reverse SDE: step for step its equations; the law and, path by path, the solution of the linear SDE as
 * tolerances go to 0; one path whatever is refused; bits that do not depend on lanes, tiles or stretches.
 *
 * On N(0, d) with P = alpha^2 (d + sigma^2) the reverse SDE is linear, and since g^2/P = P'/P - 2 f, over a to b
 *
 *     x_b = G_a x_a + int G_t g dW,   G_t = (P_b/P_t) (alpha_t/alpha_b),   var x_b = G_a^2 (var x_a - P_a) + P_b. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adaptive_lab.h"
#include "lab_input.h"

static const double Z_LIMIT = 5.85;

static const struct process *edm(void)
{
        static struct process process;
        process = lab_process_edm();
        return &process;
}

/* B at a point of a tree, one coordinate. */
static double brownian_at(uint64_t seed, uint64_t particle, uint32_t tree, uint32_t at, int64_t j)
{
        enum { MOST = 4 };
        double scratch[4][MOST * LANES];
        struct brownian_places places = {.seed = seed};
        places.particle[0] = particle;
        places.tree[0] = tree;
        places.at[0] = at;
        brownian_lanes(&places, MOST, scratch[0], scratch[1], scratch[2], scratch[3]);
        return scratch[3][j * LANES];
}

/* ---- the algorithm, written down for one particle of two coordinates ---- */

enum { DIM = 2 };

struct walk {
        double x[DIM], previous[DIM], length;
        int tries, refused;
        double first; /* the length of the first step that was accepted */
};

static void walk_step(const struct adaptive_lab *lab, int64_t particle, int64_t k, double a, double b, uint32_t at,
                      uint32_t end, const struct walk *walk, double *x_1, double *x_2)
{
        const struct process *process = lab->grid->process;
        const double h = a - b, root = sqrt(lab->grid->point[k].time - lab->grid->point[k + 1].time);
        for (int j = 0; j < DIM; j++) {
                const double w = root * (brownian_at(lab->sampler->seed, (uint64_t)particle, (uint32_t)k, end, j) -
                                         brownian_at(lab->sampler->seed, (uint64_t)particle, (uint32_t)k, at, j));
                double x[2] = {walk->x[j], 0}, t[2] = {a, b}, moved[2];
                for (int i = 0; i < 2; i++) {
                        const double alpha = process->type->scale(NULL, t[i]), sigma = process->type->sigma(NULL, t[i]);
                        const double g2 = process->type->diffusion_squared(NULL, t[i]);
                        const double s = -x[i] / (alpha * alpha * (lab->model.variance + sigma * sigma));
                        moved[i] = walk->x[j] - h * process->type->drift(NULL, t[i]) * x[i] + h * g2 * s + sqrt(g2) * w;
                        x[1] = moved[i];
                }
                x_1[j] = moved[0];
                x_2[j] = (moved[0] + moved[1]) / 2;
        }
}

static double walk_error(const struct adaptive_sde *settings, const struct walk *walk, const double *x_1,
                         const double *x_2)
{
        double square = 0, largest = 0;
        for (int j = 0; j < DIM; j++) {
                const double size = fmax(fabs(x_1[j]), fabs(walk->previous[j]));
                const double error = fabs(x_1[j] - x_2[j]) /
                                     fmax(settings->absolute_tolerance, settings->relative_tolerance * size);
                square += error * error / DIM;
                largest = fmax(largest, error);
        }
        return settings->norm == NORM_MAX ? largest : sqrt(square);
}

static void walk_along(const struct adaptive_lab *lab, int64_t particle, struct walk *walk)
{
        const struct adaptive_sde *settings = adaptive_lab_settings(lab);
        const struct time_grid *grid = lab->grid;
        for (int64_t k = 0; k + 1 < (int64_t)grid->n; k++) {
                const double t_a = grid->point[k].time, duration = t_a - grid->point[k + 1].time;
                for (uint32_t at = 0; at < BROWNIAN_END;) {
                        const uint32_t end = adaptive_sde_end(walk->length, duration, at);
                        const double a = t_a - duration * at / BROWNIAN_END, b = t_a - duration * end / BROWNIAN_END;
                        double x_1[DIM], x_2[DIM];
                        walk_step(lab, particle, k, a, b, at, end, walk, x_1, x_2);
                        const double error = walk_error(settings, walk, x_1, x_2);
                        const bool cut = end == BROWNIAN_END && a - b < walk->length;
                        walk->tries++;
                        if (error <= 1) {
                                if (walk->first == 0)
                                        walk->first = walk->length;
                                memcpy(walk->x, x_2, sizeof x_2);
                                memcpy(walk->previous, x_1, sizeof x_1);
                                at = end;
                        } else {
                                walk->refused++;
                        }
                        if (!(error <= 1 && cut))
                                walk->length = fmin(settings->safety * (a - b) * pow(error, -settings->exponent),
                                                    grid->point[0].time - grid->point[grid->n - 1].time);
                }
        }
}

static void begin_walk(const struct adaptive_lab *lab, int64_t particle, struct walk *walk)
{
        *walk = (struct walk){.length = adaptive_lab_settings(lab)->first_step *
                                        (lab->grid->point[0].time - lab->grid->point[lab->grid->n - 1].time)};
        for (int j = 0; j < DIM; j++)
                walk->x[j] = walk->previous[j] = adaptive_lab_x(lab, particle, j);
}

/* The lengths of steps are rounded to 2^-2 of themselves, so that rounding errors, which grow in some hundred steps to
 * 10^-13, do not change where steps end but by chance; the seed is one of no such chance. */
static void expect_walks(const char *text, const struct process *process, bool may_refuse)
{
        const double sigma[] = {10, 3, 0.9, 0.05};
        enum { N = 100 };
        struct adaptive_lab *lab = adaptive_lab_open(text, process, sigma, 4, N, DIM, 0.25);
        adaptive_lab_draw(lab, process->type == &lab_process_type ? 1 : 100, NULL);
        struct walk walk[N];
        int tries = 0, refused = 0;
        for (int64_t p = 0; p < N; p++)
                begin_walk(lab, p, &walk[p]);
        assert_false(adaptive_lab_advance(lab, 0, 3).found);
        for (int64_t p = 0; p < N; p++) {
                walk_along(lab, p, &walk[p]);
                tries += walk[p].tries;
                refused += walk[p].refused;
                assert_true(adaptive_lab_evaluations(lab, p) == 2 * walk[p].tries);
                for (int j = 0; j < DIM; j++)
                        if (!(fabs(walk[p].x[j] - adaptive_lab_x(lab, p, j)) <= 1e-12 * (1 + fabs(walk[p].x[j]))))
                                fail_msg("particle %d: %.17g, wanted %.17g", (int)p, adaptive_lab_x(lab, p, j),
                                         walk[p].x[j]);
        }
        assert_true(lab->tally.evaluations == 2 * tries);
        assert_true(!may_refuse || refused > N / 2);
        adaptive_lab_close(lab);
}

static void test_every_particle_follows_the_equations(void **state)
{
        (void)state;
        expect_walks("relative_tolerance: 0.05\nabsolute_tolerance: 0.02\nfirst_step: 0.3", edm(), true);
        expect_walks("relative_tolerance: 0.05\nabsolute_tolerance: 0.02\nfirst_step: 0.3", &lab_process, true);
        expect_walks("norm: max\nrelative_tolerance: 0.02\nabsolute_tolerance: 0.2\nsafety: 0.7\nexponent: 0.6",
                     &lab_process, false);
}

/* A run whose first step is refused, and one that begins with the length that is accepted in the end. */
static void test_a_step_that_is_refused_is_tried_again_on_the_same_path(void **state)
{
        (void)state;
        const double sigma[] = {10, 0.05};
        const char *text = "first_step: %.17g\nabsolute_tolerance: 0.01";
        char first[100];
        snprintf(first, sizeof first, text, 1.0);
        struct adaptive_lab *refused = adaptive_lab_open(first, &lab_process, sigma, 2, 1, DIM, 0.25);
        adaptive_lab_draw(refused, 1, NULL);
        struct walk walk;
        begin_walk(refused, 0, &walk);
        walk_along(refused, 0, &walk);
        assert_false(adaptive_lab_advance(refused, 0, 1).found);

        const double whole = refused->grid->point[0].time - refused->grid->point[1].time;
        assert_true(walk.first < 0.5 * whole);
        snprintf(first, sizeof first, text, walk.first / whole);
        struct adaptive_lab *forced = adaptive_lab_open(first, &lab_process, sigma, 2, 1, DIM, 0.25);
        adaptive_lab_draw(forced, 1, NULL);
        assert_false(adaptive_lab_advance(forced, 0, 1).found);
        for (int j = 0; j < DIM; j++)
                assert_true(adaptive_lab_x(forced, 0, j) == adaptive_lab_x(refused, 0, j));
        assert_true(adaptive_lab_evaluations(forced, 0) < adaptive_lab_evaluations(refused, 0));
        adaptive_lab_close(refused);
        adaptive_lab_close(forced);
}

/* ---- the exact answers ---- */

static double marginal(const struct process *process, double d, double t)
{
        const double alpha = process->type->scale(NULL, t), sigma = process->type->sigma(NULL, t);
        return alpha * alpha * (d + sigma * sigma);
}

static double gain(const struct process *process, double d, double t, double t_b)
{
        return marginal(process, d, t_b) / marginal(process, d, t) * process->type->scale(NULL, t) /
               process->type->scale(NULL, t_b);
}

/* 51,200 coordinates show a relative error of the variance of 3.7% (at 5.85 deviations), of 0.6% at one; the solver's
 * own is far below, as the next test shows. The prior is not the marginal, so that the gain matters. */
static void test_the_variance_is_that_of_the_reverse_sde(void **state)
{
        (void)state;
        const double sigma[] = {3, 1, 0.3, 0.05}, d = 0.25;
        enum { N = 25600 };
        const struct process *processes[] = {edm(), &lab_process};
        for (int k = 0; k < 2; k++) {
                const struct process *process = processes[k];
                struct adaptive_lab *lab = adaptive_lab_open("relative_tolerance: 0.01\nabsolute_tolerance: 0.001",
                                                             process, sigma, 4, N, DIM, d);
                const double t_a = lab->grid->point[0].time, t_b = lab->grid->point[3].time;
                const double p_a = marginal(process, d, t_a), g = gain(process, d, t_a, t_b), v_a = 400 * p_a;
                adaptive_lab_draw(lab, v_a, NULL);
                assert_false(adaptive_lab_advance(lab, 0, 3).found);
                const double wanted = g * g * (v_a - p_a) + marginal(process, d, t_b);
                double sum = 0;
                for (int64_t p = 0; p < N; p++)
                        for (int j = 0; j < DIM; j++)
                                sum += adaptive_lab_x(lab, p, j) * adaptive_lab_x(lab, p, j) / wanted;
                const double z = (sum - DIM * N) / sqrt(2.0 * DIM * N);
                if (!(fabs(z) < Z_LIMIT))
                        fail_msg("%s: z = %.2f", process->type->name, z);
                adaptive_lab_close(lab);
        }
}

/* x_b of every coordinate of 64 particles, exactly but for what the paths do between 2^11 points: int G g dW is the sum
 * of mean values of G g times increments, wrong by (1/12 int (d(G g)/dt)^2 dt)^(1/2) 2^-11 (t_a - t_b), about 3
 * 10^-4. */
static void exact_paths(const struct adaptive_lab *lab, uint64_t first, const double *x_a, double *x_b)
{
        enum { POINTS = 2048, MOST = 16 };
        const struct process *process = lab->grid->process;
        const double t_a = lab->grid->point[0].time, t_b = lab->grid->point[1].time, d = lab->model.variance;
        const size_t size = (size_t)lab->score.n_dim * LANES;
        double b[2][MOST * LANES] = {{0}}, scratch[3][MOST * LANES], weight[2] = {0};
        for (size_t i = 0; i < size; i++)
                x_b[i] = gain(process, d, t_a, t_b) * x_a[i];
        for (uint32_t k = 0; k <= POINTS; k++) {
                struct brownian_places places = {.seed = lab->sampler->seed};
                for (uint32_t lane = 0; lane < LANES; lane++) {
                        places.particle[lane] = first + lane;
                        places.at[lane] = k * (BROWNIAN_END / POINTS);
                }
                brownian_lanes(&places, lab->score.n_dim, scratch[0], scratch[1], scratch[2], b[k % 2]);
                const double t = t_a - (t_a - t_b) * k / POINTS;
                weight[k % 2] = gain(process, d, t, t_b) *
                                sqrt(process->type->diffusion_squared(NULL, t) * (t_a - t_b));
                for (size_t i = 0; k > 0 && i < size; i++)
                        x_b[i] += (weight[0] + weight[1]) / 2 * (b[k % 2][i] - b[(k + 1) % 2][i]);
        }
}

struct accuracy { double evaluations, error; };

/* Evaluations a particle, and the root mean square error over the paths of 2048 coordinates. */
static struct accuracy path_accuracy(int64_t n_dim, double tolerance)
{
        enum { ALL = 2048 };
        const int64_t n = ALL / n_dim;
        const double sigma[] = {3, 0.3}, d = 0.25;
        char text[100];
        snprintf(text, sizeof text, "relative_tolerance: 1e-12\nabsolute_tolerance: %g", tolerance);
        struct adaptive_lab *lab = adaptive_lab_open(text, &lab_process, sigma, 2, n, n_dim, d);
        adaptive_lab_draw(lab, 1, NULL);
        double wanted[ALL], square = 0;
        for (size_t t = 0; t < lab->population->n_tiles; t++)
                exact_paths(lab, t * LANES, population_tile(lab->population, t),
                            wanted + t * lab->population->tile_size);
        assert_false(adaptive_lab_advance(lab, 0, 1).found);
        for (size_t i = 0; i < ALL; i++)
                square += pow(lab->population->x[i] - wanted[i], 2) / ALL;
        const struct accuracy accuracy = {(double)lab->tally.evaluations / (double)n, sqrt(square)};
        adaptive_lab_close(lab);
        return accuracy;
}

/* Strong order 1, of many coordinates, whose mean error is a fair judge: the error falls as the number of steps grows.
 * A root mean square of 2048 nearly independent errors is known to 2%, an order between steps a factor 3 apart to 3%;
 * the next order's terms are larger, and 10% is left for both. A single coordinate now and then has a small error by
 * chance and takes a step that is too long: it converges too, but more slowly than its steps. */
static void test_paths_converge_to_the_exact_solution(void **state)
{
        (void)state;
        const int64_t n_dim[] = {16, 1};
        const double least[] = {0.9, 0.5};
        for (int i = 0; i < 2; i++) {
                struct accuracy before = path_accuracy(n_dim[i], 0.1);
                for (int k = 1; k <= 2; k++) {
                        const struct accuracy now = path_accuracy(n_dim[i], 0.1 * pow(0.1, k));
                        const double order = log(before.error / now.error) / log(now.evaluations / before.evaluations);
                        print_message("%d coordinates: %.1f evaluations, error %.4g; %.1f, %.4g: order %.3f\n",
                                      (int)n_dim[i], before.evaluations, before.error, now.evaluations, now.error,
                                      order);
                        assert_true(order > least[i]);
                        before = now;
                }
                assert_true(before.error < 0.02);
        }
}

/* ---- bits ---- */

static struct adaptive_lab *bits_lab(int64_t n)
{
        const double sigma[] = {10, 5, 2, 1, 0.3, 0.05};
        struct adaptive_lab *lab = adaptive_lab_open("first_step: 0.2", &lab_process, sigma, 6, n, DIM, 0.25);
        adaptive_lab_draw(lab, 1, NULL);
        return lab;
}

static void expect_same(const struct adaptive_lab *a, const struct adaptive_lab *b, int64_t n)
{
        for (int64_t p = 0; p < n; p++) {
                assert_true(adaptive_lab_evaluations(a, p) == adaptive_lab_evaluations(b, p));
                for (int j = 0; j < DIM; j++)
                        assert_true(adaptive_lab_x(a, p, j) == adaptive_lab_x(b, p, j));
        }
}

static void test_particles_have_their_bits_whoever_is_beside_them(void **state)
{
        (void)state;
        struct adaptive_lab *many = bits_lab(700), *few = bits_lab(131), *one = bits_lab(1);
        adaptive_lab_advance(many, 0, 5);
        adaptive_lab_advance(few, 0, 5);
        adaptive_lab_advance(one, 0, 5);
        expect_same(many, few, 131);
        expect_same(many, one, 1);
        adaptive_lab_close(many);
        adaptive_lab_close(few);
        adaptive_lab_close(one);
}

static void test_stretches_may_be_cut_anywhere(void **state)
{
        (void)state;
        struct adaptive_lab *whole = bits_lab(200), *cut = bits_lab(200);
        adaptive_lab_advance(whole, 0, 5);
        adaptive_lab_advance(cut, 0, 1);
        adaptive_lab_advance(cut, 1, 4);
        adaptive_lab_advance(cut, 4, 5);
        expect_same(whole, cut, 200);
        assert_memory_equal(whole->population->memory, cut->population->memory,
                            whole->population->n_tiles * whole->population->n_memory * sizeof(double));
        assert_int_equal(whole->tally.evaluations, cut->tally.evaluations);
        adaptive_lab_close(whole);
        adaptive_lab_close(cut);
}

/* ---- what cannot be ---- */

static bool tagged_70(int64_t particle)
{
        return particle == 70 || particle == 90;
}

/* No score below sigma 1.5: a step from 2 to 1 is where it is missed; other particles arrive. */
static void test_a_particle_without_a_score_is_named_with_its_step(void **state)
{
        (void)state;
        struct adaptive_lab *lab = bits_lab(200), *good = bits_lab(200);
        lab->model.nan_below = 1.5;
        adaptive_lab_draw(lab, 1, tagged_70);
        const struct breakdown breakdown = adaptive_lab_advance(lab, 0, 5);
        assert_true(breakdown.found);
        assert_int_equal(breakdown.particle, 70);
        assert_int_equal(breakdown.step, 2);
        assert_true(isnan(adaptive_lab_x(lab, 70, 0)) && isnan(adaptive_lab_x(lab, 90, 1)));
        adaptive_lab_advance(good, 0, 5);
        for (int64_t p = 0; p < 200; p++)
                assert_true(tagged_70(p) || adaptive_lab_x(lab, p, 0) == adaptive_lab_x(good, p, 0));
        adaptive_lab_close(lab);
        adaptive_lab_close(good);
}

/* Those that have crossed the time step do not care how often they tried. */
static void test_a_particle_gives_up_after_so_many_tries(void **state)
{
        (void)state;
        const double most = ADAPTIVE_SDE_MAX_TRIES;
        for (int accepted = 0; accepted < 2; accepted++)
                for (int arrives = 0; arrives < 2; arrives++) {
                        assert_false(adaptive_sde_hopeless(accepted, arrives, 2, most - 1));
                        assert_int_equal(adaptive_sde_hopeless(accepted, arrives, 2, most), !(accepted && arrives));
                        assert_int_equal(adaptive_sde_hopeless(accepted, arrives, 1, 3), !accepted);
                }
}

static double never_clean(const void *settings, double t)
{
        (void)settings;
        return 0.01 + t;
}

static const char *nowhere(const void *model, double sigma)
{
        (void)model;
        return sigma == 0 ? "a point has no density" : NULL;
}

static void test_grids_that_cannot_be_are_refused(void **state)
{
        (void)state;
        struct score_type sharp = lab_score_type;
        sharp.undefined_at = nowhere;
        const struct score score = {.type = &lab_score_type}, points = {.type = &sharp};
        const double sigma[] = {10, 1, 0};
        struct process_type exploding = lab_process_type;
        exploding.sigma = never_clean;
        const struct process process = {.type = &exploding};
        struct time_grid *clean = time_grid_create(&lab_process, sigma, 3),
                         *never = time_grid_create(&process, sigma, 3);
        assert_null(scheme_adaptive_sde.unfit(NULL, clean, &score));
        assert_non_null(strstr(scheme_adaptive_sde.unfit(NULL, never, &score), "denoise: true"));
        assert_non_null(strstr(scheme_adaptive_sde.unfit(NULL, clean, &points), "denoise: true"));
        clean->n = never->n = 2;
        assert_null(scheme_adaptive_sde.unfit(NULL, clean, &points));
        assert_null(scheme_adaptive_sde.unfit(NULL, never, &score));
        clean->n = never->n = 3;
        struct time_grid many = {.process = &lab_process, .n = (size_t)BROWNIAN_MAX_TREES + 1};
        many.point = allocate(many.n + 1, sizeof *many.point);
        assert_null(scheme_adaptive_sde.unfit(NULL, &many, &score));
        many.n++;
        assert_non_null(scheme_adaptive_sde.unfit(NULL, &many, &score));
        free(many.point);
        time_grid_free(clean);
        time_grid_free(never);
}

/* Steps end inside the time step at points with at most three leading digits, and never before they begin. */
static void test_steps_end_where_few_nodes_lie(void **state)
{
        (void)state;
        assert_int_equal(adaptive_sde_end(0.5, 1, 0), BROWNIAN_END / 2);
        assert_int_equal(adaptive_sde_end(1.5, 1, 0), BROWNIAN_END);
        assert_int_equal(adaptive_sde_end(0.995, 1, 0), BROWNIAN_END);
        assert_int_equal(adaptive_sde_end(1e-30, 1, 77), 78);
        for (int i = 0; i < 1000; i++) {
                const double length = pow(10, -8.0 * i / 1000);
                const uint32_t at = (uint32_t)(i * 999983) % BROWNIAN_END, end = adaptive_sde_end(length, 1, at);
                const double taken = (double)(end - at) / (double)BROWNIAN_END;
                assert_true(end > at && end <= BROWNIAN_END);
                assert_true(end == BROWNIAN_END || (taken <= length && taken > 0.7 * length));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_particle_follows_the_equations),
                cmocka_unit_test(test_a_step_that_is_refused_is_tried_again_on_the_same_path),
                cmocka_unit_test(test_the_variance_is_that_of_the_reverse_sde),
                cmocka_unit_test(test_paths_converge_to_the_exact_solution),
                cmocka_unit_test(test_particles_have_their_bits_whoever_is_beside_them),
                cmocka_unit_test(test_stretches_may_be_cut_anywhere),
                cmocka_unit_test(test_a_particle_without_a_score_is_named_with_its_step),
                cmocka_unit_test(test_a_particle_gives_up_after_so_many_tries),
                cmocka_unit_test(test_grids_that_cannot_be_are_refused),
                cmocka_unit_test(test_steps_end_where_few_nodes_lie),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
