/* What a mesh is: its input, how planes and blocks of lines are shared out, its modes, and sums over its
 * cells. Local but for the sums. */
#include "field/mesh_geometry.h"

#include <math.h>
#include <string.h>

#include "sculptor/memory.h"
#include "sculptor/parallel.h"
#include "sculptor/rng.h"
#include "sculptor/tree_sum.h"

#define TWO_PI 6.283185307179586476925286766559

/* ---- the input ---- */

#define FIELD(member) offsetof(struct mesh_settings, member)

const struct param mesh_params[] = {
        {.key = "cells", .kind = PARAM_VECTOR, .offset = FIELD(cells), .range = "[2, 1048576]",
         .help = "cells along x, y and, in three dimensions, z; or one number for all axes"},
        {.key = "dimensions", .kind = PARAM_INTEGER, .offset = FIELD(dimensions), .fallback = "auto",
         .automatic = "auto", .range = "[2, 3]", .help = "axes of the box; auto: as many as cells or box_size has"},
        {.key = "box_size", .kind = PARAM_VECTOR, .offset = FIELD(box_size), .range = "(0, inf)", .unit = "Mpc/h",
         .help = "lengths of the periodic box along x, y[, z]; or one number for all axes"},
        PARAM_END};

static int64_t count_axes(const struct mesh_settings *settings)
{
        if (settings->dimensions > 0)
                return settings->dimensions;
        size_t n = settings->cells.n > settings->box_size.n ? settings->cells.n : settings->box_size.n;
        return n == 1 ? -1 : (int64_t)n;
}

static bool check_vector(const struct params_scope *scope, const char *key, const struct real_vector *vector,
                         int64_t n_axes)
{
        const bool right = vector->n == 1 || (int64_t)vector->n == n_axes;
        if (!right)
                params_problem(scope, key,
                               "has %zu numbers, but the box has %lld axes; give one number, or one for each",
                               vector->n, (long long)n_axes);
        return right;
}

void mesh_check(const void *configured, const struct params_scope *scope)
{
        const struct mesh_settings *settings = configured;
        int64_t n_axes = count_axes(settings);
        if (n_axes != 2 && n_axes != 3) {
                const char *named = settings->cells.n > 1 ? "cells" : "box_size";
                params_problem(scope, n_axes < 0 ? "dimensions" : named,
                               n_axes < 0 ? "is needed: cells and box_size are one number each; give dimensions: 2 or 3"
                                          : "has %lld numbers; a mesh has 2 or 3 axes",
                               (long long)n_axes);
                return;
        }
        const bool cells_right = check_vector(scope, "cells", &settings->cells, n_axes);
        if (!check_vector(scope, "box_size", &settings->box_size, n_axes) || !cells_right)
                return;
        double n_cells = 1;
        for (int64_t i = 0; i < n_axes; i++) {
                double n = settings->cells.value[settings->cells.n == 1 ? 0 : i];
                if (n != floor(n)) {
                        params_problem(scope, "cells", "%g is not a whole number of cells", n);
                        return;
                }
                n_cells *= n;
        }
        if (n_cells > (double)RNG_MAX_COORDINATES)
                params_problem(scope, "cells",
                               "%.4g cells are more than the %.4g that have random numbers of their own", n_cells,
                               (double)RNG_MAX_COORDINATES);
}

int64_t mesh_settings_cells(const struct mesh_settings *settings)
{
        int64_t n_cells = 1;
        for (int64_t i = 0; i < count_axes(settings); i++)
                n_cells *= (int64_t)settings->cells.value[settings->cells.n == 1 ? 0 : i];
        return n_cells;
}

/* ---- sharing out ---- */

static size_t round_up(size_t n, size_t multiple)
{
        return (n + multiple - 1) / multiple * multiple;
}

/* Lines in a block: enough to move whole cache lines, few enough that a block stays in cache and that
 * several ranks get some. A function of the mesh alone, since the plan's shape follows from it. */
static size_t block_width(int64_t n_planes, int64_t n_lines)
{
        enum { MOST = 32, LEAST = 4, CACHE = 128 << 10, COMPLEX = 16 };
        size_t width = MOST;
        while (width > LEAST && ((size_t)n_planes * width * COMPLEX > CACHE || (int64_t)width * 16 > n_lines))
                width /= 2;
        return width;
}

struct share mesh_share(int64_t n, int rank, int size)
{
        int64_t each = (n + size - 1) / size; /* FFTW's own way: the last ranks may have less, or none */
        struct share share = {.begin = rank * each < n ? rank * each : n, .each = each};
        share.n = n - share.begin < each ? n - share.begin : each;
        return share;
}

/* Whether -k_x is k_x too, so that both k and -k are in the half that is kept. */
static bool alone(int64_t n_x, int64_t n)
{
        return n_x == 0 || 2 * n_x == n;
}

