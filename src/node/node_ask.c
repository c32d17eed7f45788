/* SPDX-License-Identifier: Apache-2.0 */
/* What a request may look like: a member nobody knows is more often a mistake than a
 * wish, so it is refused with its place instead of being passed over. */
#include "node/node_priv.h"

static const char *node_type_name(enum json_type t)
{
    static const char *const name[] = {"",         "null",     "a boolean", "a number",
                                       "a string", "an array", "an object"};
    return name[t];
}

static void node_member_bad(struct diag *d, struct str name, const char *code,
                            const char *detail)
{
    struct buf path;
    size_t n = AM_MIN(name.n, 100u);
    while (n && n < name.n && ((unsigned char)name.p[n] & 0xc0) == 0x80)
        n--; /* not in the middle of a character */
    buf_init(&path, 4096);
    if (json_pointer_add(&path, str_sub(name, 0, n)))
        buf_clear(&path);
    diag_err(d, path.n ? path.p : "", code, "%s", detail);
    buf_release(&path);
}

static void node_check_member(struct str name, const struct json *v,
                              const struct node_member *m, struct diag *d)
{
    if (json_type(v) != m->type) {
        node_member_bad(d, name, "schema.type", node_type_name(m->type));
        diag_arg(d, "expected", node_type_name(m->type));
    } else if (m->type == JSON_STRING && m->required && !json_str(v).n) {
        node_member_bad(d, name, "schema.minLength", "it is empty");
    } else if (m->max && json_str(v).n > m->max) {
        node_member_bad(d, name, "schema.maxLength", "too long");
    }
}

int node_members(const struct json *v, const struct node_member *m, size_t n,
                 struct diag *d)
{
    size_t before = d->errors;
    if (json_type(v) != JSON_OBJECT) {
        diag_err(d, "", "schema.type", "an object is expected");
        return AM_E_INVALID;
    }
    for (json_each(it, v)) {
        size_t i = 0;
        while (i < n && !str_eqc(it.key, m[i].name))
            i++;
        if (i == n)
            node_member_bad(d, it.key, "schema.additionalProperties",
                            "this member is not known here");
        else
            node_check_member(it.key, it.val, &m[i], d);
    }
    for (size_t i = 0; i < n; i++)
        if (m[i].required && !json_get(v, m[i].name))
            node_member_bad(d, str_c(m[i].name), "schema.required", "it is needed");
    return d->errors > before ? AM_E_INVALID : AM_OK;
}

bool node_code_ok(struct str s)
{
    static const char first[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
    if (!s.n || s.n > 63 || (s.p[0] && strchr("._:-", s.p[0])))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!s.p[i] || !strchr(first, s.p[i]))
            return false;
    return true;
}
