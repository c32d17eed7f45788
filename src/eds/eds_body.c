/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a resource: two JSON objects, the rest of meta and the rest of the
 * resource, after the length of the first. resourceType, id, versionId and lastUpdated
 * are columns of the row. */
#include "base/clock.h"
#include "eds/eds_priv.h"

static bool eds_in(struct str key, const char *a, const char *b, const char *c)
{
    return str_eqc(key, a) || str_eqc(key, b) || str_eqc(key, c);
}

static int eds_members(struct buf *out, const struct json *v, const char *a,
                       const char *b, const char *c)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    for (json_each(it, v)) {
        if (eds_in(it.key, a, b, c))
            continue;
        jw_keyn(&w, it.key);
        jw_val(&w, it.val);
    }
    jw_obj_end(&w);
    return jw_done(&w);
}

static int eds_body_bad(struct diag *d, const char *path, const char *code,
                        const char *detail)
{
    diag_err(d, path, code, "%s", detail);
    return AM_E_INVALID;
}

int eds_body_split(struct buf *out, const struct json *resource, struct str type,
                   struct diag *d)
{
    const struct json *meta = json_get(resource, "meta");
    size_t at = out->n;
    char head[12];
    int err;
    if (json_type(resource) != JSON_OBJECT)
        return eds_body_bad(d, "", "eds.object", "a resource is a JSON object");
    if (!str_eq(json_get_str(resource, "resourceType"), type))
        return eds_body_bad(d, "/resourceType", "eds.type", "another type was announced");
    if (meta && json_type(meta) != JSON_OBJECT)
        return eds_body_bad(d, "/meta", "eds.object", "meta is a JSON object");
    err = buf_add(out, STR("0000000 "));
    if (!err)
        err = eds_members(out, meta, "versionId", "lastUpdated", "lastUpdated");
    if (!err) {
        snprintf(head, sizeof head, "%07zu ", (out->n - at - 8) % 10000000);
        memcpy(out->p + at, head, 8);
        err = eds_members(out, resource, "resourceType", "id", "meta");
    }
    if (!err && out->n - at > EDS_BODY_MAX)
        err = AM_E_TOOBIG;
    if (err && out->n > at)
        buf_cut(out, at);
    return err;
}

/* The members of "{...}", after a comma if there are any. */
static int eds_more(struct buf *out, struct str object)
{
    struct str inner;
    int err;
    if (object.n < 2)
        return AM_E_TAMPERED;
    inner = str_sub(object, 1, object.n - 1);
    err = inner.n ? buf_addc(out, ',') : AM_OK;
    return err ? err : buf_add(out, inner);
}

/* Where the rest of meta ends; AM_E_TAMPERED. */
static int eds_body_cut(struct str kept, struct str *meta, struct str *rest)
{
    int64_t n = 0;
    if (kept.n < 8 || str_int(str_sub(kept, 0, 7), 0, (int64_t)kept.n - 8, &n))
        return AM_E_TAMPERED;
    *meta = str_sub(kept, 8, 8 + (size_t)n);
    *rest = str_sub(kept, 8 + (size_t)n, kept.n);
    return AM_OK;
}

int eds_body_join(struct buf *out, struct str kept, const struct eds_meta *m)
{
    char at[TIME_TEXT], ver[24];
    struct str meta, rest;
    size_t old = out->n;
    int n, err = eds_body_cut(kept, &meta, &rest);
    if (err)
        return err;
    n = snprintf(ver, sizeof ver, "%lld", (long long)m->ver);
    const struct str head[] = {STR("{\"resourceType\":\""),
                               str_c(m->type),
                               STR("\",\"id\":\""),
                               str_c(m->id),
                               STR("\",\"meta\":{\"versionId\":\""),
                               {ver, (size_t)n},
                               STR("\",\"lastUpdated\":\""),
                               str_c(time_format(m->at, at)),
                               STR("\"")};
    for (size_t i = 0; i < AM_LEN(head) && !err; i++) /* told for each of a page */
        err = buf_add(out, head[i]);
    if (!err)
        err = eds_more(out, meta);
    if (!err)
        err = buf_addc(out, '}');
    if (!err)
        err = eds_more(out, rest);
    if (!err)
        err = buf_addc(out, '}');
    if (err && out->n > old)
        buf_cut(out, old);
    return err;
}

/* As its index rows are made: what does not depend on when it was written. */
int eds_body_index(struct buf *out, struct str kept, struct str type, struct str id)
{
    struct str meta, rest;
    int err = eds_body_cut(kept, &meta, &rest);
    if (!err)
        err = buf_addf(out, "{\"resourceType\":\"%.*s\",\"id\":\"%.*s\"", STR_FMT(type),
                       STR_FMT(id));
    if (!err && meta.n > 2)
        err = buf_adds(out, ",\"meta\":");
    if (!err && meta.n > 2)
        err = buf_add(out, meta);
    if (!err)
        err = eds_more(out, rest);
    return err ? err : buf_addc(out, '}');
}

int eds_parse(struct json_doc **out, struct str text)
{
    return json_parse(
        out, text, &(struct json_limits){.size_b = 2 * EDS_BODY_MAX, .raw_numbers = true},
        NULL);
}
