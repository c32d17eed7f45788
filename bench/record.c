/* SPDX-License-Identifier: Apache-2.0 */
/* bench/record -- validation of a full version record: schema and the rules beyond it, on
 * a parsed document. CPU time of the thread, so that a busy machine changes it little.
 * Claim: >= 20,000 records/s of one core. bench-record N: one run of N, for callgrind. */
#include <stdio.h>
#include <time.h>

#include "embed/embed.h"
#include "json/json.h"
#include "registry/registry.h"

static struct json_doc *embedded(const char *path)
{
    const struct embed_file *f = embed_find(path);
    struct json_doc *doc = NULL;
    if (!f || json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL))
        exit(3);
    return doc;
}

enum { RUNS = 5, TIMES = 5000 };

static double cpu_s(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double one_run(const struct json_schema *s, const struct json *v, int times,
                      bool rules)
{
    struct diag d;
    double start = cpu_s();
    size_t bad = 0;
    diag_init(&d);
    for (int i = 0; i < times; i++) {
        bad += json_schema_check(s, v, &d) != AM_OK;
        if (rules)
            registry_rule_version(v, &d);
    }
    if (bad || d.n)
        exit(3);
    diag_release(&d);
    return times / (cpu_s() - start);
}

static void show(const char *figure, double value)
{
    printf(
        "{\"figure\":\"%s\",\"value\":%.0f,\"unit\":\"/cpu-s\",\"target\":20000,"
        "\"better\":\"higher\",\"peer\":null,\"peer_value\":null,\"conditions\":\"full "
        "version record, parsed, one thread, its CPU time, best of %d\"}\n",
        figure, value, RUNS);
}

int main(int argc, char **argv)
{
    struct json_doc *schema = embedded("schema/version-1.json"),
                    *record = embedded("schema/examples/version.json");
    struct json_schema *s = NULL;
    double best[2] = {0, 0};
    int runs = argc > 1 ? 1 : RUNS,
        times = argc > 1 ? (int)strtol(argv[1], NULL, 10) : TIMES;
    if (json_schema_compile(&s, json_root(schema), NULL, NULL, NULL))
        return 3;
    for (int r = 0; r < runs; r++)
        for (int k = 0; k < 2; k++) {
            double x = one_run(s, json_root(record), times, k == 1);
            best[k] = x > best[k] ? x : best[k];
        }
    show("record.schema", best[0]);
    show("record.schema_and_rules", best[1]);
    json_schema_free(s);
    json_free(record);
    json_free(schema);
    return 0;
}
