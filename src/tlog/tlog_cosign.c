/* SPDX-License-Identifier: Apache-2.0 */
/* Cosignatures coming back from the witnesses, and the request that goes out to them. */
#include <fcntl.h>
#include <unistd.h>

#include "tlog/tlog_priv.h"

static struct tlog_recent *tlog_find(struct tlog *t, uint64_t size)
{
    for (uint64_t i = 1; i <= TLOG_RECENT && i <= t->recent_n; i++) {
        struct tlog_recent *r = &t->recent[(t->recent_n - i) % TLOG_RECENT];
        if (r->size == size)
            return r;
    }
    return NULL;
}

/* Is s by a witness of the policy, and valid for body? */
static int tlog_by_witness(const struct tlog_policy *p, const struct tlog_sig *s,
                           struct str body, bool *ok)
{
    *ok = false;
    for (size_t i = 0; s->n && i < tlog_policy_witnesses(p); i++) {
        const struct tlog_vkey *k = &tlog_policy_witness(p, i)->key;
        int64_t at;
        int err;
        if (s->id != k->id || !str_eqc(s->name, k->name))
            continue;
        err = tlog_cosignature_check(s, k, body, &at);
        *ok = !err;
        return err == AM_E_TAMPERED ? AM_OK : err; /* a bad line is dropped, not fatal */
    }
    return AM_OK;
}

/* Signature lines of a note, less those of the same key as s. */
static int tlog_without(struct str sigs, const struct tlog_sig *s, struct buf *out)
{
    while (sigs.n) {
        struct str before = sigs;
        struct tlog_sig one;
        int err = tlog_sig_next(&sigs, &one);
        if (!err && !(one.n && one.id == s->id && str_eq(one.name, s->name)))
            err = buf_add(out, str_sub(before, 0, before.n - sigs.n));
        if (err)
            return err;
    }
    return AM_OK;
}

/* note + every valid new line, a newer line of a witness replacing its older one. */
static int tlog_merge(struct str note, const struct tlog_policy *p, struct str lines,
                      struct buf *out, size_t *added)
{
    struct str body, sigs;
    int err = tlog_note_split(note, &body, &sigs);
    if (!err)
        err = buf_add(out, note);
    while (!err && lines.n) {
        struct str before = lines, all;
        struct tlog_sig s;
        struct buf next;
        bool ok;
        err = tlog_sig_next(&lines, &s);
        if (!err)
            err = tlog_by_witness(p, &s, body, &ok);
        if (err || !ok)
            continue;
        all = buf_str(out);
        buf_init(&next, TLOG_NOTE_MAX);
        err = buf_add(&next, str_sub(all, 0, body.n + 1));
        if (!err)
            err = tlog_without(str_sub(all, body.n + 1, all.n), &s, &next);
        if (!err)
            err = buf_add(&next, str_sub(before, 0, before.n - lines.n));
        buf_release(out);
        *out = next;
        (*added)++;
    }
    return err;
}

/* Tiles of an older tree may have been collected while its cosignatures were on the way:
 * puts back those partial ones whose full tile is not there yet. Under io. Not synced one
 * by one when the folder is backed: then what is there already must stay as it is, since
 * it may be what the next opening relies on. */
static bool tlog_there(const struct tlog *t, int level, uint64_t index, unsigned width)
{
    char path[TLOG_PATH];
    tlog_tile_path(level, index, width, path);
    return t->persist && faccessat(t->dirfd, path, F_OK, 0) == 0;
}

int tlog_restore(struct tlog *t, uint64_t size)
{
    const struct tlog_state *s = t->state;
    struct tlog_files files = {0};
    struct tlog_hash h[TLOG_WIDTH];
    int err = AM_OK;
    for (int l = 0; !err && l < TLOG_LEVELS; l++) {
        uint64_t count = tlog_count(size, l), index = count / TLOG_WIDTH;
        unsigned width = (unsigned)(count % TLOG_WIDTH), have;
        struct str entry[TLOG_WIDTH];
        size_t n = 0, used = 0;
        if (!width || index < tlog_count(s->size, l) / TLOG_WIDTH ||
            (tlog_there(t, l, index, width) && (l || tlog_there(t, -1, index, width))))
            continue; /* none, or the full tile serves, or it is there */
        err = tlog_tile(t, s, l, index, h, &have);
        if (!err)
            err = tlog_files_add(&files, l, index, width,
                                 (struct str){(const char *)h, width * sizeof h[0]});
        if (err || l)
            continue;
        err = tlog_bundle_parse(buf_str(&s->bundle), entry, TLOG_WIDTH, &n);
        am_assert(err || n >= width);
        for (size_t i = 0; !err && i < width; i++)
            used += 2 + entry[i].n;
        if (!err)
            err = tlog_files_add(&files, -1, index, width,
                                 str_sub(buf_str(&s->bundle), 0, used));
    }
    if (!err)
        err = tlog_files_write(t->dirfd, &files, !t->persist);
    tlog_files_release(&files);
    return err;
}

