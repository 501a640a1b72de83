/* A Feistel network over the numbers of 2h bits, the fewest that hold n - 1: any round function makes it a bijection,
 * here Philox keyed by the seed. What lies beyond n - 1 is sent through again until it does not, which permutes 0 ..
 * n - 1 among themselves (cycle walking); 2^2h < 4n, so that happens fewer than 4 times on average.
 * [Luby & Rackoff 1988; Black & Rogaway 2002; Salmon et al. 2011] */
#include "training/shuffle.h"

#include "sculptor/rng.h"

/* Luby and Rackoff's four rounds are for long halves; short ones, of few rows, need more. */
enum { ROUNDS = 8 };

static int half_bits(int64_t n)
{
        int bits = 1;
        while (bits < 31 && INT64_C(1) << (2 * bits) < n)
                bits++;
        return bits;
}

static uint32_t mix(const struct shuffle *shuffle, uint32_t half, uint32_t round)
{
        /* The counter as rng.h lays it out: the half as particle, the list as coordinate, the round as stage. */
        const uint32_t counter[4] = {half, shuffle->list, shuffle->epoch, round << 6 | (uint32_t)RNG_ORDER};
        const uint32_t key[2] = {(uint32_t)shuffle->seed, (uint32_t)(shuffle->seed >> 32)};
        uint32_t out[4];
        philox4x32_10(counter, key, out);
        return out[0];
}

static uint64_t permute(const struct shuffle *shuffle, uint64_t value, int bits, int begin, int step)
{
        const uint32_t mask = (uint32_t)((UINT64_C(1) << bits) - 1);
        uint32_t left = (uint32_t)(value >> bits), right = (uint32_t)value & mask;
        for (int i = 0, round = begin; i < ROUNDS; i++, round += step) {
                const uint32_t next = left ^ (mix(shuffle, right, (uint32_t)round) & mask);
                left = right;
                right = next;
        }
        /* The halves change places at the end, so that the rounds in reverse are the inverse. */
        return (uint64_t)right << bits | left;
}

static int64_t walk(const struct shuffle *shuffle, int64_t from, int begin, int step)
{
        const int bits = half_bits(shuffle->n);
        uint64_t value = (uint64_t)from;
        do
                value = permute(shuffle, value, bits, begin, step);
        while (value >= (uint64_t)shuffle->n);
        return (int64_t)value;
}

int64_t shuffle_at(const struct shuffle *shuffle, int64_t place)
{
        return walk(shuffle, place, 0, 1);
}

int64_t shuffle_place(const struct shuffle *shuffle, int64_t what)
{
        return walk(shuffle, what, ROUNDS - 1, -1);
}
