/* SPDX-License-Identifier: Apache-2.0 */
/* The hash chain over all versions, one link per group (I5), and what the writer goes on
 * from. */
#include <endian.h>

#include "eds/eds_priv.h"

static void eds_chain_num(struct crypto_sha256 *h, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    crypto_sha256_add(h, (struct str){(const char *)&be, sizeof be});
}

static void eds_chain_str(struct crypto_sha256 *h, struct str s)
{
    eds_chain_num(h, (int64_t)s.n);
    crypto_sha256_add(h, s);
}

void eds_chain_begin(struct crypto_sha256 *h, const uint8_t prev[CRYPTO_SHA256])
{
    crypto_sha256_init(h);
    crypto_sha256_add(h, STR("amane eds link 1"));
    crypto_sha256_add(h, (struct str){(const char *)prev, CRYPTO_SHA256});
}

void eds_chain_add(struct crypto_sha256 *h, const struct eds_leaf *l)
{
    eds_chain_num(h, l->rid);
    eds_chain_str(h, str_c(l->type));
    eds_chain_str(h, l->id);
    eds_chain_num(h, l->ver);
    eds_chain_num(h, l->at);
    eds_chain_num(h, l->gone);
    if (!l->gone)
        crypto_sha256_add(h, (struct str){(const char *)l->digest, CRYPTO_SHA256});
}

void eds_chain_erasure(struct crypto_sha256 *h, int64_t rid, int64_t at,
                       const uint8_t digest[CRYPTO_SHA256])
{
    eds_chain_add(h,
                  &(struct eds_leaf){
                      .rid = rid, .at = at, .type = "", .id = STR(""), .digest = digest});
}

static int eds_newest(struct db_conn *c, const char *sql, int64_t *rid, int64_t *at)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, sql, &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && row && db_int(s, 0) > *rid) {
        *rid = db_int(s, 0);
        *at = db_int(s, 1);
    }
    return err;
}

static int eds_scarred(struct db_conn *c, bool *yes)
{
    struct db_stmt *s;
    int err = db_prepare(c, "select rid from erasure limit 1", &s);
    return err ? err : db_step(s, yes);
}

int eds_now(struct eds *e, struct db_conn *c)
{
    struct db_stmt *s;
    bool row = false;
    int err;
    if (e->now.ground == db_ground(c))
        return AM_OK;
    e->now.ground = 0;
    e->now.rid = e->now.at = 0;
    memset(e->now.head, 0, sizeof e->now.head);
    err = eds_newest(c, "select rid, at from res order by rid desc limit 1", &e->now.rid,
                     &e->now.at);
    if (!err)
        err = eds_newest(c, "select rid, at from hist order by rid desc limit 1",
                         &e->now.rid, &e->now.at);
    if (!err)
        err = eds_newest(c, "select rid, at from erasure order by rid desc limit 1",
                         &e->now.rid, &e->now.at);
    if (!err)
        err = eds_scarred(c, &e->now.scarred);
    if (!err)
        err = db_prepare(c, "select hash from link order by last desc limit 1", &s);
    if (!err)
        err = db_step(s, &row);
    if (!err && row && db_blob(s, 0).n != sizeof e->now.head)
        err = AM_E_TAMPERED;
    if (!err && row)
        memcpy(e->now.head, db_blob(s, 0).p, sizeof e->now.head);
    e->now.base = e->now.rid;
    if (!err)
        err = eds_back_look(e, c);
    if (!err)
        err = eds_parts_clean(e, c, e->now.rid);
    if (!err)
        e->now.ground = db_ground(c);
    return err;
}
