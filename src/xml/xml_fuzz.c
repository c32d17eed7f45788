/* SPDX-License-Identifier: Apache-2.0 */
#include "xml/xml.h"

/* What is read, written without prefixes and read again is the same tree; what is refused
 * says why. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void same(const struct xml_node *a, const struct xml_node *b)
{
    am_assert(str_eq(a->name, b->name) && str_eq(a->ns, b->ns));
    am_assert(str_eq(a->text, b->text));
    for (size_t i = 0, j = 0; i < a->attrs; i++, j++) {
        am_assert(j < b->attrs && str_eq(a->attr[i].name, b->attr[j].name));
        am_assert(str_eq(a->attr[i].value, b->attr[j].value));
    }
    const struct xml_node *x = a->first, *y = b->first;
    for (; x && y; x = x->next, y = y->next)
        same(x, y);
    am_assert(!x && !y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct xml_limits limits = {
        .size_b = 1 << 16, .depth = 50, .nodes = 9000};
    struct xml_node *a = NULL, *b = NULL;
    struct arena arena;
    struct buf text;
    struct diag d;
    int err;
    arena_init(&arena, (size_t)64 << 20);
    buf_init(&text, (size_t)8 << 20);
    diag_init(&d);
    err = xml_parse(&arena, (struct str){(const char *)data, len}, &limits, &a, &d);
    if (err) {
        am_assert(d.errors == 1 && !a);
    } else {
        err = xml_add_node(&text, a, STR(""));
        am_assert(!err || err == AM_E_UNSUPPORTED);
        if (!err) {
            am_assert(xml_parse(&arena, buf_str(&text), NULL, &b, &d) == AM_OK);
            same(a, b);
        }
    }
    diag_release(&d);
    buf_release(&text);
    arena_release(&arena);
    return 0;
}
