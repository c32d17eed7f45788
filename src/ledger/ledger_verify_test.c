/* SPDX-License-Identifier: Apache-2.0 */
/* A mirror verified offline; every kind of damage found and named. */
#include <fcntl.h>

#include "ledger/ledger_priv.h"
#include "ledger/ledger_testkit.h"

static struct tk tk;
static char root[64];
static char genesis[CRYPTO_HEX];

static void copy_file(const char *from, const char *to)
{
    char *data;
    size_t n;
    int fd;
    assert_ok(am_file_read(from, 1 << 24, &data, &n));
    fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    close(fd);
    free(data);
}

static const char *copy_to;
static size_t copy_skip;
static int copy_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
    char to[512];
    (void)st, (void)w;
    snprintf(to, sizeof to, "%s%s", copy_to, path + copy_skip);
    if (type == FTW_D)
        assert_ok(am_dir_make(to, 0755));
    else
        copy_file(path, to);
    return 0;
}

/* The log as the registry writes it, cosigned by all four witnesses; and one blob of each
 * sort: weights, scores. */
static int build(void **state)
{
    struct tlog_config c = {.origin = TK_ORIGIN};
    struct tlog *t;
    struct buf note, lines;
    struct str body, sigs;
    char path[128];
    uint8_t digest[32];
    (void)state;
    tk_open(&tk);
    tk_to_pilot(&tk);
    snprintf(root, sizeof root, "%s", "/tmp/amane-verify-XXXXXX");
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/log", root);
    assert_ok(am_dir_make(path, 0755));
    c.dir = path;
    c.key = tk.log_key;
    c.delay_ms = 1;
    assert_ok(tlog_open(&t, &c));
    for (size_t i = 0; i < tk.leaf.n; i++) {
        uint64_t index;
        assert_ok(tlog_queue(t, (struct str){tk.leaf.v[i], tk.leaf_n.v[i]}, &index));
        if (i + 1 == tk.leaf.n)
            assert_ok(tlog_wait(t, index));
    }
    buf_init(&note, 1 << 16);
    buf_init(&lines, 1 << 16);
    assert_ok(tlog_note(t, &note));
    assert_ok(tlog_note_split(buf_str(&note), &body, &sigs));
    for (int i = 0; i < 4; i++) {
        struct tlog_vkey v;
        char name[40];
        snprintf(name, sizeof name, "node%d.example.org", i + 1);
        assert_ok(tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, tk.witness[i], &v));
        assert_ok(tlog_cosign(&v, tk.witness[i], body, tk.now + i * TIME_SECOND, &lines));
    }
    assert_ok(tlog_add_cosignatures(t, ledger_quorum(tk.l), tk.leaf.n, buf_str(&lines)));
    tlog_close(t);
    snprintf(path, sizeof path, "%s/blobs", root);
    copy_to = path;
    copy_skip = strlen(tk.dir);
    nftw(tk.dir, copy_one, 16, FTW_PHYS);
    {
        struct blob_store *s;
        assert_ok(blob_open(&s, path));
        assert_ok(blob_put(s, STR("a blob no entry names"), digest));
        blob_close(s);
    }
    assert_ok(ledger_genesis_digest(tk.l, digest));
    crypto_hex(digest, 32, genesis);
    buf_release(&lines);
    buf_release(&note);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    nftw(root, tk_remove, 16, FTW_DEPTH | FTW_PHYS);
    tk_close(&tk);
    return 0;
}

