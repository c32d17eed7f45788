/* SPDX-License-Identifier: Apache-2.0 */
/* What a report refuses, escapes and hides. A run as the bench writes it is read by
 * test/24-bench-report.sh; here every folder is made by hand, so that it can lie. */
#include <unistd.h>

#include "base/test.h"
#include "crypto/crypto.h"
#include "report/report_method_tbl.h"
#include "report/report_priv.h"
#include "web/web.h"

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define GROUP                                                                            \
    "{\"row\":\"PF-1\",\"name\":\"auc\",\"group\":\"%s\",\"threshold\":0.5,"             \
    "\"estimate\":%s,\"ci95_low\":%s,\"ci95_high\":%s,\"ci_method\":\"delong-wald\","    \
    "\"n\":%d,\"positives\":5,\"seed\":\"1\"}"
#define ROW                                                                              \
    "{\"id\":\"%s\",\"level\":\"base\",\"verdict\":\"%s\",\"value\":0.8,"                \
    "\"ci95\":[0.7,0.9],\"threshold\":0.85,\"op\":\"ge\",\"param\":\"auc\","             \
    "\"reason\":\"below_limit\",\"additional_positives\":null}"

/* What one folder says; each test changes one thing. */
struct folder {
    const char *site, *level, *estimate, *low, *high, *file, *second, *verdict, *curves;
    int n;
    char dir[64];
};

static struct folder honest(void)
{
    return (struct folder){.site = "site=a",
                           .level = "none",
                           .estimate = "0.8",
                           .low = "0.7",
                           .high = "0.9",
                           .file = NULL,
                           .second = "PF-2",
                           .verdict = "fail",
                           .curves = "[]",
                           .n = 100};
}

static void put(struct folder *f, const char *name, struct buf *b)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert_ok(am_file_write(path, buf_str(b), 0600));
    buf_clear(b);
}

static void write_summary(struct folder *f, struct buf *b)
{
    assert_ok(buf_addf(
        b,
        "{\"schema\":\"amane/bench-summary/1\",\"model_digest\":\"" DIGEST
        "\",\"algorithm_id\":\"MA-IA-EXEMPL-ABCDEFGH23-X\",\"version_label\":\"1.0.0\","
        "\"policy\":{\"name\":{\"fr\":\"p\",\"ar\":\"p\",\"en\":\"p\"},\"sha256\":"
        "\"" DIGEST "\",\"national\":false},\"requested_level\":\"base\",\"level\":"
        "\"%s\",\"outcome\":\"refused\",\"national\":false,\"requirements\":[" ROW "," ROW
        "],\"undemonstrated_groups\":[\"budget=50\",\"%s\"],\"measures\":[",
        f->level, "PF-1", f->verdict, f->second, "pass", f->site));
    assert_ok(buf_addf(b, GROUP "," GROUP, "", "0.81", "0.7", "0.9", 200, f->site,
                       f->estimate, f->low, f->high, f->n));
    assert_ok(buf_addf(
        b,
        "],\"subgroups\":[],\"dataset\":{\"id\":\"d\",\"sha256\":\"" DIGEST
        "\",\"rows\":210,\"n\":200,\"positives\":90,\"rejected\":10,"
        "\"rejected_reasons\":{},\"sites\":[]},\"warnings\":[{\"path\":\"/<b>\","
        "\"code\":\"x.<i>\",\"detail\":\"<script>alert(1)</script>\"}],\"evidence\":[%s],"
        "\"scores_sha256\":\"" DIGEST "\",\"bench\":{\"version\":\"0.1.0\",\"sha256\":"
        "\"" DIGEST "\",\"seed\":\"1\",\"started\":\"2026-11-27T10:00:00Z\",\"ended\":"
        "\"2026-11-27T10:01:00Z\"}}",
        f->file ? f->file : ""));
    put(f, "summary.json", b);
}

static void write_folder(struct folder *f)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    snprintf(f->dir, sizeof f->dir, "/tmp/report_test.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    write_summary(f, &b);
    assert_ok(buf_addf(&b,
                       "{\"attributions\":[],\"calibration\":[],\"decision\":[],"
                       "\"inputs\":[],\"roc\":%s,"
                       "\"threshold\":0.5}",
                       f->curves));
    put(f, "curves.json", &b);
    buf_release(&b);
}

static void drop(struct folder *f)
{
    static const char *const name[] = {"summary.json", "curves.json",
                                       "evidence-performance.json"};
    char path[160];
    for (size_t i = 0; i < AM_LEN(name); i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, name[i]);
        unlink(path);
    }
    rmdir(f->dir);
}

