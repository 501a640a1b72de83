/* What every score owes: the same claims, checked for each registered type at each of its levels.
 * Those on its draws are in test_score_draws.c. */
#include "score_fixture.h"

/* ---- derivatives ---- */

/* Central differences along coordinate k with two steps of Richardson's extrapolation, for a function
 * of n_out rows: from D(h), D(h/2), D(h/4) to order h^6. `spread` is the difference of the last two
 * estimates, which bounds the error left by truncation. Coordinates are multiples of 2^-30 and steps
 * powers of two, so that x + h and x - h are exact. */
typedef void tile_function(const void *level, const double *restrict x, double *restrict out);

static void differentiate(tile_function *f, const struct score_level *level, int64_t n_out, double *x, int64_t k,
                          const double *h, double *slope, double *spread)
{
        double *at[3][2], saved[LANES];
        memcpy(saved, x + k * LANES, sizeof saved);
        for (int r = 0; r < 3; r++)
                for (int side = 0; side < 2; side++) {
                        at[r][side] = new_tile(n_out);
                        for (int lane = 0; lane < LANES; lane++)
                                x[k * LANES + lane] = saved[lane] + (side ? -1 : 1) * ldexp(h[lane], -r);
                        f(level->state, x, at[r][side]);
                }
        memcpy(x + k * LANES, saved, sizeof saved);

        for (int64_t i = 0; i < n_out * LANES; i++) {
                double d[3];
                for (int r = 0; r < 3; r++)
                        d[r] = (at[r][0][i] - at[r][1][i]) / ldexp(h[i % LANES], 1 - r);
                const double first = (4 * d[1] - d[0]) / 3, second = (4 * d[2] - d[1]) / 3;
                slope[i] = (16 * second - first) / 15;
                spread[i] = fabs(second - first);
        }
        for (int r = 0; r < 3; r++)
                for (int side = 0; side < 2; side++)
                        free(at[r][side]);
}

/* 1/variance of a mixture's narrowest part: the Jacobian's terms are of this size, whatever their sum. */
static double steepest_part(const struct score_level *level)
{
        const struct score *score = level->score;
        if (!score->type->components)
                return 0;

        const size_t n_parts = score->type->n_modes ? score->type->n_modes(score->model) : 1;
        const size_t size = n_parts * (size_t)score->n_dim;
        double *weight = allocate(n_parts, sizeof(double)), *mean = allocate(2 * size, sizeof(double)),
               narrowest = INFINITY;
        score->type->components(score->model, weight, mean, mean + size);
        for (size_t i = 0; i < size; i++)
                narrowest = fmin(narrowest, mean[size + i] + level->sigma * level->sigma);
        free(weight);
        free(mean);
        return 1 / narrowest;
}

/* A tile of points on a grid of 2^-30, every other one pushed outwards, with what is seen from there. */
struct viewpoint {
        double *x, *score, *jacobian;
        double curvature[LANES]; /* the size of the Jacobian's terms: the score varies over 1/sqrt of it */
        double step[LANES];      /* a power of two below 1/16 of that length */
        double reach[LANES];     /* sum |x_i| |s_i|: how errors of x show in ln p */
        double rounding;         /* relative error of a sum over coordinates and components of some 32 operations */
};

static struct viewpoint viewpoint_open(const struct score_level *level)
{
        const struct score_type *type = level->score->type;
        const int64_t n = level->score->n_dim;
        const size_t n_parts = type->n_modes ? type->n_modes(level->score->model) : 1;
        struct viewpoint view = {.x = new_tile(n), .score = new_tile(n), .jacobian = new_tile(n * n),
                                 .rounding = (double)(n + (int64_t)n_parts + 32) * 0x1p-53};

        draw_noised(level->score, level->sigma, 0, view.x);
        for (int64_t k = 0; k < n * LANES; k++)
                view.x[k] = ldexp(rint(ldexp(view.x[k] * (k % 2 ? 1.25 : 1), 30)), -30);
        score_eval(level, view.x, view.score);
        type->jacobian(level->state, view.x, view.jacobian);
        const double steepest = steepest_part(level);
        for (int lane = 0; lane < LANES; lane++) {
                view.curvature[lane] = steepest;
                for (int64_t ij = 0; ij < n * n; ij++)
                        view.curvature[lane] = fmax(view.curvature[lane], fabs(view.jacobian[ij * LANES + lane]));
                view.step[lane] = ldexp(1, (int)floor(log2(1 / (16 * sqrt(view.curvature[lane])))));
                for (int64_t i = 0; i < n; i++)
                        view.reach[lane] += fabs(view.x[i * LANES + lane] * view.score[i * LANES + lane]);
        }
        return view;
}

