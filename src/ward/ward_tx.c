/* SPDX-License-Identifier: Apache-2.0 */
/* What a form writes: one transaction, each resource with the key of the form, and a
 * Provenance that says who entered them. */
#include "ward/ward_form_priv.h"

#include <string.h>

static void tx_urn(struct jw *w, const char *key, size_t i)
{
    jw_strf(w, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.4s%08zx", key, key + 8, key + 12, key + 16,
            key + 20, i);
}

static void tx_request(struct jw *w, const char *type, const char *url, const char *match)
{
    jw_key(w, "request");
    jw_obj(w);
    jw_kstrz(w, "method", url ? "PUT" : "POST");
    jw_kstrz(w, "url", url ? url : type);
    if (match && *match) {
        jw_key(w, "ifMatch");
        jw_strf(w, "W/\"%s\"", match);
    } else if (match) {
        jw_kstrz(w, "ifNoneMatch", "*");
    }
    jw_obj_end(w);
    jw_key(w, "resource");
    jw_obj(w);
    jw_kstrz(w, "resourceType", type);
}

void ward_tx_begin(struct ward_tx *t, const char *type)
{
    jw_obj(&t->w);
    jw_key(&t->w, "fullUrl");
    tx_urn(&t->w, t->e->key, t->n++);
    tx_request(&t->w, type, NULL, NULL);
    jw_key(&t->w, "identifier");
    jw_arr(&t->w);
    ward_tx_key(t);
    jw_arr_end(&t->w);
}

void ward_tx_key(struct ward_tx *t)
{
    jw_obj(&t->w);
    jw_kstrz(&t->w, "system", WARD_FORM_SYSTEM);
    jw_kstrz(&t->w, "value", t->e->key);
    jw_obj_end(&t->w);
}

void ward_tx_put(struct ward_tx *t, const char *type, const char *url, const char *match,
                 bool aside)
{
    jw_obj(&t->w);
    if (!aside) {
        jw_key(&t->w, "fullUrl");
        tx_urn(&t->w, t->e->key, t->n++);
    }
    tx_request(&t->w, type, url, match);
}

void ward_tx_copy(struct jw *w, const struct json *resource, const char *const *but)
{
    for (json_each(it, resource)) {
        struct str name = str_sub(it.key, str_starts(it.key, STR("_")) ? 1 : 0, it.key.n);
        bool left = str_eqc(name, "resourceType") || str_eqc(name, "meta");
        for (size_t i = 0; but[i]; i++)
            left = left || str_eqc(name, but[i]);
        if (left)
            continue;
        jw_keyn(w, it.key);
        jw_val(w, it.val);
    }
}

/* Those that were declared, and one more. */
static void tx_profiles(struct jw *w, const struct json *had, const char *more)
{
    if (!had && !more)
        return;
    jw_key(w, "profile");
    jw_arr(w);
    for (json_each(it, had)) {
        jw_val(w, it.val);
        if (more && json_str_is(it.val, more))
            more = NULL;
    }
    if (more)
        jw_strz(w, more);
    jw_arr_end(w);
}

void ward_tx_meta(struct ward_tx *t, const struct json *old, const char *profile)
{
    static const char *const ours[] = {"tag", "profile", NULL};
    const struct json *meta = json_get(old, "meta");
    char now[TIME_TEXT];
    struct str at =
        str_c(time_format(t->e->f.v->now - t->e->f.v->now % TIME_SECOND, now));
    jw_key(&t->w, "meta");
    jw_obj(&t->w);
    ward_tx_copy(&t->w, meta, ours);
    tx_profiles(&t->w, json_get(meta, "profile"), profile);
    jw_key(&t->w, "tag");
    jw_arr(&t->w);
    for (json_each(it, json_get(meta, "tag"))) {
        struct str code = json_get_str(it.val, "code");
        if (!json_str_is(json_get(it.val, "system"), WARD_MESSAGE))
            jw_val(&t->w, it.val);
        else if (str_cmp(code, at) > 0)
            at = code; /* a clock that was ahead */
    }
    jw_obj(&t->w);
    jw_kstrz(&t->w, "system", WARD_MESSAGE);
    jw_kstr(&t->w, "code", at);
    jw_obj_end(&t->w);
    jw_arr_end(&t->w);
    jw_obj_end(&t->w);
}

void ward_tx_end(struct ward_tx *t)
{
    jw_obj_end(&t->w);
    jw_obj_end(&t->w);
}

static void tx_reference(struct jw *w, const char *type, const char *id)
{
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "%s/%s", type, id);
    jw_obj_end(w);
}

void ward_tx_subject(struct ward_tx *t, const char *key)
{
    jw_key(&t->w, key);
    tx_reference(&t->w, "Patient", t->e->f.id);
}

