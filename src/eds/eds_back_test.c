/* SPDX-License-Identifier: Apache-2.0 */
/* A database that went back, as a standby does that is promoted without the last writes:
 * rids are given again, and nothing remembered is told of the wrong version. */
#include "eds/eds_index_priv.h"
#include "eds/eds_test.h"

#include <pthread.h>

static const char b_x[] = "{\"resourceType\":\"Observation\",\"code\":\"x\"}";
static const char b_y[] = "{\"resourceType\":\"Observation\",\"code\":\"y\"}";

static int64_t b_put(struct eds *e, const char *type, const char *id, const char *body)
{
    struct eds_done done;
    assert_ok(
        t_ask(e, body,
              (struct eds_ask){.verb = EDS_UPDATE, .type = str_c(type), .id = str_c(id)},
              &done));
    return done.rid;
}

/* Behind the store's back: all above that rid was never written. */
static int b_back_fn(struct db_conn *c, void *arg)
{
    static const char *const sql[] = {
        "delete from res where rid > $1", "delete from hist where rid > $1",
        "delete from dead where ended > $1", "delete from link where last > $1"};
    int err = AM_OK;
    for (size_t i = 0; i < AM_LEN(sql) && !err; i++)
        err = db_exec(c, sql[i], "i", *(const int64_t *)arg);
    return err;
}

static void b_back(struct eds *e, int64_t rid)
{
    assert_ok(db_write(e->db, b_back_fn, &rid));
}

/* What one view says of that rid and of the two codes. */
struct b_seen {
    int64_t rid, x, y;
    char id[EDS_ID_MAX + 1];
    bool y_body;
    uint64_t epoch;
};

static int b_look(struct eds_view *v, void *arg)
{
    struct b_seen *s = arg;
    const struct fhir_row_key *key = eds_row_key(eds_of(v));
    struct eds_meta m = {0};
    struct buf b;
    int err;
    buf_init(&b, 1 << 20);
    err = eds_fetch(v, s->rid, &b, &m);
    snprintf(s->id, sizeof s->id, "%s", m.id);
    s->y_body = b.n && strstr(b.p, "\"y\"");
    s->epoch = eds_epoch(v, s->rid);
    if (!err)
        err = eds_tok_count(v, t_term(key, "code", "x"), &s->x);
    if (!err)
        err = eds_tok_count(v, t_term(key, "code", "y"), &s->y);
    buf_release(&b);
    return err;
}

static struct b_seen b_seen(struct eds *e, int64_t rid)
{
    struct b_seen s = {.rid = rid};
    assert_ok(eds_view(e, b_look, &s));
    return s;
}

static void b_whole(struct eds *e)
{
    struct eds_check c = {0};
    assert_ok(eds_check(e, &c));
}

/* Three, one of them dead: counts are kept, too. The rid of the last. */
static int64_t b_three(struct eds *e)
{
    (void)b_put(e, "Observation", "a", b_x);
    (void)b_put(e, "Observation", "a", b_x);
    (void)b_put(e, "Observation", "b", b_x);
    return b_put(e, "Observation", "c", b_x);
}

static void a_rid_given_again_is_of_the_new_one(void **state)
{
    struct eds *e = t_open();
    int64_t last = b_three(e);
    struct b_seen was = b_seen(e, last), is;
    (void)state;
    assert_string_equal(was.id, "c");
    assert_int_equal(was.x, 3);
    b_back(e, last - 1);
    assert_int_equal(b_put(e, "Observation", "d", b_y), last);
    is = b_seen(e, last);
    assert_string_equal(is.id, "d");
    assert_true(is.y_body);
    assert_int_equal(is.x, 2);
    assert_int_equal(is.y, 1);
    assert_int_not_equal(is.epoch, was.epoch); /* who keeps things by rid lets them go */
    b_whole(e);
    eds_close(e);
}

