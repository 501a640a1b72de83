/* Hashes of what the kernels compute from fixed arguments. They are the same for every instruction set,
 * vector width and optimisation level, so the values committed here hold everywhere; unit tests compare
 * the build at hand, tests/cases/test_kernel_bits.sh compares several builds. */
#ifndef KERNEL_BITS_H
#define KERNEL_BITS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "network/particle_inputs.h"
#include "score/mixture.h"
#include "sculptor/memory.h"
#include "sculptor/rng.h"
#include "sculptor/vecmath.h"

#define BITS_OF_VECMATH UINT64_C(0x4a3cf8163be180b0)
#define BITS_OF_RNG UINT64_C(0x8833ee5a6c8a60d7)
#define BITS_OF_NETWORK UINT64_C(0x98ac28e4013d7254)
#define BITS_OF_MIXTURE UINT64_C(0x36895381d9361e12)

/* FNV-1a by words of 64 bits. */
static inline uint64_t hash_doubles(uint64_t hash, const double *value, size_t n)
{
        for (size_t i = 0; i < n; i++)
                hash = (hash ^ vm_bits(value[i])) * UINT64_C(0x100000001b3);
        return hash;
}
#define HASH_START UINT64_C(0xcbf29ce484222325)

/* A number with all its bits from a counter [Steele, Lea & Flood 2014]. */
static inline uint64_t mixed_bits(uint64_t counter)
{
        uint64_t z = counter * UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static inline double mixed_unit(uint64_t counter)
{
        return (double)(mixed_bits(counter) >> 11) * 0x1p-53;
}

static inline uint64_t bits_of_vecmath(void)
{
        enum { N_TILES = 4000, N_RESULTS = 8 };
        uint64_t hash = HASH_START;
        for (uint64_t tile = 0; tile < N_TILES; tile++) {
                double u[LANES], bits[LANES], result[N_RESULTS][LANES];
                for (uint64_t lane = 0; lane < LANES; lane++) {
                        u[lane] = mixed_unit(tile * LANES + lane);
                        /* positive, finite, subnormal ones too */
                        bits[lane] = vm_double(mixed_bits(~(tile * LANES + lane)) % UINT64_C(0x7ff0000000000000));
                }
                for (int lane = 0; lane < LANES; lane++) {
                        const struct vm_sincos turns = vm_sincos_turns(u[lane]);
                        result[0][lane] = vm_exp(1500 * u[lane] - 770);
                        result[1][lane] = vm_exp_flushed(1470 * u[lane] - 762);
                        result[2][lane] = vm_log(bits[lane]);
                        result[3][lane] = vm_log_positive(u[lane] + 0.5);
                        result[4][lane] = vm_sin(0x1p31 * (u[lane] - 0.5));
                        result[5][lane] = vm_cos(100 * (u[lane] - 0.5));
                        result[6][lane] = turns.sin;
                        result[7][lane] = turns.cos;
                }
                hash = hash_doubles(hash, result[0], N_RESULTS * LANES);
        }
        return hash;
}

static inline uint64_t bits_of_rng(void)
{
        enum { N_DIM = 3 };
        uint64_t hash = HASH_START;
        for (uint32_t step = 0; step < 2000; step++) {
                const struct rng_stream stream = {.seed = mixed_bits(step),
                                                  .purpose = RNG_TEST,
                                                  .level = step % RNG_MAX_LEVELS,
                                                  .step = (uint32_t)mixed_bits(step + 5000),
                                                  .stage = step % RNG_MAX_STAGES};
                double value[2][N_DIM][LANES];
                rng_normal(&stream, mixed_bits(step + 9000) >> 30 << 6, N_DIM, value[0][0]);
                rng_uniform(&stream, mixed_bits(step + 9000) >> 30 << 6, N_DIM, value[1][0]);
                hash = hash_doubles(hash, value[0][0], sizeof value / sizeof(double));
        }
        return hash;
}

/* A mixture of any size and shape, scattered over [-4, 4]^n_dim, with sigmas from 0.25 to 1. */
static inline struct mixture *scattered_mixture(size_t n, int64_t n_dim, enum mixture_shape shape)
{
        struct mixture *mixture = mixture_allocate(n, n_dim);
        for (size_t k = 0; k < n; k++) {
                mixture->weight[k] = 0.25 + mixed_unit(7 * k + 1);
                for (size_t i = 0; i < (size_t)n_dim; i++) {
                        const size_t at = k * (size_t)n_dim + i;
                        const size_t of = shape == MIXTURE_DIAGONAL ? at : shape == MIXTURE_ISOTROPIC ? k : 0;
                        mixture->mean[at] = 8 * mixed_unit(3 * at + 1000) - 4;
                        mixture->sigma[at] = 0.25 + 0.75 * mixed_unit(5 * of + 2000);
                }
        }
        return mixture_create(mixture);
}

static inline uint64_t bits_of_mixture(void)
{
        enum { MOST_DIM = 5 };
        uint64_t hash = HASH_START;
        for (int64_t n_dim = 1; n_dim <= MOST_DIM; n_dim++)
                for (int shape = MIXTURE_EQUAL; shape <= MIXTURE_DIAGONAL; shape++) {
                        struct mixture *mixture = scattered_mixture(50, n_dim, (enum mixture_shape)shape);
                        void *level = mixture_create_level(mixture, 0.125);
                        for (uint64_t tile = 0; tile < 20; tile++) {
                                double x[MOST_DIM * LANES], y[MOST_DIM * LANES], result[2][LANES];
                                const size_t n = (size_t)n_dim * LANES;
                                for (size_t i = 0; i < n; i++)
                                        x[i] = 12 * mixed_unit(tile * n + i) - 6;
                                mixture_eval(level, x, y);
                                mixture_log_density(level, x, result[0]);
                                mixture_divergence(level, x, result[1]);
                                hash = hash_doubles(hash, y, n);
                                hash = hash_doubles(hash, result[0], 2 * LANES);
                        }
                        mixture_free_level(level);
                        mixture_free(mixture);
                }
        return hash;
}

static inline uint64_t hash_floats(uint64_t hash, const float *value, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const double wide = (double)value[i];
                hash = hash_doubles(hash, &wide, 1);
        }
        return hash;
}

