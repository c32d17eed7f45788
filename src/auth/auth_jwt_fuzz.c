/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of identity providers: parsed, tried against a key set, claims read. Without the
 * key nothing may ever verify. */
#include "auth/auth_priv.h"

static const char keys[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"; /* RFC 7515, A.3 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json_doc *set;
    struct auth_jwt j;
    const char *why;
    if (!set && json_parse(&set, str_c(keys), NULL, NULL))
        return 0;
    if (auth_jwt_parse((struct str){(const char *)data, size}, &j))
        return 0;
    const struct auth_id_want want = {.issuer = STR("i"),
                                      .client_id = STR("c"),
                                      .nonce = STR("n"),
                                      .access_token = STR("a"),
                                      .now = INT64_C(1793491200000000)};
    am_assert(auth_jwt_verify(&j, json_root(set)) != AM_OK);
    if (auth_jwt_claims(&j, &want, &why) == AM_OK)
        am_assert(!why);
    auth_jwt_release(&j);
    return 0;
}
