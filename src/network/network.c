/* The registry of networks, and the life of one. */
#include "sculptor/network.h"

#include <stdlib.h>

#include "network/types.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"

static const struct network_type *const registry[] = {&network_mlp, &network_energy, &network_spectral, &network_unet};
enum { N_TYPES = sizeof registry / sizeof registry[0] };

bool network_variant(size_t i, struct param_variant *variant)
{
        if (i >= N_TYPES)
                return false;
        const struct network_type *type = registry[i];
        *variant = (struct param_variant){.name = type->name, .help = type->help, .rows = type->params,
                                          .settings_size = type->settings_size, .check = type->check, .type = type};
        return true;
}

const struct param network_rows[] = {
        {.key = "type", .kind = PARAM_SELECT, .offset = offsetof(struct network_settings, type),
         .variant = network_variant, .help = "the architecture"},
        PARAM_END};

size_t network_parameters(const struct network_type *type, const void *settings, const struct network_shape *shape)
{
        const size_t n = type->tensors(settings, shape, NULL);
        struct network_tensor *tensor = allocate(n, sizeof *tensor);
        type->tensors(settings, shape, tensor);
        const size_t size = n > 0 ? tensor[n - 1].offset + tensor[n - 1].size : 0;
        free(tensor);
        return size;
}

struct network *network_create(const struct network_type *type, const void *settings, const struct network_shape *shape)
{
        struct network *network = allocate(1, sizeof *network);
        *network = (struct network){.type = type, .settings = settings, .shape = *shape};
        network->n_parameters = network_parameters(type, settings, shape);
        network->tile_size = shape->mesh ? shape->mesh->size : (size_t)shape->n_dim * LANES;
        network->model = type->create(settings, shape);
        return network;
}

void network_free(struct network *network)
{
        if (!network)
                return;
        network->type->free(network->model);
        free(network);
}

void network_set(struct network *network, const float *theta)
{
        network->type->set(network->model, theta);
}