static void a_sound_mirror_holds_and_gives_the_same_state(void **state)
{
    struct ledger_verify_report r;
    struct ledger *l = NULL;
    struct diag d;
    uint8_t a[32], b[32];
    (void)state;
    diag_init(&d);
    if (ledger_verify(root, str_c(genesis), &r, &l, &d))
        fail_msg("%s: %s", d.n ? d.item[0].path : "?", d.n ? d.item[0].detail : "?");
    assert_int_equal(r.size, tk.leaf.n);
    assert_int_equal(r.entries_ok, tk.leaf.n);
    assert_int_equal(r.payloads_ok, tk.leaf.n);
    assert_int_equal(r.inclusion_ok, tk.leaf.n);
    assert_int_equal(r.consistency_ok, tk.leaf.n - 1);
    assert_int_equal(r.cosignatures, 4);
    assert_true(r.blobs_ok > 20);
    /* 3 of 4: the third newest of the four times */
    assert_int_equal(r.lease_at, tk.now + 1 * TIME_SECOND);
    assert_ok(ledger_state_digest(tk.l, a));
    assert_ok(ledger_state_digest(l, b));
    assert_memory_equal(a, b, 32);
    ledger_free(l);
    diag_release(&d);
}

/* Hides the payload of an entry, as a registry does from a stranger; and shows it again.
 */
static void payload_path(uint64_t index, char path[512])
{
    uint8_t digest[32];
    char hex[CRYPTO_HEX];
    assert_ok(ledger_entry_of(tk.l, index, digest, NULL));
    crypto_hex(digest, 32, hex);
    snprintf(path, 512, "%s/blobs/sha256/%.2s/%s", root, hex, hex + 2);
}

static void a_public_copy_holds_without_what_is_withheld(void **state)
{
    struct ledger_verify_report r;
    struct ledger *l = NULL;
    struct diag d;
    uint64_t last = tk.leaf.n - 1;
    char path[512], hidden[600];
    (void)state;
    diag_init(&d);
    payload_path(last, path);
    snprintf(hidden, sizeof hidden, "%s.hidden", root);
    assert_int_equal(rename(path, hidden), 0);
    assert_int_equal(ledger_verify(root, str_c(genesis), &r, NULL, &d), AM_E_INVALID);
    diag_clear(&d);
    assert_ok(
        ledger_verify_from(root, NULL, LEDGER_VERIFY_PUBLIC, str_c(genesis), &r, &l, &d));
    assert_int_equal(r.withheld, 6); /* P3: six signed the same payload */
    assert_int_equal(r.withheld_at[0], last - 5);
    assert_int_equal(r.entries_ok, last - 5);
    assert_int_equal(ledger_size(l), tk.leaf.n);
    assert_string_equal(ledger_outcome(l, last)->code, "withheld");
    assert_int_equal(ledger_outcome(l, last)->effect, LEDGER_NO_EFFECT);
    assert_int_equal(ledger_reach(l, last), LEDGER_REACH_WITHHELD);
    ledger_free(l);
    assert_int_equal(rename(hidden, path), 0);
    diag_release(&d);
}

static void entry_zero_is_never_withheld(void **state)
{
    struct ledger_verify_report r;
    struct diag d;
    struct ledger *empty;
    char path[512], hidden[600];
    (void)state;
    diag_init(&d);
    payload_path(0, path);
    snprintf(hidden, sizeof hidden, "%s.hidden", root);
    assert_int_equal(rename(path, hidden), 0);
    assert_int_equal(ledger_verify_from(root, NULL, LEDGER_VERIFY_PUBLIC, str_c(genesis),
                                        &r, NULL, &d),
                     AM_E_INVALID);
    assert_int_equal(rename(hidden, path), 0);
    diag_release(&d);
    assert_ok(ledger_new(&empty, tk.blobs));
    assert_int_equal(
        ledger_apply_withheld(empty, (struct str){tk.leaf.v[0], tk.leaf_n.v[0]}),
        AM_E_INVALID);
    assert_int_equal(ledger_apply_withheld(empty, STR("{}")), AM_E_TAMPERED);
    ledger_free(empty);
}

static void another_genesis_than_the_pinned_one_is_refused(void **state)
{
    struct ledger_verify_report r;
    struct diag d;
    char other[CRYPTO_HEX];
    (void)state;
    memcpy(other, genesis, sizeof other);
    other[0] = other[0] == '0' ? '1' : '0';
    diag_init(&d);
    assert_int_equal(ledger_verify(root, str_c(other), &r, NULL, &d), AM_E_INVALID);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].code, "verify.genesis");
    diag_release(&d);
}

