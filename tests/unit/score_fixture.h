/* Scores made from the text of an input file, tiles of draws from them, and claims run over all cases. */
#ifndef SCULPTOR_TESTS_SCORE_FIXTURE_H
#define SCULPTOR_TESTS_SCORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score_cases.h"
#include "sculptor/memory.h"
#include "sculptor/params.h"

struct score_fixture {
        struct selection settings;
        struct score *score;
        int64_t n_dim;
        const struct score_type *type;
};

static const struct param score_fixture_params[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = 0, .variant = score_variant, .help = "the target"},
        PARAM_END,
};

static inline void score_fixture_open(struct score_fixture *fixture, const char *text)
{
        *fixture = (struct score_fixture){0};
        struct input *input = input_parse("test", text, strlen(text), NULL, 0);
        input_read(input, score_fixture_params, &fixture->settings);
        for (size_t i = 0; i < input_problems(input); i++)
                print_error("%s\n", input_problem(input, i));
        assert_int_equal(input_problems(input), 0);
        input_free(input);

        fixture->type = fixture->settings.type;
        fixture->score = score_create(fixture->type, fixture->settings.settings);
        fixture->n_dim = fixture->score->n_dim;
}

static inline void score_fixture_close(struct score_fixture *fixture)
{
        score_free(fixture->score);
        params_release(score_fixture_params, &fixture->settings);
}

static inline double *new_tile(int64_t rows)
{
        return allocate((size_t)rows * LANES, sizeof(double));
}

/* Draws of the target noised to sigma: tile `t` of the test's population. */
static inline void draw_noised(const struct score *score, double sigma, uint64_t t, double *x)
{
        const struct rng_stream target = {.seed = 20, .purpose = RNG_TARGET};
        const struct rng_stream noise = {.seed = 20, .purpose = RNG_TEST};
        double *n = new_tile(score->n_dim);

        score->type->draw(score->model, &target, t * LANES, x);
        rng_normal(&noise, t * LANES, score->n_dim, n);
        for (int64_t k = 0; k < score->n_dim * LANES; k++)
                x[k] += sigma * n[k];
        free(n);
}

/* Runs a claim over all cases and levels. */
typedef void claim(const struct score_case *example, const struct score_level *level);

static inline void for_every_level(claim *check)
{
        for (size_t i = 0; i < sizeof score_cases / sizeof score_cases[0]; i++) {
                const struct score_case *example = &score_cases[i];
                char *text = example->write ? example->write() : copy_text(example->text);
                struct score_fixture fixture;
                score_fixture_open(&fixture, text);
                for (int l = 0; l < 3 && !isnan(example->sigma[l]); l++) {
                        struct score_level *level = score_level_create(fixture.score, example->sigma[l]);
                        check(example, level);
                        score_level_free(level);
                }
                score_fixture_close(&fixture);
                free(text);
        }
}

/* Fails with where and by how much. */
static inline void expect(bool ok, const struct score_level *level, const char *what, double value, double wanted,
                          double tolerance)
{
        if (ok)
                return;
        fail_msg("%s, %lld-D, sigma %g: %s is %.17g, wanted %.17g within %.3g", level->score->type->name,
                 (long long)level->score->n_dim, level->sigma, what, value, wanted, tolerance);
}

static inline void expect_near(const struct score_level *level, const char *what, double value, double wanted,
                               double tolerance)
{
        expect(fabs(value - wanted) <= tolerance, level, what, value, wanted, tolerance);
}

#endif
