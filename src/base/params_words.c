/* Lists of words, and which of them was meant. */
#include <string.h>

#include "base/params_engine.h"
#include "sculptor/error.h"

void words_add(struct words *words, const char *word)
{
        for (size_t i = 0; i < words->n; i++)
                if (!strcmp(words->word[i], word))
                        return;
        if (words->n == sizeof words->word / sizeof *words->word)
                fatal("more than %zu words in one place of the input", words->n);
        words->word[words->n++] = word;
}

void words_print(const struct words *words, const char *last_comma, FILE *out)
{
        for (size_t i = 0; i < words->n; i++)
                fprintf(out, "%s%s", i == 0 ? "" : i + 1 < words->n ? ", " : last_comma, words->word[i]);
}

void words_variants(struct words *words, const struct param *row)
{
        struct param_variant variant;
        for (size_t i = 0; row->variant(i, &variant); i++)
                words_add(words, variant.name);
}

/* Edit distance with exchanged neighbours as one edit [Damerau 1964], restricted form, in three rows. */
enum { LONGEST_WORD = 48 };

static size_t least(size_t a, size_t b, size_t c)
{
        size_t d = a < b ? a : b;
        return d < c ? d : c;
}

static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
        size_t before[LONGEST_WORD + 1], last[LONGEST_WORD + 1], now[LONGEST_WORD + 1] = {0};
        for (size_t j = 0; j <= n_b; j++)
                last[j] = j;
        for (size_t i = 1; i <= n_a; i++) {
                now[0] = i;
                for (size_t j = 1; j <= n_b; j++) {
                        now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                            before[j - 2] + 1 < now[j])
                                now[j] = before[j - 2] + 1;
                }
                memcpy(before, last, sizeof before);
                memcpy(last, now, sizeof last);
        }
        return last[n_b];
}

/* Near enough: one edit in three letters, or the beginning of a word (three letters or more). */
const char *nearest_word(const char *word, const char *const *candidates, size_t n)
{
        size_t length = strlen(word);
        if (length < 2 || length > LONGEST_WORD)
                return NULL;
        const char *nearest = NULL;
        size_t nearest_distance = LONGEST_WORD;
        for (size_t i = 0; i < n; i++) {
                size_t candidate = strlen(candidates[i]);
                if (candidate > LONGEST_WORD)
                        continue;
                size_t longest = length > candidate ? length : candidate;
                size_t distance = edit_distance(word, length, candidates[i], candidate);
                bool beginning = length >= 3 && !strncmp(word, candidates[i], length);
                if ((3 * distance <= longest || beginning) && distance < nearest_distance) {
                        nearest = candidates[i];
                        nearest_distance = distance;
                }
        }
        return nearest;
}
