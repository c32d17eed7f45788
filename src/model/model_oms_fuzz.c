/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON text as a signature bundle over one file. Nothing verifies: no key is known
 * to have signed what a fuzzer makes. */
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char spki[] =
        "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d"
        "\x03\x01\x07\x03\x42\x00\x04";
    struct model_oms_file file = {.name = STR("a")};
    struct model_oms_trust trust = {.spki = {spki, sizeof spki - 1},
                                    .roots_pem = STR("-----BEGIN CERTIFICATE-----\n")};
    struct json_doc *doc = NULL;
    struct diag d;
    if (json_parse(&doc, (struct str){(const char *)data, size}, NULL, NULL))
        return 0;
    diag_init(&d);
    am_assert(model_oms_verify(json_root(doc), &file, 1, &trust, &d) != AM_OK);
    am_assert(d.n > 0);
    diag_release(&d);
    json_free(doc);
    return 0;
}
