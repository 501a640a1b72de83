#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"
#include "sculptor/run.h"

/* The log density of data under a score, by the probability flow. */
int command_likelihood(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        struct options options = options_parse("likelihood", argc, argv);
        if (options.help) {
                if (parallel_rank() == 0)
                        options_help("likelihood", stdout);
                options_release(&options);
                leave_all(STATUS_DONE);
        }
        run_likelihood(run_configure(&options));
        options_release(&options);
        leave_all(STATUS_DONE);
}
