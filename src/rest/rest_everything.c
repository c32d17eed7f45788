/* SPDX-License-Identifier: Apache-2.0 */
/* Patient/[id]/$everything: the patient, the resources of his compartment, newest first,
 * then what those refer to. One order for all pages: a page says how far it came, below
 * the greatest rid of the first page's moment, so each resource is told once.
 *
 * `start` and `end` are days of care: of what has such a date (CARE_DATES), what overlaps
 * them; what has none is told always. `_since` and `_type` choose what is told, not what
 * is looked at: a practitioner changed since is told although the visit was not. What is
 * another patient's is never brought along by a reference. */
#include "base/map.h"
#include "rest/rest_op.h"

enum {
    EVERYTHING_MOST = 10000, /* entries of a page */
    EVERYTHING_REFERENCES = 100000
};
static const char everything_known[] = "start end _since _type _count _page";

struct everything {
    struct rest_call *c;
    struct eds_view *v;
    struct rest_types types;
    int64_t lo, hi, since; /* instants; since: a rid, in the view */
    int64_t count, told, total;
    int64_t top;
    int phase;     /* of the cursor: 1 the compartment, 2 what it refers to */
    int64_t below; /* rid */
    struct eds_meta patient;
    struct rest_members part, more;
    bool *scanned;   /* the patient, then each of part: what it refers to is in name */
    struct map seen; /* names */
    VEC(struct str) name;
    struct buf body, shown, full; /* full: the beginning of every fullUrl */
    size_t prefix;
    struct jw w;
    char next[80];
};

/* ---- care dates ---- */
/* The search parameter that is the day of care, by type: the FHIR "clinical date"
 * (SearchParameter clinical-date) and, for what it leaves out, the day something was
 * ordered, begun or made. */
#define CARE_DATES(X)                                                                    \
    X("AllergyIntolerance", "date")                                                      \
    X("Appointment", "date")                                                             \
    X("CarePlan", "date")                                                                \
    X("ClinicalImpression", "date")                                                      \
    X("Communication", "sent")                                                           \
    X("Composition", "date")                                                             \
    X("Condition", "onset-date")                                                         \
    X("Condition", "recorded-date")                                                      \
    X("Consent", "date")                                                                 \
    X("Claim", "created")                                                                \
    X("DiagnosticReport", "date")                                                        \
    X("DocumentReference", "date")                                                       \
    X("Encounter", "date")                                                               \
    X("EpisodeOfCare", "date")                                                           \
    X("ExplanationOfBenefit", "created")                                                 \
    X("FamilyMemberHistory", "date")                                                     \
    X("Flag", "date")                                                                    \
    X("ImagingStudy", "started")                                                         \
    X("Immunization", "date")                                                            \
    X("List", "date")                                                                    \
    X("Media", "created")                                                                \
    X("MedicationAdministration", "effective-time")                                      \
    X("MedicationDispense", "whenhandedover")                                            \
    X("MedicationDispense", "whenprepared")                                              \
    X("MedicationRequest", "authoredon")                                                 \
    X("MedicationStatement", "effective")                                                \
    X("Observation", "date")                                                             \
    X("Procedure", "date")                                                               \
    X("QuestionnaireResponse", "authored")                                               \
    X("RiskAssessment", "date")                                                          \
    X("ServiceRequest", "authored")                                                      \
    X("SupplyRequest", "date")

struct care {
    struct str type;
    int64_t lo, hi;
    bool dated, in;
};

static int care_row(void *arg, const struct fhir_row *row, int64_t rid)
{
    static const struct {
        const char *type, *code;
    } date[] = {
#define X(type, code) {type, code},
        CARE_DATES(X)
#undef X
    };
    struct care *k = arg;
    (void)rid;
    if (row->kind != FHIR_ROW_DATE)
        return AM_OK;
    for (size_t i = 0; i < AM_LEN(date); i++) {
        struct str code = str_c(date[i].code);
        if (!str_eqc(k->type, date[i].type) ||
            (row->param != fhir_param_number(k->type, code) &&
             row->param != fhir_long_number(k->type, code)))
            continue;
        k->dated = true;
        k->in |= row->lo <= k->hi && row->hi >= k->lo;
    }
    return AM_OK;
}

static int care_in(struct everything *e, const struct rest_member *m, bool *yes)
{
    struct eds_source s = eds_view_source(e->v);
    struct care k = {.type = m->type, .lo = e->lo, .hi = e->hi};
    int err;
    *yes = true;
    if (e->lo == INT64_MIN && e->hi == INT64_MAX)
        return AM_OK;
    err = s.own(s.self, m->rid, care_row, &k);
    *yes = k.in || !k.dated;
    return err;
}

