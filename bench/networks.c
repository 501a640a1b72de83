/* Speed of networks on one core, as lines "name value unit", medians of repeats by processor time:
 *
 *     build/bench/networks [REPEATS]
 *
 * fma_peak is what independent chains of fused multiply-adds reach; products are given as a fraction of it, measured
 * in turn with it. The perceptron is 2-128-128-128-2, 64 particles at a time. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "network/gemm.h"
#include "network/vector.h"
#include "sculptor/memory.h"
#include "sculptor/network.h"
#include "sculptor/params.h"

static double processor_seconds(void)
{
        struct timespec now;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static volatile float sink;

/* Operations a second: 12 chains hide the latency of 4 to 5 cycles at two a cycle. Named one by one, they stay in
 * registers. */
static double fma_peak(void)
{
        enum { CHAINS = 12, N = 4000000 };
        const vector b = vector_all(0.999f), c = vector_all(1e-3f);
        vector start[CHAINS]; /* all different, or the compiler would see one chain */
        for (int i = 0; i < CHAINS; i++)
                start[i] = vector_all((float)i + sink);
        vector a0 = start[0], a1 = start[1], a2 = start[2], a3 = start[3], a4 = start[4], a5 = start[5];
        vector a6 = start[6], a7 = start[7], a8 = start[8], a9 = start[9], a10 = start[10], a11 = start[11];
        const double begin = processor_seconds();
        for (int k = 0; k < N; k++) {
                a0 = vector_fma(a0, b, c);
                a1 = vector_fma(a1, b, c);
                a2 = vector_fma(a2, b, c);
                a3 = vector_fma(a3, b, c);
                a4 = vector_fma(a4, b, c);
                a5 = vector_fma(a5, b, c);
                a6 = vector_fma(a6, b, c);
                a7 = vector_fma(a7, b, c);
                a8 = vector_fma(a8, b, c);
                a9 = vector_fma(a9, b, c);
                a10 = vector_fma(a10, b, c);
                a11 = vector_fma(a11, b, c);
        }
        const double seconds = processor_seconds() - begin;
        const vector sums[CHAINS] = {a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11};
        for (int i = 0; i < CHAINS; i++) {
                float out[VECTOR_FLOATS];
                vector_store(out, sums[i]);
                sink = out[0];
        }
        return 2.0 * CHAINS * VECTOR_FLOATS * N / seconds;
}

/* A square product of `rows` rows: forward, or the gradient. */
static double product(size_t rows, size_t n, bool gradient)
{
        const size_t panels = rows / PANEL; /* both are multiples of 16 */
        float *x = allocate(rows * n, sizeof *x), *y = allocate(rows * n, sizeof *y), *w = allocate(n * n, sizeof *w);
        float *transposed = allocate(rows * n, sizeof *transposed);
        for (size_t i = 0; i < rows * n; i++)
                x[i] = y[i] = (float)(i % 7) * 0.1f;
        for (size_t i = 0; i < n * n; i++)
                w[i] = (float)(i % 5) * 0.01f;
        const double work = 2.0 * (double)rows * (double)n * (double)n;
        const int repeats = (int)(1e9 / work) + 1;
        const double begin = processor_seconds();
        for (int k = 0; k < repeats; k++)
                if (gradient) {
                        gemm_transpose(panels, n, x, transposed);
                        gemm_gradient(panels, n, n, transposed, y, w);
                } else {
                        gemm_forward(panels, n, n, w, NULL, x, y);
                }
        const double seconds = processor_seconds() - begin;
        sink = w[0] + y[0];
        free(x);
        free(transposed);
        free(y);
        free(w);
        return work * repeats / seconds;
}

static int ascending(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static double median(int n, double *values)
{
        qsort(values, (size_t)n, sizeof *values, ascending);
        return values[n / 2];
}

static void measure_products(int repeats)
{
        static const struct { const char *name; size_t rows, n; bool gradient; } cases[] = {
                {"gemm_64x128x128", 64, 128, false}, {"gemm_gradient_64x128x128", 64, 128, true},
                {"gemm_64x512x512", 64, 512, false}, {"gemm_gradient_64x512x512", 64, 512, true},
                {"gemm_512x512x512", 512, 512, false}};
        double *peak = allocate((size_t)repeats, sizeof *peak), *share = allocate((size_t)repeats, sizeof *share);
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
                for (int k = 0; k < repeats; k++) {
                        peak[k] = fma_peak();
                        share[k] = product(cases[c].rows, cases[c].n, cases[c].gradient) / peak[k];
                }
                if (c == 0)
                        printf("fma_peak %.2f GFLOP/s\n", median(repeats, peak) / 1e9);
                printf("%s %.3f of_peak\n", cases[c].name, median(repeats, share));
        }
        free(peak);
        free(share);
}

static void measure_perceptron(int repeats)
{
        enum { N = 400 };
        const char text[] = "{type: mlp, width: 128, layers: 3}";
        struct network_settings settings = {{0}};
        struct input *input = input_parse("bench", text, sizeof text - 1, NULL, 0);
        input_read(input, network_rows, &settings);
        const struct network_shape shape = {.n_dim = 2};
        const struct network_type *type = settings.type.type;
        struct network *network = network_create(type, settings.type.settings, &shape);
        float *theta = allocate(network->n_parameters, sizeof *theta), *gradient = allocate(network->n_parameters, sizeof *theta);
        type->initialise(settings.type.settings, &shape, 1, theta);
        network_set(network, theta);
        double u[2 * LANES], f[2 * LANES], sigma[LANES];
        for (size_t i = 0; i < 2 * LANES; i++) {
                u[i] = 0.01 * (double)i;
                sigma[i % LANES] = 0.5;
        }
        double *ahead = allocate((size_t)repeats, sizeof *ahead), *both = allocate((size_t)repeats, sizeof *both);
        for (int k = 0; k < repeats; k++) {
                double begin = processor_seconds();
                for (int i = 0; i < N; i++)
                        type->forward(network->model, sigma, u, f);
                ahead[k] = (processor_seconds() - begin) / (N * LANES);
                begin = processor_seconds();
                for (int i = 0; i < N; i++) {
                        type->forward(network->model, sigma, u, f);
                        type->backward(network->model, f, NULL, gradient);
                }
                both[k] = (processor_seconds() - begin) / (N * LANES);
        }
        printf("mlp_forward %.3f us/particle\n", 1e6 * median(repeats, ahead));
        printf("mlp_forward_backward %.3f us/particle\n", 1e6 * median(repeats, both));
        free(ahead);
        free(both);
        free(theta);
        free(gradient);
        network_free(network);
        params_release(network_rows, &settings);
        input_free(input);
}

int main(int argc, char **argv)
{
        const int repeats = argc > 1 ? atoi(argv[1]) : 7;
        measure_products(repeats);
        measure_perceptron(repeats);
        return 0;
}
