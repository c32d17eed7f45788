/* SPDX-License-Identifier: Apache-2.0 */
/* What of a run on sealed sets may go to the vendor: OUT/vendor, measures only, with
 * vendor.json that says so. Rows (scores.csv), curves (a step a row when they are few)
 * and the rest stay in OUT, 0600. */
#include "bench/bench_vault.h"
#include "cmd_bench.h"
#include "crypto/crypto.h"
#include "json/json.h"

bool cmd_bench_sealed(const struct json *manifest)
{
    struct str id, member;
    for (json_each(it, json_get(manifest, "data")))
        if (bench_sealed_path(json_get_str(it.val, "path"), &id, &member))
            return true;
    return false;
}

bool cmd_bench_for_vendor(const char *name)
{
    return !strcmp(name, "summary.json") ||
           (!strncmp(name, "evidence-", 9) && str_ends(str_c(name), STR(".json")));
}

static int write_in(const char *out, const char *name, struct str text)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/vendor/%s", out, name);
    return n < 0 || (size_t)n >= sizeof path ? AM_E_TOOBIG
                                             : am_file_write(path, text, 0644);
}

int cmd_bench_give(const char *out, const char *name, struct str text, struct buf *files)
{
    char path[4096], hex[CRYPTO_HEX];
    uint8_t digest[CRYPTO_SHA256];
    int n = snprintf(path, sizeof path, "%s/vendor", out), err;
    if (n < 0 || (size_t)n >= sizeof path)
        return AM_E_TOOBIG;
    err = am_dir_make(path, 0755);
    if (!err)
        err = write_in(out, name, text);
    crypto_sha256(text, digest);
    if (!err)
        err = buf_addf(files, "%s{\"name\":\"%s\",\"sha256\":\"%s\"}",
                       files->n ? "," : "", name, crypto_hex(digest, sizeof digest, hex));
    return err;
}

int cmd_bench_given(const char *out, const struct json *record, struct str files)
{
    struct buf b, list;
    struct jw w;
    int err;
    buf_init(&b, 1 << 20);
    buf_init(&list, 1 << 20);
    err = buf_addf(&list, "[%.*s]", STR_FMT(files));
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kstrz(&w, "schema", "amane/bench-vendor/1");
    jw_kstrz(&w, "contents", "measures_only");
    jw_kval(&w, "model_digest", json_get(record, "model_digest"));
    jw_key(&w, "files");
    jw_raw(&w, buf_str(&list));
    jw_obj_end(&w);
    err = err ? err : jw_done(&w);
    if (!err)
        err = buf_addc(&b, '\n');
    if (!err)
        err = write_in(out, "vendor.json", buf_str(&b));
    buf_release(&list);
    buf_release(&b);
    return err;
}
