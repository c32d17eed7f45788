/* SPDX-License-Identifier: Apache-2.0 */
/* Every component, with the fictitious data of web/gallery.json, in three languages,
 * strictly. With AMANE_GALLERY_OUT=DIR the pages, the assets and the headers are written
 * there for the browser tests (test/40-gallery.sh). */
#include <math.h>

#include "base/test.h"
#include "web/web.h"

static struct json_doc *sample;

static void write_file(const char *name, struct str data)
{
    char path[1024], *slash;
    const char *dir = getenv("AMANE_GALLERY_OUT");
    if (!dir)
        return;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    slash = strrchr(path, '/');
    *slash = 0;
    assert_ok(am_dir_make(path, 0755));
    *slash = '/';
    assert_ok(am_file_write(path, data, 0644));
}

/* The sample, with the frame's part added as a handler would. */
static void context(struct buf *out, enum text_lang l)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    web_page(&w, l,
             &(struct web_page){.site = "registry",
                                .title = STR("Galerie"),
                                .url = STR("/?q=a&lang=ar"),
                                .nav = "nav.register",
                                .user = STR("Dr Amal Fictive"),
                                .role = STR("physician"),
                                .csrf = STR("00"),
                                .demo_policy = STR("demo-performance-1"),
                                .fictitious = true});
    for (json_each(it, json_root(sample))) {
        jw_keyn(&w, it.key);
        jw_val(&w, it.val);
    }
    jw_obj_end(&w);
    assert_ok(jw_done(&w));
}

static void gallery_renders_in_every_language(void **state)
{
    (void)state;
    for (enum text_lang l = TEXT_FR; l < TEXT_LANGS; l++) {
        struct buf ctx, page;
        char name[16];
        buf_init(&ctx, 1 << 20);
        buf_init(&page, 1 << 20);
        context(&ctx, l);
        assert_ok(web_render_text(&page, "gallery", l, buf_str(&ctx)));
        assert_true(str_utf8(buf_str(&page)));
        assert_non_null(strstr(page.p, "/?q=a&amp;lang=ar"));
        assert_null(strstr(page.p, "{{"));
        snprintf(name, sizeof name, "%s.html", text_lang_code(l));
        write_file(name, buf_str(&page));
        buf_release(&page);
        buf_release(&ctx);
    }
}

static void other_pages_render(void **state)
{
    (void)state;
    static const struct {
        const char *name, *json;
    } page[] = {
        {"error",
         "{\"key\":\"err.notfound\",\"reasons\":[],\"request\":\"7f\",\"back\":\"/\","},
        {"login",
         "{\"message\":\"login.failed\",\"csrf\":\"00\",\"next\":\"/\",\"user\":\"a\","},
        {"stop_confirm", "{\"has_errors\":false,\"stop\":null,"},
        {"tender",
         "{\"products\":\"MA-IA-FICTIF-A1B2C3D4E5-7\",\"opens\":\"2027-01-15\",\"uses\":["
         "{"
         "\"code\":\"CARDIO-RISK\",\"text\":\"Risque\",\"selected\":true}],"
         "\"answered\":true,\"tree_size\":1204,\"download\":\"/tender/certificate.json\","
         "\"answers\":[{\"product\":\"MA-IA-FICTIF-A1B2C3D4E5-7\",\"eligible\":false,"
         "\"funded_pilot\":true,\"reasons_n\":1,\"reasons\":[{\"text\":\"Label.\"}]}],"},
        {"escrow",
         "{\"deposits\":[{\"algorithm_id\":\"MA-IA-FICTIF-A1B2C3D4E5-7\",\"version_"
         "label\":"
         "\"1.0.0\",\"supplier\":\"FICTIF\",\"at\":1795219200000000,\"level\":\"1\","
         "\"deposit\":{"
         "\"model_digest\":\"00\",\"agent\":\"TIERS1\",\"level\":1,\"ordered\":12,"
         "\"condition\":\"insolvency\"}}],"},
        {"sandboxes",
         "{\"sandboxes\":[{\"starts\":1795219200000000,\"ends\":1795219200000000,"
         "\"sandbox\":{\"record\":\"00\",\"model_digest\":\"00\",\"algorithm_id\":\"MA\","
         "\"version_label\":"
         "\"1\",\"purpose\":\"usability\",\"site\":\"CHU\",\"index\":4,\"report_due\":"
         "true}}],"},
    };
    for (size_t i = 0; i < AM_LEN(page); i++) {
        struct buf ctx, out, frame;
        struct jw w;
        buf_init(&ctx, 1 << 16);
        buf_init(&frame, 1 << 16);
        buf_init(&out, 1 << 20);
        jw_init(&w, &frame);
        jw_obj(&w);
        web_page(&w, TEXT_FR,
                 &(struct web_page){.site = "node", .title_id = "login.title"});
        jw_obj_end(&w);
        assert_ok(jw_done(&w));
        assert_ok(buf_adds(&ctx, page[i].json));
        assert_ok(buf_add(&ctx, str_sub(buf_str(&frame), 1, frame.n)));
        assert_ok(web_render_text(&out, page[i].name, TEXT_FR, buf_str(&ctx)));
        char name[64];
        snprintf(name, sizeof name, "%s.html", page[i].name);
        write_file(name, buf_str(&out));
        buf_release(&out);
        buf_release(&frame);
        buf_release(&ctx);
    }
}

