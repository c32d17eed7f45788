/* SPDX-License-Identifier: Apache-2.0 */
/* Style sheets, scripts, fonts and icons of the pages. They were packed when the program
 * was built: on a line of 256 kbit/s the sheet of every page costs 0.1 s, not 0.5 s.
 * Pages themselves are not packed: a packed page that holds a secret and what a stranger
 * sent tells the secret by its length (BREACH, 2013). */
#include "api/api_priv.h"
#include "embed/embed.h"

#include <stdio.h>

/* RFC 9110, 12.5.3: a weight of zero refuses. */
bool api_takes_gzip(struct str accept)
{
    struct str name, weight, one;
    while (accept.n) {
        one = str_cut(accept, ',', &accept);
        name = str_trim(str_cut(one, ';', &weight));
        weight = str_trim(weight);
        if (str_eq_nocase(name, STR("gzip"))) {
            double q = 1;
            if (weight.n > 2 &&
                (str_starts(weight, STR("q=")) || str_starts(weight, STR("Q="))))
                return str_double(str_sub(weight, 2, weight.n), &q) == AM_OK && q > 0;
            return weight.n == 0;
        }
    }
    return false;
}

int api_asset(struct http_req *r, struct http_resp *a)
{
    char path[256], tag[CRYPTO_HEX + 8];
    const struct embed_file *f;
    bool packed;
    snprintf(path, sizeof path, "web%.*s", (int)AM_MIN(r->path.n, 200), r->path.p);
    f = embed_find(path);
    if (!f)
        return AM_E_NOTFOUND;
    packed = f->gzip && api_takes_gzip(http_header(r, "Accept-Encoding"));
    snprintf(tag, sizeof tag, "\"%s%s\"", f->sha256_hex, packed ? "-gzip" : "");
    http_setz(r, a, "Content-Type", f->mime);
    http_setz(r, a, "ETag", tag);
    http_setz(r, a, "Cache-Control", "public, max-age=86400");
    http_setz(r, a, "Vary", "Accept-Encoding");
    if (str_eqc(http_header(r, "If-None-Match"), tag)) {
        a->status = 304;
        return AM_OK;
    }
    if (!packed)
        return buf_add(&a->body, (struct str){(const char *)f->data, f->size});
    http_setz(r, a, "Content-Encoding", "gzip");
    return buf_add(&a->body, (struct str){(const char *)f->gzip, f->gzip_size});
}
