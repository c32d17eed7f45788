/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads that wait for signatures. A proposal has no force: it is the exact bytes that
 * several people will sign, kept so that each can read them and nobody has to carry a
 * file. It is forgotten after 30 days, when no signature over it would count any more. */
#include "registry/registry_priv.h"

#include "base/clock.h"
#include "base/log.h"

enum { REGISTRY_PROPOSALS_OF_ONE = 512 };
#define REGISTRY_PROPOSAL_TERM (30 * TIME_DAY)

/* ---- rows ---------------------------------------------------------------------------
 */
struct proposal_row {
    struct registry_proposal p;
    struct buf *payload; /* may be NULL */
    struct diag *d;
    bool known;
};

static struct str proposal_key(const struct registry_proposal *p)
{
    return (struct str){(const char *)p->payload, sizeof p->payload};
}

static int proposal_count(struct db_conn *c, const char *sql, struct str org, int64_t *n)
{
    struct db_stmt *st;
    bool row;
    int err = db_prepare(c, sql, &st);
    if (err)
        return err;
    if (org.p)
        db_bind_str(st, 1, org);
    err = db_step(st, &row);
    *n = !err && row ? db_int(st, 0) : 0;
    return err;
}

static int proposal_room(struct db_conn *c, struct proposal_row *r)
{
    int64_t all = 0, of_one = 0;
    int err = proposal_count(c, "select count(*) from proposal", STR_NULL, &all);
    if (!err)
        err = proposal_count(c, "select count(*) from proposal where by_org = $1",
                             str_c(r->p.by_org), &of_one);
    if (err || (of_one < REGISTRY_PROPOSALS_OF_ONE && all < REGISTRY_PROPOSALS_MAX))
        return err;
    diag_err(r->d, "", "proposal.too_many",
             "too many texts of this organisation wait for signatures");
    return AM_E_TOOMANY;
}

static int proposal_insert(struct db_conn *c, void *arg)
{
    struct proposal_row *r = arg;
    const struct registry_proposal *p = &r->p;
    struct db_stmt *st;
    int err = db_exec(c, "delete from proposal where until_at <= $1", "i", p->at);
    if (!err)
        err = db_prepare(c, "select 1 from proposal where payload_sha256 = $1", &st);
    if (err)
        return err;
    db_bind_blob(st, 1, p->payload, sizeof p->payload);
    err = db_step(st, &r->known);
    if (err || r->known) /* the same words twice are one */
        return err;
    err = proposal_room(c, r);
    return err ? err
               : db_exec(c,
                         "insert into proposal (payload_sha256, at, until_at, by_role,"
                         " by_org, kind, payload) values ($1, $2, $3, $4, $5, $6, $7)",
                         "biisssb", proposal_key(p), p->at, p->until,
                         str_c(ledger_role_name(p->by_role)), str_c(p->by_org),
                         str_c(ledger_kind_name(p->kind)), buf_str(r->payload));
}

static int proposal_fill(struct db_stmt *st, struct registry_proposal *p)
{
    struct str key = db_blob(st, 0), org = db_str(st, 4);
    int err = ledger_role_parse(db_str(st, 3), &p->by_role);
    if (!err)
        err = ledger_kind_parse(db_str(st, 5), &p->kind);
    if (err || key.n != sizeof p->payload || org.n >= sizeof p->by_org)
        return AM_E_TAMPERED;
    memcpy(p->payload, key.p, key.n);
    memcpy(p->by_org, org.p, org.n);
    p->by_org[org.n] = 0;
    p->at = db_int(st, 1);
    p->until = db_int(st, 2);
    return AM_OK;
}

static int proposal_select(struct db_conn *c, void *arg)
{
    struct proposal_row *r = arg;
    struct db_stmt *st;
    bool row;
    int err = db_prepare(c,
                         "select payload_sha256, at, until_at, by_role, by_org, kind,"
                         " payload from proposal where payload_sha256 = $1"
                         " and until_at > $2",
                         &st);
    if (err)
        return err;
    db_bind_blob(st, 1, r->p.payload, sizeof r->p.payload);
    db_bind_int(st, 2, time_now());
    err = db_step(st, &row);
    if (!err && !row)
        err = AM_E_NOTFOUND;
    if (!err)
        err = proposal_fill(st, &r->p);
    return err || !r->payload ? err : buf_add(r->payload, db_blob(st, 6));
}

