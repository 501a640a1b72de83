/* Watches foreign code: signals that kill are named before they do, and the floating-point environment is put back.
 *
 * The handlers are there during calls only, so that at all other times those of MPI and of tools are. They run on a
 * stack of their own, since a plugin may have used up the thread's. */
#define _GNU_SOURCE /* sigaltstack() */
#include <fenv.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "score/plugin.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"
#include "sculptor/parallel.h"

static const struct {
        int number;
        const char *told;
} signals[] = {
        {SIGSEGV, "crashed (SIGSEGV)"}, {SIGBUS, "crashed (SIGBUS)"},   {SIGFPE, "crashed (SIGFPE)"},
        {SIGILL, "crashed (SIGILL)"},   {SIGABRT, "crashed (SIGABRT)"},
};
enum { N_SIGNALS = sizeof signals / sizeof *signals, STACK = 64 << 10 };

static struct {
        const char *plugin, *function, *where; /* function NULL: no call is under way */
        char rank[16];
        const char *begin;                     /* of a line: a new one where progress may stand in this one */
        char *stack;                           /* [STACK] */
        stack_t stack_before;
        struct sigaction before[N_SIGNALS];
        fenv_t numbers;
} guard;

/* Signal handlers may only write(). One piece, lest lines of several ranks mix. */
static void tell(const char *what)
{
        const char *const parts[] = {
                guard.begin,    "sculptor: rank ",       guard.rank,  ": plugin ", guard.plugin, " ", what, " in ",
                guard.function, *guard.where ? " " : "", guard.where, "\n"};
        char line[512];
        size_t n = 0;
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                for (const char *c = parts[i]; *c && n < sizeof line; c++)
                        line[n++] = *c;
        if (write(STDERR_FILENO, line, n) < 0) {
                /* nothing that could be done */
        }
}

static void crashed(int number)
{
        for (size_t i = 0; i < N_SIGNALS; i++)
                if (signals[i].number == number)
                        tell(signals[i].told);
        signal(number, SIG_DFL);
        raise(number); /* held back until this returns */
}

/* A library that ends the process would else do so without a word. */
static void left(void)
{
        if (!guard.function)
                return;
        tell("called exit()");
        _exit(STATUS_FAILED);
}

static void prepare(void)
{
        guard.stack = allocate(STACK, 1);
        guard.begin = isatty(STDERR_FILENO) ? "\n" : "";
        atexit(left);
        (void)at_quick_exit(left);
}

void plugin_guard_enter(const char *plugin, const char *function, const char *where)
{
        if (!guard.stack)
                prepare();
        int rank = parallel_rank();
        char *c = guard.rank + sizeof guard.rank - 1;
        for (*c = 0; c == guard.rank + sizeof guard.rank - 1 || rank > 0; rank /= 10)
                *--c = (char)('0' + rank % 10);
        memmove(guard.rank, c, strlen(c) + 1);
        guard.plugin = plugin;
        guard.where = where;
        guard.function = function;

        const stack_t own = {.ss_sp = guard.stack, .ss_size = STACK};
        sigaltstack(&own, &guard.stack_before);
        struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
        sigemptyset(&action.sa_mask);
        for (size_t i = 0; i < N_SIGNALS; i++)
                sigaction(signals[i].number, &action, &guard.before[i]);
        fegetenv(&guard.numbers);
}

void plugin_guard_leave(void)
{
        fesetenv(&guard.numbers);
        for (size_t i = 0; i < N_SIGNALS; i++)
                sigaction(signals[i].number, &guard.before[i], NULL);
        sigaltstack(&guard.stack_before, NULL);
        guard.function = NULL;
}
