/* SPDX-License-Identifier: Apache-2.0 */
/* web_cache -- public pages kept as they were rendered, so that a crowd costs no more
 * than a visitor. A page is bound to the size of the log and of its cosigned part, and to
 * five seconds, since expiry and silence depend on the hour. Bounded in pages and bytes,
 * the least recently used goes first; hits and misses are counted.
 *
 * Threads: any; one lock, held to copy a page. */
#include "base/clock.h"
#include "web/web_site_priv.h"

enum { PAGES = 512, BYTES = 16 << 20, KEY_MAX = 2048 };

static const int64_t fresh_for = 5 * TIME_SECOND, kept_for = 60 * TIME_SECOND;

struct page {
    char *key;
    uint64_t hash, size, cosigned, used;
    int64_t at, claimed; /* claimed: when somebody last set out to render it again */
    char tag[40];
    struct buf body;
};
struct web_cache {
    pthread_mutex_t lock;
    struct page page[PAGES];
    uint64_t clock, hits, misses;
    size_t bytes;
};

int web_cache_new(struct web_cache **out)
{
    struct web_cache *c = am_calloc(1, sizeof *c);
    if (!c)
        return AM_E_NOMEM;
    pthread_mutex_init(&c->lock, NULL);
    for (size_t i = 0; i < PAGES; i++)
        buf_init(&c->page[i].body, BYTES);
    *out = c;
    return AM_OK;
}

static void drop(struct web_cache *c, struct page *p)
{
    if (!p || !p->key)
        return;
    c->bytes -= strlen(p->key) + p->body.n;
    free(p->key);
    p->key = NULL;
    buf_release(&p->body);
}

void web_cache_free(struct web_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < PAGES; i++)
        drop(c, &c->page[i]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct page *find(struct web_cache *c, struct str key)
{
    uint64_t hash = str_hash(key);
    for (size_t i = 0; i < PAGES; i++)
        if (c->page[i].key && c->page[i].hash == hash && str_eqc(key, c->page[i].key))
            return &c->page[i];
    return NULL;
}

/* A free place, or that of the page unused for longest. */
static struct page *place(struct web_cache *c)
{
    struct page *oldest = &c->page[0];
    for (size_t i = 0; i < PAGES; i++) {
        if (!c->page[i].key)
            return &c->page[i];
        if (c->page[i].used < oldest->used)
            oldest = &c->page[i];
    }
    return oldest;
}

static struct page *least_used(struct web_cache *c)
{
    struct page *oldest = NULL;
    for (size_t i = 0; i < PAGES; i++)
        if (c->page[i].key && (!oldest || c->page[i].used < oldest->used))
            oldest = &c->page[i];
    return oldest;
}

/* May this one be given? A page past its time is claimed by whoever comes first. */
static bool usable(struct page *p, const struct web_cache_state *now)
{
    int64_t age = now->at - p->at;
    if (p->size != now->size || p->cosigned != now->cosigned || age < 0 ||
        age >= kept_for)
        return false;
    if (age < fresh_for || (now->at >= p->claimed && now->at - p->claimed < fresh_for))
        return true;
    p->claimed = now->at;
    return false;
}

int web_cache_get(struct web_cache *c, struct str key, const struct web_cache_state *now,
                  char tag[40], struct buf *out)
{
    struct page *p;
    int err = AM_E_NOTFOUND;
    pthread_mutex_lock(&c->lock);
    p = find(c, key);
    if (p && usable(p, now)) {
        p->used = ++c->clock;
        snprintf(tag, 40, "%s", p->tag);
        err = buf_add(out, buf_str(&p->body));
    }
    c->hits += !err;
    c->misses += err != AM_OK;
    pthread_mutex_unlock(&c->lock);
    return err;
}

void web_cache_put(struct web_cache *c, struct str key, const struct web_cache_state *now,
                   struct str body, char tag[40])
{
    uint8_t digest[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    struct page *p;
    crypto_sha256(body, digest);
    snprintf(tag, 40, "\"%.32s\"", crypto_hex(digest, sizeof digest, hex));
    if (key.n > KEY_MAX || key.n + body.n > BYTES / 8)
        return;
    pthread_mutex_lock(&c->lock);
    p = find(c, key);
    p = p ? p : place(c);
    drop(c, p);
    while (c->bytes + key.n + body.n > BYTES)
        drop(c, least_used(c));
    p->key = str_dup(key);
    if (p->key && buf_add(&p->body, body) == AM_OK) {
        p->hash = str_hash(key);
        p->size = now->size;
        p->cosigned = now->cosigned;
        p->at = now->at;
        p->claimed = 0;
        p->used = ++c->clock;
        snprintf(p->tag, sizeof p->tag, "%s", tag);
        c->bytes += key.n + body.n;
    } else { /* not kept, then */
        free(p->key);
        p->key = NULL;
        buf_release(&p->body);
    }
    pthread_mutex_unlock(&c->lock);
}

void web_cache_stats(struct web_cache *c, struct web_cache_stats *out)
{
    pthread_mutex_lock(&c->lock);
    *out =
        (struct web_cache_stats){.hits = c->hits, .misses = c->misses, .bytes = c->bytes};
    for (size_t i = 0; i < PAGES; i++)
        out->pages += c->page[i].key != NULL;
    pthread_mutex_unlock(&c->lock);
}
