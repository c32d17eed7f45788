/* SPDX-License-Identifier: Apache-2.0 */
/* Resources of a Bundle into one group. Every text that is exactly the fullUrl of an
 * entry becomes Type/id of that entry, as the specification asks of a transaction. */
#include "eds/eds_priv.h"

struct eds_entry_of {
    struct str type, full_url;
    char id[EDS_ID_MAX + 1];
    char *target; /* "Type/id" */
    const struct json *resource;
};
struct eds_bundling {
    struct eds_group *g;
    enum eds_ids ids;
    struct arena a;
    struct eds_entry_of *entry;
    size_t n;
    struct map by_url;
    struct buf text;
};

static int eds_entry_bad(struct diag *d, size_t i, const char *code, const char *detail)
{
    char path[64];
    snprintf(path, sizeof path, "/entry/%zu", i);
    diag_err(d, path, code, "%s", detail);
    return AM_E_INVALID;
}

/* The id an entry brings: of the resource, or of its urn:uuid. */
static struct str eds_entry_id(const struct eds_entry_of *x)
{
    struct str id = json_get_str(x->resource, "id");
    if (!id.n && str_starts(x->full_url, STR("urn:uuid:")))
        id = str_sub(x->full_url, 9, x->full_url.n);
    return id;
}

static int eds_entry_read(struct eds_bundling *b, const struct json *v, size_t i,
                          struct diag *d)
{
    struct eds_entry_of *x = &b->entry[i];
    struct str id;
    int err = AM_OK;
    x->resource = json_get(v, "resource");
    x->type = json_get_str(x->resource, "resourceType");
    x->full_url = json_get_str(v, "fullUrl");
    if (!x->type.n)
        return eds_entry_bad(d, i, "eds.object", "an entry without a resource");
    id = b->ids == EDS_IDS_KEPT ? eds_entry_id(x) : STR_NULL;
    if (!id.n)
        err = eds_new_id(x->id);
    else if (!eds_id_ok(id))
        return eds_entry_bad(d, i, "eds.id", "an id is 1 to 64 of A-Z a-z 0-9 - .");
    else
        memcpy(x->id, id.p, id.n);
    if (err)
        return err;
    x->target = arena_printf(&b->a, "%.*s/%s", STR_FMT(x->type), x->id);
    if (!x->target)
        return AM_E_NOMEM;
    if (x->full_url.n && map_has(&b->by_url, x->full_url))
        return eds_entry_bad(d, i, "eds.twice", "two entries with one fullUrl");
    return x->full_url.n ? map_set(&b->by_url, x->full_url, i) : AM_OK;
}

/* ---- writing it again, addresses resolved ---- */
static void eds_again(struct eds_bundling *b, struct jw *w, const struct json *v)
{
    struct str s;
    size_t i;
    switch (json_type(v)) {
    case JSON_OBJECT:
        jw_obj(w);
        for (json_each(it, v)) {
            jw_keyn(w, it.key);
            eds_again(b, w, it.val);
        }
        jw_obj_end(w);
        break;
    case JSON_ARRAY:
        jw_arr(w);
        for (json_each(it, v))
            eds_again(b, w, it.val);
        jw_arr_end(w);
        break;
    case JSON_STRING:
        s = json_str(v);
        if (memchr(s.p, ':', s.n) && !map_get(&b->by_url, s, &i))
            s = str_c(b->entry[i].target);
        jw_str(w, s);
        break;
    default:
        jw_val(w, v);
    }
}

static int eds_entry_put(struct eds_bundling *b, size_t i, struct diag *d)
{
    struct eds_entry_of *x = &b->entry[i];
    struct eds_ask ask = {.verb = EDS_CREATE,
                          .type = x->type,
                          .id = str_c(x->id),
                          .keep = b->ids == EDS_IDS_KEPT,
                          .fresh = b->ids == EDS_IDS_GIVEN};
    struct json_doc *doc = NULL;
    struct diag own;
    char at[64];
    struct jw w;
    int err;
    buf_clear(&b->text);
    jw_init(&w, &b->text);
    eds_again(b, &w, x->resource);
    err = jw_done(&w);
    if (!err)
        err = eds_parse(&doc, buf_str(&b->text));
    diag_init(&own);
    ask.body = json_root(doc);
    if (!err)
        err = eds_put(b->g, &ask, &own);
    snprintf(at, sizeof at, "/entry/%zu/resource", i);
    if (d)
        diag_merge(d, &own, at);
    diag_release(&own);
    json_free(doc);
    return err;
}

int eds_put_bundle(struct eds_group *g, const struct json *bundle, enum eds_ids ids,
                   struct diag *d)
{
    const struct json *entries = json_get(bundle, "entry");
    struct eds_bundling b = {.g = g, .ids = ids, .n = json_size(entries)};
    int err = AM_OK;
    if (!json_str_is(json_get(bundle, "resourceType"), "Bundle"))
        return eds_entry_bad(d, 0, "eds.type", "not a Bundle");
    if (b.n > EDS_GROUP_MAX)
        return AM_E_TOOBIG;
    arena_init(&b.a, 256 << 20);
    map_init(&b.by_url);
    buf_init(&b.text, 2 * EDS_BODY_MAX);
    b.entry = arena_alloc(&b.a, b.n + 1, sizeof *b.entry);
    if (!b.entry)
        err = AM_E_NOMEM;
    for (json_each(it, entries)) {
        if (err)
            break;
        err = eds_entry_read(&b, it.val, it.i, d);
    }
    for (size_t i = 0; i < b.n && !err; i++)
        err = eds_entry_put(&b, i, d);
    map_release(&b.by_url);
    buf_release(&b.text);
    arena_release(&b.a);
    return err;
}
