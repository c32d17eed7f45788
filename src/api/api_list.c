/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that grow with the register, a page at a time. Things are told in the order of
 * their first statements, or the other way round, and keep their places while the log
 * grows: a page goes on after the last thing of the one before, whatever has come since.
 *
 * A page looks at API_LIST_LOOKS things at most, however few of them a filter lets
 * through: it may hold fewer than `limit`, or none, and have a `next`.
 *
 * `next` names that thing, by its place and by what it is: when a fold made anew (a
 * compromised key) has moved it, the walk is refused instead of leaving something out. */
#include "api/api_priv.h"

enum { API_TAG = 16 };

struct api_cursor {
    bool given;
    size_t place;
    struct str tag;
};

int api_list_limit(struct api_call *c, size_t otherwise, size_t *out)
{
    struct str text = http_query(c->req, "limit");
    int64_t n = (int64_t)otherwise;
    if (text.n && str_int(text, 1, API_LIST_MAX, &n)) {
        diag_err(&c->d, "", "query.limit", "a number from 1 to %d", API_LIST_MAX);
        return AM_E_SYNTAX;
    }
    *out = (size_t)n;
    return AM_OK;
}

int api_list_lost(struct api_call *c)
{
    diag_err(&c->d, "", "query.after",
             "not the `next` of a page of this list: begin again");
    return AM_E_SYNTAX;
}

/* ---- the address of the next page -------------------------------------------------- */
/* As it was sent, but for what does not belong between < and >. */
static int api_link_part(struct buf *b, struct str part)
{
    int err = AM_OK;
    for (size_t i = 0; i < part.n && !err; i++) {
        unsigned char ch = (unsigned char)part.p[i];
        bool plain = (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') ||
                     (ch >= 'a' && ch <= 'z') || (ch && strchr("-._~%+=:@", ch));
        err = plain ? buf_addc(b, (char)ch) : buf_addf(b, "%%%02X", ch);
    }
    return err;
}

static int api_link(struct api_call *c, const char *name, const char *cursor,
                    struct buf *b)
{
    struct str left = c->req->query;
    int err = buf_addf(b, "<%.*s?", STR_FMT(c->req->path));
    while (left.n && !err) {
        struct str value, part = str_cut(left, '&', &left);
        if (!part.n || str_eqc(str_cut(part, '=', &value), name))
            continue;
        err = api_link_part(b, part);
        if (!err)
            err = buf_addc(b, '&');
    }
    if (!err)
        err = buf_addf(b, "%s=", name);
    if (!err)
        err = api_link_part(b, str_c(cursor));
    return err ? err : buf_adds(b, ">; rel=\"next\"");
}

int api_list_next(struct api_call *c, const char *name, const char *cursor)
{
    struct buf b;
    int err;
    buf_init(&b, 16384);
    err = api_link(c, name, cursor, &b);
    if (!err)
        http_set(c->req, c->resp, "Link", buf_str(&b));
    buf_release(&b);
    return err;
}

/* ---- places ------------------------------------------------------------------------ */
static void api_tag_of(const struct api_list *x, size_t place, char out[API_TAG + 1])
{
    char key[API_LIST_KEY], hex[CRYPTO_HEX];
    uint8_t digest[32];
    x->key(x, place, key);
    crypto_sha256(str_c(key), digest);
    snprintf(out, API_TAG + 1, "%.*s", API_TAG, crypto_hex(digest, 32, hex));
}

static int api_cursor_read(const struct api_list *x, struct api_cursor *at)
{
    struct str text = http_query(x->c->req, "after");
    char tag[API_TAG + 1];
    int64_t place;
    *at = (struct api_cursor){.given = text.n != 0};
    if (!at->given)
        return AM_OK;
    if (str_int(str_cut(text, '-', &at->tag), 0, INT64_MAX, &place) ||
        (uint64_t)place >= x->n)
        return api_list_lost(x->c);
    at->place = (size_t)place;
    api_tag_of(x, at->place, tag);
    return str_eqc(at->tag, tag) ? AM_OK : api_list_lost(x->c);
}

static size_t api_list_length(const struct api_list *x)
{
    return x->places ? x->places->n : x->n;
}

/* The ith thing told. */
static size_t api_list_place(const struct api_list *x, size_t i)
{
    size_t at = x->newest ? api_list_length(x) - 1 - i : i;
    return x->places ? x->places->v[at] : at;
}

/* The first told after the cursor: places only rise, or only fall. */
static size_t api_list_from(const struct api_list *x, const struct api_cursor *at)
{
    size_t low = 0, high = at->given ? api_list_length(x) : 0;
    while (low < high) {
        size_t mid = low + (high - low) / 2, place = api_list_place(x, mid);
        if (x->newest ? place < at->place : place > at->place)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

/* The address of what follows the thing at that place. */
static int api_list_go_on(struct api_list *x, size_t last)
{
    char tag[API_TAG + 1], cursor[64];
    api_tag_of(x, last, tag);
    snprintf(cursor, sizeof cursor, "%zu-%s", last, tag);
    jw_kstrz(&x->c->w, "next", cursor);
    return api_list_next(x->c, "after", cursor);
}

int api_list_put(struct api_list *x)
{
    struct jw *w = &x->c->w;
    struct api_cursor at;
    size_t limit = 0, told = 0, last = 0, looked = 0;
    bool more = false;
    int err = api_list_limit(x->c, API_LIST_USUAL, &limit);
    if (!err)
        err = api_cursor_read(x, &at);
    if (err)
        return err;
    jw_key(w, "items");
    jw_arr(w);
    for (size_t i = api_list_from(x, &at); i < api_list_length(x); i++) {
        size_t place = api_list_place(x, i);
        bool good;
        more = looked++ == API_LIST_LOOKS;
        if (more)
            break;
        good = !x->wanted || x->wanted(x, place);
        more = good && told == limit;
        if (more)
            break;
        last = place;
        told += good;
        if (good)
            x->put(x, place);
    }
    jw_arr_end(w);
    return more ? api_list_go_on(x, last) : AM_OK;
}
