/* SPDX-License-Identifier: Apache-2.0 */
/* Words for people: catalogue messages, and texts that records carry in several
 * languages. */
#include "web/web_priv.h"

bool web_is_words(const struct json *v)
{
    enum text_lang l;
    if (json_type(v) != JSON_OBJECT || !json_size(v))
        return false;
    for (json_each(it, v))
        if (it.key.n != 2 || !text_lang_parse(it.key, &l) ||
            json_type(it.val) != JSON_STRING)
            return false;
    return true;
}

struct str web_words(enum text_lang l, const struct json *v)
{
    if (json_type(v) == JSON_STRING)
        return json_str(v);
    if (!web_is_words(v))
        return STR_NULL;
    const enum text_lang order[] = {l, TEXT_FR, TEXT_EN, TEXT_AR};
    for (size_t i = 0; i < AM_LEN(order); i++) {
        struct str s = json_get_str(v, text_lang_code(order[i]));
        if (s.n)
            return s;
    }
    return STR_NULL;
}

int web_text(struct buf *out, enum text_lang l, const char *id)
{
    return web_escape(out, text_get(l, id));
}

int web_count(struct buf *out, enum text_lang l, const char *id, int64_t n)
{
    struct buf b;
    buf_init(&b, 4096);
    int err = text_plural(&b, l, id, n, NULL, 0);
    if (!err)
        err = web_escape(out, buf_str(&b));
    buf_release(&b);
    return err;
}

int web_member(struct buf *out, enum text_lang l, const struct json *v, const char *key)
{
    struct buf b;
    buf_init(&b, out->max);
    int err = web_tame(&b, web_words(l, json_get(v, key)));
    if (!err)
        err = web_escape(out, buf_str(&b));
    buf_release(&b);
    return err;
}
