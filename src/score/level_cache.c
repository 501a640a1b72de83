/* A few levels of one score, found by sigma and scale. The oldest makes room for a new one. Local. */
#include <stdlib.h>

#include "sculptor/memory.h"
#include "sculptor/score.h"

struct level_cache {
        const struct score *score;
        size_t capacity, n, oldest, last; /* last: where the newest question was answered */
        struct score_level **level;       /* [capacity] */
};

struct level_cache *level_cache_create(const struct score *score, size_t capacity)
{
        struct level_cache *cache = allocate(1, sizeof *cache);
        cache->score = score;
        cache->capacity = capacity;
        cache->level = allocate(capacity, sizeof(struct score_level *));
        return cache;
}

void level_cache_free(struct level_cache *cache)
{
        if (!cache)
                return;
        for (size_t i = 0; i < cache->n; i++)
                score_level_free(cache->level[i]);
        free(cache->level);
        free(cache);
}

/* Steps ask in order: the answer is most often the last one or the next. */
const struct score_level *level_cache_get(struct level_cache *cache, double sigma, double scale)
{
        for (size_t tried = 0; tried < cache->n; tried++) {
                const size_t i = (cache->last + tried) % cache->n;
                const struct score_level *level = cache->level[i];
                if (level->sigma == sigma && level->scale == scale) {
                        cache->last = i;
                        return level;
                }
        }
        size_t place = cache->n;
        if (cache->n > 0 && cache->n == cache->capacity) {
                place = cache->oldest;
                cache->oldest = (cache->oldest + 1) % cache->capacity;
                score_level_free(cache->level[place]);
        } else {
                cache->n++;
        }
        cache->level[place] = score_level_create_scaled(cache->score, sigma, scale);
        cache->last = place;
        return cache->level[place];
}
