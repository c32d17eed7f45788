/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption at rest: what the disk says, wrong keys, rotation, dictionaries. */
#include <sys/stat.h>

#include "eds/eds_test.h"

static const struct str obs = STR_INIT("Observation");

static void wrong_keys_are_told_from_damage(void **state)
{
    (void)state;
    struct eds_config c = t_config();
    struct eds *e = t_open();
    eds_close(e);
    memcpy(c.key, t_other_key, EDS_KEY);
    assert_int_equal(eds_open(&e, &c), AM_E_UNAUTHORIZED);
}

static int spoil(struct db_conn *c, void *arg)
{
    (void)arg;
    return db_exec(c,
                   "update vault set sealed = (select sealed from vault where kind ="
                   " 'root') where kind = 'data'",
                   NULL);
}

static void a_damaged_vault_is_refused(void **state)
{
    (void)state;
    struct eds_config c = t_config();
    struct eds *e = t_open();
    assert_ok(db_write(e->db, spoil, NULL));
    eds_close(e);
    assert_int_equal(eds_open(&e, &c), AM_E_TAMPERED);
}

static void the_disk_does_not_tell_a_body(void **state)
{
    (void)state;
    struct eds *e;
    char *file = NULL;
    size_t n = 0;
    if (t_pg)
        skip();
    e = t_open();
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"note\":\"secretsecret\"}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, NULL));
    eds_close(e);
    assert_ok(am_file_read(t_path, 64 << 20, &file, &n));
    assert_null(memmem(file, n, "secretsecret", 12));
    assert_null(memmem(file, n, "note", 4));
    assert_null(memmem(file, n, t_key, EDS_KEY));
    free(file);
}

static void another_key_may_wrap_the_same_store(void **state)
{
    (void)state;
    struct eds_config c = t_config();
    struct eds *e = t_open(), *beside = NULL;
    struct eds_meta m;
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":1}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, NULL));
    assert_ok(eds_rotate(e));
    c.mode = EDS_KEYS;
    c.readers = 1;
    assert_ok(eds_open(&beside, &c)); /* while the node works on */
    assert_ok(eds_rewrap(beside, t_other_key));
    eds_close(beside);
    assert_ok(t_ask(e, "{\"resourceType\":\"Observation\",\"n\":2}",
                    (struct eds_ask){EDS_UPDATE, .id = STR("a")}, NULL));
    eds_close(e);
    c.mode = EDS_WRITE;
    assert_int_equal(eds_open(&e, &c), AM_E_UNAUTHORIZED);
    memcpy(c.key, t_other_key, EDS_KEY);
    assert_ok(eds_open(&e, &c));
    assert_non_null(strstr(t_read(e, "a", 1, &m).p, "\"n\":1"));
    assert_non_null(strstr(t_read(e, "a", 2, &m).p, "\"n\":2"));
    eds_close(e);
}

static int oldest_key(struct db_conn *c, void *arg)
{
    static const char *const sql[] = {"select body from res",
                                      "select body from hist where gone = 0"};
    int *least = arg;
    for (size_t i = 0; i < AM_LEN(sql); i++) {
        struct db_stmt *s;
        bool row = false;
        int err = db_prepare(c, sql[i], &s);
        for (err = err ? err : db_step(s, &row); !err && row; err = db_step(s, &row))
            *least = AM_MIN(*least, (uint8_t)db_blob(s, 0).p[2]);
        if (err)
            return err;
    }
    return AM_OK;
}

static void older_bodies_come_under_the_newest_key(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct eds_check check = {0};
    struct eds_meta m;
    int64_t rid = 0;
    int least = 99;
    for (int i = 0; i < 25; i++) {
        char body[80], id[8];
        snprintf(id, sizeof id, "r%d", i % 20);
        snprintf(body, sizeof body, "{\"resourceType\":\"Observation\",\"n\":%d}", i);
        assert_ok(t_ask(e, body, (struct eds_ask){EDS_UPDATE, .id = str_c(id)}, NULL));
    }
    assert_ok(t_ask(e, NULL, (struct eds_ask){EDS_DELETE, .id = STR("r19")}, NULL));
    assert_ok(eds_rotate(e));
    do
        assert_ok(eds_reseal(e, &rid, 7));
    while (rid);
    assert_ok(db_read(e->db, oldest_key, &least));
    assert_int_equal(least, 2);
    assert_ok(eds_check(e, &check)); /* the chain is over what is said, not how */
    assert_int_equal(check.versions, 26);
    assert_non_null(strstr(t_read(e, "r1", 1, &m).p, "\"n\":1}"));
    eds_close(e);
}

