#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/params.h"
#include "sculptor/run.h"

static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
} commands[] = {
        {"sample", command_sample}, {"forward", command_forward}, {"invert", command_invert},
        {"check", command_check},   {"field", command_field},     {"likelihood", command_likelihood},
        {"train", command_train},   {"inspect", command_inspect}, {"hash", command_hash},
        {"help", command_help},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static int unknown_command(const char *word)
{
        const char *names[N_COMMANDS];
        for (size_t i = 0; i < N_COMMANDS; i++)
                names[i] = commands[i].name;
        const char *near = nearest_word(word, names, N_COMMANDS);
        fprintf(stderr, "sculptor: %s: no such command%s%s%s; see sculptor --help\n", word,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        return STATUS_BAD_INPUT;
}

int main(int argc, char **argv)
{
        if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
                return command_help(0, NULL);
        if (strcmp(argv[1], "--version") == 0) {
                puts(run_version());
                return STATUS_DONE;
        }
        for (size_t i = 0; i < N_COMMANDS; i++)
                if (strcmp(argv[1], commands[i].name) == 0)
                        return commands[i].run(argc - 2, argv + 2);
        return unknown_command(argv[1]);
}
