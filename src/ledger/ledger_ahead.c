/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_ahead -- a few entries made ready on every core, before one thread folds them in
 * order: leaf read, payload fetched and hashed, signature verified, statement parsed.
 * What each row met stays in the row, so that problems are told in the order of the log,
 * whatever thread met them first. */
#include "ledger/ledger_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

struct ledger_ahead {
    unsigned threads;
    struct ledger_verifier *verifier[LEDGER_AHEAD_THREADS]; /* keys they have parsed */
};

struct ahead_work {
    struct blob_store *blobs;
    struct str type_base;
    bool verify;
    struct ledger_ahead_row *row;
    size_t n;
    atomic_size_t next;
};
struct ahead_hand {
    struct ahead_work *work;
    struct ledger_verifier *verifier;
    pthread_t thread;
    bool started;
};

int ledger_ahead_new(struct ledger_ahead **out)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct ledger_ahead *a = am_calloc(1, sizeof *a);
    int err = a ? AM_OK : AM_E_NOMEM;
    if (!err)
        a->threads = (unsigned)AM_MAX(1, AM_MIN(cores, LEDGER_AHEAD_THREADS));
    for (unsigned i = 0; !err && i < a->threads; i++)
        err = ledger_verifier_new(&a->verifier[i]);
    if (err) {
        ledger_ahead_free(a);
        return err;
    }
    *out = a;
    return AM_OK;
}

void ledger_ahead_free(struct ledger_ahead *a)
{
    for (unsigned i = 0; a && i < a->threads; i++)
        ledger_verifier_free(a->verifier[i]);
    free(a);
}

static void make_ready(const struct ahead_work *w, struct ledger_verifier *v,
                       struct ledger_ahead_row *row)
{
    buf_init(&row->payload, LEDGER_PAYLOAD_MAX);
    row->leaf_err = ledger_leaf_parse(row->leaf, &row->view);
    if (row->leaf_err)
        return;
    row->blob_err = w->blobs ? blob_get(w->blobs, row->view.payload_sha256, &row->payload)
                             : AM_E_NOTFOUND;
    if (!row->blob_err && w->verify)
        row->err = ledger_prepare(v, &row->view, buf_str(&row->payload), w->type_base,
                                  &row->ready);
}

static void *hand(void *arg)
{
    struct ahead_hand *h = arg;
    for (;;) {
        size_t i = atomic_fetch_add(&h->work->next, 1);
        if (i >= h->work->n)
            return NULL;
        make_ready(h->work, h->verifier, &h->work->row[i]);
    }
}

/* A thread that cannot be had costs speed only: this one does the work. */
void ledger_ahead_run(struct ledger_ahead *a, struct blob_store *blobs,
                      struct str type_base, bool verify, struct ledger_ahead_row *row,
                      size_t n)
{
    struct ahead_work w = {
        .blobs = blobs, .type_base = type_base, .verify = verify, .row = row, .n = n};
    struct ahead_hand h[LEDGER_AHEAD_THREADS] = {0};
    unsigned hands = n < LEDGER_AHEAD_ROWS ? 1 : a->threads; /* not for a handful */
    for (unsigned i = 0; i < hands; i++) {
        h[i].work = &w;
        h[i].verifier = a->verifier[i];
        if (i)
            h[i].started = !pthread_create(&h[i].thread, NULL, hand, &h[i]);
    }
    hand(&h[0]);
    for (unsigned i = 1; i < hands; i++)
        if (h[i].started)
            am_assert(!pthread_join(h[i].thread, NULL));
}

void ledger_ahead_clear(struct ledger_ahead_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ledger_ready_release(&row[i].ready);
        ledger_leaf_release(&row[i].view);
        buf_release(&row[i].payload);
    }
    memset(row, 0, n * sizeof *row);
}
