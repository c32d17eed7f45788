/* SPDX-License-Identifier: Apache-2.0 */
/* "Verify it yourself": the commands a stranger pastes into a shell to copy the log,
 * verify it, compute the decision again, and check one signature with openssl alone.
 * test/55-public.sh runs them as the page prints them. */
#include "web/web_site_priv.h"

/* Every tile and payload of the cosigned log; what is not public is named, not fatal. */
static const char copy_commands[] =
    "get() { mkdir -p \"$(dirname \"$2\")\" && curl -fsS -o \"$2\" \"$R/$1\"; }\n"
    "at() { if [ \"$1\" -lt 1000 ]; then printf %03d \"$1\"; else printf 'x%03d/%03d' "
    "$(($1 / 1000)) $(($1 % 1000)); fi; }\n"
    "tiles() { # LEVEL WIDTH\n"
    "    i=0\n"
    "    while [ $i -lt $(($2 / 256)) ]; do get \"log/tile/$1/$(at $i)\" "
    "\"copy/log/tile/$1/$(at $i)\"; i=$((i + 1)); done\n"
    "    [ $(($2 % 256)) = 0 ] || get \"log/tile/$1/$(at $i).p/$(($2 % 256))\" "
    "\"copy/log/tile/$1/$(at $i).p/$(($2 % 256))\"\n"
    "}\n"
    "blob() { get \"api/v1/blobs/$1\" \"copy/blobs/sha256/$(echo \"$1\" | cut -c "
    "1-2)/$(echo \"$1\" | cut -c 3-)\"; }\n"
    "get log/checkpoint.cosigned copy/log/checkpoint.cosigned && cp "
    "copy/log/checkpoint.cosigned copy/log/checkpoint\n"
    "SIZE=$(sed -n 2p copy/log/checkpoint)\n"
    "tiles entries \"$SIZE\"\n"
    "L=0 N=$SIZE\n"
    "while [ \"$N\" -gt 0 ]; do tiles $L \"$N\"; L=$((L + 1)) N=$((N / 256)); done\n"
    "K=0\n"
    "while [ $K -lt \"$SIZE\" ]; do blob \"$(curl -fsS \"$R/api/v1/statements/$K\" | jq "
    "-r .payload_sha256)\" || echo \"entry $K is not public\"; K=$((K + 1)); done\n"
    "blob \"$(curl -fsS \"$R/api/v1/policy\" | jq -r .sha256)\"\n";
static const char check_commands[] =
    "amane log verify copy --genesis \"$PIN\" --public\n"
    "amane policy eval --log copy --genesis \"$PIN\" --model \"$MODEL\"\n";
/* DSSE: the signature is over the type, the length and the payload. */
static const char signature_commands[] =
    "curl -fsS \"$R/api/v1/statements/$INDEX/bundle\" >bundle.json\n"
    "jq -r .dsseEnvelope.payload bundle.json | base64 -d >payload\n"
    "{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c <payload)\"; cat "
    "payload; } >pae\n"
    "jq -r '.dsseEnvelope.signatures[0].sig' bundle.json | base64 -d >sig\n"
    "curl -fsS \"$R/api/v1/statements/$INDEX\" | jq -r .leaf | jq -r "
    "'.spec.dsseV002.signatures[0].verifier.publicKey.rawBytes' | base64 -d | openssl "
    "pkey -pubin -inform DER -out key.pem\n"
    "openssl dgst -sha256 -verify key.pem -signature sig pae\n";

/* The Host header ends in a shell: nothing but a name, a port, an address. */
static struct str safe_host(const struct http_req *r)
{
    struct str h = http_header(r, "Host");
    for (size_t i = 0; i < h.n; i++) {
        char c = h.p[i];
        if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
            !memchr(".:-[]", c, 5))
            return STR("localhost");
    }
    return h.n && h.n < 256 ? h : STR("localhost");
}

void web_verify_box(struct web_visit *v, const struct json *facts, struct str digest,
                    int64_t index)
{
    struct jw *w = &v->w;
    struct str host = safe_host(v->req);
    jw_key(w, "shell");
    jw_obj(w);
    jw_key(w, "set");
    jw_strf(w, "R='http%s://%.*s'\nPIN=%.*s\nMODEL=%.*s\nINDEX=%lld\n",
            v->req->secure ? "s" : "", STR_FMT(host),
            STR_FMT(json_get_str(facts, "genesis")), STR_FMT(digest), (long long)index);
    jw_kstrz(w, "copy", copy_commands);
    jw_kstrz(w, "check", check_commands);
    jw_kstrz(w, "signature", signature_commands);
    jw_obj_end(w);
}