/* The entries of `pages` for a path on a site; those of other tables do not count. */
static size_t pages_of(const char *site, struct str path)
{
    size_t n = 0;
    for (json_each(it, json_get(json_root(sample), "pages")))
        n += str_eqc(json_get_str(it.val, "site"), site) &&
             str_eq(json_get_str(it.val, "path"), path) && !json_get(it.val, "table");
    return n;
}

static void every_page_is_looked_at_by_the_browser_test(void **state)
{
    struct web_route r;
    (void)state;
    for (size_t i = 0; web_site_route(i, &r); i++) {
        /* What both servers show may be looked at on one of them only. */
        size_t n = r.site & WEB_ROUTE_REGISTRY ? pages_of("registry", str_c(r.path)) : 0;
        if (r.site & WEB_ROUTE_NODE)
            n += pages_of("node", str_c(r.path));
        if (!r.post && !n)
            fail_msg("%s: no entry in the pages of web/gallery.json", r.path);
    }
}

static void what_the_browser_test_looks_at_is_a_page(void **state)
{
    (void)state;
    for (json_each(it, json_get(json_root(sample), "pages"))) {
        struct str path = json_get_str(it.val, "path");
        struct web_route r;
        bool found = json_get(it.val, "table") != NULL; /* api_text_test.c */
        for (size_t i = 0; !found && web_site_route(i, &r); i++)
            found = !r.post && str_eqc(path, r.path);
        if (!found)
            fail_msg("%.*s: no such page", STR_FMT(path));
        assert_true(json_size(json_get(it.val, "at")) || json_get_str(it.val, "none").n);
    }
}

static void an_unknown_page_is_named(void **state)
{
    (void)state;
    struct buf b;
    struct diag d;
    buf_init(&b, 1000);
    diag_init(&d);
    assert_int_equal(web_render(&b, "no_such_page", TEXT_FR, NULL, &d), AM_E_NOTFOUND);
    assert_int_equal(b.n, 0);
    assert_string_equal(d.item[0].path, "no_such_page");
    assert_int_equal(web_render_text(&b, "login", TEXT_FR, STR("{")), AM_E_SYNTAX);
    diag_release(&d);
    buf_release(&b);
}

static void assets_are_reachable_and_nothing_else(void **state)
{
    (void)state;
    const struct embed_file *f;
    static const char prefix[] = "web/assets/";
    size_t found = 0;
    for (size_t i = embed_first(prefix);
         (f = embed_at(i)) && !strncmp(f->path, prefix, 11); i++) {
        assert_ptr_equal(web_asset(str_c(f->path + 3)), f);
        write_file(f->path + 4, (struct str){(const char *)f->data, f->size});
        found++;
    }
    assert_true(found >= 8);
    assert_null(web_asset(STR("/templates/base.html")));
    assert_null(web_asset(STR("/assets/../templates/base.html")));
    assert_null(web_asset(STR("/assets/")));
    assert_null(web_asset(STR_NULL));
}

