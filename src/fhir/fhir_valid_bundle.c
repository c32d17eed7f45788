/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles: what its kind asks of every entry (bdl-1 to bdl-12), addresses against
 * identities, links, and what a document's Composition names. */
#include "fhir/fhir_valid_priv.h"

static bool is_one_of(struct str type, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eqc(type, list[i]))
            return true;
    return false;
}

struct bundle {
    struct fhir_walk *w;
    const struct fhir_at *at;
    const struct fhir_type *type;
    struct str kind;
};

static void broken(const struct bundle *b, const struct fhir_at *at, const char *key)
{
    fhir_valid_broken_key(b->w, at, b->type, key);
}

/* Does an absolute address end in that type and id? Others say nothing. */
static bool agrees(struct str url, struct str type, struct str id)
{
    struct str rest = url, last = STR_NULL, before = STR_NULL;
    if (str_starts(url, STR("urn:uuid:")))
        return !id.n || str_eq(str_sub(url, 9, url.n), id) || id.n != 36;
    if (!str_starts(url, STR("http")))
        return true;
    while (rest.n) {
        before = last;
        last = str_cut(rest, '/', &rest);
    }
    if (!fhir_is_resource(before))
        return true;
    return str_eq(before, type) && str_eq(last, id);
}

static void address(const struct bundle *b, const struct fhir_at *at,
                    const struct json *entry)
{
    const struct json *r = json_get(entry, "resource");
    struct str url = json_get_str(entry, "fullUrl");
    if (!url.n)
        return;
    for (size_t i = 0; i + 10 <= url.n; i++)
        if (memcmp(url.p + i, "/_history/", 10) == 0) {
            fhir_valid_broken_key(b->w, at, fhir_type_find(STR("Bundle.entry")), "bdl-8");
            return;
        }
    if (!str_find(url, ':') || str_find(url, ':') == url.n)
        fhir_valid_say(b->w, DIAG_ERROR, at, "fullUrl", "fhir.full_url", "found", url);
    else if (r && !agrees(url, json_get_str(r, "resourceType"), json_get_str(r, "id")) &&
             !str_starts(url, STR("urn:")))
        fhir_valid_say(b->w, DIAG_ERROR, at, "fullUrl", "fhir.full_url_id", "found", url);
}

static void entries(const struct bundle *b, const struct json *v)
{
    static const char *const asked[] = {"batch", "transaction", "history"},
                             *const answered[] = {"batch-response",
                                                  "transaction-response", "history"};
    bool request = is_one_of(b->kind, asked, 3),
         response = is_one_of(b->kind, answered, 3);
    bool search = str_eqc(b->kind, "searchset"), mixed = false, odd = false;
    bool answer = false;
    struct fhir_at list = {b->at, STR("entry"), 0};
    for (json_each(it, json_get(v, "entry"))) {
        struct fhir_at here = {&list, STR_NULL, it.i};
        mixed |= (json_get(it.val, "request") != NULL) != request;
        answer |= (json_get(it.val, "response") != NULL) != response;
        odd |= json_get(it.val, "search") && !search;
        address(b, &here, it.val);
    }
    if (mixed)
        broken(b, b->at, "bdl-3");
    if (answer)
        broken(b, b->at, "bdl-4");
    if (odd)
        broken(b, b->at, "bdl-2");
    if (json_get(v, "total") && !search && !str_eqc(b->kind, "history"))
        broken(b, b->at, "bdl-1");
}

/* One entry as others name it. */
struct named {
    struct str url, version, type, id;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int c = str_cmp(x->url, y->url);
    return c ? c : str_cmp(x->version, y->version);
}

/* All fullUrls, sorted; bdl-7 on the way. */
static struct named *names(const struct bundle *b, const struct json *v, size_t *n)
{
    const struct json *list = json_get(v, "entry");
    struct named *all = am_calloc(json_size(list) + 1, sizeof *all);
    bool twice = false;
    *n = 0;
    if (!all) {
        b->w->err = AM_E_NOMEM;
        return NULL;
    }
    for (json_each(it, list)) {
        const struct json *r = json_get(it.val, "resource");
        struct named one = {json_get_str(it.val, "fullUrl"),
                            json_get_str(json_get(r, "meta"), "versionId"),
                            json_get_str(r, "resourceType"), json_get_str(r, "id")};
        if (one.url.n)
            all[(*n)++] = one;
    }
    qsort(all, *n, sizeof *all, by_name);
    for (size_t i = 1; i < *n; i++)
        twice |= by_name(&all[i - 1], &all[i]) == 0;
    if (twice && !str_eqc(b->kind, "history"))
        broken(b, b->at, "bdl-7");
    return all;
}

/* Is the address there, in that version (STR_NULL: any)? */
static bool there(const struct named *all, size_t n, struct str url, struct str version)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (str_cmp(all[mid].url, url) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < n && str_eq(all[lo].url, url); lo++)
        if (!version.n || str_eq(all[lo].version, version))
            return true;
    return false;
}

