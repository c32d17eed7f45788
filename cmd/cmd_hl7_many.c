/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_hl7_many.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/vec.h"

enum { WINDOW_B = 32 << 20, NONE = -1 };

struct keys { /* texts, one after the other */
    struct buf text;
    VEC(size_t) end;
};

struct one { /* a message of the window */
    struct buf raw, message, bundle;
    char *source;
    int64_t end_b;
    size_t entries;
    int err;
    bool refused, made; /* when it was put; as far as making it goes */
    struct diag d;
    struct keys seen, changed;
    int before; /* what is taken just before it: of the window, or NONE */
    int after;  /* ... and just after */
    int head;   /* of its chain, while chains are found */
};

struct cmd_hl7_many {
    struct cmd_hl7 *h;
    cmd_hl7_done_fn *done;
    void *arg;
    struct one one[CMD_HL7_WINDOW];
    size_t n, size_b;
    void (*step)(struct cmd_hl7_many *m, struct one *x);
    atomic_size_t next;
};

/* ---- what a message looks for and changes ---- */
static void keys_init(struct keys *k)
{
    buf_init(&k->text, 64 << 20);
    k->end.v = NULL;
    k->end.n = k->end.cap = 0;
}

static void keys_release(struct keys *k)
{
    buf_release(&k->text);
    vec_release(&k->end);
}

static struct str key_at(const struct keys *k, size_t i)
{
    return str_sub(buf_str(&k->text), i ? k->end.v[i - 1] : 0, k->end.v[i]);
}

/* The key is what was appended to the text. */
static int key_end(struct keys *k, int err)
{
    return err ? err : vec_push(&k->end, k->text.n) ? AM_E_NOMEM : AM_OK;
}

static int key_put(struct keys *k, struct str type, char sign, struct str name)
{
    return key_end(k,
                   buf_addf(&k->text, "%.*s%c%.*s", STR_FMT(type), sign, STR_FMT(name)));
}

static int seen(void *arg, struct str type, struct str query, const struct json *found)
{
    struct one *x = arg;
    int err = key_put(&x->seen, type, '?', query);
    if (!err && found)
        err = key_put(&x->seen, type, '/', json_get_str(found, "id"));
    return err;
}

static int entry_keys(struct keys *k, const struct json *entry)
{
    const struct json *resource = json_get(entry, "resource"),
                      *request = json_get(entry, "request");
    struct str type = json_get_str(resource, "resourceType"),
               query = json_get_str(request, "ifNoneExist");
    int err;
    if (query.n)
        err = key_put(k, type, '?', query);
    else
        err = key_end(k, buf_add(&k->text, json_get_str(request, "url")));
    for (json_each(it, err ? NULL : json_get(resource, "identifier"))) {
        if (!err)
            err = buf_addf(&k->text, "%.*s?", STR_FMT(type));
        if (!err)
            err = hl7_map_query(&k->text, json_get_str(it.val, "system"),
                                json_get_str(it.val, "value"));
        err = key_end(k, err);
    }
    return err;
}

static int bundle_keys(struct keys *k, struct str bundle)
{
    const struct json_limits l = {.size_b = 256 << 20, .depth = 200, .raw_numbers = true};
    struct json_doc *doc = NULL;
    int err = json_parse(&doc, bundle, &l, NULL);
    for (json_each(it, err ? NULL : json_get(json_root(doc), "entry")))
        if (!err)
            err = entry_keys(k, it.val);
    json_free(doc);
    return err;
}

/* ---- the two steps, each on many threads ---- */
static void make_one(struct cmd_hl7_many *m, struct one *x)
{
    if (x->refused)
        return;
    x->err =
        cmd_hl7_make(m->h, buf_str(&x->message), seen, x, &x->bundle, &x->entries, &x->d);
    if (!x->err && x->entries)
        x->err = bundle_keys(&x->changed, buf_str(&x->bundle));
    x->made = !x->err || x->err == AM_E_REFUSED;
}

/* again: what was made may be out of date. */
static void take_one(struct cmd_hl7_many *m, struct one *x, bool again)
{
    if (x->refused)
        return;
    if (!again && x->made && !x->err && x->entries)
        x->err = cmd_hl7_send(m->h, buf_str(&x->bundle), &x->d);
    if (again || !x->made || x->err == AM_E_CONFLICT) {
        diag_clear(&x->d);
        x->err = cmd_hl7_take(m->h, buf_str(&x->message), x->source, &x->entries, &x->d);
    }
}

static void take_chain(struct cmd_hl7_many *m, struct one *x)
{
    if (x->before != NONE)
        return;
    take_one(m, x, false);
    while (x->after != NONE) {
        x = &m->one[x->after];
        take_one(m, x, true);
    }
}

static void *work(void *arg)
{
    struct cmd_hl7_many *m = arg;
    size_t i;
    while ((i = atomic_fetch_add(&m->next, 1)) < m->n)
        m->step(m, &m->one[i]);
    return NULL;
}

static void on_all(struct cmd_hl7_many *m,
                   void (*step)(struct cmd_hl7_many *, struct one *))
{
    pthread_t t[CMD_HL7_AT_ONCE - 1];
    size_t n = 0;
    m->step = step;
    atomic_store(&m->next, 0);
    while (n < AM_LEN(t) && n + 1 < m->n && !pthread_create(&t[n], NULL, work, m))
        n++;
    work(m); /* fewer threads only make it slower */
    while (n)
        am_assert(!pthread_join(t[--n], NULL));
}

