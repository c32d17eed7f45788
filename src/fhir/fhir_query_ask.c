/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_query_ask -- one parameter of a query with its modifier, chain or _has;
 * composites; what an interval asked means for a stored one. */
#include "fhir/fhir_query_priv.h"

#include <math.h>

#include "base/clock.h"
#include "fhir/fhir_param_priv.h"

/* ---- comparing ----------------------------------------------------------------------
 */
/* Units are converted with rounding: what differs in the thirteenth digit is the same. */
static double number_slack(double v)
{
    return fabs(v) * 1e-12;
}

static bool range_match(const struct fhir_ask *a, double low, double high)
{
    double lo = a->v_lo - number_slack(a->v_lo), hi = a->v_hi + number_slack(a->v_hi);
    bool within = low >= lo && (a->v_lo < a->v_hi && a->prefix != FHIR_AP
                                    ? high < a->v_hi - number_slack(a->v_hi)
                                    : high <= hi);
    switch (a->prefix) {
    case FHIR_EQ:
        return within;
    case FHIR_NE:
        return !within;
    case FHIR_LT:
        return low < lo;
    case FHIR_GT:
        return high > hi;
    case FHIR_LE:
        return within || low < lo;
    case FHIR_GE:
        return within || high > hi;
    case FHIR_SA:
        return low > hi;
    case FHIR_EB:
        return high < lo;
    default: /* AP */
        return low <= hi && high >= lo;
    }
}

bool fhir_date_match(const struct fhir_ask *a, int64_t lo, int64_t hi)
{
    bool within = lo >= a->lo && hi <= a->hi;
    if (a->kind == FHIR_ASK_RANGE)
        return range_match(a, fhir_row_to(lo), fhir_row_to(hi));
    if (a->kind == FHIR_ASK_TWO)
        return fhir_number_match(a->child[0], fhir_row_to(lo)) &&
               fhir_number_match(a->child[1], fhir_row_to(hi));
    switch (a->prefix) {
    case FHIR_EQ:
        return within;
    case FHIR_NE:
        return !within;
    case FHIR_LT:
        return lo < a->lo;
    case FHIR_GT:
        return hi > a->hi;
    case FHIR_LE:
        return within || lo < a->lo;
    case FHIR_GE:
        return within || hi > a->hi;
    case FHIR_SA:
        return lo > a->hi;
    case FHIR_EB:
        return hi < a->lo;
    default: /* AP */
        return lo <= a->hi && hi >= a->lo;
    }
}

