/* SPDX-License-Identifier: Apache-2.0 */
/* tlog -- a tamper-evident log that strangers can check: RFC 6962 Merkle tree, kept as
 * C2SP tlog-tiles files, signed as C2SP checkpoints, cosigned by witnesses.
 *
 *     DIR/tile/<L>/<NNN>[.p/<W>]          hashes, 256 per tile
 *     DIR/tile/entries/<NNN>[.p/<W>]      entry bundles, uint16 big-endian lengths
 *     DIR/checkpoint                      newest signed checkpoint (+ cosignatures so
 * far) DIR/checkpoint.cosigned             newest checkpoint that satisfies the quorum
 *
 * Any static web server can publish DIR as it is.
 *
 * Group commit: tlog_append() queues, one sequencer thread writes what waits: entry
 * bundle fsync, tiles fsync, then the checkpoint, each renamed into place and its
 * directory fsynced; then every caller learns its index. A checkpoint is published at
 * most TLOG_DELAY_MS after the first waiting entry.
 *
 * With persist(): the owner keeps every entry durably, committed before anything of the
 * batch is in the folder. Then that commit is the one sync a batch waits for. Its files
 * are written and renamed into place, the checkpoint last, and synced later: after 4096
 * entries, a second, or at closing. `.synced` holds the signed note of the last synced
 * size. After a power cut files beyond it may be missing, empty, cut or old; so opening
 * believes that size only, checks its root, and the owner appends its entries beyond
 * again, then calls tlog_rejoin(). Why this signs no second tree:
 *   - a checkpoint leaves only after the commit of all entries it covers, and the owner
 *     takes back only entries of a batch that failed, hence beyond every checkpoint; so
 *     what was published is made of entries that are there, in the same order: the same
 *     root, and (Ed25519 is deterministic) the same signed text;
 *   - a newer checkpoint found in the folder stays there until the tree has reached it,
 *     and must be this tree's; so must the newest cosigned one. If they are not, or the
 *     owner has fewer entries, AM_E_TAMPERED: nothing is signed over them;
 *   - no file up to the synced size is written again, so a cut cannot spoil it.
 * An owner whose disk lies about its commits is out of scope (doc/adr/0015).
 *
 * Invariants
 *   I1  tlog_append() returns AM_OK only when the entry is covered by a published signed
 *       checkpoint and durable: in the folder, or with persist() in the owner's commit
 *       and again in the folder after the next opening; after a crash nothing
 *       acknowledged is missing, nothing is reordered;
 *   I2  a checkpoint is signed only after what makes its tree is durable: its tiles, or
 *       with persist() its entries. `.synced` names a size only after its tiles are;
 *   I3  what lies beyond the checkpoint (with persist(): beyond `.synced`) after a crash
 *       is discarded or written anew, never half-used;
 *   I4  a witness never signs two roots that no consistency proof joins: the check and
 * the persisting of the new state are one atomic step, durable before the signature
 *       leaves;
 *   I5  one process per folder: a second opener is refused (AM_E_CONFLICT).
 *
 * Files starting at `tile/` are never edited after the tile is full. Partial tiles are
 * kept only for the newest checkpoints.
 *
 * Threads: a struct tlog may be used from any thread. Sources: RFC 6962 section 2; C2SP
 * tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature, tlog-witness, tlog-policy.
 */
#ifndef TLOG_H
#define TLOG_H

#include "base/buf.h"
#include "base/diag.h"
#include "crypto/crypto.h"

enum {
    TLOG_HASH = CRYPTO_SHA256,
    TLOG_ENTRY_MAX = 65535,
    TLOG_PROOF_MAX = 64,
    TLOG_DELAY_MS = 1000,
    TLOG_NAME_MAX = 128,
    TLOG_NOTE_MAX = 1 << 20
};