/* Nobody was told of it, but it was read: its writer's answer was lost on the way. */
static void what_was_only_read_is_let_go_too(void **state)
{
    struct eds *e = t_open();
    int64_t last = b_three(e);
    (void)state;
    assert_string_equal(b_seen(e, last).id, "c");
    am_assert(!pthread_mutex_lock(&e->lock));
    e->told.rid = 0;
    am_assert(!pthread_mutex_unlock(&e->lock));
    b_back(e, last - 1);
    assert_int_equal(b_put(e, "Observation", "d", b_y), last);
    assert_string_equal(b_seen(e, last).id, "d");
    eds_close(e);
}

static int b_other_chain(struct db_conn *c, void *arg)
{
    return db_exec(c, "update link set hash = $2 where last = $1", "ib",
                   *(const int64_t *)arg, STR("........not the one it was......"));
}

/* Another process wrote as much meanwhile: the newest rid says nothing. */
static void another_chain_under_the_same_rids_is_seen(void **state)
{
    struct eds *e = t_open();
    int64_t last = b_three(e);
    uint64_t epoch = b_seen(e, last).epoch;
    (void)state;
    (void)b_put(e, "Observation", "d", b_x);
    assert_int_equal(b_seen(e, last).epoch, epoch); /* nothing happened */
    last++;
    assert_ok(db_write(e->db, b_other_chain, &last));
    (void)b_put(e, "Observation", "e", b_x);
    assert_int_not_equal(b_seen(e, last).epoch, epoch);
    eds_close(e);
}

/* A transaction that is undone takes nothing along: caches stay. */
static int b_fail(struct db_conn *c, void *arg)
{
    (void)c, (void)arg;
    return AM_E_REFUSED;
}

static void what_is_undone_is_not_going_back(void **state)
{
    struct eds *e = t_open();
    int64_t last = b_three(e);
    uint64_t epoch = b_seen(e, last).epoch;
    (void)state;
    assert_int_equal(db_write(e->db, b_fail, NULL), AM_E_REFUSED);
    assert_int_equal(t_ask(e, b_x,
                           (struct eds_ask){.verb = EDS_UPDATE,
                                            .type = STR("Observation"),
                                            .id = STR("a"),
                                            .if_match = 7},
                           NULL),
                     AM_E_PRECONDITION);
    (void)b_put(e, "Observation", "d", b_x);
    assert_int_equal(b_seen(e, last).epoch, epoch);
    eds_close(e);
}

/* Nor is what its own functions read before it was. */
static int b_read_and_fail(struct db_conn *c, void *arg)
{
    struct eds_group *g = arg;
    struct eds_view v = {.e = g->e, .c = c, .writer = true};
    struct eds_meta m = {0};
    int err = eds_group_run(c, g);
    if (!err)
        err = eds_fetch(&v, g->last, NULL, &m);
    assert_ok(err);
    assert_string_equal(m.id, "n");
    return AM_E_REFUSED;
}

static void what_a_writer_read_is_not_gone_when_undone(void **state)
{
    struct eds *e = t_open();
    int64_t last = b_three(e);
    uint64_t epoch = b_seen(e, last).epoch;
    struct eds_group *g;
    struct json_doc *doc = t_json(b_x);
    (void)state;
    assert_ok(eds_group_new(&g, e));
    assert_ok(eds_put(g,
                      &(struct eds_ask){.verb = EDS_UPDATE,
                                        .type = STR("Observation"),
                                        .id = STR("n"),
                                        .body = json_root(doc)},
                      NULL));
    assert_int_equal(db_write(e->db, b_read_and_fail, g), AM_E_REFUSED);
    eds_group_free(g);
    json_free(doc);
    (void)b_put(e, "Observation", "d", b_x);
    assert_int_equal(b_seen(e, last).epoch, epoch);
    eds_close(e);
}

/* ---- views and merges that began before ---- */
struct b_old {
    struct eds *e;
    _Atomic int step; /* 1: it looked; 2: the store went back and on */
    int64_t last;
    bool early; /* asks the index before as well */
    struct b_seen s;
    int err;
};

