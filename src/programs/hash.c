#include <stdio.h>

#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/files.h"

int command_hash(int argc, char **argv)
{
        int status = STATUS_DONE;
        if (argc == 0) {
                fprintf(stderr, "sculptor: hash needs a snapshot or checkpoint: sculptor hash FILE...\n");
                return STATUS_BAD_INPUT;
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
