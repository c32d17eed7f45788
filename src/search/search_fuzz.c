/* SPDX-License-Identifier: Apache-2.0 */
#include "search/search.h"

/* Any text as document, query and cursor: words are UTF-8, bounded, never empty; a
 * document is found by each of its own words; the index answers whatever is asked. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int check(void *arg, struct str w)
{
    size_t *n = arg;
    am_assert(w.n >= 1 && w.n <= SEARCH_WORD_MAX && str_utf8(w));
    ++*n;
    return AM_OK;
}

static size_t run(const struct search *s, struct str text, struct str cursor)
{
    struct search_query q = {.text = text, .cursor = cursor};
    struct search_result r;
    int err = search_run(s, &q, &r);
    size_t total = err ? SIZE_MAX : r.total;
    am_assert(!err || err == AM_E_TOOBIG || err == AM_E_SYNTAX || err == AM_E_NOMEM);
    search_result_release(&r);
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct search_config c = {.max_b = 1 << 20, .facets = 1};
    struct str text = {(const char *)data, len}, rest, head = str_cut(text, '\n', &rest);
    struct search_field f = {3, head};
    struct search_value v = {0, STR("x")};
    struct search_doc d = {STR("doc"), 1, &f, 1, &v, 1};
    struct search *s;
    size_t n = 0;
    am_assert(search_words(text, check, &n) == AM_OK);
    am_assert(n <= len);
    am_assert(search_new(&s, &c) == AM_OK);
    if (search_put(s, &d) == AM_OK) {
        size_t found = run(s, head, STR_NULL);
        am_assert(found == 1 || found == SIZE_MAX);
        (void)run(s, rest, head);
        f.text = rest;
        if (search_put(s, &d) == AM_OK)
            am_assert(run(s, STR_NULL, STR_NULL) == 1);
        (void)run(s, head, rest);
    }
    search_free(s);
    return 0;
}
