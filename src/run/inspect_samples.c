#include "pieces.h"
void run_inspect_samples(struct run *run, const struct inspection *inspection)
{
        (void)run, (void)inspection;
}