/* Forward, backward and their tangents of a perceptron with odd sizes; with `limit`, of bounded layers. */
static inline uint64_t bits_of_perceptron(enum perceptron_activation activation, double limit)
{
        enum { N_DIM = 3, EMBEDDING = 4, N_INPUTS = N_DIM + 1 + 2 * EMBEDDING };
        const struct perceptron_shape shape = {.n_layers = 3, .size = {N_INPUTS, 37, 18, N_DIM},
                                               .activation = activation, .spectral_norm = limit};
        struct network_tensor tensor[6];
        perceptron_tensors(&shape, tensor);
        const size_t n = tensor[5].offset + tensor[5].size;
        float *theta = allocate(n, sizeof *theta), *gradient = allocate(n, sizeof *gradient);
        perceptron_initialise(&shape, 7, 1.5, theta);
        uint64_t hash = hash_floats(HASH_START, theta, n);

        struct perceptron *net = perceptron_create(&shape);
        perceptron_set(net, theta);
        double u[N_DIM * LANES], sigma[LANES];
        float g[N_DIM * LANES], h[N_DIM * LANES];
        for (size_t i = 0; i < N_DIM * LANES; i++)
                u[i] = 6 * mixed_unit(i) - 3;
        for (size_t lane = 0; lane < LANES; lane++)
                sigma[lane] = 0.01 + 4 * mixed_unit(lane + 500);
        particle_inputs_fill(net, N_DIM, EMBEDDING, sigma, u);
        hash = hash_floats(hash, perceptron_forward(net), N_DIM * LANES);
        for (size_t i = 0; i < N_DIM * LANES; i++)
                u[i] = 2 * mixed_unit(i + 1000) - 1;
        particle_inputs_pack(N_DIM, N_INPUTS, u, perceptron_input_tangents(net));
        hash = hash_floats(hash, perceptron_tangent(net), N_DIM * LANES);
        for (size_t i = 0; i < N_DIM * LANES; i++) {
                g[i] = (float)(mixed_unit(i + 2000) - 0.5);
                h[i] = (float)(mixed_unit(i + 3000) - 0.5);
        }
        hash = hash_floats(hash, perceptron_backward(net, g, gradient, true), N_INPUTS * LANES);
        hash = hash_floats(hash, perceptron_backward_tangent(net, g, h, gradient, true), N_INPUTS * LANES);
        hash = hash_floats(hash, gradient, n);
        const double bound = perceptron_lipschitz(net, N_DIM);
        hash = hash_doubles(hash, &bound, 1);
        perceptron_free(net);
        free(theta);
        free(gradient);
        return hash;
}

static inline uint64_t bits_of_network(void)
{
        return bits_of_perceptron(PERCEPTRON_SILU, 0) ^ bits_of_perceptron(PERCEPTRON_TANH, 0) << 1 ^
               bits_of_perceptron(PERCEPTRON_SILU, 0.7) << 2;
}

#endif
