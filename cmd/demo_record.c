/* SPDX-License-Identifier: Apache-2.0 */
/* Actors, their keys, and the records they sign. */
#include "demo.h"

#include "embed/embed.h"

static struct demo_actor demo_actors[] = {
    {.name = "msps", .role = "msps", .function = "authority", .org = "MSPS"},
    {.name = "desk", .role = "msps", .function = "registry_desk", .org = "MSPS"},
    {.name = "has-rapporteur", .role = "has", .function = "rapporteur", .org = "HAS"},
    {.name = "has-1", .role = "has", .function = "commissioner", .org = "HAS"},
    {.name = "has-2", .role = "has", .function = "commissioner", .org = "HAS"},
    {.name = "vendor", .role = "vendor", .org = "DEMOAI"},
    {.name = "bench", .role = "bench_operator", .org = "BENCH1"},
    {.name = "escrow", .role = "escrow_agent", .org = "ESCROW"},
    {.name = "gst-1",
     .role = "gst",
     .function = "direction",
     .org = "GST-RSK",
     .gst = "GST-RSK"},
    {.name = "gst-2",
     .role = "gst",
     .function = "direction",
     .org = "GST-CS",
     .gst = "GST-CS"},
    {.name = "gst-3",
     .role = "gst",
     .function = "direction",
     .org = "GST-FM",
     .gst = "GST-FM"},
    {.name = "gst-4",
     .role = "gst",
     .function = "direction",
     .org = "GST-MS",
     .gst = "GST-MS"},
#define LOCAL(n, g, e)                                                                   \
    {.name = "clinical_lead-" n,                                                         \
     .role = "clinical_lead",                                                            \
     .org = e,                                                                           \
     .gst = g,                                                                           \
     .establishment = e},                                                                \
        {.name = "director-" n,                                                          \
         .role = "director",                                                             \
         .org = e,                                                                       \
         .gst = g,                                                                       \
         .establishment = e},                                                            \
        {.name = "dsi-" n, .role = "dsi", .org = e, .gst = g, .establishment = e},       \
        {.name = "dim-" n, .role = "dim", .org = e, .gst = g, .establishment = e},       \
        {.name = "dpo-" n, .role = "dpo", .org = e, .gst = g, .establishment = e},       \
        {.name = "quality-" n,                                                           \
         .role = "quality",                                                              \
         .org = e,                                                                       \
         .gst = g,                                                                       \
         .establishment = e},                                                            \
    {                                                                                    \
        .name = "rssi-" n, .role = "rssi", .org = e, .gst = g, .establishment = e        \
    }
    LOCAL("1", "GST-RSK", "CHU-RABAT"),
    LOCAL("2", "GST-CS", "CHU-CASABLANCA"),
#undef LOCAL
};

struct demo_actor *demo_actor(const char *name)
{
    for (size_t i = 0; i < AM_LEN(demo_actors); i++)
        if (strcmp(demo_actors[i].name, name) == 0)
            return &demo_actors[i];
    am_assert_fail("an actor of the table", __FILE__, __LINE__);
}

int demo_make_actors(struct demo *m)
{
    char path[DEMO_PATH + 64];
    int err;
    snprintf(path, sizeof path, "%s/actors", m->dir);
    err = am_dir_make(path, 0700);
    for (size_t i = 0; i < AM_LEN(demo_actors) && !err; i++) {
        struct demo_actor *a = &demo_actors[i];
        crypto_key_free(a->key);
        a->key = NULL;
        err = crypto_key_generate(&a->key, CRYPTO_P256);
        if (!err)
            err = crypto_key_id(a->key, a->key_id);
        snprintf(path, sizeof path, "%s/actors/%s.key", m->dir, a->name);
        if (!err)
            err = crypto_key_save(a->key, path, STR_NULL);
    }
    return err;
}

/* ---- templates
 * ---------------------------------------------------------------------------- */