static void viewpoint_close(struct viewpoint *view)
{
        free(view->x);
        free(view->score);
        free(view->jacobian);
}

/* Terms of this size, rounded, in a quotient by h/4 that enters with weight 64/45. */
static double rounded(const struct viewpoint *view, double size, double h)
{
        return view->rounding * size * (64.0 / 45) / (h / 4);
}

/* A tolerance that has grown beyond 2e-5 of what is compared would let errors pass: it fails, too. */
static void expect_close(const struct score_level *level, const char *what, double value, double wanted,
                         double tolerance, double size)
{
        expect_near(level, what, value, wanted, tolerance);
        expect(tolerance < 2e-5 * size, level, "the tolerance", tolerance, 0, 2e-5 * size);
}

static void score_is_gradient(const struct score_case *example, const struct score_level *level)
{
        (void)example;
        const int64_t n = level->score->n_dim;
        struct viewpoint view = viewpoint_open(level);
        double slope[LANES], spread[LANES], log_p[LANES];

        level->score->type->log_density(level->state, view.x, log_p);
        for (int64_t k = 0; k < n; k++) {
                differentiate(level->score->type->log_density, level, 1, view.x, k, view.step, slope, spread);
                for (int lane = 0; lane < LANES; lane++) {
                        const double h = view.step[lane];
                        const double size = fabs(log_p[lane]) + view.reach[lane] + (double)n * (1 + fabs(log(h)));
                        const double s = view.score[k * LANES + lane];
                        expect_close(level, "score", s, slope[lane], spread[lane] + rounded(&view, size, h),
                                     fabs(s) + sqrt(view.curvature[lane]));
                }
        }
        viewpoint_close(&view);
}

static void test_score_is_gradient_of_log_density(void **state)
{
        (void)state;
        for_every_level(score_is_gradient);
}

static void jacobian_is_derivative(const struct score_case *example, const struct score_level *level)
{
        (void)example;
        const int64_t n = level->score->n_dim;
        struct viewpoint view = viewpoint_open(level);
        double *slope = new_tile(n), *spread = new_tile(n);

        for (int64_t k = 0; k < n; k++) {
                differentiate(level->score->type->eval, level, n, view.x, k, view.step, slope, spread);
                for (int64_t i = 0; i < n; i++)
                        for (int lane = 0; lane < LANES; lane++) {
                                const double h = view.step[lane], s = view.score[i * LANES + lane];
                                double size = fabs(s) + (double)n * sqrt(view.curvature[lane]);
                                for (int64_t j = 0; j < n; j++)
                                        size += fabs(view.jacobian[(i * n + j) * LANES + lane] *
                                                     view.x[j * LANES + lane]);
                                expect_close(level, "Jacobian", view.jacobian[(i * n + k) * LANES + lane],
                                             slope[i * LANES + lane],
                                             spread[i * LANES + lane] + rounded(&view, size, h),
                                             s * s + view.curvature[lane]);
                        }
        }
        free(slope);
        free(spread);
        viewpoint_close(&view);
}

static void test_jacobian_is_derivative_of_score(void **state)
{
        (void)state;
        for_every_level(jacobian_is_derivative);
}

/* To rounding of the terms that both are sums of. */
static void jacobian_vector_is_the_product(const struct score_case *example, const struct score_level *level)
{
        (void)example;
        const int64_t n = level->score->n_dim;
        const struct rng_stream stream = {.seed = 21, .purpose = RNG_TEST};
        struct viewpoint view = viewpoint_open(level);
        double *v = new_tile(n), *product = new_tile(n);
        rng_normal(&stream, 0, n, v);

        score_jacobian_vector(level, view.x, v, product);
        for (int64_t i = 0; i < n; i++)
                for (int lane = 0; lane < LANES; lane++) {
                        double sum = 0, size = 0;
                        for (int64_t j = 0; j < n; j++) {
                                const double entry = view.jacobian[(i * n + j) * LANES + lane],
                                             s = view.score[i * LANES + lane] * view.score[j * LANES + lane];
                                sum += entry * v[j * LANES + lane];
                                size += (fabs(entry) + fabs(s) + view.curvature[lane]) * fabs(v[j * LANES + lane]);
                        }
                        expect_near(level, "Jacobian times v", product[i * LANES + lane], sum, view.rounding * size);
                }
        free(v);
        free(product);
        viewpoint_close(&view);
}

static void test_jacobian_vector_is_the_jacobian_times_the_vector(void **state)
{
        (void)state;
        for_every_level(jacobian_vector_is_the_product);
}

