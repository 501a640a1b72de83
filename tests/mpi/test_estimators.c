/* At 1, 2, 3 and 4 ranks, each grid of ensemble x domain: everything that is measured of 5 fields has the same bits,
 * also where some ranks have no field, no plane or no block. */
#include "field_grids.h"
#include "sculptor/estimators.h"

enum { FIELDS = 5 };

static uint64_t hash_estimates(const struct estimators *estimators, const struct estimates *estimates)
{
        const double moments[] = {estimates->mean, estimates->variance, estimates->skewness, estimates->kurtosis};
        const size_t n_shells = estimators_n_shells(estimators), n_bispectrum = estimators_n_bispectrum(estimators);
        uint64_t hash = hash_more(HASH_BEGIN, moments, 4);
        hash = hash_more(hash, estimates->power, n_shells);
        hash = hash_more(hash, estimates->power_scatter, n_shells);
        hash = hash_more(hash, estimates->cross_correlation, n_shells);
        hash = hash_more(hash, estimates->correlation, estimators_n_separations(estimators));
        hash = hash_more(hash, estimates->pdf, estimators_n_pdf(estimators));
        hash = hash_more(hash, estimates->bispectrum_equilateral, n_bispectrum);
        return hash_more(hash, estimates->bispectrum_squeezed, n_bispectrum);
}

/* Fields in runs over the domains, the first ones longer; with 4 domains of one rank: 2, 2, 1, 0. */
static uint64_t estimates(const struct shape *shape)
{
        struct mesh *mesh = mesh_of(shape);
        free(mesh_plan(mesh, MESH_ESTIMATE, NULL, false));
        const int each = (FIELDS + parallel_ensemble_size() - 1) / parallel_ensemble_size();
        const int begin = each * parallel_ensemble_rank() < FIELDS ? each * parallel_ensemble_rank() : FIELDS;
        const int end = begin + each < FIELDS ? begin + each : FIELDS;
        double *field[FIELDS] = {NULL}, *truth = noise(mesh, 1), *variance = variances(mesh);
        const struct rng_stream stream = {.seed = 6, .purpose = RNG_MODES};
        for (int i = 0; i < end - begin; i++) {
                field[i] = mesh_allocate(mesh);
                random_field_draw(mesh, variance, &(struct random_field_options){0}, &stream, (uint64_t)(begin + i),
                                  field[i]);
                for (size_t x = 0; x < mesh->size; x++)
                        field[i][x] += 0.3 * field[i][x] * field[i][x];
        }
        struct estimators *estimators = estimators_create(mesh, &(struct estimators_settings){-1, -1, true, true, -1});
        double *target = allocate(estimators_n_shells(estimators), sizeof *target);
        estimators_target(estimators, variance, target);
        uint64_t hash = hash_more(HASH_BEGIN, target, estimators_n_shells(estimators));
        for (int again = 0; again < 2; again++) { /* triangles are counted the first time only */
                struct estimates *measured = estimators_measure(estimators, (const double *const *)field,
                                                                (size_t)(end - begin), begin, FIELDS, truth);
                const uint64_t here = hash_estimates(estimators, measured);
                hash = again && hash != here + 1 ? 0 : here + 1;
                const double chi2 = estimators_chi2(estimators, measured, target);
                hash = again ? hash_more(hash, &chi2, 1) : hash;
                estimates_free(measured);
        }
        for (int i = 0; i < end - begin; i++)
                free(field[i]);
        free(truth);
        free(variance);
        free(target);
        estimators_free(estimators);
        mesh_free(mesh);
        return hash;
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        same_on_all_grids("estimates", estimates);
        leave_all(n_failed > 0 ? 1 : 0);
}
