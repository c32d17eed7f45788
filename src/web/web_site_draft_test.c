/* SPDX-License-Identifier: Apache-2.0 */
/* A file written page by page, without scripts: what is typed is kept, lists grow and
 * shrink, other sections are left alone, two writers do not undo each other. */
#include "web/web_site_test_support.h"

static struct world world;
static char cookie[160], csrf[AUTH_TOKEN];

static void sign_in_as(const char *login, const char *org)
{
    struct auth_account a = {.role = LEDGER_VENDOR, .lang = "fr"};
    snprintf(a.login, sizeof a.login, "%s", login);
    snprintf(a.org_id, sizeof a.org_id, "%s", org);
    world_sign_in(&world, &a, true, cookie, csrf);
}

static int setup(void **state)
{
    (void)state;
    if (world_begin(&world))
        return -1;
    sign_in_as("auteur", "EXEMPL");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

static void get(struct ask *a, const char *url)
{
    ask_init(a, HTTP_GET, url);
    ask_header(a, "Cookie", cookie);
    assert_ok(web_site_handle(world.site, &a->req, &a->resp));
}

/* fields: pairs of name and value, ended by NULL. */
static int post(const char *url, const char *const *fields, char where[256])
{
    struct buf form;
    struct ask a;
    int status;
    buf_init(&form, 1 << 20);
    assert_ok(buf_addf(&form, "csrf=%s", csrf));
    for (size_t i = 0; fields[i]; i += 2) {
        assert_ok(buf_adds(&form, "&"));
        assert_ok(web_url_part(&form, str_c(fields[i])));
        assert_ok(buf_adds(&form, "="));
        assert_ok(web_url_part(&form, str_c(fields[i + 1])));
    }
    ask_init(&a, HTTP_POST, url);
    ask_header(&a, "Cookie", cookie);
    ask_form(&a, form.p);
    assert_ok(web_site_handle(world.site, &a.req, &a.resp));
    status = a.resp.status;
    snprintf(where, 256, "%s", answer(&a, "Location"));
    ask_release(&a);
    buf_release(&form);
    return status;
}

static void new_file(const char *kind, char url[256])
{
    const char *const form[] = {"kind", kind, NULL};
    assert_int_equal(post("/files", form, url), 303);
    assert_memory_equal(url, "/files/", 7);
}

static struct json_doc *stored(const char *url)
{
    struct registry_draft d;
    struct json_doc *doc;
    struct buf b;
    buf_init(&b, REGISTRY_DRAFT_MAX);
    assert_ok(registry_draft_get(world.registry, str_c(url + 7), STR("EXEMPL"), &d, &b));
    assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
    buf_release(&b);
    return doc;
}

static const struct json *at(const struct json_doc *doc, const char *pointer)
{
    return json_pointer(json_root(doc), str_c(pointer));
}

static void what_is_typed_is_kept_in_its_section_and_type(void **state)
{
    static const char *const use[] = {"s",
                                      "use",
                                      "version",
                                      "1",
                                      "act",
                                      "save",
                                      "/intended_use/text/fr",
                                      "Estimer <un> risque",
                                      "/population/age_min",
                                      "18",
                                      "/population/age_max",
                                      "dix",
                                      "/decision_role",
                                      "inform",
                                      NULL};
    static const char *const model[] = {"s",
                                        "model",
                                        "version",
                                        "2",
                                        "act",
                                        "next",
                                        "/max_depth/na",
                                        "model_type_has_no_such_parameter",
                                        "/learning_rate",
                                        "0.1",
                                        NULL};
    char url[256], where[300];
    struct json_doc *doc;
    struct ask a;
    (void)state;
    new_file("version", url);
    assert_int_equal(post(url, use, where), 303);
    assert_int_equal(post(url, model, where), 303);
    assert_non_null(strstr(where, "s=data")); /* the section after */
    doc = stored(url);
    assert_true(json_str_is(at(doc, "/intended_use/text/fr"), "Estimer <un> risque"));
    assert_int_equal(json_int(at(doc, "/population/age_min"), 0), 18);
    assert_true(json_str_is(at(doc, "/population/age_max"), "dix")); /* as typed */
    assert_true(
        json_str_is(at(doc, "/max_depth/na"), "model_type_has_no_such_parameter"));
    assert_true(json_num(at(doc, "/learning_rate"), 0) == 0.1);
    assert_true(json_str_is(at(doc, "/issuer/org_id"), "EXEMPL"));
    json_free(doc);
    get(&a, url);
    assert_int_equal(a.resp.status, 200);
    ask_release(&a);
    snprintf(where, sizeof where, "%s?s=use&check=1", url);
    get(&a, where);
    assert_non_null(strstr(a.resp.body.p, "Estimer &lt;un&gt; risque"));
    assert_null(strstr(a.resp.body.p, "<un>"));
    assert_non_null(strstr(a.resp.body.p, "value=\"dix\""));
    assert_non_null(strstr(a.resp.body.p, "id=\"f-population-age_max\""));
    assert_non_null(
        strstr(a.resp.body.p, "#f-population-age_max")); /* from the summary */
    ask_release(&a);
}

static void lists_grow_and_shrink_by_buttons(void **state)
{
    static const char *const add[] = {"s", "model", "version",     "1", "n:/inputs",
                                      "0", "act",   "add:/inputs", NULL};
    static const char *const fill[] = {"s",
                                       "model",
                                       "version",
                                       "2",
                                       "n:/inputs",
                                       "1",
                                       "act",
                                       "add:/inputs",
                                       "/inputs/0/name",
                                       "age",
                                       "/inputs/0/range/0",
                                       "0",
                                       "/inputs/0/range/1",
                                       "120",
                                       NULL};
    static const char *const drop[] = {"s",
                                       "model",
                                       "version",
                                       "3",
                                       "n:/inputs",
                                       "2",
                                       "act",
                                       "remove:/inputs/0",
                                       "/inputs/0/name",
                                       "age",
                                       "/inputs/1/name",
                                       "sex",
                                       "/inputs/1/protected",
                                       "true",
                                       NULL};
    char url[256], where[300];
    struct json_doc *doc;
    (void)state;
    new_file("version", url);
    assert_int_equal(post(url, add, where), 303);
    doc = stored(url);
    assert_int_equal(json_size(at(doc, "/inputs")), 1);
    json_free(doc);
    assert_int_equal(post(url, fill, where), 303);
    doc = stored(url);
    assert_int_equal(json_size(at(doc, "/inputs")), 2);
    assert_int_equal(json_int(at(doc, "/inputs/0/range/1"), 0), 120);
    json_free(doc);
    assert_int_equal(post(url, drop, where), 303);
    doc = stored(url);
    assert_int_equal(json_size(at(doc, "/inputs")), 1);
    assert_true(json_str_is(at(doc, "/inputs/0/name"), "sex"));
    assert_true(json_bool(at(doc, "/inputs/0/protected"), false));
    json_free(doc);
}

static void an_older_page_does_not_undo_a_newer_one(void **state)
{
    static const char *const one[] = {"s",        "algorithm",     "version", "1",
                                      "/funding", "fonds propres", NULL};
    static const char *const late[] = {"s",        "algorithm", "version", "1",
                                       "/funding", "rien",      NULL};
    char url[256], where[300];
    struct json_doc *doc;
    (void)state;
    new_file("algorithm", url);
    assert_int_equal(post(url, one, where), 303);
    assert_int_equal(post(url, late, where), 412);
    doc = stored(url);
    assert_true(json_str_is(at(doc, "/funding"), "fonds propres"));
    json_free(doc);
}

static void a_declaration_with_holes_shows_all_of_them(void **state)
{
    static const char *const nothing[] = {NULL};
    char url[256], where[256], declare[300];
    struct buf form;
    struct ask a;
    (void)state;
    new_file("algorithm", url);
    snprintf(declare, sizeof declare, "%s/declare", url);
    assert_int_equal(post(declare, nothing, where), 422);
    buf_init(&form, 256);
    assert_ok(buf_addf(&form, "csrf=%s", csrf));
    ask_init(&a, HTTP_POST, declare);
    ask_header(&a, "Cookie", cookie);
    ask_form(&a, form.p);
    assert_ok(web_site_handle(world.site, &a.req, &a.resp));
    assert_non_null(strstr(a.resp.body.p, "#f-trade_name"));
    assert_non_null(strstr(a.resp.body.p, "#f-supplier"));
    assert_non_null(strstr(a.resp.body.p, "#f-conflicts_of_interest"));
    ask_release(&a);
    buf_release(&form);
}

static void others_see_nothing_of_it(void **state)
{
    static const char *const nothing[] = {NULL};
    char url[256], where[256], other[300];
    struct ask a;
    (void)state;
    new_file("version", url);
    sign_in_as("autre", "OTHER1");
    get(&a, url);
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
    get(&a, "/files");
    assert_int_equal(a.resp.status, 200);
    assert_null(strstr(a.resp.body.p, url));
    ask_release(&a);
    snprintf(other, sizeof other, "%s/delete", url);
    assert_int_equal(post(other, nothing, where), 404);
    sign_in_as("auteur", "EXEMPL");
    get(&a, "/files");
    assert_non_null(strstr(a.resp.body.p, url));
    ask_release(&a);
    assert_int_equal(post(other, nothing, where), 303);
    get(&a, url);
    assert_int_equal(a.resp.status, 404);
    ask_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_typed_is_kept_in_its_section_and_type),
        cmocka_unit_test(lists_grow_and_shrink_by_buttons),
        cmocka_unit_test(an_older_page_does_not_undo_a_newer_one),
        cmocka_unit_test(a_declaration_with_holes_shows_all_of_them),
        cmocka_unit_test(others_see_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
