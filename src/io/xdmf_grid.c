#include "io/xdmf_grid.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/agree.h"
#include "io/field_views.h"
#include "io/hdf5_tools.h"
#include "io/path.h"
#include "sculptor/memory.h"
#include "sculptor/mesh.h"

struct grid {
        FILE *out;
        hid_t file;
        const char *name; /* of the file, as seen from beside it */
        int64_t index;
};

/* Values of a data set of the file. */
static void put_item(const struct grid *grid, const char *dimensions, const char *type, int bytes, const char *set)
{
        fprintf(grid->out,
                "<DataItem Dimensions=\"%s\" NumberType=\"%s\" Precision=\"%d\" Format=\"HDF\">%s:%s</DataItem>",
                dimensions, type, bytes, grid->name, set);
}

/* Rank and shape of a root array, -1 where it is none or has more axes than `most`. */
static int find_shape(hid_t file, const char *name, int most, hsize_t *shape, bool *single)
{
        if (H5(H5Lexists(file, name, H5P_DEFAULT)) <= 0)
                return -1;
        hid_t set = H5(H5Dopen2(file, name, H5P_DEFAULT)), space = H5(H5Dget_space(set)), type = H5(H5Dget_type(set));
        int rank = H5Sget_simple_extent_ndims(space);
        if (rank > most || H5Sget_simple_extent_dims(space, shape, NULL) < 0)
                rank = -1;
        *single = H5Tget_size(type) == sizeof(float);
        H5Tclose(type);
        H5Sclose(space);
        H5Dclose(set);
        return rank;
}

/* ---- fields: cells of a box, a scalar a realisation ---- */

static void get_lengths(hid_t file, int n_axes, double *length)
{
        hid_t attribute = H5(H5Aopen(file, "BoxSize", H5P_DEFAULT)), space = H5(H5Aget_space(attribute));
        if (H5Sget_simple_extent_npoints(space) == n_axes)
                H5(H5Aread(attribute, H5T_NATIVE_DOUBLE, length));
        else
                hdf5_checked(-1, "BoxSize of another shape");
        H5Sclose(space);
        H5Aclose(attribute);
}

static void put_fields(const struct grid *grid, int n_axes, const hsize_t *shape, bool single)
{
        static const char *const inline_numbers = "<DataItem Dimensions=\"3\" NumberType=\"Float\" Precision=\"8\" "
                                                  "Format=\"XML\">%.17g %.17g %.17g</DataItem>";
        unsigned long long n[MESH_MAX_AXES] = {1, 1, 1}; /* one layer of cells where the box is flat */
        double length[MESH_MAX_AXES] = {0}, spacing[MESH_MAX_AXES];
        const int flat = MESH_MAX_AXES - n_axes;
        get_lengths(grid->file, n_axes, length);
        for (int i = 0; i < n_axes; i++) {
                n[flat + i] = shape[1 + i];
                spacing[flat + i] = length[i] / (double)shape[1 + i];
        }
        if (flat)
                spacing[0] = spacing[1];
        fprintf(grid->out, "<Topology TopologyType=\"3DCoRectMesh\" Dimensions=\"%llu %llu %llu\"/>\n", n[0] + 1,
                n[1] + 1, n[2] + 1);
        fprintf(grid->out, "<Geometry GeometryType=\"ORIGIN_DXDYDZ\">");
        fprintf(grid->out, inline_numbers, 0.0, 0.0, 0.0);
        fprintf(grid->out, inline_numbers, spacing[0], spacing[1], spacing[2]); /* z first, as the dimensions */
        fprintf(grid->out, "</Geometry>\n");
        for (hsize_t m = 0; m < shape[0] && m < FIELD_VIEWS; m++) {
                char dimensions[80], set[80];
                snprintf(dimensions, sizeof dimensions, "%llu %llu %llu", n[0], n[1], n[2]);
                snprintf(set, sizeof set, "/data/%" PRId64 "/meshes/density_%04d", grid->index, (int)m);
                fprintf(grid->out, "<Attribute Name=\"density_%04d\" AttributeType=\"Scalar\" Center=\"Cell\">",
                        (int)m);
                put_item(grid, dimensions, "Float", single ? 4 : 8, set);
                fprintf(grid->out, "</Attribute>\n");
        }
}

/* ---- particles: points ---- */

struct columns {
        const struct grid *grid;
        const char *dimensions; /* of a number per particle */
};

