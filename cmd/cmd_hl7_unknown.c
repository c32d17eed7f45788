/* SPDX-License-Identifier: Apache-2.0 */
/* What a mapping has no use for: values that it says are to be told, above all wards that
 * are of no service (their patients are in nobody's care until the operator names the
 * service), and places of messages whose content is in nothing that was made. */
#include <pthread.h>

#include "base/log.h"
#include "cmd_hl7.h"

enum { VALUES = 100, CODE = 20 };

struct list {
    struct {
        char value[64];
        int64_t n;
    } of[VALUES + 1]; /* the last: all others */
    size_t n;
};
struct cmd_hl7_unknown {
    pthread_mutex_t lock;
    struct list value, place;
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

/* How often it came by now. */
static int64_t count(struct list *l, const char *value, const char **as)
{
    size_t i = 0;
    while (i < l->n && strcmp(l->of[i].value, value) != 0)
        i++;
    i = AM_MIN(i, (size_t)VALUES);
    if (i == l->n && i < VALUES)
        snprintf(l->of[l->n++].value, sizeof l->of[0].value, "%s", value);
    *as = l->of[i].value;
    return ++l->of[i].n;
}

static void unknown(struct cmd_hl7_unknown *u, const struct diag_item *it)
{
    const char *as;
    int64_t n = count(&u->value, code_only(it->detail), &as);
    if (tenfold(n))
        LOG_W("hl7.unknown", log_s("path", it->path), log_s("value", as),
              log_i("messages", n));
}

static void untaken(struct cmd_hl7_unknown *u, const struct diag_item *it)
{
    const char *as;
    int64_t n = count(&u->place, it->path, &as);
    if (tenfold(n))
        LOG_W("hl7.untaken", log_s("path", as), log_i("messages", n));
}

void cmd_hl7_unknown_count(struct cmd_hl7_unknown *u, const struct diag *d)
{
    am_assert(!pthread_mutex_lock(&u->lock));
    for (size_t i = 0; i < d->n; i++) {
        const struct diag_item *it = &d->item[i];
        if (!strcmp(it->code, "hl7.unknown") && !said(d, i))
            unknown(u, it);
        else if (!strcmp(it->code, "hl7.untaken") && !said(d, i))
            untaken(u, it);
    }
    am_assert(!pthread_mutex_unlock(&u->lock));
}

static bool at(const struct list *l, size_t i, const char **value, int64_t *n)
{
    size_t k = i < l->n ? i : VALUES; /* after the last: all others */
    *value = l->of[k].value;
    *n = l->of[k].n;
    return i <= l->n && *n > 0;
}

bool cmd_hl7_unknown_at(const struct cmd_hl7_unknown *u, size_t i, const char **value,
                        int64_t *n)
{
    return at(&u->value, i, value, n);
}

bool cmd_hl7_untaken_at(const struct cmd_hl7_unknown *u, size_t i, const char **place,
                        int64_t *n)
{
    return at(&u->place, i, place, n);
}

int cmd_hl7_untaken_line(struct buf *out, const char *source, const struct diag *d)
{
    size_t before = out->n, places = 0;
    struct jw w;
    int err;
    jw_init(&w, out);
    jw_obj(&w);
    jw_kstrz(&w, "source", source);
    jw_key(&w, "untaken");
    jw_arr(&w);
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->item[i].code, "hl7.untaken") && !said(d, i)) {
            jw_strz(&w, d->item[i].path);
            places++;
        }
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err && places)
        err = buf_addc(out, '\n');
    if (err || !places)
        buf_cut(out, before);
    return err;
}
