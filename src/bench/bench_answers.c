/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_answers.h"

#define ANSWERS_MAGIC "amane-answers/1\n"

/* ---- tapes of jobs --------------------------------------------------------------------
 */
int bench_tape_add(struct bench_run *r, const char *name, struct str bytes, bool bad)
{
    struct bench_tape t = {.bad = bad};
    int err;
    snprintf(t.name, sizeof t.name, "%s", name);
    buf_init(&t.bytes, BENCH_ANSWERS_MAX);
    err = buf_add(&t.bytes, bytes);
    if (!err)
        err = vec_push(&r->tape, t);
    if (err)
        buf_release(&t.bytes);
    return err;
}

void bench_tapes_release(struct bench_run *r)
{
    for (size_t i = 0; i < r->tape.n; i++)
        buf_release(&r->tape.v[i].bytes);
    vec_release(&r->tape);
}

int bench_tapes_move(struct bench_run *from, struct bench_run *to)
{
    int err = AM_OK;
    for (size_t i = 0; i < from->tape.n && !err; i++) {
        err = vec_push(&to->tape, from->tape.v[i]);
        if (!err)
            buf_init(&from->tape.v[i].bytes, BENCH_ANSWERS_MAX); /* moved */
    }
    return err;
}

static struct str kept_tape(const struct bench_run *r, const char *name)
{
    for (size_t i = 0; i < r->played.n; i++)
        if (str_eqc(r->played.v[i].name, name))
            return r->played.v[i].bytes;
    return STR_NULL;
}

int bench_tape_begin(const struct bench_run *r, const char *name, struct model_tape **out)
{
    int err = r->kept ? model_tape_play(out, kept_tape(r, name)) : model_tape_record(out);
    if (!err)
        model_tape_use(*out);
    return err;
}

static int end_played(struct bench_run *r, const char *name, struct model_tape *t)
{
    struct str unused;
    int err = model_tape_end(t, &unused);
    bool asked = kept_tape(r, name).n > 0 || model_tape_asks(t) > 0;
    if (err == AM_E_NOMEM)
        return err;
    return asked ? bench_tape_add(r, name, STR_NULL, err != AM_OK) : AM_OK;
}

static int end_recorded(struct bench_run *r, const char *name, struct model_tape *t)
{
    struct str bytes;
    int err = model_tape_end(t, &bytes);
    return err || !model_tape_asks(t) ? err : bench_tape_add(r, name, bytes, false);
}

int bench_tape_end(struct bench_run *r, const char *name, struct model_tape *t, int err)
{
    model_tape_use(NULL);
    if (!err)
        err = r->kept ? end_played(r, name, t) : end_recorded(r, name, t);
    model_tape_free(t);
    return err;
}

/* ---- files ----------------------------------------------------------------------------
 */
/* "mutation" and "mutation/3" are of mutation; the scoring is of identity. */
static bool is_of(const char *tape, const char *family)
{
    size_t n = strlen(family);
    if (!strcmp(tape, BENCH_TAPE_SCORES))
        return !strcmp(family, "identity");
    return !strncmp(tape, family, n) && (!tape[n] || tape[n] == '/');
}

static int add_u32(struct buf *b, size_t v)
{
    const char four[4] = {(char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24)};
    return buf_add(b, (struct str){four, sizeof four});
}

static int add_name(struct buf *b, const char *name)
{
    int err = buf_addc(b, (char)strlen(name));
    return err ? err : buf_adds(b, name);
}

static int write_head(const struct bench_run *r, const char *family, size_t tapes,
                      struct buf *out)
{
    int err = buf_adds(out, ANSWERS_MAGIC);
    if (!err)
        err = buf_add(out, (struct str){(const char *)r->config_sha256, CRYPTO_SHA256});
    if (!err)
        err = buf_add(out, (struct str){(const char *)r->model_sha256, CRYPTO_SHA256});
    if (!err)
        err = add_name(out, family);
    return err ? err : add_u32(out, tapes);
}

int bench_answers(const struct bench_run *r, const char *family, struct buf *out)
{
    size_t tapes = 0;
    int err;
    for (size_t i = 0; i < r->tape.n; i++)
        tapes += is_of(r->tape.v[i].name, family);
    if (!tapes)
        return AM_OK;
    err = write_head(r, family, tapes, out);
    for (size_t i = 0; i < r->tape.n && !err; i++) {
        const struct bench_tape *t = &r->tape.v[i];
        if (!is_of(t->name, family))
            continue;
        err = add_name(out, t->name);
        if (!err)
            err = add_u32(out, t->bytes.n);
        if (!err)
            err = buf_add(out, buf_str(&t->bytes));
    }
    return err;
}

