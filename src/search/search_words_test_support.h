/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up texts in three languages with the word frequencies of natural language (Zipf),
 * the same in every run. */
#ifndef SEARCH_WORDS_TEST_SUPPORT_H
#define SEARCH_WORDS_TEST_SUPPORT_H

#include <math.h>

#include "base/base.h"

enum { WORDS_VOCABULARY = 30000, WORDS_LANGS = 3, WORDS_BYTES = 24 /* a word at most */ };

static uint64_t words_state = 0x9E3779B97F4A7C15u;

static inline uint64_t words_random(void)
{
    uint64_t z = (words_state += 0x9E3779B97F4A7C15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline double words_uniform(void)
{
    return (double)(words_random() >> 11) / 9007199254740992.0;
}

/* A rank with P(r) about 1 / r. */
static inline unsigned words_zipf(unsigned n)
{
    return (unsigned)exp(words_uniform() * log((double)n + 1)) - 1;
}

static inline size_t words_one(char *out, unsigned lang, unsigned rank)
{
    static const char *const latin[] = {"ca", "dio", "sté", "no", "pul", "mo",  "né",
                                        "ra", "thé", "li",  "xi", "ber", "gas", "tro"};
    static const char *const arabic[] = {"قل", "شر", "اي", "ين", "تض", "رئ", "وس",
                                         "مر", "عظ", "دم", "كب", "صد", "فح", "نب"};
    static const char *const mark[] = {"", "م", "e"};
    size_t n = 0;
    unsigned k = rank + 7;
    for (; k; k /= 14) {
        const char *s = lang == 1 ? arabic[k % 14] : latin[k % 14];
        memcpy(out + n, s, strlen(s));
        n += strlen(s);
    }
    memcpy(out + n, mark[lang], strlen(mark[lang]));
    return n + strlen(mark[lang]);
}

/* out has room for WORDS_BYTES a word. */
static inline struct str words_text(char *out, unsigned lang, unsigned words)
{
    size_t n = 0;
    while (words--) {
        n += words_one(out + n, lang, words_zipf(WORDS_VOCABULARY));
        out[n++] = ' ';
    }
    return (struct str){out, n};
}

#endif
