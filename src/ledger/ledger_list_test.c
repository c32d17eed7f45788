/* SPDX-License-Identifier: Apache-2.0 */
/* Lists by what their objects are about: right, whole after any failure, and a walk that
 * costs what it finds. Only the lists and what they number are in these ledgers. */
#include "base/test.h"
#include "ledger/ledger_priv.h"

enum { NAMES = 40, OBJECTS = 3000 };
static const enum ledger_list of_supplier = LEDGER_VERSIONS_OF_SUPPLIER;
static struct ledger *l;

static int begin(void **state)
{
    (void)state;
    return ledger_new(&l, NULL);
}

static int end(void **state)
{
    (void)state;
    ledger_free(l);
    return 0;
}

static struct str name_of(unsigned i)
{
    static char name[NAMES][16];
    snprintf(name[i], sizeof name[i], "ORG%u", i);
    return str_c(name[i]);
}

static int declare(struct str org)
{
    int err = ledger_list_room(l, of_supplier, org);
    if (!err)
        err = vec_room(&l->version);
    if (err)
        return err;
    ledger_list_join(l, of_supplier, org);
    l->version.v[l->version.n++] = (struct ledger_verrec){0};
    ledger_copy(l->version.v[l->version.n - 1].v.org_id, LEDGER_ID_MAX, org);
    return AM_OK;
}

/* The list against a scan of everything. */
static void assert_whole(struct str org)
{
    size_t i = ledger_list_first(l, of_supplier, org);
    for (size_t k = l->version.n; k-- > 0;) {
        if (!str_eqc(org, l->version.v[k].v.org_id))
            continue;
        assert_int_equal(i, k);
        i = ledger_list_next(l, of_supplier, i);
    }
    assert_true(i == SIZE_MAX);
}

static void a_list_holds_what_joined_it_newest_first(void **state)
{
    uint64_t x = 1;
    (void)state;
    for (int i = 0; i < OBJECTS; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        assert_ok(declare(name_of((unsigned)(x >> 33) % NAMES)));
    }
    for (unsigned n = 0; n < NAMES; n++)
        assert_whole(name_of(n));
}

static void what_has_no_name_is_in_no_list(void **state)
{
    (void)state;
    assert_ok(declare(name_of(0)));
    assert_ok(declare(STR("")));
    assert_ok(declare(name_of(0)));
    assert_whole(name_of(0));
    assert_true(ledger_list_first(l, of_supplier, STR("")) == SIZE_MAX);
    assert_true(ledger_list_first(l, of_supplier, STR("NOBODY")) == SIZE_MAX);
    assert_true(ledger_list_next(l, of_supplier, 3) == SIZE_MAX);
}

static void a_failed_allocation_changes_no_list(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4 * NAMES; i++) {
        long failed = 0;
        int err;
        do { /* the same again until there is memory */
            (void)am_oom_at(++failed);
            err = declare(name_of(i % NAMES));
            (void)am_oom_at(0);
            assert_whole(name_of(i % NAMES));
        } while (err == AM_E_NOMEM);
        assert_ok(err);
        assert_int_equal(l->version.n, i + 1);
    }
}

/* Walks the list of ORG0 by the public views; how many views that took. */
static uint64_t walk(void)
{
    uint64_t before = ledger_looked();
    size_t i = ledger_list_first(l, of_supplier, name_of(0));
    while (ledger_version_at(l, i))
        i = ledger_list_next(l, of_supplier, i);
    return ledger_looked() - before;
}

static void a_walk_costs_what_it_finds_however_many_others_there_are(void **state)
{
    uint64_t few, many;
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        assert_ok(declare(name_of(0)));
    few = walk();
    for (unsigned i = 0; i < OBJECTS; i++)
        assert_ok(declare(name_of(1 + i % (NAMES - 1))));
    assert_ok(declare(name_of(0)));
    many = walk();
    assert_int_equal(few, 5 + 1); /* the last is the end */
    assert_int_equal(many, 6 + 1);
}

/* A key of one of many organisations, and stops of which some are lifted: what the
 * supplier page, the home page and the push route ask. */
static void add_key(unsigned i, unsigned org)
{
    struct ledger_keyrec k = {0};
    snprintf(k.k.key_id, sizeof k.k.key_id, "key-%u", i);
    ledger_copy(k.k.org_id, sizeof k.k.org_id, name_of(org));
    assert_ok(ledger_key_add(l, &k));
}

static uint64_t keys_of_org0(size_t *n)
{
    uint64_t before = ledger_looked();
    size_t i = ledger_list_first(l, LEDGER_KEYS_OF_ORG, name_of(0));
    for (*n = 0; ledger_key_at(l, i); (*n)++)
        i = ledger_list_next(l, LEDGER_KEYS_OF_ORG, i);
    return ledger_looked() - before;
}

static void the_keys_of_one_house_are_found_without_looking_at_others(void **state)
{
    size_t n;
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        add_key(i, 0);
    for (unsigned many = 10; many <= 100000; many *= 10) {
        while (l->key.n < many)
            add_key((unsigned)l->key.n, 1 + (unsigned)l->key.n % (NAMES - 1));
        assert_int_equal(keys_of_org0(&n), 3 + 1);
        assert_int_equal(n, 3);
    }
}

static void stops_in_force_and_since_are_known_without_looking_at_any(void **state)
{
    uint64_t before;
    (void)state;
    for (unsigned i = 0; i < OBJECTS; i++) {
        struct ledger_stoprec s = {.s = {.index = 10 + 3 * i}};
        assert_ok(vec_push(&l->stop, s));
        l->stops_in_force++;
    }
    for (unsigned i = 0; i < OBJECTS; i += 4)
        ledger_lift(l, i, 20000);
    ledger_lift(l, 0, 20001); /* twice is once */
    before = ledger_looked();
    assert_int_equal(ledger_stops_in_force(l), OBJECTS - OBJECTS / 4);
    assert_int_equal(ledger_stops_since(l, 0), 0);
    assert_int_equal(ledger_stops_since(l, 10), 0);
    assert_int_equal(ledger_stops_since(l, 11), 1);
    assert_int_equal(ledger_stops_since(l, 10 + 3 * 700), 700);
    assert_int_equal(ledger_stops_since(l, 10 + 3 * OBJECTS), OBJECTS);
    assert_int_equal(ledger_looked() - before, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_list_holds_what_joined_it_newest_first),
        T(what_has_no_name_is_in_no_list),
        T(a_failed_allocation_changes_no_list),
        T(a_walk_costs_what_it_finds_however_many_others_there_are),
        T(the_keys_of_one_house_are_found_without_looking_at_others),
        T(stops_in_force_and_since_are_known_without_looking_at_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
