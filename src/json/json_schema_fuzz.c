/* SPDX-License-Identifier: Apache-2.0 */
/* The first line is a schema, the rest an instance. */
#include "base/base.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest, line = str_cut((struct str){(const char *)data, size}, '\n', &rest);
    struct json_limits limits = {.size_b = 4096};
    struct json_doc *sd = NULL, *td = NULL;
    struct json_schema *s = NULL;
    struct diag d;
    int err;
    diag_init(&d);
    if (json_parse(&sd, line, &limits, NULL) == AM_OK) {
        err = json_schema_compile(&s, json_root(sd), NULL, NULL, &d);
        am_assert(!err == !!s && (err != AM_E_INVALID || d.errors));
        if (s && json_parse(&td, rest, &limits, NULL) == AM_OK) {
            err = json_schema_check(s, json_root(td), &d);
            am_assert(!err == !d.errors);
        }
    }
    json_schema_free(s);
    json_free(sd);
    json_free(td);
    diag_release(&d);
    return 0;
}
