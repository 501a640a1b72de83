/* A plugin's functions against the same mixture computed here, and the guard around them. */
#include <fenv.h>
#include <signal.h>
#include <unistd.h>

#include "score/plugin.h"
#include "score_fixture.h"
#include "sculptor/files.h"

static const double sigmas[] = {0.05, 1, 30};

/* build/tests/test_plugin -> build/plugins/example_mixture.so */
static char *plugin_text(void)
{
        char path[4096];
        const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
        assert_true(n > 0);
        path[n] = 0;
        for (int up = 0; up < 2; up++)
                *strrchr(path, '/') = 0;
        return format_text("type: plugin\nlibrary: %s/plugins/example_mixture.so\nconfig: 1 -2 0 3 0.5; 3 2 1 -1 1\n",
                           path);
}

static const char mixture_text[] = "type: gaussian_mixture\ncomponents:\n"
                                   "- {weight: 0.25, mean: [-2, 0, 3], sigma: 0.5}\n"
                                   "- {weight: 0.75, mean: [2, 1, -1], sigma: 1}\n";
enum { N_DIM = 3 };

static void open_plugin(struct score_fixture *fixture)
{
        char *text = plugin_text();
        *fixture = (struct score_fixture){0};
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, score_fixture_params, &fixture->settings);
        assert_int_equal(input_problems(input), 0);
        input_free(input);
        const struct score_context context = {.file_digest = file_digest};
        const char *why = score_open(fixture->settings.type, fixture->settings.settings, &context);
        if (why)
                fail_msg("%s", why);
        fixture->score = score_create(fixture->settings.type, fixture->settings.settings);
        fixture->type = fixture->score->type;
        fixture->n_dim = fixture->score->n_dim;
        free(text);
}

/* Exponents of the shares are (x - m)^2/(2 S) <= 200 here and carry 200 ulps, shares therefore a relative 200 * 2^-52 =
 * 4e-14, and so, times some additions, does all that is made of them. */
static void expect_same(const struct score_level *level, const char *what, const double *values, const double *wanted,
                        size_t n)
{
        double most = 1;
        for (size_t i = 0; i < n; i++)
                most = fmax(most, fabs(wanted[i]));
        for (size_t i = 0; i < n; i++)
                expect_near(level, what, values[i], wanted[i], 1e-12 * most);
}

static void test_all_functions_of_the_example_are_those_of_the_mixture(void **state)
{
        (void)state;
        struct score_fixture plugin, mixture;
        open_plugin(&plugin);
        score_fixture_open(&mixture, mixture_text);
        assert_int_equal(plugin.n_dim, N_DIM);
        assert_non_null(plugin.type->log_density);
        assert_false(plugin.type->log_density_unnormalised);
        double *x = new_tile(N_DIM), *v = new_tile(N_DIM);
        double *here = new_tile(N_DIM * N_DIM), *there = new_tile(N_DIM * N_DIM);
        const struct rng_stream stream = {.seed = 4, .purpose = RNG_TEST};
        rng_normal(&stream, 0, N_DIM, x);
        rng_normal(&stream, LANES, N_DIM, v);
        for (size_t l = 0; l < sizeof sigmas / sizeof *sigmas; l++) {
                struct score_level *a = score_level_create(plugin.score, sigmas[l]);
                struct score_level *b = score_level_create(mixture.score, sigmas[l]);
                score_eval(a, x, here);
                score_eval(b, x, there);
                expect_same(a, "score", here, there, N_DIM * LANES);
                score_log_density(a, x, here);
                score_log_density(b, x, there);
                expect_same(a, "log density", here, there, LANES);
                score_divergence(a, x, here);
                score_divergence(b, x, there);
                expect_same(a, "divergence", here, there, LANES);
                score_jacobian(a, x, here);
                score_jacobian(b, x, there);
                expect_same(a, "jacobian", here, there, N_DIM * N_DIM * LANES);
                score_jacobian_vector(a, x, v, here);
                score_jacobian_vector(b, x, v, there);
                expect_same(a, "jacobian times vector", here, there, N_DIM * LANES);
                score_level_free(a);
                score_level_free(b);
        }
        free(x);
        free(v);
        free(here);
        free(there);
        score_fixture_close(&plugin);
        score_fixture_close(&mixture);
}

static void test_each_lane_has_its_own_sigma(void **state)
{
        (void)state;
        struct score_fixture plugin;
        open_plugin(&plugin);
        double *x = new_tile(N_DIM), *each = new_tile(N_DIM), *one = new_tile(N_DIM), sigma[LANES];
        const struct rng_stream stream = {.seed = 5, .purpose = RNG_TEST};
        rng_normal(&stream, 0, N_DIM, x);
        for (size_t lane = 0; lane < LANES; lane++)
                sigma[lane] = sigmas[lane % 3];
        score_eval_each(plugin.score, sigma, x, each);
        for (size_t l = 0; l < 3; l++) {
                struct score_level *level = score_level_create(plugin.score, sigmas[l]);
                score_eval(level, x, one);
                for (size_t i = 0; i < N_DIM * LANES; i++)
                        if (i % LANES % 3 == l)
                                assert_memory_equal(&each[i], &one[i], sizeof *one);
                score_level_free(level);
        }
        free(x);
        free(each);
        free(one);
        score_fixture_close(&plugin);
}

/* A library built with -ffast-math sets the processor's flags when it is loaded; rounding stands for them here. */
static void test_guard_puts_the_floating_point_environment_and_handlers_back(void **state)
{
        (void)state;
        struct sigaction before, after;
        sigaction(SIGSEGV, NULL, &before);
        assert_int_equal(fegetround(), FE_TONEAREST);
        plugin_guard_enter("test", "test()", "");
        sigaction(SIGSEGV, NULL, &after);
        assert_true(before.sa_handler != after.sa_handler);
        fesetround(FE_UPWARD);
        plugin_guard_leave();
        assert_int_equal(fegetround(), FE_TONEAREST);
        sigaction(SIGSEGV, NULL, &after);
        assert_true(before.sa_handler == after.sa_handler);
}

static void test_what_foreign_code_says_becomes_a_line(void **state)
{
        (void)state;
        char message[SCULPTOR_MESSAGE];
        memset(message, 'x', sizeof message); /* without an end */
        memcpy(message, "a\nb\tc", 5);
        plugin_make_a_line(message);
        assert_int_equal(strlen(message), SCULPTOR_MESSAGE - 1);
        assert_memory_equal(message, "a b cx", 6);
        strcpy(message, "ends\n\n");
        plugin_make_a_line(message);
        assert_string_equal(message, "ends");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_functions_of_the_example_are_those_of_the_mixture),
                cmocka_unit_test(test_each_lane_has_its_own_sigma),
                cmocka_unit_test(test_guard_puts_the_floating_point_environment_and_handlers_back),
                cmocka_unit_test(test_what_foreign_code_says_becomes_a_line),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
