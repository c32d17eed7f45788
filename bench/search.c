/* SPDX-License-Identifier: Apache-2.0 */
/* Search over a register of 100,000 models: latency, memory, building. Documents are made
 * here: titles and texts in three languages with the word frequencies of natural language
 * (Zipf), three facets. One JSON line per figure.
 *
 *     bench-search [MODELS] */
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "search/search.h"
#include "search/search_words_test_support.h"

enum { QUERIES = 3000, FACETS = 6, BATCH = 500 };

static void must(int err)
{
    if (!err)
        return;
    fprintf(stderr, "bench-search: %s\n", am_err_text(err));
    exit(am_err_exit(err));
}

/* One document as its owner would hold it; batches of them are made outside the time. */
struct made {
    char text[WORDS_LANGS][2][1536], id[65], name[FACETS][16];
    struct search_field f[2 * WORDS_LANGS + 1];
    struct search_value v[FACETS];
    struct search_doc d;
};

static void make(struct made *m, unsigned i)
{
    static const unsigned values[FACETS] = {400, 60, 4, 13, 12, 2500};
    m->d = (struct search_doc){.rank = i,
                               .field = m->f,
                               .fields = 2 * WORDS_LANGS + 1,
                               .value = m->v,
                               .values = FACETS};
    snprintf(m->id, sizeof m->id, "%016llx%048x", (unsigned long long)words_random(), i);
    for (unsigned l = 0; l < WORDS_LANGS; l++) {
        m->f[2 * l] = (struct search_field){4, words_text(m->text[l][0], l, 8)};
        m->f[2 * l + 1] = (struct search_field){1, words_text(m->text[l][1], l, 60)};
    }
    m->f[2 * WORDS_LANGS] = (struct search_field){2, str_c(m->id)};
    for (unsigned k = 0; k < FACETS; k++) {
        snprintf(m->name[k], sizeof m->name[k], "v%u", words_zipf(values[k]));
        m->v[k] = (struct search_value){k, str_c(m->name[k])};
    }
    m->d.id = str_c(m->id);
}

/* Microseconds of the clock and of the processor. */
static void build(struct search *s, unsigned models, int64_t *took, int64_t *cpu)
{
    static struct made m[BATCH];
    for (unsigned i = 0; i < models; i += BATCH) {
        unsigned n = AM_MIN(models - i, (unsigned)BATCH);
        int64_t start;
        clock_t used;
        for (unsigned k = 0; k < n; k++)
            make(&m[k], i + k);
        start = time_mono();
        used = clock();
        for (unsigned k = 0; k < n; k++)
            must(search_put(s, &m[k].d));
        *took += time_mono() - start;
        *cpu += clock() - used;
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* One to three words, the last cut to a beginning half of the time, often a facet. */
static void query(const struct search *s, int64_t *took, int64_t *cpu)
{
    char q[512], name[16];
    struct search_value v;
    struct search_query ask = {.filter = &v, .limit = 20};
    struct search_result r;
    unsigned words = (unsigned)(words_random() % 4),
             lang = (unsigned)(words_random() % 3);
    size_t n = 0;
    int64_t start;
    clock_t used;
    for (unsigned i = 0; i < words; i++) {
        n += words_one(q + n, lang, words_zipf(WORDS_VOCABULARY));
        q[n++] = ' ';
    }
    ask.text = (struct str){q, words && words_random() % 2 ? n - 3 : n};
    if (words_random() % 3 == 0) {
        snprintf(name, sizeof name, "v%u", words_zipf(13));
        v = (struct search_value){3, str_c(name)};
        ask.filters = 1;
    }
    start = time_mono();
    used = clock();
    must(search_run(s, &ask, &r));
    *cpu = clock() - used;
    *took = time_mono() - start;
    search_result_release(&r);
}

static void figure(const char *name, double value, const char *unit, const char *target,
                   const char *better, unsigned models)
{
    printf(
        "{\"figure\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"target\":%s,"
        "\"better\":\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%u models, "
        "204 words each in 3 languages, 6 facets, page of 20, one thread\"}\n",
        name, value, unit, target, better, models);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct search_config c = {.facets = FACETS};
    struct search *s;
    struct search_stats st;
    int64_t models = 100000, took_us = 0, cpu_us = 0;
    static int64_t took[QUERIES], cpu[QUERIES];
    if (argc > 1)
        must(str_int(str_c(argv[1]), 1, 1000000, &models));
    must(search_new(&s, &c));
    build(s, (unsigned)models, &took_us, &cpu_us);
    figure("search.build", (double)models * 1e6 / (double)took_us, "models/s", "20000",
           "higher", (unsigned)models);
    figure("search.build_cpu", (double)models * 1e6 / (double)cpu_us, "models/cpu-s",
           "20000", "higher", (unsigned)models);
    for (unsigned i = 0; i < QUERIES; i++)
        query(s, &took[i], &cpu[i]);
    qsort(took, QUERIES, sizeof *took, by_time);
    qsort(cpu, QUERIES, sizeof *cpu, by_time);
    search_stats(s, &st);
    figure("search.p50", (double)took[QUERIES / 2] / 1000, "ms", "null", "lower",
           (unsigned)models);
    figure("search.p99", (double)took[QUERIES - QUERIES / 100] / 1000, "ms", "50",
           "lower", (unsigned)models);
    figure("search.p99_cpu", (double)cpu[QUERIES - QUERIES / 100] / 1000, "ms", "50",
           "lower", (unsigned)models);
    figure("search.memory", (double)st.bytes / 1048576, "MiB", "76", "lower",
           (unsigned)models);
    search_free(s);
    return 0;
}
