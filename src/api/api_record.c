/* SPDX-License-Identifier: Apache-2.0 */
/* Routes about the records themselves: exports, differences, what is missing. */
#include "api/api_priv.h"

int api_h_version_card(struct api_call *c)
{
    struct str format = http_query(c->req, "format");
    const char *type;
    uint8_t digest[32];
    int err = api_hex_param(c, 0, digest);
    if (!format.n)
        format = STR("annex8");
    type = registry_export_type(format);
    if (!err && !type) {
        diag_err(&c->d, "/format", "card.format", "chai, annex8, hti1 or fhir");
        err = AM_E_INVALID;
    }
    if (!err)
        err = registry_export(c->api->r, digest, format, text_lang_code(api_lang(c->req)),
                              &c->resp->body);
    if (!err)
        http_setz(c->req, c->resp, "Content-Type", type);
    return err;
}