struct document {
    const struct bundle *b;
    const struct named *all;
    size_t n;
    struct str base; /* of the Composition's fullUrl, with its last slash */
};

/* What a document's Composition names is in the document. */
static void included(const struct document *d, const struct fhir_at *at,
                     const struct json *reference)
{
    struct str ref = json_get_str(reference, "reference"), version = STR_NULL, bare = ref;
    struct buf url;
    bool found = false;
    for (size_t i = 0; i + 10 <= ref.n; i++)
        if (memcmp(ref.p + i, "/_history/", 10) == 0) {
            bare = str_sub(ref, 0, i);
            version = str_sub(ref, i + 10, ref.n);
        }
    if (!ref.n || ref.p[0] == '#')
        return;
    buf_init(&url, 1 << 16);
    if (str_find(bare, ':') < bare.n)
        found = there(d->all, d->n, bare, version);
    else if (d->base.n && !buf_add(&url, d->base) && !buf_add(&url, bare))
        found = there(d->all, d->n, buf_str(&url), version);
    buf_release(&url);
    if (!found)
        fhir_valid_say(d->b->w, DIAG_ERROR, at, "reference", "fhir.not_included", "found",
                       ref);
}

static void each_included(const struct document *d, const struct fhir_at *at,
                          const struct json *o, const char *name)
{
    const struct json *v = json_get(o, name);
    struct fhir_at here = {at, str_c(name), 0};
    if (json_type(v) == JSON_OBJECT)
        included(d, &here, v);
    for (json_each(it, json_type(v) == JSON_ARRAY ? v : NULL)) {
        struct fhir_at item = {&here, STR_NULL, it.i};
        included(d, &item, it.val);
    }
}

static void sections(const struct document *d, const struct fhir_at *at,
                     const struct json *o, unsigned depth)
{
    struct fhir_at list = {at, STR("section"), 0};
    for (json_each(it, depth < V_DEPTH ? json_get(o, "section") : NULL)) {
        struct fhir_at here = {&list, STR_NULL, it.i};
        each_included(d, &here, it.val, "author");
        each_included(d, &here, it.val, "focus");
        each_included(d, &here, it.val, "entry");
        sections(d, &here, it.val, depth + 1);
    }
}

static void document(const struct bundle *b, const struct json *v,
                     const struct named *all, size_t n)
{
    const struct json *first = json_at(json_get(v, "entry"), 0), *c, *id;
    struct document d = {b, all, n, json_get_str(first, "fullUrl")};
    struct fhir_at list = {b->at, STR("entry"), 0}, one = {&list, STR_NULL, 0},
                   here = {&one, STR("resource"), 0};
    c = json_get(first, "resource");
    id = json_get(v, "identifier");
    if (!json_get(id, "system") || !json_get(id, "value"))
        broken(b, b->at, "bdl-9");
    if (!json_get(v, "timestamp"))
        broken(b, b->at, "bdl-10");
    if (!json_str_is(json_get(c, "resourceType"), "Composition")) {
        broken(b, b->at, "bdl-11");
        return;
    }
    for (int slashes = 0; d.base.n && slashes < 2; d.base.n -= slashes < 2)
        slashes += d.base.p[d.base.n - 1] == '/';
    if (!str_starts(d.base, STR("http")))
        d.base = STR_NULL;
    each_included(&d, &here, c, "subject");
    each_included(&d, &here, c, "encounter");
    each_included(&d, &here, c, "author");
    each_included(&d, &here, c, "custodian");
    sections(&d, &here, c, 0);
}

/* A page of results names each relation of links once. */
static void links(const struct bundle *b, const struct json *v)
{
    static const char *const once[] = {"self",     "first", "prev",
                                       "previous", "next",  "last"};
    size_t seen[AM_LEN(once)] = {0};
    for (json_each(it, json_get(v, "link")))
        for (size_t i = 0; i < AM_LEN(once); i++)
            if (str_eqc(json_get_str(it.val, "relation"), once[i]) && ++seen[i] == 2)
                fhir_valid_say(b->w, DIAG_ERROR, b->at, "link", "fhir.link_twice", "name",
                               str_c(once[i]));
}

void fhir_valid_bundle(struct fhir_walk *w, const struct fhir_at *at,
                       const struct json *v)
{
    static const struct str bundle = STR_INIT("Bundle");
    struct bundle b = {w, at, fhir_type_find(bundle), json_get_str(v, "type")};
    const struct json *first = json_at(json_get(v, "entry"), 0);
    size_t n;
    struct named *all = names(&b, v, &n);
    if (!all)
        return;
    entries(&b, v);
    links(&b, v);
    if (str_eqc(b.kind, "document"))
        document(&b, v, all, n);
    if (str_eqc(b.kind, "message") &&
        !json_str_is(json_get(json_get(first, "resource"), "resourceType"),
                     "MessageHeader"))
        broken(&b, at, "bdl-12");
    free(all);
}