static int seal_recorded(const struct bench_run *r, struct bench_family *f)
{
    struct buf b;
    int err;
    buf_init(&b, BENCH_ANSWERS_MAX);
    err = bench_answers(r, f->name, &b);
    f->asked = b.n > 0;
    crypto_sha256(buf_str(&b), f->answers_sha256);
    buf_release(&b);
    return err;
}

static void seal_played(const struct bench_run *r, struct bench_family *f)
{
    for (size_t i = 0; i < r->kept->n; i++)
        if (!strcmp(r->kept->answers[i].family, f->name)) {
            f->asked = true;
            crypto_sha256(r->kept->answers[i].bytes, f->answers_sha256);
        }
    for (size_t i = 0; i < r->tape.n; i++)
        f->bad |= r->tape.v[i].bad && is_of(r->tape.v[i].name, f->name);
}

int bench_answers_seal(struct bench_run *r)
{
    int err = AM_OK;
    for (size_t i = 0; i < r->family.n && !err; i++)
        if (r->kept)
            seal_played(r, &r->family.v[i]);
        else
            err = seal_recorded(r, &r->family.v[i]);
    return err;
}

static bool digest_of(const struct bench_run *r, const char *family, uint8_t out[32])
{
    for (size_t i = 0; r->kept && i < r->kept->n; i++)
        if (!strcmp(r->kept->answers[i].family, family)) {
            crypto_sha256(r->kept->answers[i].bytes, out);
            return true;
        }
    for (size_t i = 0; !r->kept && i < r->family.n; i++)
        if (!strcmp(r->family.v[i].name, family) && r->family.v[i].asked) {
            memcpy(out, r->family.v[i].answers_sha256, CRYPTO_SHA256);
            return true;
        }
    return false;
}

void bench_answers_digest(const struct bench_run *r, char hex[CRYPTO_HEX])
{
    struct crypto_sha256 all;
    uint8_t one[CRYPTO_SHA256];
    crypto_sha256_init(&all);
    for (size_t i = 0; bench_family_name(i); i++) {
        if (!digest_of(r, bench_family_name(i), one))
            continue;
        crypto_sha256_add(&all, str_c(crypto_hex(one, sizeof one, hex)));
        crypto_sha256_add(&all, STR("  "));
        crypto_sha256_add(&all, str_c(bench_family_name(i)));
        crypto_sha256_add(&all, STR("\n"));
    }
    crypto_sha256_end(&all, one);
    crypto_hex(one, sizeof one, hex);
}

/* ---- reading --------------------------------------------------------------------------
 */
static bool take(struct str *rest, size_t n, struct str *out)
{
    if (n > rest->n)
        return false;
    *out = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->n);
    return true;
}

static bool take_u32(struct str *rest, size_t *out)
{
    struct str four;
    if (!take(rest, 4, &four))
        return false;
    *out = 0;
    for (size_t i = 4; i-- > 0;)
        *out = *out << 8 | (uint8_t)four.p[i];
    return true;
}

static bool take_name(struct str *rest, struct str *out)
{
    struct str one;
    return take(rest, 1, &one) && (uint8_t)*one.p < BENCH_TAPE_NAME && *one.p &&
           take(rest, (uint8_t)*one.p, out) && str_utf8(*out);
}

static bool take_digest(struct str *rest, uint8_t out[CRYPTO_SHA256])
{
    struct str d;
    if (!take(rest, CRYPTO_SHA256, &d))
        return false;
    memcpy(out, d.p, CRYPTO_SHA256);
    return true;
}

int bench_answers_read(struct str bytes, struct bench_answers *out)
{
    struct bench_answers a = {.tape = {0}};
    struct str rest = bytes, magic;
    size_t tapes = 0, n = 0;
    int err = AM_OK;
    if (!take(&rest, strlen(ANSWERS_MAGIC), &magic) || !str_eqc(magic, ANSWERS_MAGIC) ||
        !take_digest(&rest, a.config_sha256) || !take_digest(&rest, a.model_sha256) ||
        !take_name(&rest, &a.family) || !take_u32(&rest, &tapes) || !tapes ||
        tapes > BENCH_TAPES_MAX)
        return AM_E_TAMPERED;
    for (size_t i = 0; i < tapes && !err; i++) {
        struct bench_played p;
        if (!take_name(&rest, &p.name) || !take_u32(&rest, &n) ||
            !take(&rest, n, &p.bytes))
            err = AM_E_TAMPERED;
        else
            err = vec_push(&a.tape, p);
    }
    if (!err && rest.n)
        err = AM_E_TAMPERED;
    if (err)
        bench_answers_release(&a);
    else
        *out = a;
    return err;
}

void bench_answers_release(struct bench_answers *a)
{
    vec_release(&a->tape);
}