/* Reads it; the code of the first problem, "" for none. */
static const char *verdict_on(struct folder *f)
{
    static char code[64];
    struct report *r = NULL;
    struct diag d;
    diag_init(&d);
    write_folder(f);
    int err = report_read(&r, f->dir, &d);
    assert_true(err ? d.errors > 0 && !r : d.errors == 0 && r);
    snprintf(code, sizeof code, "%s", err ? d.item[0].code : "");
    report_free(r);
    diag_release(&d);
    drop(f);
    return code;
}

static char *page_of(struct folder *f, enum text_lang l)
{
    struct report *r;
    struct buf b;
    write_folder(f);
    buf_init(&b, 1 << 24);
    assert_ok(report_read(&r, f->dir, NULL));
    assert_ok(report_html(r, l, &b, NULL));
    report_free(r);
    drop(f);
    char *text = am_malloc(b.n + 1);
    assert_non_null(text);
    memcpy(text, b.p, b.n);
    text[b.n] = 0;
    buf_release(&b);
    return text;
}

static void an_honest_folder_gives_the_same_page_twice_in_each_language(void **state)
{
    (void)state;
    for (int l = 0; l < TEXT_LANGS; l++) {
        struct folder f = honest(), g = honest();
        char *one = page_of(&f, (enum text_lang)l), *two = page_of(&g, (enum text_lang)l);
        assert_string_equal(one, two);
        assert_non_null(strstr(one, text_lang_dir((enum text_lang)l)));
        assert_null(strstr(one, "br."));
        free(one);
        free(two);
    }
}

static void nothing_of_the_folder_reaches_the_page_as_markup(void **state)
{
    struct folder f = honest();
    (void)state;
    f.site = "site=<script>x</script>'\\\"><img src=//e.ma>";
    char *page = page_of(&f, TEXT_EN);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "<i>"));
    assert_non_null(strstr(page, "&lt;script&gt;x"));
    assert_non_null(strstr(page, "/&lt;b&gt;"));
    free(page);
}

static void a_group_of_nine_is_nowhere_on_the_page(void **state)
{
    struct folder f = honest(), g = honest();
    (void)state;
    f.site = g.site = "site=Fewville";
    f.curves = g.curves =
        "[{\"group\":\"site=Fewville\",\"n\":9,\"positives\":4,\"points\":"
        "[{\"x\":0,\"y\":0,\"low\":0,\"high\":0.1}]}]";
    f.estimate = g.estimate = "0.7123";
    f.n = 9;
    g.n = 10;
    char *nine = page_of(&f, TEXT_EN), *ten = page_of(&g, TEXT_EN);
    assert_null(strstr(nine, "0.712"));
    assert_non_null(strstr(ten, "0.712"));
    free(nine);
    free(ten);
}

static void things_are_no_groups_for_which_nothing_is_shown(void **state)
{
    struct folder f = honest();
    (void)state;
    char *page = page_of(&f, TEXT_EN);
    assert_null(strstr(page, "budget"));
    free(page);
}

static void a_folder_that_contradicts_itself_is_refused(void **state)
{
    struct folder f;
    (void)state;
    f = honest();
    assert_string_equal(verdict_on(&f), "");
    f = honest();
    f.second = "PF-1";
    assert_string_equal(verdict_on(&f), "report.twice");
    f = honest();
    f.low = "0.95";
    assert_string_equal(verdict_on(&f), "report.interval");
    f = honest();
    f.high = "null"; /* of a ratio: no upper bound */
    assert_string_equal(verdict_on(&f), "");
    f = honest();
    f.level = "base";
    assert_string_equal(verdict_on(&f), "report.level");
    f = honest();
    f.level = "advanced";
    f.verdict = "pass";
    assert_string_equal(verdict_on(&f), "report.level");
    f = honest();
    f.curves = "[{\"group\":\"\",\"n\":9,\"positives\":10,\"points\":[]}]";
    assert_string_equal(verdict_on(&f), "report.counts");
    f = honest();
    f.curves = "[{\"group\":\"\",\"n\":99,\"positives\":10,\"points\":[{\"x\":7,\"y\":0,"
               "\"low\":0,\"high\":1}]}]";
    assert_string_equal(verdict_on(&f), "schema.maximum");
    f = honest();
    f.estimate = "1e999";
    assert_true(str_starts(str_c(verdict_on(&f)), STR("json.")));
}

