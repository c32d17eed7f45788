/* SPDX-License-Identifier: Apache-2.0 */
/* What the record of a request says, as JSON:
 *   {"moment", "do", "type"?, "id"?, "other"?, "query"?, "status"?, "who": {"kind", "id",
 *    "role", "org"}, "peer", "glass"?, "seen": ["Type/id"...], "patients": ["id"...],
 *    "parts": [...]?, "more"?}
 * Of a command the moment may be "during", "status" is "exit", its code, and "reason"
 * why it is run.
 * `more`: goes on in the record that follows. Persons are pseudonyms here. */
#include "base/vec.h"
#include "door/door_priv.h"

static void note_text(struct jw *w, const char *key, struct str s)
{
    if (s.n && str_utf8(s))
        jw_kstr(w, key, s);
}

static void note_what(struct jw *w, const struct rest_access *a)
{
    const struct door_caller *c = a->who;
    bool during = a->moment == REST_AFTER && c->command && !c->ended;
    jw_kstrz(w, "moment",
             during                     ? "during"
             : a->moment == REST_BEFORE ? "before"
                                        : "after");
    jw_kstrz(w, "do", a->interaction);
    note_text(w, "type", a->type);
    note_text(w, "id", a->id);
    note_text(w, "other", a->other);
    note_text(w, "query", str_sub(a->query, 0, 4096));
    if (c->command && c->ended)
        jw_kint(w, "exit", c->code);
    else if (a->moment == REST_AFTER && !c->command)
        jw_kint(w, "status", a->status);
}

static void note_who(struct jw *w, const struct door_caller *c)
{
    jw_key(w, "who");
    jw_obj(w);
    if (c->service) {
        jw_kstrz(w, "kind", "service");
        jw_kstrz(w, "id", c->client.id);
    } else if (c->command) {
        jw_kstrz(w, "kind", "command");
        jw_kstrz(w, "id", c->who.pseudonym);
    } else {
        jw_kstrz(w, "kind", "account");
        jw_kstrz(w, "id", c->who.pseudonym);
        jw_kstrz(w, "role", ledger_role_name(c->who.role));
        jw_kstrz(w, "org", c->who.org_id);
    }
    jw_obj_end(w);
    jw_kstrz(w, "peer", c->peer);
    if (c->reason[0])
        jw_kstrz(w, "glass", c->reason);
    if (c->why[0])
        jw_kstrz(w, "reason", c->why);
}

/* ---- whose ---- */
struct note_id {
    char id[EDS_ID_MAX + 1];
};
struct note_told { /* each once */
    struct map at;
    VEC(struct note_id) v;
};

static int note_patient(struct note_told *t, const char *id)
{
    struct note_id own;
    int err;
    if (!id[0] || map_has(&t->at, str_c(id)))
        return AM_OK;
    snprintf(own.id, sizeof own.id, "%s", id);
    err = map_set(&t->at, str_c(id), t->v.n);
    return err ? err : vec_push(&t->v, own);
}

static int note_one(void *arg, struct str id)
{
    char own[EDS_ID_MAX + 1];
    snprintf(own, sizeof own, "%.*s", STR_FMT(id));
    return note_patient(arg, own);
}

/* More was looked at than is remembered, or more patients: asked of the version that was
 * looked at (0: of what is there). */
