/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request: a letter for the method, then lines: path and query, the
 * headers in the order of REST_HEADER_MAP, the body. Whatever is asked, the answer is a
 * resource and no mistake of ours. */
#include <limits.h>
#include <unistd.h>

#include "base/log.h"
#include "rest/rest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/amane-restfuzz-XXXXXX";
static struct eds *eds;
static struct rest *rest;
static struct fhir_valid *valid;

static void end(void)
{
    static const char *const name[] = {"e.db", "e.db-wal", "e.db-shm", "e.db.lock"};
    char path[PATH_MAX];
    rest_free(rest);
    eds_close(eds);
    fhir_valid_free(valid);
    for (size_t i = 0; i < AM_LEN(name); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, name[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void begin(void)
{
    char path[PATH_MAX];
    struct eds_config c = {.path = path, .rows = eds_rows_fhir};
    log_set_level(LOG_OFF);
    am_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/e.db", dir);
    am_assert(eds_open(&eds, &c) == AM_OK && fhir_valid_new(&valid) == AM_OK);
    am_assert(rest_new(&rest, &(struct rest_config){.eds = eds,
                                                    .valid = valid,
                                                    .base = "http://test/fhir"}) ==
              AM_OK);
    am_assert(!atexit(end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char letter[] = "GPUCDX"; /* get, post, put, patch, delete, other */
    struct str left = {(const char *)data, size}, url;
    struct rest_request q = {0};
    struct rest_answer a;
    struct json_doc *doc = NULL;
    const char *m;
    if (!size)
        return 0;
    if (!rest)
        begin();
    m = memchr(letter, left.p[0], sizeof letter - 1);
    q.method = m ? (enum rest_method)(m - letter) : REST_GET;
    left = str_sub(left, 1, left.n);
    url = str_cut(left, '\n', &left);
    q.path = str_cut(url, '?', &q.query);
    for (size_t i = 0; i < REST_HEADERS; i++)
        q.header[i] = str_cut(left, '\n', &left);
    q.body = left;
    rest_answer_init(&a);
    rest_serve(rest, &q, &a);
    am_assert(a.status >= 200 && a.status < 500);
    if (a.body.n && strstr(a.type, "json"))
        am_assert(json_parse(&doc, buf_str(&a.body),
                             &(struct json_limits){.size_b = 256 << 20, .depth = 200},
                             NULL) == AM_OK &&
                  json_get_str(json_root(doc), "resourceType").n);
    json_free(doc);
    rest_answer_release(&a);
    return 0;
}
