/* SPDX-License-Identifier: Apache-2.0 */
/* What the log promises in figures: appends, hashes, proofs, all durable (fsync on every
 * file and folder). One JSON line per figure.
 *
 *     bench-tlog [DIR]     DIR: where to make the log (default /tmp) */
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tlog/tlog.h"

enum { ENTRY_B = 600, THREADS = 64 };

static char entry[ENTRY_B];

static void figure(const char *name, double value, const char *unit, const char *target,
                   const char *peer, const char *peer_value, const char *conditions)
{
    char p[200] = "null";
    if (peer)
        snprintf(p, sizeof p, "\"%s\"", peer);
    printf("{\"figure\":\"%s\",\"value\":%.0f,\"unit\":\"%s\",\"target\":%s,"
           "\"better\":\"higher\",\"peer\":%s,\"peer_value\":%s,\"conditions\":\"%s\"}\n",
           name, value, unit, target, p, peer_value, conditions);
    fflush(stdout);
}

static double since(int64_t start)
{
    return (double)(time_mono() - start) / (double)TIME_SECOND;
}

static void must(int err)
{
    if (!err)
        return;
    fprintf(stderr, "bench-tlog: %s\n", am_err_text(err));
    exit(am_err_exit(err));
}

static void bench_hashes(void)
{
    struct tlog_hash a = {{1}}, b = {{2}};
    int64_t start = time_mono();
    double n = 0;
    for (; since(start) < 0.5; n += 10000)
        for (int i = 0; i < 10000; i++)
            tlog_node_hash(&a, &b, &a);
    figure("tlog.node_hashes", n / since(start), "1/s", "5000000",
           "prototype, OpenSSL low-level, AMD EPYC SHA-NI", "9800000",
           "65-byte Merkle nodes, one thread, chained");
}

static void bench_batches(struct tlog *t, unsigned batch, unsigned rounds)
{
    int64_t start = time_mono();
    char conditions[200];
    uint64_t index = 0;
    for (unsigned r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < batch; i++)
            must(tlog_queue(t, (struct str){entry, sizeof entry}, &index));
        must(tlog_wait(t, index));
    }
    snprintf(
        conditions, sizeof conditions,
        "%d B entries, %u per call, one caller waits for each checkpoint, fsync on every "
        "file and folder",
        ENTRY_B, batch);
    if (batch == 1)
        figure("tlog.appends_single", rounds / since(start), "1/s", "100",
               "prototype, folder not fsynced", "253", conditions);
    else
        figure(batch == 256 ? "tlog.appends_batch256" : "tlog.appends_batch4096",
               (double)batch * rounds / since(start), "1/s",
               batch == 256 ? "10000" : "50000",
               batch == 256 ? "Tessera POSIX, HTTP end to end, mirrored NVMe"
                            : "prototype, fdatasync, folder not fsynced, 12 cosignatures",
               batch == 256 ? "10000" : "209000", conditions);
}

struct crowd {
    struct tlog *t;
    atomic_bool stop;
    atomic_ulong done;
};

static void *crowd_append(void *arg)
{
    struct crowd *c = arg;
    uint64_t index;
    while (!atomic_load(&c->stop)) {
        must(tlog_append(c->t, (struct str){entry, sizeof entry}, &index));
        atomic_fetch_add(&c->done, 1ul);
    }
    return NULL;
}

static void bench_crowd(struct tlog *t)
{
    struct crowd c = {.t = t};
    pthread_t thread[THREADS];
    int64_t start = time_mono();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, crowd_append, &c))
            must(AM_E_NOMEM);
    usleep(2000000);
    atomic_store(&c.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    figure("tlog.appends_64_callers", (double)atomic_load(&c.done) / since(start), "1/s",
           "2000", NULL, "null",
           "600 B entries, 64 threads, each waits for its own entry to be durable");
}

static void bench_proofs(struct tlog *t)
{
    struct tlog_checkpoint c;
    struct tlog_proof p;
    int64_t start = time_mono();
    uint64_t i = 0;
    double n = 0;
    tlog_head(t, &c);
    for (; since(start) < 1; n++, i = (i * 6364136223846793005u + 1442695040888963407u))
        must(tlog_prove_inclusion(t, (i >> 11) % c.size, c.size, &p));
    figure("tlog.inclusion_proofs", n / since(start), "1/s", "1000", NULL, "null",
           "random entries of the log made above, tiles checked against the checkpoint");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
    (void)st, (void)type, (void)w;
    return remove(path);
}

int main(int argc, char **argv)
{
    char dir[4096];
    struct crypto_key *key;
    struct tlog *t;
    snprintf(dir, sizeof dir, "%s/amane-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(dir))
        must(am_err_errno(errno));
    log_set_level(LOG_WARN);
    memset(entry, 'x', sizeof entry);
    must(crypto_key_generate(&key, CRYPTO_ED25519));
    struct tlog_config c = {.dir = dir, .origin = "bench", .key = key, .batch_max = 4096};
    must(tlog_open(&t, &c));
    bench_hashes();
    bench_batches(t, 1, 300);
    bench_batches(t, 256, 200);
    bench_crowd(t);
    bench_batches(t, 4096, 30);
    bench_proofs(t);
    tlog_close(t);
    crypto_key_free(key);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