static int note_forgotten(const struct door_caller *c, struct note_told *t,
                          const struct eds_name *n, int64_t ver)
{
    struct door_facts f = {.patients = 0};
    struct json_doc *doc = NULL;
    struct eds_meta m = {.ver = 0};
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_read(c->door->eds, str_c(n->type), str_c(n->id), ver, &text, &m);
    if (!err && m.gone && m.ver > 1)
        err = eds_read(c->door->eds, str_c(n->type), str_c(n->id), m.ver - 1, &text, &m);
    if (!err && text.n)
        err = json_parse(&doc, buf_str(&text), NULL, NULL);
    if (!err && doc)
        door_facts(json_root(doc), c->door, &f);
    if (!err && doc)
        err = door_whose(c->door, NULL, json_root(doc), &f);
    for (size_t i = 0; i < f.patients && !err; i++)
        err = note_patient(t, f.patient[i]);
    if (!err && f.crowd)
        err = door_facts_each(json_root(doc), c->door, note_one, t);
    json_free(doc);
    buf_release(&text);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* What is told was looked at in that order, mostly: looked for from *at on. What was
 * found out then is told whatever is there by now. */
static int note_looked(const struct door_caller *c, struct note_told *t,
                       const struct eds_name *n, size_t *at)
{
    char name[132];
    int len = snprintf(name, sizeof name, "%s/%s", n->type, n->id), err = AM_OK;
    uint64_t h = str_hash((struct str){name, (size_t)len});
    size_t have = AM_MIN(c->n_looked, DOOR_LOOKED);
    for (size_t i = 0; i < have; i++) {
        const struct door_looked *l = &c->looked[(*at + i) % have];
        if (l->name != h)
            continue;
        *at = (*at + i + 1) % have;
        for (size_t k = 0; k < l->patients && !err; k++)
            err = note_patient(t, l->patient[k]);
        return !err && l->crowd ? note_forgotten(c, t, n, l->ver) : err;
    }
    return c->n_looked > DOOR_LOOKED ? note_forgotten(c, t, n, 0) : AM_OK;
}

enum { NOTE_NAMES = 4000 }; /* of a record; patients too: 800 KB with the longest ids */
struct note_piece {         /* of the names of an access: from `at` on */
    size_t at, n;
};

static int note_whose(const struct door_caller *c, const struct rest_access *a,
                      const struct note_piece *p, struct note_told *t)
{
    size_t end = AM_MIN(c->n_wrote, p->at + NOTE_NAMES), at = 0;
    int err = AM_OK;
    if (str_eqc(a->type, "Patient") && a->id.n && eds_id_ok(a->id))
        err = note_one(t, a->id);
    for (size_t i = p->at; i < p->at + p->n && !err; i++)
        err = note_looked(c, t, &a->seen[i], &at);
    for (size_t i = p->at; i < end && !err; i++)
        err = note_patient(t, c->wrote[i]);
    return err;
}

static void note_told_release(struct note_told *t)
{
    map_release(&t->at);
    vec_release(&t->v);
}

/* ---- a record, in as many pieces as it needs ---- */
struct note_record {
    const struct rest_access *a;
    struct note_piece names;
    const struct note_told *told;
    size_t from; /* of the patients told */
    bool whole;  /* of its own, else an entry of a Bundle's */
    bool more;
};

static int note_write(const struct door_caller *c, const struct note_record *r,
                      struct buf *out)
{
    size_t to = AM_MIN(r->told->v.n, r->from + NOTE_NAMES);
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    note_what(&w, r->a);
    if (r->whole)
        note_who(&w, c);
    jw_key(&w, "seen");
    jw_arr(&w);
    for (size_t i = r->names.at; i < r->names.at + r->names.n && !r->from; i++)
        jw_strf(&w, "%s/%s", r->a->seen[i].type, r->a->seen[i].id);
    jw_arr_end(&w);
    jw_key(&w, "patients");
    jw_arr(&w);
    for (size_t i = r->from; i < to; i++)
        jw_strz(&w, r->told->v.v[i].id);
    jw_arr_end(&w);
    if (!r->a->part && c->parts.n) {
        jw_key(&w, "parts");
        jw_arr(&w);
        jw_raw(&w, buf_str(&c->parts));
        jw_arr_end(&w);
    }
    if (r->more)
        jw_kbool(&w, "more", true);
    jw_obj_end(&w);
    return jw_done(&w);
}

static int note_add(struct door_caller *c, const struct note_record *r)
{
    struct buf text;
    int err;
    buf_init(&text, DOOR_TRAIL_RECORD - 64);
    err = note_write(c, r, &text);
    if (!err)
        err = door_trail_add(c->door->trail, time_now(), buf_str(&text));
    if (!err && !r->a->part)
        buf_clear(&c->parts);
    buf_release(&text);
    return err;
}

/* Patients are of those names, however many they are. */
static int note_names(struct door_caller *c, const struct rest_access *a,
                      const struct note_piece *p, bool more)
{
    struct note_told told = {.v = {0}};
    struct note_record r = {.a = a, .names = *p, .told = &told, .whole = true};
    int err;
    map_init(&told.at);
    err = note_whose(c, a, p, &told);
    do {
        r.more = more || r.from + NOTE_NAMES < told.v.n;
        if (!err)
            err = note_add(c, &r);
        r.from += NOTE_NAMES;
    } while (!err && r.from < told.v.n);
    note_told_release(&told);
    return err;
}

static int note_all(struct door_caller *c, const struct rest_access *a)
{
    size_t of = AM_MAX(a->n_seen, c->n_wrote), at = 0;
    int err;
    do {
        size_t left = a->n_seen > at ? a->n_seen - at : 0;
        const struct note_piece p = {at, AM_MIN(left, NOTE_NAMES)};
        err = note_names(c, a, &p, at + NOTE_NAMES < of);
        at += NOTE_NAMES;
    } while (!err && at < of);
    return err;
}

/* An entry of a Bundle goes with the Bundle's own record: its answer does too. One that
 * would find no room there has its own, before it. */
static int note_part(struct door_caller *c, const struct rest_access *a)
{
    struct note_told told = {.v = {0}};
    const struct note_record r = {
        .a = a, .names = {0, AM_MIN(a->n_seen, NOTE_NAMES)}, .told = &told};
    struct buf text;
    int err;
    if (a->moment == REST_BEFORE)
        return AM_OK; /* the Bundle's was written before anything */
    if (c->parts.n > DOOR_RECORD || a->n_seen > NOTE_NAMES)
        return note_all(c, a);
    buf_init(&text, DOOR_RECORD);
    map_init(&told.at);
    err = note_whose(c, a, &r.names, &told);
    if (!err && told.v.n > NOTE_NAMES)
        err = note_all(c, a);
    else if (!err) {
        err = note_write(c, &r, &text);
        if (!err && c->parts.n)
            err = buf_addc(&c->parts, ',');
        if (!err)
            err = buf_add(&c->parts, buf_str(&text));
    }
    note_told_release(&told);
    buf_release(&text);
    return err;
}

int door_note(void *arg, const struct rest_access *a)
{
    struct door_caller *c = a->who;
    int err;
    (void)arg;
    if (!c || c->anybody)
        return AM_OK; /* /metadata, and refusals that tell nothing */
    err = a->part ? note_part(c, a) : note_all(c, a);
    /* Nothing the client did wrong. */
    return err && am_err_http(err) < 500 ? AM_E_IO : err;
}
