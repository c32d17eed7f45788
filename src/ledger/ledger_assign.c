/* SPDX-License-Identifier: Apache-2.0 */
/* V5, V9, V10, V17: who reports on a file, which bench measures it, on which sealed data;
 * and who takes the place of one that is recused or whose key is revoked. */
#include "ledger/ledger_priv.h"

enum { SEALED_MAX = 1000 };

static size_t named_key(const struct ledger_act *a, const char *member)
{
    char id[CRYPTO_HEX];
    size_t k;
    ledger_copy(id, sizeof id, json_get_str(a->r, member));
    k = ledger_find_key(a->l, id);
    return k != LEDGER_NONE && !a->l->key.v[k].k.revoked ? k : LEDGER_NONE;
}

static void check_named(struct ledger_act *a, const struct ledger_verrec *v,
                        size_t rapporteur, size_t bench)
{
    const struct ledger_keyrec *key = a->l->key.v;
    bool r = rapporteur != LEDGER_NONE && key[rapporteur].k.role == LEDGER_HAS &&
             strcmp(key[rapporteur].k.function, "rapporteur") == 0 &&
             strcmp(key[rapporteur].k.org_id, v->v.org_id) != 0;
    bool b = bench != LEDGER_NONE && key[bench].k.role == LEDGER_BENCH_OPERATOR &&
             strcmp(key[bench].k.org_id, v->v.org_id) != 0;
    ledger_guard(a, r, GUARD_RAPPORTEUR, "/rapporteur",
                 "a key of has/rapporteur in force, not of the vendor");
    ledger_guard(a, b, GUARD_BENCH_OPERATOR, "/bench_operator",
                 "a key of bench_operator in force, not of the vendor");
    ledger_guard(a,
                 rapporteur == LEDGER_NONE ||
                     !ledger_barred(a->l, rapporteur, v, STR_NULL, a->s->issued_at),
                 GUARD_RECUSED, "/rapporteur", "recused from this version");
    ledger_guard(a,
                 bench == LEDGER_NONE ||
                     !ledger_barred(a->l, bench, v, STR_NULL, a->s->issued_at),
                 GUARD_RECUSED, "/bench_operator", "recused from this version");
}

static int read_sealed(struct ledger_act *a, struct ledger_verrec *next)
{
    const struct json *list = json_get(a->r, "sealed_data");
    bool ok = json_size(list) > 0 && json_size(list) <= SEALED_MAX;
    for (json_each(it, list)) {
        struct tlog_hash h;
        ok &= ledger_unhex(it.val, h.h);
        if (ok && vec_push(&next->sealed, h))
            return AM_E_NOMEM;
    }
    ledger_guard(a, ok, GUARD_SEALED, "/sealed_data", "digests of the sealed test sets");
    return AM_OK;
}

/* The last guard, and if nothing speaks against it: who judges, and on which data. */
static int appoint(struct ledger_act *a, struct ledger_verrec *v, size_t rapporteur,
                   size_t bench)
{
    struct ledger_verrec next = {0};
    int err = read_sealed(a, &next);
    if (err || ledger_stopped_here(a)) {
        vec_release(&next.sealed);
        return err;
    }
    vec_release(&v->sealed);
    v->sealed.v = next.sealed.v;
    v->sealed.n = next.sealed.n;
    v->sealed.cap = next.sealed.cap;
    v->rapporteur = rapporteur;
    v->bench = bench;
    v->assigned = a->index;
    return AM_OK;
}

