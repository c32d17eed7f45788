/* SPDX-License-Identifier: Apache-2.0 */
/* bench_burst -- the controls of row CY-6, looked at. One account asks one made row at a
 * time, as fast as answers come, until the declared number of questions (1,000) is
 * answered, or a limit was met and the alert log (JSON lines, member "account") names the
 * account. Told to come back later, it waits longer each time, wait_s together at most.
 */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench_endpoint.h"

enum {
    CHECK_EVERY = 25,
    LOG_MAX = 1 << 20,
    ROOM_LEFT = 64 /* lines that the end of the looking needs */
};

struct burst {
    struct bench_endpoint *e;
    int64_t answered, limited, waited_ms;
    bool alerted;
    off_t log_from;
};

/* ---- the alert log --------------------------------------------------------------------
 */
static off_t log_end(const struct bench_remote *at)
{
    int fd = open(at->alert_log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    off_t n = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    if (fd >= 0)
        close(fd);
    return n < 0 ? 0 : n;
}

static bool names(struct str line, const char *account)
{
    struct json_doc *doc = NULL;
    bool yes = !json_parse(&doc, line, NULL, NULL) &&
               json_str_is(json_get(json_root(doc), "account"), account);
    json_free(doc);
    return yes;
}

/* Whole lines written since the start, a megabyte of them at most. */
static int look(struct burst *b)
{
    const struct bench_remote *at = b->e->line.at;
    int fd;
    char *text;
    ssize_t n;
    struct str rest;
    if (!at->alert_log[0] || b->alerted)
        return AM_OK;
    fd = open(at->alert_log, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return AM_OK; /* not written yet */
    text = am_malloc(LOG_MAX);
    n = text ? pread(fd, text, LOG_MAX, b->log_from) : -1;
    close(fd);
    rest = (struct str){text, n > 0 ? (size_t)n : 0};
    while (rest.n && rest.p[rest.n - 1] != '\n')
        rest.n--;
    while (rest.n && !b->alerted)
        b->alerted = names(str_cut(rest, '\n', &rest), at->probe.name);
    if (b->alerted)
        (void)bench_sight_add(&b->e->seen, BENCH_SIGHT_NAMED, 0, 0);
    free(text);
    return text ? AM_OK : AM_E_NOMEM;
}

/* ---- asking ---------------------------------------------------------------------------
 */
static void pause_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* One question; *more false: no use going on. */
static int question(struct burst *b, size_t i, int64_t *wait, bool *more)
{
    struct bench_line *l = &b->e->line;
    const char *token = l->at->probe.token;
    char path[BENCH_URL];
    struct bench_knock k = {.path = path, .bearer = token[0] ? token : NULL};
    double score = NAN;
    int status,
        err = bench_line_question(l, b->e->x + i % BENCH_BURST_ROWS * l->features, 1);
    if (err)
        return err;
    bench_line_path(l, true, path);
    k.body = buf_str(&l->body);
    err = bench_line_call(l, &k, &status);
    if (err)
        return err;
    if (status == 429 || status == 503) {
        b->limited++;
        (void)bench_sight_add(&b->e->seen, BENCH_SIGHT_ASKED, status, NAN);
        *more = b->waited_ms < l->at->wait_ms;
        if (*more)
            pause_ms(*wait);
        b->waited_ms += *wait;
        *wait = AM_MIN(*wait * 2, (int64_t)1000);
        return AM_OK;
    }
    *wait = 10;
    *more = status == 200;
    if (*more) {
        err = bench_line_answer(l, 1, &score);
        *more = !err;
        err = err == AM_E_INVALID ? AM_OK : err;
    }
    b->answered += !isnan(score);
    (void)bench_sight_add(&b->e->seen, BENCH_SIGHT_ASKED, status, score);
    return err;
}

static int ask_all(struct burst *b)
{
    const struct bench_remote *at = b->e->line.at;
    int64_t wait = 10;
    bool more = b->e->answers;
    int err = AM_OK;
    for (size_t i = 0; more && !err && b->answered < at->questions_max; i++) {
        int64_t limited = b->limited;
        if (bench_line_over(&b->e->line) || b->e->seen.n + ROOM_LEFT > BENCH_SIGHTS_MAX)
            break;
        err = question(b, i, &wait, &more);
        if (!err && (b->answered % CHECK_EVERY == 0 || b->limited > limited))
            err = look(b);
        if (b->limited && (b->alerted || !at->alert_log[0]))
            break; /* both are known */
    }
    if (!err) /* an alert may take its time */
        err = look(b);
    for (int64_t ms = 0; !err && ms < at->alert_ms && at->alert_log[0] && !b->alerted &&
                         b->answered >= at->questions_max;
         ms += 50) {
        pause_ms(50);
        err = look(b);
    }
    return err;
}

int bench_burst(struct bench_endpoint *e)
{
    struct burst b = {.e = e};
    int64_t started = time_mono();
    int err;
    if (e->line.at->alert_log[0])
        b.log_from = log_end(e->line.at);
    err = ask_all(&b);
    (void)bench_sight_add(&e->seen, BENCH_SIGHT_ENDED,
                          (double)(time_mono() - started) / (double)TIME_SECOND, 0);
    return err;
}
