/* Scores at a noise of its own for each lane are those of the levels. */
#include "kernel_bits.h"
#include "score_fixture.h"

/* Different noises in all lanes but some; where the score is defined at 0, some lanes are there. */
static void choose_noises(const struct score *score, uint64_t salt, double sigma[LANES])
{
        const bool clean = !score->type->undefined_at || !score->type->undefined_at(score->model, 0);
        for (uint64_t lane = 0; lane < LANES; lane++) {
                sigma[lane] = exp(8 * mixed_unit(lane + 64 * salt) - 5);
                if (clean && lane % 9 == 4)
                        sigma[lane] = 0;
                if (lane % 13 == 12)
                        sigma[lane] = sigma[lane - 1];
        }
}

/* Lane by lane the score at its level; returns the largest difference, relative to the largest of the lane's scores. */
static double compare(const struct score *score, const double *sigma, const double *x, bool *same_bits)
{
        double *each = new_tile(score->n_dim), *one = new_tile(score->n_dim), worst = 0;
        score_eval_each(score, sigma, x, each);
        for (int64_t lane = 0; lane < LANES; lane++) {
                struct score_level *level = score_level_create(score, sigma[lane]);
                score_eval(level, x, one);
                score_level_free(level);
                double largest = 0, apart = 0;
                for (int64_t i = 0; i < score->n_dim; i++) {
                        largest = fmax(largest, fabs(one[i * LANES + lane]));
                        apart = fmax(apart, fabs(one[i * LANES + lane] - each[i * LANES + lane]));
                        *same_bits &= vm_bits(one[i * LANES + lane]) == vm_bits(each[i * LANES + lane]);
                }
                worst = fmax(worst, apart / largest);
        }
        free(each);
        free(one);
        return worst;
}

static void open_case(const struct score_case *example, struct score_fixture *fixture)
{
        char *text = example->write ? example->write() : copy_text(example->text);
        score_fixture_open(fixture, text);
        free(text);
}

static bool is_dense(const struct score_case *example)
{
        return example->correlation != 0;
}

/* Diagonal Gaussians and mixtures, and what is evaluated level by level: bit for bit. Of dense ones P is made twice,
 * from a Cholesky factor and from eigenvectors, each within about n eps kappa of its norm [Higham 2002, 10.1; Golub &
 * Van Loan 8.5]: kappa, the largest over the least eigenvalue, is below ((1 + r)/(1 - r)) 2^2 = 64 for these. */
static void test_each_lane_has_the_score_of_its_level(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof score_cases / sizeof score_cases[0]; i++) {
                struct score_fixture fixture;
                open_case(&score_cases[i], &fixture);
                if (!fixture.type->eval_each) { /* no noised form */
                        score_fixture_close(&fixture);
                        continue;
                }
                double sigma[LANES], *x = new_tile(fixture.n_dim);
                for (uint64_t t = 0; t < 3; t++) {
                        bool same_bits = true;
                        choose_noises(fixture.score, t, sigma);
                        for (int64_t k = 0; k < fixture.n_dim * LANES; k++)
                                x[k] = 12 * mixed_unit((uint64_t)k + 100000 * t) - 6;
                        const double worst = compare(fixture.score, sigma, x, &same_bits);
                        if (is_dense(&score_cases[i]))
                                assert_true(worst < 2 * 64 * 0x1p-52 * (double)fixture.n_dim);
                        else
                                assert_true(same_bits);
                }
                free(x);
                score_fixture_close(&fixture);
        }
}

static void test_scattered_mixtures_have_the_bits_of_their_levels(void **state)
{
        (void)state;
        const size_t sizes[] = {1, 2, 32, 33, 70};
        for (int64_t n_dim = 1; n_dim <= 6; n_dim++)
                for (int shape = MIXTURE_EQUAL; shape <= MIXTURE_DIAGONAL; shape++)
                        for (int s = 0; s < 5; s++) {
                                struct mixture *mixture = scattered_mixture(sizes[s], n_dim, (enum mixture_shape)shape);
                                struct score score = {.type = &score_gaussian_mixture, .n_dim = n_dim,
                                                      .model = mixture};
                                double sigma[LANES], x[6 * LANES];
                                bool same_bits = true;
                                choose_noises(&score, (uint64_t)s, sigma);
                                for (uint64_t k = 0; k < 6 * LANES; k++)
                                        x[k] = 20 * mixed_unit(k + 7) - 10;
                                compare(&score, sigma, x, &same_bits);
                                assert_true(same_bits);
                                mixture_free(mixture);
                        }
}

/* As a sampler's idle or broken lanes may. */
static void test_a_lane_that_is_no_number_does_not_touch_the_others(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof score_cases / sizeof score_cases[0]; i++) {
                struct score_fixture fixture;
                open_case(&score_cases[i], &fixture);
                double sigma[LANES], *x = new_tile(fixture.n_dim), *clean = new_tile(fixture.n_dim),
                                     *score = new_tile(fixture.n_dim);
                choose_noises(fixture.score, 1, sigma);
                draw_noised(fixture.score, 1, 0, x);
                if (fixture.type->eval_each) {
                        score_eval_each(fixture.score, sigma, x, clean);
                        x[17] = (double)NAN;
                        score_eval_each(fixture.score, sigma, x, score);
                        assert_true(isnan(score[17]));
                        for (int64_t k = 0; k < fixture.n_dim * LANES; k++)
                                assert_true(k % LANES == 17 || score[k] == clean[k]);
                }
                free(x);
                free(clean);
                free(score);
                score_fixture_close(&fixture);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_lane_has_the_score_of_its_level),
                cmocka_unit_test(test_scattered_mixtures_have_the_bits_of_their_levels),
                cmocka_unit_test(test_a_lane_that_is_no_number_does_not_touch_the_others),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
