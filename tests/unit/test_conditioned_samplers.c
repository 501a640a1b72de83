/* Reverse samplers with conditioned scores, and inpainting: on Gaussians every one is linear, and its biased answer is
 * a product of gains. The numbers of docs/conditioning.md are these. */
#include "sampler/diffusion.h"
#include "sampler_lab.h"
#include "score_fixture.h"

#define MOST_STEPS 64

/* ---- a reverse sampler on a score, from N(0, sigma_max^2) ---- */

struct flow {
        struct score_fixture target;
        struct sampler_settings settings;
        struct sampler *sampler;
        struct process process;
        struct time_grid *grid;
        struct population *population;
        struct score_level *level;
        double *start; /* x/alpha at the beginning */
        struct tally tally;
};

/* Two processes of t = sigma: scale 1, and 1/sqrt(1 + sigma^2), by which variances are preserved. */
static double same(const void *settings, double t)
{
        (void)settings;
        return t;
}

static double no_scale(const void *settings, double t)
{
        (void)settings;
        (void)t;
        return 1;
}

static double preserving_scale(const void *settings, double t)
{
        (void)settings;
        return 1 / sqrt(1 + t * t);
}

static const struct process_type plain = {.name = "plain", .scale = no_scale, .sigma = same, .time = same};
static const struct process_type preserving = {
        .name = "preserving", .scale = preserving_scale, .sigma = same, .time = same};

static void read_table(const char *text, const struct param *rows, void *settings)
{
        struct input *input = lab_read(text, rows, settings);
        input_free(input);
}

static size_t flow_size(const struct flow *flow)
{
        return flow->population->n_tiles * flow->population->tile_size;
}

static struct flow *flow_open(const char *score, const char *sampler, const struct process_type *process,
                              const double *sigma, size_t n, int64_t particles)
{
        struct flow *flow = allocate(1, sizeof *flow);
        score_fixture_open(&flow->target, score);
        read_table(sampler, sampler_params, &flow->settings);
        flow->process = (struct process){process, NULL};
        flow->grid = time_grid_create(&flow->process, sigma, n);
        flow->sampler = sampler_create(&flow->settings, NAN, sigma[n - 1], 11);
        sampler_set_grid(flow->sampler, flow->grid);
        flow->population = population_create(particles, flow->target.n_dim, false,
                                             scheme_n_memory(flow->sampler->scheme));
        flow->level = score_level_create_scaled(flow->target.score, sigma[0], flow->grid->point[0].scale);
        flow->start = allocate(flow_size(flow), sizeof(double));
        const struct rng_stream stream = {.seed = 77, .purpose = RNG_TEST};
        for (size_t t = 0; t < flow->population->n_tiles; t++)
                rng_normal(&stream, t * LANES, flow->target.n_dim, flow->start + t * flow->population->tile_size);
        for (size_t i = 0; i < flow_size(flow); i++) {
                flow->start[i] *= sigma[0];
                flow->population->x[i] = flow->grid->point[0].scale * flow->start[i];
        }
        return flow;
}

static void flow_advance(struct flow *flow, int64_t begin, int64_t end)
{
        assert_false(
                sampler_advance(flow->sampler, flow->population, flow->level, 0, begin, end, &flow->tally, NULL, NULL)
                        .found);
}

static void flow_close(struct flow *flow)
{
        score_level_free(flow->level);
        population_free(flow->population);
        sampler_free(flow->sampler);
        time_grid_free(flow->grid);
        params_release(sampler_params, &flow->settings);
        score_fixture_close(&flow->target);
        free(flow->start);
        free(flow);
}

/* rho = 7, then 0: n steps. */
static void karras(double largest, double least, int n, double *sigma)
{
        for (int i = 0; i < n; i++)
                sigma[i] = pow(pow(largest, 1.0 / 7) + i / (n - 1.0) * (pow(least, 1.0 / 7) - pow(largest, 1.0 / 7)),
                               7);
        sigma[n] = 0;
}

/* ---- one coordinate: s = q - p x ---- */

struct line { double p, q; };
typedef struct line line_at(double sigma);

static const double D = 1, Y = 1, NOISE = 0.25; /* prior N(0, D); y = x_0 + n, n ~ N(0, NOISE) */

static struct line exact_line(double sigma)
{
        const double v = D * NOISE / (D + NOISE), m = D * Y / (D + NOISE);
        return (struct line){1 / (v + sigma * sigma), m / (v + sigma * sigma)};
}

static struct line guess_line(double sigma, double spread, double scale)
{
        const double gain = D / (D + sigma * sigma), weight = scale * gain / (NOISE + spread);
        return (struct line){1 / (D + sigma * sigma) + weight * gain, weight * Y};
}