int ledger_assign(struct ledger_act *a)
{
    struct ledger_verrec *v = &a->l->version.v[a->version];
    size_t rapporteur = named_key(a, "rapporteur"),
           bench = named_key(a, "bench_operator");
    enum ledger_level level = LEDGER_LEVEL_NONE;
    bool again = strcmp(a->o.transition, "V9") == 0;
    const struct ledger_factrec *f =
        ledger_fact_newest(a->l, v, LEDGER_FACT_APPEAL, LEDGER_NONE);
    int err = ledger_level_parse(json_get_str(a->r, "requested_level"), &level);
    ledger_guard(a, !err && level >= LEDGER_BASE, GUARD_LEVEL, "/requested_level",
                 "base, intermediate or advanced");
    check_named(a, v, rapporteur, bench);
    ledger_guard(a, json_bool(json_get(a->r, "no_conflict"), false),
                 GUARD_CONFLICT_OF_INTEREST, "/no_conflict", "must be declared");
    ledger_guard(a, v->plan, GUARD_EVALUATION_PLAN, "/model_digest",
                 "no evaluation_plan logged before the data are opened");
    if (strcmp(a->o.transition, "V10") == 0)
        ledger_guard(a, f && f->index > v->v.decision.index, GUARD_APPEAL,
                     "/model_digest", "no appeal of this refusal");
    if (again)
        ledger_guard(a, !v->v.expires_at || a->s->issued_at < v->v.expires_at, GUARD_TERM,
                     "/issued_at", "the deferral has lapsed");
    err = appoint(a, v, rapporteur, bench);
    if (err || ledger_stopped_here(a))
        return err;
    if (!again) /* deferred: new data for the rows named, the others stand (V9) */
        v->rows.n = v->run.n = 0;
    if (strcmp(a->o.transition, "V10") == 0) {
        v->appeal = true;
        memcpy(v->appealed, v->v.decision.payload, 32);
    }
    v->v.requested = level;
    v->v.state = a->to;
    return AM_OK;
}

/* The evidence of a bench that is recused goes with it. */
static void drop_barred(const struct ledger_act *a, struct ledger_verrec *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->v.evidence.n; i++) {
        const struct ledger_entry *e = &a->l->entry.v[v->v.evidence.v[i].index];
        if (e->strange || !ledger_barred(a->l, e->key, v, STR_NULL, a->s->issued_at))
            v->v.evidence.v[n++] = v->v.evidence.v[i];
    }
    v->v.evidence.n = n;
}

static int replace_named(struct ledger_act *a, struct ledger_verrec *v, size_t rapporteur,
                         size_t bench, bool afresh)
{
    int err;
    check_named(a, v, rapporteur, bench);
    ledger_guard(a, json_bool(json_get(a->r, "no_conflict"), false),
                 GUARD_CONFLICT_OF_INTEREST, "/no_conflict", "must be declared");
    err = appoint(a, v, rapporteur, bench);
    if (err || ledger_stopped_here(a))
        return err;
    if (afresh) {
        v->rows.n = v->run.n = 0;
        drop_barred(a, v);
    }
    return AM_OK;
}

/* Is who was named out: recused since, or the key revoked? */
static bool named_out(const struct ledger_act *a, const struct ledger_verrec *v,
                      size_t key)
{
    return key == LEDGER_NONE || a->l->key.v[key].k.revoked ||
           ledger_barred(a->l, key, v, STR_NULL, a->s->issued_at);
}

/* V5 again while the evaluation runs: who is out is replaced, nobody and nothing else. A
 * new bench starts again; a new rapporteur finds the evidence where it was. */
int ledger_reassign(struct ledger_act *a)
{
    struct ledger_verrec *v = &a->l->version.v[a->version];
    size_t rapporteur = named_key(a, "rapporteur"),
           bench = named_key(a, "bench_operator");
    bool r_out = named_out(a, v, v->rapporteur), b_out = named_out(a, v, v->bench);
    struct ledger_statement_view old;
    uint8_t replaced[32];
    int err = ledger_load(a->l, a->l->entry.v[v->assigned].payload, &old);
    if (err)
        return err;
    ledger_guard(a,
                 ledger_unhex(json_get(a->r, "replaces"), replaced) &&
                     memcmp(replaced, old.record_sha256, 32) == 0,
                 GUARD_SUPERSEDES, "/replaces", "not the assignment in effect");
    ledger_guard(a,
                 json_equal(json_get(old.record, "requested_level"),
                            json_get(a->r, "requested_level")),
                 GUARD_LEVEL, "/requested_level", "that of the assignment replaced");
    ledger_statement_release(&old);
    ledger_guard(a, r_out || b_out, GUARD_SUPERSEDES, "/replaces",
                 "neither is recused, no key of theirs is revoked");
    ledger_guard(a, r_out || rapporteur == v->rapporteur, GUARD_RAPPORTEUR, "/rapporteur",
                 "the rapporteur named before is still in place");
    ledger_guard(a, b_out || bench == v->bench, GUARD_BENCH_OPERATOR, "/bench_operator",
                 "the bench named before is still in place");
    return replace_named(a, v, rapporteur, bench, b_out);
}
