/* SPDX-License-Identifier: Apache-2.0 */
/* registry_mark -- how far this registry has verified its own log.
 *
 * One row of registry.db: size, root at that size, and the log key's signature over both.
 * Opening folds the entries below the mark without verifying their signatures again; the
 * rows are still hashed, payload to leaf and leaf to root, so a mark never covers other
 * bytes than those it was made for. A mark that does not verify, or whose root is not the
 * log's, is worth nothing: everything is verified then. `amane log verify` and `log fsck`
 * never look at it.
 *
 * It protects a restart from its length, and so from being put off; nobody is protected
 * by it. Who can write the database, but has not the log's key, can neither make a mark
 * nor change what lies under one (registry_mark_test.c). Who has the key and the folder
 * can make this registry skip a signature that does not hold; auditors, nodes and
 * registry_verify_again() do not skip it, and such a log convicts its owner. */
#include "registry/registry_priv.h"

#include "base/log.h"

struct registry_mark {
    uint64_t size;
    struct tlog_hash root;
    struct buf sig;
};

/* No other signature of this key begins like this: a checkpoint begins with its origin.
 */
static int mark_text(const struct registry *r, const struct registry_mark *m,
                     struct buf *out)
{
    char hex[CRYPTO_HEX];
    return buf_addf(out, "amane registry verified v1\n%s\n%llu\n%s\n",
                    tlog_key(r->log)->name, (unsigned long long)m->size,
                    crypto_hex(m->root.h, sizeof m->root.h, hex));
}

static int mark_read(struct db_conn *c, void *arg)
{
    struct registry_mark *m = arg;
    struct db_stmt *st;
    struct str root;
    bool row = false;
    int err = db_prepare(c, "select size, root, sig from verified where id = 1", &st);
    if (!err)
        err = db_step(st, &row);
    if (!err && !row)
        err = AM_E_NOTFOUND;
    if (err)
        return err;
    root = db_blob(st, 1);
    if (root.n != sizeof m->root || db_int(st, 0) < 0)
        return AM_E_TAMPERED;
    m->size = (uint64_t)db_int(st, 0);
    memcpy(m->root.h, root.p, root.n);
    return buf_add(&m->sig, db_blob(st, 2));
}

static int mark_write(struct db_conn *c, void *arg)
{
    const struct registry_mark *m = arg;
    int err = db_exec(c, "delete from verified", "");
    return err ? err
               : db_exec(c,
                         "insert into verified (id, size, root, sig)"
                         " values (1, $1, $2, $3)",
                         "ibb", (int64_t)m->size,
                         (struct str){(const char *)m->root.h, sizeof m->root.h},
                         buf_str(&m->sig));
}

uint64_t registry_mark_get(struct registry *r)
{
    struct registry_mark m = {0};
    struct tlog_checkpoint head;
    struct tlog_hash root;
    struct buf text;
    int err;
    buf_init(&m.sig, 256);
    buf_init(&text, 1024);
    err = db_read(r->store.db, mark_read, &m);
    tlog_head(r->log, &head);
    if (!err && m.size > head.size)
        err = AM_E_TAMPERED;
    if (!err)
        err = mark_text(r, &m, &text);
    if (!err)
        err = crypto_verify(r->key, buf_str(&text), buf_str(&m.sig));
    if (!err)
        err = tlog_root_at(r->log, m.size, &root);
    if (!err && memcmp(&root, &m.root, sizeof root) != 0)
        err = AM_E_TAMPERED;
    if (err && err != AM_E_NOTFOUND)
        LOG_W("registry.mark", log_err(err));
    buf_release(&text);
    buf_release(&m.sig);
    return err ? 0 : m.size;
}

int registry_mark_set(struct registry *r)
{
    struct registry_mark m = {.size = 0};
    struct buf text;
    int err;
    pthread_rwlock_rdlock(&r->fold);
    m.size = ledger_size(r->ledger);
    pthread_rwlock_unlock(&r->fold);
    if (m.size == r->marked)
        return AM_OK;
    buf_init(&m.sig, 256);
    buf_init(&text, 1024);
    err = tlog_root_at(r->log, m.size, &m.root);
    if (!err)
        err = mark_text(r, &m, &text);
    if (!err)
        err = crypto_sign(r->key, buf_str(&text), &m.sig);
    if (!err)
        err = db_write(r->store.db, mark_write, &m);
    if (!err)
        r->marked = m.size;
    buf_release(&text);
    buf_release(&m.sig);
    return err;
}
