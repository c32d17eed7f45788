/* SPDX-License-Identifier: Apache-2.0 */
/* SMART v2 scopes of services: system/Type.cruds, each type or one, also of some
 * resources only: system/Observation.rs?category=laboratory. One of our own:
 * system/$import, which gives the operation; what is imported wants its `c` besides. */
#include <stdlib.h>

#include "door/door_priv.h"

/* In the order c r u d s, each once (SMART 2.0, 3.1); v1: read, write, *. */
static unsigned scope_verbs(struct str s)
{
    static const char order[] = "cruds";
    unsigned v = 0;
    size_t at = 0;
    if (str_eqc(s, "read"))
        return DOOR_R | DOOR_S;
    if (str_eqc(s, "write"))
        return DOOR_C | DOOR_U | DOOR_D;
    if (str_eqc(s, "*"))
        return DOOR_C | DOOR_R | DOOR_U | DOOR_D | DOOR_S;
    for (size_t i = 0; i < s.n; i++) {
        const char *p = memchr(order + at, s.p[i], sizeof order - 1 - at);
        if (!p)
            return 0;
        v |= 1u << (p - order);
        at = (size_t)(p - order) + 1;
    }
    return v;
}

/* Only what the rows of a resource answer alone: exact values, and, or, not. */
static bool scope_plain(const struct fhir_ask *a)
{
    if (a->kind == FHIR_ASK_TERM)
        return true;
    if (a->kind != FHIR_ASK_AND && a->kind != FHIR_ASK_OR && a->kind != FHIR_ASK_NOT)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!scope_plain(a->child[i]))
            return false;
    return true;
}

static int scope_where(struct door_scopes *s, struct door_scope *one, struct str query)
{
    struct fhir_query_config k = {.key = s->key, .type = one->type, .now = time_now()};
    struct fhir_pair *pair;
    struct fhir_query *q = arena_alloc(&s->arena, 1, sizeof *q);
    size_t n;
    int err = q ? fhir_query_split(query, &s->arena, &pair, &n, NULL) : AM_E_NOMEM;
    if (!err)
        err = fhir_query_parse(q, &k, pair, n, &s->arena, NULL);
    if (err == AM_E_NOMEM)
        return err;
    if (err || !q->where->n || !scope_plain(q->where) || q->includes || q->sorts)
        return AM_E_SYNTAX;
    one->where = q->where;
    return AM_OK;
}

static int scope_one(struct door_scopes *s, struct str text, struct door_scope *out)
{
    struct str query, verbs, what = str_cut(text, '?', &query);
    *out = (struct door_scope){.text = text};
    if (str_eqc(text, "system/$import")) {
        out->type = STR("$import");
        out->verbs = DOOR_I;
        return AM_OK;
    }
    if (!str_starts(what, STR("system/")))
        return AM_E_SYNTAX;
    out->type = str_cut(str_sub(what, 7, what.n), '.', &verbs);
    out->verbs = scope_verbs(verbs);
    out->all = str_eqc(out->type, "*");
    if (!out->verbs || (!out->all && !fhir_search_type(out->type)) ||
        (out->all && query.p))
        return AM_E_SYNTAX;
    return query.p ? scope_where(s, out, query) : AM_OK;
}

void door_scopes_init(struct door_scopes *s, const struct fhir_row_key *key)
{
    *s = (struct door_scopes){.key = *key};
    arena_init(&s->arena, 4 << 20);
}

void door_scopes_release(struct door_scopes *s)
{
    arena_release(&s->arena);
}

int door_scopes_read(struct door_scopes *s, struct str text)
{
    struct str mine = {arena_dup(&s->arena, text), text.n};
    int err = mine.p ? AM_OK : AM_E_NOMEM;
    while (!err && mine.n) {
        struct str one = str_cut(mine, ' ', &mine);
        if (!one.n)
            continue;
        if (s->n == DOOR_SCOPES)
            return AM_E_TOOBIG;
        err = scope_one(s, one, &s->v[s->n]);
        s->n += !err;
    }
    return err ? err : s->n ? AM_OK : AM_E_SYNTAX;
}

int door_scope_check(struct str scopes)
{
    const struct fhir_row_key key = {{1, 2}};
    struct door_scopes s;
    int err;
    door_scopes_init(&s, &key);
    err = door_scopes_read(&s, scopes);
    door_scopes_release(&s);
    return err;
}

bool door_scope_parts(const struct door_scopes *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].where)
            return true;
    return false;
}

/* The whole of a type, or the same part of it, and every verb. */
bool door_scope_covers(const struct door_scopes *had, const struct door_scope *want)
{
    unsigned left = want->verbs;
    struct str query, own;
    (void)str_cut(want->text, '?', &query);
    for (size_t i = 0; i < had->n; i++) {
        const struct door_scope *h = &had->v[i];
        (void)str_cut(h->text, '?', &own);
        if ((h->all || (!want->all && str_eq(h->type, want->type))) &&
            (!h->where || (own.p && query.p && str_eq(own, query))))
            left &= ~h->verbs;
    }
    return !left;
}

unsigned door_scope_verbs(const struct door_scopes *s, struct str type)
{
    unsigned v = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].all || str_eq(s->v[i].type, type))
            v |= s->v[i].verbs;
    return v;
}

/* ---- of one resource ---- */
static bool scope_has(const struct fhir_rows *rows, uint64_t hash)
{
    for (size_t i = 0; i < rows->n; i++)
        if (rows->v[i].kind == FHIR_ROW_TOKEN && rows->v[i].hash == hash)
            return true;
    return false;
}

static bool scope_holds(const struct fhir_ask *a, const struct fhir_rows *rows)
{
    bool any = false, all = true;
    if (a->kind == FHIR_ASK_TERM)
        return scope_has(rows, a->hash);
    for (size_t i = 0; i < a->n; i++) {
        bool yes = scope_holds(a->child[i], rows);
        any = any || yes;
        all = all && yes;
    }
    return a->kind == FHIR_ASK_NOT ? !any : a->kind == FHIR_ASK_OR ? any : all;
}

int door_scope_sees(const struct door_scopes *s, struct str type, unsigned verbs,
                    const struct json *resource, bool *yes)
{
    struct fhir_rows rows = {0};
    struct arena arena;
    bool made = false;
    int err = AM_OK;
    arena_init(&arena, 64 << 20);
    for (size_t i = 0; i < s->n && verbs && !err; i++) {
        const struct door_scope *o = &s->v[i];
        if ((!o->all && !str_eq(o->type, type)) || !(o->verbs & verbs))
            continue;
        if (o->where && !made) {
            err = eds_rows_fhir(NULL, &s->key, resource, &arena, &rows);
            made = !err;
        }
        if (!err && (!o->where || scope_holds(o->where, &rows)))
            verbs &= ~o->verbs;
    }
    *yes = !err && !verbs;
    fhir_rows_release(&rows);
    arena_release(&arena);
    return err;
}