/* Flips one bit in the middle of a file; the problem must name that file. */
static void flip(const char *path, long at, struct diag *d,
                 struct ledger_verify_report *r)
{
    FILE *f = fopen(path, "r+b");
    int c;
    assert_non_null(f);
    assert_int_equal(fseek(f, at < 0 ? 0 : at, SEEK_SET), 0);
    c = fgetc(f);
    assert_true(c != EOF);
    assert_int_equal(fseek(f, at < 0 ? 0 : at, SEEK_SET), 0);
    assert_int_equal(fputc(c ^ 1, f), c ^ 1);
    assert_int_equal(fclose(f), 0);
    diag_clear(d);
    if (!ledger_verify(root, str_c(genesis), r, NULL, d)) /* a name nobody knows */
        assert_int_equal(d->warnings, 1);
    f = fopen(path, "r+b"); /* and back */
    assert_non_null(f);
    assert_int_equal(fseek(f, at < 0 ? 0 : at, SEEK_SET), 0);
    assert_int_equal(fputc(c, f), c);
    assert_int_equal(fclose(f), 0);
}

static char files[400][200];
static size_t n_files;
static int list_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
    (void)st, (void)w;
    if (type == FTW_F && st->st_size > 0 && n_files < AM_LEN(files))
        snprintf(files[n_files++], sizeof files[0], "%s", path);
    return 0;
}

/* The partial tile of a checkpoint that was passed: a slow machine leaves some. It is
 * nobody's proof any more, and no part of what is verified. */
static bool passed_by(const char *below)
{
    const char *p = strstr(below, ".p/");
    return p && strtoul(p + 3, NULL, 10) != tk.leaf.n % 256;
}

static void one_bit_in_any_file_is_found_and_the_file_named(void **state)
{
    struct ledger_verify_report r;
    struct diag d;
    (void)state;
    diag_init(&d);
    n_files = 0;
    nftw(root, list_one, 16, FTW_PHYS);
    assert_true(n_files > 30);
    for (size_t i = 0; i < n_files; i++) {
        const char *below = files[i] + strlen(root) + 1;
        struct stat st;
        bool named = false;
        if (strstr(below, "lock") || strstr(below, ".tmp") || passed_by(below))
            continue; /* no data */
        assert_int_equal(stat(files[i], &st), 0);
        flip(files[i], st.st_size / 2, &d, &r);
        for (size_t k = 0; k < d.n; k++) {
            const char *p = d.item[k].path;
            size_t n = strlen(p), m = strlen(below);
            named |= n && m >= n && strcmp(below + m - n, p) == 0;
        }
        if (!named && strstr(below, "tile/entries/"))
            for (size_t k = 0; k < d.n; k++) /* the entry inside the bundle is closer */
                named |= strncmp(d.item[k].path, "log/entry/", 10) == 0;
        if (!named) {
            for (size_t k = 0; k < d.n; k++)
                print_message("%s: %s [%s]\n", d.item[k].path, d.item[k].detail,
                              d.item[k].code);
            fail_msg("a bit flipped in %s is not named", below);
        }
    }
    diag_clear(&d);
    assert_ok(ledger_verify(root, str_c(genesis), &r, NULL, &d));
    diag_release(&d);
}

/* The file of a blob, flipped: what it is to the log is told. */
static void blob_told(const uint8_t digest[32], const char *what)
{
    struct ledger_verify_report r;
    struct diag d;
    char path[200], hex[CRYPTO_HEX];
    bool told = false;
    crypto_hex(digest, 32, hex);
    snprintf(path, sizeof path, "%s/blobs/sha256/%.2s/%s", root, hex, hex + 2);
    diag_init(&d);
    flip(path, 3, &d, &r);
    for (size_t i = 0; i < d.n; i++)
        told |= strstr(d.item[i].detail, what) != NULL;
    if (!told)
        fail_msg("%s is told as %s", what, d.n ? d.item[d.n - 1].detail : "nothing");
    diag_release(&d);
}