static struct line pigdm_line(double sigma) /* v = 0.3, not D */
{
        return guess_line(sigma, 0.3 * sigma * sigma / (0.3 + sigma * sigma), 1);
}

static struct line dps_line(double sigma)
{
        return guess_line(sigma, 0, 1);
}

static struct line mixed_line(double sigma) /* w = 1, variances 1 and 4, means 1 and -1 */
{
        const double c = 1 / (1 + sigma * sigma), u = 1 / (4 + sigma * sigma);
        return (struct line){2 * c - u, 2 * c + u};
}

static struct line tempered_line(double sigma) /* beta = 2, variance 1 */
{
        return (struct line){2 / (1 + sigma * sigma), 0};
}

/* x -> gain x + shift, of Euler's steps */
static struct line product(line_at *line, const double *sigma, int n)
{
        struct line all = {1, 0};
        for (int i = 0; i < n; i++) {
                const struct line here = line(sigma[i]);
                const double h = (sigma[i + 1] - sigma[i]) * sigma[i];
                all = (struct line){all.p * (1 + h * here.p), all.q + h * (here.p * all.q - here.q)};
        }
        return all;
}

/* mean and variance of what the ODE itself makes of N(0, sigma_max^2): Euler's with very many steps. */
struct outcome { double mean, variance; };

static struct outcome limit(line_at *line)
{
        enum { FINE = 200000 };
        double *sigma = allocate(FINE + 1, sizeof *sigma);
        karras(1e4, 1e-4, FINE, sigma);
        const struct line all = product(line, sigma, FINE);
        free(sigma);
        return (struct outcome){all.q, all.p * all.p * 1e8};
}

#define GUIDED                                                                                                         \
        "type: guided\nprior: {type: gaussian, mean: 0, sigma: 1}\nlikelihood: {observed: 0, data: 1, noise: 0.5}\n"