static int64_t add_clamped(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int64_t sub_clamped(int64_t a, int64_t b)
{
    return a < INT64_MIN + b ? INT64_MIN : a - b;
}

/* Rows that are not long end less than a day after they begin. */
void fhir_date_window(const struct fhir_ask *a, bool longer, int64_t *lo_min,
                      int64_t *lo_max)
{
    bool near = a->param_long && !longer;
    double v_min, v_max;
    if (a->kind == FHIR_ASK_RANGE || a->kind == FHIR_ASK_TWO) {
        fhir_number_window(a->kind == FHIR_ASK_TWO ? a->child[0] : a, &v_min, &v_max);
        if (a->kind == FHIR_ASK_RANGE && a->prefix != FHIR_EQ && a->prefix != FHIR_SA)
            v_min = -INFINITY; /* by its upper end, perhaps */
        *lo_min = fhir_row_of(v_min);
        *lo_max = fhir_row_of(v_max);
        return;
    }
    *lo_min = INT64_MIN;
    *lo_max = INT64_MAX;
    if (a->prefix == FHIR_EQ) {
        *lo_min = a->lo;
        *lo_max = a->hi;
    } else if (a->prefix == FHIR_LT || a->prefix == FHIR_EB)
        *lo_max = sub_clamped(a->lo, 1);
    else if (a->prefix == FHIR_LE || a->prefix == FHIR_AP)
        *lo_max = a->hi;
    else if (a->prefix == FHIR_SA)
        *lo_min = add_clamped(a->hi, 1);
    if (near && a->prefix == FHIR_GT)
        *lo_min = sub_clamped(a->hi, TIME_DAY);
    if (near && (a->prefix == FHIR_GE || a->prefix == FHIR_AP))
        *lo_min = sub_clamped(a->lo, TIME_DAY);
}

/* ---- texts --------------------------------------------------------------------------
 */
enum fhir_text_match fhir_text_match(const struct fhir_ask *a, struct str row)
{
    bool cut = row.n >= FHIR_ROW_TEXT_CUT;
    if (a->kind == FHIR_ASK_STARTS) {
        if (str_starts(row, a->text))
            return FHIR_TEXT_YES;
        return cut && str_starts(a->text, row) ? FHIR_TEXT_LOOK : FHIR_TEXT_NO;
    }
    if (row.n >= a->text.n && memmem(row.p, row.n, a->text.p, a->text.n))
        return FHIR_TEXT_YES;
    return cut ? FHIR_TEXT_LOOK : FHIR_TEXT_NO;
}

int fhir_text_whole(const struct fhir_ask *a, const struct fhir_row_key *key,
                    const struct json *resource, bool *yes)
{
    const struct fhir_index x = {.key = *key, .whole = true};
    struct fhir_rows rows = {0};
    struct arena arena;
    int err;
    arena_init(&arena, 256 << 20);
    err = fhir_rows(resource, &x, &arena, &rows);
    *yes = false;
    for (size_t i = 0; i < rows.n && !err && !*yes; i++)
        *yes = rows.v[i].kind == FHIR_ROW_STRING && rows.v[i].param == a->param &&
               (a->kind == FHIR_ASK_STARTS ? str_starts(rows.v[i].text, a->text)
                                           : memmem(rows.v[i].text.p, rows.v[i].text.n,
                                                    a->text.p, a->text.n) != NULL);
    fhir_rows_release(&rows);
    arena_release(&arena);
    return err;
}

/* ---- numbers ------------------------------------------------------------------------
 */
bool fhir_number_match(const struct fhir_ask *a, double v)
{
    double lo = a->v_lo - number_slack(a->v_lo), hi = a->v_hi + number_slack(a->v_hi);
    /* without its upper end, which rounds to the next number (R4 3.1.1.4.6) */
    bool equal =
        v >= lo && (a->v_lo < a->v_hi ? v < a->v_hi - number_slack(a->v_hi) : v <= hi);
    switch (a->prefix) {
    case FHIR_EQ:
        return equal;
    case FHIR_AP:
        return v >= lo && v <= hi;
    case FHIR_NE:
        return !equal;
    case FHIR_LT:
    case FHIR_EB:
        return v < lo;
    case FHIR_GT:
    case FHIR_SA:
        return v > hi;
    case FHIR_LE:
        return v <= hi;
    default: /* GE */
        return v >= lo;
    }
}

void fhir_number_window(const struct fhir_ask *a, double *v_min, double *v_max)
{
    double lo = a->v_lo - number_slack(a->v_lo), hi = a->v_hi + number_slack(a->v_hi);
    *v_min = -INFINITY;
    *v_max = INFINITY;
    switch (a->prefix) {
    case FHIR_EQ:
    case FHIR_AP:
        *v_min = lo;
        *v_max = hi;
        break;
    case FHIR_LT:
    case FHIR_EB:
    case FHIR_LE:
        *v_max = hi;
        break;
    case FHIR_NE:
        break;
    default:
        *v_min = lo;
    }
}

/* ---- composites ---------------------------------------------------------------------
 */
void fhir_composite_row(const struct fhir_row_key *key, uint32_t number, uint64_t first,
                        struct fhir_row *r)
{
    struct fhir_term_text a = fhir_term_text(first), b = fhir_term_text(r->hash);
    struct str second =
        r->kind == FHIR_ROW_TOKEN ? (struct str){b.p, sizeof b.p} : STR_NULL;
    uint64_t h = fhir_term_hash(key, number, FHIR_TERM_COMPOSITE,
                                (struct str){a.p, sizeof a.p}, second);
    if (r->kind == FHIR_ROW_TOKEN)
        r->hash = h;
    else
        r->param = (uint32_t)h ^ (r->kind == FHIR_ROW_DATE ? r->unit : 0);
    if (r->kind == FHIR_ROW_QUANTITY)
        r->unit ^= (uint32_t)(h >> 32);
}

void fhir_composite_pair(const struct fhir_row_key *key, uint32_t number, uint64_t first,
                         struct fhir_row *r)
{
    struct fhir_row other = {.kind = FHIR_ROW_DATE, .unit = 0};
    fhir_composite_row(key, number, first, &other);
    r->param = other.param;
}

/* The ask of one part, joined with the term of the first. */
static void composite_join(struct fhir_compile *q, uint32_t number, uint64_t first,
                           struct fhir_ask *a)
{
    struct fhir_row r = {.hash = a->hash, .param = a->param, .unit = a->unit};
    for (size_t i = 0; i < a->n; i++)
        composite_join(q, number, first, a->child[i]);
    if (a->kind == FHIR_ASK_AND || a->kind == FHIR_ASK_OR)
        return;
    r.kind = a->kind == FHIR_ASK_TERM     ? FHIR_ROW_TOKEN
             : a->kind == FHIR_ASK_DATE   ? FHIR_ROW_DATE
             : a->kind == FHIR_ASK_RANGE  ? FHIR_ROW_DATE
             : a->kind == FHIR_ASK_NUMBER ? FHIR_ROW_QUANTITY
                                          : FHIR_ROW_STRING;
    fhir_composite_row(&q->c->key, number, first, &r);
    a->hash = r.hash;
    a->param = r.param;
    a->unit = r.unit;
    a->param_long = 0; /* all intervals of a composite are under one number */
}

struct composite {
    struct str piece[4];
    struct fhir_param_part part[4];
    size_t n;
};

/* Two numbers that stand in one row. */
static struct fhir_ask *composite_two(struct fhir_compile *q, const struct fhir_param *p,
                                      const struct composite *c, uint64_t first)
{
    struct fhir_ask *two = fhir_ask_new(q, FHIR_ASK_TWO, p->type);
    struct fhir_row r = {.kind = FHIR_ROW_DATE};
    for (size_t i = 1; two && i < 3; i++) {
        struct fhir_param pp = {.type = p->type,
                                .kind = c->part[i].kind,
                                .number = c->part[i].number,
                                .index = p->index};
        fhir_ask_add(q, two,
                     fhir_ask_value(q, &pp, FHIR_MOD_NONE, STR_NULL, c->piece[i]));
    }
    if (!two || two->n != 2)
        return NULL;
    fhir_composite_pair(&q->c->key, c->part[2].number, first, &r);
    two->param = r.param;
    return two;
}

static struct fhir_ask *composite_with(struct fhir_compile *q, const struct fhir_param *p,
                                       const struct composite *c, uint64_t first)
{
    struct fhir_ask *all;
    if (c->n == 3)
        return composite_two(q, p, c, first);
    all = fhir_ask_new(q, FHIR_ASK_AND, p->type);
    for (size_t i = 1; all && i < c->n; i++) {
        struct fhir_param pp = {.type = p->type,
                                .code = STR_NULL,
                                .kind = c->part[i].kind,
                                .number = c->part[i].number,
                                .index = p->index};
        struct fhir_ask *a = fhir_ask_value(q, &pp, FHIR_MOD_NONE, STR_NULL, c->piece[i]);
        if (a)
            composite_join(q, c->part[i].number, first, a);
        fhir_ask_add(q, all, a);
    }
    return all;
}

struct fhir_ask *fhir_ask_composite(struct fhir_compile *q, const struct fhir_param *p,
                                    struct str value)
{
    struct composite c = {.n = 0};
    struct str left = value, first;
    struct fhir_param pp = {.type = p->type, .index = p->index};
    struct fhir_ask *a, *any;
    while (c.n < 4 && fhir_param_part(p, c.n, &c.part[c.n]) &&
           fhir_piece(&left, '$', &c.piece[c.n]))
        c.n++;
    if (left.p || c.n < 2 || fhir_param_part(p, c.n, &(struct fhir_param_part){0}))
        return fhir_ask_bad(q, "search.composite", value);
    first = c.piece[0];
    pp.kind = c.part[0].kind;
    pp.number = c.part[0].number;
    a = fhir_ask_value(q, &pp, FHIR_MOD_NONE, STR_NULL, first);
    if (!a)
        return NULL;
    if (a->kind == FHIR_ASK_TERM)
        return composite_with(q, p, &c, a->hash);
    any = fhir_ask_new(q, FHIR_ASK_OR, p->type);
    for (size_t i = 0; any && i < a->n; i++)
        fhir_ask_add(q, any, composite_with(q, p, &c, a->child[i]->hash));
    return any;
}

/* ---- name:modifier=value,value ------------------------------------------------------
 */
static enum fhir_modifier ask_modifier(struct str text)
{
    static const char *const name[] = {"",      "missing",    "exact",   "contains",
                                       "not",   "identifier", "of-type", "text",
                                       "above", "below",      "in",      "not-in"};
    for (size_t i = 1; i < AM_LEN(name); i++)
        if (str_eqc(text, name[i]))
            return (enum fhir_modifier)i;
    return fhir_search_type(text) ? FHIR_MOD_TYPE : FHIR_MOD_NONE;
}

/* Modifiers by kind of parameter, as bits. */
static bool ask_allowed(const struct fhir_param *p, enum fhir_modifier m)
{
    static const unsigned allowed[] = {
        [FHIR_PARAM_TOKEN] = 1u << FHIR_MOD_NOT | 1u << FHIR_MOD_OF_TYPE |
                             1u << FHIR_MOD_TEXT | 1u << FHIR_MOD_ABOVE |
                             1u << FHIR_MOD_BELOW | 1u << FHIR_MOD_IN |
                             1u << FHIR_MOD_NOT_IN,
        [FHIR_PARAM_REFERENCE] = 1u << FHIR_MOD_IDENTIFIER | 1u << FHIR_MOD_TYPE,
        [FHIR_PARAM_STRING] = 1u << FHIR_MOD_EXACT | 1u << FHIR_MOD_CONTAINS,
        [FHIR_PARAM_URI] = 1u << FHIR_MOD_ABOVE | 1u << FHIR_MOD_BELOW,
        [FHIR_PARAM_SPECIAL] = 0};
    if (m == FHIR_MOD_NONE || m == FHIR_MOD_MISSING)
        return true;
    if (str_eqc(p->code, "_id"))
        return m == FHIR_MOD_NOT;
    if (str_eqc(p->code, "phonetic") || str_eqc(p->code, "_text") ||
        str_eqc(p->code, "_content")) /* by words, which have no modifier */
        return false;
    return (size_t)p->kind < AM_LEN(allowed) && (allowed[p->kind] & 1u << m);
}

static struct fhir_ask *ask_not(struct fhir_compile *q, struct str type,
                                struct fhir_ask *child)
{
    struct fhir_ask *a = child ? fhir_ask_new(q, FHIR_ASK_NOT, type) : NULL;
    fhir_ask_add(q, a, child);
    return a;
}

static struct fhir_ask *ask_missing(struct fhir_compile *q, const struct fhir_param *p,
                                    struct str value)
{
    struct fhir_ask *there;
    bool builtin = str_eqc(p->code, "_id") || str_eqc(p->code, "_lastUpdated");
    bool yes = str_eqc(value, "true");
    if (!yes && !str_eqc(value, "false"))
        return fhir_ask_bad(q, "search.boolean", value);
    /* every resource has them: an AND of none is all */
    there = builtin ? fhir_ask_new(q, FHIR_ASK_AND, p->type)
                    : fhir_ask_term(q, p, FHIR_TERM_PRESENT, STR_NULL, STR_NULL);
    return yes ? ask_not(q, p->type, there) : there;
}

static struct fhir_ask *ask_leaf(struct fhir_compile *q, enum fhir_ask_kind kind,
                                 struct str type, struct str value)
{
    struct fhir_ask *a = fhir_ask_new(q, kind, type);
    if (!a)
        return NULL;
    a->text = fhir_unescape(q, value);
    return a->text.n && a->text.n <= 64 ? a : fhir_ask_bad(q, "search.id", value);
}

static struct fhir_ask *ask_values(struct fhir_compile *q, const struct fhir_param *p,
                                   enum fhir_modifier m, struct str to, struct str value)
{
    struct fhir_ask *any = fhir_ask_new(q, FHIR_ASK_OR, p->type);
    struct str left = value.n ? value : STR(""), one;
    bool id = str_eqc(p->code, "_id");
    for (size_t n = 0; any && fhir_piece(&left, ',', &one); n++) {
        if (n >= FHIR_QUERY_VALUES) {
            fhir_ask_bad(q, "search.toobig", p->code);
            q->err = AM_E_TOOBIG;
            return NULL;
        }
        fhir_ask_add(q, any,
                     id ? ask_leaf(q, FHIR_ASK_ID, p->type, one)
                     : p->kind == FHIR_PARAM_COMPOSITE
                         ? fhir_ask_composite(q, p, one)
                         : fhir_ask_value(q, p, m, to, one));
    }
    if (any && any->n == 1)
        any = any->child[0];
    return m == FHIR_MOD_NOT || m == FHIR_MOD_NOT_IN ? ask_not(q, p->type, any) : any;
}

/* Of any of these Lists. `$current-...` names none that this server keeps: refused, or
 * its emptiness would be taken for the patient's. */
static struct fhir_ask *ask_lists(struct fhir_compile *q, struct str type,
                                  struct str value)
{
    struct fhir_ask *any = fhir_ask_new(q, FHIR_ASK_OR, type);
    struct str left = value.n ? value : STR(""), one;
    while (any && fhir_piece(&left, ',', &one))
        fhir_ask_add(q, any,
                     str_starts(one, STR("$")) ? fhir_ask_bad(q, "search.refused", one)
                                               : ask_leaf(q, FHIR_ASK_LIST, type, one));
    return any && any->n == 1 ? any->child[0] : any;
}

static struct fhir_ask *ask_param(struct fhir_compile *q, struct str type,
                                  struct str name, struct str value)
{
    struct str modifier, code = str_cut(name, ':', &modifier);
    enum fhir_modifier m = ask_modifier(modifier);
    struct fhir_param p;
    if (str_eqc(code, "_list"))
        return modifier.p ? fhir_ask_bad(q, "search.modifier", name)
                          : ask_lists(q, type, value);
    if (!fhir_param_find(type, code, &p))
        return fhir_ask_bad(q, "search.unknown", name);
    if (p.refused)
        return fhir_ask_bad(q, "search.refused", code);
    if ((modifier.p && m == FHIR_MOD_NONE) || !ask_allowed(&p, m))
        return fhir_ask_bad(q, "search.modifier", name);
    return m == FHIR_MOD_MISSING ? ask_missing(q, &p, value)
                                 : ask_values(q, &p, m, modifier, value);
}

/* ---- chains -------------------------------------------------------------------------
 */
static struct fhir_ask *ask_join(struct fhir_compile *q, enum fhir_ask_kind kind,
                                 struct str type, const struct fhir_param *ref,
                                 struct str to, struct fhir_ask *child)
{
    struct fhir_ask *a = child ? fhir_ask_new(q, kind, type) : NULL;
    if (!a)
        return NULL;
    a->ref = *ref;
    a->to = to;
    fhir_ask_add(q, a, child);
    return a;
}

/* Would the next step of a chain be known on this type? */
static bool chain_knows(struct str type, struct str rest)
{
    struct fhir_param p;
    struct str code = str_sub(rest, 0, AM_MIN(str_find(rest, '.'), str_find(rest, ':')));
    return str_starts(rest, STR("_has:")) || fhir_param_find(type, code, &p);
}

static struct fhir_ask *ask_chain(struct fhir_compile *q, struct str type,
                                  struct str head, struct str rest, struct str value,
                                  unsigned depth)
{
    struct str to, code = str_cut(head, ':', &to), target;
    struct fhir_ask *any;
    struct fhir_param p;
    if (!fhir_param_find(type, code, &p) || p.kind != FHIR_PARAM_REFERENCE)
        return fhir_ask_bad(q, "search.unknown", head);
    if (to.p && !fhir_search_type(to))
        return fhir_ask_bad(q, "search.type", to);
    if (to.p)
        return ask_join(q, FHIR_ASK_CHAIN, type, &p, to,
                        fhir_ask_pair(q, to, rest, value, depth + 1));
    any = fhir_ask_new(q, FHIR_ASK_OR, type);
    for (size_t i = 0; any && fhir_param_target(&p, i, &target); i++)
        if (chain_knows(target, rest))
            fhir_ask_add(q, any,
                         ask_join(q, FHIR_ASK_CHAIN, type, &p, target,
                                  fhir_ask_pair(q, target, rest, value, depth + 1)));
    if (any && !any->n && !q->err)
        return fhir_ask_bad(q, "search.unknown", rest);
    return any;
}

static struct fhir_ask *ask_has(struct fhir_compile *q, struct str type, struct str name,
                                struct str value, unsigned depth)
{
    struct str rest, from, code, target;
    struct fhir_param p;
    bool may = false;
    (void)str_cut(name, ':', &rest);
    from = str_cut(rest, ':', &rest);
    code = str_cut(rest, ':', &rest);
    if (!rest.n || !fhir_param_find(from, code, &p) || p.kind != FHIR_PARAM_REFERENCE)
        return fhir_ask_bad(q, "search.has", name);
    for (size_t i = 0; !may && fhir_param_target(&p, i, &target); i++)
        may = str_eq(target, type);
    if (!may)
        return fhir_ask_bad(q, "search.has", name);
    return ask_join(q, FHIR_ASK_HAS, type, &p, p.type,
                    fhir_ask_pair(q, p.type, rest, value, depth + 1));
}

struct fhir_ask *fhir_ask_pair(struct fhir_compile *q, struct str type, struct str name,
                               struct str value, unsigned depth)
{
    struct str rest, head;
    if (depth > FHIR_QUERY_DEPTH) {
        fhir_ask_bad(q, "search.toobig", name);
        q->err = AM_E_TOOBIG;
        return NULL;
    }
    if (str_starts(name, STR("_has:")))
        return ask_has(q, type, name, value, depth);
    head = str_cut(name, '.', &rest);
    return rest.p ? ask_chain(q, type, head, rest, value, depth)
                  : ask_param(q, type, name, value);
}
