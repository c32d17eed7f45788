/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that grow with the register, a page at a time, newest first: the page keeps its
 * weight whatever the register holds. A cursor is a place and a mark of what stands
 * there, as in the API (api_list.c); one that leads nowhere any more begins the list
 * again. */
#include "web/web_site_priv.h"

enum { TAG = 16, CURSOR_MAX = 64 };

static void cursor_of(const struct web_list *x, size_t place, char out[CURSOR_MAX])
{
    char key[WEB_LIST_KEY] = "", hex[CRYPTO_HEX];
    uint8_t digest[32];
    x->key(x->l, place, key);
    crypto_sha256(str_c(key), digest);
    snprintf(out, CURSOR_MAX, "%zu-%.*s", place, TAG, crypto_hex(digest, 32, hex));
}

static bool cursor_read(const struct web_list *x, struct str text, size_t *out)
{
    char again[CURSOR_MAX];
    struct str tag;
    int64_t place;
    if (!text.n || str_int(str_cut(text, '-', &tag), 0, INT64_MAX, &place) ||
        (uint64_t)place >= x->n)
        return false;
    cursor_of(x, (size_t)place, again);
    *out = (size_t)place;
    return str_eqc(text, again);
}

static bool wanted(const struct web_list *x, size_t place)
{
    return !x->wanted || x->wanted(x->l, place);
}

/* Is there one more that is told, from that place up, or below it? */
static bool any(const struct web_list *x, size_t place, bool up)
{
    if (up) {
        while (place < x->n && !wanted(x, place))
            place++;
        return place < x->n;
    }
    while (place > 0 && !wanted(x, place - 1))
        place--;
    return place > 0;
}

static void up_from(struct web_list *x, size_t place)
{
    for (; place < x->n && x->shown < WEB_LIST_ROWS; place++)
        if (wanted(x, place))
            x->place[x->shown++] = place;
    for (size_t i = 0; i < x->shown / 2; i++) { /* found oldest first */
        size_t other = x->place[i];
        x->place[i] = x->place[x->shown - 1 - i];
        x->place[x->shown - 1 - i] = other;
    }
}

static void down_from(struct web_list *x, size_t place)
{
    while (place > 0 && x->shown < WEB_LIST_ROWS)
        if (wanted(x, --place))
            x->place[x->shown++] = place;
}

void web_list_find(struct web_visit *v, struct web_list *x, struct jw *w)
{
    char cursor[CURSOR_MAX];
    size_t at;
    x->shown = 0;
    if (cursor_read(x, http_query(v->req, "before"), &at))
        up_from(x, at + 1);
    else
        down_from(x, cursor_read(x, http_query(v->req, "after"), &at) ? at : x->n);
    if (!x->shown)
        return;
    if (any(x, x->place[0] + 1, true)) {
        cursor_of(x, x->place[0], cursor);
        jw_kstrz(w, "newer", cursor);
    }
    if (any(x, x->place[x->shown - 1], false)) {
        cursor_of(x, x->place[x->shown - 1], cursor);
        jw_kstrz(w, "older", cursor);
    }
}

static void put_link(struct web_visit *v, const char *key, const char *name,
                     struct str cursor)
{
    if (!cursor.n)
        return;
    jw_key(&v->w, key);
    jw_strf(&v->w, "%.*s?%s=%.*s", STR_FMT(v->req->path), name, STR_FMT(cursor));
}

void web_list_links(struct web_visit *v, const struct json *facts)
{
    struct str newer = json_get_str(facts, "newer"), older = json_get_str(facts, "older");
    if (!newer.n && !older.n)
        return;
    jw_key(&v->w, "pager");
    jw_obj(&v->w);
    put_link(v, "newer", "before", newer);
    put_link(v, "older", "after", older);
    jw_obj_end(&v->w);
}
