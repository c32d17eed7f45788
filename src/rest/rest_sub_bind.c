/* SPDX-License-Identifier: Apache-2.0 */
/* Who listens to Subscriptions by websocket: tokens that were given out, and what sockets
 * are bound to. Only memory: after the node ended, everybody asks for a token and binds
 * anew, and the number in the handshake tells what was missed. */
#include "rest/rest_sub.h"

#include <stdlib.h>

#include "crypto/crypto.h"

static void bind_lock(struct rest_subs *x)
{
    am_assert(!pthread_mutex_lock(&x->lock));
}

static void bind_unlock(struct rest_subs *x)
{
    am_assert(!pthread_mutex_unlock(&x->lock));
}

/* ---- tokens; under the lock ---- */
static void token_free(struct rest_sub_token *t)
{
    if (!t)
        return;
    free(t->who);
    free(t);
}

static void token_remove(struct rest_subs *x, struct rest_sub_token **at)
{
    struct rest_sub_token *t = *at;
    *at = t->next;
    x->tokens--;
    token_free(t);
}

/* Those whose time is over go, and the oldest of who has too many. The newest is first.
 */
static void token_sweep(struct rest_subs *x, const char *who)
{
    struct rest_sub_token **at = &x->token;
    int64_t now = time_mono();
    size_t of_one = 0;
    while (*at) {
        bool his = !strcmp((*at)->who, who);
        if ((*at)->until <= now || (his && of_one + 1 >= SUB_TOKENS_EACH)) {
            token_remove(x, at);
            continue;
        }
        of_one += his;
        at = &(*at)->next;
    }
}

int rest_sub_token_new(struct rest_subs *x, struct rest_sub_token *t,
                       char text[SUB_TOKEN])
{
    const unsigned s = x->r->c.sub.token_s;
    uint8_t raw[32];
    struct buf b;
    int err = crypto_random(raw, sizeof raw);
    buf_init(&b, SUB_TOKEN);
    if (!err)
        err = crypto_base64url(&b, (struct str){(const char *)raw, sizeof raw});
    crypto_wipe(raw, sizeof raw);
    if (!err) {
        snprintf(text, SUB_TOKEN, "%s", b.p);
        crypto_sha256(str_c(text), t->hash);
        t->until = time_mono() + (s ? s : SUB_TOKEN_S) * TIME_SECOND;
        bind_lock(x);
        token_sweep(x, t->who);
        if (x->tokens >= SUB_TOKENS)
            err = AM_E_TOOMANY;
        else {
            t->next = x->token;
            x->token = t;
            x->tokens++;
        }
        bind_unlock(x);
    }
    buf_wipe(&b);
    return err;
}

/* Once only: what a stranger sees of it later opens nothing. */
static struct rest_sub_token *token_take(struct rest_subs *x, struct str text)
{
    struct rest_sub_token **at, *found = NULL;
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256(text, hash);
    bind_lock(x);
    for (at = &x->token; *at && !found; at = found ? at : &(*at)->next)
        if (crypto_equal((*at)->hash, hash, sizeof hash)) {
            found = *at;
            *at = found->next;
            x->tokens--;
            break;
        }
    bind_unlock(x);
    if (found && found->until <= time_mono()) {
        token_free(found);
        found = NULL;
    }
    return found;
}

/* ---- bindings ---- */
static void bind_free(struct rest_sub_bind *b)
{
    http_ws_drop(b->ws);
    free(b->who);
    free(b);
}

static struct rest_sub_bind *bind_new(struct http_ws *ws, const char *id, const char *who,
                                      bool plain)
{
    struct rest_sub_bind *b = am_calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->who = str_dup(str_c(who));
    if (!b->who) {
        free(b);
        return NULL;
    }
    http_ws_hold(ws);
    b->ws = ws;
    b->plain = plain;
    b->fresh = true;
    b->since = time_mono();
    snprintf(b->id, sizeof b->id, "%s", id);
    return b;
}

/* One that is there stays, as who asks now. False: the socket has as many as it may. */
static bool bind_put(struct rest_subs *x, struct rest_sub_bind *b)
{
    struct rest_sub_bind **at = &x->bind;
    size_t of_one = 0;
    bind_lock(x);
    while (*at) {
        struct rest_sub_bind *o = *at;
        if (o->ws == b->ws && !strcmp(o->id, b->id)) {
            *at = o->next;
            bind_free(o);
            continue;
        }
        of_one += o->ws == b->ws;
        at = &o->next;
    }
    if (of_one < SUB_BINDS) {
        b->next = x->bind;
        x->bind = b;
        rest_sub_call(x, b->id);
    }
    bind_unlock(x);
    return of_one < SUB_BINDS;
}

static void bind_one(struct rest_subs *x, struct http_ws *ws, const char *id,
                     const char *who, bool plain)
{
    struct rest_sub_bind *b = bind_new(ws, id, who, plain);
    if (!b) {
        http_ws_close(ws, 1011, "no memory");
        return;
    }
    http_ws_bound(ws); /* before anything is told */
    if (!bind_put(x, b)) {
        bind_free(b);
        http_ws_close(ws, 1008, "too many Subscriptions on one socket");
    }
}

/* ---- what a client says ---- */
/* No token, no login: an answer in words, and the socket stays for who has one; not for
 * who goes on saying what is refused. */
