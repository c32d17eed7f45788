/* SPDX-License-Identifier: Apache-2.0 */
/* How many handlers run at once: few while they are quick, all of them while they wait.
 */
#include "http/http_test_support.h"

#include "base/pause.h"

enum { CALLERS = 48, CALLS = 40 };

static atomic_int inside, entries, crowded;
static atomic_bool held;
static int enough;

/* /quick sleeps a millisecond and counts how many do; /paused says that it waits, and
 * waits until the test lets it. */
static int handler(void *cookie, struct http_req *r, struct http_resp *a)
{
    if (str_eqc(r->path, "/quick")) {
        int n = atomic_fetch_add(&inside, 1) + 1;
        atomic_fetch_add(&entries, 1);
        atomic_fetch_add(&crowded, n > enough);
        usleep(1000);
        atomic_fetch_sub(&inside, 1);
        return buf_adds(&a->body, "done\n");
    }
    if (str_eqc(r->path, "/paused")) {
        atomic_fetch_add(&inside, 1);
        am_pause_begin();
        while (atomic_load(&held))
            usleep(1000);
        am_pause_end();
        atomic_fetch_sub(&inside, 1);
        return buf_adds(&a->body, "went on\n");
    }
    return t_handler(cookie, r, a);
}

struct call {
    unsigned port;
    const char *path;
    int times, good;
};

static void *call_all(void *arg)
{
    struct call *c = arg;
    char text[200];
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", c->path);
    for (int i = 0; i < c->times; i++)
        c->good += t_ask(c->port, (struct str){text, (size_t)n}) == 200;
    return NULL;
}

struct crowd {
    pthread_t t[CALLERS];
    struct call c[CALLERS];
};

static void crowd_begin(struct crowd *w, struct http_server *s, const char *path,
                        int times)
{
    for (int i = 0; i < CALLERS; i++) {
        w->c[i] = (struct call){http_server_port(s), path, times, 0};
        assert_int_equal(pthread_create(&w->t[i], NULL, call_all, &w->c[i]), 0);
    }
}

static void crowd_end(struct crowd *w)
{
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(w->t[i], NULL), 0);
        assert_int_equal(w->c[i].good, w->c[i].times);
    }
}

static struct http_server *start(void)
{
    struct http_config conf = t_config();
    conf.handler = handler;
    conf.jobs = CALLERS;
    return t_start(&conf);
}

/* Each of them may be set aside by a busy machine and then counts no more, so a few more
 * than enough may be there at times; with a thread for each caller nearly always. */
static void quick_handlers_take_turns_on_few_threads(void **state)
{
    struct http_server *s = start();
    struct crowd w;
    (void)state;
    enough = (int)AM_MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L) + 1;
    crowd_begin(&w, s, "/quick", CALLS);
    crowd_end(&w);
    assert_int_equal(atomic_load(&entries), CALLERS * CALLS);
    assert_true(2 * atomic_load(&crowded) < CALLERS * CALLS);
    http_server_stop(s, 1000);
}

/* They do not say so: a moment later others go on all the same. */
static void handlers_that_wait_hold_up_nobody(void **state)
{
    struct http_server *s = start();
    struct crowd w;
    (void)state;
    atomic_store(&t_held, true);
    crowd_begin(&w, s, "/held", 1);
    assert_eventually(atomic_load(&t_running) == CALLERS);
    atomic_store(&t_held, false);
    crowd_end(&w);
    assert_int_equal(t_ask(http_server_port(s), STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
                     200);
    http_server_stop(s, 1000);
}

static void handlers_that_pause_are_not_counted(void **state)
{
    struct http_server *s = start();
    struct crowd w, quick;
    (void)state;
    atomic_store(&inside, 0);
    atomic_store(&held, true);
    crowd_begin(&w, s, "/paused", 1);
    assert_eventually(atomic_load(&inside) == CALLERS);
    atomic_store(&held, false);
    crowd_end(&w);
    crowd_begin(&quick, s, "/quick", 2);
    crowd_end(&quick);
    http_server_stop(s, 1000);
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(quick_handlers_take_turns_on_few_threads),
                                   TEST(handlers_that_wait_hold_up_nobody),
                                   TEST(handlers_that_pause_are_not_counted)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
