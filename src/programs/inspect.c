#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"
#include "sculptor/run.h"

/* A score against the truth. */
int command_inspect(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        struct options options = options_parse("inspect", argc, argv);
        if (options.help) {
                if (parallel_rank() == 0)
                        options_help("inspect", stdout);
                options_release(&options);
                leave_all(STATUS_DONE);
        }
        run_inspect(run_configure_inspection(&options));
        options_release(&options);
        leave_all(STATUS_DONE);
}
