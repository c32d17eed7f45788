/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_stop_node -- where a stop has been obeyed (lifecycle.md section 7, point 4): per
 * node concerned, acknowledged, awaited, late or silent, and when the lease ends it by
 * itself. Derived from the state; the time, and when nodes were last heard, come in.
 *
 * Why the end of the lease may be said from here: a node that has not applied the order
 * holds a checkpoint from before it, so its lease is over one lease after the order at
 * the latest, or after it was last heard if that is later (an order pressed offline is
 * logged long after it acted where it was pressed). */
#include "ledger/ledger_priv.h"

static int64_t lease_from(const struct ledger *l, const char *name, int64_t from,
                          const char *otherwise)
{
    struct str s = json_get_str(json_get(l->policy->root, "lease"), name);
    int64_t at;
    if (s.n && time_add_iso(from, s, &at) == AM_OK)
        return at;
    return time_add_iso(from, str_c(otherwise), &at) ? from : at;
}

/* One of several keys of a node, the first in force. */
static bool is_node(const struct ledger *l, size_t i)
{
    const struct ledger_key *k = &l->key.v[i].k;
    if (k->role != LEDGER_SYSTEM || k->revoked || strcmp(k->function, "registry") == 0)
        return false;
    for (size_t j = 0; j < i; j++)
        if (strcmp(l->key.v[j].k.org_id, k->org_id) == 0 && is_node(l, j))
            return false;
    return true;
}

/* A node of a house answers for it; one of a region, for every house there. */
static bool concerned(const struct ledger *l, const struct ledger_stop *s,
                      const struct ledger_key *k)
{
    size_t v = ledger_find_version(l, s->model_digest);
    for (size_t i = 0; v != LEDGER_NONE && i < l->version.v[v].deployment.n; i++) {
        const struct ledger_deployment *p =
            &l->deployment.v[l->version.v[v].deployment.v[i]].p;
        bool here = *k->establishment ? strcmp(k->establishment, p->establishment) == 0
                                      : strcmp(ledger_region(k), p->gst) == 0;
        if (here && ledger_stop_hits(s, p))
            return true;
    }
    return false;
}

static int64_t last_seen(const struct ledger *l, const char *node,
                         const struct ledger_seen *seen, size_t n)
{
    int64_t at = 0;
    for (size_t i = 0; i < l->node.n; i++)
        if (strcmp(l->node.v[i].n.org_id, node) == 0)
            at = AM_MAX(at, l->node.v[i].n.at);
    for (size_t i = 0; i < n; i++)
        if (strcmp(seen[i].node, node) == 0)
            at = AM_MAX(at, seen[i].at);
    return at;
}

static const struct ledger_ack *ack_of(const struct ledger_stop *s, const char *node)
{
    for (size_t i = 0; i < s->ack.n; i++)
        if (strcmp(s->ack.v[i].node, node) == 0)
            return &s->ack.v[i];
    return NULL;
}

static void judge(const struct ledger *l, const struct ledger_stop *s, int64_t at,
                  struct ledger_stop_node *x)
{
    if (time_add_iso(s->effect_at, ledger_clock(l->policy, "stop_ack", "PT24H"),
                     &x->due_at))
        x->due_at = s->effect_at;
    if (x->ack) {
        x->late = x->ack->effect_at > x->due_at;
        return;
    }
    x->late = at > x->due_at;
    x->silent = !x->seen_at || at >= lease_from(l, "warn", x->seen_at, "PT12H");
    x->lease_end_at = ledger_lease_end(l, AM_MAX(s->effect_at, x->seen_at), 0);
}

int ledger_stop_nodes(const struct ledger *l, const struct ledger_stop *s, int64_t at,
                      const struct ledger_seen *seen, size_t n, ledger_stop_node_fn *fn,
                      void *cookie)
{
    int err = AM_OK;
    if (!l->policy)
        return AM_OK;
    for (size_t i = 0; i < s->ack.n && !err; i++) {
        struct ledger_stop_node x = {.node = s->ack.v[i].node, .ack = &s->ack.v[i]};
        x.seen_at = last_seen(l, x.node, seen, n);
        judge(l, s, at, &x);
        err = fn(cookie, &x);
    }
    for (size_t i = 0; !s->lifted && i < l->key.n && !err; i++) {
        const struct ledger_key *k = &l->key.v[i].k;
        struct ledger_stop_node x = {.node = k->org_id};
        if (!is_node(l, i) || ack_of(s, k->org_id) || !concerned(l, s, k))
            continue;
        x.seen_at = last_seen(l, x.node, seen, n);
        judge(l, s, at, &x);
        err = fn(cookie, &x);
    }
    return err;
}

int64_t ledger_stop_motive_due(const struct ledger *l, const struct ledger_stop *s)
{
    int64_t due;
    if (*s->motive_code || !l->policy ||
        time_add_iso(s->effect_at, ledger_clock(l->policy, "stop_motive", "PT24H"), &due))
        return 0;
    return due;
}