static void an_evidence_file_is_the_one_the_summary_names(void **state)
{
    struct folder f = honest();
    (void)state;
    f.file = "{\"family\":\"performance\",\"file\":\"../../etc/passwd\",\"sha256\":"
             "\"" DIGEST "\"}";
    assert_string_equal(verdict_on(&f), "report.evidence_name");
    f = honest();
    f.file = "{\"family\":\"../x\",\"file\":\"evidence-../x.json\",\"sha256\":"
             "\"" DIGEST "\"}";
    assert_string_equal(verdict_on(&f), "report.evidence_name");
    f = honest();
    f.file = "{\"family\":\"performance\",\"file\":\"evidence-performance.json\","
             "\"sha256\":\"" DIGEST "\"}";
    assert_string_equal(verdict_on(&f), "file");
}

static void memory_that_ends_gives_an_error_and_no_page(void **state)
{
    struct folder f = honest();
    bool done = false;
    (void)state;
    write_folder(&f);
    for (long i = 1; !done; i += i < 400 ? 1 : 37) {
        struct report *r = NULL;
        struct buf b;
        buf_init(&b, 1 << 24);
        am_oom_at(i);
        int err = report_read(&r, f.dir, NULL);
        if (!err)
            err = report_html(r, TEXT_EN, &b, NULL);
        done = !am_oom_at(0);
        if (done)
            assert_ok(err);
        if (err) /* a refused allocation that only costs a word is no error */
            assert_int_equal(b.n, 0);
        report_free(r);
        buf_release(&b);
    }
    drop(&f);
}

/* ---- methods
 * -------------------------------------------------------------------------- */
static void source_has(const char *path, struct str word)
{
    char full[512], *text;
    size_t n;
    const char *root = getenv("AMANE_SOURCE_ROOT");
    snprintf(full, sizeof full, "%s/%s", root ? root : ".", path);
    assert_ok(am_file_read(full, 1 << 22, &text, &n));
    if (word.n) {
        bool found = false;
        for (size_t i = 0; i + word.n <= n && !found; i++)
            found = !memcmp(text + i, word.p, word.n);
        if (!found)
            fail_msg("%s has no %.*s", path, STR_FMT(word));
    }
    free(text);
}

static void every_method_names_a_function_and_a_test_that_exist(void **state)
{
    static const char *const place[][2] = {
#define X(rows, names, formula, after, where, test) {where, test},
        REPORT_FORMULA_MAP(X) REPORT_INTERVAL_MAP(X)
#undef X
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(place); i++) {
        struct str function, file = str_cut(str_c(place[i][0]), ' ', &function);
        char path[256];
        snprintf(path, sizeof path, "%.*s", STR_FMT(file));
        source_has(path, function);
        source_has(place[i][1], STR_NULL);
    }
}

static void a_measure_leads_to_its_formula_and_its_interval(void **state)
{
    (void)state;
    assert_int_equal(report_method_of(STR("PF-1"), STR("auc")),
                     report_method_of(STR("MS-1"), STR("each_gst_auc")));
    assert_int_not_equal(report_method_of(STR("PF-6"), STR("ici")),
                         report_method_of(STR("PF-6"), STR("citl")));
    assert_int_not_equal(report_method_of(STR("ZZ-9"), STR("anything")), SIZE_MAX);
    assert_int_not_equal(report_interval_of(STR("wilson")), SIZE_MAX);
    assert_int_equal(report_interval_of(STR("obuchowski-wald")),
                     report_interval_of(STR("obuchowski-logit")));
    assert_int_not_equal(report_interval_of(STR("a-new-one")),
                         report_interval_of(STR("wilson")));
}

static int set_up(void **state)
{
    (void)state;
    return web_init(NULL);
}

static int tear_down(void **state)
{
    (void)state;
    web_release();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_folder_gives_the_same_page_twice_in_each_language),
        cmocka_unit_test(nothing_of_the_folder_reaches_the_page_as_markup),
        cmocka_unit_test(a_group_of_nine_is_nowhere_on_the_page),
        cmocka_unit_test(things_are_no_groups_for_which_nothing_is_shown),
        cmocka_unit_test(a_folder_that_contradicts_itself_is_refused),
        cmocka_unit_test(an_evidence_file_is_the_one_the_summary_names),
        cmocka_unit_test(memory_that_ends_gives_an_error_and_no_page),
        cmocka_unit_test(every_method_names_a_function_and_a_test_that_exist),
        cmocka_unit_test(a_measure_leads_to_its_formula_and_its_interval),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