/* ---- what belongs to him, and may be seen ---- */
static bool everything_told(const struct everything *e, const struct rest_member *m)
{
    return m->rid >= e->since && rest_op_type_in(&e->types, m->type);
}

static int everything_part(struct everything *e)
{
    size_t n = 0;
    int err = rest_compartment(e->c, e->v, e->c->id, e->top, &e->part);
    e->total = 0;
    for (size_t i = 0; i < e->part.n && !err; i++) {
        const struct rest_member m = e->part.v[i];
        bool yes = m.rid != e->patient.rid;
        if (yes)
            err = rest_op_sees(e->c, e->v, m.rid, &yes);
        if (!err && yes)
            err = care_in(e, &m, &yes);
        if (err || !yes)
            continue;
        e->part.v[n++] = m;
        e->total += everything_told(e, &m);
    }
    e->part.n = n;
    return err;
}

/* ---- what they refer to ---- */
static int target(struct everything *e, struct str name)
{
    const char *own = arena_dup(&e->c->arena, name);
    if (e->name.n == EVERYTHING_REFERENCES)
        return rest_bad(e->c, AM_E_TOOBIG, "", "search.costly", STR_NULL);
    if (!own || map_set(&e->seen, name, 0))
        return AM_E_NOMEM;
    return vec_push(&e->name, str_c(own));
}

/* Bodies are JSON as we write it: no blanks, and a quote within a text has a backslash
 * before it. So these bytes are nothing but the member of a Reference. */
static int scan(struct everything *e, struct str text)
{
    static const char member[] = "\"reference\":\"";
    const char *end = text.p + text.n;
    for (const char *p = text.p;
         (p = memmem(p, (size_t)(end - p), member, sizeof member - 1)) != NULL;) {
        struct str version, r, name;
        const char *q;
        p += sizeof member - 1;
        q = memchr(p, '"', (size_t)(end - p));
        if (!q)
            return AM_E_TAMPERED;
        r = (struct str){p, (size_t)(q - p)};
        name = fhir_reference_name(r, str_c(e->c->r->c.base), &version);
        if (name.n && !map_has(&e->seen, name)) {
            int err = target(e, name);
            if (err)
                return err;
        }
        p = q;
    }
    return AM_OK;
}

static int everything_scan_all(struct everything *e)
{
    int err = AM_OK;
    for (size_t i = 0; i <= e->part.n && !err; i++) {
        if (e->scanned[i])
            continue;
        e->scanned[i] = true;
        buf_clear(&e->body);
        err = eds_fetch(e->v, i ? e->part.v[i - 1].rid : e->patient.rid, &e->body, NULL);
        if (!err)
            err = scan(e, buf_str(&e->body));
    }
    return err;
}

static bool everything_has(const struct everything *e, int64_t rid)
{
    size_t lo = 0, hi = e->part.n;
    if (rid == e->patient.rid)
        return true;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (e->part.v[mid].rid == rid)
            return true;
        if (e->part.v[mid].rid < rid)
            hi = mid;
        else
            lo = mid + 1;
    }
    return false;
}

static int everything_other(struct everything *e, int64_t rid, bool *other)
{
    struct json_doc *doc = NULL;
    int err;
    buf_clear(&e->body);
    err = eds_fetch(e->v, rid, &e->body, NULL);
    if (!err)
        err = rest_json(e->c, buf_str(&e->body), &doc);
    if (!err)
        err = rest_op_other_patient(e->c, json_root(doc), e->c->id, other);
    json_free(doc);
    return err;
}

static int everything_bring(struct everything *e, struct str name)
{
    struct str id, type = str_cut(name, '/', &id);
    struct rest_member m;
    bool yes = true, other = false;
    int err;
    if (!fhir_search_type(type) || !rest_op_type_in(&e->types, type))
        return AM_OK;
    err = eds_find(e->v, type, id, &m.rid);
    if (err)
        return err == AM_E_NOTFOUND ? AM_OK : err;
    m.type = type;
    if (everything_has(e, m.rid) || !everything_told(e, &m))
        return AM_OK;
    err = rest_op_sees(e->c, e->v, m.rid, &yes);
    if (!err && yes && fhir_compartment_has(STR("Patient"), type))
        err = everything_other(e, m.rid, &other);
    return err || !yes || other ? err : vec_push(&e->more, m);
}

