/* The input file as structs; its rows are in configuration.c. */
#ifndef SCULPTOR_RUN_CONFIGURATION_H
#define SCULPTOR_RUN_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "sculptor/estimators.h"
#include "sculptor/log_likelihood.h"
#include "sculptor/mesh.h"
#include "sculptor/params.h"
#include "sculptor/sampler.h"

struct configuration {
        int64_t seed;
        struct {
                int64_t particles;
                struct {
                        struct selection type;
                } initial; /* initial_type */
        } population;
        struct {
                struct selection type;
        } score; /* score_type */
        struct {
                struct selection type;
        } levels; /* levels_type */
        struct {
                struct selection type;
        } process; /* process_type */
        struct sampler_settings sampler;
        struct {
                char *directory;      /* "" : runs/<name of the input file> */
                bool initial;         /* snapshot_0000.h5 */
                bool score_norm, log_density;
                int64_t every_levels;
                int precision;        /* of fields in snapshots */
        } output;
        struct {
                int64_t every_levels; /* 0: not by levels */
                double every_seconds;
                int64_t keep;
        } checkpoint;
        struct estimators_settings estimators;
        struct log_likelihood_settings likelihood;
        struct {
                int64_t domain_ranks; /* -1: chosen by run_split() */
        } parallel;
        struct {
                int planning;         /* enum mesh_planning */
                char *plans;          /* "auto", "none" or a file */
                bool strict;
        } fft;
};

const struct param *configuration_free_rows(void); /* input_rows without the need for a sampler */

enum output_precision { PRECISION_DOUBLE, PRECISION_FLOAT };

#endif