/* Writes what has changed, then remembers it. Under io. */
static int tlog_cosign_publish(struct tlog *t, const struct tlog_policy *policy,
                               uint64_t size, struct str note)
{
    struct tlog_recent *r;
    struct buf mine, both;
    int64_t lease = 0;
    int quorum = tlog_policy_check(policy, note, NULL, &lease, NULL), err;
    bool newer = !quorum && (!t->cosigned.n || size > t->cosigned_size ||
                             (size == t->cosigned_size && lease > t->cosigned_lease_at));
    if (quorum && quorum != AM_E_PRECONDITION)
        return quorum;
    buf_init(&mine, TLOG_NOTE_MAX);
    buf_init(&both, TLOG_NOTE_MAX);
    err = buf_add(&mine, note);
    if (!err)
        err = buf_add(&both, note);
    if (!err && size == t->state->size)
        err = tlog_file_put(t->dirfd, "checkpoint", note, !t->persist);
    if (!err && newer && size < t->state->size)
        err = tlog_restore(t, size);
    if (!err && newer)
        err = tlog_file_put(t->dirfd, "checkpoint.cosigned", note, !t->persist);
    tlog_lock(&t->mu);
    r = tlog_find(t, size);
    if (!err && r) {
        buf_release(&r->note);
        r->note = mine;
        buf_init(&mine, 0);
    }
    if (!err && newer) {
        buf_release(&t->cosigned);
        t->cosigned = both;
        t->cosigned_size = size;
        t->cosigned_lease_at = lease;
        buf_init(&both, 0);
        t->cosigned_dirty = t->persist != NULL;
        am_assert(pthread_cond_signal(&t->sync) == 0);
    }
    tlog_unlock(&t->mu);
    buf_release(&mine);
    buf_release(&both);
    return err;
}

int tlog_add_cosignatures(struct tlog *t, const struct tlog_policy *policy, uint64_t size,
                          struct str lines)
{
    struct buf note, merged;
    struct tlog_recent *r;
    size_t added = 0;
    int err = AM_E_CONFLICT;
    if (t->role != TLOG_WRITER)
        return AM_E_FORBIDDEN;
    if (lines.n > TLOG_NOTE_MAX)
        return AM_E_TOOBIG;
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&merged, TLOG_NOTE_MAX);
    tlog_lock(&t->io);
    tlog_lock(&t->mu);
    r = tlog_find(t, size);
    if (r)
        err = buf_add(&note, buf_str(&r->note));
    tlog_unlock(&t->mu);
    if (!err)
        err = tlog_merge(buf_str(&note), policy, lines, &merged, &added);
    if (!err && !added)
        err = AM_E_TAMPERED; /* not one line of a witness we know verifies */
    if (!err)
        err = tlog_cosign_publish(t, policy, size, buf_str(&merged));
    tlog_unlock(&t->io);
    buf_release(&note);
    buf_release(&merged);
    return err;
}

int tlog_witness_request(struct tlog *t, uint64_t old_size, uint64_t size,
                         struct str note, struct buf *out)
{
    struct tlog_proof p;
    size_t old = out->n;
    int err = tlog_prove_consistency(t, old_size, size, &p);
    if (!err)
        err = buf_addf(out, "old %llu\n", (unsigned long long)old_size);
    for (size_t i = 0; !err && i < p.n; i++) {
        err = crypto_base64(out, (struct str){(const char *)p.node[i].h, TLOG_HASH});
        if (!err)
            err = buf_addc(out, '\n');
    }
    if (!err)
        err = buf_addc(out, '\n');
    if (!err)
        err = buf_add(out, note);
    if (err && out->n > old)
        buf_cut(out, old);
    return err;
}
