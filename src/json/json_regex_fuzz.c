/* SPDX-License-Identifier: Apache-2.0 */
/* The first line is a pattern, the rest the text. A group around the whole must not
 * change the answer, nor may a second run, nor finding the place. */
#include "base/buf.h"
#include "json/json_regex_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool search(struct str pattern, struct str text, bool *found)
{
    struct json_regex *re = NULL;
    const char *why = NULL;
    bool again = false;
    if (json_regex_new(&re, pattern, 0, &why)) {
        am_assert(why && !re);
        return false;
    }
    am_assert(json_regex_search(re, text, found) == AM_OK);
    am_assert(json_regex_search(re, text, &again) == AM_OK && again == *found);
    json_regex_free(re);
    if (!json_regex_new(&re, pattern, JSON_REGEX_CAPTURE, &why)) {
        struct json_regex_span span[JSON_REGEX_GROUPS];
        am_assert(json_regex_find(re, text, 0, span, &again) == AM_OK && again == *found);
        am_assert(!again || (span[0].from <= span[0].to && span[0].to <= text.n));
        json_regex_free(re);
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest, line = str_cut((struct str){(const char *)data, size}, '\n', &rest);
    bool plain = false, grouped = false;
    struct buf b;
    if (rest.n > 2000 || line.n > 500 || !str_utf8(rest) || !search(line, rest, &plain))
        return 0;
    buf_init(&b, 2000);
    for (int i = 0; i < 2; i++)
        am_assert(buf_adds(&b, i ? ")|(?:" : "(?:") == AM_OK &&
                  buf_add(&b, line) == AM_OK);
    am_assert(buf_addc(&b, ')') == AM_OK);
    if (search(buf_str(&b), rest, &grouped))
        am_assert(plain == grouped);
    buf_release(&b);
    return 0;
}
