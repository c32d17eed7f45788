/* SPDX-License-Identifier: Apache-2.0 */
/* Terminologies: loading an RF2 of the size of SNOMED CT (made up: 350,000 concepts, 1.6
 * parents and three words each), memory, codes found, words in a language, subsumptions
 * and all that is above or below a code; CPU time of one thread. Subsumptions are checked
 * against a walk up the parents. Two shapes: a second parent near the first one, as in a
 * real terminology, and one anywhere, which is the worst for a tree cover. */
#include <time.h>
#include <unistd.h>

#include "base/test.h"
#include "fhir/term.h"

enum { CONCEPTS = 350000, ASKED = 2000000, WALKED = 20000, RELATED = 2000 };

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double memory_mb(void)
{
    long pages = 0, skip = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld %ld", &skip, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static uint64_t seed = 11;
static uint32_t draw(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static int is_a(struct buf *r, uint32_t child, uint32_t parent)
{
    return buf_addf(r, "%u\t20260101\t1\t9\t%u\t%u\t0\t116680003\t9\t9\n",
                    7000000 + child, 1000000 + child, 1000000 + parent);
}

static int make(struct buf part[3], bool near)
{
    int err = AM_OK;
    for (uint32_t i = 0; i < CONCEPTS && !err; i++) {
        uint32_t parent = i / 6, other = near ? parent + 1 + draw(20) : draw(i + 1);
        err = buf_addf(&part[0], "%u\t20260101\t1\t9\t9\n", 1000000 + i);
        for (int k = 0; k < 3 && !err; k++)
            err = buf_addf(
                &part[1], "%u\t20260101\t1\t9\t%u\t%s\t%s\t%s number %u of them\t9\n",
                10000000 + 3 * i + (uint32_t)k, 1000000 + i, k == 2 ? "fr" : "en",
                k ? "900000000000013009" : "900000000000003001",
                k == 2 ? "Chose" : "Thing", i);
        if (!err && i)
            err = is_a(&part[2], i, parent);
        if (!err && i > 100 && draw(10) < 6 && other < i && other != parent)
            err = is_a(&part[2], i, other);
    }
    return err;
}

static bool walk(const struct fhir_tx_system *s, uint32_t a, uint32_t d)
{
    size_t n;
    const uint32_t *up = fhir_tx_parents(s, d, &n);
    if (a == d)
        return true;
    for (size_t i = 0; i < n; i++) /* a parent has a smaller number here */
        if (up[i] >= a && walk(s, a, up[i]))
            return true;
    return false;
}

static void ask(const struct fhir_tx_system *s)
{
    size_t yes = 0, wrong = 0, many = 0, n;
    uint32_t *v;
    double from = cpu_s();
    for (uint32_t i = 0; i < ASKED; i++) {
        char code[16];
        size_t k = (size_t)snprintf(code, sizeof code, "%u", 1000000 + draw(CONCEPTS));
        uint32_t c = fhir_tx_find(s, (struct str){code, k});
        yes += fhir_tx_display(s, c, STR("fr")).n > 0;
    }
    printf("  codes found, with their word in French: %.0f/s (%zu)\n",
           ASKED / (cpu_s() - from), yes);
    from = cpu_s();
    yes = 0;
    for (uint32_t i = 0; i < ASKED; i++)
        yes += fhir_tx_subsumes(s, draw(CONCEPTS) >> draw(18), draw(CONCEPTS));
    printf("  subsumptions: %.0f/s (%zu of %d say yes)\n", ASKED / (cpu_s() - from), yes,
           ASKED);
    for (uint32_t i = 0; i < WALKED; i++) {
        uint32_t a = draw(CONCEPTS) >> draw(18), d = draw(CONCEPTS);
        wrong += fhir_tx_subsumes(s, a, d) != walk(s, a, d);
    }
    printf("  against a walk: %zu of %d differ\n", wrong, WALKED);
    for (int above = 0; above < 2; above++) {
        from = cpu_s();
        many = 0;
        for (uint32_t i = 0; i < RELATED; i++) {
            if (fhir_tx_related(s, 100 + draw(CONCEPTS - 100), above, &v, &n))
                continue;
            many += n;
            free(v);
        }
        printf("  all that is %s a code: %.0f/s (%.1f codes on average)\n",
               above ? "above" : "below", RELATED / (cpu_s() - from),
               (double)many / RELATED);
    }
}

int main(void)
{
    for (int near = 1; near >= 0; near--) {
        struct fhir_tx *t = NULL;
        struct fhir_tx_about about;
        struct buf part[3];
        double from, before;
        int err = AM_OK;
        for (int i = 0; i < 3; i++)
            buf_init(&part[i], 1u << 30);
        err = make(part, near);
        before = memory_mb();
        from = cpu_s();
        if (!err)
            err = fhir_tx_new(&t, (size_t)8 << 30);
        if (!err)
            err = fhir_tx_add_rf2(t,
                                  &(struct fhir_tx_rf2){.concept = buf_str(&part[0]),
                                                        .description = buf_str(&part[1]),
                                                        .relationship = buf_str(&part[2]),
                                                        .version = STR("x")},
                                  NULL);
        if (!err)
            err = fhir_tx_ready(t, NULL);
        printf("%s: %d concepts, RF2 of %.0f MB\n",
               near ? "second parent near the first" : "second parent anywhere", CONCEPTS,
               (double)(part[0].n + part[1].n + part[2].n) / 1e6);
        if (err) {
            printf("  not loaded: %s\n", am_err_text(err));
        } else {
            fhir_tx_about(fhir_tx_system_at(t, 0), &about);
            printf("  loaded in %.2f s, %.0f MB more memory, %zu intervals\n",
                   cpu_s() - from, memory_mb() - before, about.spans);
            ask(fhir_tx_system_at(t, 0));
        }
        fhir_tx_free(t);
        for (int i = 0; i < 3; i++)
            buf_release(&part[i]);
    }
    return 0;
}
