/* SPDX-License-Identifier: Apache-2.0 */
/* What of a message is in nothing that was made of it: told by its place, so that nothing
 * is lost unsaid. Fields that say nothing of a patient (numbers of lines) are named by
 * `ignore` of the map. */
#include "hl7/hl7_map_priv.h"
#include "hl7/hl7_priv.h"

enum { FIRST = 256 };
static const unsigned NUMBER = (1 << 14) - 1; /* paths name less: HL7_NUMBER */
static const uint32_t ALL_SUBS = UINT32_MAX;

/* ---- what was taken ---- */
/* 0 for any repetition, any component. Never 0: fields count from 1. */
static uint64_t key_of(size_t segment, unsigned field, unsigned rep, unsigned component)
{
    return (((uint64_t)segment << 14 | field) << 14 | AM_MIN(rep, NUMBER)) << 14 |
           AM_MIN(component, NUMBER);
}

static uint64_t mixed(uint64_t k)
{
    k = (k ^ (k >> 30)) * 0xbf58476d1ce4e5b9U; /* the end of splitmix64 */
    k = (k ^ (k >> 27)) * 0x94d049bb133111ebU;
    return k ^ (k >> 31);
}

/* Where that key is, or would be. */
static struct hl7_taken *slot(const struct hl7_run *r, uint64_t key)
{
    size_t i = mixed(key) & (r->taken.cap - 1);
    while (r->taken.v[i].key && r->taken.v[i].key != key)
        i = (i + 1) & (r->taken.cap - 1);
    return &r->taken.v[i];
}

static int grow(struct hl7_run *r)
{
    size_t cap = r->taken.cap, more = cap ? 2 * cap : FIRST;
    struct hl7_taken *old = r->taken.v, *v = arena_alloc(&r->a, more, sizeof *r->taken.v);
    if (!v)
        return AM_E_NOMEM;
    r->taken.v = v;
    r->taken.cap = more;
    for (size_t i = 0; i < cap; i++)
        if (old[i].key)
            *slot(r, old[i].key) = old[i];
    return AM_OK;
}

static void note(struct hl7_run *r, uint64_t key, uint32_t subs)
{
    struct hl7_taken *t;
    if (4 * (r->taken.n + 1) > 3 * r->taken.cap && grow(r)) {
        r->err = r->err ? r->err : AM_E_NOMEM;
        return;
    }
    t = slot(r, key);
    r->taken.n += !t->key;
    t->key = key;
    t->subs |= subs;
}

/* Sub-components beyond the 31st share a bit: no data type has as many. */
static uint32_t bit_of(unsigned sub)
{
    return (uint32_t)1 << AM_MIN(sub, 31U);
}

void hl7_take_note(struct hl7_run *r, size_t segment, const struct hl7_path *p)
{
    note(r, key_of(segment, p->field, p->repetition ? p->repetition : 1, p->component),
         p->sub ? bit_of(p->sub) : ALL_SUBS);
}

static bool is_taken(const struct hl7_run *r, uint64_t key, unsigned sub)
{
    return r->taken.cap && (slot(r, key)->subs & bit_of(sub)) != 0;
}

static bool taken(const struct hl7_run *r, size_t segment, unsigned field, unsigned rep,
                  unsigned component, unsigned sub)
{
    return is_taken(r, key_of(segment, field, rep, component), sub) ||
           is_taken(r, key_of(segment, field, rep, 0), sub);
}

/* ---- of what is there, and stays ---- */
static void take_path(struct hl7_run *r, const struct hl7_ctx *c, struct str path)
{
    struct hl7_path p;
    size_t segment = SIZE_MAX;
    if (hl7_path(&p, path))
        return;
    if (!p.occurrence)
        segment = hl7_near(r, c, p.segment);
    else if (hl7_segment(r->m, str_c(p.segment), p.occurrence, &segment))
        return;
    if (segment != SIZE_MAX) /* whatever its repetitions, and parts */
        note(r, key_of(segment, p.field, 0, 0), ALL_SUBS);
}

void hl7_take_all(struct hl7_run *r, const struct hl7_ctx *c, const struct json *t)
{
    if (json_type(t) != JSON_OBJECT && json_type(t) != JSON_ARRAY)
        return;
    for (json_each(it, t)) {
        bool path =
            json_type(t) == JSON_OBJECT &&
            (str_eqc(it.key, "$") || str_eqc(it.key, "$all") || str_eqc(it.key, "$each"));
        if (path && json_type(it.val) == JSON_STRING)
            take_path(r, c, json_str(it.val));
        for (json_each(one, path ? it.val : NULL))
            take_path(r, c, json_str(one.val));
        if (!path)
            hl7_take_all(r, c, it.val);
    }
}

