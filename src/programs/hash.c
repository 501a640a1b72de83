#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/files.h"

int command_hash(int argc, char **argv)
{
        int status = STATUS_DONE;
        bool help = argc > 0 && strcmp(argv[0], "--help") == 0;
        if (argc == 0 || help) {
                fprintf(help ? stdout : stderr,
                        "%shash needs a snapshot, checkpoint or weights file: sculptor hash FILE...\n",
                        help ? "" : "sculptor: ");
                return help ? STATUS_DONE : STATUS_BAD_INPUT;
        }
        for (int i = 0; i < argc; i++) {
                char hex[65];
                const char *why = payload_hash(argv[i], hex);
                if (why) {
                        fprintf(stderr, "sculptor: %s\n", why);
                        status = STATUS_BAD_INPUT;
                } else {
                        printf("%s  %s\n", hex, argv[i]);
                }
        }
        return status;
}
