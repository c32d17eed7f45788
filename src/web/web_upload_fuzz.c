/* SPDX-License-Identifier: Apache-2.0 */
/* A Content-Type, a NUL, a body: what is found lies inside the body and before a mark. */
#include "web/web_site_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size}, body, out = STR_NULL;
    struct str type = str_cut(all, 0, &body);
    if (!body.p)
        return 0;
    if (web_upload(type, body, "file", &out) == AM_OK)
        am_assert(out.p >= body.p && out.p + out.n < body.p + body.n);
    else
        am_assert(!out.p);
    return 0;
}
