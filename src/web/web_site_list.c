/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that grow with the register, a page at a time, newest first: the page keeps its
 * weight whatever the register holds, and its work too: after WEB_LIST_LOOKS places a
 * page ends with what was found, and its links go on from there.
 *
 * A cursor is a place and a mark of what stands there, as in the API (api_list.c); one
 * that leads nowhere any more begins the list again. Where things come and go between
 * two pages (texts to sign) they have a rank instead, which says where to go on even
 * when the thing itself is gone. */
#include "web/web_site_priv.h"

enum { TAG = 16 };

/* What stands below is older, from `above` up newer; between them: the thing, if it is
 * there yet. */
struct spot {
    size_t below, above;
};

/* ---- the list, as it is kept: the oldest is 0 ------------------------------------- */
static size_t length(const struct web_list *x)
{
    return x->places ? x->places->n : x->n;
}

static size_t place_at(const struct web_list *x, size_t i)
{
    return x->places ? x->places->v[i] : i;
}

static int64_t rank_at(const struct web_list *x, size_t i)
{
    return x->rank ? x->rank(x, place_at(x, i)) : (int64_t)place_at(x, i);
}

static bool wanted(const struct web_list *x, size_t i)
{
    return !x->wanted || x->wanted(x, place_at(x, i));
}

static size_t looks(const struct web_list *x)
{
    return x->looks ? x->looks : WEB_LIST_LOOKS;
}

/* ---- cursors ---------------------------------------------------------------------- */
static void cursor_of(const struct web_list *x, size_t i, char out[WEB_LIST_CURSOR])
{
    char key[WEB_LIST_KEY] = "", hex[CRYPTO_HEX];
    uint8_t digest[32];
    x->key(x, place_at(x, i), key);
    crypto_sha256(str_c(key), digest);
    snprintf(out, WEB_LIST_CURSOR, "%lld-%.*s", (long long)rank_at(x, i), TAG,
             crypto_hex(digest, 32, hex));
}

static bool cursor_read(const struct web_list *x, struct str text, struct spot *out)
{
    char again[WEB_LIST_CURSOR];
    struct str tag;
    int64_t rank;
    size_t low = 0, high = length(x);
    if (!text.n || str_int(str_cut(text, '-', &tag), 0, INT64_MAX, &rank))
        return false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (rank_at(x, mid) < rank)
            low = mid + 1;
        else
            high = mid;
    }
    *out = (struct spot){low, low};
    for (; low < length(x) && rank_at(x, low) == rank; low++) {
        cursor_of(x, low, again);
        if (str_eqc(text, again)) {
            *out = (struct spot){low, low + 1};
            return true;
        }
    }
    return x->rank != NULL;
}

/* ---- pages ------------------------------------------------------------------------ */
static void down_from(struct web_list *x, size_t from)
{
    size_t i = from, found[WEB_LIST_ROWS], n = 0, most = looks(x);
    bool more = false;
    while (i > 0 && most-- > 0 && !more) {
        if (!wanted(x, --i))
            continue;
        more = n == WEB_LIST_ROWS;
        if (!more)
            found[n++] = i;
    }
    if (more || i > 0) /* one more, or perhaps */
        cursor_of(x, more ? found[n - 1] : i, x->older);
    if (from < length(x))
        cursor_of(x, n ? found[0] : i, x->newer);
    for (size_t k = 0; k < n; k++)
        x->place[k] = place_at(x, found[k]);
    x->shown = n;
}

static void up_from(struct web_list *x, size_t from)
{
    size_t i = from, found[WEB_LIST_ROWS], n = 0, most = looks(x);
    bool more = false;
    while (i < length(x) && most-- > 0 && !more) {
        if (wanted(x, i)) {
            more = n == WEB_LIST_ROWS;
            if (!more)
                found[n++] = i;
        }
        i++;
    }
    if (!more && i == length(x)) { /* the newest: their page is a full one */
        down_from(x, i);
        return;
    }
    cursor_of(x, more ? found[n - 1] : i - 1, x->newer);
    cursor_of(x, n ? found[0] : i - 1, x->older);
    for (size_t k = 0; k < n; k++)
        x->place[k] = place_at(x, found[n - 1 - k]);
    x->shown = n;
}

void web_list_find(struct web_visit *v, struct web_list *x)
{
    struct spot at;
    x->shown = 0;
    x->newer[0] = x->older[0] = 0;
    if (cursor_read(x, http_query(v->req, "before"), &at))
        up_from(x, at.above);
    else
        down_from(x, cursor_read(x, http_query(v->req, "after"), &at) ? at.below
                                                                      : length(x));
}

void web_version_key(const struct web_list *x, size_t place, char out[WEB_LIST_KEY])
{
    crypto_hex(ledger_version_at(x->l, place)->digest, 32, out);
}

void web_list_facts(const struct web_list *x, struct jw *w)
{
    if (x->newer[0])
        jw_kstrz(w, "newer", x->newer);
    if (x->older[0])
        jw_kstrz(w, "older", x->older);
}

static void put_link(struct web_visit *v, const char *key, const char *name,
                     struct str cursor)
{
    if (!cursor.n)
        return;
    jw_key(&v->w, key);
    jw_strf(&v->w, "%.*s?%s=%.*s", STR_FMT(v->req->path), name, STR_FMT(cursor));
}

void web_list_links(struct web_visit *v, struct str newer, struct str older, size_t shown)
{
    bool links = newer.n || older.n;
    jw_kbool(&v->w, "none", !shown && !links);
    if (!links)
        return;
    jw_key(&v->w, "pager");
    jw_obj(&v->w);
    jw_kbool(&v->w, "empty", !shown);
    put_link(v, "newer", "before", newer);
    put_link(v, "older", "after", older);
    jw_obj_end(&v->w);
}

void web_list_pager(struct web_visit *v, const struct json *facts, const char *rows)
{
    web_list_links(v, json_get_str(facts, "newer"), json_get_str(facts, "older"),
                   json_size(json_get(facts, rows)));
}
