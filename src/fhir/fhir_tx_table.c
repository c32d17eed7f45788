/* SPDX-License-Identifier: Apache-2.0 */
/* Terminologies that come as tables: CSV with named columns. */
#include "csv/csv.h"
#include "fhir/fhir_tx_priv.h"

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
    if (!err && str_eqc(how->url, "http://loinc.org"))
        s->all = STR("http://loinc.org/vs");
    for (size_t row = 0; row < csv_rows(c) && !err; row++)
        err = table_row(t, s, &x, row, d);
    if (!err && how->by_prefix)
        err = table_prefixes(s);
    if (!err && how->icd10)
        err = fhir_tx_icd_tree(s);
    csv_free(c);
    return err;
}

/* ---- the hierarchy of LOINC ---- */
/* A row a place in the tree: the code, a part (LP...) or a code of LOINC, and the part
 * above. The same pair comes once for each path to the root. */
static int loinc_row(struct fhir_tx *t, struct fhir_tx_system *s, struct map *seen,
                     const struct str f[3])
{
    char key[64];
    uint32_t c;
    int err = fhir_tx_concept_add(t, s, f[0], f[1], &c);
    if (err == AM_E_EXISTS)
        err = AM_OK;
    if (err || !f[2].n)
        return err;
    if (f[0].n + f[2].n + 1 >= sizeof key)
        return AM_E_INVALID;
    snprintf(key, sizeof key, "%.*s %.*s", STR_FMT(f[0]), STR_FMT(f[2]));
    if (map_has(seen, str_c(key)))
        return AM_OK;
    err = map_set(seen, str_c(key), 1);
    return err ? err : fhir_tx_later_add(t, s, c, f[2], false);
}

int fhir_tx_add_loinc_tree(struct fhir_tx *t, struct str text, struct str version,
                           struct diag *d)
{
    static const char *const name[3] = {"CODE", "CODE_TEXT", "IMMEDIATE_PARENT"};
    const struct csv_limits limits = {.separator = ','};
    struct fhir_tx_system *s = fhir_tx_own(t, fhir_tx_loinc.url, version);
    struct map seen;
    struct csv *c = NULL;
    size_t column[3];
    int err;
    if (!s)
        return fhir_tx_bad(d, fhir_tx_loinc.url, "term.system");
    err = csv_parse(&c, text, &limits, d);
    if (err)
        return err == AM_E_SYNTAX ? AM_E_INVALID : err;
    map_init(&seen);
    for (size_t i = 0; i < 3 && !err; i++)
        err = table_column(c, name[i], &column[i], d);
    for (size_t row = 0; !err && row < csv_rows(c); row++) {
        struct str f[3];
        for (size_t i = 0; i < 3; i++)
            f[i] = str_trim(csv_at(c, row, column[i]));
        if (!f[0].n)
            err = fhir_tx_bad(d, s->url, "term.no_code");
        else
            err = loinc_row(t, s, &seen, f);
        if (err == AM_E_INVALID && f[0].n)
            (void)fhir_tx_bad(d, f[0], "term.code");
    }
    s->dirty = true;
    map_release(&seen);
    csv_free(c);
    return err;
}
