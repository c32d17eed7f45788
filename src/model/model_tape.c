/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model_tape.h"

#include <math.h>

enum {
    TAPE_BYTES_MAX = 1 << 30,
    TAPE_HEAD = 7,
    TAPE_MODEL = 4 + CRYPTO_SHA256 + 8, /* features, digest, two lengths in common */
    TAPE_DESCRIBE_MAX = 8 << 20,
    TAPE_BLOCK = 512
};

struct model_tape {
    bool plays;
    int err;         /* what ended it; AM_OK: nothing yet */
    struct buf text; /* recorded */
    struct str rest; /* still to be played */
    struct buf describe;
    struct crypto_sha256 asked;
    size_t asks;
};

/* A tape belongs to the thread that runs the family; what it asks, however deep below, is
 * on it: no caller can forget (doc/adr). */
static _Thread_local struct model_tape *tape;

/* ---- life -----------------------------------------------------------------------------
 */
static int tape_new(struct model_tape **out)
{
    struct model_tape *t = am_calloc(1, sizeof *t);
    if (!t)
        return AM_E_NOMEM;
    buf_init(&t->text, TAPE_BYTES_MAX);
    buf_init(&t->describe, TAPE_DESCRIBE_MAX);
    crypto_sha256_init(&t->asked);
    *out = t;
    return AM_OK;
}

int model_tape_record(struct model_tape **out)
{
    return tape_new(out);
}

int model_tape_play(struct model_tape **out, struct str bytes)
{
    int err = tape_new(out);
    if (err)
        return err;
    (*out)->plays = true;
    (*out)->rest = bytes;
    return AM_OK;
}

void model_tape_free(struct model_tape *t)
{
    if (!t)
        return;
    am_assert(t != tape); /* its thread still uses it */
    buf_release(&t->text);
    buf_release(&t->describe);
    free(t);
}

struct model_tape *model_tape_use(struct model_tape *t)
{
    struct model_tape *before = tape;
    tape = t;
    return before;
}

size_t model_tape_asks(const struct model_tape *t)
{
    return t->asks;
}

/* ---- bytes ----------------------------------------------------------------------------
 */