/* A number per particle is a data set among the particles' records that is no group and no matrix. */
static herr_t put_column(hid_t records, const char *name, const H5L_info_t *link, void *owner)
{
        (void)link;
        const struct columns *columns = owner;
        H5O_info_t object;
        if (H5(H5Oget_info_by_name1(records, name, &object, H5P_DEFAULT)) < 0 || object.type != H5O_TYPE_DATASET)
                return 0;
        bool id = strcmp(name, "id") == 0;
        char *set = format_text("/%s", id ? "particle" : name);
        hsize_t shape[1];
        bool single;
        if (find_shape(columns->grid->file, set, 1, shape, &single) == 1) {
                fprintf(columns->grid->out, "<Attribute Name=\"%s\" AttributeType=\"Scalar\" Center=\"Node\">", name);
                put_item(columns->grid, columns->dimensions, id ? "UInt" : "Float", single ? 4 : 8, set);
                fprintf(columns->grid->out, "</Attribute>\n");
        }
        free(set);
        return 0;
}

static void put_particles(const struct grid *grid, const hsize_t *shape)
{
        const unsigned long long n = shape[0], n_dim = shape[1];
        char one[32], all[64], records[80];
        snprintf(one, sizeof one, "%llu", n);
        snprintf(all, sizeof all, "%llu %llu", n, n_dim);
        snprintf(records, sizeof records, "/data/%" PRId64 "/particles/population", grid->index);
        fprintf(grid->out, "<Topology TopologyType=\"Polyvertex\" NumberOfElements=\"%llu\" NodesPerElement=\"1\"/>\n",
                n);
        fprintf(grid->out, "<Geometry GeometryType=\"%s\">", n_dim == 2 ? "XY" : "X_Y_Z");
        if (n_dim == 2)
                put_item(grid, all, "Float", 8, "/state");
        for (unsigned j = 0; n_dim != 2 && j < 3; j++) { /* what a line of points lacks is 0 times x */
                char *set = format_text("%s/position/%c", records, "xyz"[j < n_dim ? j : 0]);
                if (j >= n_dim)
                        fprintf(grid->out, "<DataItem ItemType=\"Function\" Function=\"0*$0\" Dimensions=\"%s\">", one);
                put_item(grid, one, "Float", 8, set);
                if (j >= n_dim)
                        fprintf(grid->out, "</DataItem>");
                free(set);
        }
        fprintf(grid->out, "</Geometry>\n");
        struct columns columns = {grid, one};
        hsize_t next = 0;
        hid_t group = H5(H5Gopen2(grid->file, records, H5P_DEFAULT));
        H5(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &next, put_column, &columns));
        H5Gclose(group);
        if (n_dim > 3) {
                fprintf(grid->out, "<Attribute Name=\"state\" AttributeType=\"Matrix\" Center=\"Node\">");
                put_item(grid, all, "Float", 8, "/state");
                fprintf(grid->out, "</Attribute>\n");
        }
}

/* ---- a snapshot ---- */

static void put_grid(const struct grid *grid)
{
        char where[32];
        snprintf(where, sizeof where, "data/%" PRId64, grid->index);
        hid_t iteration = H5(H5Gopen2(grid->file, where, H5P_DEFAULT));
        fprintf(grid->out, "<Grid Name=\"level_%04" PRId64 "\" GridType=\"Uniform\"><Time Value=\"%.17g\"/>\n",
                grid->index, hdf5_get_real(iteration, "time"));
        fprintf(grid->out, "<Information Name=\"sigma\" Value=\"%.17g\"/>\n", hdf5_get_real(iteration, "sigma"));
        H5Gclose(iteration);
        hsize_t shape[1 + MESH_MAX_AXES];
        bool single = false;
        int rank = find_shape(grid->file, "density", 1 + MESH_MAX_AXES, shape, &single);
        if (rank == 3 || rank == 4)
                put_fields(grid, rank - 1, shape, single);
        else if (find_shape(grid->file, "state", 2, shape, &single) == 2)
                put_particles(grid, shape);
        else
                hdf5_checked(-1, "no snapshot of ours");
        fprintf(grid->out, "</Grid>\n");
}

const char *xdmf_grid(const char *directory, const char *name, int64_t index, char **text)
{
        char *path = path_join(directory, name), *built = NULL;
        size_t length = 0;
        hdf5_begin();
        struct grid grid = {.name = name, .index = index, .out = open_memstream(&built, &length)};
        grid.file = H5(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
        const char *why = grid.out ? NULL : reason_errno("describe", path);
        if (!why && grid.file >= 0)
                put_grid(&grid);
        if (grid.file >= 0)
                H5Fclose(grid.file);
        if (grid.out && fclose(grid.out) != 0)
                why = reason_errno("describe", path);
        if (!why && hdf5_failure())
                why = reason("%s: %s", path, hdf5_failure());
        *text = why ? NULL : copy_text(built);
        free(built);
        free(path);
        return why;
}
