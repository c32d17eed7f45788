/* SPDX-License-Identifier: Apache-2.0 */
/* Accept-Language comes from anybody. Adding a language the reader wants most must win.
 */
#include "text/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = {(const char *)data, size};
    enum text_lang l = text_lang_accept(s);
    am_assert(l < TEXT_LANGS);
    if (text_lang_parse(s, &l))
        am_assert(l < TEXT_LANGS);
    struct buf b;
    buf_init(&b, 1 << 20);
    int err = buf_adds(&b, "ar,");
    if (!err)
        err = buf_add(&b, s);
    if (!err)
        am_assert(text_lang_accept(buf_str(&b)) == TEXT_AR);
    buf_release(&b);
    return 0;
}
