/* SPDX-License-Identifier: Apache-2.0 */
/* Terminologies that come as tables: RF2 of SNOMED CT, and CSV with named columns. */
#include "csv/csv.h"
#include "fhir/fhir_tx_priv.h"

#define SCT     TX_SCT
#define SCT_ISA "116680003"
#define SCT_FSN "900000000000003001"

/* ---- RF2: tab-separated, no quotes, a header line ---- */
enum { RF2_FIELDS = 10 };

static size_t rf2_split(struct str line, struct str out[RF2_FIELDS])
{
    size_t n = 0;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    while (n < RF2_FIELDS) {
        size_t tab = str_find(line, '\t');
        out[n++] = str_sub(line, 0, tab);
        if (tab == line.n)
            break;
        line = str_sub(line, tab + 1, line.n);
    }
    return n;
}

struct rf2 {
    struct fhir_tx *t;
    struct fhir_tx_system *s;
    struct diag *d;
};
typedef int rf2_row_fn(struct rf2 *r, const struct str f[RF2_FIELDS]);

static int rf2_rows(struct rf2 *r, struct str text, size_t fields, const char *file,
                    rf2_row_fn *fn)
{
    struct str f[RF2_FIELDS];
    int err = AM_OK;
    for (size_t line = 1; text.n && !err; line++) {
        struct str rest, row = str_cut(text, '\n', &rest);
        text = rest;
        if (!row.n || str_starts(row, STR("id\t")))
            continue;
        if (!str_utf8(row) || rf2_split(row, f) != fields) {
            char at[64];
            snprintf(at, sizeof at, "%s:%zu", file, line);
            return fhir_tx_bad(r->d, str_c(at), "term.rf2");
        }
        err = fn(r, f);
    }
    return err;
}

/* id effectiveTime active moduleId definitionStatusId */
static int rf2_concept(struct rf2 *r, const struct str f[RF2_FIELDS])
{
    uint32_t c;
    int err = fhir_tx_concept_add(r->t, r->s, f[0], STR(""), &c);
    if (err == AM_E_EXISTS)
        return fhir_tx_bad(r->d, f[0], "term.twice");
    if (!err && !str_eqc(f[2], "1"))
        r->s->concept.v[c].flags |= FHIR_TX_INACTIVE;
    return err ? err
               : fhir_tx_property_add(r->t, r->s, c, STR("moduleId"), FHIR_TX_CODE, f[3]);
}

/* id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId
 */
static int rf2_description(struct rf2 *r, const struct str f[RF2_FIELDS])
{
    struct fhir_tx_concept *c;
    uint32_t at;
    int err = AM_OK;
    if (!str_eqc(f[2], "1"))
        return AM_OK;
    at = fhir_tx_find(r->s, f[4]);
    if (at == FHIR_TX_NONE)
        return fhir_tx_bad(r->d, f[4], "term.code");
    c = &r->s->concept.v[at];
    if (!c->display.n && str_eqc(f[5], "en") && !str_eqc(f[6], SCT_FSN))
        err = fhir_tx_keep(r->t, f[7], &c->display);
    return err ? err : fhir_tx_word_add(r->t, r->s, at, f[5], f[6], f[7]);
}

/* id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId ... */
static int rf2_relationship(struct rf2 *r, const struct str f[RF2_FIELDS])
{
    uint32_t from, to;
    if (!str_eqc(f[2], "1"))
        return AM_OK;
    from = fhir_tx_find(r->s, f[4]);
    to = fhir_tx_find(r->s, f[5]);
    if (from == FHIR_TX_NONE || to == FHIR_TX_NONE)
        return fhir_tx_bad(r->d, from == FHIR_TX_NONE ? f[4] : f[5], "term.code");
    if (str_eqc(f[7], SCT_ISA))
        return vec_push(&r->s->edge, ((struct tx_edge){from, to}));
    return fhir_tx_property_add(r->t, r->s, from, f[7], FHIR_TX_CODE, f[5]);
}

