/* SPDX-License-Identifier: Apache-2.0 */
/* Where a version is used, for the exports that say so: section C of Annex VIII
 * (registry.md 11.2), local validity of HTI-1 (11.3, H27 and H29). */
#include "registry/registry_card.h"

enum { PLACES_MAX = 200, PLACE_RECORDS_MAX = 64 };

void registry_card_place_release(struct registry_card_place *p)
{
    for (size_t i = 0; i < p->doc.n; i++)
        json_free(p->doc.v[i]);
    vec_release(&p->doc);
    vec_release(&p->payload);
}

/* Digests of its records in effect, each once: k signatures are k entries of one text. */
static int place_fold(const struct ledger *l, const struct ledger_deployment *d,
                      struct registry_card_place *p)
{
    int err = AM_OK;
    snprintf(p->id, sizeof p->id, "%s", d->id);
    crypto_hex(d->model_digest, 32, p->model_digest);
    snprintf(p->establishment, sizeof p->establishment, "%s", d->establishment);
    snprintf(p->gst, sizeof p->gst, "%s", d->gst);
    snprintf(p->use_code, sizeof p->use_code, "%s", d->use_code);
    p->phase = ledger_p_name(d->phase);
    p->tree_size = ledger_size(l);
    for (size_t i = d->history.n; i-- > 0 && p->payload.n < PLACE_RECORDS_MAX && !err;) {
        const struct ledger_outcome *o = ledger_outcome(l, d->history.v[i]);
        const char *key_id;
        struct registry_digest one;
        bool known = false;
        if (!o || o->effect != LEDGER_IN_EFFECT)
            continue;
        err = ledger_entry_of(l, d->history.v[i], one.sha256, &key_id);
        for (size_t k = 0; k < p->payload.n && !err; k++)
            known = known || !memcmp(p->payload.v[k].sha256, one.sha256, 32);
        if (!err && !known)
            err = vec_push(&p->payload, one);
    }
    return err;
}

static int place_read(struct registry *r, struct registry_card_place *p)
{
    int err = AM_OK;
    for (size_t i = 0; i < p->payload.n && !err; i++) {
        struct json_doc *doc = NULL;
        err = registry_payload(r, p->payload.v[i].sha256, &doc);
        if (!err && (err = vec_push(&p->doc, doc)))
            json_free(doc);
    }
    return err;
}

struct place_gather {
    struct registry_card *c;
    struct registry_card_place *one;
    const uint8_t *digest;
    struct str id;
};

static int places_fold(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct place_gather *g = arg;
    struct str name = ledger_model_name(g->digest);
    size_t i = ledger_list_first(l, LEDGER_DEPLOYMENTS_OF_MODEL, name);
    int err = AM_OK;
    (void)cosigned;
    for (const struct ledger_deployment *d;
         !err && g->c->place.n < PLACES_MAX && (d = ledger_deployment_at(l, i));
         i = ledger_list_next(l, LEDGER_DEPLOYMENTS_OF_MODEL, i)) {
        struct registry_card_place p = {0};
        err = place_fold(l, d, &p);
        if (!err)
            err = vec_push(&g->c->place, p);
        if (err)
            registry_card_place_release(&p);
    }
    return err;
}

int registry_card_places(struct registry *r, const uint8_t digest[32], uint64_t size,
                         struct registry_card *c)
{
    struct place_gather g = {.c = c, .digest = digest};
    int err = size ? registry_view_at(r, size, places_fold, &g)
                   : registry_view(r, places_fold, &g);
    for (size_t i = 0; i < c->place.n && !err; i++)
        err = place_read(r, &c->place.v[i]);
    return err;
}

const struct json *registry_card_place_with(const struct registry_card_place *p,
                                            const char *member)
{
    for (size_t i = 0; i < p->doc.n; i++) {
        const struct json *record = registry_card_record(p->doc.v[i]);
        if (json_get(record, member))
            return record;
    }
    return NULL;
}

/* ---- one of them, exported --------------------------------------------------------- */
static int place_one(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct place_gather *g = arg;
    const struct ledger_deployment *d = ledger_deployment_find(l, g->id);
    (void)cosigned;
    return d ? place_fold(l, d, g->one) : AM_E_NOTFOUND;
}

int registry_export_deployment(struct registry *r, struct str id, struct buf *out)
{
    struct registry_card_place p = {0};
    struct json_doc *version = NULL;
    uint8_t digest[32];
    struct jw w;
    int err = registry_view(r, place_one, &(struct place_gather){.one = &p, .id = id});
    if (!err)
        err = place_read(r, &p);
    if (!err)
        err = crypto_unhex(str_c(p.model_digest), digest, 32);
    if (!err)
        err = registry_declared(r, digest, &version);
    if (!err) {
        jw_init(&w, out);
        registry_card_annex8_place(&p, registry_card_record(version), &w);
        err = jw_done(&w);
    }
    json_free(version);
    registry_card_place_release(&p);
    return err;
}
