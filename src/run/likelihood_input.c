/* What the command `likelihood` asks of the input, and `check` for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "sculptor/log_likelihood.h"
#include "sculptor/memory.h"

void run_take_data(struct run *run)
{
        const struct log_likelihood_settings *settings = &run->settings.likelihood;
        if (!*settings->data)
                return;
        run->data = (struct initial_file_settings){settings->data, settings->dataset};
        run->initial = (struct selection){&initial_file, &run->data};
}

/* An input without the section is told of it where the score stands, which it must have. */
static void refuse(struct input *input, const char *key, const char *why, const char *advice)
{
        char *row = format_text("likelihood.%s", key);
        if (input_has(input, "likelihood"))
                input_add_problem(input, row, "%s%s", why, advice);
        else
                input_add_problem(input, "score", "%s: %s%s", row, why, advice);
        free(row);
}

/* Where `why` is that there is no score at an end of the flow. */
static const char *where_the_flow_may_go(const struct run *run, const char *key, const char *why)
{
        const struct log_likelihood_settings *settings = &run->settings.likelihood;
        const double sigma = strcmp(key, "sigma_min") == 0   ? settings->sigma_min
                             : strcmp(key, "sigma_max") == 0 ? settings->sigma_max
                                                             : NAN;
        const char *undefined = isnan(sigma) ? NULL : run_undefined_at(run, sigma);
        if (!undefined || strcmp(why, undefined) != 0)
                return "";
        if (run_undefined_at(run, settings->sigma_max))
                return "; the flow needs a score that is defined from sigma_min to sigma_max";
        return sigma > 0 ? "; give a larger sigma_min" : "; give sigma_min > 0";
}

void run_check_likelihood(struct run *run, struct input *input)
{
        struct log_likelihood_settings *settings = &run->settings.likelihood;
        if (run->levels.n == 0)
                return;
        if (isnan(settings->sigma_max))
                settings->sigma_max = run->levels.sigma[0];
        if (!(settings->sigma_max > 0)) {
                refuse(input, "sigma_max",
                       "auto is the first level's sigma, which is 0; give a sigma that drowns the data", "");
                return;
        }
        const char *key, *why = log_likelihood_unfit(settings, run->score, &key);
        if (why)
                refuse(input, key, why, where_the_flow_may_go(run, key, why));
}

/* `check` asks too, where the input has a section for it: its data and its score's, besides the sampler's. */
void run_check_for_likelihood(struct run *run, struct input *input)
{
        const struct selection initial = run->initial;
        if (*run->settings.likelihood.data) {
                run_take_data(run);
                run_check_initial(run, input);
                run->data = (struct initial_file_settings){NULL, NULL};
                run->initial = initial;
        }
        run_check_likelihood(run, input);
}

/* The section's lines as in the echo of the whole input. */
char *run_likelihood_echo(const struct run *run)
{
        char *lines = params_echo(log_likelihood_params, &run->settings.likelihood, true), *echo = copy_text("");
        for (char *line = lines, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
                char *longer = format_text("%slikelihood.%.*s\n", echo, (int)(end - line), line);
                free(echo);
                echo = longer;
        }
        free(lines);
        return echo;
}
