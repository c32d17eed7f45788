/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts: records being written. Any JSON object is kept as it is; nothing is checked
 * until it is asked. A draft belongs to one organisation and exists for nobody else; it
 * is forgotten 180 days after its last change. Its version number catches two people who
 * write at once. */
#include "registry/registry_priv.h"

#include "base/clock.h"

enum { DRAFTS_OF_ONE = 500 };
#define DRAFT_TERM (180 * TIME_DAY)

struct draft_row {
    struct registry_draft *d;
    struct str record;
    struct buf *out; /* may be NULL */
    uint64_t expected;
};

static int draft_fill(struct db_stmt *st, struct registry_draft *d)
{
    struct str id = db_str(st, 0), org = db_str(st, 1);
    if (id.n >= sizeof d->id || org.n >= sizeof d->org_id ||
        ledger_kind_parse(db_str(st, 2), &d->kind))
        return AM_E_TAMPERED;
    snprintf(d->id, sizeof d->id, "%.*s", STR_FMT(id));
    snprintf(d->org_id, sizeof d->org_id, "%.*s", STR_FMT(org));
    d->created_at = db_int(st, 3);
    d->at = db_int(st, 4);
    d->version = (uint64_t)db_int(st, 5);
    return AM_OK;
}

static int draft_room(struct db_conn *c, struct str org)
{
    struct db_stmt *st;
    bool row;
    int err = db_prepare(c, "select count(*) from draft where org = $1", &st);
    if (err)
        return err;
    db_bind_str(st, 1, org);
    err = db_step(st, &row);
    return !err && row && db_int(st, 0) >= DRAFTS_OF_ONE ? AM_E_TOOMANY : err;
}

static int draft_insert(struct db_conn *c, void *arg)
{
    struct draft_row *r = arg;
    struct registry_draft *d = r->d;
    int err = db_exec(c, "delete from draft where at < $1", "i", d->at - DRAFT_TERM);
    if (!err)
        err = draft_room(c, str_c(d->org_id));
    return err ? err
               : db_exec(c,
                         "insert into draft (id, org, kind, created_at, at, version,"
                         " record) values ($1, $2, $3, $4, $5, 1, $6)",
                         "sssiib", str_c(d->id), str_c(d->org_id),
                         str_c(ledger_kind_name(d->kind)), d->created_at, d->at,
                         r->record);
}

static int draft_select(struct db_conn *c, void *arg)
{
    struct draft_row *r = arg;
    struct db_stmt *st;
    bool row;
    int err = db_prepare(c,
                         "select id, org, kind, created_at, at, version, record from"
                         " draft where id = $1 and org = $2",
                         &st);
    if (err)
        return err;
    db_bind_str(st, 1, str_c(r->d->id));
    db_bind_str(st, 2, str_c(r->d->org_id));
    err = db_step(st, &row);
    if (!err && !row)
        err = AM_E_NOTFOUND;
    if (!err)
        err = draft_fill(st, r->d);
    return err || !r->out ? err : buf_add(r->out, db_blob(st, 6));
}

static int draft_update(struct db_conn *c, void *arg)
{
    struct draft_row *r = arg;
    struct registry_draft *d = r->d, have = *d;
    struct draft_row found = {.d = &have};
    int err = db_exec(c,
                      "update draft set record = $1, at = $2, version = version + 1"
                      " where id = $3 and org = $4 and version = $5",
                      "bissi", r->record, d->at, str_c(d->id), str_c(d->org_id),
                      (int64_t)r->expected);
    if (err)
        return err;
    bool changed = db_changes(c) == 1;
    err = draft_select(c, &found);
    if (!err)
        *d = have;
    return err || changed ? err : AM_E_PRECONDITION;
}

static int draft_delete(struct db_conn *c, void *arg)
{
    struct registry_draft *d = arg;
    int err = db_exec(c, "delete from draft where id = $1 and org = $2", "ss",
                      str_c(d->id), str_c(d->org_id));
    return err ? err : db_changes(c) == 1 ? AM_OK : AM_E_NOTFOUND;
}

struct draft_purge {
    int64_t before;
    int64_t gone;
};

static int draft_forget(struct db_conn *c, void *arg)
{
    struct draft_purge *p = arg;
    int err = db_exec(c, "delete from draft where at < $1", "i", p->before);
    p->gone = err ? 0 : db_changes(c);
    return err;
}

int registry_draft_purge(struct registry *r, int64_t at, int64_t *gone)
{
    struct draft_purge p = {.before = at - DRAFT_TERM};
    int err = db_write(registry_db(r), draft_forget, &p);
    *gone = err ? 0 : p.gone;
    return err;
}

/* ---- use
 * ----------------------------------------------------------------------------------- */
static int draft_record(struct str record, struct diag *d)
{
    struct json_doc *doc = NULL;
    int err;
    if (record.n > REGISTRY_DRAFT_MAX) {
        diag_err(d, "", "draft.size", "at most %d kB", REGISTRY_DRAFT_MAX >> 10);
        return AM_E_TOOBIG;
    }
    err = json_parse(&doc, record, NULL, d);
    if (!err && json_type(json_root(doc)) != JSON_OBJECT) {
        diag_err(d, "", "draft.object", "a draft is a JSON object");
        err = AM_E_INVALID;
    }
    json_free(doc);
    return err;
}

