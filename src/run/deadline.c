#include "deadline.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sculptor/parallel.h"

double seconds_now(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static volatile sig_atomic_t received;
static volatile sig_atomic_t
        urgent_at; /* whole seconds of the first TERM or INT; launchers may send one twice at once */

static void on_signal(int signal_number)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now); /* async-signal-safe */
        const int second = (int)now.tv_sec;
        if (signal_number == SIGTERM || signal_number == SIGINT) {
                if (urgent_at != 0 && second - urgent_at >= 2)
                        _exit(128 + signal_number); /* the older generation is whole: nothing to save here */
                if (urgent_at == 0)
                        urgent_at = second;
        }
        received = signal_number;
}

void signals_watch(void)
{
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = on_signal;
        action.sa_flags = SA_RESTART; /* a write under way goes on */
        const int watched[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
        for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
                sigaction(watched[i], &action, NULL);
}

int signal_received(void)
{
        return (int)received;
}

void deadline_begin(struct deadline *deadline, double max_seconds, double every_seconds)
{
        *deadline = (struct deadline){.start = seconds_now(), .limit = max_seconds, .every_seconds = every_seconds};
        deadline->last_checkpoint = deadline->last_decision = deadline->start;
}

/* Long enough that a tile takes many steps while it is in cache, short enough that a signal is heard
 * within seconds: about STRETCH_SECONDS, but MIN_STRETCH steps where those take less than
 * LONGEST_SECONDS. No bit of the result depends on it. */
static const double STRETCH_SECONDS = 0.25, LONGEST_SECONDS = 20;
enum { MIN_STRETCH = 16, GROWTH = 16 };

static int64_t next_stretch(double step_seconds, int64_t last)
{
        if (last == 0 && step_seconds == 0)
                return 1; /* nothing is known yet */
        double steps = step_seconds > 0 ? STRETCH_SECONDS / step_seconds : 1e9;
        double at_least = step_seconds > 0 ? fmin(MIN_STRETCH, LONGEST_SECONDS / step_seconds) : MIN_STRETCH;
        steps = fmax(steps, at_least);
        if (last > 0)
                steps = fmin(steps, (double)last * GROWTH); /* the first few steps may have been lucky */
        return steps < 1 ? 1 : steps > 1e9 ? (int64_t)1e9 : (int64_t)steps;
}

static const double SLOW_DISK = 200e6; /* bytes per second: what is allowed for until a file has been written */

/* The checkpoint is to be whole at least ten seconds before the limit, where that is a minute or more;
 * twice the longest stretch, level's end and checkpoint so far leave room for slow ones. */
static bool limit_near(const struct deadline *deadline, double now)
{
        double margin = fmin(10, deadline->limit / 6);
        double slow = deadline->longest_stretch + deadline->longest_level_end + deadline->longest_checkpoint;
        return now - deadline->start + 2 * slow + margin >= deadline->limit;
}

struct decision deadline_decide(struct deadline *deadline, int64_t steps)
{
        double now = seconds_now(), stretch = now - deadline->last_decision;
        deadline->last_decision = now;
        if (steps > 0) {
                deadline->longest_stretch = fmax(deadline->longest_stretch, stretch);
                deadline->step_seconds = stretch / (double)steps;
        }
        int signal_here = signal_received();
        int signal_any = (int)parallel_max((double)signal_here);
        struct decision decision = {.signal = signal_any,
                                    .stop = signal_any != 0 || limit_near(deadline, now),
                                    .checkpoint = now - deadline->last_checkpoint >= deadline->every_seconds,
                                    .stretch = next_stretch(deadline->step_seconds, steps)};
        parallel_broadcast(&decision, sizeof decision, 0);
        return decision;
}

void deadline_expect_files(struct deadline *deadline, double snapshot_bytes, double checkpoint_bytes)
{
        deadline->longest_level_end = snapshot_bytes / SLOW_DISK;
        deadline->longest_checkpoint = checkpoint_bytes / SLOW_DISK;
}

void deadline_level_ended(struct deadline *deadline, double seconds)
{
        deadline->longest_level_end = fmax(deadline->longest_level_end, seconds);
}

void deadline_checkpointed(struct deadline *deadline, double seconds)
{
        deadline->longest_checkpoint = fmax(deadline->longest_checkpoint, seconds);
        deadline->last_checkpoint = deadline->last_decision = seconds_now();
}
