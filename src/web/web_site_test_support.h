/* SPDX-License-Identifier: Apache-2.0 */
/* A registry and a node in a temporary folder, without servers: requests are handed to
 * the pages directly. */
#ifndef WEB_SITE_TEST_SUPPORT_H
#define WEB_SITE_TEST_SUPPORT_H

#include <ftw.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/test.h"
#include "web/web_site_priv.h"

__attribute__((constructor)) static void world_cheaply(void)
{
    auth_cheap_passwords();
}

#define ATTACK   "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{csrf}}"
#define PASSWORD "a password of the tests"

/* One request and its reply. */
struct ask {
    struct arena arena;
    struct http_req req;
    struct http_resp resp;
    struct http_field field[8];
};

static void ask_init(struct ask *a, enum http_method method, const char *url)
{
    struct str query;
    *a = (struct ask){0};
    arena_init(&a->arena, 64 << 20);
    buf_init(&a->resp.body, 64 << 20);
    a->resp.status = 200;
    a->req.arena = &a->arena;
    a->req.method = method;
    a->req.method_name = method == HTTP_POST ? "POST" : "GET";
    a->req.path = str_cut(str_c(url), '?', &query);
    a->req.query = query.p ? query : STR("");
    a->req.body = STR("");
    a->req.peer = STR("127.0.0.1");
    a->req.header = a->field;
    a->req.id = 7;
}

static void ask_header(struct ask *a, const char *name, const char *value)
{
    assert_true(a->req.headers < AM_LEN(a->field));
    a->field[a->req.headers++] = (struct http_field){str_c(name), str_c(value)};
}

static void ask_form(struct ask *a, const char *body)
{
    ask_header(a, "Content-Type", "application/x-www-form-urlencoded");
    a->req.body = str_c(body);
}

static const char *answer(const struct ask *a, const char *name)
{
    for (size_t i = 0; i < a->resp.headers; i++)
        if (str_eq_nocase(a->resp.header[i].name, str_c(name)))
            return a->resp.header[i].value.p;
    return "";
}

static void ask_release(struct ask *a)
{
    buf_release(&a->resp.body);
    arena_release(&a->arena);
}

static inline bool holds(const struct ask *a, const char *what)
{
    return strstr(a->resp.body.p, what) != NULL;
}

/* ---- a folder ------------------------------------------------------------------ */
static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][160];
    static unsigned k;
    char *p = path[k++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static int make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/amane-web-site-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)st;
    (void)kind;
    (void)f;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- a registry ---------------------------------------------------------------- */
struct world {
    struct registry *registry;
    struct web_site *site;
    struct crypto_key *msps, *vendor;
};

static void spki64(const struct crypto_key *k, struct buf *out)
{
    struct buf der;
    buf_init(&der, 512);
    assert_ok(crypto_key_spki(k, &der));
    assert_ok(crypto_base64(out, buf_str(&der)));
    buf_release(&der);
}

static void write_witness(struct jw *w, const char *name)
{
    struct crypto_key *key;
    struct tlog_vkey vkey;
    struct buf text;
    buf_init(&text, 512);
    assert_ok(crypto_key_generate(&key, CRYPTO_ED25519));
    assert_ok(tlog_vkey_make(str_c(name), TLOG_SIG_COSIGNATURE, key, &vkey));
    assert_ok(tlog_vkey_format(&vkey, &text));
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_kstr(w, "vkey", buf_str(&text));
    jw_obj_end(w);
    crypto_key_free(key);
    buf_release(&text);
}

static void embedded(const char *path, struct json_doc **out)
{
    const struct embed_file *f = embed_find(path);
    assert_non_null(f);
    assert_ok(json_parse(out, (struct str){(const char *)f->data, f->size}, NULL, NULL));
}

static void write_spec(struct jw *w, const struct world *x)
{
    struct json_doc *policy;
    struct buf spki;
    buf_init(&spki, 1024);
    spki64(x->msps, &spki);
    embedded("policy/demo-1.json", &policy);
    jw_obj(w);
    jw_kstrz(w, "origin", "test.amane.invalid/pages");
    jw_kstrz(w, "type_base", "https://amane.invalid/pages");
    jw_key(w, "witnesses");
    jw_arr(w);
    static const char *const name[] = {"n01", "n02", "n03", "n04"};
    for (size_t i = 0; i < AM_LEN(name); i++)
        write_witness(w, name[i]);
    jw_arr_end(w);
    jw_key(w, "authorities");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "role", "msps");
    jw_kstrz(w, "function", "authority");
    jw_kstrz(w, "org_id", "MSPS");
    jw_kstrz(w, "label", "MSPS " ATTACK);
    jw_kstr(w, "spki", buf_str(&spki));
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kval(w, "policy", json_root(policy));
    jw_obj_end(w);
    json_free(policy);
    buf_release(&spki);
}

static void show_problems(struct diag *d)
{
    for (size_t i = 0; i < d->n; i++)
        fprintf(stderr, "%s %s %s\n", d->item[i].path, d->item[i].code,
                d->item[i].detail);
}

