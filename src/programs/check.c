#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/run.h"

/* Needs no launcher: everything is validated and predicted by one process. */
int command_check(int argc, char **argv)
{
        struct options options = options_parse("check", argc, argv);
        if (options.help)
                options_help("check", stdout);
        else
                run_check(&options, stdout);
        options_release(&options);
        return STATUS_DONE;
}
