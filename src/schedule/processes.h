/* The processes there are. A new one is a new file, a line here and a line in process.c. What they compute decides bits
 * of the state: exp, log, sin and cos come from vecmath.h. */
#ifndef SCULPTOR_SCHEDULE_PROCESSES_H
#define SCULPTOR_SCHEDULE_PROCESSES_H

#include <math.h>

#include "sculptor/process.h"

extern const struct process_type process_edm;
extern const struct process_type process_ve;
extern const struct process_type process_vp;
extern const struct process_type process_subvp;

#endif
