/* What is learned from: the table `data:`. */
#ifndef SCULPTOR_RUN_DATA_H
#define SCULPTOR_RUN_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "sculptor/params.h"
#include "sculptor/training.h"

enum data_kind { DATA_TARGET, DATA_FILE };

struct data_settings { struct selection type; };
extern const struct param data_params[];

struct data_target_settings {
        struct {
                struct selection type;
        } target;
};

struct data_file_settings {
        char *path, *dataset, *sha256;
        struct real_vector cells, box_size; /* of fields; cells 0: particles */
        double validation;                  /* fraction held out */
        int64_t buffer_rows;                /* -1: BUFFER_BYTES of them */
};

enum data_kind data_kind_of(const struct data_settings *settings);

bool data_is_of_fields(const struct data_file_settings *settings);

/* Local. A data set of a file: how many numbers a row has, and the source that reads them, by these settings. NULL or
 * why, with the key. */
const char *data_open(struct data_file_settings *settings, struct training_source *source, int64_t *n_numbers,
                      const char **key);

#endif
