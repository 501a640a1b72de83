#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"
#include "sculptor/run.h"

/* The commands that go from level to level. */
static int run_levels(const char *command, int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        struct options options = options_parse(command, argc, argv);
        if (options.help) {
                if (parallel_rank() == 0)
                        options_help(command, stdout);
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

int command_sample(int argc, char **argv)
{
        return run_levels("sample", argc, argv);
}

/* Data to noise: nothing is sampled, but the run is the same. */
int command_forward(int argc, char **argv)
{
        return run_levels("forward", argc, argv);
}

/* Data to noise along a deterministic sampler's flow. */
int command_invert(int argc, char **argv)
{
        return run_levels("invert", argc, argv);
}
