/* SPDX-License-Identifier: Apache-2.0 */
/* Whose each resource is, for what goes with a patient (eds/erase.h): one walk over every
 * version there is, deleted and older ones too, which no index knows; then the versions
 * of what was found, one by one. */
#include "base/log.h"
#include "eds/eds_whose_priv.h"

/* ---- one reference ---- */
static int whose_reference(void *arg, struct str reference)
{
    struct whose *w = arg;
    bool by_address;
    struct str id, name = eds_named_as(reference, &by_address);
    struct str type = str_cut(name, '/', &id);
    if (!id.n)
        return AM_OK;
    if (str_eqc(type, "Patient")) {
        bool him = str_eq(id, w->x->id);
        w->is.him |= him && !by_address;
        w->is.by_address |= him && by_address;
        w->is.other |= !him;
        return AM_OK;
    }
    if (str_eqc(type, "Binary"))
        return vec_push(&w->is.binary, eds_whose_hash(w, name));
    if (!eds_whose_belongs(type))
        return AM_OK;
    return by_address ? vec_push(&w->is.away, eds_whose_hash(w, name))
                      : vec_push(&w->is.ref, eds_whose_hash(w, name));
}

/* What a Provenance is about; what cannot be told goes never, so neither does it. */
static int whose_targets(struct whose *w, const struct json *provenance)
{
    int err = AM_OK;
    for (json_each(t, json_get(provenance, "target"))) {
        bool by_address;
        struct str name = eds_named_as(json_get_str(t.val, "reference"), &by_address);
        err =
            err ? err
                : vec_push(&w->is.target, eds_whose_hash(w, by_address ? STR("") : name));
    }
    return err;
}

/* ---- one version ---- */
int eds_whose_node(struct whose *w, const struct eds_meta *m, bool make,
                   struct whose_node **out)
{
    char text[2 * EDS_NAME + EDS_ID_MAX];
    struct whose_node n = {0};
    struct str name;
    char *p;
    size_t i;
    snprintf(text, sizeof text, "%s/%s", m->type, m->id);
    name = str_c(text);
    *out = NULL;
    if (!map_get(&w->by_name, name, &i)) {
        *out = &w->node.v[i];
        return AM_OK;
    }
    if (!make)
        return AM_OK;
    p = arena_dup(&w->x->arena, name);
    if (!p)
        return AM_E_NOMEM;
    n.type = str_cut((struct str){p, name.n}, '/', &n.id);
    n.hash = eds_whose_hash(w, name);
    if (vec_push(&w->node, n) || map_set(&w->by_name, name, w->node.n - 1))
        return AM_E_NOMEM;
    *out = &w->node.v[w->node.n - 1];
    return AM_OK;
}

static int whose_look(struct whose *w, struct str body)
{
    w->is.him = w->is.by_address = w->is.other = false;
    w->is.ref.n = w->is.away.n = w->is.binary.n = w->is.target.n = 0;
    return eds_named(body, whose_reference, w);
}

static int whose_look_closer(struct whose *w, const struct eds_meta *m, struct str kept)
{
    struct json_doc *doc = NULL;
    int err;
    if (strcmp(m->type, "Provenance") != 0)
        return AM_OK;
    buf_clear(&w->text);
    err = eds_body_index(&w->text, kept, str_c(m->type), str_c(m->id));
    if (!err)
        err = eds_parse(&doc, buf_str(&w->text));
    if (!err)
        err = whose_targets(w, json_root(doc));
    json_free(doc);
    return err;
}

static int whose_note(struct whose *w, const struct eds_meta *m)
{
    bool self = !strcmp(m->type, "Patient") && str_eqc(w->x->id, m->id);
    bool hangs = !w->is.him && !w->is.other && !w->is.by_address &&
                 w->is.ref.n + w->is.away.n && eds_whose_belongs(str_c(m->type));
    struct whose_node *n;
    int err = eds_whose_node(w, m, self || w->is.him || w->is.by_address || hangs, &n);
    if (err || !n)
        return err;
    n->self |= self;
    n->him |= w->is.him;
    n->by_address |= w->is.by_address;
    n->other |= w->is.other;
    for (size_t i = 0; i < w->is.ref.n && hangs && !err; i++)
        err = vec_push(&n->ref, w->is.ref.v[i]);
    for (size_t i = 0; i < w->is.away.n && hangs && !err; i++)
        err = vec_push(&n->away, w->is.away.v[i]);
    for (size_t i = 0; i < w->is.target.n && !err; i++)
        err = vec_push(&n->ref, w->is.target.v[i]);
    return err;
}

static bool whose_in(const uint64_t *v, size_t n, uint64_t hash)
{
    size_t i = 0;
    while (i < n && v[i] != hash)
        i++;
    return i < n;
}

static int whose_binaries(struct whose *w, const struct eds_meta *m)
{
    char name[2 * EDS_NAME + EDS_ID_MAX];
    int err = AM_OK;
    if (!w->is.binary.n || !strcmp(m->type, "AuditEvent"))
        return AM_OK; /* who looked at one has no part in it */
    snprintf(name, sizeof name, "%s/%s", m->type, m->id);
    for (size_t i = 0; i < w->is.binary.n && !err; i++)
        if (!whose_in(w->is.target.v, w->is.target.n, w->is.binary.v[i]))
            err = vec_push(
                &w->pair,
                ((struct whose_pair){w->is.binary.v[i], eds_whose_hash(w, str_c(name))}));
    return err;
}

