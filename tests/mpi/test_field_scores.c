/* At 1, 2, 3 and 4 ranks: field scores have the same bits on one rank and on the slabs of all ranks. Prints "ok NAME"
 * or "FAIL NAME" lines from rank 0. */
#include <stdint.h>

#include "../unit/field_fixture.h"
#include "score/posterior.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"

static int n_failed;

static void claim(const char *name, bool ok)
{
        ok = parallel_all(ok);
        n_failed += !ok;
        if (parallel_rank() == 0)
                printf("%s %s\n", ok ? "ok" : "FAIL", name);
}

/* All that a score says, as fields and numbers. */
enum { MOST_FIELDS = 7 + SCORE_MAX_PRODUCTS, MOST_NUMBERS = 4 };
struct answers {
        double *field[MOST_FIELDS];
        double number[MOST_NUMBERS];
        size_t n_fields, n_numbers;
};

static double *new_field(struct answers *answers, const struct mesh *mesh)
{
        return answers->field[answers->n_fields++] = mesh_allocate(mesh);
}

static void ask_level(const struct field_fixture *fixture, double sigma, const double *x, struct answers *answers)
{
        const struct score_type *type = fixture->type;
        struct score_level *level = score_level_create(fixture->score, sigma);
        double lanes[LANES];
        type->eval(level->state, x, new_field(answers, fixture->mesh));
        if (type->eval_both) {
                type->eval_both(level->state, x, new_field(answers, fixture->mesh), lanes);
                answers->number[answers->n_numbers++] = lanes[LANES - 1];
        }
        if (type->divergence) {
                type->divergence(level->state, x, lanes);
                answers->number[answers->n_numbers++] = lanes[0];
        }
        if (type->remainder)
                type->remainder(level->state, x, new_field(answers, fixture->mesh));
        score_level_free(level);
}

static bool ask(const char *text, double sigma, struct answers *answers, struct field_fixture *fixture)
{
        const struct score_context context = {.seed = 3};
        const struct rng_stream drawing = {.seed = 3, .purpose = RNG_TARGET};
        *answers = (struct answers){0};
        char *why = field_fixture_open(fixture, text, &context);
        if (why) {
                printf("%s\n", why);
                return false;
        }
        double *x = new_field(answers, fixture->mesh);
        fixture->type->draw(fixture->score->model, &drawing, 11, x);
        ask_level(fixture, 0, x, answers);
        if (sigma > 0)
                ask_level(fixture, sigma, x, answers);
        struct score_product product[SCORE_MAX_PRODUCTS];
        const size_t n = fixture->type->products ? fixture->type->products(fixture->score->model, product) : 0;
        for (size_t i = 0; i < n; i++)
                memcpy(new_field(answers, fixture->mesh), product[i].field, fixture->mesh->size * sizeof(double));
        return true;
}

/* Rank by rank alone, then together: this rank's planes of what each had alone. */
static void same_bits(const char *name, const char *text, double sigma)
{
        struct field_fixture alone, together;
        struct answers whole, slab;
        parallel_split(1);
        bool ok = ask(text, sigma, &whole, &alone);
        parallel_split(parallel_size());
        ok = ask(text, sigma, &slab, &together) && ok && whole.n_fields == slab.n_fields;
        const struct mesh *mesh = together.mesh;
        for (size_t f = 0; ok && f < slab.n_fields; f++)
                ok = memcmp(slab.field[f], whole.field[f] + (size_t)mesh->plane_begin * mesh->plane_stride,
                            mesh->size * sizeof(double)) == 0;
        claim(name, ok && memcmp(slab.number, whole.number, sizeof slab.number) == 0);
        for (size_t f = 0; f < MOST_FIELDS; f++) {
                free(whole.field[f]);
                free(slab.field[f]);
        }
        field_fixture_close(&together);
        field_fixture_close(&alone);
}

/* All ranks refuse in the same words. */
static void a_refusal_is_everybodys(void)
{
        const struct score_context context = {.seed = 3};
        struct field_fixture fixture;
        char *why = field_fixture_open(&fixture,
                                       "type: lognormal_field\nmesh: {cells: 12, dimensions: 2, box_size: 12}\n"
                                       "spectrum: {type: white, amplitude: 1, smoothing: 2}\n",
                                       &context);
        size_t length = why ? strlen(why) : 0;
        char first[400] = "";
        if (why && parallel_rank() == 0)
                memcpy(first, why, length < sizeof first ? length : sizeof first - 1);
        parallel_broadcast(first, sizeof first, 0);
        claim("a_spectrum_without_a_lognormal_field_is_refused_by_all_ranks", why && strcmp(why, first) == 0);
        free(why);
        field_fixture_close(&fixture);
}

int main(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        const char *spectrum = "spectrum: {type: power_law, amplitude: 1, index: -1.5}\n";
        static const struct {
                const char *name, *text;
                double sigma;
        } scores[] = {
                {"lognormal_field_in_2_dimensions", "type: lognormal_field\nmesh: {cells: [12, 10], box_size: 12}\n",
                 0},
                {"lognormal_field_in_3_dimensions", "type: lognormal_field\nmesh: {cells: [8, 6, 5], box_size: 8}\n",
                 0},
                {"posterior_in_2_dimensions",
                 "type: posterior\nmesh: {cells: [12, 10], box_size: 12}\nexact_variance: true\n"
                 "observation: {mock: true, noise_sigma: 0.3, holes: 2, hole_radius: 2}\n",
                 0.5},
                {"posterior_through_a_beam_in_3_dimensions",
                 "type: posterior\nmesh: {cells: [8, 6, 5], box_size: 8}\n"
                 "observation: {mock: true, noise_sigma: 0.3, holes: 2, hole_radius: 2, beam_fwhm: 2}\n",
                 0.5},
                {"guided_field_exactly",
                 "type: guided_field\nmesh: {cells: [12, 10], box_size: 12}\n"
                 "observation: {mock: true, noise_sigma: 0.3, holes: 2, hole_radius: 2, beam_fwhm: 2}\n",
                 0.5},
                {"guided_field_by_guidance",
                 "type: guided_field\nmesh: {cells: [8, 6, 5], box_size: 8}\nmethod: pigdm\n"
                 "observation: {mock: true, noise_sigma: 0.3, holes: 2, hole_radius: 2, beam_fwhm: 2}\n",
                 0.5},
        };
        for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
                char *text = format_text("%s%s", scores[i].text, spectrum);
                same_bits(scores[i].name, text, scores[i].sigma);
                free(text);
        }
        a_refusal_is_everybodys();
        leave_all(n_failed > 0 ? 1 : 0);
}