static const struct case_1 {
        const char *text;
        line_at *line;
        struct outcome found; /* what comes out: docs/conditioning.md, beside what was meant */
} cases[] = {
        {GUIDED, exact_line, {0.8, 0.2}},
        {GUIDED "method: pigdm\nprior_variance: 0.3\n", pigdm_line, {1.0523, 0.1035}},
        {GUIDED "method: dps\n", dps_line, {1.2799, 0.0183}},
        {"type: mixed\nweight: 1\nconditional: {type: gaussian, mean: 1, sigma: 1}\n"
         "unconditional: {type: gaussian, mean: -1, sigma: 2}\n",
         mixed_line,
         {1.7602, 0.25}},
        {"type: tempered\ninverse_temperature: 2\ntarget: {type: gaussian, mean: 0, sigma: 1}\n",
         tempered_line,
         {0, 0}},
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* Gains are products of 33 factors, each good to a few roundings. */
static void test_each_particle_is_multiplied_by_the_gains_of_its_score(void **state)
{
        (void)state;
        enum { STEPS = 32 };
        double sigma[STEPS + 1];
        karras(20, 0.01, STEPS, sigma);
        for (int c = 0; c < N_CASES; c++) {
                struct flow *flow = flow_open(cases[c].text, "{type: probability_flow, method: euler}", &plain, sigma,
                                              STEPS + 1, 100);
                const struct line all = product(cases[c].line, sigma, STEPS);
                flow_advance(flow, 0, STEPS);
                for (size_t i = 0; i < flow_size(flow); i++) {
                        const double wanted = fma(all.p, flow->start[i], all.q);
                        assert_true(fabs(flow->population->x[i] - wanted) < 1e-12 * (fabs(all.p * flow->start[i]) + 2));
                }
                flow_close(flow);
        }
}

static void test_the_biases_are_those_of_the_documentation(void **state)
{
        (void)state;
        for (int c = 0; c < N_CASES; c++) {
                const struct outcome found = limit(cases[c].line);
                assert_true(fabs(found.mean - cases[c].found.mean) < 1e-4);
                assert_true(fabs(found.variance - cases[c].found.variance) < 1e-4);
        }
}

/* ---- inpainting: of N(0, S), S = ((1, R), (R, 1)), coordinate 0 is known to be y ---- */

static const double R = 0.8, KNOWN = 1;
#define PAIR "type: gaussian\nmean: [0, 0]\ncovariance: [[1, 0.8], [0.8, 1]]\n"

struct moments { double mean[2], c00, c01, c11; };

/* Euler's step: x <- x + h sigma (S + sigma^2)^-1 x; then coordinate 0 is known, with noise afresh. */
static void step_and_put_back(struct moments *m, double sigma, double to)
{
        const double h = (to - sigma) * sigma, d = 1 + sigma * sigma, det = d * d - R * R;
        const double a = 1 + h * d / det, b = -h * R / det;
        const struct moments old = *m;
        m->mean[1] = a * old.mean[1] + b * old.mean[0];
        m->c11 = a * a * old.c11 + 2 * a * b * old.c01 + b * b * old.c00;
        m->mean[0] = KNOWN;
        m->c00 = to * to;
        m->c01 = 0;
}

static struct moments inpainted(const double *sigma, int n, int resample)
{
        struct moments m = {{0, 0}, sigma[0] * sigma[0], 0, sigma[0] * sigma[0]};
        for (int i = 0; i < n; i++)
                for (int u = 0; u < (sigma[i + 1] > 0 ? resample : 1); u++) {
                        const double again = u > 0 ? sigma[i] * sigma[i] - sigma[i + 1] * sigma[i + 1] : 0;
                        m.c00 += again;
                        m.c11 += again;
                        step_and_put_back(&m, sigma[i], sigma[i + 1]);
                }
        return m;
}

static struct flow *open_inpainting(int resample, const struct process_type *process, const double *sigma, int n,
                                    int64_t particles)
{
        char *text = format_text("{type: inpainting, scheme: probability_flow, method: euler, observed: 0, data: 1, "
                                 "resample: %d}",
                                 resample);
        struct flow *flow = flow_open(PAIR, text, process, sigma, (size_t)n + 1, particles);
        free(text);
        return flow;
}

static void assert_moments(const struct flow *flow, const char *what, double mean, double variance)
{
        const struct lab lab = {.population = flow->population};
        assert_mean(what, &lab, flow->population->x, 1, mean, variance);
        assert_variance(what, &lab, flow->population->x, 1, variance);
}

static void test_inpainting_has_its_biased_mean_and_variance(void **state)
{
        (void)state;
        enum { STEPS = 20 };
        double sigma[STEPS + 1];
        karras(20, 0.05, STEPS, sigma);
        for (int resample = 1; resample <= 4; resample += 3) {
                const struct moments m = inpainted(sigma, STEPS, resample);
                struct flow *flow = open_inpainting(resample, &plain, sigma, STEPS, enough_for_bias(0.03));
                flow_advance(flow, 0, STEPS);
                assert_moments(flow, "inpainted", m.mean[1], m.c11);
                for (size_t t = 0; t < flow->population->n_tiles; t++)
                        for (int lane = 0; lane < LANES; lane++)
                                assert_true(population_tile(flow->population, t)[lane] == KNOWN);
                flow_close(flow);
        }
}

/* After a step to sigma > 0 what is known is y + sigma z, and z is not what the other coordinate was moved by. */
static void test_what_is_known_is_put_back_as_noised_data(void **state)
{
        (void)state;
        enum { STEPS = 20, SOME = 12 };
        double sigma[STEPS + 1];
        karras(20, 0.05, STEPS, sigma);
        struct flow *flow = open_inpainting(2, &plain, sigma, STEPS, enough_for_bias(0.05));
        flow_advance(flow, 0, SOME);
        const struct lab lab = {.population = flow->population};
        const double *x = flow->population->x, v = sigma[SOME] * sigma[SOME], n = (double)flow->population->n_global;
        assert_mean("known", &lab, x, 0, KNOWN, v);
        assert_variance("known", &lab, x, 0, v);
        double product_sum = 0, square = 0;
        const double mean = lab_mean(&lab, x, 1);
        for (size_t t = 0; t < flow->population->n_tiles; t++)
                for (int lane = 0; lane < population_lanes(flow->population, t); lane++) {
                        const double *tile = population_tile(flow->population, t);
                        const double value = (tile[lane] - KNOWN) * (tile[LANES + lane] - mean);
                        product_sum += value;
                        square += value * value;
                }
        assert_z("covariance", product_sum / sqrt(square));
        assert_true(n > 1000);
        flow_close(flow);
}

/* ---- a score of nothing, but NaN in the known coordinate of a particle that is marked by its other one ---- */

static const double MARK = 1e6;

static void missing(const void *level, const double *restrict x, double *restrict score)
{
        (void)level;
        for (int lane = 0; lane < LANES; lane++) {
                score[lane] = x[LANES + lane] == MARK ? (double)NAN : 0;
                score[LANES + lane] = 0;
        }
}

/* ... which would never be seen, being put back. */
static void test_a_known_coordinate_without_a_score_is_no_secret(void **state)
{
        (void)state;
        enum { STEPS = 5, MARKED = 70 };
        double sigma[STEPS + 1];
        karras(20, 0.05, STEPS, sigma);
        for (int resample = 1; resample <= 2; resample++)
                for (int marked = 0; marked < 2; marked++) {
                        struct flow *flow = open_inpainting(resample, &plain, sigma, STEPS, 100);
                        struct score_type type = *flow->target.score->type;
                        const struct score_type *own = flow->target.score->type;
                        type.eval = missing;
                        flow->target.score->type = &type;
                        population_tile(flow->population, 1)[LANES + (MARKED - LANES)] = marked ? MARK : 0;
                        const struct breakdown breakdown = sampler_advance(flow->sampler, flow->population, flow->level,
                                                                           0, 0, STEPS, &flow->tally, NULL, NULL);
                        assert_int_equal(breakdown.found, marked);
                        if (marked) {
                                assert_int_equal(breakdown.particle, MARKED);
                                assert_int_equal(breakdown.step, 0);
                        }
                        flow->target.score->type = own;
                        flow_close(flow);
                }
}

/* x/alpha goes the same way whatever the process: to the roundings of 20 steps of slopes below 10. */
static void test_inpainting_is_the_same_in_any_process(void **state)
{
        (void)state;
        enum { STEPS = 20 };
        double sigma[STEPS + 1];
        karras(20, 0.05, STEPS, sigma);
        struct flow *edm = open_inpainting(3, &plain, sigma, STEPS, 100);
        struct flow *vp = open_inpainting(3, &preserving, sigma, STEPS, 100);
        flow_advance(edm, 0, STEPS);
        flow_advance(vp, 0, STEPS);
        for (size_t i = 0; i < flow_size(edm); i++)
                assert_true(fabs(edm->population->x[i] - vp->population->x[i]) < 1e-11);
        flow_close(edm);
        flow_close(vp);
}

static void test_inpainting_has_the_same_bits_however_it_is_cut(void **state)
{
        (void)state;
        enum { STEPS = 9 };
        double sigma[STEPS + 1];
        karras(20, 0.05, STEPS, sigma);
        struct flow *whole = open_inpainting(2, &plain, sigma, STEPS, 100);
        struct flow *cut = open_inpainting(2, &plain, sigma, STEPS, 100);
        flow_advance(whole, 0, STEPS);
        for (int64_t step = 0; step < STEPS; step++)
                flow_advance(cut, step, step + 1);
        assert_memory_equal(whole->population->x, cut->population->x, flow_size(whole) * sizeof(double));
        assert_int_equal(sampler_repeated_steps(whole->sampler), STEPS - 1);
        assert_int_equal(whole->tally.evaluations, 100 * (2 * STEPS - 1));
        flow_close(whole);
        flow_close(cut);
}

/* Exact: mean 0.8, variance 0.36. */
static void test_the_bias_of_inpainting_is_that_of_the_documentation(void **state)
{
        (void)state;
        static const struct {
                int steps, resample;
                double mean, variance;
        } told[] = {{20, 1, 0.3293, 0.5268},
                    {1000, 1, 0.3480, 0.5930},
                    {20, 10, 0.7191, 0.3231},
                    {1000, 10, 0.7323, 0.3825},
                    {20, 100, 0.7891, 0.2950}};
        for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
                double sigma[1001];
                karras(20, 0.05, told[i].steps, sigma);
                const struct moments m = inpainted(sigma, told[i].steps, told[i].resample);
                assert_true(fabs(m.mean[1] - told[i].mean) < 1e-4 && fabs(m.c11 - told[i].variance) < 1e-4);
        }
}

