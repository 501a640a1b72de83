/* The ranks, without MPI in sight: everything else in the code speaks to other ranks through here.
 *
 * Before parallel_begin() there is one rank, 0, and every function below works and is local, so that
 * `sculptor check` and unit tests need no launcher. All functions but rank and size are collective
 * after it. */
#ifndef SCULPTOR_PARALLEL_H
#define SCULPTOR_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void parallel_begin(int *argc, char ***argv); /* MPI_Init */
void parallel_end(void);                      /* MPI_Finalize; nothing without parallel_begin */
bool parallel_active(void);

int parallel_rank(void);
int parallel_size(void);
const char *parallel_library(void); /* "openmpi@4.1.4" */

void parallel_barrier(void);
bool parallel_all(bool here);                                /* true where true on every rank */
bool parallel_any(bool here);
int64_t parallel_sum_integer(int64_t here);                  /* exact, whatever the order */
void parallel_sum_integers(int64_t *values, size_t n);       /* in place, on every rank */
double parallel_max(double here);
double parallel_min(double here);
void parallel_broadcast(void *bytes, size_t n_bytes, int root); /* any size, in chunks */

/* Rank 0's text, or its NULL, on every rank: rank 0's is returned there, the others' are theirs to free. */
char *parallel_share_text(char *text);

/* Every rank's block of n doubles, concatenated in the order of ranks, on every rank. counts[rank] is
 * filled with each rank's n. The caller frees the result. Meant for small data (series, sums). */
double *parallel_gather(const double *here, size_t n, size_t *counts);

/* Rows of `width` doubles from every rank to every rank: rows[] holds n_sent[0] rows for rank 0, then n_sent[1] for
 * rank 1, ... What this rank gets is returned in the order of their senders, n_received[size] rows of each. The
 * caller frees. */
double *parallel_exchange(const double *rows, size_t width, const size_t *n_sent, size_t *n_received);

/* Likewise of floats one by one, n_sent[rank] of them, for arrays as large as a network. */
float *parallel_exchange_floats(const float *values, const size_t *n_sent, size_t *n_received);

/* Every rank's run of floats in the order of ranks, n[rank] of them, to all[] on every rank. */
void parallel_gather_floats(const float *here, const size_t *n, float *all);

/* ---- the grid: ensemble x domain ----
 * Groups of domain_size consecutive ranks share each of their fields, split in slabs; the groups have
 * different fields. Rank = ensemble rank * domain size + domain rank. Without parallel_split() a
 * domain is one rank. */
void parallel_split(int domain_size); /* collective; domain_size divides parallel_size() */
int parallel_domain_rank(void);
int parallel_domain_size(void);
int parallel_ensemble_rank(void);
int parallel_ensemble_size(void);
int parallel_domain_handle(void);     /* the domain's communicator, as MPI_Comm_c2f gives it */

/* Collective over the domain. */
bool parallel_domain_any(bool here);
double parallel_domain_max(double here);
double *parallel_domain_gather(const double *here, size_t n, size_t *counts); /* as parallel_gather */

#endif
