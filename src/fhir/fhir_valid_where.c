/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON Pointer as a place in the way of FHIRPath: array positions in brackets, the rest
 * dotted, the type of the resource in front. */
#include "fhir/fhir_valid_priv.h"

/* ~1 is '/', ~0 is '~'. */
static int unescaped(struct buf *out, struct str token)
{
    int err = AM_OK;
    for (size_t i = 0; i < token.n && !err; i++) {
        char c = token.p[i];
        if (c == '~' && i + 1 < token.n)
            c = token.p[++i] == '1' ? '/' : '~';
        err = buf_addc(out, c);
    }
    return err;
}

int fhir_location(struct buf *out, const struct json *resource, struct str pointer)
{
    struct str rest = pointer, type = json_get_str(resource, "resourceType");
    int err = buf_add(out, fhir_is_resource(type) ? type : STR("Resource"));
    const struct json *v = resource;
    while (rest.n && rest.p[0] == '/' && !err) {
        struct str token;
        bool array = json_type(v) == JSON_ARRAY;
        rest = str_sub(rest, 1, rest.n);
        token = str_sub(rest, 0, str_find(rest, '/'));
        rest = str_sub(rest, token.n, rest.n);
        v = json_pointer(v, (struct str){token.p - 1, token.n + 1});
        err = buf_addc(out, array ? '[' : '.');
        if (!err)
            err = unescaped(out, token);
        if (!err && array)
            err = buf_addc(out, ']');
    }
    return err;
}
