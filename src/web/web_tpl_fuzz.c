/* SPDX-License-Identifier: Apache-2.0 */
/* Two inputs in one: the text of a template, a NUL, the JSON of a context. Templates are
 * ours, but whatever the reader accepts must render, without a byte of the context acting
 * as markup. */
#include "web/web_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void escape(struct str s)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    if (!web_escape(&b, s)) {
        am_assert(str_utf8(buf_str(&b)));
        am_assert(!strpbrk(b.p, "<>\"'"));
    }
    buf_clear(&b);
    if (!web_url(&b, s)) {
        am_assert(!strpbrk(b.p, "<>\"' \n\t\\"));
        size_t colon = strcspn(b.p, ":"), slash = strcspn(b.p, "/?#");
        am_assert(!b.p[colon] || slash < colon || !strncmp(b.p, "https://", 8));
        am_assert(strncmp(b.p, "//", 2) != 0);
    }
    buf_clear(&b);
    if (!web_isolate(&b, TEXT_AR, s) || !web_url_part(&b, s))
        am_assert(b.n <= 3 * s.n + 6);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char fixed[] =
        "{\"a\":[{\"b\":\"<\"},{}],\"b\":\"\\\"\",\"n\":3,\"o\":{\"fr\":\"x\"}}";
    struct str all = {(const char *)data, size}, rest;
    struct str tpl = str_cut(all, 0, &rest);
    struct web_tpl *t;
    struct json_doc *doc;
    escape(all);
    if (web_tpl_new(&t, STR("fuzz"), tpl, NULL))
        return 0;
    const struct json_limits limits = {.size_b = 1 << 16, .depth = 20, .values = 2000};
    if (!json_parse(&doc, rest, &limits, NULL) ||
        !json_parse(&doc, str_c(fixed), &limits, NULL)) {
        struct buf b;
        buf_init(&b, 1 << 18);
        int err = web_tpl_render(&b, t, NULL, size % 3, json_root(doc), size & 1, NULL);
        am_assert(!err || !b.n);
        buf_release(&b);
        json_free(doc);
    }
    web_tpl_free(t);
    return 0;
}