static int more_cmp(const void *a, const void *b)
{
    int64_t x = ((const struct rest_member *)a)->rid,
            y = ((const struct rest_member *)b)->rid;
    return (x < y) - (x > y);
}

static int everything_more(struct everything *e)
{
    int err = everything_scan_all(e);
    for (size_t i = 0; i < e->name.n && !err; i++)
        err = everything_bring(e, e->name.v[i]);
    if (!err && e->more.n)
        qsort(e->more.v, e->more.n, sizeof *e->more.v, more_cmp);
    return err;
}

/* ---- a page ---- */
/* Is there room for one more? If not, the next page begins below `last`. */
static bool everything_full(struct everything *e, int phase, int64_t last)
{
    if (e->told < e->count && e->c->out.n < e->c->r->c.told_max / 2)
        return false;
    snprintf(e->next, sizeof e->next, "%lld.%lld.%d.%lld", (long long)e->top,
             (long long)e->total, phase, (long long)last);
    return true;
}

static int everything_tell(struct everything *e, int64_t rid, bool *scanned)
{
    struct rest_call *c = e->c;
    struct eds_meta m;
    int err;
    buf_clear(&e->body);
    buf_clear(&e->shown);
    err = eds_fetch(e->v, rid, &e->body, &m);
    if (!err && scanned && !*scanned) {
        *scanned = true;
        err = scan(e, buf_str(&e->body));
    }
    if (!err)
        err = rest_seen(c, str_c(m.type), m.id);
    if (!err && rest_trims(&c->trim))
        err = rest_tell(c, &e->shown, buf_str(&e->body));
    if (err)
        return err;
    if (!e->told) {
        jw_key(&e->w, "entry");
        jw_arr(&e->w);
    }
    buf_cut(&e->full, e->prefix);
    err = buf_adds(&e->full, m.type);
    if (!err)
        err = buf_addc(&e->full, '/');
    if (!err)
        err = buf_adds(&e->full, m.id);
    if (err)
        return err;
    jw_obj(&e->w);
    jw_kstr(&e->w, "fullUrl", buf_str(&e->full));
    jw_key(&e->w, "resource");
    jw_raw(&e->w, buf_str(rest_trims(&c->trim) ? &e->shown : &e->body));
    jw_key(&e->w, "search");
    jw_obj(&e->w);
    jw_kstrz(&e->w, "mode", scanned ? "match" : "include");
    jw_obj_end(&e->w);
    jw_obj_end(&e->w);
    e->told++;
    return e->w.err;
}

static int everything_part_page(struct everything *e)
{
    int64_t last = e->phase ? e->below : e->top + 1;
    int err = AM_OK;
    for (size_t i = 0; i <= e->part.n && !err && !e->next[0]; i++) {
        const struct rest_member m =
            i ? e->part.v[i - 1] : (struct rest_member){e->patient.rid, STR("Patient")};
        if (!everything_told(e, &m) || (e->phase && (!i || m.rid >= e->below)) ||
            everything_full(e, 1, last))
            continue;
        err = everything_tell(e, m.rid, &e->scanned[i]);
        if (i)
            last = m.rid;
    }
    return err;
}

static int everything_more_page(struct everything *e)
{
    int64_t last = e->phase == 2 ? e->below : e->top + 1;
    int err = everything_more(e);
    for (size_t i = 0; i < e->more.n && !err && !e->next[0]; i++) {
        if (e->more.v[i].rid >= last || everything_full(e, 2, last))
            continue;
        last = e->more.v[i].rid;
        err = everything_tell(e, last, NULL);
    }
    return err;
}

static int everything_patient(struct everything *e)
{
    bool yes = true;
    int err = eds_get(e->v, STR("Patient"), e->c->id, 0, NULL, &e->patient);
    if (!err)
        err = rest_op_sees(e->c, e->v, e->patient.rid, &yes);
    if (err == AM_E_NOTFOUND || (!err && !yes))
        return rest_bad(e->c, AM_E_NOTFOUND, "", "rest.notfound", e->c->id);
    if (!err && e->patient.gone) {
        e->c->status = 410;
        return rest_bad(e->c, AM_E_NOTFOUND, "", "rest.gone", e->c->id);
    }
    return err;
}