/* Both to rounding of the terms they are sums of. */
static void jacobian_is_symmetric_with_divergence_as_trace(const struct score_case *example,
                                                           const struct score_level *level)
{
        (void)example;
        const int64_t n = level->score->n_dim;
        struct viewpoint view = viewpoint_open(level);
        double div[LANES];

        level->score->type->divergence(level->state, view.x, div);
        for (int lane = 0; lane < LANES; lane++) {
                double trace = 0, size = (double)n * view.curvature[lane];
                for (int64_t i = 0; i < n; i++) {
                        const double entry = view.jacobian[(i * n + i) * LANES + lane],
                                     s = view.score[i * LANES + lane];
                        trace += entry;
                        size += fabs(entry) + s * s;
                }
                expect_near(level, "divergence", div[lane], trace, view.rounding * size);
                for (int64_t i = 0; i < n; i++)
                        for (int64_t j = 0; j < i; j++)
                                expect_near(level, "Jacobian", view.jacobian[(i * n + j) * LANES + lane],
                                            view.jacobian[(j * n + i) * LANES + lane], view.rounding * size);
        }
        viewpoint_close(&view);
}

static void test_jacobian_is_symmetric_and_divergence_is_its_trace(void **state)
{
        (void)state;
        for_every_level(jacobian_is_symmetric_with_divergence_as_trace);
}

/* ---- normalisation ---- */

/* A rectangle of t with a spacing that resolves p(x(t)): the trapezoidal rule is then exact to rounding
 * for densities that are analytic and fall off like Gaussians [Trefethen & Weideman 2014]. */
struct box {
        double low[2], high[2], spacing[2];
};

static struct box box_around(const struct score_case *example, const struct score_level *level)
{
        const struct score *score = level->score;
        const int64_t n = score->n_dim;
        struct box box;
        if (example->place) {
                for (int i = 0; i < 2; i++) {
                        box.low[i] = -example->reach;
                        box.high[i] = example->reach;
                        box.spacing[i] = example->spacing;
                }
                return box;
        }

        const size_t n_parts = score->type->n_modes ? score->type->n_modes(score->model) : 1;
        double *weight = allocate(n_parts, sizeof(double));
        double *centre = allocate(2 * n_parts * (size_t)n, sizeof(double)), *variance = centre + n_parts * (size_t)n;
        score->type->components(score->model, weight, centre, variance);
        for (int64_t i = 0; i < n; i++) {
                box.low[i] = box.spacing[i] = INFINITY;
                box.high[i] = -INFINITY;
                for (size_t k = 0; k < n_parts; k++) {
                        const double m = centre[k * (size_t)n + (size_t)i];
                        const double sd = sqrt(variance[k * (size_t)n + (size_t)i] + level->sigma * level->sigma);
                        box.low[i] = fmin(box.low[i], m - 8 * sd); /* 2e-15 of a part lies outside */
                        box.high[i] = fmax(box.high[i], m + 8 * sd);
                        box.spacing[i] = fmin(box.spacing[i], sd / 2); /* exp(-2 pi^2 2^2) is left out, see above */
                }
        }
        free(weight);
        free(centre);
        return box;
}

static void density_integrates_to_one(const struct score_case *example, const struct score_level *level)
{
        const int64_t n = level->score->n_dim;
        if (n > 2 || level->score->type->log_density_unnormalised)
                return;

        const struct box box = box_around(example, level);
        int64_t points[2] = {1, 1};
        double cell = 1, total = 0, *x = new_tile(n), log_p[LANES], log_volume[LANES] = {0};
        for (int64_t i = 0; i < n; i++) {
                points[i] = (int64_t)ceil((box.high[i] - box.low[i]) / box.spacing[i]) + 1;
                cell *= box.spacing[i];
        }

        int filled = 0;
        for (int64_t p = 0; p < points[0] * points[1]; p++) {
                const int64_t column = p % points[0], line = p / points[0];
                const double t[2] = {fma(box.spacing[0], (double)column, box.low[0]),
                                     n > 1 ? fma(box.spacing[1], (double)line, box.low[1]) : 0};
                double row[2] = {t[0], t[1]};
                if (example->place)
                        log_volume[filled] = example->place(n, t, row);
                for (int64_t i = 0; i < n; i++)
                        x[i * LANES + filled] = row[i];
                if (++filled < LANES && p + 1 < points[0] * points[1])
                        continue;
                level->score->type->log_density(level->state, x, log_p);
                for (int lane = 0; lane < filled; lane++)
                        total += cell * exp(log_p[lane] + log_volume[lane]);
                filled = 0;
        }
        expect_near(level, "the integral of p", total, 1, 1e-11); /* 10^5 terms rounded at 30 ulps of exp */
        free(x);
}