/* ---- the tree: pure functions ----------------------------------------------------- */
struct tlog_hash {
    uint8_t h[TLOG_HASH];
};
void tlog_leaf_hash(struct str entry, struct tlog_hash *out);
void tlog_node_hash(const struct tlog_hash *l, const struct tlog_hash *r,
                    struct tlog_hash *out);
void tlog_empty_root(struct tlog_hash *out); /* SHA-256 of the empty string */
struct tlog_proof {
    struct tlog_hash node[TLOG_PROOF_MAX];
    size_t n;
};
/* AM_OK or AM_E_TAMPERED. */
AM_CHECK int tlog_verify_inclusion(const struct tlog_proof *p, uint64_t index,
                                   const struct tlog_hash *leaf, uint64_t size,
                                   const struct tlog_hash *root);
AM_CHECK int tlog_verify_consistency(const struct tlog_proof *p, uint64_t old_size,
                                     const struct tlog_hash *old_root, uint64_t size,
                                     const struct tlog_hash *root);

/* ---- notes, checkpoints, keys ------------------------------------------------------ */
enum tlog_sig_type { TLOG_SIG_ED25519 = 0x01, TLOG_SIG_COSIGNATURE = 0x04 };
/* A verifier key: "<name>+<8 hex key id>+<base64(type || key)>". */
struct tlog_vkey {
    char name[TLOG_NAME_MAX];
    uint32_t id; /* first 4 bytes, big-endian, of SHA-256(name \n type key) */
    enum tlog_sig_type type;
    uint8_t pub[32];
};
AM_CHECK int tlog_vkey_parse(struct str text, struct tlog_vkey *out);
AM_CHECK int tlog_vkey_format(const struct tlog_vkey *k, struct buf *out);
AM_CHECK int tlog_vkey_make(struct str name, enum tlog_sig_type type,
                            const struct crypto_key *ed25519, struct tlog_vkey *out);

struct tlog_checkpoint {
    char origin[TLOG_NAME_MAX];
    uint64_t size;
    struct tlog_hash root;
};
/* The three-line body; extension lines are refused (registry.md, section 8). */
AM_CHECK int tlog_checkpoint_format(const struct tlog_checkpoint *c, struct buf *out);
AM_CHECK int tlog_checkpoint_parse(struct str body, struct tlog_checkpoint *out);
/* Splits a note in body (ending in newline) and signature lines; at most 64 lines. */
AM_CHECK int tlog_note_split(struct str note, struct str *body, struct str *sigs);
/* Appends one signature line by the log's key. */
AM_CHECK int tlog_note_sign(const struct tlog_vkey *k, const struct crypto_key *priv,
                            struct str body, struct buf *line);
/* Verifies the log's own signature on a note and parses its checkpoint.
 * AM_E_SYNTAX, AM_E_TAMPERED (no valid signature by k), AM_E_CONFLICT (other origin). */
AM_CHECK int tlog_checkpoint_open(struct str note, const struct tlog_vkey *k,
                                  struct tlog_checkpoint *out);
/* The same checkpoint with nothing but the log's own signature: what may be passed on
 * without carrying strangers' lines. Errors as tlog_checkpoint_open(). */
AM_CHECK int tlog_note_bare(struct str note, const struct tlog_vkey *k, struct buf *out);
/* cosignature/v1: signs "cosignature/v1\ntime <s>\n" + body; at is an instant
 * (microseconds, as everywhere), of which the whole seconds are signed. */
AM_CHECK int tlog_cosign(const struct tlog_vkey *k, const struct crypto_key *priv,
                         struct str body, int64_t at, struct buf *line);
/* Looks for a valid cosignature by k in the note: AM_OK and its time (the newest one's,
 * in microseconds), AM_E_NOTFOUND, AM_E_TAMPERED when there is one that does not verify.
 */
AM_CHECK int tlog_cosignature_find(struct str note, const struct tlog_vkey *k,
                                   int64_t *at);

