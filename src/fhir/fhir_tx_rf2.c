/* SPDX-License-Identifier: Apache-2.0 */
/* SNOMED CT as it is published: RF2, snapshot files. */
#include "fhir/fhir_tx_priv.h"

#define SCT     TX_SCT
#define SCT_ISA "116680003"
#define SCT_FSN "900000000000003001"

/* ---- rows: tab-separated, no quotes, a header line ---- */
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

/* A description that a reference set of a language prefers. */
struct rf2_preferred {
    uint64_t id;
    uint16_t by; /* bit k: dialect k of the system */
};
struct rf2 {
    struct fhir_tx *t;
    struct fhir_tx_system *s;
    const struct fhir_tx_rf2 *from;
    VEC(struct rf2_preferred) preferred; /* ascending when descriptions are read */
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

/* ---- reference sets of languages ---- */
#define SCT_PREFERRED "900000000000548007"
static const struct fhir_tx_dialect rf2_known[] = {
    {STR_INIT("900000000000509007"), STR_INIT("en-US")},
    {STR_INIT("900000000000508004"), STR_INIT("en-GB")},
};

static struct str rf2_dialect(const struct rf2 *r, struct str refset)
{
    for (size_t i = 0; i < r->from->dialects; i++)
        if (str_eq(r->from->dialect[i].refset, refset))
            return r->from->dialect[i].lang;
    for (size_t i = 0; i < AM_LEN(rf2_known); i++)
        if (str_eq(rf2_known[i].refset, refset))
            return rf2_known[i].lang;
    return STR_NULL;
}

/* The place of a reference set among the dialects of the system; more are one. */
static int rf2_dialect_at(struct rf2 *r, struct str refset, size_t *at)
{
    struct fhir_tx_system *s = r->s;
    int err;
    for (*at = 0; *at < s->dialects; (*at)++)
        if (str_eq(s->dialect[*at].refset, refset))
            return AM_OK;
    if (*at == AM_LEN(s->dialect)) {
        (*at)--;
        return AM_OK;
    }
    err = fhir_tx_keep(r->t, refset, &s->dialect[*at].refset);
    if (!err)
        err = fhir_tx_keep(r->t, rf2_dialect(r, refset), &s->dialect[*at].lang);
    s->dialects += !err;
    return err;
}

static bool rf2_id(struct str text, uint64_t *id)
{
    *id = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || text.n > 18)
            return false;
        *id = *id * 10 + (uint64_t)(text.p[i] - '0');
    }
    return text.n > 0;
}

/* id effectiveTime active moduleId refsetId referencedComponentId acceptabilityId */
static int rf2_language(struct rf2 *r, const struct str f[RF2_FIELDS])
{
    struct rf2_preferred p;
    size_t at;
    int err;
    if (!str_eqc(f[2], "1") || !str_eqc(f[6], SCT_PREFERRED))
        return AM_OK;
    if (!rf2_id(f[5], &p.id))
        return fhir_tx_bad(r->d, f[5], "term.rf2");
    err = rf2_dialect_at(r, f[4], &at);
    p.by = (uint16_t)(1u << at);
    return err ? err : vec_push(&r->preferred, p);
}

static int rf2_by_id(const void *a, const void *b)
{
    const struct rf2_preferred *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static uint16_t rf2_preferred_by(const struct rf2 *r, struct str description)
{
    size_t lo = 0, hi = r->preferred.n;
    uint16_t by = 0;
    uint64_t id;
    if (!rf2_id(description, &id))
        return 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r->preferred.v[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < r->preferred.n && r->preferred.v[lo].id == id; lo++)
        by |= r->preferred.v[lo].by;
    return by;
}

/* id effectiveTime active moduleId refsetId referencedComponentId: members of a set.
 * Descriptions may be too; those are not kept. */
static int rf2_member(struct rf2 *r, const struct str f[RF2_FIELDS])
{
    uint32_t c = fhir_tx_find(r->s, f[5]);
    int err;
    if (!str_eqc(f[2], "1"))
        return AM_OK;
    err = map_set(&r->s->refset, f[4], 0);
    return err || c == FHIR_TX_NONE
               ? err
               : fhir_tx_property_add(r->t, r->s, c, STR(TX_REFSET), FHIR_TX_CODE, f[4]);
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
    if (!err)
        err = fhir_tx_word_add(r->t, r->s, at, f[5], f[6], f[7]);
    if (!err && r->preferred.n)
        r->s->word.v[r->s->word.n - 1].preferred = rf2_preferred_by(r, f[0]);
    return err;
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

/* What English prefers, American before others; without a word on that the first synonym
 * (above); without English the first description there is. */
static void rf2_displays(struct fhir_tx_system *s)
{
    uint16_t american = 0;
    for (size_t i = 0; i < s->dialects; i++)
        if (str_eqc(s->dialect[i].lang, "en-US"))
            american = (uint16_t)(1u << i);
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < s->word.n; i++) {
            const struct fhir_tx_word *w = &s->word.v[i];
            if (str_eqc(w->lang, "en") && !str_eqc(w->use, SCT_FSN) &&
                (turn ? w->preferred & american : w->preferred))
                s->concept.v[w->concept].display = w->text;
        }
    for (size_t i = 0; i < s->word.n; i++)
        if (!s->concept.v[s->word.v[i].concept].display.n)
            s->concept.v[s->word.v[i].concept].display = s->word.v[i].text;
}

int fhir_tx_add_rf2(struct fhir_tx *t, const struct fhir_tx_rf2 *f, struct diag *d)
{
    struct rf2 r = {.t = t, .from = f, .d = d};
    int err = fhir_tx_system_new(t, STR(SCT), f->version, &r.s, d);
    if (!err)
        r.s->name = STR("SNOMED_CT");
    if (!err)
        r.s->all = STR(SCT "?fhir_vs");
    if (!err)
        err = rf2_rows(&r, f->language, 7, "language", rf2_language);
    if (!err && r.preferred.n)
        qsort(r.preferred.v, r.preferred.n, sizeof *r.preferred.v, rf2_by_id);
    if (!err)
        err = rf2_rows(&r, f->concept, 5, "concept", rf2_concept);
    if (!err)
        err = rf2_rows(&r, f->description, 9, "description", rf2_description);
    if (!err)
        err = rf2_rows(&r, f->relationship, 10, "relationship", rf2_relationship);
    if (!err)
        err = rf2_rows(&r, f->simple, 6, "simple", rf2_member);
    if (!err)
        rf2_displays(r.s);
    vec_release(&r.preferred);
    return err;
}
