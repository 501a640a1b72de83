#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"
#include "sculptor/run.h"

int command_sample(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        struct options options = options_parse("sample", argc, argv);
        if (options.help) {
                if (parallel_rank() == 0)
                        options_help("sample", stdout);
                options_release(&options);
                leave_all(STATUS_DONE);
        }
        struct run *run = run_configure(&options);
        run_restore_or_draw(run);
        while (!run_finished(run)) {
                run_level(run);
                run_observe(run); /* snapshot, series, checkpoint, progress */
        }
        run_end(run);
        options_release(&options);
        leave_all(STATUS_DONE);
}
