#include "sculptor/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/error.h"
#include "sculptor/memory.h"

/* One row per option, for reading and for --help. `commands` names those that take it. */
struct option_row {
        const char *name, *argument, *help, *commands;
        void (*take)(struct options *options, const char *value);
};

static void take_output(struct options *options, const char *value)
{
        options->output = value;
}

static void take_set(struct options *options, const char *value)
{
        options->set[options->n_set++] = value;
}

static double number(const char *option, const char *value, double least)
{
        char *end;
        double x = strtod(value, &end);
        require_all(end != value && *end == '\0' && isfinite(x) && x >= least,
                    "%s: \"%s\" is not a number of %g or more", option, value, least);
        return x;
}

static void take_max_seconds(struct options *options, const char *value)
{
        options->max_seconds = number("--max-seconds", value, 0);
}

static void take_ranks(struct options *options, const char *value)
{
        double ranks = number("--ranks", value, 1);
        require_all(ranks == floor(ranks) && ranks < 1e9, "--ranks: \"%s\" is not a whole number of ranks", value);
        options->ranks = (int64_t)ranks;
}

static void take_fresh(struct options *options, const char *value)
{
        (void)value;
        options->fresh = true;
}

static void take_resume(struct options *options, const char *value)
{
        options->resume = value;
}

static void take_quiet(struct options *options, const char *value)
{
        (void)value;
        options->quiet = true;
}

static void take_help(struct options *options, const char *value)
{
        (void)value;
        options->help = true;
}

/* The commands that go from level to level, that run on many ranks, and all. */
#define LEVELS "sample forward invert"
#define SAVES LEVELS " train"
#define RUNS SAVES " inspect field likelihood"
#define EVERY RUNS " check"

static const struct option_row rows[] = {
        {"--output", "DIR", "write there, instead of output.directory", EVERY, take_output},
        {"--set", "KEY=VALUE", "override one value of the input, e.g. --set sampler.step_size=1e-3; may be repeated",
         EVERY, take_set},
        {"--max-seconds", "S", "stop in time with a checkpoint and exit status 75", SAVES, take_max_seconds},
        {"--fresh", NULL, "start over; what an earlier run left in DIR is moved to DIR/previous_0001", RUNS,
         take_fresh},
        {"--resume", "FILE", "go on from this checkpoint, instead of the newest in DIR", SAVES " check", take_resume},
        {"--quiet", NULL, "only warnings on the terminal (DIR/sculptor.log tells the rest)", RUNS, take_quiet},
        {"--ranks", "N", "predict for N ranks (1)", "check", take_ranks},
        {"--help", NULL, "print this", EVERY, take_help},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static const struct option_row *find_option(const char *command, const char *word, size_t length)
{
        for (size_t i = 0; i < N_ROWS; i++)
                if (strlen(rows[i].name) == length && strncmp(rows[i].name, word, length) == 0 &&
                    strstr(rows[i].commands, command))
                        return &rows[i];
        return NULL;
}

_Noreturn static void refuse_option(const char *command, const char *word)
{
        const char *names[N_ROWS];
        size_t n = 0;
        for (size_t i = 0; i < N_ROWS; i++)
                if (strstr(rows[i].commands, command))
                        names[n++] = rows[i].name;
        const char *near = nearest_word(word, names, n);
        require_all(false, "%s: no such option for %s%s%s%s; see sculptor %s --help", word, command,
                    near ? "; did you mean " : "", near ? near : "", near ? "?" : "", command);
        leave_all(STATUS_BAD_INPUT); /* for the compiler: require_all() has left */
}

struct options options_parse(const char *command, int argc, char **argv)
{
        const bool noises = strcmp(command, "forward") == 0, inverts = strcmp(command, "invert") == 0;
        struct options options = {.max_seconds = INFINITY, .ranks = 1, .draws_fields = strcmp(command, "field") == 0,
                                  .likelihood = strcmp(command, "likelihood") == 0,
                                  .checks = strcmp(command, "check") == 0,
                                  .inspects = strcmp(command, "inspect") == 0,
                                  .trains = strcmp(command, "train") == 0, .noises = noises, .inverts = inverts,
                                  .ascends = noises || inverts};
        options.set = allocate((size_t)argc + 1, sizeof *options.set);
        for (int i = 0; i < argc; i++) {
                const char *word = argv[i];
                if (word[0] != '-') {
                        require_all(!options.input, "%s takes one input file, not both %s and %s", command,
                                    options.input, word);
                        options.input = word;
                        continue;
                }
                size_t length = strcspn(word, "=");
                const struct option_row *row = find_option(command, word, length);
                if (!row)
                        refuse_option(command, word);
                const char *value = word[length] == '=' ? word + length + 1 : NULL;
                require_all(row->argument || !value, "%s takes no value", row->name);
                if (row->argument && !value) {
                        require_all(i + 1 < argc, "%s needs a value: %s %s", row->name, row->name, row->argument);
                        value = argv[++i];
                }
                row->take(&options, value);
        }
        require_all(options.help || options.input, "%s needs an input file: sculptor %s INPUT.yaml", command, command);
        require_all(!options.fresh || !options.resume, "--fresh starts over and --resume goes on; give one of them");
        return options;
}

void options_help(const char *command, FILE *out)
{
        for (size_t i = 0; i < N_ROWS; i++) {
                if (!strstr(rows[i].commands, command))
                        continue;
                char left[64];
                snprintf(left, sizeof left, "%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                         rows[i].argument ? rows[i].argument : "");
                fprintf(out, "  %-18s %s\n", left, rows[i].help);
        }
}

void options_release(struct options *options)
{
        free(options->set);
}