static void bind_refuse(struct rest_subs *x, struct http_ws *ws, const char *code)
{
    struct rest_request q = {0};
    struct rest_answer a;
    struct rest_call c = {.r = x->r, .q = &q, .a = &a, .lang = TEXT_EN};
    if (http_ws_vain(ws) > SUB_VAIN) {
        http_ws_close(ws, 1008, "refused too often");
        return;
    }
    rest_answer_init(&a);
    arena_init(&c.arena, REST_ARENA);
    diag_init(&c.d);
    buf_init(&c.out, 64 << 10);
    (void)rest_bad(&c, AM_E_UNAUTHORIZED, "", code, STR_NULL);
    if (rest_outcome(&c, AM_E_UNAUTHORIZED) || http_ws_send(ws, buf_str(&c.out)))
        http_ws_close(ws, 1008, code);
    buf_release(&c.out);
    diag_release(&c.d);
    arena_release(&c.arena);
    rest_answer_release(&a);
}

static void bind_by_token(struct rest_subs *x, struct http_ws *ws, struct str text)
{
    struct rest_sub_token *t = token_take(x, text);
    if (!t) {
        http_ws_close(ws, 1008, "token");
        return;
    }
    for (size_t i = 0; i < t->n; i++)
        bind_one(x, ws, t->id[i], t->who, false);
    token_free(t);
}

static void bind_plain(struct rest_subs *x, struct http_ws *ws, struct str id)
{
    char z[EDS_ID_MAX + 1];
    bool known;
    snprintf(z, sizeof z, "%.*s", STR_FMT(str_sub(id, 0, EDS_ID_MAX)));
    bind_lock(x);
    known = rest_sub_open(x, z);
    bind_unlock(x);
    if (!x->r->c.open)
        bind_refuse(x, ws, "rest.sub_token");
    else if (!id.n || id.n > EDS_ID_MAX || !known)
        bind_refuse(x, ws, "rest.notfound");
    else
        bind_one(x, ws, z, "", true);
}

static void bind_text(void *cookie, struct http_ws *ws, struct str s)
{
    struct rest_subs *x = cookie;
    struct str rest, verb = str_cut(str_trim(s), ' ', &rest);
    rest = str_trim(rest);
    if (str_eqc(verb, "bind-with-token:") || str_eqc(verb, "bind-with-token"))
        bind_by_token(x, ws, rest);
    else if (str_eqc(verb, "bind"))
        bind_plain(x, ws, rest);
    else
        bind_refuse(x, ws, "rest.sub_said");
}

static void bind_end(void *cookie, struct http_ws *ws)
{
    struct rest_subs *x = cookie;
    struct rest_sub_bind **at = &x->bind;
    bind_lock(x);
    while (*at) {
        struct rest_sub_bind *b = *at;
        if (b->ws != ws) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        bind_free(b);
    }
    bind_unlock(x);
}

struct http_ws_face rest_sub_face(struct rest_subs *x)
{
    return (struct http_ws_face){bind_text, bind_end, x};
}

/* ---- for who tells ---- */
int rest_sub_bound(struct rest_subs *x, const char *id, bool fresh,
                   struct rest_sub_bind **out)
{
    struct rest_sub_bind *copy;
    int err = AM_OK;
    *out = NULL;
    bind_lock(x);
    for (const struct rest_sub_bind *b = x->bind; b && !err; b = b->next)
        if (!strcmp(b->id, id) && b->fresh == fresh) {
            copy = bind_new(b->ws, b->id, b->who, b->plain);
            err = copy ? AM_OK : AM_E_NOMEM;
            if (copy) {
                copy->next = *out;
                *out = copy;
            }
        }
    bind_unlock(x);
    if (err) {
        rest_sub_bound_free(*out);
        *out = NULL;
    }
    return err;
}

void rest_sub_bound_free(struct rest_sub_bind *list)
{
    while (list) {
        struct rest_sub_bind *b = list;
        list = b->next;
        bind_free(b);
    }
}

void rest_sub_greeted(struct rest_subs *x, const struct rest_sub_bind *copy)
{
    bind_lock(x);
    for (struct rest_sub_bind *b = x->bind; b; b = b->next)
        if (b->ws == copy->ws && !strcmp(b->id, copy->id))
            b->fresh = false;
    bind_unlock(x);
}

bool rest_sub_listened(struct rest_subs *x, const char *id)
{
    bool any = false;
    bind_lock(x);
    for (const struct rest_sub_bind *b = x->bind; b && !any; b = b->next)
        any = !strcmp(b->id, id);
    bind_unlock(x);
    return any;
}

/* Under the lock. `end` takes the bindings off the list. */
void rest_sub_silence(struct rest_subs *x, const char *id, const char *why)
{
    for (struct rest_sub_bind *b = x->bind; b; b = b->next)
        if (!strcmp(b->id, id))
            http_ws_close(b->ws, 1008, why);
}

/* Under the lock: of Subscriptions that went before anybody took a turn of theirs. */
void rest_sub_lost(struct rest_subs *x)
{
    int64_t now = time_mono();
    for (struct rest_sub_bind *b = x->bind; b; b = b->next)
        if (now - b->since > 2 * TIME_SECOND && !rest_sub_known(x, b->id))
            http_ws_close(b->ws, 1008, "deleted");
}

void rest_sub_binds_free(struct rest_subs *x)
{
    rest_sub_bound_free(x->bind);
    x->bind = NULL;
    while (x->token)
        token_remove(x, &x->token);
}