/* ---- quorum: a C2SP tlog-policy file ----------------------------------------------- */
struct tlog_witness_ref {
    struct tlog_vkey key;
    char url[256]; /* of its add-checkpoint endpoint, or "" */
};
struct tlog_policy; /* log keys, witnesses, groups, quorum */
AM_CHECK int tlog_policy_parse(struct tlog_policy **out, struct str text, struct diag *d);
void tlog_policy_free(struct tlog_policy *p);
const struct tlog_vkey *tlog_policy_log(const struct tlog_policy *p);
size_t tlog_policy_witnesses(const struct tlog_policy *p);
const struct tlog_witness_ref *tlog_policy_witness(const struct tlog_policy *p, size_t i);
/* Checks the log's signature and the quorum. *lease_at = the largest time T such that
 * cosignatures dated T or later still satisfy the quorum (lifecycle.md, section 8);
 * AM_E_PRECONDITION: signed by the log but short of the quorum. signed_by: bit i =
 * witness i has cosigned (first 64). Any out pointer may be NULL. A line that claims to
 * be by a listed witness and does not verify is AM_E_TAMPERED: the note is refused whole.
 * `quorum none` knows no witnessed time: *lease_at is 0, a lease that has ended. */
AM_CHECK int tlog_policy_check(const struct tlog_policy *p, struct str note,
                               struct tlog_checkpoint *out, int64_t *lease_at,
                               uint64_t *signed_by);

/* ---- the writer ---------------------------------------------------------------------
 */
struct tlog;
/* Makes a batch durable elsewhere before it returns, entry[i] being the one with index
 * first + i and with[i] what its caller gave along. An error fails the batch before
 * anything of it is in the folder. */
typedef int tlog_persist(void *cookie, uint64_t first, const struct str *entry,
                         const void *const *with, size_t n);
struct tlog_config {
    const char *dir;
    const char
        *origin; /* [a-z0-9./-] only: Sigstore reads names as regular expressions */
    const struct crypto_key *key; /* Ed25519, borrowed; NULL: read only / mirror */
    unsigned
        delay_ms; /* longest wait for company; 0: 5 ms (the bound is TLOG_DELAY_MS) */
    unsigned batch_max; /* 0: 1024 entries per checkpoint */
    /* Called in the sequencer thread once per batch, before its first file; may be NULL.
     */
    tlog_persist *persist;
    /* With persist(): the folder is synced when so many entries wait for it, or after a
     * second. 0: 4096. */
    unsigned sync_entries;
    /* Called in the sequencer thread after each new durable checkpoint, before the
     * callers of its entries go on (what they gave to persist() is still there); may be
     * NULL. It may read and add cosignatures, but not wait for an append. */
    void (*on_checkpoint)(void *cookie, const struct tlog_checkpoint *c);
    void *cookie;
};
/* key NULL: a reader beside the writer. It takes no lock, sees the checkpoint of the
 * moment it opened, and checks no signature (it has no key); origin may then be NULL.
 * tlog_fsck() and tlog_mirror_open() check signatures. Creates an empty log (checkpoint
 * of size 0) in an empty folder. Otherwise recovers: discards what lies beyond the
 * checkpoint, verifies the checkpoint's root against the tiles. AM_E_TAMPERED: they
 * disagree. */
AM_CHECK int tlog_open(struct tlog **out, const struct tlog_config *c);
void tlog_close(struct tlog *t);
/* With persist(), after opening: what the owner holds beyond tlog_head() has been
 * appended again (nothing when it holds no more). Removes what a power cut left over.
 * AM_E_TAMPERED: the tree is not the one of a checkpoint found in the folder, or shorter:
 * the owner's copy has lost entries that were published, and must not be used. */
AM_CHECK int tlog_rejoin(struct tlog *t);
/* The largest size known to be published: what the owner must hold at least. */
uint64_t tlog_published(struct tlog *t);
const struct tlog_vkey *tlog_key(const struct tlog *t);
/* Blocks until durable (I1). entry: 1..TLOG_ENTRY_MAX bytes. */
AM_CHECK int tlog_append(struct tlog *t, struct str entry, uint64_t *index);
/* The same; with is handed to persist(). */
AM_CHECK int tlog_append_with(struct tlog *t, struct str entry, const void *with,
                              uint64_t *index);