/* ---- what was not ---- */
struct search {
    struct hl7_run *r;
    struct str told[HL7_UNTAKEN];
    size_t n;
};

/* "PID", "PID-3" or "PID-3.4" in `ignore` is of all below it. */
static bool ignored(const struct search *s, struct str place)
{
    for (json_each(it, s->r->map->ignore)) {
        struct str name = json_str(it.val);
        if (str_starts(place, name) &&
            (place.n == name.n || strchr("-.", place.p[name.n])))
            return true;
    }
    return false;
}

/* again: the second of a field's repetitions, or one after it. */
static void tell(struct search *s, struct str place, bool again)
{
    char *copy, marked[64];
    if (s->n == HL7_UNTAKEN || ignored(s, place))
        return;
    if (again) { /* "PID-5.6": "PID-5[2].6" */
        size_t field = str_find(place, '.');
        snprintf(marked, sizeof marked, "%.*s[2]%.*s", (int)field, place.p,
                 (int)(place.n - field), place.p + field);
        place = str_c(marked);
    }
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(s->told[i], place))
            return;
    copy = arena_dup(&s->r->a, place);
    if (!copy) {
        s->r->err = s->r->err ? s->r->err : AM_E_NOMEM;
        return;
    }
    s->told[s->n++] = (struct str){copy, place.n};
    diag_add(s->r->d, DIAG_INFO, copy, "hl7.untaken", "%s", copy);
}

/* The next part of *rest; a delimiter that was not declared divides nothing. */
static struct str next(struct str *rest, char separator)
{
    struct str one = *rest;
    if (separator)
        return str_cut(one, separator, rest);
    *rest = STR_NULL;
    return one;
}

struct spot {
    size_t segment;
    unsigned field, rep;
};

static void subs(struct search *s, const struct spot *at, struct str component,
                 unsigned number, bool only)
{
    const struct hl7 *m = s->r->m;
    struct str rest = component;
    char place[48];
    for (unsigned sub = 1; rest.p; sub++) {
        bool alone =
            sub == 1 && str_find(component, m->sub ? m->sub : '\r') == component.n;
        int n;
        if (!str_trim(next(&rest, m->sub)).n ||
            taken(s->r, at->segment, at->field, at->rep, number, sub))
            continue;
        n = snprintf(place, sizeof place, "%.3s-%u", hl7_segment_name(m, at->segment).p,
                     at->field);
        if (!(only && alone))
            n += snprintf(place + n, sizeof place - (size_t)n, ".%u", number);
        if (!alone)
            snprintf(place + n, sizeof place - (size_t)n, ".%u", sub);
        tell(s, str_c(place), at->rep > 1);
    }
}

static void field(struct search *s, size_t segment, unsigned number)
{
    const struct hl7 *m = s->r->m;
    struct spot at = {.segment = segment, .field = number};
    struct str rest = hl7_field(m, segment, number);
    if (!rest.n || taken(s->r, segment, number, 0, 0, 1))
        return;
    for (at.rep = 1; rest.p; at.rep++) {
        struct str one = next(&rest, m->repetition), parts = one;
        bool only = str_find(one, m->component ? m->component : '\r') == one.n;
        if (taken(s->r, segment, number, at.rep, 0, 1))
            continue;
        for (unsigned i = 1; parts.p; i++)
            subs(s, &at, next(&parts, m->component), i, only);
    }
}

/* Is there anything of that segment in something? */
static bool touched(const struct hl7_run *r, const bool *used, size_t segment)
{
    for (size_t i = 0; i < r->lost.n; i++)
        if (r->lost.v[i] == segment)
            return false;
    return used[segment] || segment == 0 || !r->taken.cap;
}

void hl7_untaken(struct hl7_run *r)
{
    size_t n = hl7_segments(r->m);
    struct search s = {.r = r};
    bool *used = arena_alloc(&r->a, n, sizeof *used);
    if (!used) {
        r->err = r->err ? r->err : AM_E_NOMEM;
        return;
    }
    for (size_t i = 0; i < r->taken.cap; i++)
        if (r->taken.v[i].key)
            used[r->taken.v[i].key >> 42] = true;
    for (size_t i = 0; i < n && s.n < HL7_UNTAKEN && !r->err; i++) {
        struct str name = hl7_segment_name(r->m, i);
        if (ignored(&s, name))
            continue;
        if (!touched(r, used, i))
            tell(&s, name, false);
        else
            for (unsigned f = i ? 1 : 3; f <= hl7_fields(r->m, i) && !r->err; f++)
                field(&s, i, f);
    }
}