static int everything_in(struct eds_view *v, void *arg)
{
    struct everything *e = arg;
    int64_t newest, total = e->total, since = e->since;
    int err;
    e->v = v;
    err = everything_patient(e);
    if (!err)
        err = eds_top(v, &newest);
    if (!err && since)
        err = eds_rid_at(v, since, &e->since);
    if (!err) {
        e->top = e->phase ? AM_MIN(e->top, newest) : newest;
        err = everything_part(e);
    }
    if (err)
        return err;
    e->total = e->phase
                   ? total
                   : e->total + everything_told(e, &(struct rest_member){e->patient.rid,
                                                                         STR("Patient")});
    e->scanned = arena_alloc(&e->c->arena, e->part.n + 1, sizeof *e->scanned);
    if (!e->scanned)
        return AM_E_NOMEM;
    memset(e->scanned, 0, (e->part.n + 1) * sizeof *e->scanned);
    rest_list_begin(e->c, &e->w, "searchset", e->total);
    if (e->phase < 2 && e->count)
        err = everything_part_page(e);
    if (!err && !e->next[0] && e->count)
        err = everything_more_page(e);
    if (e->told)
        jw_arr_end(&e->w);
    return err;
}

/* ---- asking and answering ---- */
static int everything_page(struct everything *e, struct str page)
{
    struct str left = page, top = str_cut(left, '.', &left),
               total = str_cut(left, '.', &left), phase = str_cut(left, '.', &left);
    int64_t n;
    if (!page.p)
        return AM_OK;
    if (str_int(top, 1, INT64_MAX - 1, &e->top) ||
        str_int(total, 0, INT64_MAX, &e->total) || str_int(phase, 1, 2, &n) ||
        str_int(left, 1, e->top + 1, &e->below))
        return rest_bad(e->c, AM_E_SYNTAX, "_page", "search.page", page);
    e->phase = (int)n;
    return AM_OK;
}

static int everything_ask(struct rest_call *c, struct everything *e)
{
    struct str count;
    int err = rest_op_params(c);
    if (!err)
        err = rest_only(c, everything_known);
    if (!err)
        err = rest_op_types(c, "_type", &e->types);
    if (!err)
        err = rest_op_date(c, "start", false, &e->lo);
    if (!err)
        err = rest_op_date(c, "end", true, &e->hi);
    if (!err)
        err = rest_op_date(c, "_since", false, &e->since);
    if (err)
        return err;
    count = rest_param(c, "_count");
    if (count.p && str_int(count, 0, INT32_MAX, &e->count))
        return rest_bad(c, AM_E_SYNTAX, "_count", "search.count", count);
    e->count = AM_MIN(e->count, EVERYTHING_MOST);
    return everything_page(e, rest_param(c, "_page"));
}

static int everything_link(struct everything *e, const char *rel, const char *page)
{
    struct fhir_pair *kept;
    struct buf url;
    size_t n;
    int err = rest_op_kept(e->c, everything_known, &kept, &n);
    buf_init(&url, 4 * FHIR_QUERY_TEXT);
    if (!err)
        err =
            rest_url(e->c, &url, kept, n, page ? str_c(page) : rest_param(e->c, "_page"));
    if (!err)
        rest_list_link(&e->w, rel, buf_str(&url));
    buf_release(&url);
    return err;
}

/* Links stand last: only then is known whether there is a next page. */
static int everything_links(struct everything *e)
{
    int err;
    jw_key(&e->w, "link");
    jw_arr(&e->w);
    err = everything_link(e, "self", NULL);
    if (!err && e->next[0])
        err = everything_link(e, "next", e->next);
    jw_arr_end(&e->w);
    jw_obj_end(&e->w);
    return err ? err : jw_done(&e->w);
}

int rest_h_everything(struct rest_call *c)
{
    struct everything e = {
        .c = c, .lo = INT64_MIN, .hi = INT64_MAX, .count = EVERYTHING_MOST};
    int err = everything_ask(c, &e);
    if (err)
        return err;
    map_init(&e.seen);
    buf_init(&e.body, 2 * EDS_BODY_MAX);
    buf_init(&e.shown, 2 * EDS_BODY_MAX);
    buf_init(&e.full, 4096);
    jw_init(&e.w, &c->out);
    err = buf_addf(&e.full, "%s/", c->r->c.base);
    e.prefix = e.full.n;
    if (!err)
        err = eds_view(c->r->c.eds, everything_in, &e);
    if (!err)
        err = everything_links(&e);
    map_release(&e.seen);
    vec_release(&e.name);
    vec_release(&e.part);
    vec_release(&e.more);
    buf_release(&e.body);
    buf_release(&e.shown);
    buf_release(&e.full);
    return err;
}
