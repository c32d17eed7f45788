/* SPDX-License-Identifier: Apache-2.0 */
/* json_pointer -- RFC 6901: naming a place inside a document. */
#include "json/json_priv.h"

/* Next character of a token, ~0 and ~1 unescaped; -1 when malformed. */
static int json_token_char(struct str t, size_t *i)
{
    char c = t.p[(*i)++];
    if (c != '~')
        return (unsigned char)c;
    if (*i >= t.n)
        return -1;
    c = t.p[(*i)++];
    return c == '0' ? '~' : c == '1' ? '/' : -1;
}

static bool json_token_ok(struct str t)
{
    for (size_t i = 0; i < t.n;)
        if (json_token_char(t, &i) < 0)
            return false;
    return true;
}

static bool json_token_is(struct str t, struct str key)
{
    size_t k = 0;
    for (size_t i = 0; i < t.n; k++)
        if (k >= key.n || json_token_char(t, &i) != (unsigned char)key.p[k])
            return false;
    return k == key.n;
}

/* Section 4: digits without leading zero; "-" names the element after the last: nothing.
 */
static const struct json *json_token_at(const struct json *arr, struct str t)
{
    int64_t i;
    if (t.n == 0 || t.p[0] < '0' || t.p[0] > '9' || (t.p[0] == '0' && t.n > 1) ||
        str_int(t, 0, INT64_MAX, &i))
        return NULL;
    return json_at(arr, (size_t)i);
}

static const struct json *json_token_get(const struct json *v, struct str t)
{
    if (json_type(v) == JSON_ARRAY)
        return json_token_at(v, t);
    if (json_type(v) != JSON_OBJECT)
        return NULL;
    for (json_each(it, v))
        if (json_token_is(t, it.key))
            return it.val;
    return NULL;
}

const struct json *json_pointer(const struct json *root, struct str pointer)
{
    struct str rest = pointer;
    if (pointer.n == 0)
        return root;
    if (pointer.p[0] != '/')
        return NULL;
    rest = str_sub(rest, 1, rest.n);
    while (root) {
        struct str next, token = str_cut(rest, '/', &next);
        if (!json_token_ok(token))
            return NULL;
        root = json_token_get(root, token);
        if (!next.p)
            return root;
        rest = next;
    }
    return NULL;
}

int json_pointer_add(struct buf *b, struct str token)
{
    size_t before = b->n;
    int err = buf_addc(b, '/');
    for (size_t i = 0; i < token.n && !err; i++) {
        char c = token.p[i];
        err = c == '~'   ? buf_adds(b, "~0")
              : c == '/' ? buf_adds(b, "~1")
                         : buf_addc(b, c);
    }
    if (err)
        buf_cut(b, before);
    return err;
}

int json_pointer_addi(struct buf *b, size_t index)
{
    return buf_addf(b, "/%zu", index);
}