static void key_files_are_private_and_never_replaced(void **state)
{
    (void)state;
    char path[PATH_MAX];
    uint8_t key[EDS_KEY] = {0}, again[EDS_KEY];
    struct stat st;
    snprintf(path, sizeof path, "%s/key", t_dir);
    assert_ok(eds_key_new(path));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(eds_key_new(path), AM_E_EXISTS);
    assert_ok(eds_key_load(path, key));
    assert_ok(eds_key_load(path, again));
    assert_memory_equal(key, again, EDS_KEY);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(eds_key_load(path, key), AM_E_FORBIDDEN);
    assert_ok(am_file_write(path, STR("0123"), 0600));
    assert_int_equal(eds_key_load(path, key), AM_E_SYNTAX);
    unlink(path);
    assert_int_equal(eds_key_load(path, key), AM_E_NOTFOUND);
}

/* 600 resources that are much alike: the first dictionary is learnt at 500. */
static void bodies_shrink_once_a_dictionary_is_learnt(void **state)
{
    (void)state;
    struct eds *e = t_open();
    struct eds_group *g = NULL;
    struct eds_meta m;
    char body[500], id[16];
    size_t before = 0, after = 0;
    for (int i = 0; i < 600; i++) {
        struct json_doc *doc;
        struct eds_ask a = {.verb = EDS_UPDATE, .type = obs};
        snprintf(id, sizeof id, "r%d", i);
        snprintf(
            body, sizeof body,
            "{\"resourceType\":\"Observation\",\"status\":\"final\",\"category\":[{"
            "\"coding\":[{\"system\":\"http://terminology.example/category\","
            "\"code\":\"vital-signs\"}]}],\"subject\":{\"reference\":\"Patient/%d\"},"
            "\"valueQuantity\":{\"value\":%d.%d,\"unit\":\"kg\",\"system\":"
            "\"http://unitsofmeasure.org\",\"code\":\"kg\"}}",
            i * 7919 % 1000, i % 97, i % 10);
        doc = t_json(body);
        a.id = str_c(id);
        a.body = json_root(doc);
        if (!g)
            assert_ok(eds_group_new(&g, e));
        assert_ok(eds_put(g, &a, NULL));
        if (i == 0)
            before = g->op.v[0].body.n;
        after = g->op.v[g->op.n - 1].body.n;
        if (i % 100 == 99) {
            assert_ok(eds_write(g));
            eds_group_free(g);
            g = NULL;
        }
        json_free(doc);
    }
    assert_int_equal(atomic_load(&e->n_dicts), 1);
    assert_true(after * 2 < before);
    eds_close(e);
    e = t_open();
    assert_non_null(strstr(t_read(e, "r0", 0, &m).p, "Patient/0"));
    assert_non_null(strstr(t_read(e, "r599", 0, &m).p, "vital-signs"));
    eds_close(e);
}

/* Messages that were refused: bound to their name and to the store, whatever its keys. */
static void what_is_kept_beside_opens_with_the_store_alone(void **state)
{
    (void)state;
    struct eds_config c = t_config();
    struct eds *e = t_open();
    struct buf sealed, plain;
    buf_init(&sealed, 4096);
    buf_init(&plain, 4096);
    assert_ok(eds_aside_seal(e, STR("a"), STR("secretsecret"), &sealed));
    assert_null(memmem(sealed.p, sealed.n, "secret", 6));
    assert_ok(eds_rotate(e));
    assert_ok(eds_rewrap(e, t_other_key));
    eds_close(e);
    memcpy(c.key, t_other_key, EDS_KEY);
    c.mode = EDS_READ;
    assert_ok(eds_open(&e, &c));
    assert_ok(eds_aside_open(e, STR("a"), buf_str(&sealed), &plain));
    assert_str_equal(buf_str(&plain), "secretsecret");
    assert_int_equal(eds_aside_open(e, STR("b"), buf_str(&sealed), &plain),
                     AM_E_TAMPERED);
    sealed.p[sealed.n / 2] ^= 1;
    assert_int_equal(eds_aside_open(e, STR("a"), buf_str(&sealed), &plain),
                     AM_E_TAMPERED);
    eds_close(e);
    buf_release(&sealed);
    buf_release(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(wrong_keys_are_told_from_damage),
        T(a_damaged_vault_is_refused),
        T(the_disk_does_not_tell_a_body),
        T(another_key_may_wrap_the_same_store),
        T(older_bodies_come_under_the_newest_key),
        T(key_files_are_private_and_never_replaced),
        T(what_is_kept_beside_opens_with_the_store_alone),
        T(bodies_shrink_once_a_dictionary_is_learnt),
    };
    return t_run_both(tests, AM_LEN(tests));
}
