/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte chooses the format; what is read has the columns asked for and a place
 * for each row, and what is refused says why, unless memory is short. */
#include "bench/bench_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const entry[] = {
    "{\"format\":\"csv\",\"columns\":{\"label\":\"y\",\"inputs\":{\"a\":\"a\"}}}",
    "{\"format\":\"ndjson\",\"columns\":{\"label\":\"y\",\"inputs\":{\"a\":\"a\",\"b\":"
    "\"/v/0/b\"}}}",
    "{\"format\":\"fhir\",\"columns\":{\"label\":\"y\",\"inputs\":{\"a\":\"a\",\"b\":"
    "\"b\",\"c\":\"c\"}},\"mapping\":{\"index\":{\"code\":\"s|i\"},\"fields\":{\"y\":{"
    "\"condition\":\"s|d\",\"after\":\"P1Y\"},\"a\":{\"code\":\"s|a\",\"unit\":\"kg\","
    "\"take\":\"mean\"},\"b\":{\"patient\":\"age\"},\"c\":{\"patient\":\"gender\"}}}}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct json_doc *doc;
    struct bench_source s = {0};
    struct diag d;
    char place[BENCH_SOURCE_PLACE];
    int err;
    if (!len)
        return 0;
    diag_init(&d);
    am_assert(json_parse(&doc, str_c(entry[data[0] % AM_LEN(entry)]), NULL, &d) == AM_OK);
    err = bench_source_parse(&s, json_root(doc),
                             (struct str){(const char *)data + 1, len - 1}, &d);
    am_assert(err == AM_OK ? s.table != NULL : err == AM_E_NOMEM || d.errors > 0);
    for (size_t i = 0; !err && i < csv_rows(s.table); i++)
        for (size_t k = 0; k < csv_columns(s.table); k++) {
            (void)csv_at(s.table, i, k);
            am_assert(bench_source_place(&s, i, k, place)[0] != 0);
        }
    bench_source_release(&s);
    json_free(doc);
    diag_release(&d);
    return 0;
}
