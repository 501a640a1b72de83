#include "network/particle_inputs.h"

#include <string.h>

#include "network/gemm.h"
#include "sculptor/vecmath.h"

enum { MOST_COORDINATES = 64 };

static const char *const activations[] = {[PERCEPTRON_SILU] = "silu", [PERCEPTRON_TANH] = "tanh", NULL};

const struct param perceptron_rows[] = {
        {.key = "width", .kind = PARAM_INTEGER, .offset = PERCEPTRON_ROW(width), .fallback = "128",
         .range = "[1, 4096]", .help = "units of each hidden layer; a multiple of 16 wastes nothing"},
        {.key = "layers", .kind = PARAM_INTEGER, .offset = PERCEPTRON_ROW(layers), .fallback = "3", .range = "[1, 16]",
         .help = "hidden layers"},
        {.key = "embedding", .kind = PARAM_INTEGER, .offset = PERCEPTRON_ROW(embedding), .fallback = "4",
         .range = "[0, 64]", .help = "frequencies of cos and sin of ln(sigma)/4 that tell the network its noise level"},
        {.key = "activation", .kind = PARAM_CHOICE, .offset = PERCEPTRON_ROW(activation), .choices = activations,
         .fallback = "silu", .help = "after each hidden layer"},
        {.key = "spectral_norm", .kind = PARAM_REAL, .offset = PERCEPTRON_ROW(spectral_norm), .fallback = "0",
         .range = "[0, inf)",
         .help = "the most a layer's weights may stretch a vector, which bounds the Lipschitz constant; 0: no bound"},
        PARAM_END};

struct perceptron_shape particle_inputs_shape(const struct perceptron_settings *settings, int64_t n_dim,
                                              size_t n_outputs)
{
        struct perceptron_shape shape = {.n_layers = (size_t)settings->layers + 1,
                                         .activation = (enum perceptron_activation)settings->activation,
                                         .spectral_norm = settings->spectral_norm};
        for (size_t l = 1; l < shape.n_layers; l++)
                shape.size[l] = (size_t)settings->width;
        shape.size[0] = (size_t)n_dim + 1 + 2 * (size_t)settings->embedding;
        shape.size[shape.n_layers] = n_outputs;
        return shape;
}

const char *particle_inputs_unfit(const struct network_shape *shape)
{
        return shape->n_dim > MOST_COORDINATES
                       ? "is of particles of at most 64 coordinates; fields have spectral and unet"
               : shape->n_dim < 1 ? "is of particles; fields have spectral and unet"
                                  : NULL;
}

static float *row_of(float *panels, size_t n_rows, size_t row, size_t panel)
{
        return panels + (panel * n_rows + row) * PANEL;
}

static void put_row(float *panels, size_t n_rows, size_t row, const double *value)
{
        for (size_t panel = 0; panel < LANES / PANEL; panel++)
                for (size_t j = 0; j < PANEL; j++)
                        row_of(panels, n_rows, row, panel)[j] = (float)value[panel * PANEL + j];
}

void particle_inputs_pack(size_t n_dim, size_t n_rows, const double *v, float *panels)
{
        if (n_rows > n_dim)
                memset(panels, 0, n_rows * LANES * sizeof *panels);
        for (size_t c = 0; c < n_dim; c++)
                put_row(panels, n_rows, c, v + c * LANES);
}

void particle_inputs_unpack(size_t n_dim, size_t n_rows, const float *panels, double *v)
{
        for (size_t panel = 0; panel < LANES / PANEL; panel++)
                for (size_t c = 0; c < n_dim; c++)
                        for (size_t j = 0; j < PANEL; j++)
                                v[c * LANES + panel * PANEL + j] = (double)panels[(panel * n_rows + c) * PANEL + j];
}

void particle_inputs_fill(struct perceptron *perceptron, size_t n_dim, size_t embedding, const double *sigma,
                          const double *u)
{
        const size_t n_rows = n_dim + 1 + 2 * embedding;
        float *panels = perceptron_inputs(perceptron);
        double noise[LANES], cosine[LANES], sine[LANES];
        for (size_t c = 0; c < n_dim; c++)
                put_row(panels, n_rows, c, u + c * LANES);
        for (size_t lane = 0; lane < LANES; lane++)
                noise[lane] = 0.25 * vm_log(sigma[lane]);
        put_row(panels, n_rows, n_dim, noise);
        for (size_t q = 0; q < embedding; q++) {
                const double frequency = 3.14159265358979323846 * (double)(q + 1);
                for (size_t lane = 0; lane < LANES; lane++) {
                        const struct vm_sincos at = vm_sincos_radians(frequency * noise[lane]);
                        cosine[lane] = at.cos;
                        sine[lane] = at.sin;
                }
                put_row(panels, n_rows, n_dim + 1 + q, cosine);
                put_row(panels, n_rows, n_dim + 1 + embedding + q, sine);
        }
}
