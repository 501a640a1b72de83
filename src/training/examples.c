/* Rows of a data set in random order, with few of them in memory: an epoch goes through runs of buffer_rows rows (the
 * last may be shorter) in random order, and through the rows of each in random order; example m of the training is row
 * m mod n of epoch m/n. Two runs are kept, since a batch may begin in one and end in the next. */
#include "training/examples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"
#include "training/shuffle.h"

struct buffer { int64_t index; double *rows; };

struct examples {
        struct training_source source;
        struct network_shape shape;
        uint64_t seed;
        int64_t batch, n_train, n_buffers;
        size_t row_values;
        struct buffer buffer[2]; /* the first is the one used last */
        double *held_out;        /* rows of a tile */
};

int examples_of_tile(const struct network_shape *shape)
{
        return shape->mesh ? 1 : LANES;
}

int64_t examples_tiles(const struct network_shape *shape, int64_t n)
{
        const int each = examples_of_tile(shape);
        return (n + each - 1) / each;
}

size_t examples_tile_size(const struct network_shape *shape)
{
        return shape->mesh ? shape->mesh->size : (size_t)shape->n_dim * LANES;
}

struct examples *examples_create(const struct training_source *source, const struct network_shape *shape, uint64_t seed,
                                 int64_t batch)
{
        struct examples *examples = allocate(1, sizeof *examples);
        *examples = (struct examples){.source = *source, .shape = *shape, .seed = seed, .batch = batch};
        examples->row_values = (size_t)(shape->mesh ? shape->mesh->n_cells : shape->n_dim);
        if (source->n_rows == 0)
                return examples;
        examples->n_train = source->n_rows - source->n_validation;
        if (examples->source.buffer_rows > examples->n_train)
                examples->source.buffer_rows = examples->n_train;
        const int64_t rows = examples->source.buffer_rows;
        examples->n_buffers = (examples->n_train + rows - 1) / rows;
        examples->held_out = allocate((size_t)examples_of_tile(shape) * examples->row_values,
                                      sizeof *examples->held_out);
        for (int i = 0; i < 2; i++)
                examples->buffer[i].index = -1; /* memory is asked for at the first use: one may do */
        return examples;
}

void examples_free(struct examples *examples)
{
        if (!examples)
                return;
        free(examples->buffer[0].rows);
        free(examples->buffer[1].rows);
        free(examples->held_out);
        free(examples);
}

int64_t examples_available(const struct examples *examples, enum examples_part part)
{
        if (examples->source.n_rows == 0)
                return INT64_MAX;
        return part == EXAMPLES_VALIDATION ? examples->source.n_validation : examples->n_train;
}

/* ---- which row ---- */

static int64_t rows_of(const struct examples *examples, int64_t buffer)
{
        const int64_t rows = examples->source.buffer_rows, left = examples->n_train - buffer * rows;
        return left < rows ? left : rows;
}

struct row_place { int64_t buffer, row; };

static struct row_place find_row(const struct examples *examples, int64_t m)
{
        const int64_t rows = examples->source.buffer_rows, last = examples->n_buffers - 1;
        const uint32_t epoch = (uint32_t)(m / examples->n_train);
        const struct shuffle buffers = {examples->seed, epoch, 0, examples->n_buffers};
        /* The short buffer stands anywhere among the others. */
        const int64_t at = m % examples->n_train, place_of_last = shuffle_place(&buffers, last);
        const int64_t begin_of_last = place_of_last * rows, size_of_last = rows_of(examples, last);
        int64_t place = at / rows, within = at % rows;
        if (at >= begin_of_last && at < begin_of_last + size_of_last) {
                place = place_of_last;
                within = at - begin_of_last;
        } else if (at >= begin_of_last + size_of_last) {
                const int64_t after = at - begin_of_last - size_of_last;
                place = place_of_last + 1 + after / rows;
                within = after % rows;
        }
        const int64_t buffer = shuffle_at(&buffers, place);
        const struct shuffle order = {examples->seed, epoch, (uint32_t)(buffer + 1), rows_of(examples, buffer)};
        return (struct row_place){buffer, shuffle_at(&order, within)};
}

