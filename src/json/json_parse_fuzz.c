/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: parse; what parses must survive writing, and its canonical form must be the
 * canonical form of itself. */
#include "base/buf.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void canonical(const struct json *v, struct str text)
{
    struct str rest, whole = text;
    struct buf once, twice;
    int err;
    buf_init(&once, (size_t)64 << 20);
    buf_init(&twice, (size_t)64 << 20);
    err = json_canon(&once, v);
    am_assert(err == AM_OK || err == AM_E_INVALID);
    if (!err) {
        am_assert(json_canon_text(&twice, buf_str(&once), NULL) == AM_OK);
        am_assert(str_eq(buf_str(&once), buf_str(&twice)));
        rest = buf_str(&once);
        am_assert(json_canon_match(v, &rest) && rest.n == 0);
        am_assert(!json_canon_match(v, &text) || str_starts(whole, buf_str(&once)));
    }
    buf_release(&once);
    buf_release(&twice);
}

static void rewritten(const struct json *v, bool pretty)
{
    struct json_doc *again;
    struct buf b;
    struct jw w;
    buf_init(&b, (size_t)64 << 20);
    jw_init(&w, &b);
    if (pretty)
        jw_pretty(&w);
    jw_val(&w, v);
    am_assert(jw_done(&w) == AM_OK);
    am_assert(json_parse(&again, buf_str(&b), NULL, NULL) == AM_OK);
    am_assert(json_equal(v, json_root(again)));
    json_free(again);
    buf_release(&b);
}

static void pointed(const struct json *root)
{
    struct buf b;
    buf_init(&b, (size_t)1 << 20);
    for (json_each(it, root)) {
        bool obj = json_type(root) == JSON_OBJECT;
        buf_clear(&b);
        am_assert((obj ? json_pointer_add(&b, it.key) : json_pointer_addi(&b, it.i)) ==
                  AM_OK);
        am_assert(json_pointer(root, buf_str(&b)) == it.val);
        am_assert(!obj || json_getn(root, it.key) == it.val);
        am_assert(obj || json_at(root, it.i) == it.val);
        if (it.i > 100)
            break;
    }
    buf_release(&b);
}

/* Numbers as text are the same numbers. */
static void raw(const struct json *v, struct str text)
{
    const struct json_limits limits = {
        .depth = 32, .values = 100000, .raw_numbers = true};
    struct json_doc *doc;
    am_assert(json_parse(&doc, text, &limits, NULL) == AM_OK);
    am_assert(json_equal(v, json_root(doc)));
    rewritten(json_root(doc), false);
    json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_limits limits = {.depth = 32, .values = 100000};
    struct json_doc *doc = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    err = json_parse(&doc, (struct str){(const char *)data, size}, &limits, &d);
    am_assert(err ? d.n > 0 && !doc : d.n == 0);
    if (!err) {
        canonical(json_root(doc), (struct str){(const char *)data, size});
        rewritten(json_root(doc), size & 1);
        pointed(json_root(doc));
        raw(json_root(doc), (struct str){(const char *)data, size});
    }
    json_free(doc);
    diag_release(&d);
    return 0;
}
