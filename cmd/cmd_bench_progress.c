/* SPDX-License-Identifier: Apache-2.0 */
/* How far a run of the bench is, for who waits: on a terminal one line drawn again, else
 * a line a step; in the language of LANG. The time left is that which the work done so
 * far took, for the work that is left: work is weighed by what it cost where it was
 * measured (bench_job.c), so it is a guess, and says so. */
#include <unistd.h>

#include "base/clock.h"
#include "cmd_bench_progress.h"

enum { SHOWN_AFTER = 3 }; /* seconds: before it there is nothing to reckon from */

void cmd_bench_progress_init(struct cmd_bench_progress *p)
{
    *p = (struct cmd_bench_progress){.lang = cmd_lang(TEXT_EN),
                                     .tty = isatty(STDERR_FILENO) == 1};
}

static struct str name_of(const struct cmd_bench_progress *p, const char *step)
{
    char id[80];
    snprintf(id, sizeof id, "bench.step.%s", step);
    if (!text_has(p->lang, id))
        snprintf(id, sizeof id, "family.%s", step);
    return text_has(p->lang, id) ? text_get(p->lang, id) : str_c(step);
}

/* Seconds left, or -1. */
static int64_t left(struct cmd_bench_progress *p, uint64_t done, uint64_t total)
{
    double spent, share;
    if (!p->since) { /* what was found done was not done now */
        p->since = time_mono();
        p->first = done;
    }
    spent = (double)(time_mono() - p->since) / (double)TIME_SECOND;
    if (spent < SHOWN_AFTER || done <= p->first || total <= done)
        return -1;
    share = (double)(done - p->first) / (double)(total - p->first);
    return (int64_t)(spent * (1 - share) / share) + 1;
}

static int say_left(struct buf *b, enum text_lang l, int64_t s)
{
    struct buf n;
    int err;
    buf_init(&n, 64);
    err = text_int(&n, l, s < 100 ? s : (s + 30) / 60);
    if (!err)
        err = buf_adds(b, " \xc2\xb7 ");
    if (!err)
        err = text_fmt(b, l, s < 100 ? "bench.left.seconds" : "bench.left.minutes",
                       (const struct text_arg[]){{"n", buf_str(&n)}}, 1);
    buf_release(&n);
    return err;
}

void cmd_bench_progress(void *cookie, const char *step, uint64_t done, uint64_t total)
{
    struct cmd_bench_progress *p = cookie;
    bool measuring =
        strcmp(step, "check") && strcmp(step, "load") && strcmp(step, "score");
    int64_t s = measuring ? left(p, done, total) : -1;
    struct buf b;
    int err = AM_OK;
    if (!p->tty && !strcmp(p->last, step))
        return;
    snprintf(p->last, sizeof p->last, "%s", step);
    buf_init(&b, 512);
    if (measuring && total) {
        err = text_percent(&b, p->lang, (double)done / (double)total, 0);
        if (!err)
            err = buf_adds(&b, " \xc2\xb7 ");
    }
    if (!err)
        err = buf_add(&b, name_of(p, step));
    if (!err && s >= 0)
        err = say_left(&b, p->lang, s);
    if (!err)
        fprintf(stderr, p->tty ? "\r\033[Kbench: %s" : "bench: %s\n", b.p);
    buf_release(&b);
}

void cmd_bench_progress_end(const struct cmd_bench_progress *p)
{
    if (p->tty && p->last[0])
        fputs("\r\033[K", stderr);
}
