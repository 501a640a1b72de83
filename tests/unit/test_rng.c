/* Philox's published answers; the layout of the counter; the distributions; independence of what lies
 * next to each other. Seeds are fixed; every statistic is scaled to a normal deviate and has to stay
 * below Z_LIMIT, which one in 2 10^8 exceeds by chance. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_bits.h"
#include "sculptor/memory.h"

static const double Z_LIMIT = 5.85;

static void expect_deviate(const char *what, double z)
{
        if (!(fabs(z) < Z_LIMIT))
                fail_msg("%s: z = %.2f", what, z);
}

/* ---- known answers ---- */

static void test_philox_gives_the_published_answers(void **state)
{
        (void)state;
        const struct {
                uint32_t counter[4], key[2], out[4];
        } known[] = {
                {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
                {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                 {0xffffffff, 0xffffffff},
                 {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
                {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                 {0xa4093822, 0x299f31d0},
                 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
        };
        for (int i = 0; i < 3; i++) {
                uint32_t out[4];
                philox4x32_10(known[i].counter, known[i].key, out);
                assert_memory_equal(out, known[i].out, sizeof out);
        }
}

/* ---- the layout of the counter ---- */

struct place {
        struct rng_stream stream;
        uint64_t first_particle;
};

/* A stream with every bit of every field drawn. */
static struct place scattered_place(uint64_t i)
{
        return (struct place){
                .stream = {.seed = mixed_bits(6 * i),
                           .purpose = (enum rng_purpose)(mixed_bits(6 * i + 1) % RNG_PURPOSES),
                           .level = (uint32_t)mixed_bits(6 * i + 2) % RNG_MAX_LEVELS,
                           .step = (uint32_t)mixed_bits(6 * i + 3),
                           .stage = (uint32_t)mixed_bits(6 * i + 4) % RNG_MAX_STAGES},
                .first_particle = mixed_bits(6 * i + 5) % (uint64_t)RNG_MAX_PARTICLES / LANES * LANES,
        };
}

/* The words that rng.h promises for a particle and a pair of coordinates. */
static void words_at(const struct place *place, uint64_t particle, uint32_t pair, uint32_t word[4])
{
        const struct rng_stream *stream = &place->stream;
        const uint32_t counter[4] = {(uint32_t)particle, pair, stream->step,
                                     (uint32_t)(particle >> 32) << 24 | stream->level << 12 | stream->stage << 6 |
                                             (uint32_t)stream->purpose};
        const uint32_t key[2] = {(uint32_t)stream->seed, (uint32_t)(stream->seed >> 32)};
        philox4x32_10(counter, key, word);
}

/* (high 2^32 + low + 1/2) 2^-64, rounded once. */
static double unit_of(uint32_t high, uint32_t low)
{
        return fma(high, 0x1p-32, (low + 0.5) * 0x1p-64);
}

/* Within 4 ulp: half of the logarithm's 1, a half each of the root and the product, 1.8 of the sine; also
 * near the sine's zeros, where vm_sincos_turns keeps its digits. */
static void test_normals_are_box_muller_of_the_documented_counter(void **state)
{
        (void)state;
        enum { N_DIM = 4 };
        for (uint64_t i = 0; i < 200; i++) {
                const struct place place = scattered_place(i);
                double z[N_DIM][LANES];
                rng_normal(&place.stream, place.first_particle, N_DIM, z[0]);
                for (uint64_t lane = 0; lane < LANES; lane++)
                        for (uint32_t pair = 0; pair < N_DIM / 2; pair++) {
                                uint32_t word[4];
                                words_at(&place, place.first_particle + lane, pair, word);
                                const long double r = sqrtl(-2 * logl(unit_of(word[0], word[1])));
                                const uint64_t turn = ((uint64_t)word[2] << 32 | word[3]) >> 11;
                                const long double angle = 0x1.921fb54442d18469898p2L * 0x1p-53L * (long double)turn;
                                const long double wanted[2] = {r * cosl(angle), r * sinl(angle)};
                                for (int k = 0; k < 2; k++) /* 1e-18: the rounding of `angle`, up to 2 pi */
                                        assert_true(fabsl(z[2 * pair + (uint32_t)k][lane] - wanted[k]) <=
                                                    4 * 0x1p-52L * fabsl(wanted[k]) + 1e-18L * r);
                        }
        }
}

static void test_uniforms_are_the_documented_words(void **state)
{
        (void)state;
        enum { N_DIM = 5 };
        for (uint64_t i = 0; i < 200; i++) {
                const struct place place = scattered_place(i);
                double u[N_DIM][LANES];
                rng_uniform(&place.stream, place.first_particle, N_DIM, u[0]);
                for (uint64_t lane = 0; lane < LANES; lane++)
                        for (uint32_t c = 0; c < N_DIM; c++) {
                                uint32_t word[4];
                                words_at(&place, place.first_particle + lane, c / 2, word);
                                assert_true(u[c][lane] == unit_of(word[c % 2 * 2], word[c % 2 * 2 + 1]));
                                assert_true(u[c][lane] > 0 && u[c][lane] < 1);
                        }
        }
}

static int compare_doubles(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

/* Every field at its ends and next to them: no two combinations share a counter, or two of their 64-bit
 * uniforms, rounded to doubles, would be equal. */
static void test_no_two_places_share_a_counter(void **state)
{
        (void)state;
        const uint64_t particles[] = {0, 64, UINT64_C(0xffffffc0), UINT64_C(0x100000000), RNG_MAX_PARTICLES - 64};
        const uint32_t levels[] = {0, 1, RNG_MAX_LEVELS - 1}, steps[] = {0, 1, 4096, UINT32_MAX};
        const uint32_t stages[] = {0, 1, RNG_MAX_STAGES - 1};
        enum { N_DIM = 4, N = 5 * 3 * 4 * 3 * RNG_PURPOSES * N_DIM * LANES };
        double *u = allocate(N, sizeof *u);
        size_t n = 0;
        for (int p = 0; p < 5; p++)
                for (int l = 0; l < 3; l++)
                        for (int s = 0; s < 4; s++)
                                for (int g = 0; g < 3; g++)
                                        for (int w = 0; w < RNG_PURPOSES; w++, n += N_DIM * LANES) {
                                                const struct rng_stream stream = {
                                                        .seed = 1, .purpose = (enum rng_purpose)w, .level = levels[l],
                                                        .step = steps[s], .stage = stages[g]};
                                                rng_uniform(&stream, particles[p], N_DIM, u + n);
                                        }
        assert_int_equal(n, N);
        qsort(u, N, sizeof *u, compare_doubles);
        for (size_t i = 1; i < N; i++) /* by chance: N^2 2^-54 = 4e-6 */
                assert_true(u[i] != u[i - 1]);
        free(u);
}

static void test_coordinates_do_not_depend_on_how_many_there_are(void **state)
{
        (void)state;
        enum { MOST = 7 };
        const struct place place = scattered_place(1);
        double all[2][MOST * LANES], some[MOST * LANES];
        rng_normal(&place.stream, place.first_particle, MOST, all[0]);
        rng_uniform(&place.stream, place.first_particle, MOST, all[1]);
        for (int64_t n_dim = 1; n_dim < MOST; n_dim++) {
                rng_normal(&place.stream, place.first_particle, n_dim, some);
                assert_memory_equal(some, all[0], (size_t)n_dim * LANES * sizeof(double));
                rng_uniform(&place.stream, place.first_particle, n_dim, some);
                assert_memory_equal(some, all[1], (size_t)n_dim * LANES * sizeof(double));
        }
}

/* ---- distributions ---- */

enum { N_DRAWS = 1 << 22 };

/* N_DRAWS values of particles 0, 1, ...; 2 coordinates each. */
static double *draw_many(bool normal, uint64_t seed)
{
        double *value = allocate(N_DRAWS, sizeof *value);
        for (uint64_t tile = 0; tile < N_DRAWS / (2 * LANES); tile++) {
                const struct rng_stream stream = {.seed = seed, .purpose = RNG_TEST};
                (normal ? rng_normal : rng_uniform)(&stream, tile * LANES, 2, value + tile * 2 * LANES);
        }
        return value;
}

/* E z^k = (k - 1)!! and var z^k = (2k - 1)!! - (E z^k)^2. */
static void test_normals_have_the_moments_of_a_normal(void **state)
{
        (void)state;
        const double mean[] = {0, 0, 1, 0, 3, 0, 15}, variance[] = {0, 1, 2, 15, 96, 945, 10395 - 225};
        double *z = draw_many(true, 1), sum[7] = {0};
        for (size_t i = 0; i < N_DRAWS; i++) {
                double power = 1;
                for (int k = 1; k <= 6; k++)
                        sum[k] += power *= z[i];
        }
        for (int k = 1; k <= 6; k++)
                expect_deviate("moment", (sum[k] - N_DRAWS * mean[k]) / sqrt(N_DRAWS * variance[k]));
        free(z);
}

/* (chi^2/n)^(1/3) is nearly normal [Wilson & Hilferty 1931]. */
static double deviate_of_chi2(double chi2, double n)
{
        return (cbrt(chi2 / n) - (1 - 2 / (9 * n))) / sqrt(2 / (9 * n));
}

enum { N_BINS = 1024 };

static void expect_even_bins(const char *what, const double *u)
{
        size_t count[N_BINS] = {0};
        for (size_t i = 0; i < N_DRAWS; i++)
                count[(size_t)(u[i] * N_BINS)]++;
        double chi2 = 0;
        for (int b = 0; b < N_BINS; b++)
                chi2 += pow((double)count[b] - (double)N_DRAWS / N_BINS, 2) / ((double)N_DRAWS / N_BINS);
        expect_deviate(what, deviate_of_chi2(chi2, N_BINS - 1));
}

/* P(sqrt(n) D > t) = 2 exp(-2 t^2) [Kolmogorov 1933]; of two sides as rare as |z| > 5.85: t = 3.15. */
static void expect_uniform(const char *what, double *u)
{
        expect_even_bins(what, u);
        qsort(u, N_DRAWS, sizeof *u, compare_doubles);
        double apart = 0;
        for (size_t i = 0; i < N_DRAWS; i++)
                apart = fmax(apart, fmax(u[i] - (double)i / N_DRAWS, (double)(i + 1) / N_DRAWS - u[i]));
        if (!(sqrt(N_DRAWS) * apart < 3.15))
                fail_msg("%s: sqrt(n) D = %.2f", what, sqrt(N_DRAWS) * apart);
}

static void test_normals_follow_the_normal_distribution(void **state)
{
        (void)state;
        double *z = draw_many(true, 2);
        for (size_t i = 0; i < N_DRAWS; i++)
                z[i] = 0.5 * erfc(-z[i] * sqrt(0.5));
        expect_uniform("normals", z);
        free(z);
}

static void test_uniforms_are_uniform(void **state)
{
        (void)state;
        double *u = draw_many(false, 3);
        expect_uniform("uniforms", u);
        free(u);
}

/* 2 sqrt(n + 3/8) of a Poisson count is nearly normal with variance 1 [Anscombe 1948]. */
static void test_tails_of_normals_have_their_probabilities(void **state)
{
        (void)state;
        const double limit[] = {3, 3.5, 4, 4.5, 5, 5.5};
        double count[6] = {0}, n = 0;
        for (uint64_t seed = 10; seed < 18; seed++, n += N_DRAWS) {
                double *z = draw_many(true, seed);
                for (size_t i = 0; i < N_DRAWS; i++)
                        for (int k = 0; k < 6 && fabs(z[i]) > limit[k]; k++)
                                count[k]++;
                free(z);
        }
        for (int k = 0; k < 6; k++) {
                const double expected = n * erfc(limit[k] * sqrt(0.5));
                expect_deviate("tail", 2 * (sqrt(count[k] + 0.375) - sqrt(expected + 0.375)));
        }
        assert_true(count[4] > 0);
}

/* ---- independence ---- */

/* Two streams side by side: sums of products of z and of z^2 - 1, the latter over its variance 2. */
static void expect_independent(const char *what, const struct rng_stream *a, uint64_t shift_a,
                               const struct rng_stream *b, uint64_t shift_b)
{
        enum { N_TILES = 4096 };
        double linear = 0, square = 0;
        for (uint64_t tile = 0; tile < N_TILES; tile++) {
                double x[2][LANES], y[2][LANES];
                rng_normal(a, 2 * tile * LANES + shift_a, 2, x[0]);
                rng_normal(b, 2 * tile * LANES + shift_b, 2, y[0]);
                for (int lane = 0; lane < LANES; lane++)
                        for (int i = 0; i < 2; i++)
                                for (int j = 0; j < 2; j++) {
                                        linear += x[i][lane] * y[j][lane];
                                        square += (x[i][lane] * x[i][lane] - 1) * (y[j][lane] * y[j][lane] - 1) / 2;
                                }
        }
        expect_deviate(what, linear / sqrt(4.0 * N_TILES * LANES));
        expect_deviate(what, square / sqrt(4.0 * N_TILES * LANES));
}

static void test_neighbouring_streams_are_independent(void **state)
{
        (void)state;
        const struct rng_stream here = {.seed = 4, .purpose = RNG_TEST, .level = 3, .step = 7, .stage = 2};
        struct rng_stream there = here;
        expect_independent("next tile", &here, 0, &here, LANES);
        expect_independent("particle 2^32", &here, 0, &here, UINT64_C(1) << 32);
        there.step++;
        expect_independent("next step", &here, 0, &there, 0);
        there = here;
        there.level++;
        expect_independent("next level", &here, 0, &there, 0);
        there = here;
        there.stage++;
        expect_independent("next stage", &here, 0, &there, 0);
        there = here;
        there.purpose = RNG_NOISE;
        expect_independent("next purpose", &here, 0, &there, 0);
        there = here;
        there.seed++;
        expect_independent("next seed", &here, 0, &there, 0);
        there.seed = here.seed + (UINT64_C(1) << 32);
        expect_independent("seed 2^32 on", &here, 0, &there, 0);
}

static void test_neighbouring_coordinates_and_particles_are_independent(void **state)
{
        (void)state;
        enum { N_DIM = 4, N_TILES = 4096 };
        const struct rng_stream stream = {.seed = 5, .purpose = RNG_TEST};
        double pairs[N_DIM][N_DIM][2] = {0}, lanes[2] = {0};
        for (uint64_t tile = 0; tile < N_TILES; tile++) {
                double z[N_DIM][LANES];
                rng_normal(&stream, tile * LANES, N_DIM, z[0]);
                for (int i = 0; i < N_DIM; i++)
                        for (int j = 0; j < i; j++)
                                for (int lane = 0; lane < LANES; lane++) {
                                        const double a = z[i][lane], b = z[j][lane];
                                        pairs[i][j][0] += a * b;
                                        pairs[i][j][1] += (a * a - 1) * (b * b - 1) / 2;
                                }
                for (int lane = 1; lane < LANES; lane++) {
                        const double a = z[0][lane], b = z[0][lane - 1];
                        lanes[0] += a * b;
                        lanes[1] += (a * a - 1) * (b * b - 1) / 2;
                }
        }
        for (int k = 0; k < 2; k++) {
                for (int i = 0; i < N_DIM; i++)
                        for (int j = 0; j < i; j++)
                                expect_deviate("coordinates", pairs[i][j][k] / sqrt((double)N_TILES * LANES));
                expect_deviate("particles", lanes[k] / sqrt((double)N_TILES * (LANES - 1)));
        }
}

static void test_bits_are_those_of_every_other_build(void **state)
{
        (void)state;
        assert_int_equal(bits_of_rng(), BITS_OF_RNG);
}

/* ---- any particles at any place ---- */

static void test_numbers_of_any_64_particles_are_those_of_their_tiles(void **state)
{
        (void)state;
        enum { N_DIM = 3 };
        for (uint64_t i = 0; i < 20; i++) {
                struct rng_each each;
                const struct place first = scattered_place(100 * i);
                double z[N_DIM][LANES], tile[N_DIM][LANES];
                for (uint64_t lane = 0; lane < LANES; lane++) {
                        const struct place place = scattered_place(100 * i + lane + 1);
                        each.particle[lane] = place.first_particle + mixed_bits(lane + 100 * i) % LANES;
                        each.level[lane] = place.stream.level;
                        each.step[lane] = place.stream.step;
                        each.stage[lane] = place.stream.stage;
                }
                rng_normal_each(first.stream.seed, first.stream.purpose, &each, N_DIM, z[0]);
                for (uint64_t lane = 0; lane < LANES; lane++) {
                        struct rng_stream stream = first.stream;
                        stream.level = each.level[lane];
                        stream.step = each.step[lane];
                        stream.stage = each.stage[lane];
                        rng_normal(&stream, each.particle[lane] / LANES * LANES, N_DIM, tile[0]);
                        for (int c = 0; c < N_DIM; c++)
                                assert_true(z[c][lane] == tile[c][each.particle[lane] % LANES]);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_philox_gives_the_published_answers),
                cmocka_unit_test(test_normals_are_box_muller_of_the_documented_counter),
                cmocka_unit_test(test_uniforms_are_the_documented_words),
                cmocka_unit_test(test_no_two_places_share_a_counter),
                cmocka_unit_test(test_coordinates_do_not_depend_on_how_many_there_are),
                cmocka_unit_test(test_normals_have_the_moments_of_a_normal),
                cmocka_unit_test(test_normals_follow_the_normal_distribution),
                cmocka_unit_test(test_uniforms_are_uniform),
                cmocka_unit_test(test_tails_of_normals_have_their_probabilities),
                cmocka_unit_test(test_neighbouring_streams_are_independent),
                cmocka_unit_test(test_neighbouring_coordinates_and_particles_are_independent),
                cmocka_unit_test(test_bits_are_those_of_every_other_build),
                cmocka_unit_test(test_numbers_of_any_64_particles_are_those_of_their_tiles),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
