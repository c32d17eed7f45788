/* SPDX-License-Identifier: Apache-2.0 */
/* What versions say of whose they are, kept by rid: a rid is of one version for ever
 * (within an epoch of the store: eds_epoch()), so what is kept is never old. Without it a
 * search opens and parses each body it judges. Whether somebody may see it is asked anew
 * each time: care, oppositions, roles change.
 *
 * Not kept: of more than two patients; what names its patients through others, which may
 * change; what was asked of by no rid. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "door/door_priv.h"

enum { KNOWN = 1 << 15, KNOWN_LOCKS = 64 }; /* versions; 7 MiB */

struct known_one {
    int64_t rid; /* 0: none */
    uint64_t epoch;
    bool machine;
    unsigned char patients;
    char type[65], id[EDS_ID_MAX + 1], patient[2][EDS_ID_MAX + 1];
};
struct door_known {
    pthread_mutex_t lock[KNOWN_LOCKS];
    atomic_ullong met, asked;
    struct known_one v[KNOWN];
};

int door_known_new(struct door_known **out)
{
    struct door_known *k = am_calloc(1, sizeof *k);
    if (!k)
        return AM_E_NOMEM;
    for (size_t i = 0; i < KNOWN_LOCKS; i++)
        am_assert(!pthread_mutex_init(&k->lock[i], NULL));
    *out = k;
    return AM_OK;
}

void door_known_free(struct door_known *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < KNOWN_LOCKS; i++)
        am_assert(!pthread_mutex_destroy(&k->lock[i]));
    free(k);
}

static pthread_mutex_t *known_lock(struct door_known *k, int64_t rid)
{
    pthread_mutex_t *l = &k->lock[(uint64_t)rid % KNOWN_LOCKS];
    am_assert(!pthread_mutex_lock(l));
    return l;
}

bool door_known_get(struct door_known *k, uint64_t epoch, int64_t rid,
                    struct door_facts *f, char id[EDS_ID_MAX + 1])
{
    const struct known_one *one = &k->v[(uint64_t)rid % KNOWN];
    pthread_mutex_t *l;
    bool met;
    if (rid <= 0 || !epoch)
        return false;
    atomic_fetch_add(&k->asked, 1);
    l = known_lock(k, rid);
    met = one->rid == rid && one->epoch == epoch;
    if (met) {
        *f = (struct door_facts){.patients = one->patients, .machine = one->machine};
        memcpy(f->type, one->type, sizeof f->type);
        memcpy(f->patient, one->patient, sizeof one->patient);
        memcpy(id, one->id, sizeof one->id);
    }
    am_assert(!pthread_mutex_unlock(l));
    atomic_fetch_add(&k->met, met);
    return met;
}

void door_known_put(struct door_known *k, uint64_t epoch, int64_t rid,
                    const struct door_facts *f, struct str id)
{
    struct known_one *one = &k->v[(uint64_t)rid % KNOWN];
    pthread_mutex_t *l;
    if (rid <= 0 || !epoch || f->many || f->patients > AM_LEN(one->patient) ||
        id.n > EDS_ID_MAX || f->follow || str_eqc(str_c(f->type), "Provenance"))
        return;
    l = known_lock(k, rid);
    one->rid = rid;
    one->epoch = epoch;
    one->machine = f->machine;
    one->patients = (unsigned char)f->patients;
    memcpy(one->type, f->type, sizeof one->type);
    memcpy(one->patient, f->patient, sizeof one->patient);
    snprintf(one->id, sizeof one->id, "%.*s", STR_FMT(id));
    am_assert(!pthread_mutex_unlock(l));
}

void door_known_stats(struct door_known *k, uint64_t *asked, uint64_t *met)
{
    *asked = atomic_load(&k->asked);
    *met = atomic_load(&k->met);
}