/* No English synonym: the first description there is. */
static void rf2_displays(struct fhir_tx_system *s)
{
    for (size_t i = 0; i < s->word.n; i++)
        if (!s->concept.v[s->word.v[i].concept].display.n)
            s->concept.v[s->word.v[i].concept].display = s->word.v[i].text;
}

int fhir_tx_add_rf2(struct fhir_tx *t, const struct fhir_tx_rf2 *f, struct diag *d)
{
    struct rf2 r = {.t = t, .d = d};
    int err = fhir_tx_system_new(t, STR(SCT), f->version, &r.s, d);
    if (!err)
        r.s->name = STR("SNOMED_CT");
    if (!err)
        r.s->all = STR(SCT "?fhir_vs");
    if (!err)
        err = rf2_rows(&r, f->concept, 5, "concept", rf2_concept);
    if (!err)
        err = rf2_rows(&r, f->description, 9, "description", rf2_description);
    if (!err)
        err = rf2_rows(&r, f->relationship, 10, "relationship", rf2_relationship);
    if (!err)
        rf2_displays(r.s);
    return err;
}

/* ---- CSV ---- */
static const char *const loinc_properties[] = {
    "COMPONENT",  "PROPERTY", "TIME_ASPCT", "SYSTEM",           "SCALE_TYP",
    "METHOD_TYP", "CLASS",    "STATUS",     "LONG_COMMON_NAME", NULL};
const struct fhir_tx_table fhir_tx_loinc = {.url = STR_INIT("http://loinc.org"),
                                            .name = STR_INIT("LOINC"),
                                            .code = "LOINC_NUM",
                                            .display = "LONG_COMMON_NAME",
                                            .status = "STATUS",
                                            .retired = "DEPRECATED",
                                            .property = loinc_properties};
const struct fhir_tx_table fhir_tx_icd10 = {
    .url = STR_INIT("http://hl7.org/fhir/sid/icd-10"),
    .name = STR_INIT("ICD10"),
    .code = "code",
    .display = "display",
    .icd10 = true};
const struct fhir_tx_table fhir_tx_atc = {.url = STR_INIT("http://www.whocc.no/atc"),
                                          .name = STR_INIT("ATC"),
                                          .code = "code",
                                          .display = "name",
                                          .by_prefix = true};

struct table {
    const struct csv *csv;
    const struct fhir_tx_table *how;
    size_t code, display, parent, status, french, arabic;
};

static int table_column(const struct csv *c, const char *name, size_t *out,
                        struct diag *d)
{
    *out = SIZE_MAX;
    if (!name)
        return AM_OK;
    return csv_find(c, str_c(name), out) ? fhir_tx_bad(d, str_c(name), "term.column")
                                         : AM_OK;
}

static int table_row(struct fhir_tx *t, struct fhir_tx_system *s, const struct table *x,
                     size_t row, struct diag *d)
{
    struct str code = str_trim(csv_at(x->csv, row, x->code)), text;
    uint32_t c;
    int err;
    if (!code.n)
        return fhir_tx_bad(d, s->url, "term.no_code");
    err = fhir_tx_concept_add(t, s, code, csv_at(x->csv, row, x->display), &c);
    if (err == AM_E_EXISTS)
        return fhir_tx_bad(d, code, "term.twice");
    if (!err && x->status != SIZE_MAX && x->how->retired &&
        str_eqc(csv_at(x->csv, row, x->status), x->how->retired))
        s->concept.v[c].flags |= FHIR_TX_INACTIVE;
    text = x->french == SIZE_MAX ? STR_NULL : csv_at(x->csv, row, x->french);
    if (!err && text.n)
        err = fhir_tx_word_add(t, s, c, STR("fr"), STR(""), text);
    text = x->arabic == SIZE_MAX ? STR_NULL : csv_at(x->csv, row, x->arabic);
    if (!err && text.n)
        err = fhir_tx_word_add(t, s, c, STR("ar"), STR(""), text);
    text = x->parent == SIZE_MAX ? STR_NULL : str_trim(csv_at(x->csv, row, x->parent));
    if (!err && text.n)
        err = fhir_tx_later_add(t, s, c, text, false);
    for (size_t i = 0; x->how->property && x->how->property[i] && !err; i++) {
        size_t column;
        if (csv_find(x->csv, str_c(x->how->property[i]), &column))
            continue; /* releases differ in what they tell beside */
        text = csv_at(x->csv, row, column);
        if (text.n)
            err = fhir_tx_property_add(t, s, c, str_c(x->how->property[i]), FHIR_TX_TEXT,
                                       text);
    }
    return err;
}

