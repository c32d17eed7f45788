/* SPDX-License-Identifier: Apache-2.0 */
/* A run made again from what it left: equal when nothing was touched, and every thing
 * that was touched is named. */
#include "bench/bench_answers.h"
#include "bench/bench_testkit.h"

struct again {
    struct kit k;
    struct kit_kept left;
    struct bench_kept_answers list[KIT_FAMILIES];
    struct bench_kept kept;
    struct str scores;
};

/* A run, and what it leaves. */
static void leave(struct again *a)
{
    kit_open(&a->k, "");
    kit_run(&a->k);
    kit_keep(&a->k, &a->left);
    memcpy(a->list, a->left.list, sizeof a->list);
    a->kept = a->left.kept;
    a->scores = a->kept.scores;
}

static void forget(struct again *a)
{
    kit_kept_release(&a->left);
    kit_close(&a->k);
}

/* One run serves all tests; what a test changes of it is its own. */
static struct again one;
static void begin(struct again *a)
{
    if (!one.kept.n)
        leave(&one);
    *a = one;
    a->kept.answers = a->list;
}

static int make(struct again *a, struct bench_run **out, struct diag *d)
{
    struct bench_input in = a->k.in;
    in.model = STR_NULL;
    in.kept = &a->kept;
    return bench_run(out, &in, d);
}

static size_t untold, equal, differences;

static void compare(const struct again *a, const struct bench_run *now, struct diag *d)
{
    struct bench_compared c = kit_compare(&a->k, now, d);
    untold = c.untold;
    equal = c.equal;
    differences = c.differences;
}

static void a_clean_run_is_made_again_without_its_model(void **state)
{
    static struct again a;
    struct bench_run *now = NULL;
    struct diag d;
    (void)state;
    begin(&a);
    diag_init(&d);
    assert_true(a.kept.n >= 8);
    assert_ok(make(&a, &now, &d));
    compare(&a, now, &d);
    assert_int_equal(differences, 0);
    assert_int_equal(untold, 0);
    assert_int_equal(equal, bench_measures(a.k.run));
    assert_true(str_eq(a.scores, bench_scores(now)));
    bench_run_free(now);
    diag_release(&d);
}

static void without_the_data_the_rest_is_counted(void **state)
{
    static struct again a;
    struct bench_run *now = NULL;
    struct diag d;
    (void)state;
    begin(&a);
    diag_init(&d);
    a.kept.data = false;
    a.k.in.manifest_dir = "/nowhere";
    assert_ok(make(&a, &now, &d));
    assert_true(str_eq(a.scores, bench_scores(now)));
    compare(&a, now, &d);
    assert_int_equal(differences, 0);
    assert_true(untold > 0 && equal > 0);
    assert_int_equal(untold + equal, bench_measures(a.k.run));
    bench_run_free(now);
    diag_release(&d);
}

/* Each measure in turn, each of its numbers in turn: one member of a copy is altered. */
static void alter(struct jw *w, const struct json *m, const char *member)
{
    jw_obj(w);
    for (json_each(it, m)) {
        jw_keyn(w, it.key);
        if (!str_eqc(it.key, member))
            jw_val(w, it.val);
        else if (json_type(it.val) == JSON_NUMBER && json_is_int(it.val))
            jw_int(w, json_int(it.val, 0) + 1);
        else if (json_type(it.val) == JSON_NUMBER)
            jw_num(w, nextafter(json_num(it.val, 0), INFINITY));
        else if (json_type(it.val) == JSON_NULL)
            jw_num(w, 0.5);
        else
            jw_strz(w, "other");
    }
    jw_obj_end(w);
}

static size_t altered_is_found(const struct bench_run *now, const struct json *doc,
                               size_t at, const char *member)
{
    struct json_doc *bad = NULL;
    struct bench_compared c;
    struct buf b;
    struct jw w;
    buf_init(&b, 1 << 26);
    jw_init(&w, &b);
    jw_obj(&w);
    for (json_each(it, doc)) {
        jw_keyn(&w, it.key);
        if (!str_eqc(it.key, "measures")) {
            jw_val(&w, it.val);
            continue;
        }
        jw_arr(&w);
        for (json_each(m, it.val))
            if (m.i == at)
                alter(&w, m.val, member);
            else
                jw_val(&w, m.val);
        jw_arr_end(&w);
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&bad, buf_str(&b), NULL, NULL));
    assert_ok(bench_compare(now, json_root(bad), &c, NULL));
    json_free(bad);
    buf_release(&b);
    return c.differences;
}

