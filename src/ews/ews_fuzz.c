/* SPDX-License-Identifier: Apache-2.0 */
/* Any table, before the first NUL, over values made of the bytes after it: refused with a
 * problem, or bounds in order and an alert that keeps its rules. */
#include "embed/embed.h"
#include "ews/ews.h"

static void run(const struct ews_table *t, const uint8_t *data, size_t size)
{
    const struct ews_rule r = {.fire = ews_table_levels(t) - 1,
                               .clear = 1,
                               .clear_us = 2,
                               .refractory_us = 3,
                               .reassess_us = 5,
                               .snooze_most_us = 4};
    struct ews_alert a = {0};
    int64_t now = 0;
    while (size >= 4) {
        struct ews_value v[EWS_VARIABLES] = {0};
        struct ews_result is;
        for (size_t i = 0; i < ews_table_variables(t); i++) {
            uint8_t b = data[i % size];
            v[i] = (struct ews_value){.given = b & 1,
                                      .number = b == 255 ? 1e308 * 10 : b * 1.7 - 40,
                                      .code = b % 7 - 1,
                                      .at = now - b};
        }
        ews_score(t, v, now, &is);
        am_assert(is.low <= is.high && is.high <= ews_table_maximum(t));
        am_assert(is.level_low <= is.level_high);
        am_assert(!is.complete || is.low == is.high);
        if (r.fire >= 1) {
            unsigned acts = ews_alert_step(t, &r, &a, &is, now, NULL);
            am_assert(!(acts & EWS_ACT_FIRE) || a.state == EWS_FIRED);
        }
        if (data[0] & 8)
            am_assert(ews_alert_acknowledge(&r, &a, a.serial, now) != AM_E_CONFLICT);
        now += data[1];
        data++, size--;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = 0;
    struct json_doc *doc = NULL;
    struct ews_table *t = NULL;
    struct diag d;
    while (n < size && data[n])
        n++;
    diag_init(&d);
    if (!json_parse(&doc, (struct str){(const char *)data, n}, NULL, NULL)) {
        int err = ews_table_read(&t, json_root(doc), &d);
        am_assert(err != AM_E_INVALID || d.errors);
        if (!err && n < size)
            run(t, data + n + 1, size - n - 1);
    }
    ews_table_free(t);
    json_free(doc);
    diag_release(&d);
    return 0;
}
