/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <math.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static enum log_level log_min = LOG_INFO;
static int log_fd = 2;

struct log_kv log_s(const char *key, const char *value)
{
    return (struct log_kv){.key = key, .kind = LOG_KV_STR, .s = str_c(value)};
}

struct log_kv log_str(const char *key, struct str value)
{
    return (struct log_kv){.key = key, .kind = LOG_KV_STR, .s = value};
}

struct log_kv log_i(const char *key, int64_t value)
{
    return (struct log_kv){.key = key, .kind = LOG_KV_INT, .i = value};
}

struct log_kv log_d(const char *key, double value)
{
    return (struct log_kv){.key = key, .kind = LOG_KV_NUM, .d = value};
}

struct log_kv log_err(int err)
{
    return log_s("error", am_err_text(err));
}

void log_set_level(enum log_level level)
{
    log_min = level;
}

void log_set_fd(int fd)
{
    log_fd = fd;
}

static int log_text(struct buf *b, struct str s)
{
    int err = buf_addc(b, '"');
    bool ok = str_utf8(s);
    for (size_t i = 0; i < s.n && !err; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            err = buf_addf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7F || (c >= 0x80 && !ok))
            err = buf_addf(b, "\\u%04x", c);
        else
            err = buf_addc(b, (char)c);
    }
    return err ? err : buf_addc(b, '"');
}

static int log_value(struct buf *b, const struct log_kv *kv)
{
    switch (kv->kind) {
    case LOG_KV_INT:
        return buf_addf(b, "%lld", (long long)kv->i);
    case LOG_KV_NUM:
        return isfinite(kv->d) ? buf_addf(b, "%.9g", kv->d) : buf_adds(b, "null");
    default:
        return log_text(b, kv->s);
    }
}

void log_emit(enum log_level level, const char *event, const struct log_kv *kv, size_t n)
{
    static const char *const name[] = {"debug", "info", "warn", "error"};
    char at[TIME_TEXT];
    struct buf b;
    int err;
    if (level < log_min || level >= LOG_OFF)
        return;
    buf_init(&b, 16384);
    err = buf_addf(&b, "{\"at\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"",
                   time_format(time_now(), at), name[level], event);
    for (size_t i = 0; i < n && !err; i++) {
        err = buf_addf(&b, ",\"%s\":", kv[i].key);
        if (!err)
            err = log_value(&b, &kv[i]);
    }
    if (!err)
        err = buf_adds(&b, "}\n");
    if (err) { /* over the cap: keep the event, drop what it carried */
        buf_clear(&b);
        err = buf_addf(&b, "{\"level\":\"%s\",\"event\":\"%s\",\"cut\":1}\n", name[level],
                       event);
    }
    if (!err && write(log_fd, b.p, b.n) < 0)
        (void)0; /* nowhere left to say so */
    buf_release(&b);
}