/* ---- chains ---- */
static int head_of(struct cmd_hl7_many *m, int i)
{
    while (m->one[i].head != i)
        i = m->one[i].head = m->one[m->one[i].head].head;
    return i;
}

/* The earlier one heads both. */
static void join(struct cmd_hl7_many *m, int a, int b)
{
    a = head_of(m, a);
    b = head_of(m, b);
    m->one[AM_MAX(a, b)].head = AM_MIN(a, b);
}

/* Whoever changes or looks for what message i changes, with it. */
static int changers(struct cmd_hl7_many *m, struct map *by, int i)
{
    const struct keys *k = &m->one[i].changed;
    int err = AM_OK;
    for (size_t j = 0; j < k->end.n && !err; j++) {
        size_t other;
        if (map_get(by, key_at(k, j), &other) == AM_OK)
            join(m, (int)other, i);
        else
            err = map_set(by, key_at(k, j), (size_t)i);
    }
    return err;
}

/* *serial: a message that cannot be made looks for what an earlier one changes. */
static void lookers(struct cmd_hl7_many *m, const struct map *by, int i, bool *serial)
{
    const struct keys *k = &m->one[i].seen;
    for (size_t j = 0; j < k->end.n; j++) {
        size_t other;
        if (map_get(by, key_at(k, j), &other) || other == (size_t)i)
            continue;
        join(m, (int)other, i);
        *serial = *serial || m->one[i].err;
    }
}

static void string_up(struct cmd_hl7_many *m, bool serial)
{
    int last[CMD_HL7_WINDOW];
    for (int i = 0; i < (int)m->n; i++) {
        int head = serial ? 0 : head_of(m, i);
        m->one[i].before = head == i ? NONE : last[head];
        m->one[i].after = NONE;
        if (head != i)
            m->one[last[head]].after = i;
        last[head] = i;
    }
}

static int chains(struct cmd_hl7_many *m)
{
    bool serial = false;
    struct map by;
    int err = AM_OK;
    map_init(&by);
    for (int i = 0; i < (int)m->n; i++) {
        m->one[i].head = i;
        /* what it changes is not known: nobody overtakes it */
        serial = serial || (!m->one[i].refused && !m->one[i].made);
    }
    for (int i = 0; i < (int)m->n && !err; i++)
        err = changers(m, &by, i);
    for (int i = 0; i < (int)m->n && !err; i++)
        lookers(m, &by, i, &serial);
    map_release(&by);
    if (!err)
        string_up(m, serial);
    return err;
}

/* ---- the window ---- */
static void clear(struct cmd_hl7_many *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct one *x = &m->one[i];
        buf_release(&x->raw);
        buf_release(&x->message);
        buf_release(&x->bundle);
        free(x->source);
        diag_release(&x->d);
        keys_release(&x->seen);
        keys_release(&x->changed);
    }
    m->n = 0;
    m->size_b = 0;
}

static int tell(struct cmd_hl7_many *m, struct one *x)
{
    return m->done(m->arg, &(struct cmd_hl7_done){.raw = buf_str(&x->raw),
                                                  .source = x->source,
                                                  .end_b = x->end_b,
                                                  .entries = x->entries,
                                                  .err = x->err,
                                                  .d = &x->d});
}

int cmd_hl7_many_flush(struct cmd_hl7_many *m)
{
    int err = AM_OK;
    if (m->n) {
        on_all(m, make_one);
        err = chains(m);
    }
    if (!err && m->n)
        on_all(m, take_chain);
    for (size_t i = 0; i < m->n && !err; i++)
        err = tell(m, &m->one[i]);
    clear(m);
    return err;
}

int cmd_hl7_many_put(struct cmd_hl7_many *m, struct str raw, struct str message,
                     const char *source, int64_t end_b, const struct diag *d)
{
    struct one *x = &m->one[m->n++];
    int err;
    *x = (struct one){.end_b = end_b, .refused = !message.p};
    x->err = x->refused ? AM_E_REFUSED : AM_OK;
    buf_init(&x->raw, raw.n + 1);
    buf_init(&x->message, message.n + 1);
    buf_init(&x->bundle, (size_t)256 << 20);
    diag_init(&x->d);
    keys_init(&x->seen);
    keys_init(&x->changed);
    x->source = str_dup(str_c(source));
    err = x->source ? buf_add(&x->raw, raw) : AM_E_NOMEM;
    if (!err && !x->refused)
        err = buf_add(&x->message, message);
    if (!err && d)
        diag_merge(&x->d, d, "");
    m->size_b += raw.n + message.n;
    if (!err && (m->n == CMD_HL7_WINDOW || m->size_b > WINDOW_B))
        err = cmd_hl7_many_flush(m);
    return err;
}

int cmd_hl7_many_new(struct cmd_hl7_many **out, struct cmd_hl7 *h, cmd_hl7_done_fn *done,
                     void *arg)
{
    struct cmd_hl7_many *m = am_calloc(1, sizeof *m);
    if (!m)
        return AM_E_NOMEM;
    m->h = h;
    m->done = done;
    m->arg = arg;
    atomic_init(&m->next, 0);
    *out = m;
    return AM_OK;
}

void cmd_hl7_many_free(struct cmd_hl7_many *m)
{
    if (!m)
        return;
    clear(m);
    free(m);
}
