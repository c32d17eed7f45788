/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, canonicalising and validating JSON, in MB of input per second. The text is
 * made here, in the manner of a FHIR bundle of observations. The peer is yyjson alone:
 * what is above it is the price of limits, duplicate names and RFC 8785. */
#include <yyjson.h>

#include "base/clock.h"
#include "json/json.h"

enum { OBSERVATIONS = 8000, ROUNDS = 15 };

static int make_text(struct buf *b)
{
    struct jw w;
    jw_init(&w, b);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_key(&w, "entry");
    jw_arr(&w);
    for (int i = 0; i < OBSERVATIONS; i++) {
        jw_obj(&w);
        jw_kstrz(&w, "resourceType", "Observation");
        jw_key(&w, "id");
        jw_strf(&w, "obs-%d", i);
        jw_kstrz(&w, "status", "final");
        jw_key(&w, "code");
        jw_obj(&w);
        jw_kstrz(&w, "text",
                 "Cr\xC3\xA9"
                 "atinine \"s\xC3\xA9rum\"\n");
        jw_kstrz(&w, "system", "http://loinc.org");
        jw_obj_end(&w);
        jw_kstrz(&w, "effectiveDateTime", "2026-03-01T08:30:00+01:00");
        jw_key(&w, "valueQuantity");
        jw_obj(&w);
        jw_knum(&w, "value", 40.0 + (double)(i * 7919 % 10007) / 97.0);
        jw_kstrz(&w, "unit", "umol/L");
        jw_kint(&w, "n", i);
        jw_obj_end(&w);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

static const char schema_text[] =
    "{\"type\":\"object\",\"required\":[\"entry\"],\"properties\":{\"entry\":{\"items\":{"
    "\"type\":\"object\",\"required\":[\"id\",\"status\",\"code\"],\"properties\":{"
    "\"id\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9.-]{1,64}$\"},"
    "\"status\":{\"enum\":[\"final\",\"amended\"]},"
    "\"code\":{\"type\":\"object\",\"properties\":{\"text\":{\"minLength\":1}}},"
    "\"effectiveDateTime\":{\"format\":\"date-time\"},"
    "\"valueQuantity\":{\"properties\":{\"value\":{\"type\":\"number\",\"minimum\":0}}}"
    "}}}}}";

struct work {
    struct str text;
    const struct json *root;
    const struct json_schema *schema;
    struct buf out;
};

static int parse(struct work *w)
{
    struct json_doc *doc;
    int err = json_parse(&doc, w->text, NULL, NULL);
    if (!err)
        json_free(doc);
    return err;
}

static int parse_peer(struct work *w)
{
    yyjson_doc *doc = yyjson_read(w->text.p, w->text.n, 0);
    yyjson_doc_free(doc);
    return doc ? AM_OK : AM_E_SYNTAX;
}

static int canon(struct work *w)
{
    buf_clear(&w->out);
    return json_canon(&w->out, w->root);
}

/* yyjson's compact writer: same tree, no sorting, its own number format. */
static int canon_peer(struct work *w)
{
    size_t n;
    char *text = yyjson_val_write((const yyjson_val *)(const void *)w->root, 0, &n);
    free(text);
    return text ? AM_OK : AM_E_NOMEM;
}

static int validate(struct work *w)
{
    return json_schema_check(w->schema, w->root, NULL);
}

/* Best of ROUNDS, in MB/s: the machine's other work only ever slows a round down. */
static double speed(struct work *w, int (*fn)(struct work *))
{
    double best = 0;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t from = time_mono(), us;
        if (fn(w))
            return 0;
        us = time_mono() - from;
        best = AM_MAX(best, (double)w->text.n / (double)AM_MAX(us, 1));
    }
    return best;
}

static void report(const char *figure, double value, double target, double peer_value,
                   size_t bytes)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 12);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "figure", figure);
    jw_knum(&w, "value", value);
    jw_kstrz(&w, "unit", "MB/s");
    jw_knum(&w, "target", target);
    jw_kstrz(&w, "better", "higher");
    jw_kstrz(&w, "peer", peer_value > 0 ? "yyjson alone" : NULL);
    jw_key(&w, "peer_value");
    if (peer_value > 0)
        jw_num(&w, peer_value);
    else
        jw_null(&w);
    jw_key(&w, "conditions");
    jw_strf(&w, "one thread, %zu bytes, best of %d", bytes, (int)ROUNDS);
    jw_obj_end(&w);
    if (jw_done(&w) == AM_OK)
        puts(b.p);
    buf_release(&b);
}

int main(void)
{
    struct json_doc *doc, *sdoc;
    struct json_schema *schema;
    struct work w = {0};
    struct buf text;
    buf_init(&text, 64 << 20);
    buf_init(&w.out, 64 << 20);
    if (make_text(&text) || json_parse(&doc, buf_str(&text), NULL, NULL) ||
        json_parse(&sdoc, str_c(schema_text), NULL, NULL) ||
        json_schema_compile(&schema, json_root(sdoc), NULL, NULL, NULL))
        return 3;
    w.text = buf_str(&text);
    w.root = json_root(doc);
    w.schema = schema;
    report("json parse", speed(&w, parse), 200, speed(&w, parse_peer), text.n);
    report("json canonical form", speed(&w, canon), 100, speed(&w, canon_peer), text.n);
    report("json schema check", speed(&w, validate), 50, 0, text.n);
    json_schema_free(schema);
    json_free(sdoc);
    json_free(doc);
    buf_release(&w.out);
    buf_release(&text);
    return 0;
}