/* Two-step form: queue under the caller's own lock to fix the order, wait outside it. The
 * index is known at once; it becomes true when tlog_wait() returns AM_OK. After an error
 * (disk full, I/O) every queued entry fails and the log refuses until tlog_resume(). */
AM_CHECK int tlog_queue(struct tlog *t, struct str entry, uint64_t *index);
AM_CHECK int tlog_wait(struct tlog *t, uint64_t index);
/* AM_OK, or the error after which the log refuses. */
AM_CHECK int tlog_health(struct tlog *t);
/* After an error: reads the folder again as opening does (what lies beyond the newest
 * checkpoint goes) and accepts entries again. Waits until every caller has learnt of the
 * failure, so that no index can mean two entries; who uses tlog_queue() collects its
 * waits before. The size may be that of the batch that failed last, when its checkpoint
 * did reach the disk. AM_OK also when nothing had failed. */
AM_CHECK int tlog_resume(struct tlog *t);
void tlog_head(struct tlog *t, struct tlog_checkpoint *out); /* newest durable */
/* The signed note as published now, with the cosignatures collected for it. */
AM_CHECK int tlog_note(struct tlog *t, struct buf *out);
AM_CHECK int tlog_note_cosigned(struct tlog *t,
                                struct buf *out); /* AM_E_NOTFOUND: none */
/* Adds verified cosignature lines to the published checkpoint of that size, rewrites
 * `checkpoint`, and `checkpoint.cosigned` when policy is satisfied and it is newer, or as
 * large with a later lease. The 1024 newest checkpoints may still be cosigned, since
 * witnesses answer while the log grows; their partial tiles are put back when needed.
 * Other sizes are AM_E_CONFLICT. Lines of strangers and lines that do not verify are
 * dropped; AM_E_TAMPERED when none is left. */
AM_CHECK int tlog_add_cosignatures(struct tlog *t, const struct tlog_policy *policy,
                                   uint64_t size, struct str lines);

/* Reading; sizes up to the newest checkpoint. AM_E_NOTFOUND beyond. */
AM_CHECK int tlog_entry(struct tlog *t, uint64_t index, struct buf *out);
/* Visits entries [from, to) in order; a non-zero return stops and is passed on. */
typedef int tlog_visit(void *cookie, uint64_t index, struct str entry);
AM_CHECK int tlog_each(struct tlog *t, uint64_t from, uint64_t to, tlog_visit *v,
                       void *cookie);
AM_CHECK int tlog_root_at(struct tlog *t, uint64_t size, struct tlog_hash *root);
AM_CHECK int tlog_prove_inclusion(struct tlog *t, uint64_t index, uint64_t size,
                                  struct tlog_proof *out);
AM_CHECK int tlog_prove_consistency(struct tlog *t, uint64_t old_size, uint64_t size,
                                    struct tlog_proof *out);
/* ---- somebody else's tree, read from the tiles they serve ---------------------------
 */
/* Appends the file `path` of their log to out (its cap is set). AM_E_NOTFOUND: none. */
typedef int tlog_fetch(void *cookie, const char *path, struct buf *out);
struct tlog_remote; /* one thread's; keeps the tiles it has read, asks for 128 at most */
/* size: of the checkpoint they publish beside their tiles. */
AM_CHECK int tlog_remote_new(struct tlog_remote **out, uint64_t size, tlog_fetch *fetch,
                             void *cookie);
void tlog_remote_free(struct tlog_remote *r);
/* What the first `size` entries of the signed tree `of` hash to, and the consistency
 * proof that shows it: once this is AM_OK, it does not matter who served the tiles.
 * AM_E_TAMPERED: theirs are not of that tree. AM_E_NOTFOUND: they hold less. */
