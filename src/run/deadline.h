/* When to stop, save and speak: the clock, signals and the job's time limit.
 *
 * Rank 0 decides and broadcasts, since clocks differ and control flow that holds collectives must not
 * depend on one rank's data. */
#ifndef SCULPTOR_RUN_DEADLINE_H
#define SCULPTOR_RUN_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

double seconds_now(void); /* monotonic */

/* TERM, INT, USR1 and USR2 ask for a checkpoint and exit 75; another TERM or INT, some two seconds or more
 * after the first, ends the process at once. The same signal twice in a row does no harm. */
void signals_watch(void);
int signal_received(void); /* its number on this rank, 0 without */

struct deadline {
        double start, limit;          /* seconds_now() at start; max_seconds or INFINITY */
        double longest_stretch;       /* seconds between two decisions */
        double longest_level_end;     /* statistics, snapshot and series */
        double longest_checkpoint;
        double last_checkpoint, last_decision;
        double every_seconds;
        double step_seconds;          /* of the newest stretch */
};

struct decision {
        bool stop, checkpoint;
        int signal;                   /* why it stops: a signal's number, or 0 for the deadline */
        int64_t stretch;              /* steps to take until the next decision */
};

void deadline_begin(struct deadline *deadline, double max_seconds, double every_seconds);

/* Collective. After a stretch of `steps` steps (0: the level has just begun). */
struct decision deadline_decide(struct deadline *deadline, int64_t steps);

/* Before any file is written: room for the first ones at the rate of a slow disk. */
void deadline_expect_files(struct deadline *deadline, double snapshot_bytes, double checkpoint_bytes);

void deadline_level_ended(struct deadline *deadline, double seconds);
void deadline_checkpointed(struct deadline *deadline, double seconds);

#endif
