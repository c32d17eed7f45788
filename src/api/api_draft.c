/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts of records: saved freely, checked whole, declared by signing what they became.
 */
#include "api/api_priv.h"

static struct str draft_org(const struct api_call *c)
{
    return str_c(c->who.org_id);
}

static void draft_members(struct api_call *c, const struct registry_draft *d)
{
    char at[TIME_TEXT];
    jw_kstrz(&c->w, "id", d->id);
    jw_kstrz(&c->w, "kind", ledger_kind_name(d->kind));
    jw_kstrz(&c->w, "org_id", d->org_id);
    jw_kstrz(&c->w, "created_at", time_format(d->created_at, at));
    jw_kstrz(&c->w, "saved_at", time_format(d->at, at));
    jw_kint(&c->w, "version", (int64_t)d->version);
}

static int draft_answer(struct api_call *c, const struct registry_draft *d, int status,
                        struct str record)
{
    char tag[32];
    snprintf(tag, sizeof tag, "\"%llu\"", (unsigned long long)d->version);
    http_setz(c->req, c->resp, "ETag", tag);
    jw_obj(&c->w);
    draft_members(c, d);
    if (record.n) {
        jw_key(&c->w, "record");
        jw_raw(&c->w, record);
    }
    jw_obj_end(&c->w);
    return api_done(c, status);
}

int api_h_draft_new(struct api_call *c)
{
    const struct json *v = NULL;
    struct registry_draft made;
    enum ledger_kind kind;
    struct buf text;
    int err = api_body(c, &v);
    if (err)
        return err;
    if (ledger_kind_parse(json_get_str(v, "kind"), &kind)) {
        diag_err(&c->d, "/kind", "schema.enum", "algorithm, version, evidence...");
        return AM_E_INVALID;
    }
    buf_init(&text, REGISTRY_DRAFT_MAX + 4096);
    struct jw w;
    jw_init(&w, &text);
    if (json_get(v, "record"))
        jw_val(&w, json_get(v, "record"));
    else
        jw_raw(&w, STR("{}"));
    err = jw_done(&w);
    if (!err)
        err = registry_draft_new(c->api->r, kind, draft_org(c), buf_str(&text), &made,
                                 &c->d);
    buf_release(&text);
    return err ? err : draft_answer(c, &made, 201, STR_NULL);
}

static int draft_item(void *arg, const struct registry_draft *d)
{
    struct api_call *c = arg;
    jw_obj(&c->w);
    draft_members(c, d);
    jw_obj_end(&c->w);
    return AM_OK;
}

int api_h_drafts(struct api_call *c)
{
    int err;
    jw_obj(&c->w);
    jw_key(&c->w, "items");
    jw_arr(&c->w);
    err = registry_drafts(c->api->r, draft_org(c), draft_item, c);
    jw_arr_end(&c->w);
    jw_obj_end(&c->w);
    return err ? err : api_done(c, 200);
}

int api_h_draft(struct api_call *c)
{
    struct registry_draft d;
    struct buf record;
    int err;
    buf_init(&record, REGISTRY_DRAFT_MAX);
    err = registry_draft_get(c->api->r, c->param[0], draft_org(c), &d, &record);
    if (!err)
        err = draft_answer(c, &d, 200, buf_str(&record));
    buf_release(&record);
    return err;
}

/* "7" between quotes; a save without it could undo somebody else's. */
static int draft_if_match(struct api_call *c, uint64_t *version)
{
    struct str s = http_header(c->req, "If-Match");
    int64_t n;
    if (s.n > 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' &&
        str_int(str_sub(s, 1, s.n - 1), 1, INT64_MAX, &n) == AM_OK) {
        *version = (uint64_t)n;
        return AM_OK;
    }
    diag_err(&c->d, "", "draft.if_match", "If-Match: the ETag that was read");
    return AM_E_PRECONDITION;
}

int api_h_draft_save(struct api_call *c)
{
    struct registry_draft saved;
    uint64_t version = 0;
    int err = draft_if_match(c, &version);
    if (!err)
        err = registry_draft_save(c->api->r, c->param[0], draft_org(c), version,
                                  c->req->body, &saved, &c->d);
    return err ? err : draft_answer(c, &saved, 200, STR_NULL);
}

int api_h_draft_delete(struct api_call *c)
{
    int err = registry_draft_delete(c->api->r, c->param[0], draft_org(c));
    if (!err)
        c->resp->status = 204;
    return err;
}

/* ---- checking and declaring
 * ---------------------------------------------------------------- */
static int draft_open(struct api_call *c, struct registry_draft *d, struct json_doc **doc)
{
    struct buf record;
    int err;
    buf_init(&record, REGISTRY_DRAFT_MAX);
    err = registry_draft_get(c->api->r, c->param[0], draft_org(c), d, &record);
    if (!err)
        err = json_parse(doc, buf_str(&record), NULL, NULL);
    buf_release(&record);
    return err;
}

int api_h_draft_check(struct api_call *c)
{
    struct registry_draft d;
    struct json_doc *doc = NULL;
    struct diag found;
    int err = draft_open(c, &d, &doc);
    diag_init(&found);
    if (!err)
        err = registry_check(c->api->r, d.kind, json_root(doc), &found);
    if (err == AM_E_INVALID)
        err = AM_OK;
    if (!err) {
        jw_obj(&c->w);
        jw_kbool(&c->w, "ok", found.errors == 0);
        api_found(c, "problems", &found);
        jw_key(&c->w, "missing");
        jw_obj(&c->w);
        for (int level = LEDGER_BASE; level <= LEDGER_ADVANCED; level++) {
            struct diag due;
            diag_init(&due);
            registry_due(d.kind == LEDGER_ALGORITHM ? json_root(doc) : NULL,
                         d.kind == LEDGER_VERSION ? json_root(doc) : NULL,
                         (enum ledger_level)level, &due);
            api_found(c, ledger_level_name((enum ledger_level)level), &due);
            diag_release(&due);
        }
        jw_obj_end(&c->w);
        jw_obj_end(&c->w);
    }
    diag_release(&found);
    json_free(doc);
    return err ? err : api_done(c, 200);
}

int api_h_draft_declare(struct api_call *c)
{
    struct registry_draft d;
    struct json_doc *doc = NULL, *whole = NULL;
    struct buf text;
    uint8_t payload[32];
    int err = draft_open(c, &d, &doc);
    buf_init(&text, API_BODY_JSON_MAX);
    if (!err)
        err = registry_draft_finish(c->api->r, d.kind, json_root(doc), time_now(), &text);
    if (!err)
        err = json_parse(&whole, buf_str(&text), NULL, NULL);
    if (!err)
        err = registry_proposal_put(c->api->r, d.kind, json_root(whole), &c->who, payload,
                                    &c->d);
    buf_release(&text);
    json_free(whole);
    json_free(doc);
    return err ? err : api_proposed(c, payload);
}