static void test_inpainting_refuses_what_is_no_coordinate(void **state)
{
        (void)state;
        static const double sigma[] = {1, 0};
        struct flow *flow = open_inpainting(1, &plain, sigma, 1, 64);
        const char *key;
        assert_null(sampler_unfit(&flow->settings, flow->target.score, &key));
        flow->target.score->n_dim = 0;
        assert_string_equal(sampler_unfit(&flow->settings, flow->target.score, &key),
                            "0 is no coordinate: the score has 0, counted from 0");
        assert_string_equal(key, "sampler.observed[0]");
        flow->target.score->n_dim = 2;
        flow_close(flow);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_particle_is_multiplied_by_the_gains_of_its_score),
                cmocka_unit_test(test_the_biases_are_those_of_the_documentation),
                cmocka_unit_test(test_inpainting_has_its_biased_mean_and_variance),
                cmocka_unit_test(test_what_is_known_is_put_back_as_noised_data),
                cmocka_unit_test(test_a_known_coordinate_without_a_score_is_no_secret),
                cmocka_unit_test(test_inpainting_is_the_same_in_any_process),
                cmocka_unit_test(test_inpainting_has_the_same_bits_however_it_is_cut),
                cmocka_unit_test(test_the_bias_of_inpainting_is_that_of_the_documentation),
                cmocka_unit_test(test_inpainting_refuses_what_is_no_coordinate),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
