/* At 1, 2, 3 and 4 ranks: gradients are added in one tree, whoever owns the blocks, and a training has the same
 * bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../unit/training_lab.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"
#include "training/gradient_tree.h"

static int n_failed;

static void claim(const char *name, bool ok)
{
        ok = parallel_all(ok);
        n_failed += !ok;
        if (parallel_rank() == 0)
                printf("%s %s\n", ok ? "ok" : "FAIL", name);
}

static unsigned long long hash_of(unsigned long long hash, const void *bytes, size_t n)
{
        for (const unsigned char *next = bytes; n > 0; n--, next++)
                hash = (hash ^ *next) * 1099511628211ULL;
        return hash;
}

static void tell(const char *name, unsigned long long hash)
{
        if (parallel_rank() == 0)
                printf("same-on-any-ranks %s %016llx\n", name, hash);
}

/* ---- the tree ---- */

/* Of any sizes, so that the order of additions shows. */
static float leaf(int64_t block, size_t i)
{
        return (float)(sin((double)block + 0.1 * (double)i) * exp((double)(block % 20) - 10));
}

/* Written down as its definition: recursion over true siblings. */
static float tree(int64_t begin, int64_t size, int64_t n, size_t i)
{
        if (begin >= n)
                return 0;
        return size == 1 ? leaf(begin, i) : tree(begin, size / 2, n, i) + tree(begin + size / 2, size / 2, n, i);
}

static bool equals_definition(int64_t n_blocks, size_t n_parameters)
{
        struct gradient_tree *sum = gradient_tree_create(n_parameters, n_blocks);
        float *total = allocate(n_parameters, sizeof *total);
        bool ok = true;
        for (int pass = 0; pass < 3; pass++) { /* the first is given up halfway */
                const struct block_run run = gradient_tree_run(sum);
                for (int64_t block = run.begin; block < (pass == 0 ? (run.begin + run.end) / 2 : run.end); block++) {
                        float *value = gradient_tree_leaf(sum);
                        for (size_t i = 0; i < n_parameters; i++)
                                value[i] += leaf(block, i);
                        gradient_tree_add(sum);
                }
                if (pass == 0) {
                        gradient_tree_clear(sum);
                        continue;
                }
                gradient_tree_finish(sum, total);
                for (size_t i = 0; i < n_parameters; i++)
                        ok &= total[i] == tree(0, 256, n_blocks, i);
        }
        free(total);
        gradient_tree_free(sum);
        return ok;
}

static void gradients_are_added_in_one_tree(void)
{
        bool ok = true;
        const int64_t n_blocks[] = {1, 2, 3, 7, 64, 100, 255};
        const size_t n_parameters[] = {1, 2, 3, 1001};
        for (size_t b = 0; b < sizeof n_blocks / sizeof *n_blocks; b++)
                for (size_t p = 0; p < sizeof n_parameters / sizeof *n_parameters; p++)
                        ok &= equals_definition(n_blocks[b], n_parameters[p]);
        claim("gradients_are_added_in_one_tree", ok);
}

/* ---- trainings ---- */

static void train(const char *name, const char *training, const char *target, const char *network, int64_t n_rows)
{
        struct training_lab lab;
        training_lab_open(&lab, training, target, network, n_rows);
        bool ok = lab.why == NULL;
        if (!ok)
                printf("FAIL %s: %s\n", name, lab.why);
        unsigned long long hash = hash_of(1469598103934665603ULL, lab.normalisation.variance,
                                          lab.normalisation.n_variance * sizeof(double));
        struct training_report report = {0};
        for (int step = 0; ok && step < 5; step++)
                ok &= training_step(lab.training, &report) == NULL && !report.diverged;
        struct training_validation validation;
        ok = ok && training_validate(lab.training, &validation) == NULL;
        if (ok) {
                const struct training_state *state = training_state(lab.training);
                hash = hash_of(hash, state->theta, state->n_parameters * sizeof(float));
                hash = hash_of(hash, state->ema[0], state->n_parameters * sizeof(float));
                hash = hash_of(hash, &state->smoothed_loss, sizeof(double));
                hash = hash_of(hash, validation.loss, sizeof validation.loss);
                hash = hash_of(hash, &report.gradient_norm, sizeof(double));
                /* and all ranks hold the same */
                ok = parallel_max((double)(hash >> 32)) == parallel_min((double)(hash >> 32));
                tell(name, hash);
        }
        claim(name, ok);
        training_lab_close(&lab);
}

/* A failure of one rank's reading is every rank's, and what the others computed is forgotten. */
struct broken { struct training_lab *lab; bool breaks; };

static const char *read_or_not(void *owner, int64_t first, int64_t count, double *rows)
{
        const struct broken *broken = owner;
        return broken->breaks ? "a cable" : training_lab_rows(broken->lab, first, count, rows);
}

static void one_rank_that_cannot_read_stops_all(void)
{
        struct training_lab lab;
        training_lab_open(&lab, "{batch: 256, steps: 9, sigma: {min: 0.1, max: 2}}",
                          "{type: gaussian, dimension: 2, mean: 0, sigma: 1}", NULL, 500);
        struct broken broken = {&lab, parallel_rank() == parallel_size() - 1};
        lab.source.read = read_or_not;
        lab.source.owner = &broken;
        training_free(lab.training);
        bool ok = training_create(&lab.settings, lab.denoiser, &lab.source, 5, &lab.training) == NULL;
        struct training_report report;
        const char *why = training_step(lab.training, &report);
        ok &= why && strcmp(why, "a cable") == 0 && training_state(lab.training)->step == 0;
        broken.breaks = false;
        ok &= training_step(lab.training, &report) == NULL;
        const struct training_state *state = training_state(lab.training);
        tell("after a failure", hash_of(1469598103934665603ULL, state->theta, 2 * sizeof(float)));
        claim("one_rank_that_cannot_read_stops_all", ok);
        training_lab_close(&lab);
}

#define REST ", steps: 100, sigma: {min: 0.1, max: 2}, validation: {examples: 200, sigmas: [0.3, 1]}}"
#define GAUSSIAN "{type: gaussian, dimension: 3, mean: 0, sigma: 1}"
#define FIELD                                                                                                          \
        "{type: gaussian_field, mesh: {cells: 8, box_size: 8, dimensions: 2}, "                                        \
        "spectrum: {type: power_law, amplitude: 1, index: -1}}"

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        gradients_are_added_in_one_tree();
        train("training_on_draws", "{batch: 320" REST, "{type: ring}", "{type: mlp, width: 24, layers: 2}", 0);
        train("training_of_implicit_loss", "{loss: implicit, batch: 192" REST, "{type: ring}",
              "{type: mlp, width: 24, layers: 2}", 0);
        train("training_of_one_block", "{batch: 64" REST, "{type: ring}", "{type: mlp, width: 24, layers: 2}", 0);
        train("training_on_data", "{batch: 320" REST, GAUSSIAN, "{type: mlp, width: 24, layers: 2}", 333);
        train("training_on_fields", "{batch: 5" REST, FIELD, NULL, 0);
        train("training_on_data_of_fields", "{batch: 5, loss: sliced" REST, FIELD, NULL, 40);
        one_rank_that_cannot_read_stops_all();
        leave_all(n_failed > 0 ? 1 : 0);
}