static void world_open(struct world *x)
{
    char token[AUTH_TOKEN];
    uint8_t genesis[32];
    struct json_doc *spec;
    struct diag d;
    struct buf b;
    struct jw w;
    *x = (struct world){0};
    diag_init(&d);
    buf_init(&b, 4 << 20);
    assert_ok(crypto_key_generate(&x->msps, CRYPTO_P256));
    assert_ok(crypto_key_generate(&x->vendor, CRYPTO_P256));
    jw_init(&w, &b);
    write_spec(&w, x);
    assert_ok(jw_done(&w));
    assert_ok(json_parse(&spec, buf_str(&b), NULL, NULL));
    int err = registry_init(in_folder("registry"), json_root(spec), x->msps, token,
                            genesis, &d);
    if (!err)
        err = registry_open(&x->registry,
                            &(struct registry_config){.dir = in_folder("registry")}, &d);
    show_problems(&d);
    assert_ok(err);
    assert_ok(web_site_registry(&x->site, x->registry));
    json_free(spec);
    buf_release(&b);
    diag_release(&d);
}

static void world_close(struct world *x)
{
    web_site_free(x->site);
    registry_close(x->registry);
    crypto_key_free(x->vendor);
    crypto_key_free(x->msps);
}

/* A record, signed: through the front door, or straight into the log when the test wants
 * what the front door would ask a model file for. */
static inline void say(struct world *x, enum ledger_kind kind, struct str record,
                       const struct crypto_key *key, bool front_door)
{
    struct registry_receipt receipt;
    struct json_doc *doc;
    struct diag d;
    struct buf payload, envelope;
    diag_init(&d);
    buf_init(&payload, 1 << 20);
    buf_init(&envelope, 4 << 20);
    assert_ok(json_parse(&doc, record, NULL, NULL));
    assert_ok(ledger_statement(kind, json_root(doc), STR("https://amane.invalid/pages"),
                               &payload, &d));
    if (front_door) {
        assert_ok(ledger_sign(buf_str(&payload), key, &envelope));
        int err = registry_submit(x->registry, kind, buf_str(&envelope), &receipt, &d);
        show_problems(&d);
        assert_ok(err);
        assert_int_equal(receipt.outcome.effect, LEDGER_IN_EFFECT);
    } else {
        struct buf pae, sig, spki, leaf;
        uint8_t digest[32];
        uint64_t index;
        buf_init(&pae, 1 << 20);
        buf_init(&sig, 256);
        buf_init(&spki, 512);
        buf_init(&leaf, TLOG_ENTRY_MAX);
        assert_ok(ledger_pae(buf_str(&payload), &pae));
        assert_ok(crypto_sign(key, buf_str(&pae), &sig));
        assert_ok(crypto_key_spki(key, &spki));
        assert_ok(blob_put(registry_blobs(x->registry), buf_str(&payload), digest));
        assert_ok(ledger_leaf(digest, buf_str(&sig), buf_str(&spki), &leaf));
        assert_ok(tlog_append(registry_log(x->registry), buf_str(&leaf), &index));
        buf_release(&leaf);
        buf_release(&spki);
        buf_release(&sig);
        buf_release(&pae);
    }
    json_free(doc);
    buf_release(&envelope);
    buf_release(&payload);
    diag_release(&d);
}

/* Copies a record; every text that is free to say anything says the attack too. */
static inline void poison(struct jw *w, struct str key, const struct json *v)
{
    static const char *const free_text[] = {"fr",      "ar",      "en",         "display",
                                            "address", "funding", "legal_basis"};
    bool is_free = false;
    for (size_t i = 0; i < AM_LEN(free_text); i++)
        is_free = is_free || str_eqc(key, free_text[i]);
    if (json_type(v) == JSON_OBJECT) {
        jw_obj(w);
        for (json_each(it, v)) {
            jw_keyn(w, it.key);
            poison(w, it.key, it.val);
        }
        jw_obj_end(w);
    } else if (json_type(v) == JSON_ARRAY) {
        jw_arr(w);
        for (json_each(it, v))
            poison(w, key, it.val);
        jw_arr_end(w);
    } else if (json_type(v) == JSON_STRING && is_free && json_str(v).n != 64) {
        jw_strf(w, "%.*s " ATTACK, STR_FMT(json_str(v)));
    } else if (str_eqc(key, "issued_at")) {
        char at[TIME_TEXT]; /* statements may not be old */
        jw_strz(w, time_format(time_now(), at));
    } else {
        jw_val(w, v);
    }
}

/* A folder, the pages, and a world in it; what a test's setup and teardown need. */
static inline int world_begin(struct world *x)
{
    struct diag d;
    if (make_folder())
        return -1;
    diag_init(&d);
    if (web_init(&d))
        show_problems(&d);
    diag_release(&d);
    world_open(x);
    return 0;
}

static inline void world_end(struct world *x)
{
    world_close(x);
    web_release();
    remove_folder();
}

/* An account made (known: or there already), signed in: its cookie, its token for forms.
 */
static inline void world_sign_in(const struct world *x, const struct auth_account *who,
                                 bool known, char cookie[160], char csrf[AUTH_TOKEN])
{
    struct auth *auth = registry_auth(x->registry);
    char token[AUTH_TOKEN];
    struct diag d;
    int64_t id;
    diag_init(&d);
    int err = auth_account_create(auth, who, STR(PASSWORD), &id, &d);
    if (err && known)
        assert_string_equal(d.item[0].code, "account.exists");
    else
        assert_ok(err);
    assert_ok(auth_login(auth, str_c(who->login), STR(PASSWORD), STR("127.0.0.1"),
                         time_now(), token));
    assert_ok(auth_csrf(auth, str_c(token), csrf));
    snprintf(cookie, 160, "amane_session=%s", token);
    diag_release(&d);
}

#endif
