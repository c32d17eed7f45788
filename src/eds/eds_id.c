/* SPDX-License-Identifier: Apache-2.0 */
/* Ids. Most are UUIDs: 16 bytes instead of 36, in the row and in the index. What has 16
 * bytes and begins like a text gets a mark, so that no id can be taken for another. */
#include "base/clock.h"
#include "eds/eds_priv.h"

enum { EDS_UUID = 36, EDS_UUID_BYTES = 16 };

bool eds_id_ok(struct str id)
{
    if (!id.n || id.n > EDS_ID_MAX)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char ch = id.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
              (ch >= '0' && ch <= '9') || ch == '-' || ch == '.'))
            return false;
    }
    return true;
}

static bool eds_dash(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

static int eds_nibble(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static bool eds_uuid_bytes(struct str id, char out[EDS_UUID_BYTES])
{
    size_t k = 0;
    if (id.n != EDS_UUID)
        return false;
    for (size_t i = 0; i < EDS_UUID; i++) {
        int v = eds_nibble(id.p[i]);
        if (eds_dash(i) ? id.p[i] != '-' : v < 0)
            return false;
        if (eds_dash(i))
            continue;
        if (k % 2)
            out[k / 2] = (char)(out[k / 2] | v);
        else
            out[k / 2] = (char)(v << 4);
        k++;
    }
    return true;
}

static void eds_uuid_text(const char *bytes, char out[EDS_ID_MAX + 1])
{
    static const char hex[] = "0123456789abcdef";
    size_t k = 0;
    for (size_t i = 0; i < EDS_UUID; i++) {
        if (eds_dash(i)) {
            out[i] = '-';
            continue;
        }
        uint8_t b = (uint8_t)bytes[k / 2];
        out[i] = hex[k % 2 ? b & 15 : b >> 4];
        k++;
    }
    out[EDS_UUID] = '\0';
}

void eds_id_pack(struct str id, struct eds_id *out)
{
    am_assert(id.n <= EDS_ID_MAX);
    if (eds_uuid_bytes(id, out->p)) {
        out->n = EDS_UUID_BYTES;
        return;
    }
    out->n = 0;
    if (id.n == EDS_UUID_BYTES)
        out->p[out->n++] = '~'; /* in no id */
    memcpy(out->p + out->n, id.p, id.n);
    out->n += id.n;
}

int eds_id_unpack(struct str packed, char out[EDS_ID_MAX + 1])
{
    if (packed.n == EDS_UUID_BYTES) {
        eds_uuid_text(packed.p, out);
        return AM_OK;
    }
    if (packed.n == EDS_UUID_BYTES + 1 && packed.p[0] == '~')
        packed = str_sub(packed, 1, packed.n);
    if (!eds_id_ok(packed))
        return AM_E_TAMPERED;
    memcpy(out, packed.p, packed.n);
    out[packed.n] = '\0';
    return AM_OK;
}

/* RFC 9562, version 7: the time first, so that what is written together stands together
 * in the index. */
int eds_new_id(char out[37])
{
    char b[EDS_UUID_BYTES], text[EDS_ID_MAX + 1];
    uint64_t ms = (uint64_t)(time_now() / 1000);
    int err = crypto_random(b, sizeof b);
    if (err)
        return err;
    for (int i = 0; i < 6; i++)
        b[i] = (char)(ms >> (40 - 8 * i));
    b[6] = (char)((b[6] & 0x0f) | 0x70);
    b[8] = (char)((b[8] & 0x3f) | 0x80);
    eds_uuid_text(b, text);
    memcpy(out, text, 37);
    return AM_OK;
}