static void put_u32(uint8_t *p, size_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static size_t get_u32(const char *p)
{
    size_t v = 0;
    for (int i = 3; i >= 0; i--)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

static void put_number(uint8_t *p, double v, size_t form)
{
    float f = (float)v;
    uint64_t bits = 0;
    if (form == 4)
        memcpy(&bits, &f, 4);
    else
        memcpy(&bits, &v, 8);
    for (size_t i = 0; i < form; i++)
        p[i] = (uint8_t)(bits >> 8 * i);
}

static double get_number(const char *p, size_t form)
{
    uint64_t bits = 0;
    double v;
    float f;
    for (size_t i = form; i-- > 0;)
        bits = bits << 8 | (uint8_t)p[i];
    if (form == 8) {
        memcpy(&v, &bits, 8);
        return isnan(v) ? NAN : v;
    }
    uint32_t low = (uint32_t)bits;
    memcpy(&f, &low, 4);
    return isnan(f) ? NAN : (double)f;
}

static bool is_float(double v)
{
    return isnan(v) || isinf(v) || (fabs(v) <= 3.4e38 && (double)(float)v == v);
}

static void fail(struct model_tape *t, int err)
{
    if (!t->err)
        t->err = err;
}

/* Room for an entry and its head; NULL: the tape is full, or memory is. */
static uint8_t *entry(struct model_tape *t, enum model_tape_op op, int err, size_t form,
                      size_t count)
{
    size_t n = TAPE_HEAD + form * count, at = t->text.n;
    int full = count > TAPE_BYTES_MAX / 8 ? AM_E_TOOBIG : buf_reserve(&t->text, n);
    uint8_t *p;
    if (full) {
        fail(t, full);
        return NULL;
    }
    t->text.n += n;
    t->text.p[t->text.n] = 0;
    p = (uint8_t *)t->text.p + at;
    p[0] = (uint8_t)op;
    p[1] = (uint8_t)-err;
    p[2] = (uint8_t)form;
    put_u32(p + 3, count);
    return p + TAPE_HEAD;
}

/* ---- questions ------------------------------------------------------------------------
 */
bool model_tape_plays(void)
{
    return tape && tape->plays;
}

static void add_bytes(const uint8_t *p, size_t n)
{
    crypto_sha256_add(&tape->asked, (struct str){(const char *)p, n});
}

void model_tape_asked(enum model_tape_op op, const double *v, size_t n)
{
    uint8_t block[8 * TAPE_BLOCK] = {(uint8_t)op};
    if (!tape)
        return;
    tape->asks++;
    put_u32(block + 1, n);
    add_bytes(block, 5);
    for (size_t i = 0; i < n;) {
        size_t k = AM_MIN(n - i, (size_t)TAPE_BLOCK);
        for (size_t j = 0; j < k; j++)
            put_number(block + 8 * j, isnan(v[i + j]) ? NAN : v[i + j], 8);
        add_bytes(block, 8 * k);
        i += k;
    }
}

/* ---- answers --------------------------------------------------------------------------
 */
/* Memory that ran out is no answer of the model: the run fails with it. */
static bool records(int err)
{
    if (!tape || tape->plays || tape->err)
        return false;
    if (err == AM_E_NOMEM)
        fail(tape, err);
    return err != AM_E_NOMEM;
}

void model_tape_put(enum model_tape_op op, int err, const double *v, size_t n)
{
    size_t form = 4;
    uint8_t *p;
    if (!records(err))
        return;
    for (size_t i = 0; i < n && form == 4; i++)
        form = is_float(v[i]) ? 4 : 8;
    p = entry(tape, op, err, form, n);
    for (size_t i = 0; p && i < n; i++)
        put_number(p + form * i, v[i], form);
}

struct played {
    size_t form, count;
    const char *p;
};

/* The next entry, which must be of that kind. AM_E_TAMPERED ends the tape. */
static int next(enum model_tape_op op, struct played *out)
{
    struct model_tape *t = tape;
    struct str r = t->rest;
    const uint8_t *h = (const uint8_t *)r.p;
    if (t->err)
        return t->err;
    if (r.n < TAPE_HEAD || h[0] != op || h[1] >= AM_I_COUNT || -(int)h[1] == AM_E_NOMEM ||
        (h[2] != 1 && h[2] != 4 && h[2] != 8))
        goto bad;
    *out = (struct played){.form = h[2], .count = get_u32(r.p + 3), .p = r.p + TAPE_HEAD};
    if (out->count > (r.n - TAPE_HEAD) / out->form)
        goto bad;
    t->rest = str_sub(r, TAPE_HEAD + out->form * out->count, r.n);
    return -(int)h[1];
bad:
    fail(t, AM_E_TAMPERED);
    return AM_E_TAMPERED;
}

int model_tape_take(enum model_tape_op op, double *v, size_t max, size_t *n)
{
    struct played e;
    int err = next(op, &e);
    *n = 0;
    if (err)
        return err;
    if (e.form == 1 || e.count > max) {
        fail(tape, AM_E_TAMPERED);
        return AM_E_TAMPERED;
    }
    for (size_t i = 0; i < e.count; i++)
        v[i] = get_number(e.p + e.form * i, e.form);
    *n = e.count;
    return AM_OK;
}

/* ---- descriptions ---------------------------------------------------------------------
 */
static void common(struct str a, struct str b, size_t *first, size_t *last)
{
    size_t most = AM_MIN(a.n, b.n);
    *first = *last = 0;
    while (*first < most && a.p[*first] == b.p[*first])
        ++*first;
    while (*last < most - *first && a.p[a.n - 1 - *last] == b.p[b.n - 1 - *last])
        ++*last;
}

static int keep(struct model_tape *t, struct str describe)
{
    buf_clear(&t->describe);
    return buf_add(&t->describe, describe);
}

void model_tape_put_model(enum model_tape_op op, int err, size_t features,
                          const uint8_t digest[CRYPTO_SHA256], struct str describe)
{
    size_t first, last, middle;
    uint8_t *p;
    int kept;
    if (!records(err))
        return;
    common(buf_str(&tape->describe), describe, &first, &last);
    middle = describe.n - first - last;
    p = entry(tape, op, err, 1, TAPE_MODEL + middle);
    if (!p)
        return;
    put_u32(p, features);
    memcpy(p + 4, digest, CRYPTO_SHA256);
    put_u32(p + 4 + CRYPTO_SHA256, first);
    put_u32(p + 8 + CRYPTO_SHA256, last);
    if (middle)
        memcpy(p + TAPE_MODEL, describe.p + first, middle);
    kept = keep(tape, describe);
    if (kept)
        fail(tape, kept);
}

/* The description from the one before and what is new. */
static int rebuild(struct model_tape *t, const struct played *e, struct buf *out)
{
    struct str before = buf_str(&t->describe);
    size_t first = get_u32(e->p + 4 + CRYPTO_SHA256),
           last = get_u32(e->p + 8 + CRYPTO_SHA256);
    int err;
    if (first > before.n || last > before.n - first)
        return AM_E_TAMPERED;
    buf_clear(out);
    err = buf_add(out, str_sub(before, 0, first));
    if (!err)
        err = buf_add(out, (struct str){e->p + TAPE_MODEL, e->count - TAPE_MODEL});
    if (!err)
        err = buf_add(out, str_sub(before, before.n - last, before.n));
    return err ? err : keep(t, buf_str(out));
}

int model_tape_take_model(enum model_tape_op op, size_t *features,
                          uint8_t digest[CRYPTO_SHA256], struct buf *describe)
{
    struct played e;
    int err = next(op, &e), bad;
    size_t inputs;
    *features = 0; /* what is not whole has none: callers size their arrays by it */
    if (tape->err)
        return tape->err;
    if (e.form != 1 || e.count < TAPE_MODEL) {
        fail(tape, AM_E_TAMPERED);
        return AM_E_TAMPERED;
    }
    inputs = get_u32(e.p);
    memcpy(digest, e.p + 4, CRYPTO_SHA256);
    bad = rebuild(tape, &e, describe);
    if (!bad && inputs > MODEL_FEATURES_MAX)
        bad = AM_E_TAMPERED;
    if (bad)
        fail(tape, bad == AM_E_TOOBIG ? AM_E_TAMPERED : bad);
    else
        *features = inputs;
    return bad ? tape->err : err;
}

/* ---- the end --------------------------------------------------------------------------
 */
int model_tape_end(struct model_tape *t, struct str *bytes)
{
    uint8_t digest[CRYPTO_SHA256], *p;
    struct played e;
    struct model_tape *before;
    int err;
    crypto_sha256_end(&t->asked, digest);
    if (!t->plays) {
        p = t->err ? NULL : entry(t, TAPE_END, AM_OK, 1, sizeof digest);
        if (p)
            memcpy(p, digest, sizeof digest);
        *bytes = buf_str(&t->text);
        return t->err;
    }
    before = model_tape_use(t);
    err = next(TAPE_END, &e);
    model_tape_use(before);
    if (!err && (e.form != 1 || e.count != sizeof digest || t->rest.n ||
                 memcmp(e.p, digest, sizeof digest) != 0))
        err = AM_E_TAMPERED;
    *bytes = STR_NULL;
    return err;
}