static void a_broken_blob_is_named_by_its_use(void **state)
{
    uint8_t digest[32];
    (void)state;
    crypto_sha256(STR("weights 7"), digest);
    blob_told(digest, "weights of entry");
    crypto_sha256(STR("row,score\n1,0.5\n"), digest);
    blob_told(digest, "scores of entry");
    crypto_sha256(STR("a blob no entry names"), digest);
    blob_told(digest, "not named by any entry");
    assert_ok(crypto_unhex(str_c(tk.evidence), digest, 32));
    blob_told(digest, "evidence payload of entry");
}

static void a_missing_payload_is_named_with_its_entry(void **state)
{
    struct ledger_verify_report r;
    struct diag d;
    char path[200], away[210], hex[CRYPTO_HEX];
    uint8_t payload[32];
    (void)state;
    diag_init(&d);
    assert_ok(ledger_entry_of(tk.l, 5, payload, NULL));
    crypto_hex(payload, 32, hex);
    snprintf(path, sizeof path, "%s/blobs/sha256/%.2s/%s", root, hex, hex + 2);
    snprintf(away, sizeof away, "%s.away", path);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(ledger_verify(root, STR_NULL, &r, NULL, &d), AM_E_INVALID);
    assert_string_equal(d.item[0].code, "verify.missing");
    assert_non_null(strstr(d.item[0].detail, "entry 5"));
    assert_int_equal(r.entries_ok, 5);
    assert_int_equal(rename(away, path), 0);
    diag_release(&d);
}

static void nothing_there_is_said_plainly(void **state)
{
    struct ledger_verify_report r;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_int_equal(ledger_verify("/nonexistent", STR_NULL, &r, NULL, &d), AM_E_INVALID);
    assert_string_equal(d.item[0].path, "log/checkpoint");
    diag_release(&d);
}

/* After some hundred signatures of a key the fast way checks the rest of them. */
static void a_key_that_signs_much_is_checked_as_strictly(void **state)
{
    struct ledger_verifier *v = NULL;
    struct ledger_leaf_view leaf;
    struct ledger_ready ready;
    struct blob_store *s = NULL;
    struct buf payload;
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/blobs", root);
    buf_init(&payload, LEDGER_PAYLOAD_MAX);
    assert_ok(blob_open(&s, path));
    assert_ok(ledger_leaf_parse((struct str){tk.leaf.v[1], tk.leaf_n.v[1]}, &leaf));
    assert_ok(blob_get(s, leaf.payload_sha256, &payload));
    assert_ok(ledger_verifier_new(&v));
    for (int i = 0; i < 600; i++) {
        assert_ok(ledger_prepare(v, &leaf, buf_str(&payload), STR(TK_BASE), &ready));
        ledger_ready_release(&ready);
    }
    for (size_t i = 0; i < leaf.sig.n; i++) {
        leaf.sig.p[i] ^= 1;
        assert_int_equal(
            ledger_prepare(v, &leaf, buf_str(&payload), STR(TK_BASE), &ready),
            AM_E_TAMPERED);
        leaf.sig.p[i] ^= 1;
    }
    payload.p[payload.n / 2] ^= 1; /* with a leaf that says so */
    crypto_sha256(buf_str(&payload), leaf.payload_sha256);
    assert_int_equal(ledger_prepare(v, &leaf, buf_str(&payload), STR(TK_BASE), &ready),
                     AM_E_TAMPERED);
    ledger_verifier_free(v);
    ledger_leaf_release(&leaf);
    blob_close(s);
    buf_release(&payload);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(a_sound_mirror_holds_and_gives_the_same_state),
        TEST(a_public_copy_holds_without_what_is_withheld),
        TEST(entry_zero_is_never_withheld),
        TEST(another_genesis_than_the_pinned_one_is_refused),
        TEST(one_bit_in_any_file_is_found_and_the_file_named),
        TEST(a_broken_blob_is_named_by_its_use),
        TEST(a_missing_payload_is_named_with_its_entry),
        TEST(nothing_there_is_said_plainly),
        TEST(a_key_that_signs_much_is_checked_as_strictly),
    };
    return cmocka_run_group_tests(t, build, destroy);
}
