/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a text names. Bodies are JSON as we write it: no blanks, and a quote within a text
 * has a backslash before it. So these bytes are nothing but the member. */
#include "eds/eds_erase_priv.h"
#include "fhir/param.h"

static int named_member(struct str text, const char *member, eds_named_fn *fn, void *arg)
{
    const char *end = text.p + text.n, *p = text.p, *q;
    size_t n = strlen(member);
    int err = AM_OK;
    while (!err && p && p < end &&
           (p = memmem(p, (size_t)(end - p), member, n)) != NULL) {
        p += n;
        q = memchr(p, '"', (size_t)(end - p));
        if (!q)
            return AM_E_TAMPERED;
        err = fn(arg, (struct str){p, (size_t)(q - p)});
        p = q;
    }
    return err;
}

int eds_named(struct str text, eds_named_fn *fn, void *arg)
{
    int err = named_member(text, "\"reference\":\"", fn, arg);
    return err ? err : named_member(text, "\"url\":\"", fn, arg);
}

struct str eds_named_as(struct str reference, bool *by_address)
{
    struct str version, name;
    size_t at, cuts = 0;
    *by_address = reference.n && memmem(reference.p, reference.n, "://", 3);
    if (*by_address)
        reference = str_sub(reference, 0,
                            AM_MIN(str_find(reference, '?'), str_find(reference, '#')));
    name = fhir_reference_name(reference, STR_NULL, &version);
    if (!*by_address)
        return name;
    for (at = name.n; at && cuts < 2;)
        cuts += name.p[--at] == '/';
    return cuts == 2 ? str_sub(name, at + 1, name.n) : STR_NULL;
}

bool eds_must_be_kept(const struct json *resource)
{
    bool yes = false;
    for (json_each(t, json_get(json_get(resource, "meta"), "tag")))
        yes = yes || json_str_is(json_get(t.val, "system"), EDS_RETENTION);
    return yes;
}

/* ---- a text that tells who ---- */
enum { NAMED_LEAST = 3 }; /* bytes: shorter ones are found in any text */

static bool named_in(struct str text, struct str part)
{
    if (part.n < NAMED_LEAST)
        return false;
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (str_eq_nocase(str_sub(text, i, i + part.n), part))
            return true;
    return false;
}

bool eds_names_him(const struct json *patient, struct str text)
{
    bool has = named_in(text, json_get_str(patient, "id"));
    for (json_each(n, json_get(patient, "name"))) {
        has = has || named_in(text, json_get_str(n.val, "family")) ||
              named_in(text, json_get_str(n.val, "text"));
        for (json_each(g, json_get(n.val, "given")))
            has = has || named_in(text, json_str(g.val));
    }
    for (json_each(i, json_get(patient, "identifier")))
        has = has || named_in(text, json_get_str(i.val, "value"));
    return has;
}
