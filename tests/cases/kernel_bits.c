/* Prints the hashes of tests/unit/kernel_bits.h as this build computes them, "name hash committed".
 * Links with src/base/rng.c, src/score/mixture*.c and the parts of networks that are local; what they want of
 * the rest is below. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/kernel_bits.h"
#include "../unit/unet_bits.h"
#include "sculptor/error.h"
#include "sculptor/memory.h"

void *allocate(size_t count, size_t size)
{
        void *memory = aligned_alloc(64, (count * size + 63) / 64 * 64);
        return memory ? memset(memory, 0, count * size) : (abort(), NULL);
}

_Noreturn void fatal_at(const char *file, int line, const char *format, ...)
{
        fprintf(stderr, "%s:%d: %s\n", file, line, format);
        exit(1);
}

void params_problem(const struct params_scope *scope, const char *key, const char *format, ...)
{
        (void)scope;
        (void)key;
        (void)format;
}

int main(void)
{
        printf("vecmath %016" PRIx64 " %016" PRIx64 "\n", bits_of_vecmath(), BITS_OF_VECMATH);
        printf("rng %016" PRIx64 " %016" PRIx64 "\n", bits_of_rng(), BITS_OF_RNG);
        printf("network %016" PRIx64 " %016" PRIx64 "\n", bits_of_network(), BITS_OF_NETWORK);
        printf("mixture %016" PRIx64 " %016" PRIx64 "\n", bits_of_mixture(), BITS_OF_MIXTURE);
        printf("unet %016" PRIx64 " %016" PRIx64 "\n", bits_of_unet(), BITS_OF_UNET);
        return 0;
}
