/* At 1, 2, 3 and 4 ranks, each grid of ensemble x domain: transforms, filters, sums and random fields have the
 * same bits, also where some ranks have no plane or no block. */
#include "field_grids.h"

static void keep(void *owner, const struct mesh_block *block)
{
        memcpy((double *)owner + 2 * block->first, block->value, 2 * block->mesh->block_modes * sizeof *block->value);
}

static void put(void *owner, const struct mesh_block *block)
{
        memcpy(block->value, (double *)owner + 2 * block->first, 2 * block->mesh->block_modes * sizeof *block->value);
}

static void halve(void *owner, const struct mesh_block *block)
{
        (void)owner;
        for (size_t i = 0; i < 2 * block->mesh->block_modes; i++)
                block->value[i] *= 0.5;
}

static uint64_t transforms_on(struct mesh *mesh)
{
        double *field = noise(mesh, 1), *back = mesh_allocate(mesh), *filtered = mesh_allocate(mesh);
        double *modes = allocate(2 * mesh_modes_here(mesh), sizeof *modes);
        mesh_forward(mesh, field, keep, modes);
        uint64_t hash = hash_domain(HASH_BEGIN, modes, 2 * mesh_modes_here(mesh));
        mesh_inverse(mesh, put, modes, back);
        hash = hash_domain(hash, back, mesh->size);
        mesh_filter(mesh, field, filtered, halve, NULL);
        mesh_filter(mesh, field, field, halve, NULL);
        bool ok = memcmp(field, filtered, mesh->size * sizeof *field) == 0; /* in place */
        for (size_t i = 0; i < mesh->size; i++)
                ok &= filtered[i] == 0.5 * back[i]; /* halves are exact */
        hash = hash_domain(hash, field, mesh->size);
        const double dot = mesh_dot(mesh, field, back);
        hash = hash_more(hash, &dot, 1);
        free(field);
        free(back);
        free(filtered);
        free(modes);
        return parallel_domain_any(!ok) ? 0 : hash;
}

static uint64_t transforms(const struct shape *shape)
{
        struct mesh *mesh = mesh_of(shape);
        free(mesh_plan(mesh, MESH_ESTIMATE, NULL, false));
        const uint64_t hash = transforms_on(mesh);
        mesh_free(mesh);
        return hash;
}

static uint64_t random_fields(const struct shape *shape)
{
        struct mesh *mesh = mesh_of(shape);
        free(mesh_plan(mesh, MESH_ESTIMATE, NULL, false));
        double *variance = variances(mesh), *field = mesh_allocate(mesh);
        const struct rng_stream stream = {.seed = 5, .purpose = RNG_MODES};
        const struct random_field_options options = {.paired = true};
        uint64_t hash = HASH_BEGIN;
        for (uint64_t particle = 0; particle < 3; particle++) {
                random_field_draw(mesh, variance, &options, &stream, particle, field);
                hash = hash_domain(hash, field, mesh->size);
        }
        free(field);
        free(variance);
        mesh_free(mesh);
        return hash;
}

/* ---- plans that were measured ---- */

static void measured_plans_are_made_again_from_wisdom(void)
{
        bool ok = true;
        for (size_t i = 0; i < SHAPES; i++) {
                char *wisdom = NULL;
                uint64_t first = 0;
                for (int size = 1; size <= parallel_size(); size++) {
                        if (parallel_size() % size != 0)
                                continue;
                        parallel_split(size);
                        struct mesh *mesh = mesh_of(&shapes[i]);
                        char *now = mesh_plan(mesh, MESH_MEASURE, wisdom, wisdom != NULL);
                        ok &= now != NULL;
                        if (now) {
                                const uint64_t hash = transforms_on(mesh);
                                first = wisdom ? first : hash;
                                ok &= hash == first && hash != 0;
                        }
                        if (wisdom)
                                free(now);
                        else
                                wisdom = now;
                        mesh_free(mesh);
                }
                free(wisdom);
        }
        parallel_split(1);
        claim("measured_plans_are_made_again_from_wisdom", ok);
}

static void foreign_wisdom_does_not_suffice_on_any_rank(void)
{
        bool ok = true;
        parallel_split(parallel_size());
        struct mesh *cube = mesh_of(&shapes[0]), *sheet = mesh_of(&shapes[5]);
        char *wisdom = mesh_plan(cube, MESH_MEASURE, NULL, false);
        ok &= wisdom && *wisdom;
        char *refused = mesh_plan(sheet, MESH_MEASURE, wisdom, true);
        ok &= refused == NULL;
        free(refused);
        char *added = mesh_plan(sheet, MESH_MEASURE, wisdom, false); /* a mesh that was refused may be planned again */
        ok &= added && transforms_on(sheet) != 0;
        free(added);
        free(wisdom);
        mesh_free(cube);
        mesh_free(sheet);
        parallel_split(1);
        claim("foreign_wisdom_does_not_suffice_on_any_rank", ok);
}

static void every_plane_and_block_is_on_one_rank(void)
{
        bool ok = true;
        parallel_split(parallel_size());
        for (size_t i = 0; i < SHAPES; i++) {
                struct mesh *mesh = mesh_of(&shapes[i]);
                int64_t planes = 0, blocks = 0;
                ok &= parallel_sum_integer((int64_t)mesh->n_planes_here) == mesh->n_planes;
                ok &= parallel_sum_integer((int64_t)mesh->n_blocks_here) == mesh->n_blocks;
                for (size_t p = 0; p < mesh->n_planes_here; p++)
                        planes += mesh->plane_begin + (int64_t)p;
                for (size_t b = 0; b < mesh->n_blocks_here; b++)
                        blocks += mesh->block_begin + (int64_t)b;
                ok &= parallel_sum_integer(planes) == mesh->n_planes * (mesh->n_planes - 1) / 2;
                ok &= parallel_sum_integer(blocks) == mesh->n_blocks * (mesh->n_blocks - 1) / 2;
                mesh_free(mesh);
        }
        parallel_split(1);
        claim("every_plane_and_block_is_on_one_rank", ok);
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        every_plane_and_block_is_on_one_rank();
        same_on_all_grids("transforms", transforms);
        same_on_all_grids("random_fields", random_fields);
        measured_plans_are_made_again_from_wisdom();
        foreign_wisdom_does_not_suffice_on_any_rank();
        leave_all(n_failed > 0 ? 1 : 0);
}
