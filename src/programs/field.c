#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"
#include "sculptor/run.h"

/* Exact draws of random fields, without a sampler. */
int command_field(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        struct options options = options_parse("field", argc, argv);
        if (options.help) {
                if (parallel_rank() == 0)
                        options_help("field", stdout);
                options_release(&options);
                leave_all(STATUS_DONE);
        }
        run_draw_fields(run_configure_field(&options));
        options_release(&options);
        leave_all(STATUS_DONE);
}
