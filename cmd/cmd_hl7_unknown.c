/* SPDX-License-Identifier: Apache-2.0 */
/* What a mapping has no use for and says is to be told, above all wards that are of no
 * service: their patients are in nobody's care until the operator names the service. */
#include <pthread.h>

#include "base/log.h"
#include "cmd_hl7.h"

enum { VALUES = 100, CODE = 20 };

struct cmd_hl7_unknown {
    pthread_mutex_t lock;
    struct {
        char value[64];
        int64_t n;
    } of[VALUES + 1]; /* the last: all others */
    size_t n;
};

int cmd_hl7_unknown_new(struct cmd_hl7_unknown **out)
{
    struct cmd_hl7_unknown *u = am_calloc(1, sizeof *u);
    if (!u)
        return AM_E_NOMEM;
    am_assert(!pthread_mutex_init(&u->lock, NULL));
    *out = u;
    return AM_OK;
}

void cmd_hl7_unknown_free(struct cmd_hl7_unknown *u)
{
    if (!u)
        return;
    am_assert(!pthread_mutex_destroy(&u->lock));
    free(u);
}

/* Was the same said before, of this message? It may have been made several times. */
static bool said(const struct diag *d, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(d->item[k].code, d->item[i].code) &&
            !strcmp(d->item[k].detail, d->item[i].detail))
            return true;
    return false;
}

static bool tenfold(int64_t n)
{
    while (n % 10 == 0)
        n /= 10;
    return n == 1;
}

/* A sender that shifts its fields puts a name where the ward should stand: only what
 * looks like a code goes into a log. */
static const char *code_only(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789_.-");
    return n && n <= CODE && !s[n] ? s : "...";
}

static void count(struct cmd_hl7_unknown *u, const struct diag_item *it)
{
    const char *value = code_only(it->detail);
    size_t i = 0;
    while (i < u->n && strcmp(u->of[i].value, value) != 0)
        i++;
    i = AM_MIN(i, (size_t)VALUES);
    if (i == u->n && i < VALUES)
        snprintf(u->of[u->n++].value, sizeof u->of[0].value, "%s", value);
    if (tenfold(++u->of[i].n))
        LOG_W("hl7.unknown", log_s("path", it->path), log_s("value", u->of[i].value),
              log_i("messages", u->of[i].n));
}

void cmd_hl7_unknown_count(struct cmd_hl7_unknown *u, const struct diag *d)
{
    am_assert(!pthread_mutex_lock(&u->lock));
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->item[i].code, "hl7.unknown") && !said(d, i))
            count(u, &d->item[i]);
    am_assert(!pthread_mutex_unlock(&u->lock));
}

bool cmd_hl7_unknown_at(const struct cmd_hl7_unknown *u, size_t i, const char **value,
                        int64_t *n)
{
    size_t at = i < u->n ? i : VALUES; /* after the last: all others */
    *value = u->of[at].value;
    *n = u->of[at].n;
    return i <= u->n && *n > 0;
}