AM_CHECK int tlog_remote_past(struct tlog_remote *r, uint64_t size,
                              const struct tlog_checkpoint *of, struct tlog_hash *root,
                              struct tlog_proof *proof);
/* Removes partial tiles that no recent checkpoint needs. */
AM_CHECK int tlog_collect(struct tlog *t);

/* Recomputes every hash of a folder from its entry bundles and compares with tiles and
 * checkpoint; needs no key when k is NULL (signature then unchecked). Problems go to d
 * with the file's path. Works on copies: takes no lock. */
AM_CHECK int tlog_fsck(const char *dir, const struct tlog_vkey *k, struct diag *d);

/* The log as it is under its newest cosigned checkpoint (newest, when there is none), in
 * an empty folder: the files of that size and no other, `checkpoint` being that note.
 * *out: what it says. For readers too; nothing is signed. AM_E_TAMPERED: a file does not
 * lead to the checkpoint. */
AM_CHECK int tlog_export(struct tlog *t, const char *dir, struct tlog_checkpoint *out);

/* ---- a mirror: a copy that grows only by verified steps ------------------------------
 */
/* Opened with key = NULL and the log's vkey. Entries are staged, then accepted together
 * with a note whose size and root they must reproduce; else AM_E_TAMPERED and nothing of
 * them is kept. The note must have been checked by the caller (tlog_policy_check). */
AM_CHECK int tlog_mirror_open(struct tlog **out, const char *dir,
                              const struct tlog_vkey *log);
AM_CHECK int tlog_mirror_apply(struct tlog *t, const struct str *entry, size_t n,
                               struct str note);
/* Decodes an entry bundle (tile/entries file): views into data. AM_E_SYNTAX. */
AM_CHECK int tlog_bundle_parse(struct str data, struct str *entry, size_t max, size_t *n);
/* Path of a tile below DIR, C2SP form: level 0.. or -1 for entries, width 1..256. */
void tlog_tile_path(int level, uint64_t index, unsigned width, char out[96]);

/* ---- a witness ------------------------------------------------------------------------
 */
/* State: one small file per log origin in dir, replaced atomically, fsynced (I4). The key
 * is borrowed. A second opener is AM_E_CONFLICT; a damaged state is AM_E_TAMPERED, never
 * taken for "nothing signed yet". */
struct tlog_witness;
AM_CHECK int tlog_witness_open(struct tlog_witness **out, const char *dir,
                               const char *name, const struct crypto_key *ed25519);
void tlog_witness_close(struct tlog_witness *w);
const struct tlog_vkey *tlog_witness_key(const struct tlog_witness *w);
AM_CHECK int tlog_witness_add_log(struct tlog_witness *w, const struct tlog_vkey *log);
/* The newest note of that log it has signed, as it came; AM_E_NOTFOUND: none. */
AM_CHECK int tlog_witness_note(struct tlog_witness *w, const char *origin,
                               struct buf *out);
/* The add-checkpoint request of C2SP tlog-witness: "old <size>\n" proof lines, empty
 * line, note. Appends the cosignature line. *status gets the HTTP status of the protocol:
 * 200, 400 malformed, 403 no valid signature, 404 unknown log, 409 (reply: known size in
 * decimal, newline), 422 inconsistent. AM_OK whenever a protocol answer exists. *split is
 * set and the note kept in dir (64 at most) when a validly signed checkpoint does not
 * fit: two roots for one size (409; split-*.note, proof by itself), or a consistency
 * proof that does not verify (422; suspect-*.note: the proof may have been spoilt by the
 * sender). */
AM_CHECK int tlog_witness_add_checkpoint(struct tlog_witness *w, struct str request,
                                         int64_t now, int *status, struct buf *reply,
                                         bool *split);
/* Builds that request on the log's side. */
AM_CHECK int tlog_witness_request(struct tlog *t, uint64_t old_size, uint64_t size,
                                  struct str note, struct buf *out);

#endif