/* WCAG 2.2: relative luminance, then (lighter + 0.05) / (darker + 0.05). */
static double luminance(const char *css, const char *name)
{
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    char want[32];
    double sum = 0;
    snprintf(want, sizeof want, "--%s:#", name);
    const char *at = strstr(css, want);
    assert_non_null(at);
    at += strlen(want);
    bool three = strspn(at, "0123456789abcdef") == 3;
    for (size_t i = 0; i < 3; i++) {
        char pair[3] = {at[three ? i : 2 * i], at[three ? i : 2 * i + 1], 0};
        double c = (double)strtol(pair, NULL, 16) / 255;
        sum += weight[i] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static void words_stand_out_by_day_and_by_night(void **state)
{
    static const struct {
        const char *front, *back;
        double
            least; /* 4.5 for text; 3 for what is drawn; design: 7 for the text itself */
    } t[] = {{"ink", "bg", 7},     {"ink", "alt", 7},  {"mute", "bg", 7},
             {"mute", "alt", 4.5}, {"brand", "bg", 7}, {"brand", "alt", 4.5},
             {"on", "brand", 4.5}, {"ok", "okb", 4.5}, {"warn", "warnb", 4.5},
             {"ko", "kob", 4.5},   {"ko", "bg", 4.5},  {"edge", "bg", 3},
             {"focus", "bg", 3},   {"focus", "alt", 3}};
    (void)state;
    const struct embed_file *f = web_asset(STR("/assets/app.css"));
    assert_non_null(f);
    char *css = am_calloc(f->size + 1, 1);
    assert_non_null(css);
    memcpy(css, f->data, f->size);
    const char *scheme[2] = {strstr(css, ":root{"),
                             strstr(css, "@media(prefers-color-scheme:dark){:root{")};
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < AM_LEN(t); i++) {
            double a = luminance(scheme[s], t[i].front),
                   b = luminance(scheme[s], t[i].back);
            double ratio = (fmax(a, b) + 0.05) / (fmin(a, b) + 0.05);
            if (ratio < t[i].least)
                fail_msg("%s on %s, %s: %.2f", t[i].front, t[i].back, s ? "night" : "day",
                         ratio);
        }
    free(css);
}

static void headers_forbid_everything_foreign(void **state)
{
    (void)state;
    size_t n;
    struct buf b;
    const struct web_header *h = web_headers(&n);
    assert_string_equal(h[0].name, "Content-Security-Policy");
    assert_non_null(strstr(h[0].value, "default-src 'none'"));
    assert_null(strstr(h[0].value, "unsafe"));
    buf_init(&b, 10000);
    for (size_t i = 0; i < n; i++)
        assert_ok(buf_addf(&b, "%s: %s\n", h[i].name, h[i].value));
    write_file("headers.txt", buf_str(&b));
    buf_release(&b);
}

static int setup(void **state)
{
    (void)state;
    char path[1024];
    const char *root = getenv("AMANE_SOURCE_ROOT");
    struct diag d;
    diag_init(&d);
    snprintf(path, sizeof path, "%s/web/gallery.json", root ? root : ".");
    int err = json_parse_file(&sample, path, NULL, &d);
    if (!err)
        err = web_init(&d);
    for (size_t i = 0; i < d.n; i++)
        fprintf(stderr, "%s %s\n", d.item[i].path, d.item[i].detail);
    diag_release(&d);
    web_strict(true);
    return err;
}

static int teardown(void **state)
{
    (void)state;
    web_release();
    json_free(sample);
    return 0;
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(gallery_renders_in_every_language),
                                   TEST(other_pages_render),
                                   TEST(every_page_is_looked_at_by_the_browser_test),
                                   TEST(what_the_browser_test_looks_at_is_a_page),
                                   TEST(an_unknown_page_is_named),
                                   TEST(assets_are_reachable_and_nothing_else),
                                   TEST(words_stand_out_by_day_and_by_night),
                                   TEST(headers_forbid_everything_foreign)};
    return cmocka_run_group_tests(t, setup, teardown);
}