void ward_tx_refer(struct ward_tx *t, size_t i)
{
    jw_obj(&t->w);
    jw_key(&t->w, "reference");
    tx_urn(&t->w, t->e->key, i);
    jw_obj_end(&t->w);
}

void ward_tx_self(struct ward_tx *t, const char *key)
{
    if (key)
        jw_key(&t->w, key);
    tx_reference(&t->w, "Practitioner", t->e->f.v->who.pseudonym);
}

void ward_tx_coded(struct jw *w, const char *key, const char *system, const char *code)
{
    if (key)
        jw_key(w, key);
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", system);
    jw_kstrz(w, "code", code);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

void ward_tx_measured(struct ward_tx *t, const char *category)
{
    jw_kstrz(&t->w, "status", "final");
    jw_key(&t->w, "category");
    jw_arr(&t->w);
    ward_tx_coded(&t->w, NULL,
                  "http://terminology.hl7.org/CodeSystem/observation-category", category);
    jw_arr_end(&t->w);
    ward_tx_subject(t, "subject");
    jw_key(&t->w, "performer");
    jw_arr(&t->w);
    tx_reference(&t->w, "Practitioner", t->e->f.v->who.pseudonym);
    jw_arr_end(&t->w);
}

void ward_tx_quantity(struct jw *w, const char *key, const char *number, const char *unit,
                      const char *ucum, const char *comparator)
{
    jw_key(w, key);
    jw_obj(w);
    jw_key(w, "value");
    jw_raw(w, str_c(number)); /* the decimals that were typed */
    if (comparator)
        jw_kstrz(w, "comparator", comparator);
    jw_kstrz(w, "unit", unit);
    jw_kstrz(w, "system", WARD_UCUM);
    jw_kstrz(w, "code", ucum);
    jw_obj_end(w);
}

static void tx_provenance(struct ward_tx *t)
{
    struct jw *w = &t->w;
    char at[TIME_TEXT];
    jw_obj(w);
    tx_request(w, "Provenance", NULL, NULL);
    jw_key(w, "target");
    jw_arr(w);
    for (size_t i = 0; i < t->n; i++) {
        jw_obj(w);
        jw_key(w, "reference");
        tx_urn(w, t->e->key, i);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kstrz(w, "recorded", time_format(t->e->f.v->now, at));
    ward_tx_coded(w, "activity", WARD_V3 "v3-DataOperation",
                  t->modifies ? "UPDATE" : "CREATE");
    jw_key(w, "agent");
    jw_arr(w);
    jw_obj(w);
    ward_tx_coded(w, "type", WARD_V3 "provenance-participant-type", "author");
    ward_tx_self(t, "who");
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
}

/* The version of the first thing that was written. */
static void tx_version(const struct json *reply, char version[WARD_ID + 1])
{
    struct str etag =
        json_get_str(json_get(json_at(json_get(reply, "entry"), 0), "response"), "etag");
    if (str_starts(etag, STR("W/\"")) && etag.n > 4)
        etag = str_sub(etag, 3, etag.n - 1);
    snprintf(version, WARD_ID + 1, "%.*s", STR_FMT(etag));
}

int ward_tx_run(struct ward_entry *e,
                void (*write)(struct ward_entry *e, struct ward_tx *t),
                char version[WARD_ID + 1])
{
    struct ward_tx t = {.e = e};
    struct ward_reply r = {0};
    struct buf b;
    int err;
    buf_init(&b, WARD_FORM_BODY);
    jw_init(&t.w, &b);
    jw_obj(&t.w);
    jw_kstrz(&t.w, "resourceType", "Bundle");
    jw_kstrz(&t.w, "type", "transaction");
    jw_key(&t.w, "entry");
    jw_arr(&t.w);
    write(e, &t);
    tx_provenance(&t);
    jw_arr_end(&t.w);
    jw_obj_end(&t.w);
    err = jw_done(&t.w);
    if (!err)
        err = ward_file_ask(
            &e->f,
            (struct ward_call){.method = REST_POST, .path = "/", .body = buf_str(&b)},
            &r);
    if (!err && version)
        tx_version(r.root, version);
    ward_reply_release(&r);
    buf_release(&b);
    return err;
}

int ward_tx_send(struct ward_entry *e)
{
    return ward_tx_run(e, e->form->write, NULL);
}

int ward_tx_find(struct ward_entry *e, struct ward_reply *out)
{
    char path[64], query[200];
    snprintf(path, sizeof path, "/%s", e->form->type);
    snprintf(query, sizeof query,
             "identifier=" WARD_FORM_SYSTEM "%%7C%s&patient=Patient/%s", e->key, e->f.id);
    return ward_file_ask(&e->f, (struct ward_call){.path = path, .query = query}, out);
}

int ward_change_there(struct ward_entry *e, bool *there)
{
    (void)e;
    *there = false;
    return AM_OK;
}
