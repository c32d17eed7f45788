/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest may say of an endpoint: which address is this machine, which file is a
 * token, and that a stranger's manifest sends no other file away. */
#include "bench/bench_remote.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"

static char dir[64];
static struct diag d;
static struct json_doc *doc;
static struct bench_remote *m;
static bool kept;

static int up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/amane-remote-XXXXXX");
    diag_init(&d);
    kept = false;
    return mkdtemp(dir) ? 0 : -1;
}

static void forget(void)
{
    bench_remote_free(m);
    json_free(doc);
    m = NULL;
    doc = NULL;
    diag_release(&d);
    diag_init(&d);
}

static void put(const char *name, const char *text, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(am_file_write(path, (struct str){text, n}, 0600));
}

static void take_away(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(unlink(path), 0);
}

static int down(void **state)
{
    (void)state;
    forget();
    diag_release(&d);
    return rmdir(dir);
}

/* Reads {"endpoint": {"url": url, "model": "m" rest}}. */
static int read_it(const char *url, const char *rest)
{
    static const struct bench_kept nothing;
    char text[1024];
    struct bench_run r = {.seed = 1};
    struct bench_input in = {.manifest_dir = dir, .kept = kept ? &nothing : NULL};
    forget();
    snprintf(text, sizeof text, "{\"endpoint\":{\"url\":\"%s\",\"model\":\"m\"%s}}", url,
             rest);
    assert_ok(json_parse(&doc, str_c(text), NULL, NULL));
    r.manifest = json_root(doc);
    return bench_remote_read(&m, &r, &in, &d);
}

static void only_addresses_of_this_machine_are_local(void **state)
{
    static const char *const local[] = {"http://127.0.0.1:8080", "http://localhost",
                                        "http://[::1]:8080", "http://127.8.9.1/path"};
    static const char *const other[] = {"http://127.0.0.1.example.org",
                                        "http://127.example.org:80",
                                        "http://10.0.0.1",
                                        "http://localhost.example.org",
                                        "http://[::2]",
                                        "http://127.1.1.1.1"};
    (void)state;
    for (size_t i = 0; i < AM_LEN(local); i++) {
        assert_ok(read_it(local[i], ""));
        assert_true(m->local && !m->tls && !d.n);
    }
    for (size_t i = 0; i < AM_LEN(other); i++) {
        assert_ok(read_it(other[i], ""));
        assert_false(m->local);
    }
}

static void an_address_is_scheme_host_and_port(void **state)
{
    static const char *const bad[] = {"ftp://h",        "https://",  "http://h:0",
                                      "http://h:65536", "http://h:", "http://:80",
                                      "https://h:8 0"};
    (void)state;
    assert_ok(read_it("https://h.example:8443/a//", ""));
    assert_true(m->tls && m->port == 8443 && !d.n);
    assert_string_equal(m->url, "https://h.example:8443/a");
    assert_string_equal(m->host, "h.example");
    assert_ok(read_it("https://h.example", ""));
    assert_int_equal(m->port, 443);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        assert_ok(read_it(bad[i], ""));
        assert_int_equal(d.n, 1);
        assert_string_equal(d.item[0].code, "bench.endpoint_url");
    }
}

static void a_token_is_one_line_of_visible_characters(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } bad[] = {
        {"", 0}, {"two words\n", 10}, {"a\nb\n", 4}, {"a\0b", 3}, {"caf\xc3\xa9", 5}};
    static char long_one[2048];
    (void)state;
    put("token", "  abc.DEF-123\n", 14);
    assert_ok(read_it("https://h", ",\"token_file\":\"token\""));
    assert_string_equal(m->account.token, "abc.DEF-123");
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        put("token", bad[i].text, bad[i].n);
        assert_ok(read_it("https://h", ",\"token_file\":\"token\""));
        assert_string_equal(m->account.token, "");
        assert_string_equal(d.item[0].code, "bench.endpoint_file");
    }
    memset(long_one, 'a', sizeof long_one);
    put("token", long_one, sizeof long_one);
    assert_ok(read_it("https://h", ",\"token_file\":\"token\""));
    assert_string_equal(d.item[0].code, "bench.endpoint_file");
    take_away("token");
    assert_ok(read_it("https://h", ",\"token_file\":\"token\""));
    assert_string_equal(d.item[0].code, "bench.endpoint_file"); /* it is not there */
}

static void no_file_outside_the_folder_is_named(void **state)
{
    static const char *const away[] = {"/etc/hostname", "../x", "a/../../x", ".."};
    (void)state;
    for (size_t i = 0; i < AM_LEN(away); i++) {
        char rest[128];
        snprintf(rest, sizeof rest, ",\"ca_file\":\"%s\",\"token_file\":\"%s\"", away[i],
                 away[i]);
        assert_ok(read_it("https://h", rest));
        assert_int_equal(d.n, 2);
        assert_string_equal(m->ca, "");
    }
}

static void made_again_no_file_is_read(void **state)
{
    (void)state;
    kept = true;
    assert_ok(read_it("https://h",
                      ",\"token_file\":\"gone\",\"ca_file\":\"gone.pem\","
                      "\"probe\":{\"account\":\"p\",\"alert_log\":\"gone\"}"));
    assert_int_equal(d.n, 0);
    assert_string_equal(m->account.token, "");
    assert_true(m->ca[0] && m->alert_log[0]); /* that they were declared is known */
}

static void a_manifest_without_an_endpoint_has_none(void **state)
{
    struct bench_run r = {.seed = 1};
    struct bench_input in = {.manifest_dir = dir};
    (void)state;
    assert_ok(json_parse(&doc, STR("{}"), NULL, NULL));
    r.manifest = json_root(doc);
    assert_ok(bench_remote_read(&m, &r, &in, &d));
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test_setup_teardown(only_addresses_of_this_machine_are_local, up,
                                        down),
        cmocka_unit_test_setup_teardown(an_address_is_scheme_host_and_port, up, down),
        cmocka_unit_test_setup_teardown(a_token_is_one_line_of_visible_characters, up,
                                        down),
        cmocka_unit_test_setup_teardown(no_file_outside_the_folder_is_named, up, down),
        cmocka_unit_test_setup_teardown(made_again_no_file_is_read, up, down),
        cmocka_unit_test_setup_teardown(a_manifest_without_an_endpoint_has_none, up,
                                        down)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
