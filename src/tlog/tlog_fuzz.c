/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/clock.h"
#include "tlog/tlog.h"

/* The first byte chooses the reader; what one accepts must come out again as it went in.
 */

static void fuzz_note(struct str s)
{
    struct str body, sigs;
    struct tlog_checkpoint c;
    struct tlog_vkey k = {.name = "log", .type = TLOG_SIG_ED25519};
    struct buf b;
    int64_t at;
    buf_init(&b, 1 << 21);
    if (tlog_note_split(s, &body, &sigs) == AM_OK) {
        am_assert(body.n + 1 + sigs.n == s.n && body.p[body.n - 1] == '\n');
        if (tlog_checkpoint_parse(body, &c) == AM_OK) {
            am_assert(tlog_checkpoint_format(&c, &b) == AM_OK);
            am_assert(str_eq(buf_str(&b), body));
        }
    }
    am_assert(tlog_checkpoint_open(s, &k, &c) != AM_OK);
    k.type = TLOG_SIG_COSIGNATURE;
    am_assert(tlog_cosignature_find(s, &k, &at) != AM_OK);
    buf_release(&b);
}

static void fuzz_vkey(struct str s)
{
    struct tlog_vkey k;
    struct buf b;
    buf_init(&b, 4096);
    if (tlog_vkey_parse(s, &k) == AM_OK) {
        am_assert(tlog_vkey_format(&k, &b) == AM_OK);
        am_assert(str_eq(buf_str(&b), s));
    }
    buf_release(&b);
}

static void fuzz_policy(struct str s)
{
    struct tlog_policy *p;
    struct diag d;
    diag_init(&d);
    if (tlog_policy_parse(&p, s, &d) == AM_OK) {
        am_assert(d.errors == 0 && tlog_policy_log(p)->type == TLOG_SIG_ED25519);
        (void)!tlog_policy_check(p, s, NULL, NULL, NULL);
        tlog_policy_free(p);
    }
    diag_release(&d);
}

static void fuzz_bundle(struct str s)
{
    struct str e[256];
    size_t n, total = 0;
    if (tlog_bundle_parse(s, e, 256, &n) == AM_OK) {
        for (size_t i = 0; i < n; i++)
            total += 2 + e[i].n;
        am_assert(total == s.n);
    }
}

/* Sizes, then hashes: no proof made of other bytes may verify, nor read out of bounds. */
static void fuzz_proof(struct str s)
{
    struct tlog_hash leaf = {{1}}, root = {{2}};
    struct tlog_proof p = {.n = 0};
    uint64_t a, b;
    if (s.n < 16)
        return;
    memcpy(&a, s.p, 8);
    memcpy(&b, s.p + 8, 8);
    s = str_sub(s, 16, s.n);
    while (s.n >= TLOG_HASH && p.n < TLOG_PROOF_MAX) {
        memcpy(p.node[p.n++].h, s.p, TLOG_HASH);
        s = str_sub(s, TLOG_HASH, s.n);
    }
    am_assert(tlog_verify_inclusion(&p, a, &leaf, b, &root) == AM_E_TAMPERED);
    am_assert(tlog_verify_consistency(&p, a, &leaf, b, &root) == AM_E_TAMPERED);
}

static void fuzz_request(struct str s)
{
    static struct tlog_witness *w;
    static struct crypto_key *key;
    struct tlog_vkey log;
    struct buf reply;
    int status;
    bool split;
    if (!w) { /* the state is never written: nothing here is validly signed */
        char dir[] = "/tmp/amane-fuzz-XXXXXX", lock[64];
        am_assert(mkdtemp(dir) && crypto_key_generate(&key, CRYPTO_ED25519) == AM_OK);
        am_assert(tlog_witness_open(&w, dir, "w", key) == AM_OK);
        am_assert(tlog_vkey_make(STR("log"), TLOG_SIG_ED25519, key, &log) == AM_OK);
        am_assert(tlog_witness_add_log(w, &log) == AM_OK);
        snprintf(lock, sizeof lock, "%s/.lock", dir);
        unlink(lock);
        rmdir(dir);
    }
    buf_init(&reply, 1 << 16);
    am_assert(tlog_witness_add_checkpoint(w, s, TIME_SECOND, &status, &reply, &split) ==
              AM_OK);
    am_assert(status >= 400 && !split);
    buf_release(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static void (*const reader[])(struct str) = {fuzz_note,   fuzz_vkey,  fuzz_policy,
                                                 fuzz_bundle, fuzz_proof, fuzz_request};
    if (len)
        reader[data[0] % AM_LEN(reader)]((struct str){(const char *)data + 1, len - 1});
    return 0;
}
