/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/xml.h"

/* What is read as a resource is written as XML and read again to the same JSON, unless
 * the values are such as XML cannot say. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void again(struct str json)
{
    static const struct json_limits limits = {.raw_numbers = true, .depth = 200};
    struct json_doc *doc = NULL;
    struct buf xml, back;
    buf_init(&xml, (size_t)16 << 20);
    buf_init(&back, (size_t)16 << 20);
    if (json_parse(&doc, json, &limits, NULL) == AM_OK &&
        fhir_xml_write(json_root(doc), &xml, NULL) == AM_OK) {
        int err = fhir_xml_read(buf_str(&xml), &back, NULL);
        am_assert(!err || err == AM_E_TOOBIG);
    }
    json_free(doc);
    buf_release(&xml);
    buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str text = {(const char *)data, AM_MIN(len, (size_t)1 << 16)};
    struct buf json;
    struct diag d;
    buf_init(&json, (size_t)16 << 20);
    diag_init(&d);
    if (text.n && text.p[0] == '{')
        again(text);
    else if (fhir_xml_read(text, &json, &d) == AM_OK)
        again(buf_str(&json));
    else
        am_assert(d.errors > 0);
    diag_release(&d);
    buf_release(&json);
    return 0;
}