static int proposal_select_all(struct db_conn *c, void *arg)
{
    struct registry_proposals *all = arg;
    struct db_stmt *st;
    bool row = true;
    int err = db_prepare(c,
                         "select payload_sha256, at, until_at, by_role, by_org, kind"
                         " from proposal where until_at > $1 order by at desc,"
                         " payload_sha256",
                         &st);
    if (err)
        return err;
    db_bind_int(st, 1, time_now());
    while (!err && !(err = db_step(st, &row)) && row) {
        struct registry_proposal p;
        err = proposal_fill(st, &p);
        if (!err)
            err = vec_push(all, p);
    }
    return err;
}

static int proposal_delete(struct db_conn *c, void *arg)
{
    return db_exec(c, "delete from proposal where payload_sha256 = $1", "b",
                   (struct str){arg, 32});
}

/* ---- use ----------------------------------------------------------------------------
 */
struct proposal_job {
    enum ledger_kind kind;
    const struct json *record;
    struct buf *payload;
    struct diag *d; /* no error in it: registry_check() passed */
};

static int proposal_statement(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct proposal_job *j = arg;
    (void)cosigned;
    int err = ledger_statement(j->kind, j->record, ledger_type_base(l), j->payload, j->d);
    if (err)
        return err;
    err = ledger_signable(l, buf_str(j->payload), j->d);
    if (err == AM_E_NOTFOUND) {
        diag_err(j->d, "", "record.blob_missing",
                 "upload the document it cites first: PUT /api/v1/blobs/{sha256}");
        err = AM_E_INVALID;
    }
    return err;
}

int registry_proposal_put(struct registry *r, enum ledger_kind kind,
                          const struct json *record, const struct auth_account *who,
                          uint8_t out_sha256[32], struct diag *d)
{
    struct buf payload;
    struct proposal_row row = {.payload = &payload, .d = d};
    struct proposal_job j = {kind, record, &payload, d};
    int err = registry_check(r, kind, record, d);
    if (err)
        return err;
    row.p =
        (struct registry_proposal){.kind = kind, .at = time_now(), .by_role = who->role};
    row.p.until = row.p.at + REGISTRY_PROPOSAL_TERM;
    snprintf(row.p.by_org, sizeof row.p.by_org, "%s", who->org_id);
    buf_init(&payload, REGISTRY_RECORD_MAX);
    err = registry_view(r, proposal_statement, &j);
    if (!err)
        crypto_sha256(buf_str(&payload), row.p.payload);
    if (!err)
        err = db_write(registry_db(r), proposal_insert, &row);
    buf_release(&payload);
    if (err)
        return err;
    memcpy(out_sha256, row.p.payload, 32);
    LOG_I("registry.proposed", log_s("kind", ledger_kind_name(kind)),
          log_s("role", ledger_role_name(who->role)));
    return AM_OK;
}

int registry_proposal_get(struct registry *r, const uint8_t sha256[32],
                          struct registry_proposal *out, struct buf *payload)
{
    struct proposal_row row = {.payload = payload};
    uint8_t digest[32];
    size_t before = payload ? payload->n : 0;
    int err;
    memcpy(row.p.payload, sha256, 32);
    err = db_read(registry_db(r), proposal_select, &row);
    if (!err && payload) { /* what is signed is checked on the way out, too */
        crypto_sha256(str_sub(buf_str(payload), before, payload->n), digest);
        err = memcmp(digest, sha256, 32) ? AM_E_TAMPERED : AM_OK;
    }
    if (!err)
        *out = row.p;
    else if (payload)
        buf_cut(payload, before);
    return err;
}

int registry_proposals(struct registry *r, struct registry_proposals *out)
{
    return db_read(registry_db(r), proposal_select_all, out);
}

void registry_proposal_done(struct registry *r, const uint8_t sha256[32])
{
    struct registry_proposal p;
    uint8_t key[32];
    memcpy(key, sha256, sizeof key);
    if (registry_proposal_get(r, sha256, &p, NULL) == AM_OK &&
        db_write(registry_db(r), proposal_delete, key))
        LOG_W("registry.proposal_kept", log_s("kind", ledger_kind_name(p.kind)));
}
