/* SPDX-License-Identifier: Apache-2.0 */
/* Routes about the records themselves: exports, differences, what is missing. */
#include "api/api_priv.h"

int api_h_version_card(struct api_call *c)
{
    struct str format = http_query(c->req, "format");
    const char *type;
    uint8_t digest[32];
    uint64_t size = 0;
    int err = api_version_asked(c, digest, &size);
    if (!format.n)
        format = STR("annex8");
    type = registry_export_type(format);
    if (!err && !type) {
        diag_err(&c->d, "/format", "card.format", "chai, annex8, hti1 or fhir");
        err = AM_E_INVALID;
    }
    if (!err)
        err = registry_export(c->api->r, digest, size, format,
                              text_lang_code(api_lang(c->req)), &c->resp->body);
    if (!err)
        http_setz(c->req, c->resp, "Content-Type", type);
    return err;
}

int api_h_deployment_card(struct api_call *c)
{
    int err = registry_export_deployment(c->api->r, c->param[0], &c->resp->body);
    if (!err)
        api_json(c, 200);
    return err;
}

static int record_change(void *arg, struct str pointer, const struct json *before,
                         const struct json *after)
{
    struct api_call *c = arg;
    jw_obj(&c->w);
    jw_kstr(&c->w, "pointer", pointer);
    jw_kval(&c->w, "before", before);
    jw_kval(&c->w, "after", after);
    jw_obj_end(&c->w);
    return AM_OK;
}

int api_h_version_diff(struct api_call *c)
{
    struct json_doc *doc[2] = {NULL, NULL};
    uint8_t digest[2][32];
    uint64_t size;
    int err = api_version_asked(c, digest[0], &size);
    if (!err)
        err = api_hex_param(c, 1, digest[1]);
    for (size_t i = 0; i < 2 && !err; i++)
        err = registry_declared(c->api->r, digest[i], &doc[i]);
    if (!err) {
        jw_obj(&c->w);
        jw_kstr(&c->w, "version", c->param[0]);
        jw_kstr(&c->w, "other", c->param[1]);
        jw_key(&c->w, "changes");
        jw_arr(&c->w);
        err = registry_diff(json_get(json_root(doc[1]), "predicate"),
                            json_get(json_root(doc[0]), "predicate"), record_change, c);
        jw_arr_end(&c->w);
        jw_obj_end(&c->w);
    }
    json_free(doc[0]);
    json_free(doc[1]);
    return err ? err : api_done(c, 200);
}

int api_h_fhir_twin(struct api_call *c)
{
    const struct json *v = NULL;
    int err = api_body(c, &v);
    if (!err)
        err = registry_twin_of(c->api->r, v, &c->resp->body);
    if (err == AM_E_NOTFOUND)
        diag_err(&c->d, "/algorithm_id", "guard.algorithm_id",
                 "declare the algorithm first");
    if (!err)
        api_json(c, 200);
    return err;
}
