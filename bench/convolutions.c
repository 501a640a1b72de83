/* Speed of convolutions on one core, as lines "name value unit", the fastest of repeats by processor time, as what else
 * runs beside them on the chip only slows them:
 *
 *     build/bench/convolutions [REPEATS]
 *
 * The peak is that of independent chains of fused multiply-adds in registers, the fastest seen. A tap, channel in and
 * channel out of a cell are 2 operations. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "network/conv.h"
#include "network/vector.h"
#include "sculptor/memory.h"

static double processor_seconds(void)
{
        struct timespec now;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double larger(double a, double b)
{
        return a > b ? a : b;
}

static void fill(float *value, size_t n)
{
        for (size_t i = 0; i < n; i++)
                value[i] = (float)(i * 2654435761u % 1000) / 1000 - 0.5f;
}

/* ---- the peak ---- */

enum { CHAINS = VECTOR_ROWS == 12 ? 24 : 12 };

/* Operations a second. */
static double peak(float *sink)
{
        enum { N = 200000 };
        vector chain[CHAINS];
        for (int i = 0; i < CHAINS; i++)
                chain[i] = vector_all(sink[i]);
        const vector factor = vector_all(0.999f), term = vector_all(sink[0]);
        const double begin = processor_seconds();
        for (int k = 0; k < N; k++)
#pragma GCC unroll 24
                for (int i = 0; i < CHAINS; i++)
                        chain[i] = vector_fma(chain[i], factor, term);
        const double seconds = processor_seconds() - begin;
        vector sum = chain[0]; /* so that nothing is left out */
        for (int i = 1; i < CHAINS; i++)
                sum = vector_add(sum, chain[i]);
        vector_store(sink, sum);
        return 2. * N * CHAINS * VECTOR_FLOATS / seconds;
}

/* ---- convolutions ---- */

struct bench {
        struct conv_grid grid;
        struct conv_shape shape;
        float *in, *d, *out, *w, *packed, *work, *gradient;
};

static void forward(struct bench *b)
{
        conv_apply(&b->grid, b->shape, b->packed, NULL, b->in, NULL, b->out);
}

static void backward_data(struct bench *b)
{
        const struct conv_shape transposed = {b->shape.n_out, b->shape.n_in};
        conv_apply(&b->grid, transposed, b->packed, NULL, b->d, NULL, b->out);
}

static void backward_weights(struct bench *b)
{
        conv_gradient(&b->grid, b->shape, b->in, b->d, b->work, b->gradient);
}

static void measure(const char *name, const char *what, void (*run)(struct bench *), struct bench *b, size_t repeats)
{
        const size_t cells = b->grid.planes * b->grid.rows * b->grid.width, taps = conv_taps(&b->grid);
        const double operations = 2. * (double)(cells * taps * b->shape.n_in * b->shape.n_out);
        const size_t times = (size_t)(5e8 / operations) + 1;
        double fastest = 0, at_peak = 0;
        run(b);
        for (size_t r = 0; r < repeats; r++) {
                const double begin = processor_seconds();
                for (size_t i = 0; i < times; i++)
                        run(b);
                fastest = larger(fastest, (double)times * operations / (processor_seconds() - begin));
                at_peak = larger(at_peak, peak(b->work));
        }
        printf("convolution_%s_%s %.4g 1/s\n", name, what, fastest);
        printf("convolution_%s_%s_of_peak %.3f 1\n", name, what, fastest / at_peak);
        fflush(stdout);
}

static void convolutions(const char *name, int n_axes, size_t n, size_t channels, size_t repeats)
{
        struct bench b = {.grid = conv_grid(n_axes, n, n, n), .shape = {channels, channels}};
        const size_t size = conv_size(&b.grid, channels), taps = conv_taps(&b.grid), n_w = channels * channels * taps;
        float **field[] = {&b.in, &b.d, &b.out};
        for (size_t i = 0; i < sizeof field / sizeof *field; i++)
                fill(*field[i] = allocate(size, sizeof(float)), size);
        fill(b.w = allocate(n_w, sizeof(float)), n_w);
        b.gradient = allocate(n_w, sizeof(float));
        b.packed = allocate(conv_packed_size(b.shape, taps), sizeof(float));
        b.work = allocate(CONV_CHUNK * CONV_CHUNK * taps, sizeof(float));
        conv_pack(b.shape, taps, b.w, b.packed);
        measure(name, "forward", forward, &b, repeats);
        conv_pack_transposed(b.shape, taps, b.w, b.packed);
        measure(name, "backward_data", backward_data, &b, repeats);
        measure(name, "backward_weights", backward_weights, &b, repeats);
        float *owned[] = {b.in, b.d, b.out, b.w, b.packed, b.work, b.gradient};
        for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
                free(owned[i]);
}

int main(int argc, char **argv)
{
        const long repeats = argc > 1 ? strtol(argv[1], NULL, 10) : 50;
        if (repeats < 1) {
                fprintf(stderr, "usage: convolutions [REPEATS], at least 1\n");
                return 2;
        }
        float sink[CHAINS * VECTOR_FLOATS] = {1};
        double fastest = 0;
        for (long r = 0; r < repeats; r++)
                fastest = larger(fastest, peak(sink));
        printf("fma_peak %.4g 1/s\n", fastest);
        convolutions("64x64_16", 2, 64, 16, (size_t)repeats);
        convolutions("64x64_32", 2, 64, 32, (size_t)repeats);
        convolutions("64x64_64", 2, 64, 64, (size_t)repeats);
        convolutions("16x16_64", 2, 16, 64, (size_t)repeats);
        convolutions("32x32x32_32", 3, 32, 32, (size_t)repeats);
        return 0;
}
