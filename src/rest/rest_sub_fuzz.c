/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a Subscription that somebody writes: what is stored of one that is taken
 * can be read again, holds none of its headers in the open, and tells an address that has
 * one reading. */
#include "rest/rest_sub.h"

#include <limits.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/amane-subfuzz-XXXXXX";
static struct eds *eds;
static struct rest *rest;
static struct rest_subs subs;

static void end(void)
{
    static const char *const name[] = {"e.db", "e.db-wal", "e.db-shm", "e.db.lock"};
    char path[PATH_MAX];
    rest->subs = NULL;
    rest_free(rest);
    eds_close(eds);
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
    am_assert(eds_open(&eds, &c) == AM_OK);
    am_assert(rest_new(&rest, &(struct rest_config){.eds = eds,
                                                    .base = "http://test/fhir",
                                                    .sub.allow = "http://in.ma"}) ==
              AM_OK);
    subs.r = rest;
    am_assert(!pthread_mutex_init(&subs.lock, NULL));
    rest->subs = &subs; /* without its threads */
    am_assert(!atexit(end));
}

static void check(struct rest_call *c, const struct json *given,
                  const struct json *stored)
{
    const struct json *list = json_get(json_get(given, "channel"), "header");
    struct rest_sub_spec spec;
    struct json_doc *seal = NULL;
    am_assert(!json_get(json_get(stored, "channel"), "header"));
    am_assert(rest_sub_read(c, stored, &spec) == AM_OK);
    am_assert(str_starts(spec.endpoint, STR("https://")) ||
              (spec.listed && str_starts(spec.endpoint, STR("http://in.ma"))));
    am_assert(!memchr(spec.endpoint.p, '@', spec.endpoint.n));
    am_assert(rest_sub_unseal(rest, stored, &seal) == AM_OK);
    if (list)
        am_assert(json_equal(json_get(json_root(seal), "header"), list));
    json_free(seal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rest_request q = {.method = REST_PUT};
    struct json_doc *doc = NULL, *stored = NULL;
    struct rest_call c = {.q = &q};
    if (!rest)
        begin();
    c.r = rest;
    arena_init(&c.arena, REST_ARENA);
    diag_init(&c.d);
    if (!rest_json(&c, (struct str){(const char *)data, size}, &doc)) {
        int err = rest_sub_write(&c, json_root(doc), &stored);
        am_assert(!err || am_err_http(err) < 500);
        if (!err)
            check(&c, json_root(doc), json_root(stored));
    }
    json_free(stored);
    json_free(doc);
    diag_release(&c.d);
    arena_release(&c.arena);
    return 0;
}
