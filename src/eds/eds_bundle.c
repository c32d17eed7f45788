/* SPDX-License-Identifier: Apache-2.0 */
/* The resources of a Bundle, and all of them into one group. What names another entry
 * becomes Type/id of that entry, as the specification asks of a transaction. */
#include "eds/eds_priv.h"

struct eds_entry_of {
    struct str type, full_url;
    char id[EDS_ID_MAX + 1];
    char *target; /* "Type/id" */
    const char *wrong;
    const struct json *resource;
};
struct eds_bundling {
    eds_name_fn *name;
    eds_bundled_fn *fn;
    void *arg;
    struct arena a;
    struct eds_entry_of *entry;
    size_t n;
    struct map by_url;
    struct buf text;
};

static int eds_entry_read(struct eds_bundling *b, const struct json *v, size_t i)
{
    struct eds_entry_of *x = &b->entry[i];
    int err;
    x->resource = json_get(v, "resource");
    x->type = json_get_str(x->resource, "resourceType");
    x->full_url = json_get_str(v, "fullUrl");
    if (!x->type.n) {
        x->wrong = "eds.object";
        return AM_OK;
    }
    err = b->name(b->arg, i, x->resource, x->full_url, x->id);
    if (err == AM_E_INVALID)
        x->wrong = "eds.id";
    else if (x->full_url.n && map_has(&b->by_url, x->full_url))
        x->wrong = "eds.twice";
    if (x->wrong || err)
        return x->wrong ? AM_OK : err;
    x->target = arena_printf(&b->a, "%.*s/%s", STR_FMT(x->type), x->id);
    if (!x->target)
        return AM_E_NOMEM;
    return x->full_url.n ? map_set(&b->by_url, x->full_url, i) : AM_OK;
}

/* ---- writing it again, addresses resolved ---- */
static const char *eds_entry_at(void *arg, struct str url)
{
    const struct eds_bundling *b = arg;
    size_t i;
    return map_get(&b->by_url, url, &i) ? NULL : b->entry[i].target;
}

static int eds_entry_tell(struct eds_bundling *b, size_t i)
{
    const struct eds_entry_of *x = &b->entry[i];
    struct eds_bundled out = {.i = i, .type = x->type, .id = str_c(x->id)};
    struct eds_links links = {
        .find = eds_entry_at, .arg = b, .arena = &b->a, .from = x->full_url};
    struct json_doc *doc = NULL;
    struct jw w;
    int err;
    out.wrong = x->wrong;
    out.resource = x->resource;
    if (!x->resource)
        return b->fn(b->arg, &out);
    buf_clear(&b->text);
    jw_init(&w, &b->text);
    jw_val_texts(&w, x->resource, eds_linked, &links);
    err = links.failed ? AM_E_NOMEM : jw_done(&w);
    if (!err)
        err = eds_parse(&doc, buf_str(&b->text));
    if (err == AM_E_TOOBIG) { /* told as it came */
        out.wrong = "eds.size";
        err = AM_OK;
    } else {
        out.resource = json_root(doc);
    }
    if (!err)
        err = b->fn(b->arg, &out);
    json_free(doc);
    return err;
}

int eds_bundle(const struct json *bundle, eds_name_fn *name, eds_bundled_fn *fn,
               void *arg)
{
    const struct json *entries = json_get(bundle, "entry");
    struct eds_bundling b = {.name = name, .fn = fn, .arg = arg, .n = json_size(entries)};
    int err = AM_OK;
    arena_init(&b.a, 256 << 20);
    map_init(&b.by_url);
    buf_init(&b.text, 2 * EDS_BODY_MAX);
    b.entry = arena_alloc(&b.a, b.n + 1, sizeof *b.entry);
    if (!b.entry)
        err = AM_E_NOMEM;
    for (json_each(it, entries)) {
        if (err)
            break;
        err = eds_entry_read(&b, it.val, it.i);
    }
    for (size_t i = 0; i < b.n && !err; i++)
        err = eds_entry_tell(&b, i);
    map_release(&b.by_url);
    buf_release(&b.text);
    arena_release(&b.a);
    return err;
}

/* ---- all of them ---- */
struct eds_bundle_all {
    struct eds_group *g;
    enum eds_ids ids;
    struct diag *d;
};

static int eds_entry_bad(struct diag *d, size_t i, const char *code, const char *detail)
{
    char path[64];
    snprintf(path, sizeof path, "/entry/%zu", i);
    diag_err(d, path, code, "%s", detail);
    return AM_E_INVALID;
}

static const char *eds_entry_why(const char *wrong)
{
    static const struct {
        const char *code, *why;
    } why[] = {{"eds.object", "an entry without a resource"},
               {"eds.id", "an id is 1 to 64 of A-Z a-z 0-9 - ."},
               {"eds.twice", "two entries with one fullUrl"},
               {"eds.size", "a resource has at most 16 MiB"}};
    size_t i = 0;
    while (i + 1 < AM_LEN(why) && strcmp(why[i].code, wrong) != 0)
        i++;
    return why[i].why;
}

/* The id an entry brings: of the resource, or of its urn:uuid; else a new one. */
static int eds_entry_name(void *arg, size_t i, const struct json *resource,
                          struct str full_url, char out[EDS_ID_MAX + 1])
{
    const struct eds_bundle_all *all = arg;
    struct str id = all->ids == EDS_IDS_KEPT ? json_get_str(resource, "id") : STR_NULL;
    (void)i;
    if (all->ids == EDS_IDS_KEPT && !id.n && str_starts(full_url, STR("urn:uuid:")))
        id = str_sub(full_url, 9, full_url.n);
    if (!id.n)
        return eds_new_id(out);
    if (!eds_id_ok(id))
        return AM_E_INVALID;
    snprintf(out, EDS_ID_MAX + 1, "%.*s", STR_FMT(id));
    return AM_OK;
}

static int eds_entry_put(void *arg, const struct eds_bundled *x)
{
    const struct eds_bundle_all *all = arg;
    struct eds_ask ask = {.verb = EDS_CREATE,
                          .type = x->type,
                          .id = x->id,
                          .body = x->resource,
                          .keep = all->ids == EDS_IDS_KEPT,
                          .fresh = all->ids == EDS_IDS_GIVEN};
    struct diag own;
    char at[64];
    int err;
    if (x->wrong)
        return eds_entry_bad(all->d, x->i, x->wrong, eds_entry_why(x->wrong));
    diag_init(&own);
    err = eds_put(all->g, &ask, &own);
    snprintf(at, sizeof at, "/entry/%zu/resource", x->i);
    if (all->d)
        diag_merge(all->d, &own, at);
    diag_release(&own);
    return err;
}

int eds_put_bundle(struct eds_group *g, const struct json *bundle, enum eds_ids ids,
                   struct diag *d)
{
    struct eds_bundle_all all = {g, ids, d};
    if (!json_str_is(json_get(bundle, "resourceType"), "Bundle"))
        return eds_entry_bad(d, 0, "eds.type", "not a Bundle");
    if (json_size(json_get(bundle, "entry")) > EDS_GROUP_MAX)
        return AM_E_TOOBIG;
    return eds_bundle(bundle, eds_entry_name, eds_entry_put, &all);
}
