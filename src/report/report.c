/* SPDX-License-Identifier: Apache-2.0 */
/* report -- files of a run, read and held against their schemas and each other. */
#include "report/report_priv.h"

#include "base/base.h"
#include "crypto/crypto.h"
#include "embed/embed.h"

static int check_schema(const char *file, const struct json *v, const char *prefix,
                        struct diag *d)
{
    const struct embed_file *f = embed_find(file);
    am_assert(f); /* the program was built without its schemas */
    return json_schema_check_text((struct str){(const char *)f->data, f->size}, v, prefix,
                                  d);
}

/* A file of the folder: at most REPORT_FILE_MAX bytes, strict JSON, of its schema. */
static int read_file(const char *dir, const char *name, const char *schema,
                     const char *prefix, struct json_doc **doc,
                     uint8_t digest[CRYPTO_SHA256], struct diag *d)
{
    char path[4096], *text = NULL;
    size_t size = 0;
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    int err = n < 0 || (size_t)n >= sizeof path
                  ? AM_E_TOOBIG
                  : am_file_read(path, REPORT_FILE_MAX, &text, &size);
    if (err) {
        diag_err(d, prefix, "file", "%s", am_err_text(err));
        return err;
    }
    crypto_sha256((struct str){text, size}, digest);
    struct diag own;
    diag_init(&own);
    err = json_parse(doc, (struct str){text, size}, NULL, &own);
    diag_merge(d, &own, prefix);
    diag_release(&own);
    free(text);
    return err ? err : check_schema(schema, json_root(*doc), prefix, d);
}

/* "evidence-<family>.json" of small letters: no path leads out of the folder. */
static bool name_is_ours(struct str file, struct str family)
{
    char wanted[96];
    if (!family.n || family.n > 40)
        return false;
    for (size_t i = 0; i < family.n; i++)
        if (!((family.p[i] >= 'a' && family.p[i] <= 'z') || family.p[i] == '_'))
            return false;
    snprintf(wanted, sizeof wanted, "evidence-%.*s.json", STR_FMT(family));
    return str_eqc(file, wanted);
}

static int read_evidence(struct report *r, const char *dir, const struct json *entry,
                         size_t i, struct diag *d)
{
    struct str file = json_get_str(entry, "file"), family = json_get_str(entry, "family");
    uint8_t digest[CRYPTO_SHA256];
    char hex[CRYPTO_HEX], name[96], prefix[100];
    int err;
    if (!name_is_ours(file, family)) {
        snprintf(prefix, sizeof prefix, "/summary/evidence/%zu/file", i);
        diag_err(d, prefix, "report.evidence_name", "%.*s", (int)AM_MIN(file.n, 80u),
                 file.p);
        return AM_E_INVALID;
    }
    snprintf(name, sizeof name, "%.*s", STR_FMT(file));
    snprintf(prefix, sizeof prefix, "/%s", name);
    err = read_file(dir, name, "schema/evidence-1.json", prefix, &r->evidence[r->files],
                    digest, d);
    if (r->evidence[r->files])
        r->files++;
    if (err)
        return err;
    if (!json_str_is(json_get(entry, "sha256"), crypto_hex(digest, sizeof digest, hex))) {
        diag_err(d, prefix, "report.digest", "%s", hex);
        return AM_E_INVALID;
    }
    report_check_evidence(r, json_root(r->evidence[r->files - 1]), prefix, d);
    return AM_OK;
}

static int read_all(struct report *r, const char *dir, struct diag *d)
{
    uint8_t digest[CRYPTO_SHA256];
    const struct json *list;
    int err = read_file(dir, "summary.json", "schema/bench-summary-1.json", "/summary",
                        &r->summary_doc, digest, d);
    int curves = read_file(dir, "curves.json", "schema/bench-curves-1.json", "/curves",
                           &r->curves_doc, digest, d);
    if (err || curves)
        return err ? err : curves;
    r->summary = json_root(r->summary_doc);
    r->curves = json_root(r->curves_doc);
    r->measures = json_get(r->summary, "measures");
    report_check(r, d);
    list = json_get(r->summary, "evidence");
    if (json_size(list) > REPORT_FILES_MAX) {
        diag_err(d, "/summary/evidence", "report.too_many", "%zu", json_size(list));
        return AM_E_INVALID;
    }
    for (json_each(it, list)) {
        int one = read_evidence(r, dir, it.val, it.i, d);
        err = err ? err : one;
    }
    return err ? err : diag_result(d);
}

int report_read(struct report **out, const char *dir, struct diag *d)
{
    struct report *r = am_calloc(1, sizeof *r);
    struct diag own;
    int err;
    if (!r)
        return AM_E_NOMEM;
    diag_init(&own);
    err = read_all(r, dir, &own);
    if (!err && own.more)
        err = AM_E_NOMEM;
    if (d)
        diag_merge(d, &own, "");
    diag_release(&own);
    if (err) {
        report_free(r);
        return err;
    }
    *out = r;
    return AM_OK;
}

void report_free(struct report *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->files; i++)
        json_free(r->evidence[i]);
    json_free(r->summary_doc);
    json_free(r->curves_doc);
    free(r);
}