int registry_draft_new(struct registry *r, enum ledger_kind kind, struct str org,
                       struct str record, struct registry_draft *out, struct diag *d)
{
    struct registry_draft made = {.kind = kind, .version = 1};
    struct draft_row row = {.d = &made, .record = record};
    uint8_t random[16];
    int err = draft_record(record, d);
    if (!err && (!org.n || org.n >= sizeof made.org_id))
        err = AM_E_FORBIDDEN;
    if (!err)
        err = crypto_random(random, sizeof random);
    if (err)
        return err;
    crypto_hex(random, sizeof random, made.id);
    snprintf(made.org_id, sizeof made.org_id, "%.*s", STR_FMT(org));
    made.created_at = made.at = time_now();
    err = db_write(registry_db(r), draft_insert, &row);
    if (err == AM_E_TOOMANY)
        diag_err(d, "", "draft.too_many", "delete some first");
    if (!err)
        *out = made;
    return err;
}

static int draft_named(struct registry_draft *d, struct str id, struct str org)
{
    if (!id.n || id.n >= sizeof d->id || !org.n || org.n >= sizeof d->org_id)
        return AM_E_NOTFOUND;
    snprintf(d->id, sizeof d->id, "%.*s", STR_FMT(id));
    snprintf(d->org_id, sizeof d->org_id, "%.*s", STR_FMT(org));
    return AM_OK;
}

int registry_draft_get(struct registry *r, struct str id, struct str org,
                       struct registry_draft *out, struct buf *record)
{
    struct registry_draft d = {0};
    struct draft_row row = {.d = &d, .out = record};
    int err = draft_named(&d, id, org);
    if (!err)
        err = db_read(registry_db(r), draft_select, &row);
    if (!err)
        *out = d;
    return err;
}

int registry_draft_save(struct registry *r, struct str id, struct str org,
                        uint64_t expected, struct str record, struct registry_draft *out,
                        struct diag *d)
{
    struct registry_draft saved = {.at = time_now()};
    struct draft_row row = {.d = &saved, .record = record, .expected = expected};
    int err = draft_record(record, d);
    if (!err)
        err = draft_named(&saved, id, org);
    if (!err)
        err = db_write(registry_db(r), draft_update, &row);
    if (err == AM_E_PRECONDITION)
        diag_err(d, "", "draft.changed", "somebody saved another version meanwhile");
    if (!err)
        *out = saved;
    return err;
}

static void draft_members(struct jw *w, const struct json *record, int64_t at)
{
    char text[TIME_TEXT];
    for (json_each(it, record)) {
        if (str_eqc(it.key, "issued_at") || str_eqc(it.key, "fhir_twin"))
            continue;
        jw_keyn(w, it.key);
        jw_val(w, it.val);
    }
    jw_kstrz(w, "issued_at", time_format(at / TIME_SECOND * TIME_SECOND, text));
}

int registry_draft_finish(struct registry *r, enum ledger_kind kind,
                          const struct json *record, int64_t at, struct buf *out)
{
    struct json_doc *dated = NULL;
    struct buf text, twin;
    struct jw w;
    int err;
    buf_init(&text, REGISTRY_RECORD_MAX);
    buf_init(&twin, REGISTRY_RECORD_MAX);
    jw_init(&w, &text);
    jw_obj(&w);
    draft_members(&w, record, at);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = json_parse(&dated, buf_str(&text), NULL, NULL);
    if (!err && kind == LEDGER_VERSION) {
        err = registry_twin_of(r, json_root(dated), &twin);
        if (err == AM_E_NOTFOUND)
            err = AM_OK; /* the check says it */
    }
    jw_init(&w, out);
    jw_obj(&w);
    draft_members(&w, record, at);
    if (twin.n) {
        jw_key(&w, "fhir_twin");
        jw_raw(&w, buf_str(&twin));
    }
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    json_free(dated);
    buf_release(&twin);
    buf_release(&text);
    return err;
}

int registry_draft_delete(struct registry *r, struct str id, struct str org)
{
    struct registry_draft d = {0};
    int err = draft_named(&d, id, org);
    return err ? err : db_write(registry_db(r), draft_delete, &d);
}

struct draft_list {
    struct str org;
    VEC(struct registry_draft) all;
};

static int draft_select_all(struct db_conn *c, void *arg)
{
    struct draft_list *l = arg;
    struct db_stmt *st;
    bool row = true;
    int err = db_prepare(c,
                         "select id, org, kind, created_at, at, version from draft"
                         " where org = $1 and at >= $2 order by at desc",
                         &st);
    if (err)
        return err;
    db_bind_str(st, 1, l->org);
    db_bind_int(st, 2, time_now() - DRAFT_TERM);
    while (!err && !(err = db_step(st, &row)) && row) {
        struct registry_draft d = {0};
        err = draft_fill(st, &d);
        if (!err)
            err = vec_push(&l->all, d);
    }
    return err;
}

int registry_drafts(struct registry *r, struct str org, registry_draft_fn *fn, void *arg)
{
    struct draft_list list = {.org = org};
    int err = db_read(registry_db(r), draft_select_all, &list);
    for (size_t i = 0; i < list.all.n && !err; i++)
        err = fn(arg, &list.all.v[i]);
    vec_release(&list.all);
    return err;
}
