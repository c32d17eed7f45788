/* SPDX-License-Identifier: Apache-2.0 */
/* Two versions side by side: only what changed, in words, by the titles of the schema. */
#include "web/web_site_form.h"

enum { DIFF_SHOWN = 300 };

struct diff_page {
    struct web_visit *v;
    const struct json *root; /* the schema of both records */
    size_t n;
};

/* "Intended use › Text": titles along the pointer; an index or a name as it is. */
static int diff_title(struct buf *b, struct web_visit *v, const struct json *root,
                      struct str path)
{
    const struct json *schema = root;
    bool first = true;
    int err = AM_OK;
    for (struct str rest = str_sub(path, 1, path.n); rest.n && !err; first = false) {
        struct str key = str_cut(rest, '/', &rest);
        struct str words;
        schema = web_schema_child(root, schema, key);
        words = web_schema_words(v->l, root, schema, "x-title");
        if (!first)
            err = buf_adds(b, " \xe2\x80\xba ");
        if (!err)
            err = buf_add(b, words.n ? words : key);
    }
    return err;
}

/* The word for a code of a decision: its level, its outcome. */
static bool diff_coded(struct web_visit *v, const char *key, const struct json *x)
{
    static const char *const family[][2] = {{"label_level", "level."},
                                            {"requested_level", "level."},
                                            {"outcome", "outcome."},
                                            {"outcome_computed", "outcome."}};
    char id[WEB_ID_MAX];
    struct str s = json_str(x);
    for (size_t i = 0; i < AM_LEN(family); i++) {
        snprintf(id, sizeof id, "%s%.*s", family[i][1], (int)AM_MIN(s.n, 40),
                 s.n ? s.p : "");
        if (strcmp(key, family[i][0]) != 0 || !text_has(v->l, id))
            continue;
        jw_kstr(&v->w, "text", text_get(v->l, id));
        return true;
    }
    return false;
}

static void diff_side(struct web_visit *v, const char *name, struct str key,
                      const struct json *x)
{
    char last[64];
    snprintf(last, sizeof last, "%.*s", (int)AM_MIN(key.n, sizeof last - 1), key.p);
    jw_key(&v->w, name);
    jw_obj(&v->w);
    if (x && !diff_coded(v, last, x))
        web_value(&v->w, v->l, last, x, 2);
    else if (!x)
        jw_kstr(&v->w, "text", text_get(v->l, "diff.absent"));
    jw_obj_end(&v->w);
}

static int diff_one(void *arg, struct str path, const struct json *a,
                    const struct json *b)
{
    struct diff_page *p = arg;
    struct web_visit *v = p->v;
    struct str key = path;
    struct buf title;
    int err;
    if (++p->n > DIFF_SHOWN)
        return AM_OK;
    for (struct str rest = path; rest.n;)
        key = str_cut(rest, '/', &rest);
    buf_init(&title, 4096);
    err = diff_title(&title, v, p->root, path);
    jw_obj(&v->w);
    if (!err)
        jw_kstr(&v->w, "label", buf_str(&title));
    diff_side(v, "before", key, a);
    diff_side(v, "after", key, b);
    jw_obj_end(&v->w);
    buf_release(&title);
    return err;
}

int web_changes(struct web_visit *v, const struct json *schema, const struct json *before,
                const struct json *after, size_t *n)
{
    struct diff_page p = {.v = v, .root = schema};
    jw_key(&v->w, "changes");
    jw_arr(&v->w);
    int err = registry_diff(before, after, diff_one, &p);
    jw_arr_end(&v->w);
    jw_kint(&v->w, "n", (int64_t)p.n);
    jw_kbool(&v->w, "more", p.n > DIFF_SHOWN);
    *n = p.n;
    return err;
}

static int diff_named(struct web_visit *v, const char *key, const struct json *record,
                      struct str digest)
{
    struct buf name;
    int err;
    buf_init(&name, 4096);
    err = web_model_name(&name, v->l, NULL, record);
    jw_key(&v->w, key);
    jw_obj(&v->w);
    jw_kstr(&v->w, "name", buf_str(&name));
    jw_kstr(&v->w, "digest", digest);
    jw_obj_end(&v->w);
    buf_release(&name);
    return err;
}

int web_page_diff(struct web_visit *v)
{
    struct registry *r = v->site->registry;
    struct json_doc *doc[2] = {NULL, NULL};
    struct str hex[2] = {v->arg2, v->arg}; /* older first: "what is new in this one" */
    const struct json *record[2] = {NULL, NULL};
    uint8_t digest[32];
    size_t n = 0;
    int err = AM_OK;
    for (size_t i = 0; i < 2 && !err; i++) {
        err = crypto_unhex(hex[i], digest, sizeof digest)
                  ? AM_E_NOTFOUND
                  : registry_declared(r, digest, &doc[i]);
        record[i] = json_get(json_root(doc[i]), "predicate");
    }
    if (!err) {
        web_open(v);
        err = diff_named(v, "older", record[0], hex[0]);
        if (!err)
            err = diff_named(v, "newer", record[1], hex[1]);
        if (!err)
            err = web_changes(v, json_root(v->site->schema_version), record[0], record[1],
                              &n);
    }
    if (!err)
        err = web_send(v, 200, "model_diff",
                       (struct web_page){.title = text_get(v->l, "diff.title"),
                                         .nav = "nav.register"});
    json_free(doc[0]);
    json_free(doc[1]);
    return err;
}