static void every_altered_number_is_found(void **state)
{
    static const char *const member[] = {
        "estimate",  "threshold", "ci95_low", "ci95_high", "n",    "positives",
        "ci_method", "seed",      "row",      "name",      "group"};
    static struct again a;
    struct bench_run *now = NULL;
    struct diag d;
    size_t tried = 0;
    (void)state;
    begin(&a);
    diag_init(&d);
    assert_ok(make(&a, &now, &d));
    for (size_t i = 0; i < bench_families(a.k.run); i++) {
        struct json_doc *doc = kit_evidence(a.k.run, i);
        size_t n = json_size(json_get(json_root(doc), "measures"));
        for (size_t m = 0; m < n; m++, tried++) {
            const char *which = member[tried % AM_LEN(member)];
            size_t found;
            if (n > 40 && m % 7 && m % 11) /* a sample of the long ones */
                continue;
            found = altered_is_found(now, json_root(doc), m, which);
            if (!found)
                fail_msg("%s, measure %zu: %s", bench_family(a.k.run, i), m, which);
        }
        json_free(doc);
    }
    bench_run_free(now);
    diag_release(&d);
}

/* One family's file replaced by other bytes: differences, or a tape that is not this
 * run's; the other families are made again all the same. */
static void spoil(struct again *a, const char *family, struct str bytes)
{
    struct bench_run *now = NULL;
    struct diag d;
    diag_init(&d);
    for (size_t i = 0; i < a->kept.n; i++)
        if (!strcmp(a->list[i].family, family)) {
            struct str was = a->list[i].bytes;
            a->list[i].bytes = bytes;
            assert_ok(make(a, &now, &d));
            compare(a, now, &d);
            assert_true(differences > 0);
            assert_true(equal > 100);
            a->list[i].bytes = was;
            bench_run_free(now);
        }
    diag_release(&d);
}

static struct str file_of(const struct again *a, const char *family)
{
    for (size_t i = 0; i < a->kept.n; i++)
        if (!strcmp(a->list[i].family, family))
            return a->list[i].bytes;
    fail_msg("%s left no answers", family);
    return STR_NULL;
}

static void other_answers_are_found(void **state)
{
    static struct again a, b;
    struct str good;
    struct buf bad;
    (void)state;
    begin(&a);
    good = file_of(&a, "coherence");
    spoil(&a, "coherence", str_sub(good, 0, good.n - 1)); /* truncated */
    spoil(&a, "coherence", str_sub(good, 0, good.n / 2)); /* more */
    spoil(&a, "coherence", STR_NULL);                     /* emptied */
    spoil(&a, "coherence", file_of(&a, "degradation"));   /* another family's */
    buf_init(&bad, 1 << 28);
    assert_ok(buf_add(&bad, good));
    bad.p[bad.n / 2] ^= 1; /* one bit of one answer */
    spoil(&a, "coherence", buf_str(&bad));
    buf_release(&bad);
    kit_open(&b.k, "");
    b.k.in.seed = 43; /* the same run under another seed */
    kit_run(&b.k);
    buf_init(&bad, 1 << 28);
    assert_ok(bench_answers(b.k.run, "coherence", &bad));
    spoil(&a, "coherence", buf_str(&bad));
    buf_release(&bad);
    kit_close(&b.k);
}

/* Without the data, then with them: a score that was altered, two cases swapped. */
static void altered_scores_are_found(void **state)
{
    static struct again a;
    struct bench_run *now = NULL;
    struct diag d;
    struct buf bad;
    char *line, *comma;
    (void)state;
    begin(&a);
    diag_init(&d);
    buf_init(&bad, 1 << 24);
    assert_ok(buf_add(&bad, a.scores));
    line = strchr(bad.p, '\n') + 1;
    comma = strstr(line, ",0.");
    assert_non_null(comma);
    comma[5] = comma[5] == '9' ? '8' : (char)(comma[5] + 1);
    a.kept.scores = buf_str(&bad);
    a.kept.data = false;
    assert_ok(make(&a, &now, &d));
    compare(&a, now, &d);
    assert_true(differences > 0);
    bench_run_free(now);
    line[0] = '9'; /* the first case is not the ninth */
    assert_int_equal(make(&a, &now, &d), AM_E_INVALID);
    a.kept.data = true;
    assert_ok(make(&a, &now, NULL));
    assert_false(str_eq(bench_scores(now), a.kept.scores));
    bench_run_free(now);
    buf_release(&bad);
    diag_release(&d);
}

static void every_shorter_file_of_answers_is_refused(void **state)
{
    static struct again a;
    struct bench_answers read;
    struct str whole;
    (void)state;
    begin(&a);
    whole = file_of(&a, "ordering");
    assert_ok(bench_answers_read(whole, &read));
    assert_true(str_eqc(read.family, "ordering") && read.tape.n == 1);
    bench_answers_release(&read);
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(bench_answers_read(str_sub(whole, 0, n), &read), AM_E_TAMPERED);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest t[] = {TEST(a_clean_run_is_made_again_without_its_model),
                                   TEST(without_the_data_the_rest_is_counted),
                                   TEST(every_altered_number_is_found),
                                   TEST(other_answers_are_found),
                                   TEST(altered_scores_are_found),
                                   TEST(every_shorter_file_of_answers_is_refused)};
    int code = model_test_worker(argc, argv);
    if (code >= 0)
        return code;
    code = cmocka_run_group_tests(t, NULL, NULL);
    forget(&one);
    return code;
}