static int b_old_fn(struct eds_view *v, void *arg)
{
    struct b_old *o = arg;
    int64_t top;
    int err = eds_top(v, &top); /* PostgreSQL: the snapshot is that of the first ask */
    if (!err && o->early)
        err = b_look(v, &o->s);
    o->step = 1;
    while (o->step < 2)
        usleep(1000);
    return err ? err : b_look(v, &o->s);
}

static void *b_old_main(void *arg)
{
    struct b_old *o = arg;
    o->err = eds_view(o->e, b_old_fn, o);
    return NULL;
}

static void older(bool early)
{
    struct eds *e = t_open();
    struct b_old o = {.e = e, .last = b_three(e), .early = early};
    struct b_seen is;
    pthread_t t;
    o.s.rid = o.last;
    assert_int_equal(pthread_create(&t, NULL, b_old_main, &o), 0);
    while (o.step < 1)
        usleep(1000);
    b_back(e, o.last - 1);
    assert_int_equal(b_put(e, "Observation", "d", b_y), o.last);
    if (early) /* caches are of the new one before the old one looks */
        assert_string_equal(b_seen(e, o.last).id, "d");
    o.step = 2;
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_ok(o.err);
    assert_string_equal(o.s.id, "c");
    assert_false(o.s.y_body);
    assert_int_equal(o.s.x, 3);
    assert_int_equal(o.s.y, 0);
    is = b_seen(e, o.last); /* nor is what it looked at told to others */
    assert_string_equal(is.id, "d");
    assert_true(is.y_body);
    assert_int_equal(is.x, 2);
    eds_close(e);
}

static void an_older_view_keeps_its_own(void **state)
{
    (void)state;
    older(false);
}

static void an_older_view_keeps_what_it_had(void **state)
{
    (void)state;
    older(true);
}

static int b_slowly_back(struct db_conn *c, void *arg)
{
    struct b_old *o = arg;
    int64_t to = o->last - 1;
    o->step = 1;
    usleep(300000); /* the merge has read, and waits for the writer */
    return b_back_fn(c, &to);
}

static void *b_slow_main(void *arg)
{
    struct b_old *o = arg;
    o->err = db_write(o->e->db, b_slowly_back, o);
    return NULL;
}

static void a_merge_of_what_is_no_more_is_given_up(void **state)
{
    struct eds *e = t_open();
    struct b_old o = {.e = e, .last = b_three(e)};
    struct b_seen is;
    pthread_t t;
    (void)state;
    assert_int_equal(pthread_create(&t, NULL, b_slow_main, &o), 0);
    while (o.step < 1)
        usleep(1000);
    assert_int_equal(eds_merge(e, 100, 1), AM_E_CONFLICT);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_ok(o.err);
    assert_int_equal(b_put(e, "Observation", "d", b_y), o.last);
    assert_ok(eds_merge(e, 100, 1));
    is = b_seen(e, o.last);
    assert_int_equal(is.x, 2);
    assert_int_equal(is.y, 1);
    b_whole(e);
    eds_close(e);
}

/* A standby that lacks nothing but the end of a merge: what the merge replaced is live.
 */
static int b_live(struct db_conn *c, void *arg)
{
    return db_exec(c, "update seg set live = $1", "i", *(const int64_t *)arg);
}

static int b_slowly_live(struct db_conn *c, void *arg)
{
    struct b_old *o = arg;
    const int64_t live = 1;
    o->step = 1;
    usleep(300000); /* the merge has seen what is not live, and waits for the writer */
    return b_live(c, (void *)(uintptr_t)&live);
}

static void *b_live_main(void *arg)
{
    struct b_old *o = arg;
    o->err = db_write(o->e->db, b_slowly_live, o);
    return NULL;
}

static void a_segment_that_is_live_again_keeps_its_pages(void **state)
{
    struct eds *e = t_open();
    struct b_old o = {.e = e, .last = b_three(e)};
    int64_t live = 0;
    pthread_t t;
    (void)state;
    assert_ok(eds_merge(e, 100, 1));
    assert_ok(db_write(e->db, b_live, &live));
    assert_int_equal(pthread_create(&t, NULL, b_live_main, &o), 0);
    while (o.step < 1)
        usleep(1000);
    assert_ok(eds_merge(e, 100, 1000)); /* takes away, makes nothing */
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_ok(o.err);
    b_whole(e);
    assert_int_equal(b_seen(e, o.last).x, 3);
    eds_close(e);
}

