/* SPDX-License-Identifier: Apache-2.0 */
/* C2SP signed-note, tlog-checkpoint, tlog-cosignature (Ed25519). */
#include "base/clock.h"
#include "tlog/tlog_priv.h"

#define TLOG_DASH "\xe2\x80\x94 " /* U+2014, space: starts a signature line */

enum { TLOG_ED25519 = 64, TLOG_TIMED = 8 + 64 };

/* Code points with the Unicode property White_Space, apart from the ASCII ones. */
static bool tlog_is_space(uint32_t c)
{
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool tlog_name_ok(struct str name)
{
    if (!name.n || name.n >= TLOG_NAME_MAX || !str_utf8(name))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        const uint8_t *p = (const uint8_t *)name.p + i;
        uint32_t c = p[0];
        if (c <= ' ' || c == '+' || c == 0x7f)
            return false;
        if (c >= 0xc2 && c < 0xe0)
            c = (c & 0x1f) << 6 | (p[1] & 0x3fu);
        else if (c >= 0xe0 && c < 0xf0)
            c = (c & 0x0f) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        else
            continue; /* ASCII, a continuation byte, or beyond U+FFFF: no spaces there */
        if (tlog_is_space(c))
            return false;
    }
    return true;
}

bool tlog_origin_ok(struct str origin)
{
    if (!origin.n || origin.n >= TLOG_NAME_MAX)
        return false;
    for (size_t i = 0; i < origin.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789./-", origin.p[i]) ||
            !origin.p[i])
            return false;
    return true;
}

