/* SPDX-License-Identifier: Apache-2.0 */
/* May it be bought? The same product asked about twice: before its deposit with a third
 * party, and after. On the real data the answer stays no, since two of their measurements
 * have no LOINC number (doc/codes.md); the registry says so. Also the papers a supplier
 * hands over: the bill of materials, the approval of the data (of demonstration). */
#include "demo.h"

/* ---- papers of the declaration (demo_step_world.c) ----------------------------------
 */
int demo_sbom(struct demo *m, char hex[CRYPTO_HEX])
{
    struct buf b;
    int err;
    buf_init(&b, 1 << 16);
    err = buf_addf(
        &b,
        "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,"
        "\"metadata\":{\"component\":{\"type\":\"machine-learning-model\",\"name\":"
        "\"model.json\",\"version\":\"1.0.0\",\"hashes\":[{\"alg\":\"SHA-256\","
        "\"content\":\"%s\"}]}},\"components\":[{\"type\":\"application\",\"name\":"
        "\"amane\",\"version\":\"" AMANE_VERSION "\"}]}",
        m->weights_hex);
    if (!err)
        err = demo_put_blob(m, m->vendor_token, buf_str(&b), hex);
    buf_release(&b);
    return err;
}

/* One certificate of the data-protection authority, two years from yesterday; the notice
 * stands for its copy. */
struct str demo_certificates(const struct demo *m, struct arena *a)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    int64_t now = time_now() / TIME_SECOND * TIME_SECOND;
    time_format(now - TIME_DAY, from);
    time_format(now + 730 * TIME_DAY, to);
    return str_c(arena_printf(a,
                              "[{\"type\":\"cndp\",\"number\":\"DEMO\",\"body\":\"CNDP "
                              "(demo)\",\"issued\":\"%.10s\",\"expires\":\"%.10s\","
                              "\"copy_sha256\":\"%s\"}]",
                              from, to, m->notice_hex));
}

struct str demo_interoperability(const struct demo *m)
{
    return m->real ? STR("{\"fhir\":true,\"snomed_ct\":true,\"loinc\":false}")
                   : STR("{\"fhir\":true,\"snomed_ct\":true,\"loinc\":true}");
}

/* ---- the deposit --------------------------------------------------------------------
 */
static int items(struct demo *m, struct buf *out)
{
    static const char *const paper[] = {"source_code", "technical_documentation",
                                        "operating_documentation"};
    char train[DEMO_PATH + 32], model[DEMO_PATH + 32], hex[CRYPTO_HEX];
    uint8_t digest[CRYPTO_SHA256];
    uint64_t size = 0, weights = 0;
    int err;
    snprintf(train, sizeof train, "%s/train.csv", m->dir);
    snprintf(model, sizeof model, "%s/model.json", m->dir);
    err = crypto_sha256_file(model, digest, &weights);
    if (!err)
        err = crypto_sha256_file(train, digest, &size);
    if (!err)
        err = buf_addf(out,
                       "[{\"item\":\"weights\",\"path\":\"model.json\",\"sha256\":\"%s\","
                       "\"size\":%llu},{\"item\":\"training_data\",\"path\":"
                       "\"train.csv\",\"sha256\":\"%s\",\"size\":%llu}",
                       m->weights_hex, (unsigned long long)weights,
                       crypto_hex(digest, sizeof digest, hex), (unsigned long long)size);
    for (size_t i = 0; i < AM_LEN(paper) && !err; i++)
        err = buf_addf(out,
                       ",{\"item\":\"%s\",\"path\":\"%s\",\"sha256\":\"%s\",\"size\":1}",
                       paper[i], paper[i], m->notice_hex);
    return err ? err : buf_addc(out, ']');
}

static int deposit(struct demo *m)
{
    char at[TIME_TEXT], hex[CRYPTO_HEX];
    uint8_t digest[CRYPTO_SHA256];
    struct buf list, canon, b;
    int err;
    buf_init(&list, 1 << 16);
    buf_init(&canon, 1 << 16);
    buf_init(&b, 1 << 17);
    err = items(m, &list);
    if (!err)
        err = json_canon_text(&canon, buf_str(&list), &m->d);
    crypto_sha256(buf_str(&canon), digest);
    if (!err)
        err = buf_addf(
            &b,
            "\"type\":\"escrow_receipt\",\"model_digest\":\"%s\",\"deposit_id\":\"DEMO-"
            "1\","
            "\"deposited_at\":\"%s\",\"level\":1,\"items\":%s,\"manifest_sha256\":\"%s\","
            "\"conditions\":[\"insolvency\"]",
            m->model_hex, time_format(time_now() / TIME_SECOND * TIME_SECOND, at), list.p,
            crypto_hex(digest, sizeof digest, hex));
    if (!err)
        err = demo_event(m, "escrow", buf_str(&b));
    if (!err)
        demo_say(m, "demo.tender.deposit");
    buf_release(&b);
    buf_release(&canon);
    buf_release(&list);
    return err;
}

/* ---- the question -------------------------------------------------------------------
 */
static void tell_reason(struct demo *m, const struct json *reason)
{
    const char *code = arena_dup(&m->d.arena, json_get_str(reason, "code"));
    const char *pair[4] = {NULL, NULL, NULL, NULL};
    for (json_each(it, json_get(reason, "args")))
        if (it.i < 2) {
            pair[2 * it.i] = arena_dup(&m->d.arena, it.key);
            pair[2 * it.i + 1] = arena_dup(&m->d.arena, json_str(it.val));
        }
    demo_say_pairs(m, code, pair[0], pair[1], pair[2], pair[3], (const char *)NULL);
}

static int ask(struct demo *m, const char *fact, bool *eligible)
{
    struct demo_reply r = {0};
    char body[512], at[TIME_TEXT];
    const struct json *p;
    int err;
    snprintf(body, sizeof body,
             "{\"products\":[\"%s\"],\"use_code\":\"%.*s\",\"opens_at\":\"%s\"}",
             m->model_hex, STR_FMT(json_get_str(json_root(m->cohort), "use_code")),
             time_format((time_now() + 30 * TIME_DAY) / TIME_SECOND * TIME_SECOND, at));
    err = demo_expect(m, HTTP_POST, m->url, "/api/v1/tender-checks", NULL, str_c(body),
                      200, &r);
    p = json_at(json_get(r.v, "products"), 0);
    *eligible = json_bool(json_get(p, "eligible"), false);
    if (!err) {
        demo_say(m, *eligible ? "demo.tender.yes" : "demo.tender.no");
        for (json_each(it, json_get(p, "reasons")))
            tell_reason(m, it.val);
        jw_key(&m->f, fact); /* how many reasons */
        jw_int(&m->f, (int64_t)json_size(json_get(p, "reasons")));
    }
    demo_reply_release(&r);
    return err;
}

int demo_tender(struct demo *m)
{
    bool before, after = false;
    int err = ask(m, "tender_before", &before);
    if (!err && before)
        err = demo_fail(m, "tender", "eligible without a deposit");
    if (!err)
        err = deposit(m);
    if (!err)
        err = ask(m, "tender_after", &after);
    if (!err && after == m->real)
        err = demo_fail(m, "tender",
                        after ? "codes of one's own are no LOINC"
                              : "everything is there, and it is refused");
    return err;
}
