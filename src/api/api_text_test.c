/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever code the tables hold, a reader gets a sentence in three languages. */
#include "api/api_test_support.h"

#include "ledger/ledger_tbl.h"
#include "node/node_tbl.h"

/* Says each gap, not only the first; the test asserts that there was none. */
static size_t gaps(const char *id, size_t shortest)
{
    size_t n = 0;
    for (int l = 0; l < TEXT_LANGS; l++)
        if (!text_has((enum text_lang)l, id) ||
            text_get((enum text_lang)l, id).n < shortest) {
            print_error("%s has no text in %s\n", id, text_lang_code((enum text_lang)l));
            n++;
        }
    return n;
}

static void say(const char *prefix, const char *code)
{
    char id[128];
    snprintf(id, sizeof id, "%s%s", prefix, code);
    assert_int_equal(gaps(id, 8), 0);
}

static void every_reason_of_the_ledger_is_a_sentence(void **state)
{
    (void)state;
#define X(id, code, err) say("diag.", code);
    LEDGER_CODE_MAP(X)
#undef X
#define X(id, name, waivable, err) say("diag.", name);
    LEDGER_GUARD_MAP(X)
#undef X
}

static void every_operation_of_the_interface_is_a_sentence(void **state)
{
    const struct api_described *r;
    (void)state;
    for (size_t i = 0; (r = api_described_at(i)); i++) {
        char op[API_OPERATION_MAX], id[96];
        struct str tag = api_tag(r);
        api_operation_id(r, op);
        say("apidoc.op.", op);
        snprintf(id, sizeof id, "apidoc.tag.%.*s", STR_FMT(tag));
        assert_int_equal(gaps(id, 1), 0);
    }
}

static void every_page_of_the_interface_is_looked_at_by_the_browser_test(void **state)
{
    char path[1024];
    const struct api_described *r;
    struct json_doc *gallery;
    (void)state;
    snprintf(path, sizeof path, "%s/web/gallery.json", getenv("AMANE_SOURCE_ROOT"));
    assert_ok(json_parse_file(&gallery, path, NULL, NULL));
    for (size_t i = 0; (r = api_described_at(i)); i++) {
        bool found = strcmp(r->reply, "text/html") != 0;
        for (json_each(it, json_get(json_root(gallery), "pages")))
            found = found || (str_eqc(json_get_str(it.val, "path"), r->pattern) &&
                              str_eqc(json_get_str(it.val, "table"), "api"));
        if (!found)
            fail_msg("%s: no entry in the pages of web/gallery.json", r->pattern);
    }
    json_free(gallery);
}

static void every_refusal_of_the_gate_says_why_and_what_would_help(void **state)
{
    (void)state;
#define X(id, reason, lift)                                                              \
    say("diag.refusal.", reason);                                                        \
    say("reason.lift.", lift);
    NODE_REFUSALS(X)
#undef X
}

static void the_codes_of_these_modules_are_sentences(void **state)
{
    static const char *const code[] = {"account.login",
                                       "account.password",
                                       "account.exists",
                                       "account.desk",
                                       "account.house_role",
                                       "account.establishment",
                                       "right.missing",
                                       "right.service",
                                       "path.digest",
                                       "query.service",
                                       "blob.digest",
                                       "record.algorithm_id",
                                       "record.na_refused",
                                       "record.digest_taken",
                                       "record.artifact_missing",
                                       "record.inputs_differ",
                                       "record.model_refused",
                                       "record.differs_from_file",
                                       "registry.storage",
                                       "statement.kind",
                                       "signature.bad",
                                       "key.unknown",
                                       "fhir.other_patient",
                                       "fhir.withdrawn",
                                       "fhir.unit",
                                       "input.missing",
                                       "stop.order",
                                       "validation.outcome",
                                       "json.duplicate",
                                       "schema.required",
                                       "envelope.signatures"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(code); i++)
        say("diag.", code[i]);
}

/* Codes named in calls that add a problem, wherever they stand in the file. */
static size_t codes_of(const char *file)
{
    static const char *const call[] = {"diag_err(", "registry_move_refuse("};
    char path[1024], *text, *at;
    size_t n, found = 0;
    snprintf(path, sizeof path, "%s/src/registry/%s", getenv("AMANE_SOURCE_ROOT"), file);
    assert_ok(am_file_read(path, 1 << 20, &text, &n));
    for (size_t i = 0; i < AM_LEN(call); i++)
        for (at = text; (at = strstr(at, call[i])); at++) {
            struct str rest, code = str_cut(str_cut(str_c(at), ';', &rest), '"', &rest);
            while (rest.n) { /* each literal of the call; the first with a point */
                code = str_cut(rest, '"', &rest);
                if (str_find(code, '.') < code.n && str_find(code, ' ') == code.n &&
                    str_find(code, '/') == code.n) {
                    char z[96];
                    snprintf(z, sizeof z, "%.*s", STR_FMT(code));
                    say("diag.", z);
                    found++;
                    break;
                }
                (void)str_cut(rest, '"', &rest);
            }
        }
    free(text);
    return found;
}

static void every_code_of_keeping_a_registry_is_a_sentence(void **state)
{
    (void)state;
    assert_true(codes_of("registry_move.c") >= 7);
    assert_true(codes_of("registry_tables.c") >= 1);
    assert_true(codes_of("registry_backup.c") >= 6);
    assert_true(codes_of("registry_copy.c") + codes_of("registry_copy_export.c") >= 1);
    assert_true(codes_of("registry_place.c") >= 1);
    assert_true(codes_of("registry_init.c") >= 4);
}

TEST_MAIN(TEST(every_reason_of_the_ledger_is_a_sentence),
          TEST(every_page_of_the_interface_is_looked_at_by_the_browser_test),
          TEST(every_refusal_of_the_gate_says_why_and_what_would_help),
          TEST(every_operation_of_the_interface_is_a_sentence),
          TEST(every_code_of_keeping_a_registry_is_a_sentence),
          TEST(the_codes_of_these_modules_are_sentences))
