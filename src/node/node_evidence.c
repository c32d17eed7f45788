/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence of two histories: made so that a stranger can check it with nothing but the
 * log's key, kept as DIR/witness/split-<hash>.json, published at /witness/evidence.
 *
 * An item holds two notes signed by the log. `note` says that its first `size` entries
 * hash to one root; `known` is of a tree in which they hash to `root`, which `proof`
 * (RFC 6962 consistency, from `size` to known's size) shows. Two roots for one size need
 * no proof. */
#include "node/node_priv.h"

#include <dirent.h>
#include <limits.h>
#include <unistd.h>

#include "base/log.h"

enum { NODE_EVIDENCE_NOTE = 16 << 10 /* longer notes lose strangers' lines */ };

static int node_pair_mirror(struct node *n, struct node_pair *p)
{
    int err = AM_E_NOTFOUND;
    pthread_rwlock_rdlock(&n->fold);
    if (n->mirror) {
        tlog_head(n->mirror, &p->k);
        if (p->c.size <= p->k.size &&
            !(err = tlog_root_at(n->mirror, p->c.size, &p->root)))
            err = memcmp(&p->root, &p->c.root, sizeof p->root)
                      ? tlog_note(n->mirror, &p->known)
                      : AM_E_NOTFOUND;
        if (!err && p->c.size && p->c.size < p->k.size)
            err = tlog_prove_consistency(n->mirror, p->c.size, p->k.size, &p->proof);
    }
    pthread_rwlock_unlock(&n->fold);
    return err;
}

/* What this witness signed last may be larger than the mirror, but only equal sizes tell
 * without a proof. */
static int node_pair_signed(struct node *n, struct node_pair *p)
{
    int err = tlog_witness_note(n->witness, p->c.origin, &p->known);
    if (!err)
        err = tlog_checkpoint_open(buf_str(&p->known), ledger_log_key(n->seed), &p->k);
    if (!err && (p->k.size != p->c.size || !memcmp(&p->k.root, &p->c.root, TLOG_HASH)))
        err = AM_E_NOTFOUND;
    p->root = p->k.root;
    return err;
}

int node_pair_find(struct node *n, struct str note, struct node_pair *p)
{
    int err = tlog_checkpoint_open(note, ledger_log_key(n->seed), &p->c);
    p->note = note;
    p->proof.n = 0;
    if (err)
        return err;
    err = node_pair_signed(n, p);
    if (!err)
        return AM_OK;
    buf_clear(&p->known);
    return node_pair_mirror(n, p);
}

static void node_put_note(struct node *n, struct jw *w, const char *name, struct str note)
{
    struct buf bare;
    buf_init(&bare, TLOG_NOTE_MAX);
    if (note.n > NODE_EVIDENCE_NOTE &&
        tlog_note_bare(note, ledger_log_key(n->seed), &bare) == AM_OK)
        note = buf_str(&bare);
    jw_kstr(w, name, note);
    buf_release(&bare);
}

static void node_put_hash(struct jw *w, const struct tlog_hash *h)
{
    struct buf b;
    buf_init(&b, 64);
    if (crypto_base64(&b, (struct str){(const char *)h->h, sizeof h->h}) == AM_OK)
        jw_str(w, buf_str(&b));
    else
        jw_null(w);
    buf_release(&b);
}

static int node_pair_json(struct node *n, const struct node_pair *p, struct buf *out)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "kind", p->c.size == p->k.size ? "two_roots" : "other_past");
    jw_kstrz(&w, "origin", p->c.origin);
    jw_kstrz(&w, "seen_at", time_format(time_now(), at));
    jw_kint(&w, "size", (int64_t)p->c.size);
    jw_key(&w, "root");
    node_put_hash(&w, &p->root);
    jw_key(&w, "proof");
    jw_arr(&w);
    for (size_t i = 0; i < p->proof.n; i++)
        node_put_hash(&w, &p->proof.node[i]);
    jw_arr_end(&w);
    node_put_note(n, &w, "note", p->note);
    node_put_note(n, &w, "known", buf_str(&p->known));
    jw_obj_end(&w);
    return jw_done(&w);
}

/* True: it is new and published now. */
static bool node_evidence_publish(struct node *n, struct str item)
{
    bool room;
    pthread_mutex_lock(&n->state);
    room = n->evidences < NODE_EVIDENCE_MAX &&
           buf_reserve(&n->evidence, item.n + 1) == AM_OK;
    if (room) {
        am_assert(!n->evidence.n || buf_addc(&n->evidence, ',') == AM_OK);
        am_assert(buf_add(&n->evidence, item) == AM_OK);
        n->evidences++;
    }
    pthread_mutex_unlock(&n->state);
    return room;
}

void node_evidence_add(struct node *n, const struct node_pair *p)
{
    char path[PATH_MAX], hex[CRYPTO_HEX];
    struct tlog_checkpoint c = p->c;
    struct buf item, body;
    uint8_t digest[32];
    int err;
    buf_init(&item, NODE_EVIDENCE_JSON);
    buf_init(&body, 1024);
    err = tlog_checkpoint_format(&c, &body);
    crypto_sha256(buf_str(&body), digest); /* one note, one piece of evidence */
    snprintf(path, sizeof path, "%s/witness/split-%.32s.json", n->dir,
             crypto_hex(digest, sizeof digest, hex));
    if (!err)
        err = node_pair_json(n, p, &item);
    if (!err && access(path, F_OK) && node_evidence_publish(n, buf_str(&item)))
        err = am_file_write(path, buf_str(&item), 0600);
    LOG_E("node.split_evidence", log_s("path", path), log_i("size", (int64_t)c.size),
          log_err(err));
    buf_release(&body);
    buf_release(&item);
}

