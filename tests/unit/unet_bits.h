/* As kernel_bits.h: a hash of what the U-Net computes, the same in every build. */
#ifndef UNET_BITS_H
#define UNET_BITS_H

#include "kernel_bits.h"
#include "network/unet.h"

#define BITS_OF_UNET UINT64_C(0x2bfe6f7759932d01)

/* Forward, tangent and backward on a mesh of odd rows, with channels that do not fill a chunk. */
static inline uint64_t bits_of_unet_on(int n_axes, int64_t channels)
{
        const struct unet_settings settings = {.channels = channels, .levels = 1, .blocks = 1, .embedding = 2};
        struct mesh mesh = {.n_axes = n_axes, .n = {4, 14, 6}, .n_planes = 4, .n_planes_here = 4,
                            .plane_cells = n_axes == 3 ? 84 : 14, .plane_stride = n_axes == 3 ? 128 : 64};
        const struct network_shape shape = {.n_axes = n_axes, .mesh = &mesh};
        const size_t size = mesh.n_planes_here * mesh.plane_stride;
        struct unet *unet = unet_create(&settings, &shape);
        const size_t n = unet->n_parameters;
        float *theta = allocate(n, sizeof *theta), *gradient = allocate(n, sizeof *gradient);
        unet_initialise(&settings, &shape, 11, theta);
        for (size_t i = 0; i < n; i++)
                theta[i] += (float)(0.1 * mixed_unit(i) - 0.05);
        unet_set(unet, theta);
        unet_embed(unet, 0.37);
        double *u = allocate(size, sizeof *u), *f = allocate(size, sizeof *f);
        for (size_t i = 0; i < size; i++)
                u[i] = 4 * mixed_unit(i + 1000000) - 2;
        unet_forward(unet, u, f);
        uint64_t hash = hash_doubles(HASH_START, f, size);
        unet_tangent(unet, u, f);
        hash = hash_doubles(hash, f, size);
        unet_backward(unet, u, f, gradient);
        hash = hash_floats(hash_doubles(hash, f, size), gradient, n);
        unet_free(unet);
        free(theta);
        free(gradient);
        free(u);
        free(f);
        return hash;
}

static inline uint64_t bits_of_unet(void)
{
        return bits_of_unet_on(2, 20) ^ bits_of_unet_on(3, 6) << 1;
}

#endif