int demo_template(const char *file, const struct demo_sub *sub, size_t n, struct buf *out)
{
    const struct embed_file *f = embed_find(file);
    struct str left;
    int err = AM_OK;
    am_assert(f);
    left = (struct str){(const char *)f->data, f->size};
    while (left.n && !err) {
        size_t i = 0, end;
        struct str name;
        while (i + 1 < left.n && !(left.p[i] == '$' && left.p[i + 1] == '{'))
            i++;
        if (i + 1 >= left.n)
            return buf_add(out, left);
        err = buf_add(out, str_sub(left, 0, i));
        left = str_sub(left, i + 2, left.n);
        end = str_find(left, '}');
        name = str_sub(left, 0, end);
        left = str_sub(left, end + 1, left.n);
        for (i = 0; i < n; i++)
            if (str_eqc(name, sub[i].name))
                break;
        am_assert(i < n); /* a template asks for what nobody gives */
        if (!err)
            err = buf_add(out, sub[i].json);
    }
    return err;
}

struct str demo_q(struct arena *a, const char *z)
{
    struct buf b;
    struct jw w;
    char *copy;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    jw_strz(&w, z);
    am_assert(jw_done(&w) == AM_OK);
    copy = arena_dup(a, buf_str(&b));
    am_assert(copy);
    buf_release(&b);
    return str_c(copy);
}

struct str demo_now(struct arena *a)
{
    char at[TIME_TEXT];
    return demo_q(a, time_format(time_now() / TIME_SECOND * TIME_SECOND, at));
}

/* ---- signing and sending
 * -------------------------------------------------------------------- */
int demo_envelope(struct demo *m, enum ledger_kind kind, struct str record,
                  const struct demo_actor *who, struct buf *envelope)
{
    struct json_doc *doc = NULL;
    struct buf payload;
    int err = json_parse(&doc, record, NULL, &m->d);
    buf_init(&payload, (size_t)8 << 20);
    if (!err)
        err =
            ledger_statement(kind, json_root(doc), str_c(m->type_base), &payload, &m->d);
    if (!err)
        err = ledger_sign(buf_str(&payload), who->key, envelope);
    if (err)
        demo_fail(m, "sign", m->d.n ? m->d.item[0].detail : am_err_text(err));
    buf_release(&payload);
    json_free(doc);
    return err;
}

int demo_submit(struct demo *m, enum ledger_kind kind, struct str record,
                const struct demo_actor *who, struct demo_reply *receipt)
{
    static const char *const route[] = {"algorithms", "versions",    "evidence",
                                        "decisions",  "deployments", "events"};
    char path[64];
    struct buf envelope;
    int err;
    buf_init(&envelope, (size_t)16 << 20);
    snprintf(path, sizeof path, "/api/v1/%s", route[kind]);
    err = demo_envelope(m, kind, record, who, &envelope);
    if (!err)
        err = demo_expect(m, HTTP_POST, m->url, path, NULL, buf_str(&envelope), 201,
                          receipt);
    if (!err && json_str_is(json_get(receipt->v, "effect"), "no_effect")) {
        char why[160];
        snprintf(why, sizeof why, "%.*s", STR_FMT(json_get_str(receipt->v, "code")));
        err = demo_fail(m, who->name, why);
    }
    buf_release(&envelope);
    return err;
}

int demo_put_blob(struct demo *m, const char *token, struct str data,
                  char hex[CRYPTO_HEX])
{
    uint8_t digest[CRYPTO_SHA256];
    char path[128];
    struct demo_reply r;
    int err;
    crypto_sha256(data, digest);
    snprintf(path, sizeof path, "/api/v1/blobs/%s",
             crypto_hex(digest, sizeof digest, hex));
    err = demo_call(m, HTTP_PUT, m->url, path, token, data, &r);
    if (!err && r.status != 201 && r.status != 204)
        err = demo_fail(m, path, "the upload was refused");
    demo_reply_release(&r);
    return err;
}