/* Key id: first 4 bytes of SHA-256(name || "\n" || type || public key). */
static uint32_t tlog_key_id(struct str name, enum tlog_sig_type type,
                            const uint8_t pub[32])
{
    struct crypto_sha256 h;
    uint8_t d[CRYPTO_SHA256];
    const char t = (char)type;
    crypto_sha256_init(&h);
    crypto_sha256_add(&h, name);
    crypto_sha256_add(&h, STR("\n"));
    crypto_sha256_add(&h, (struct str){&t, 1});
    crypto_sha256_add(&h, (struct str){(const char *)pub, 32});
    crypto_sha256_end(&h, d);
    return (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
}

/* base64 text of exactly n bytes, read without touching the heap when it is wrong. */
static int tlog_unbase64(struct str text, uint8_t *out, size_t max, size_t *n)
{
    struct buf b;
    int err;
    if (text.n > (max + 2) / 3 * 4)
        return AM_E_SYNTAX;
    buf_init(&b, max + 2);
    err = crypto_unbase64(&b, text);
    if (!err && b.n > max)
        err = AM_E_SYNTAX;
    if (!err) {
        memcpy(out, b.p, b.n);
        *n = b.n;
    }
    buf_release(&b);
    return err == AM_E_TOOBIG ? AM_E_SYNTAX : err;
}

int tlog_vkey_parse(struct str text, struct tlog_vkey *out)
{
    struct str rest, name = str_cut(text, '+', &rest), b64, id;
    struct tlog_vkey k = {0};
    uint8_t raw[33], be[4];
    char hex[9];
    size_t n = 0;
    int err;
    id = str_cut(rest, '+', &b64);
    if (!tlog_name_ok(name) || id.n != 8 || !b64.p)
        return AM_E_SYNTAX;
    err = tlog_unbase64(b64, raw, sizeof raw, &n);
    if (err)
        return err;
    if (n && raw[0] != TLOG_SIG_ED25519 && raw[0] != TLOG_SIG_COSIGNATURE)
        return AM_E_UNSUPPORTED;
    if (n != sizeof raw)
        return AM_E_SYNTAX;
    memcpy(k.name, name.p, name.n);
    k.type = (enum tlog_sig_type)raw[0];
    memcpy(k.pub, raw + 1, 32);
    k.id = tlog_key_id(name, k.type, k.pub);
    for (int i = 0; i < 4; i++)
        be[i] = (uint8_t)(k.id >> (24 - 8 * i));
    if (!str_eqc(id,
                 crypto_hex(be, 4, hex))) /* a typing error in name or key shows here */
        return AM_E_SYNTAX;
    *out = k;
    return AM_OK;
}

int tlog_vkey_format(const struct tlog_vkey *k, struct buf *out)
{
    uint8_t raw[33];
    size_t old = out->n;
    int err;
    raw[0] = (uint8_t)k->type;
    memcpy(raw + 1, k->pub, 32);
    err = buf_addf(out, "%s+%08x+", k->name, k->id);
    if (!err)
        err = crypto_base64(out, (struct str){(const char *)raw, sizeof raw});
    if (err && out->n > old)
        buf_cut(out, old);
    return err;
}

int tlog_vkey_make(struct str name, enum tlog_sig_type type,
                   const struct crypto_key *ed25519, struct tlog_vkey *out)
{
    struct tlog_vkey k = {.type = type};
    int err;
    if (!tlog_name_ok(name))
        return AM_E_INVALID;
    err = crypto_key_raw_ed25519(ed25519, k.pub);
    if (err)
        return err;
    memcpy(k.name, name.p, name.n);
    k.id = tlog_key_id(name, type, k.pub);
    *out = k;
    return AM_OK;
}

int tlog_checkpoint_format(const struct tlog_checkpoint *c, struct buf *out)
{
    size_t old = out->n;
    int err = buf_addf(out, "%s\n%llu\n", c->origin, (unsigned long long)c->size);
    if (!err)
        err = crypto_base64(out, (struct str){(const char *)c->root.h, TLOG_HASH});
    if (!err)
        err = buf_addc(out, '\n');
    if (err && out->n > old)
        buf_cut(out, old);
    return err;
}

/* Decimal without leading zeros or sign, at most TLOG_SIZE_MAX. */
static bool tlog_size_parse(struct str s, uint64_t *out)
{
    uint64_t v = 0;
    if (!s.n || s.n > 16 || (s.n > 1 && s.p[0] == '0'))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = v;
    return v <= TLOG_SIZE_MAX;
}

int tlog_checkpoint_parse(struct str body, struct tlog_checkpoint *out)
{
    struct tlog_checkpoint c = {0};
    struct str rest, origin = str_cut(body, '\n', &rest);
    struct str size = str_cut(rest, '\n', &rest), root = str_cut(rest, '\n', &rest);
    size_t n = 0;
    int err;
    if (!origin.n || origin.n >= TLOG_NAME_MAX || !str_utf8(origin))
        return AM_E_SYNTAX;
    for (size_t i = 0; i < origin.n; i++)
        if ((unsigned char)origin.p[i] < ' ' || origin.p[i] == 0x7f)
            return AM_E_SYNTAX;
    if (!tlog_size_parse(size, &c.size) || !rest.p || rest.n) /* no extension line */
        return AM_E_SYNTAX;
    err = tlog_unbase64(root, c.root.h, TLOG_HASH, &n);
    if (err)
        return err;
    if (n != TLOG_HASH)
        return AM_E_SYNTAX;
    memcpy(c.origin, origin.p, origin.n);
    *out = c;
    return AM_OK;
}

int tlog_note_split(struct str note, struct str *body, struct str *sigs)
{
    struct str b, s, rest;
    struct tlog_sig sig;
    size_t at, lines = 0;
    if (note.n > TLOG_NOTE_MAX || !str_utf8(note))
        return AM_E_SYNTAX;
    for (size_t i = 0; i < note.n; i++)
        if ((unsigned char)note.p[i] < ' ' && note.p[i] != '\n')
            return AM_E_SYNTAX;
    for (at = note.n; at >= 2; at--) /* the last empty line ends the text */
        if (note.p[at - 1] == '\n' && note.p[at - 2] == '\n')
            break;
    if (at < 2)
        return AM_E_SYNTAX;
    b = str_sub(note, 0, at - 1);
    s = str_sub(note, at, note.n);
    for (rest = s; rest.n; lines++) {
        int err = lines < TLOG_SIGS_MAX ? tlog_sig_next(&rest, &sig) : AM_E_SYNTAX;
        if (err)
            return err;
    }
    if (!lines)
        return AM_E_SYNTAX;
    *body = b;
    *sigs = s;
    return AM_OK;
}

int tlog_sig_next(struct str *lines, struct tlog_sig *out)
{
    struct str rest, b64, line = str_cut(*lines, '\n', &rest);
    uint8_t raw[4 + sizeof out->sig];
    size_t n = 0;
    int err;
    if (!rest.p || !str_starts(line, STR(TLOG_DASH)))
        return AM_E_SYNTAX;
    line = str_sub(line, strlen(TLOG_DASH), line.n);
    out->name = str_cut(line, ' ', &b64);
    if (!out->name.n || !b64.n)
        return AM_E_SYNTAX;
    if (b64.n >
        (sizeof raw + 2) / 3 * 4) { /* post-quantum: kept in notes, not read here */
        out->n = 0;
        out->id = 0;
        *lines = rest;
        return AM_OK;
    }
    err = tlog_unbase64(b64, raw, sizeof raw, &n);
    if (err)
        return err;
    if (n < 5)
        return AM_E_SYNTAX;
    out->id =
        (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
    out->n = n - 4;
    memcpy(out->sig, raw + 4, n - 4);
    *lines = rest;
    return AM_OK;
}

static bool tlog_sig_by(const struct tlog_sig *s, const struct tlog_vkey *k)
{
    return s->n && s->id == k->id && str_eqc(s->name, k->name);
}

static int tlog_sig_line(const struct tlog_vkey *k, const uint8_t *sig, size_t n,
                         struct buf *line)
{
    uint8_t raw[4 + TLOG_TIMED];
    size_t old = line->n;
    int err;
    for (int i = 0; i < 4; i++)
        raw[i] = (uint8_t)(k->id >> (24 - 8 * i));
    memcpy(raw + 4, sig, n);
    err = buf_addf(line, TLOG_DASH "%s ", k->name);
    if (!err)
        err = crypto_base64(line, (struct str){(const char *)raw, 4 + n});
    if (!err)
        err = buf_addc(line, '\n');
    if (err && line->n > old)
        buf_cut(line, old);
    return err;
}

/* The private key must be the one the verifier key names, else nobody could verify. */
static int tlog_sign_raw(const struct tlog_vkey *k, const struct crypto_key *priv,
                         struct str data, uint8_t sig[TLOG_ED25519])
{
    uint8_t pub[32];
    struct buf b;
    int err = crypto_key_raw_ed25519(priv, pub);
    if (!err && !crypto_equal(pub, k->pub, sizeof pub))
        err = AM_E_INVALID;
    if (err)
        return err;
    buf_init(&b, TLOG_ED25519);
    err = crypto_sign(priv, data, &b);
    if (!err)
        memcpy(sig, b.p, TLOG_ED25519);
    buf_release(&b);
    return err;
}

int tlog_note_sign(const struct tlog_vkey *k, const struct crypto_key *priv,
                   struct str body, struct buf *line)
{
    uint8_t sig[TLOG_ED25519];
    int err;
    if (k->type != TLOG_SIG_ED25519)
        return AM_E_INVALID;
    err = tlog_sign_raw(k, priv, body, sig);
    return err ? err : tlog_sig_line(k, sig, sizeof sig, line);
}

static int tlog_verify_raw(const struct tlog_vkey *k, struct str data, const uint8_t *sig)
{
    struct crypto_key *key;
    int err = crypto_key_from_raw_ed25519(&key, k->pub);
    if (err)
        return err == AM_E_NOMEM ? err : AM_E_TAMPERED;
    err = crypto_verify(key, data, (struct str){(const char *)sig, TLOG_ED25519});
    crypto_key_free(key);
    return err;
}

int tlog_checkpoint_open(struct str note, const struct tlog_vkey *k,
                         struct tlog_checkpoint *out)
{
    struct str body = STR_NULL, sigs = STR_NULL;
    struct tlog_checkpoint c = {0};
    struct tlog_sig s;
    bool found = false;
    int err = tlog_note_split(note, &body, &sigs);
    if (!err)
        err = tlog_checkpoint_parse(body, &c);
    if (!err && strcmp(c.origin, k->name) != 0)
        err = AM_E_CONFLICT;
    while (!err && sigs.n) {
        err = tlog_sig_next(&sigs, &s);
        if (err || !tlog_sig_by(&s, k))
            continue;
        err = s.n == TLOG_ED25519 ? tlog_verify_raw(k, body, s.sig) : AM_E_TAMPERED;
        found = true;
    }
    if (!err && (!found || k->type != TLOG_SIG_ED25519))
        err = AM_E_TAMPERED;
    if (!err)
        *out = c;
    return err;
}

int tlog_note_bare(struct str note, const struct tlog_vkey *k, struct buf *out)
{
    struct tlog_checkpoint c;
    struct str body = STR_NULL, sigs = STR_NULL;
    size_t start = out->n;
    int err = tlog_checkpoint_open(note, k, &c);
    if (!err)
        err = tlog_note_split(note, &body, &sigs);
    while (!err && sigs.n) {
        struct str line = str_cut(sigs, '\n', &sigs);
        err = buf_add(out, body);
        if (!err)
            err = buf_addf(out, "\n%.*s\n", STR_FMT(line));
        if (!err) {
            err = tlog_checkpoint_open(str_sub(buf_str(out), start, out->n), k, &c);
            if (!err)
                return AM_OK;
            if (err != AM_E_NOMEM)
                err = AM_OK; /* not this line: the next */
        }
        buf_cut(out, start);
    }
    return err ? err : AM_E_TAMPERED;
}

/* tlog-cosignature: "cosignature/v1\n" "time <seconds>\n" body. */
static int tlog_cosigned_message(struct str body, int64_t seconds, struct buf *out)
{
    int err = buf_addf(out, "cosignature/v1\ntime %lld\n", (long long)seconds);
    return err ? err : buf_add(out, body);
}

int tlog_cosign(const struct tlog_vkey *k, const struct crypto_key *priv, struct str body,
                int64_t at, struct buf *line)
{
    uint8_t sig[TLOG_TIMED];
    int64_t seconds = at / TIME_SECOND;
    struct buf msg;
    int err;
    if (k->type != TLOG_SIG_COSIGNATURE || at < 0)
        return AM_E_INVALID;
    buf_init(&msg, body.n + 64);
    err = tlog_cosigned_message(body, seconds, &msg);
    if (!err)
        err = tlog_sign_raw(k, priv, buf_str(&msg), sig + 8);
    buf_release(&msg);
    if (err)
        return err;
    for (int i = 0; i < 8; i++)
        sig[i] = (uint8_t)((uint64_t)seconds >> (56 - 8 * i));
    return tlog_sig_line(k, sig, sizeof sig, line);
}

int tlog_cosignature_check(const struct tlog_sig *s, const struct tlog_vkey *k,
                           struct str body, int64_t *at)
{
    uint64_t seconds = 0;
    struct buf msg;
    int err;
    if (s->n != TLOG_TIMED || k->type != TLOG_SIG_COSIGNATURE)
        return AM_E_TAMPERED;
    for (int i = 0; i < 8; i++)
        seconds = seconds << 8 | s->sig[i];
    if (seconds > (uint64_t)(INT64_MAX / TIME_SECOND)) /* no such instant here */
        return AM_E_TAMPERED;
    buf_init(&msg, body.n + 64);
    err = tlog_cosigned_message(body, (int64_t)seconds, &msg);
    if (!err)
        err = tlog_verify_raw(k, buf_str(&msg), s->sig + 8);
    buf_release(&msg);
    if (!err)
        *at = (int64_t)seconds * TIME_SECOND;
    return err;
}

int tlog_cosignature_find(struct str note, const struct tlog_vkey *k, int64_t *at)
{
    struct str body, sigs;
    struct tlog_sig s;
    int64_t best = -1, one = 0;
    int err = tlog_note_split(note, &body, &sigs);
    while (!err && sigs.n) {
        err = tlog_sig_next(&sigs, &s);
        if (err || !tlog_sig_by(&s, k))
            continue;
        err = tlog_cosignature_check(&s, k, body, &one);
        if (!err)
            best = AM_MAX(best, one); /* the newest, when a witness signed twice */
    }
    if (err)
        return err;
    if (best < 0)
        return AM_E_NOTFOUND;
    *at = best;
    return AM_OK;
}