static const char *use_buffer(struct examples *examples, int64_t index)
{
        struct buffer *buffer = examples->buffer;
        if (buffer[0].index == index)
                return NULL;
        const struct buffer other = buffer[1];
        buffer[1] = buffer[0];
        buffer[0] = other;
        if (buffer[0].index == index)
                return NULL;
        if (!buffer[0].rows)
                buffer[0].rows = allocate((size_t)examples->source.buffer_rows * examples->row_values,
                                          sizeof *buffer[0].rows);
        buffer[0].index = -1;
        const char *why = examples->source.read(examples->source.owner, index * examples->source.buffer_rows,
                                                rows_of(examples, index), buffer[0].rows);
        if (!why)
                buffer[0].index = index;
        return why;
}

/* Row m of the training; there until the next is asked for. */
static const char *find_example(struct examples *examples, int64_t m, const double **row)
{
        const struct row_place at = find_row(examples, m);
        const char *why = use_buffer(examples, at.buffer);
        *row = examples->buffer[0].rows + (size_t)at.row * examples->row_values;
        return why;
}

/* ---- tiles ---- */

static void row_to_tile(const struct network_shape *shape, const double *restrict row, size_t lane, double *restrict x)
{
        const struct mesh *mesh = shape->mesh;
        if (!mesh) {
                for (size_t c = 0; c < (size_t)shape->n_dim; c++)
                        x[c * LANES + lane] = row[c];
                return;
        }
        for (size_t p = 0; p < mesh->n_planes_here; p++) {
                memcpy(x + p * mesh->plane_stride, row + p * mesh->plane_cells, mesh->plane_cells * sizeof *x);
                memset(x + p * mesh->plane_stride + mesh->plane_cells, 0,
                       (mesh->plane_stride - mesh->plane_cells) * sizeof *x);
        }
}

static void draw_tile(const struct examples *examples, const struct examples_place *place, double *restrict x)
{
        const struct rng_stream stream = {.seed = examples->seed, .purpose = RNG_TARGET, .level = (uint32_t)place->part,
                                          .step = (uint32_t)place->step};
        /* The modes of a field have no place for a step in their keys: there an example is its place in the
         * training. */
        const int64_t first = examples->shape.mesh ? place->step * examples->batch + place->block
                                                   : place->block * LANES;
        const struct score *target = examples->source.target;
        target->type->draw(target->model, &stream, (uint64_t)first, x);
}

const char *examples_tile(struct examples *examples, const struct examples_place *place, double *restrict x)
{
        if (examples->source.n_rows == 0) {
                draw_tile(examples, place, x);
                return NULL;
        }
        const int each = examples_of_tile(&examples->shape);
        const int64_t first = place->block * each, left = place->n - first, n_here = left < each ? left : each;
        if (place->part == EXAMPLES_VALIDATION) {
                const char *why = examples->source.read(examples->source.owner, examples->n_train + first, n_here,
                                                        examples->held_out);
                if (why)
                        return why;
        }
        for (int64_t lane = 0; lane < each; lane++) {
                const int64_t i = lane < n_here ? lane : n_here - 1;
                const double *row = examples->held_out + (size_t)i * examples->row_values;
                const char *why = place->part == EXAMPLES_VALIDATION
                                          ? NULL
                                          : find_example(examples, place->step * examples->batch + first + i, &row);
                if (why)
                        return why;
                row_to_tile(&examples->shape, row, (size_t)lane, x);
        }
        return NULL;
}

void examples_noise(const struct network_shape *shape, const struct rng_stream *stream, int64_t block,
                    double *restrict noise)
{
        const struct mesh *mesh = shape->mesh;
        if (!mesh) {
                rng_normal(stream, (uint64_t)block * LANES, shape->n_dim, noise);
                return;
        }
        for (size_t p = 0; p < mesh->n_planes_here; p++) {
                double *plane = noise + p * mesh->plane_stride;
                rng_normal_row(stream, (uint64_t)block, (int64_t)(p * mesh->plane_cells), (int64_t)mesh->plane_cells,
                               plane);
                memset(plane + mesh->plane_cells, 0, (mesh->plane_stride - mesh->plane_cells) * sizeof *plane);
        }
}

const char *examples_agree(const char *why, char reason[160])
{
        const int size = parallel_size();
        const int failed = (int)parallel_min(why ? parallel_rank() : size);
        if (failed == size)
                return NULL;
        if (failed == parallel_rank())
                snprintf(reason, 160, "%s", why);
        parallel_broadcast(reason, 160, failed);
        return reason;
}