void mesh_geometry(struct mesh *mesh, const struct mesh_settings *settings)
{
        mesh->n_axes = (int)count_axes(settings);
        mesh->n_cells = 1;
        mesh->volume = 1;
        for (int i = 0; i < mesh->n_axes; i++) { /* x, y, z in the input; z, y, x in arrays */
                int from = mesh->n_axes - 1 - i;
                mesh->n[i] = (int64_t)settings->cells.value[settings->cells.n == 1 ? 0 : from];
                mesh->length[i] = settings->box_size.value[settings->box_size.n == 1 ? 0 : from];
                mesh->n_cells *= mesh->n[i];
                mesh->volume *= mesh->length[i];
        }
        mesh->cell_volume = mesh->volume / (double)mesh->n_cells;

        int rank = parallel_domain_rank(), size = parallel_domain_size();
        mesh->n_planes = mesh->n[0];
        struct share planes = mesh_share(mesh->n_planes, rank, size);
        mesh->plane_begin = planes.begin;
        mesh->n_planes_here = (size_t)planes.n;
        mesh->plane_cells = (size_t)(mesh->n_cells / mesh->n[0]);
        mesh->plane_stride = round_up(mesh->plane_cells, 64);
        mesh->size = mesh->n_planes_here * mesh->plane_stride;

        const int64_t half = mesh->n[mesh->n_axes - 1] / 2 + 1;
        mesh->n_lines = mesh->n_axes == 3 ? mesh->n[1] * half : half;
        mesh->width = block_width(mesh->n_planes, mesh->n_lines);
        mesh->n_blocks = (mesh->n_lines + (int64_t)mesh->width - 1) / (int64_t)mesh->width;
        struct share blocks = mesh_share(mesh->n_blocks, rank, size);
        mesh->block_begin = blocks.begin;
        mesh->n_blocks_here = (size_t)blocks.n;
        mesh->block_modes = (size_t)mesh->n_planes * mesh->width;

        mesh->line_weight = allocate((size_t)mesh->n_blocks * mesh->width, sizeof *mesh->line_weight);
        for (int64_t line = 0; line < mesh->n_lines; line++)
                mesh->line_weight[line] = alone(line % half, mesh->n[mesh->n_axes - 1]) ? 1 : 2;
}

size_t mesh_modes_here(const struct mesh *mesh)
{
        return mesh->n_blocks_here * mesh->block_modes;
}

double mesh_smallest_wavenumber(const struct mesh *mesh)
{
        double longest = 0;
        for (int i = 0; i < mesh->n_axes; i++)
                longest = fmax(longest, mesh->length[i]);
        return TWO_PI / longest;
}

double mesh_largest_wavenumber(const struct mesh *mesh)
{
        double sum = 0;
        for (int i = 0; i < mesh->n_axes; i++) {
                const int64_t most = mesh->n[i] / 2;
                double k = TWO_PI * (double)most / mesh->length[i];
                sum += k * k;
        }
        return sqrt(sum);
}

/* ---- modes ---- */

void mode_begin(const struct mesh *mesh, int64_t block, struct mode *mode)
{
        *mode = (struct mode){.mesh = mesh, .block = block};
}

bool mode_next(struct mode *mode)
{
        const struct mesh *mesh = mode->mesh;
        const int64_t width = (int64_t)mesh->width, half = mesh->n[mesh->n_axes - 1] / 2 + 1;
        int64_t plane, line;
        do { /* past the spare lines of the last block */
                if (mode->next >= (int64_t)mesh->block_modes)
                        return false;
                mode->index = (size_t)mode->next;
                plane = mode->next / width;
                line = mode->block * width + mode->next % width;
                mode->next++;
        } while (line >= mesh->n_lines);

        const int x = mesh->n_axes - 1;
        mode->n[0] = mesh_folded(plane, mesh->n[0]);
        if (mesh->n_axes == 3)
                mode->n[1] = mesh_folded(line / half, mesh->n[1]);
        mode->n[x] = (int32_t)(line % half);
        mode->k_squared = 0;
        mode->self_conjugate = mode->zero = true;
        for (int i = 0; i <= x; i++) {
                mode->k[i] = TWO_PI * mode->n[i] / mesh->length[i];
                mode->k_squared = fma(mode->k[i], mode->k[i], mode->k_squared);
                if (mode->n[i] != 0)
                        mode->zero = false;
                if (mode->n[i] != 0 && 2 * (int64_t)mode->n[i] != mesh->n[i])
                        mode->self_conjugate = false;
        }
        mode->weight = alone(mode->n[x], mesh->n[x]) ? 1 : 2;
        return true;
}

/* ---- sums over cells ---- */

double mesh_sum(const struct mesh *mesh, void (*add)(void *owner, size_t begin, size_t end, double *sum), void *owner)
{
        return tree_sum_planes(mesh->plane_begin, mesh->n_planes_here, mesh->plane_stride, add, owner);
}

struct pair { const double *a, *b; };

static void add_products(void *owner, size_t begin, size_t end, double *sum)
{
        const struct pair *pair = owner;
        for (size_t row = begin; row < end; row += 64)
                for (size_t i = 0; i < 64; i++)
                        sum[i] = fma(pair->a[row + i], pair->b[row + i], sum[i]);
}

double mesh_dot(const struct mesh *mesh, const double *a, const double *b)
{
        struct pair pair = {a, b};
        return mesh_sum(mesh, add_products, &pair);
}
