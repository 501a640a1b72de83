#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/parallel.h"
#include "sculptor/run.h"

/* A score, learned from data. */
int command_train(int argc, char **argv)
{
        parallel_begin(&argc, &argv);
        struct options options = options_parse("train", argc, argv);
        if (options.help) {
                if (parallel_rank() == 0)
                        options_help("train", stdout);
                options_release(&options);
                leave_all(STATUS_DONE);
        }
        struct train *train = train_configure(&options);
        train_restore_or_begin(train);
        if (!train_finished(train))
                train_advance(train); /* steps, validation, series, checkpoints, progress */
        train_end(train);             /* weights.h5 */
        options_release(&options);
        leave_all(STATUS_DONE);
}