/* ---- merges of which the end is missing ---- */
enum { B_MANY = 60 };

static void b_many(struct eds *e, const char *code)
{
    struct eds_group *g;
    assert_ok(eds_group_new(&g, e));
    for (int i = 0; i < B_MANY; i++) {
        char id[16], body[120];
        struct json_doc *doc;
        snprintf(id, sizeof id, "%s%d", code, i);
        snprintf(body, sizeof body,
                 "{\"resourceType\":\"Observation\",\"code\":\"%s\",\"identifier\":"
                 "\"i%d\",\"at\":%d}",
                 code, i, i);
        doc = t_json(body);
        assert_ok(eds_put(g,
                          &(struct eds_ask){.verb = EDS_UPDATE,
                                            .type = STR("Observation"),
                                            .id = str_c(id),
                                            .body = json_root(doc)},
                          NULL));
        json_free(doc);
    }
    assert_ok(eds_write(g));
    eds_group_free(g);
}

struct b_cut {
    struct eds *e;
    bool all;   /* the segment is missing as well */
    bool after; /* the page is there, of another merge */
    _Atomic bool over;
    bool did;
    int err;
};

static int b_half(struct db_conn *c, int64_t *n, int64_t *page)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "select s.n, max(p.id) from seg s join page p on p.id >= s.n *"
                         " 4194304 and p.id < (s.n + 1) * 4194304 where s.live = 0"
                         " group by s.n order by s.n desc limit 1",
                         &s);
    _Static_assert(EDS_SEG_PAGES == 4194304, "as the statement says");
    if (!err)
        err = db_step(s, &row);
    *n = !err && row ? db_int(s, 0) : 0;
    *page = *n ? db_int(s, 1) : 0;
    return err;
}

/* The commit that sent the last page so far is one the server lacks. */
static int b_cut_fn(struct db_conn *c, void *arg)
{
    struct b_cut *k = arg;
    int64_t n, page;
    int err = b_half(c, &n, &page);
    if (err || !n)
        return err;
    k->did = true;
    if (k->after)
        return db_exec(c, "update page set body = $2 where id = $1", "ib", page,
                       STR("of another"));
    err = db_exec(c, "delete from page where id = $1", "i", page);
    if (!err && k->all)
        err = db_exec(c, "delete from seg where n = $1", "i", n);
    return err;
}

static void *b_cut_main(void *arg)
{
    struct b_cut *k = arg;
    while (!k->err && !k->did && !k->over)
        k->err = db_write(k->e->db, b_cut_fn, k);
    return NULL;
}

/* The chain is whole: only the merge is cut. */
static void merge_cut(struct b_cut k, bool tail)
{
    struct eds *e = t_open();
    struct b_seen is;
    pthread_t t;
    k.e = e;
    e->page_b = 60;
    e->slice = 1;
    for (int i = 0; i < 4; i++) {
        b_many(e, i ? "x" : "y");
        if (!tail)
            assert_ok(eds_merge_tail(e, 1000, 1));
    }
    assert_int_equal(pthread_create(&t, NULL, b_cut_main, &k), 0);
    assert_int_equal(eds_merge(e, 1000, 1), AM_E_CONFLICT);
    k.over = true;
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_ok(k.err);
    assert_true(k.did);
    b_whole(e);
    assert_ok(eds_merge(e, 1000, 1));
    is = b_seen(e, 1);
    assert_int_equal(is.y, B_MANY);
    assert_int_equal(is.x, B_MANY);
    b_whole(e);
    eds_close(e);
}

static void a_merge_that_lost_a_page_is_given_up(void **state)
{
    (void)state;
    merge_cut((struct b_cut){.all = false}, false);
}

