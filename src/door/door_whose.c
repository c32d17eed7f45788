/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a resource is that names its patients only through others: an Observation of a
 * visit, a Binary of a document, a Provenance of its targets. What it refers to is read,
 * and what that refers to, in the view of the request; what cannot be resolved, or not
 * within bounds, makes it one of who reaches all. */
#include "door/door_priv.h"

enum { WHOSE_DEPTH = 3, WHOSE_READS = 128, WHOSE_FILES = 8 };

struct whose {
    const struct door *d;
    struct eds_view *v;
    struct door_facts *f;
    bool labelled; /* a Provenance with the label of models */
    bool written;  /* what is not there may be written with it, and is judged by itself */
    size_t reads;
};

static int whose_through(struct whose *k, const struct json *v, unsigned depth);

/* There may be others, who may oppose. */
static void whose_unread(struct whose *k)
{
    k->f->many = k->f->crowd = true;
}

static int whose_body(struct whose *k, struct str text, unsigned depth)
{
    struct door_facts more;
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, text, NULL, NULL);
    if (err)
        return err;
    door_facts(json_root(doc), k->d, &more);
    if (k->labelled && !depth) /* told of a model, while nobody stands for it */
        k->f->machine = k->f->machine || more.machine;
    door_facts_add(k->f, &more);
    if (more.follow && !more.patients) {
        if (depth < WHOSE_DEPTH)
            err = whose_through(k, json_root(doc), depth + 1);
        else if (!k->written)
            k->f->many = true;
    }
    json_free(doc);
    return err;
}

/* Its newest version with a body: a deletion takes nothing from whom it was about. */
static int whose_read(struct whose *k, struct str type, struct str id, struct buf *text)
{
    struct eds_meta m = {.ver = 0};
    int err = eds_get(k->v, type, id, 0, text, &m);
    if (!err && m.gone && !m.erased && m.ver > 1)
        err = eds_get(k->v, type, id, m.ver - 1, text, NULL);
    return !err && !text->n ? AM_E_NOTFOUND : err;
}

static int whose_reference(struct whose *k, struct str ref, unsigned depth)
{
    struct str rest, type, id;
    struct buf text;
    int err;
    type = str_cut(door_below(k->d, ref), '/', &rest);
    id = str_cut(rest, '/', &rest);
    if (!door_follows(type, id) || str_eqc(type, "Patient"))
        return AM_OK;
    /* Of those who are found, each is asked, whoever else is not. */
    if (k->reads++ == WHOSE_READS) {
        k->reads = WHOSE_READS;
        if (!k->written)
            whose_unread(k);
        return AM_OK;
    }
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = whose_read(k, type, id, &text);
    if (!err)
        err = whose_body(k, buf_str(&text), depth);
    else if (err == AM_E_NOTFOUND) {
        k->f->many = k->f->many || !k->written;
        err = AM_OK;
    }
    buf_release(&text);
    return err;
}

static int whose_through(struct whose *k, const struct json *v, unsigned depth)
{
    int err = AM_OK;
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return AM_OK;
    for (json_each(it, v)) {
        if (err)
            break;
        if (json_type(it.val) != JSON_STRING)
            err = whose_through(k, it.val, depth);
        else if (str_eqc(it.key, "reference"))
            err = whose_reference(k, json_str(it.val), depth);
    }
    return err;
}

/* ---- a Binary ---- */
/* The documents that name it by that address: all of them count, so that nobody comes to
 * it by a document of his own. */
static int whose_files(struct whose *k, struct str address, struct str id, size_t *found)
{
    char url[REST_FORMER + EDS_ID_MAX + 16];
    struct str type = STR("DocumentReference");
    int64_t rid[WHOSE_FILES];
    size_t n = 0;
    uint64_t term;
    int err;
    snprintf(url, sizeof url, "%.*s%sBinary/%.*s", STR_FMT(address), address.n ? "/" : "",
             STR_FMT(id));
    term =
        fhir_term_hash(eds_row_key(k->d->eds), fhir_param_number(type, STR("location")),
                       FHIR_TERM_URI, str_c(url), STR_NULL);
    err = eds_tok(k->v, term, INT64_MAX, WHOSE_FILES, rid, &n);
    if (n == WHOSE_FILES)
        whose_unread(k);
    for (size_t i = 0; i < n && !err; i++) {
        struct buf text;
        buf_init(&text, 2 * EDS_BODY_MAX);
        err = eds_fetch(k->v, rid[i], &text, NULL);
        if (!err)
            err = whose_body(k, buf_str(&text), 0);
        buf_release(&text);
    }
    *found += n;
    return err;
}

static int whose_binary(struct whose *k, struct str id)
{
    struct str left = str_c(k->d->former), base = str_c(k->d->base);
    size_t found = 0;
    int err = whose_files(k, STR_NULL, id, &found);
    if (!err && base.n)
        err = whose_files(k, base, id, &found);
    while (!err && left.n)
        err = whose_files(k, str_cut(left, ' ', &left), id, &found);
    if (!found)
        k->f->many = true;
    return err;
}

/* ---- any ---- */
struct whose_own {
    struct whose k;
    const struct json *resource;
};

static int whose_all(struct whose *k, const struct json *resource)
{
    struct str type = str_c(k->f->type);
    int err;
    k->labelled = str_eqc(type, "Provenance") && door_tagged(resource);
    if (str_eqc(type, "Provenance"))
        return whose_through(k, json_get(resource, "target"), 0);
    err = whose_through(k, resource, 0);
    /* A securityContext that leads to nobody (a house, words) says no more than none.
     * What is about to be written has no document yet. */
    if (!err && str_eqc(type, "Binary") && !k->f->patients && !k->f->many &&
        !k->written) {
        err = whose_binary(k, json_get_str(resource, "id"));
        k->f->many = k->f->many || !k->f->patients;
    }
    return err;
}

static int whose_view(struct eds_view *v, void *arg)
{
    struct whose_own *o = arg;
    o->k.v = v;
    return whose_all(&o->k, o->resource);
}

int door_whose(const struct door *d, struct eds_view *v, const struct json *resource,
               struct door_facts *f)
{
    struct whose_own o = {{.d = d, .v = v, .f = f, .written = !v}, resource};
    if (!f->follow)
        return AM_OK;
    return v ? whose_all(&o.k, resource) : eds_view(d->eds, whose_view, &o);
}