static void test_log_density_is_normalised(void **state)
{
        (void)state;
        for_every_level(density_integrates_to_one);
}

/* ---- robustness ---- */

static void score_is_finite(const struct score_case *example, const struct score_level *level)
{
        const int64_t n = level->score->n_dim;
        double *x = new_tile(n), *s = new_tile(n), log_p[LANES];

        for (int power = 2; power <= 8; power += 2) {
                for (int64_t k = 0; k < n * LANES; k++)
                        x[k] = pow(10, power) * sin((double)(7 * k % 1000));
                for (int lane = 0; lane < LANES && example->straighten == straighten_funnel; lane++)
                        x[lane] = fmax(x[lane], -600); /* e^-v stays below the largest double */
                score_eval(level, x, s);
                level->score->type->log_density(level->state, x, log_p);
                for (int64_t k = 0; k < n * LANES; k++) {
                        expect(isfinite(s[k]), level, "a far point's score", s[k], 0, 0);
                        expect(isfinite(log_p[k % LANES]), level, "a far point's ln p", log_p[k % LANES], 0, 0);
                }
        }
        free(x);
        free(s);
}

static void test_far_points_have_finite_scores(void **state)
{
        (void)state;
        for_every_level(score_is_finite);
}

static uint64_t bits_of(double value)
{
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        return bits;
}

/* The same point gives the same bits in another lane, whatever its neighbours hold. */
static void lanes_are_apart(const struct score_case *example, const struct score_level *level)
{
        (void)example;
        static const double poison[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 0};
        const struct score_type *type = level->score->type;
        const int64_t n = level->score->n_dim;
        double *x = new_tile(n), *moved = new_tile(n);
        double *here = new_tile(n + 2 + n * n), *there = new_tile(n + 2 + n * n);

        draw_noised(level->score, level->sigma, 1, x);
        for (int64_t i = 0; i < n; i++)
                for (int lane = 0; lane < LANES; lane++)
                        moved[i * LANES + (lane + 1) % LANES] = lane % 2 ? poison[(lane / 2) % 6] : x[i * LANES + lane];
        const double *tiles[2] = {x, moved};
        double *results[2] = {here, there};
        for (int side = 0; side < 2; side++) {
                type->eval(level->state, tiles[side], results[side]);
                type->log_density(level->state, tiles[side], results[side] + n * LANES);
                type->divergence(level->state, tiles[side], results[side] + (n + 1) * LANES);
                type->jacobian(level->state, tiles[side], results[side] + (n + 2) * LANES);
        }
        for (int64_t i = 0; i < n + 2 + n * n; i++)
                for (int lane = 0; lane < LANES; lane += 2) {
                        const double a = here[i * LANES + lane], b = there[i * LANES + lane + 1];
                        expect(bits_of(a) == bits_of(b), level, "another lane's value", b, a, 0);
                }
        free(x);
        free(moved);
        free(here);
        free(there);
}

static void test_a_particle_has_the_same_bits_in_any_lane_beside_any_neighbours(void **state)
{
        (void)state;
        for_every_level(lanes_are_apart);
}

static void test_every_registered_score_is_among_the_cases(void **state)
{
        (void)state;
        struct param_variant variant;
        for (size_t i = 0; score_variant(i, &variant); i++) {
                const struct score_type *type = variant.type;
                /* fields, scores of scores and scores of files have tests of their own */
                bool found = type->mesh || type->composite || type->open;
                for (size_t k = 0; k < sizeof score_cases / sizeof score_cases[0]; k++) {
                        char *text = score_cases[k].write ? score_cases[k].write() : copy_text(score_cases[k].text);
                        char *line = format_text("type: %s\n", variant.name);
                        found = found || strncmp(text, line, strlen(line)) == 0;
                        free(text);
                        free(line);
                }
                if (!found)
                        fail_msg("no case for score %s", variant.name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_registered_score_is_among_the_cases),
                cmocka_unit_test(test_score_is_gradient_of_log_density),
                cmocka_unit_test(test_jacobian_is_derivative_of_score),
                cmocka_unit_test(test_jacobian_vector_is_the_jacobian_times_the_vector),
                cmocka_unit_test(test_jacobian_is_symmetric_and_divergence_is_its_trace),
                cmocka_unit_test(test_log_density_is_normalised),
                cmocka_unit_test(test_far_points_have_finite_scores),
                cmocka_unit_test(test_a_particle_has_the_same_bits_in_any_lane_beside_any_neighbours),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