static void a_merge_that_lost_its_segment_is_given_up(void **state)
{
    (void)state;
    merge_cut((struct b_cut){.all = true}, false);
}

static void a_merge_whose_page_is_of_another_is_given_up(void **state)
{
    (void)state;
    merge_cut((struct b_cut){.after = true}, false);
}

static void a_tail_that_lost_a_page_is_given_up(void **state)
{
    (void)state;
    merge_cut((struct b_cut){.all = false}, true);
}

static int b_no_merge(struct db_conn *c, void *arg)
{
    (void)arg;
    int err = db_exec(c, "delete from page", "");
    return err ? err : db_exec(c, "delete from seg", "");
}

/* Its directory stays in memory, and is of no other segment. */
static void a_lost_segment_gives_its_number_to_none(void **state)
{
    struct eds *e = t_open();
    struct b_seen is;
    (void)state;
    e->page_b = 60;
    b_many(e, "x");
    assert_ok(eds_merge(e, 1000, 1));
    assert_int_equal(b_seen(e, 1).x, B_MANY);
    assert_ok(db_write(e->db, b_no_merge, NULL));
    b_many(e, "y");
    assert_ok(eds_merge(e, 1000, 1));
    is = b_seen(e, 1);
    assert_int_equal(is.x, B_MANY);
    assert_int_equal(is.y, B_MANY);
    b_whole(e);
    eds_close(e);
}

/* ---- what bodies are made with ---- */
static int b_no_kind(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c, "delete from kind where name = 'Patient'", "");
}

static int b_no_key(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c, "delete from vault where kind = 'data' and n = 2", "");
}

static void lost(int (*took)(struct db_conn *c, void *arg), bool key)
{
    struct eds *e = t_open();
    int64_t last = b_three(e);
    const struct eds_ask ask = {
        .verb = EDS_UPDATE, .type = STR("Observation"), .id = STR("d")};
    if (key)
        assert_ok(eds_rotate(e));
    (void)b_put(e, "Patient", "p", "{\"resourceType\":\"Patient\"}");
    b_back(e, last);
    assert_ok(db_write(e->db, took, NULL));
    assert_int_equal(t_ask(e, b_y, ask, NULL), AM_E_UNAVAILABLE);
    assert_int_equal(t_ask(e, b_y, ask, NULL), AM_E_UNAVAILABLE);
    assert_string_equal(b_seen(e, last).id, "c"); /* read it is as before */
    eds_close(e);
    e = t_open();
    assert_ok(t_ask(e, b_y, ask, NULL));
    (void)b_put(e, "Patient", "p", "{\"resourceType\":\"Patient\"}");
    b_whole(e);
    eds_close(e);
}

/* A body under a key that nobody has, of a type that no number names, would be lost. */
static void without_a_type_it_knew_nothing_is_written(void **state)
{
    (void)state;
    lost(b_no_kind, false);
}

static void without_a_key_it_knew_nothing_is_written(void **state)
{
    (void)state;
    lost(b_no_key, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(a_rid_given_again_is_of_the_new_one),
                                       T(what_was_only_read_is_let_go_too),
                                       T(another_chain_under_the_same_rids_is_seen),
                                       T(what_is_undone_is_not_going_back),
                                       T(what_a_writer_read_is_not_gone_when_undone),
                                       T(an_older_view_keeps_its_own),
                                       T(an_older_view_keeps_what_it_had),
                                       T(a_merge_of_what_is_no_more_is_given_up),
                                       T(a_segment_that_is_live_again_keeps_its_pages),
                                       T(a_merge_that_lost_a_page_is_given_up),
                                       T(a_merge_that_lost_its_segment_is_given_up),
                                       T(a_merge_whose_page_is_of_another_is_given_up),
                                       T(a_tail_that_lost_a_page_is_given_up),
                                       T(a_lost_segment_gives_its_number_to_none),
                                       T(without_a_type_it_knew_nothing_is_written),
                                       T(without_a_key_it_knew_nothing_is_written)};
    return t_run_both(tests, AM_LEN(tests));
}