/* Words for codes that are there. AM_E_INVALID: a code that is not. */
static int table_words(struct fhir_tx *t, const struct table *x, struct diag *d)
{
    struct fhir_tx_system *s = fhir_tx_own(t, x->how->url, x->how->version);
    int err = AM_OK;
    if (!s)
        return fhir_tx_bad(d, x->how->url, "term.system");
    for (size_t row = 0; row < csv_rows(x->csv) && !err; row++) {
        struct str code = str_trim(csv_at(x->csv, row, x->code)),
                   text = csv_at(x->csv, row, x->display);
        uint32_t c = fhir_tx_find(s, code);
        if (c == FHIR_TX_NONE)
            return fhir_tx_bad(d, code, "term.code");
        if (text.n)
            err = fhir_tx_word_add(t, s, c, x->how->adds, STR_NULL, text);
    }
    return err;
}

/* A10BA02 is under A10BA, that under A10B: the longest code it begins with. */
static int table_prefixes(struct fhir_tx_system *s)
{
    int err = AM_OK;
    for (uint32_t c = 0; c < s->concept.n && !err; c++) {
        struct str code = s->concept.v[c].code;
        uint32_t above = FHIR_TX_NONE;
        for (size_t n = code.n - 1; n > 0 && above == FHIR_TX_NONE; n--)
            above = fhir_tx_find(s, str_sub(code, 0, n));
        if (above != FHIR_TX_NONE)
            err = vec_push(&s->edge, ((struct tx_edge){c, above}));
    }
    return err;
}

int fhir_tx_add_table(struct fhir_tx *t, struct str text, const struct fhir_tx_table *how,
                      struct diag *d)
{
    const struct csv_limits limits = {.separator = how->separator};
    struct table x = {.how = how};
    struct fhir_tx_system *s = NULL;
    struct csv *c = NULL;
    int err = csv_parse(&c, text, &limits, d);
    if (err)
        return err == AM_E_SYNTAX ? AM_E_INVALID : err;
    x.csv = c;
    err = table_column(c, how->code, &x.code, d);
    if (!err)
        err = table_column(c, how->display, &x.display, d);
    if (!err)
        err = table_column(c, how->parent, &x.parent, d);
    if (!err)
        err = table_column(c, how->status, &x.status, d);
    if (!err)
        err = table_column(c, how->french, &x.french, d);
    if (!err)
        err = table_column(c, how->arabic, &x.arabic, d);
    if (!err && how->adds.n) {
        err = table_words(t, &x, d);
        csv_free(c);
        return err;
    }
    if (!err)
        err = fhir_tx_system_new(t, how->url, how->version, &s, d);
    if (!err)
        err = fhir_tx_keep(t, how->name, &s->name);
    for (size_t row = 0; row < csv_rows(c) && !err; row++)
        err = table_row(t, s, &x, row, d);
    if (!err && how->by_prefix)
        err = table_prefixes(s);
    if (!err && how->icd10)
        err = fhir_tx_icd_tree(s);
    csv_free(c);
    return err;
}
