/* The command `check`: an input file may be one to train with, one to sample with, or both. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pieces.h"
#include "sculptor/files.h"
#include "sculptor/memory.h"
#include "sculptor/text.h"

struct contents { bool trains, samples; };

/* Only which sections there are; what is wrong with the file is told by those who read it. */
static struct contents look(const struct options *options)
{
        enum { LARGEST = 1 << 24 };
        struct contents contents = {.samples = true};
        size_t length = 0;
        const char *why = NULL;
        char *text = text_read_all(options->input, LARGEST, &length, &why);
        if (!text)
                return contents;
        struct input *input = input_parse(options->input, text, length, options->set, options->n_set);
        contents.trains = input_has(input, "training");
        contents.samples = !contents.trains || input_has(input, "sampler");
        input_free(input);
        free(text);
        return contents;
}

/* The file that a score is to be read from, where it is not there yet; to be freed, or NULL. */
static char *missing_file(const struct options *options)
{
        struct run *run = allocate(1, sizeof *run);
        input_free(run_read_input(run, options, configuration_rows(FOR_SAMPLING)));
        const struct selection *selected = &run->settings.score.type;
        const struct score_type *type = selected->type;
        const char *path = type->file ? type->file(selected->settings) : NULL;
        char *missing = path && access(path, F_OK) != 0 ? copy_text(path) : NULL;
        run_free(run);
        return missing;
}

void run_check(const struct options *options, FILE *out)
{
        const struct contents contents = look(options);
        char *missing = NULL;
        if (contents.trains) {
                struct options training = *options;
                training.trains = true;
                struct train *train = train_configure(&training);
                train_predict(train, options->ranks, out);
                train_free(train);
                missing = contents.samples ? missing_file(options) : NULL;
        }
        if (missing)
                fprintf(out, "%s: not checked, to sample: train first, for %s is not there yet\n", options->input,
                        missing);
        free(missing);
        if (missing || !contents.samples)
                return;
        struct run *run = run_configure(options);
        run_predict(run, options->ranks, out);
        run_free(run);
}
