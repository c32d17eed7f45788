/* SPDX-License-Identifier: Apache-2.0 */
/* log -- for the operator: one JSON line on stderr per event.
 *
 *     LOG_I("db.commit", log_i("rows", n), log_i("ms", ms));
 *     {"at":"2026-11-21T22:41:52.123456Z","level":"info","event":"db.commit","rows":3,...}
 *
 * Event names are stable. Never personal data, never secrets: identifiers of patients,
 * names, free text and key material do not enter a log line; a test greps for it.
 *
 * Threads: any; a line is one write(2). */
#ifndef AM_LOG_H
#define AM_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

struct log_kv {
    const char *key;
    enum { LOG_KV_STR, LOG_KV_INT, LOG_KV_NUM } kind;
    struct str s;
    int64_t i;
    double d;
};

struct log_kv log_s(const char *key, const char *value);
struct log_kv log_str(const char *key, struct str value);
struct log_kv log_i(const char *key, int64_t value);
struct log_kv log_d(const char *key, double value);
struct log_kv log_err(int err); /* "error": text of the error table */

void log_set_level(enum log_level level); /* default LOG_INFO; before threads start */
void log_set_fd(int fd);                  /* default 2 */
void log_emit(enum log_level level, const char *event, const struct log_kv *kv, size_t n);

#define LOG_AT_(level, event, ...)                                                       \
    log_emit(level, event, (const struct log_kv[]){__VA_ARGS__},                         \
             sizeof((const struct log_kv[]){__VA_ARGS__}) / sizeof(struct log_kv))
#define LOG_D(event, ...) LOG_AT_(LOG_DEBUG, event, __VA_ARGS__)
#define LOG_I(event, ...) LOG_AT_(LOG_INFO, event, __VA_ARGS__)
#define LOG_W(event, ...) LOG_AT_(LOG_WARN, event, __VA_ARGS__)
#define LOG_E(event, ...) LOG_AT_(LOG_ERROR, event, __VA_ARGS__)

#endif
