/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_verify -- `amane log verify`: a copy of the log checked without trusting
 * anybody.
 *
 * Reads files only (no lock: a running server's folder may be checked): tiles against
 * entry bundles (tlog_fsck), the checkpoints against keys and quorum that entry 0 names,
 * proofs from a tree computed here, every leaf, signature and payload through the fold,
 * every blob against its name. Nothing stops at the first problem. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "ledger/ledger_priv.h"

enum {
    BUNDLE = 256,
    BUNDLE_MAX = BUNDLE * (TLOG_ENTRY_MAX + 2),
    LEVELS = 64,
    PATHS = 4096
};
enum { EVERY_SIZE = 4096 }; /* consistency from each size up to here, then per tile */

struct verify {
    const char *dir;
    struct diag *d;
    struct ledger_verify_report r;
    struct blob_store *blobs;
    bool lent; /* blobs is the caller's */
    enum ledger_verify_how how;
    struct ledger *l;
    struct ledger_ahead *ahead;
    struct ledger_ahead_row row[LEDGER_AHEAD_ROWS];
    bool folding;
    VEC(struct tlog_hash) level[LEVELS]; /* roots of full subtrees of 2^k leaves */
    struct map what;                     /* digest -> index of `name`: what a blob is */
    VEC(char *) name;
    int64_t started, told;
};

static void tell(struct verify *v, const char *step, uint64_t done)
{
    int64_t now = time_mono();
    if (now - v->told < 2 * TIME_SECOND)
        return;
    v->told = now;
    LOG_I("ledger.verify", log_s("step", step), log_i("done", (int64_t)done),
          log_i("of", (int64_t)v->r.size));
}

/* ---- the tree, kept as full subtrees --------------------------------------------- */
static int tree_add(struct verify *v, struct str leaf)
{
    struct tlog_hash h;
    size_t k = 0;
    int err;
    tlog_leaf_hash(leaf, &h);
    err = vec_push(&v->level[0], h);
    while (!err && v->level[k].n % 2 == 0) {
        const struct tlog_hash *pair = &v->level[k].v[v->level[k].n - 2];
        tlog_node_hash(&pair[0], &pair[1], &h);
        k++;
        err = vec_push(&v->level[k], h);
    }
    return err;
}

/* Root of leaves [from, to): from is a multiple of a power of two >= to - from. */
static void tree_range(const struct verify *v, uint64_t from, uint64_t to,
                       struct tlog_hash *out)
{
    uint64_t n = to - from, half = 1;
    size_t k = 0;
    struct tlog_hash l, r;
    while (half * 2 < n)
        half *= 2;
    while ((UINT64_C(1) << k) < n)
        k++;
    if (n == 0)
        tlog_empty_root(out);
    else if ((UINT64_C(1) << k) == n)
        *out = v->level[k].v[from >> k];
    else {
        tree_range(v, from, from + half, &l);
        tree_range(v, from + half, to, &r);
        tlog_node_hash(&l, &r, out);
    }
}

/* RFC 6962, 2.1.1: the path of leaf i in leaves [from, to), nearest first. */
static void tree_path(const struct verify *v, uint64_t i, uint64_t from, uint64_t to,
                      struct tlog_proof *p)
{
    uint64_t half = 1;
    if (to - from <= 1)
        return;
    while (half * 2 < to - from)
        half *= 2;
    if (i < from + half) {
        tree_path(v, i, from, from + half, p);
        tree_range(v, from + half, to, &p->node[p->n++]);
    } else {
        tree_path(v, i, from + half, to, p);
        tree_range(v, from, from + half, &p->node[p->n++]);
    }
}

/* RFC 6962, 2.1.2: SUBPROOF(m, D[from:to], whole). */
static void tree_subproof(const struct verify *v, uint64_t m, uint64_t from, uint64_t to,
                          bool whole, struct tlog_proof *p)
{
    uint64_t n = to - from, half = 1;
    if (m == n) {
        if (!whole)
            tree_range(v, from, to, &p->node[p->n++]);
        return;
    }
    while (half * 2 < n)
        half *= 2;
    if (m <= half) {
        tree_subproof(v, m, from, from + half, whole, p);
        tree_range(v, from + half, to, &p->node[p->n++]);
    } else {
        tree_subproof(v, m - half, from + half, to, false, p);
        tree_range(v, from, from + half, &p->node[p->n++]);
    }
}

static void check_proofs(struct verify *v, const struct tlog_checkpoint *c)
{
    uint64_t n = v->level[0].n, step = n <= EVERY_SIZE ? 1 : BUNDLE;
    for (uint64_t i = 0; i < n; i++) {
        struct tlog_proof p = {.n = 0};
        tree_path(v, i, 0, n, &p);
        if (tlog_verify_inclusion(&p, i, &v->level[0].v[i], c->size, &c->root))
            diag_err(v->d, "log/checkpoint", "verify.inclusion", "entry %llu",
                     (unsigned long long)i);
        else
            v->r.inclusion_ok++;
        tell(v, "inclusion", i);
    }
    for (uint64_t m = step; m < n; m += step) {
        struct tlog_proof p = {.n = 0};
        struct tlog_hash old;
        tree_range(v, 0, m, &old);
        tree_subproof(v, m, 0, n, true, &p);
        if (tlog_verify_consistency(&p, m, &old, c->size, &c->root))
            diag_err(v->d, "log/checkpoint", "verify.consistency", "size %llu",
                     (unsigned long long)m);
        else
            v->r.consistency_ok++;
        tell(v, "consistency", m);
    }
}

/* ---- entries --------------------------------------------------------------------- */
/* Remembers what a digest names, so that a broken blob is named by its use. */
static int note_digest(struct verify *v, const uint8_t digest[32], const char *what,
                       uint64_t index)
{
    struct str key = {(const char *)digest, 32};
    char text[96], *copy;
    int err;
    if (map_has(&v->what, key))
        return AM_OK;
    snprintf(text, sizeof text, "%s of entry %llu", what, (unsigned long long)index);
    copy = str_dup(str_c(text));
    if (!copy)
        return AM_E_NOMEM;
    err = map_set(&v->what, key, v->name.n);
    if (!err)
        err = vec_push(&v->name, copy);
    if (err)
        free(copy);
    return err;
}

static int note_blob(struct verify *v, const struct json *digest, const char *what,
                     uint64_t index)
{
    uint8_t d[32];
    return ledger_unhex(digest, d) ? note_digest(v, d, what, index) : AM_OK;
}

static int note_record(struct verify *v, const struct json *r, uint64_t index)
{
    int err = AM_OK;
    for (json_each(it, json_get(r, "artifacts")))
        if (!err)
            err = note_blob(v, json_get(it.val, "sha256"),
                            json_str_is(json_get(it.val, "role"), "weights") ? "weights"
                                                                             : "artifact",
                            index);
    if (!err)
        err = note_blob(v, json_get(r, "scores_sha256"), "scores", index);
    if (!err)
        err = note_blob(v, json_get(json_get(r, "dataset"), "sha256"), "data manifest",
                        index);
    if (!err)
        err = note_blob(v, json_get(r, "policy_sha256"), "policy", index);
    return err;
}

static int note_statement(struct verify *v, const uint8_t digest[32],
                          const struct json *statement, uint64_t index)
{
    struct str type = json_get_str(statement, "predicateType");
    const struct json *p = json_get(statement, "predicate"),
                      *own = json_get(p, "amane_record");
    int err =
        note_digest(v, digest,
                    str_starts(type, STR("https://in-toto.io/")) ? "evidence payload"
                                                                 : "statement payload",
                    index);
    return err ? err : note_record(v, own ? own : p, index);
}

/* Parsed already when it was made ready; entry 0 and what is no statement are not. */
static int note_payload(struct verify *v, const struct ledger_ahead_row *row,
                        uint64_t index)
{
    struct json_doc *doc = NULL;
    int err;
    if (row->ready.readable)
        return note_statement(v, row->view.payload_sha256, json_root(row->ready.st.doc),
                              index);
    if (json_parse(&doc, buf_str(&row->payload), NULL, NULL) == AM_E_NOMEM)
        return AM_E_NOMEM;
    err = note_statement(v, row->view.payload_sha256, json_root(doc), index);
    json_free(doc);
    return err;
}

static void entry_problem(struct verify *v, uint64_t index, const char *code,
                          const char *detail)
{
    char path[64];
    snprintf(path, sizeof path, "log/entry/%llu", (unsigned long long)index);
    diag_err(v->d, path, code, "%s", detail);
}

/* What a broken payload was meant to be, as far as its bytes still tell. */
static const char *meant_as(const struct verify *v, const uint8_t digest[32])
{
    static const char test_result[] = "https://in-toto.io/attestation/test-result";
    static const char vsa[] = "https://slsa.dev/verification_summary";
    char path[PATHS], *data;
    const char *what = "statement";
    size_t n;
    if (!v->blobs)
        return what;
    blob_path(v->blobs, digest, path, sizeof path);
    if (am_file_read(path, LEDGER_PAYLOAD_MAX, &data, &n))
        return what;
    if (memmem(data, n, test_result, sizeof test_result - 1))
        what = "evidence";
    else if (memmem(data, n, vsa, sizeof vsa - 1))
        what = "decision";
    free(data);
    return what;
}

static void payload_problem(struct verify *v, const uint8_t digest[32], uint64_t index,
                            int err)
{
    char path[128], file[PATHS], hex[CRYPTO_HEX];
    crypto_hex(digest, 32, hex);
    blob_path(v->blobs, digest, file, sizeof file);
    if (v->lent && access(file, F_OK))
        snprintf(path, sizeof path, "registry.db entry %llu", (unsigned long long)index);
    else
        snprintf(path, sizeof path, "blobs/sha256/%.2s/%s", hex, hex + 2);
    diag_err(v->d, path, err == AM_E_NOTFOUND ? "verify.missing" : "verify.blob",
             "%s payload of entry %llu: %s", meant_as(v, digest),
             (unsigned long long)index, am_err_text(err));
}

/* The fold of one entry that is whole. */
static int fold_row(struct verify *v, const struct ledger_ahead_row *row, uint64_t index)
{
    int err = row->err ? row->err : ledger_apply_ready(v->l, &row->ready);
    if (err == AM_E_NOMEM)
        return err;
    if (!err) {
        v->r.entries_ok++;
        return AM_OK;
    }
    entry_problem(v, index, "verify.entry",
                  err == AM_E_INVALID ? "no genesis that holds"
                                      : "signature, leaf or payload do not agree");
    v->folding = false;
    return AM_OK;
}

/* One entry: leaf, payload, then the fold. After a first break the fold stops (it would
 * judge on a hole) and the rest is still read. */
static int check_row(struct verify *v, const struct ledger_ahead_row *row, uint64_t index)
{
    int err = tree_add(v, row->leaf);
    if (!err && (row->leaf_err == AM_E_NOMEM || row->blob_err == AM_E_NOMEM))
        err = AM_E_NOMEM;
    if (err)
        return err;
    if (row->leaf_err) {
        entry_problem(v, index, "verify.leaf", "not a Rekor v2 dsse 0.0.2 leaf");
        v->folding = false;
        return AM_OK;
    }
    if (row->blob_err == AM_E_NOTFOUND && v->how == LEDGER_VERIFY_PUBLIC && index) {
        if (v->r.withheld < LEDGER_WITHHELD_NAMED)
            v->r.withheld_at[v->r.withheld] = index;
        v->r.withheld++;
        return v->folding ? ledger_apply_withheld(v->l, row->leaf) : AM_OK;
    }
    if (row->blob_err) {
        payload_problem(v, row->view.payload_sha256, index, row->blob_err);
        v->folding = false;
        return AM_OK;
    }
    v->r.payloads_ok++;
    err = note_payload(v, row, index);
    return err || !v->folding ? err : fold_row(v, row, index);
}

/* Entry 0 goes alone: it names what the others are read with. */
static int check_slice(struct verify *v, uint64_t first, const struct str *entry,
                       size_t n)
{
    struct ledger_ahead_row *row = v->row;
    int err = AM_OK;
    for (size_t i = 0; i < n; i++)
        row[i].leaf = entry[i];
    ledger_ahead_run(v->ahead, v->blobs,
                     ledger_size(v->l) ? ledger_type_base(v->l) : STR_NULL, v->folding,
                     row, n);
    for (size_t i = 0; i < n && !err; i++)
        err = check_row(v, &row[i], first + i);
    ledger_ahead_clear(row, n);
    return err;
}

static int check_bundle(struct verify *v, uint64_t first, const struct str *entry,
                        size_t n)
{
    int err = AM_OK;
    for (size_t i = 0, take; i < n && !err; i += take) {
        take = first + i ? AM_MIN(n - i, (size_t)LEDGER_AHEAD_ROWS) : 1;
        err = check_slice(v, first + i, entry + i, take);
    }
    return err;
}

/* Reads bundle b of a log of that size: the full tile when there, else the partial one.
 */
static int read_bundle(const struct verify *v, uint64_t b, uint64_t size, char **data,
                       size_t *n, char path[PATHS])
{
    uint64_t left = size - b * BUNDLE;
    unsigned width = left < BUNDLE ? (unsigned)left : BUNDLE;
    char tile[96];
    int err;
    tlog_tile_path(-1, b, width, tile);
    snprintf(path, PATHS, "%s/log/%s", v->dir, tile);
    err = am_file_read(path, BUNDLE_MAX, data, n);
    if (err == AM_E_NOTFOUND && width < BUNDLE) {
        tlog_tile_path(-1, b, BUNDLE, tile);
        snprintf(path, PATHS, "%s/log/%s", v->dir, tile);
        err = am_file_read(path, BUNDLE_MAX, data, n);
    }
    memmove(path, path + strlen(v->dir) + 1, strlen(path) - strlen(v->dir));
    return err;
}

static int check_entries(struct verify *v)
{
    struct str entry[BUNDLE];
    for (uint64_t b = 0; b * BUNDLE < v->r.size; b++) {
        char path[PATHS], *data = NULL;
        size_t bytes, n = 0, want = (size_t)AM_MIN(v->r.size - b * BUNDLE, BUNDLE);
        int err = read_bundle(v, b, v->r.size, &data, &bytes, path);
        if (!err)
            err = tlog_bundle_parse((struct str){data, bytes}, entry, BUNDLE, &n);
        if (!err && n < want)
            err = AM_E_SYNTAX;
        if (err == AM_E_NOMEM)
            return err;
        if (err) { /* without it no later index is certain */
            diag_err(v->d, path, "verify.bundle", "%s", am_err_text(err));
            free(data);
            return AM_OK;
        }
        err = check_bundle(v, b * BUNDLE, entry, want);
        free(data);
        tell(v, "entries", b * BUNDLE);
        if (err)
            return err;
    }
    return AM_OK;
}

/* ---- checkpoints ----------------------------------------------------------------- */
static int read_note(const struct verify *v, const char *name, char **text, size_t *n)
{
    char path[PATHS];
    snprintf(path, sizeof path, "%s/log/%s", v->dir, name);
    return am_file_read(path, TLOG_NOTE_MAX, text, n);
}

static int read_size(struct verify *v, struct tlog_checkpoint *c)
{
    char *text = NULL;
    size_t n;
    struct str body = STR_NULL, sigs = STR_NULL;
    int err = read_note(v, "checkpoint", &text, &n);
    if (!err)
        err = tlog_note_split((struct str){text, n}, &body, &sigs);
    if (!err)
        err = tlog_checkpoint_parse(body, c);
    if (err && err != AM_E_NOMEM) {
        diag_err(v->d, "log/checkpoint", "verify.checkpoint", "%s", am_err_text(err));
        err = AM_E_SYNTAX;
    }
    free(text);
    return err;
}

static unsigned count_bits(uint64_t x)
{
    unsigned n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}

/* Every line of a note is by the log or a witness of the genesis, and verifies. A line by
 * somebody else is allowed (C2SP: ignored), but said. */
static void check_lines(struct verify *v, const char *path, struct str note)
{
    const struct tlog_policy *q = ledger_quorum(v->l);
    struct str body, sigs;
    size_t lines = 0, known = 1; /* the log's own */
    if (tlog_note_split(note, &body, &sigs))
        return; /* said elsewhere */
    for (size_t i = 0; i < sigs.n; i++)
        lines += sigs.p[i] == '\n';
    for (size_t i = 0; i < tlog_policy_witnesses(q); i++) {
        const struct tlog_vkey *k = &tlog_policy_witness(q, i)->key;
        int64_t at;
        int err = tlog_cosignature_find(note, k, &at);
        known += !err;
        if (err == AM_E_TAMPERED)
            diag_err(v->d, path, "verify.cosignature", "of %s does not verify", k->name);
    }
    if (lines > known)
        diag_add(v->d, DIAG_WARNING, path, "verify.unknown_signature",
                 "%zu lines by nobody the genesis names", lines - known);
}

/* The log's own signature, by the key entry 0 names; then the newest cosigned one. */
static int check_notes(struct verify *v)
{
    struct tlog_checkpoint c;
    struct tlog_hash root;
    char *text = NULL;
    size_t n;
    uint64_t who = 0;
    int err = read_note(v, "checkpoint", &text, &n);
    if (!err && tlog_checkpoint_open((struct str){text, n}, ledger_log_key(v->l), &c))
        diag_err(v->d, "log/checkpoint", "verify.signature",
                 "not signed by the key of the genesis");
    if (!err)
        check_lines(v, "log/checkpoint", (struct str){text, n});
    free(text);
    text = NULL;
    err = read_note(v, "checkpoint.cosigned", &text, &n);
    if (err == AM_E_NOTFOUND)
        return AM_OK;
    if (!err)
        err = tlog_policy_check(ledger_quorum(v->l), (struct str){text, n}, &c,
                                &v->r.lease_at, &who);
    if (text)
        check_lines(v, "log/checkpoint.cosigned", (struct str){text, n});
    free(text);
    if (err == AM_E_NOMEM)
        return err;
    v->r.cosignatures = count_bits(who);
    if (err) {
        diag_err(v->d, "log/checkpoint.cosigned", "verify.quorum", "%s",
                 am_err_text(err));
        return AM_OK;
    }
    if (c.size > v->level[0].n) {
        diag_err(v->d, "log/checkpoint.cosigned", "verify.consistency",
                 "cosigned size %llu lies beyond the log", (unsigned long long)c.size);
        return AM_OK;
    }
    tree_range(v, 0, c.size, &root);
    if (memcmp(&root, &c.root, sizeof root) != 0)
        diag_err(v->d, "log/checkpoint.cosigned", "verify.split",
                 "the witnesses have signed another tree");
    return AM_OK;
}

/* ---- blobs ----------------------------------------------------------------------- */
static int check_blob(void *cookie, const uint8_t digest[32], uint64_t size_b)
{
    struct verify *v = cookie;
    char path[PATHS], hex[CRYPTO_HEX];
    uint8_t found[32];
    uint64_t n;
    size_t at;
    const char *what = "not named by any entry";
    int err;
    blob_path(v->blobs, digest, path, sizeof path);
    err = crypto_sha256_file(path, found, &n);
    if (err == AM_E_NOMEM)
        return err;
    if (!err && memcmp(found, digest, 32) == 0 && n == size_b) {
        v->r.blobs_ok++;
        return AM_OK;
    }
    if (!map_get(&v->what, (struct str){(const char *)digest, 32}, &at))
        what = v->name.v[at];
    crypto_hex(digest, 32, hex);
    snprintf(path, sizeof path, "blobs/sha256/%.2s/%s", hex, hex + 2);
    diag_err(v->d, path, "verify.blob", "%s: %s", what,
             err ? am_err_text(err) : "its bytes have another SHA-256");
    return AM_OK;
}

static int open_blobs(struct verify *v)
{
    char path[PATHS];
    struct stat st;
    if (v->blobs)
        return AM_OK;
    snprintf(path, sizeof path, "%s/blobs/sha256", v->dir);
    if (stat(path, &st)) { /* blob_open() would create it: a check changes nothing */
        diag_err(v->d, "blobs", "verify.missing", "no blob store beside the log");
        return AM_OK;
    }
    snprintf(path, sizeof path, "%s/blobs", v->dir);
    return blob_open(&v->blobs, path);
}

static void check_genesis(struct verify *v, struct str pinned)
{
    char hex[CRYPTO_HEX];
    if (ledger_genesis_digest(v->l, v->r.genesis))
        return;
    crypto_hex(v->r.genesis, 32, hex);
    if (pinned.p && !str_eqc(pinned, hex))
        diag_err(v->d, "log/entry/0", "verify.genesis", "is %s, not the pinned one", hex);
}

static int verify_all(struct verify *v, struct str genesis)
{
    struct tlog_checkpoint c;
    char path[PATHS];
    int err;
    snprintf(path, sizeof path, "%s/log", v->dir);
    err = read_size(v, &c);
    if (err)
        return err == AM_E_SYNTAX ? AM_OK : err;
    v->r.size = c.size;
    v->r.root = c.root;
    err = tlog_fsck(path, NULL, v->d);
    if (err && err != AM_E_INVALID && err != AM_E_TAMPERED)
        return err;
    err = open_blobs(v);
    if (!err)
        err = ledger_new(&v->l, v->blobs);
    if (!err)
        err = ledger_ahead_new(&v->ahead);
    v->folding = v->blobs != NULL;
    if (!err)
        err = check_entries(v);
    if (err)
        return err;
    check_genesis(v, genesis);
    if (v->level[0].n == c.size)
        check_proofs(v, &c);
    if (ledger_size(v->l) > 0)
        err = check_notes(v);
    else
        diag_err(v->d, "log/entry/0", "verify.genesis", "no genesis that holds");
    if (!err && v->blobs)
        err = blob_each(v->blobs, check_blob, v);
    return err;
}

int ledger_verify(const char *dir, struct str genesis, struct ledger_verify_report *r,
                  struct ledger **out, struct diag *d)
{
    return ledger_verify_from(dir, NULL, LEDGER_VERIFY_ALL, genesis, r, out, d);
}

int ledger_verify_from(const char *dir, struct blob_store *blobs,
                       enum ledger_verify_how how, struct str genesis,
                       struct ledger_verify_report *r, struct ledger **out,
                       struct diag *d)
{
    struct verify v = {.dir = dir,
                       .d = d,
                       .blobs = blobs,
                       .lent = blobs != NULL,
                       .how = how,
                       .started = time_mono()};
    int err;
    v.told = v.started;
    if (strlen(dir) > PATHS - 256)
        return AM_E_TOOBIG;
    err = verify_all(&v, genesis);
    ledger_ahead_free(v.ahead);
    for (size_t k = 0; k < LEVELS; k++)
        vec_release(&v.level[k]);
    for (size_t i = 0; i < v.name.n; i++)
        free(v.name.v[i]);
    vec_release(&v.name);
    map_release(&v.what);
    *r = v.r;
    if (!err)
        err = diag_result(d);
    if (out && v.l && ledger_size(v.l)) {
        if (!v.lent)
            v.l->blobs = NULL; /* closed here: views stay, applying does not */
        *out = v.l;
        v.l = NULL;
    }
    ledger_free(v.l);
    if (!v.lent)
        blob_close(v.blobs);
    return err;
}
