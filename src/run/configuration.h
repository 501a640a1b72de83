/* The input file as structs; its rows are in configuration.c. */
#ifndef SCULPTOR_RUN_CONFIGURATION_H
#define SCULPTOR_RUN_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "run/data.h"
#include "run/inspect.h"
#include "sculptor/estimators.h"
#include "sculptor/log_likelihood.h"
#include "sculptor/mesh.h"
#include "sculptor/network.h"
#include "sculptor/params.h"
#include "sculptor/sampler.h"
#include "training/settings.h"

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
        struct network_settings network;
        struct data_settings data;
        struct training_settings training;
        struct inspect_settings inspect;
        struct {
                int64_t domain_ranks; /* -1: chosen by run_split() */
        } parallel;
        struct {
                int planning;         /* enum mesh_planning */
                char *plans;          /* "auto", "none" or a file */
                bool strict;
        } fft;
};

/* input_rows as a command reads them: one file may serve several, and what is another's is not looked at. */
enum configuration_purpose {
        FOR_SAMPLING,
        FOR_FIELDS,   /* `field`, `forward` and `likelihood`: without the need for a sampler */
        FOR_TRAINING,
        FOR_INSPECTION,
        CONFIGURATION_PURPOSES
};
const struct param *configuration_rows(enum configuration_purpose purpose);

enum output_precision { PRECISION_DOUBLE, PRECISION_FLOAT };

#endif