static int node_get_hash(struct str base64, struct tlog_hash *h)
{
    struct buf b;
    int err;
    buf_init(&b, 64);
    err = crypto_unbase64(&b, base64);
    if (!err && b.n != sizeof h->h)
        err = AM_E_SYNTAX;
    if (!err)
        memcpy(h->h, b.p, sizeof h->h);
    buf_release(&b);
    return err;
}

int node_pair_read(const struct json *item, const struct tlog_vkey *key,
                   struct node_pair *p)
{
    const struct json *proof = json_get(item, "proof");
    struct str known = json_get_str(item, "known");
    int err;
    p->note = json_get_str(item, "note");
    p->proof.n = 0;
    err = tlog_checkpoint_open(p->note, key, &p->c);
    if (!err)
        err = tlog_checkpoint_open(known, key, &p->k);
    if (!err)
        err = node_get_hash(json_get_str(item, "root"), &p->root);
    if (!err && (!p->c.size || json_size(proof) > TLOG_PROOF_MAX))
        err = AM_E_SYNTAX;
    for (json_each(it, proof))
        if (!err)
            err = node_get_hash(json_str(it.val), &p->proof.node[p->proof.n++]);
    if (!err)
        err = tlog_verify_consistency(&p->proof, p->c.size, &p->root, p->k.size,
                                      &p->k.root);
    if (!err && !memcmp(&p->root, &p->c.root, sizeof p->root))
        err = AM_E_REFUSED; /* two notes of one history */
    return err ? err : buf_add(&p->known, known);
}

bool node_evidence_adopt(struct node *n, struct str json)
{
    struct json_doc *doc = NULL;
    struct node_pair p;
    unsigned seen = 0;
    bool any = false;
    buf_init(&p.known, TLOG_NOTE_MAX);
    if (json_parse(&doc, json, NULL, NULL) == AM_OK)
        for (json_each(it, json_get(json_root(doc), "items"))) {
            if (seen++ == NODE_EVIDENCE_MAX)
                break;
            buf_clear(&p.known);
            if (node_pair_read(it.val, ledger_log_key(n->seed), &p))
                continue; /* a peer's word is nothing */
            node_split_pair(n, &p);
            any = true;
        }
    json_free(doc);
    buf_release(&p.known);
    return any;
}

static void node_evidence_read(struct node *n, const char *name)
{
    char path[PATH_MAX], *text;
    struct json_doc *doc = NULL;
    size_t len;
    int err;
    snprintf(path, sizeof path, "%s/witness/%.128s", n->dir, name);
    err = am_file_read(path, NODE_EVIDENCE_JSON, &text, &len);
    if (!err) {
        err = json_parse(&doc, (struct str){text, len}, NULL, NULL);
        if (!err && json_type(json_root(doc)) == JSON_OBJECT)
            node_evidence_publish(n, (struct str){text, len});
        json_free(doc);
        free(text);
    }
    if (err) /* the alarm stands all the same */
        LOG_E("node.split_evidence", log_s("path", path), log_err(err));
}

void node_evidence_load(struct node *n)
{
    char path[PATH_MAX];
    struct dirent *e;
    DIR *dir;
    snprintf(path, sizeof path, "%s/witness", n->dir);
    dir = opendir(path);
    while (dir && (e = readdir(dir))) {
        size_t len = strlen(e->d_name);
        if (strncmp(e->d_name, "split-", 6) != 0)
            continue;
        n->split_view = true;
        if (len > 5 && strcmp(e->d_name + len - 5, ".json") == 0)
            node_evidence_read(n, e->d_name);
    }
    if (dir)
        closedir(dir);
}

int node_witness_evidence(struct node *n, struct buf *json)
{
    int err = buf_adds(json, "{\"items\":[");
    pthread_mutex_lock(&n->state);
    if (!err)
        err = buf_add(json, buf_str(&n->evidence));
    pthread_mutex_unlock(&n->state);
    return err ? err : buf_adds(json, "]}");
}

int node_witness_checkpoint(struct node *n, struct str origin, struct buf *note)
{
    struct tlog_checkpoint a = {0}, b = {0};
    const struct tlog_vkey *key;
    struct buf mine, mirrored;
    bool have, both;
    int err, mine_err, mirror_err = AM_E_NOTFOUND;
    if (!node_met(n))
        return AM_E_NOTFOUND;
    key = ledger_log_key(n->seed);
    if (origin.n && !str_eqc(origin, key->name))
        return AM_E_NOTFOUND;
    buf_init(&mine, TLOG_NOTE_MAX);
    buf_init(&mirrored, TLOG_NOTE_MAX);
    mine_err = tlog_witness_note(n->witness, key->name, &mine);
    if (!mine_err)
        mine_err = tlog_checkpoint_open(buf_str(&mine), key, &a);
    pthread_rwlock_rdlock(&n->fold);
    if (n->mirror)
        mirror_err = tlog_note(n->mirror, &mirrored);
    if (!mirror_err)
        mirror_err = tlog_checkpoint_open(buf_str(&mirrored), key, &b);
    pthread_rwlock_unlock(&n->fold);
    have = !mine_err;
    both = !mirror_err && b.size;
    err = have || both ? AM_OK : AM_E_NOTFOUND;
    if (mine_err == AM_E_NOMEM || mirror_err == AM_E_NOMEM)
        err = AM_E_NOMEM; /* not a smaller one, nor "there is none" */
    if (!err)             /* the larger one says more */
        err = tlog_note_bare(
            buf_str(both && (!have || b.size >= a.size) ? &mirrored : &mine), key, note);
    buf_release(&mirrored);
    buf_release(&mine);
    return err;
}
