/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/pack.h"

#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { PACK_LEVEL = 3 };

struct pack_dict {
    ZSTD_CDict *c;
    ZSTD_DDict *d;
};
struct pack {
    ZSTD_CCtx *c;
    ZSTD_DCtx *d;
};

static int pack_fail(size_t rc)
{
    switch (ZSTD_getErrorCode(rc)) {
    case ZSTD_error_memory_allocation:
        return AM_E_NOMEM;
    case ZSTD_error_dstSize_tooSmall:
        return AM_E_TOOBIG;
    default:
        return AM_E_TAMPERED;
    }
}

/* ZDICT wants the samples in one piece. */
static int pack_gather(char **all, size_t **size, const struct str *sample, size_t n)
{
    size_t bytes = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        bytes += sample[i].n;
    *size = am_calloc(n + 1, sizeof **size);
    *all = am_malloc(bytes + 1);
    if (!*size || !*all)
        return AM_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        memcpy(*all + at, sample[i].p, sample[i].n);
        (*size)[i] = sample[i].n;
        at += sample[i].n;
    }
    return AM_OK;
}

int pack_train(struct buf *out, const struct str *sample, size_t n, size_t max)
{
    char *all = NULL;
    size_t *size = NULL, rc;
    int err = pack_gather(&all, &size, sample, n);
    if (!err)
        err = buf_reserve(out, max);
    if (!err) {
        rc = ZDICT_trainFromBuffer(out->p + out->n, max, all, size, (unsigned)n);
        if (ZDICT_isError(rc))
            err = AM_E_INVALID;
        else
            out->n += rc;
        out->p[out->n] = 0;
    }
    free(all);
    free(size);
    return err;
}

int pack_dict_new(struct pack_dict **out, struct str bytes)
{
    struct pack_dict *d = am_calloc(1, sizeof *d);
    if (!d)
        return AM_E_NOMEM;
    d->c = ZSTD_createCDict(bytes.p, bytes.n, PACK_LEVEL);
    d->d = ZSTD_createDDict(bytes.p, bytes.n);
    if (!d->c || !d->d) {
        pack_dict_free(d);
        return AM_E_NOMEM;
    }
    *out = d;
    return AM_OK;
}

void pack_dict_free(struct pack_dict *d)
{
    if (!d)
        return;
    ZSTD_freeCDict(d->c);
    ZSTD_freeDDict(d->d);
    free(d);
}

int pack_new(struct pack **out)
{
    struct pack *p = am_calloc(1, sizeof *p);
    if (!p)
        return AM_E_NOMEM;
    p->c = ZSTD_createCCtx();
    p->d = ZSTD_createDCtx();
    /* Whoever keeps the bytes says which dictionary: 4 bytes less in each. */
    if (!p->c || !p->d ||
        ZSTD_isError(ZSTD_CCtx_setParameter(p->c, ZSTD_c_dictIDFlag, 0)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(p->c, ZSTD_c_compressionLevel, PACK_LEVEL))) {
        pack_free(p);
        return AM_E_NOMEM;
    }
    *out = p;
    return AM_OK;
}

void pack_free(struct pack *p)
{
    if (!p)
        return;
    ZSTD_freeCCtx(p->c);
    ZSTD_freeDCtx(p->d);
    free(p);
}

int pack_squeeze(struct pack *p, const struct pack_dict *d, struct str plain,
                 struct buf *out)
{
    size_t room = ZSTD_compressBound(plain.n), rc;
    int err = buf_reserve(out, room);
    if (err)
        return err;
    rc = ZSTD_CCtx_refCDict(p->c, d ? d->c : NULL);
    if (!ZSTD_isError(rc))
        rc = ZSTD_compress2(p->c, out->p + out->n, room, plain.p, plain.n);
    if (ZSTD_isError(rc))
        err = pack_fail(rc);
    else
        out->n += rc;
    out->p[out->n] = 0;
    return err;
}

int pack_open(struct pack *p, const struct pack_dict *d, struct str packed, size_t max,
              struct buf *out)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.p, packed.n);
    size_t rc;
    int err;
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return AM_E_TAMPERED;
    if (size > max)
        return AM_E_TOOBIG;
    err = buf_reserve(out, (size_t)size + 1);
    if (err)
        return err;
    rc = ZSTD_DCtx_refDDict(p->d, d ? d->d : NULL);
    if (!ZSTD_isError(rc))
        rc = ZSTD_decompressDCtx(p->d, out->p + out->n, (size_t)size, packed.p, packed.n);
    if (ZSTD_isError(rc) || rc != size)
        err =
            ZSTD_isError(rc) && pack_fail(rc) == AM_E_NOMEM ? AM_E_NOMEM : AM_E_TAMPERED;
    else
        out->n += rc;
    out->p[out->n] = 0;
    return err;
}