/* What cannot be read blocks no erasure that does not touch it: it is told. */
static int whose_damaged(struct whose *w, const struct eds_version *x)
{
    struct whose_node *n;
    int err;
    LOG_E("eds.erase", log_s("wrong", "a body"), log_i("rid", x->m.rid));
    if (x->damaged)
        return AM_OK; /* not even type and id */
    err = eds_whose_node(w, &x->m, true, &n);
    if (err)
        return err;
    n->self |= !strcmp(x->m.type, "Patient") && str_eqc(w->x->id, x->m.id);
    n->damaged = true;
    return AM_OK;
}

static int whose_version(void *arg, const struct eds_version *x)
{
    struct whose *w = arg;
    int err = AM_OK;
    if (w->x->progress && w->seen++ % 256 == 0 &&
        !w->x->progress(w->x->arg, x->m.rid, w->top))
        return AM_E_TIMEOUT;
    buf_clear(&w->kept);
    if (x->damaged)
        err = AM_E_TAMPERED;
    else if (!x->m.gone)
        err = eds_unseal(w->e, x->m.type, x->m.id, x->body, &w->kept);
    if (err == AM_E_TAMPERED || err == AM_E_UNAVAILABLE)
        return whose_damaged(w, x);
    if (!err)
        err = whose_look(w, buf_str(&w->kept));
    if (!err && !x->m.gone)
        err = whose_look_closer(w, &x->m, buf_str(&w->kept));
    if (!err)
        err = whose_binaries(w, &x->m);
    return err ? err : whose_note(w, &x->m);
}

/* ---- what was found, all versions of it ---- */
struct whose_past {
    struct whose *w;
    struct whose_node *n;
    bool bodied; /* a version with a body was met: the newest of these has the tag */
};

static int whose_binary(void *arg, struct str reference)
{
    struct whose *w = arg;
    struct whose_binary b = {0};
    struct str name = eds_named_as(reference, &b.by_address);
    if (!str_starts(name, STR("Binary/")))
        return AM_OK;
    for (size_t i = 0; i < w->binary.n; i++)
        if (w->binary.v[i].by_address == b.by_address &&
            str_eq(w->binary.v[i].name, name))
            return AM_OK;
    b.name.n = name.n;
    b.name.p = arena_dup(&w->x->arena, name);
    return b.name.p ? vec_push(&w->binary, b) : AM_E_NOMEM;
}

static int whose_past_one(void *arg, const struct eds_meta *m, struct str body)
{
    struct whose_past *p = arg;
    struct json_doc *doc = NULL;
    int err = whose_look(p->w, body);
    if (err)
        return err;
    p->n->other |= p->w->is.other;
    err = eds_named(body, whose_binary, p->w);
    p->w->x->versions++;
    if (err || m->gone)
        return err;
    err = eds_parse(&doc, body);
    if (!err && !p->bodied)
        p->n->tagged = eds_must_be_kept(json_root(doc));
    p->bodied = true;
    if (!err && p->n->self && p->w->x->reason &&
        eds_names_him(json_root(doc), str_c(p->w->x->reason)))
        err = AM_E_INVALID;
    json_free(doc);
    return err;
}

/* May it go, by all that was ever said in it? */
int eds_whose_take(struct whose *w, struct whose_node *n)
{
    struct whose_past p = {w, n, false};
    struct eds_past past = {.type = n->type, .id = n->id, .bodies = true};
    int64_t versions = w->x->versions;
    size_t binaries = w->binary.n;
    int err = eds_history(w->v, &past, whose_past_one, &p);
    if (err)
        return err;
    n->goes = n->self || !n->other;
    if (n->goes)
        return vec_push(&w->gone, n->hash);
    w->x->versions = versions;
    w->binary.n = binaries;
    return AM_OK;
}

static int whose_view(struct eds_view *v, void *arg)
{
    struct whose *w = arg;
    int err = eds_top(v, &w->top);
    w->v = v;
    if (!err)
        err = eds_walk(v, 0, whose_version, w);
    return err ? err : eds_fates(w);
}

int eds_whose(struct eds *e, struct eds_erase *x)
{
    struct whose w = {.e = e, .x = x};
    int err;
    if (!eds_id_ok(x->id))
        return AM_E_NOTFOUND;
    map_init(&w.by_name);
    buf_init(&w.kept, EDS_BODY_MAX);
    buf_init(&w.text, 2 * EDS_BODY_MAX);
    err = eds_view(e, whose_view, &w);
    for (size_t i = 0; i < w.node.n; i++) {
        vec_release(&w.node.v[i].ref);
        vec_release(&w.node.v[i].away);
    }
    vec_release(&w.node);
    vec_release(&w.pair);
    vec_release(&w.binary);
    vec_release(&w.gone);
    vec_release(&w.is.ref);
    vec_release(&w.is.away);
    vec_release(&w.is.binary);
    vec_release(&w.is.target);
    buf_release(&w.kept);
    buf_release(&w.text);
    map_release(&w.by_name);
    return err;
}
