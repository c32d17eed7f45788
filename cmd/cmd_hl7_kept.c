/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_hl7_kept.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/crypto.h"

enum { TEXT = 64 << 20 };

/* ---- a file ---- */
static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int seal_to(const struct eds *eds, const char *path, struct str reason,
                   struct str raw)
{
    struct buf plain, sealed;
    int err;
    buf_init(&plain, TEXT);
    buf_init(&sealed, TEXT);
    err = buf_add(&plain, reason);
    if (!err)
        err = buf_addc(&plain, '\n');
    if (!err)
        err = buf_add(&plain, raw);
    if (!err)
        err = eds_aside_seal(eds, str_c(base_of(path)), buf_str(&plain), &sealed);
    if (!err)
        err = am_file_write(path, buf_str(&sealed), 0600);
    buf_wipe(&plain);
    buf_release(&sealed);
    return err;
}

static int path_of(const char *dir, struct str raw, bool table, char path[CMD_HL7_PATH])
{
    uint8_t digest[CRYPTO_SHA256];
    char hex[CRYPTO_HEX];
    crypto_sha256(raw, digest);
    crypto_hex(digest, sizeof digest, hex);
    return snprintf(path, CMD_HL7_PATH, "%s/%.32s.%s.sealed", dir, hex,
                    table ? "csv" : "hl7") >= CMD_HL7_PATH
               ? AM_E_TOOBIG
               : AM_OK;
}

/* ---- keeping ---- */
static void put_problem(struct jw *w, const struct diag_item *it)
{
    jw_obj(w);
    jw_kstrz(w, "code", it->code);
    jw_kstrz(w, "path", it->path);
    jw_kstrz(w, "detail", it->detail);
    jw_key(w, "args");
    jw_obj(w);
    for (size_t k = 0; k < it->args; k++)
        jw_kstrz(w, it->arg[k].name, it->arg[k].value);
    jw_obj_end(w);
    jw_obj_end(w);
}

static int reason_make(struct buf *b, struct str raw, const char *source,
                       const struct diag *d)
{
    char at[TIME_TEXT];
    struct jw w;
    jw_init(&w, b);
    jw_obj(&w);
    jw_kstrz(&w, "source", source);
    jw_kstrz(&w, "at", time_format(time_now(), at));
    jw_kint(&w, "bytes", (int64_t)raw.n);
    jw_key(&w, "problems");
    jw_arr(&w);
    for (size_t i = 0; i < d->n; i++)
        if (d->item[i].severity == DIAG_ERROR)
            put_problem(&w, &d->item[i]);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

int cmd_hl7_keep(const struct cmd_hl7 *h, struct str raw, const char *source,
                 const struct diag *d, char path[CMD_HL7_PATH])
{
    struct buf b;
    int err = am_dir_make(h->rejects, 0700);
    am_assert(h->eds);
    buf_init(&b, 4 << 20);
    if (!err)
        err = path_of(h->rejects, raw, hl7_map_columns(h->map) != NULL, path);
    if (!err)
        err = reason_make(&b, raw, source, d);
    if (!err)
        err = seal_to(h->eds, path, buf_str(&b), raw);
    buf_wipe(&b);
    return err;
}

/* ---- reading ---- */
static int is_kept(const struct dirent *e)
{
    static const char *const endings[] = {".hl7.sealed", ".csv.sealed", ".hl7", ".csv"};
    for (size_t i = 0; i < AM_LEN(endings); i++)
        if (str_ends(str_c(e->d_name), str_c(endings[i])))
            return 1;
    return 0;
}

static void reason_path(const struct cmd_hl7_kept *k, char out[CMD_HL7_PATH + 8])
{
    snprintf(out, CMD_HL7_PATH + 8, "%.*sjson", (int)strlen(k->path) - 3, k->path);
}

/* What has been changed since, or is of another warehouse, is told without its text. */
static int unseal(struct cmd_hl7_kept *k, const struct eds *eds, struct str bytes)
{
    struct str text;
    size_t line;
    int err = eds_aside_open(eds, str_c(base_of(k->path)), bytes, &k->text);
    if (err)
        return err == AM_E_TAMPERED ? AM_OK : err;
    text = buf_str(&k->text);
    line = str_find(text, '\n');
    k->raw = str_sub(text, AM_MIN(line + 1, text.n), text.n);
    err = json_parse(&k->reason, str_sub(text, 0, line), NULL, NULL);
    return err == AM_E_NOMEM ? err : AM_OK;
}

static int read_one(struct cmd_hl7_kept *k, const struct eds *eds)
{
    char *bytes = NULL, reason[CMD_HL7_PATH + 8];
    size_t n = 0;
    int err = am_file_read(k->path, TEXT, &bytes, &n);
    if (!err && k->sealed) {
        err = unseal(k, eds, (struct str){bytes, n});
    } else if (!err) { /* of before */
        err = buf_add(&k->text, (struct str){bytes, n});
        k->raw = buf_str(&k->text);
        reason_path(k, reason);
        if (!err && json_parse_file(&k->reason, reason, NULL, NULL) == AM_E_NOMEM)
            err = AM_E_NOMEM;
    }
    free(bytes);
    return err;
}

int cmd_hl7_kept_each(const char *dir, const struct eds *eds, const char *name,
                      cmd_hl7_kept_fn *fn, void *arg)
{
    struct dirent **e = NULL;
    int n = scandir(dir, &e, is_kept, alphasort), err = AM_OK;
    if (n < 0)
        return errno == ENOENT ? AM_OK : am_err_errno(errno);
    for (int i = 0; i < n; i++) {
        struct str file = str_c(e[i]->d_name);
        struct cmd_hl7_kept k = {.sealed = str_ends(file, STR(".sealed")),
                                 .table = str_ends(file, STR(".csv.sealed")) ||
                                          str_ends(file, STR(".csv"))};
        bool asked = !name || str_starts(file, str_c(base_of(name)));
        buf_init(&k.text, TEXT);
        if (!err && asked &&
            snprintf(k.path, sizeof k.path, "%s/%s", dir, e[i]->d_name) >=
                (int)sizeof k.path)
            err = AM_E_TOOBIG;
        if (!err && asked)
            err = read_one(&k, eds);
        if (err == AM_E_NOTFOUND) /* a node that runs has taken it meanwhile */
            err = AM_OK;
        else if (!err && asked)
            err = fn(arg, &k);
        json_free(k.reason);
        buf_wipe(&k.text);
        free(e[i]);
    }
    free(e);
    return err;
}

int cmd_hl7_kept_drop(const struct cmd_hl7_kept *k)
{
    char reason[CMD_HL7_PATH + 8];
    reason_path(k, reason);
    if (unlink(k->path) && errno != ENOENT)
        return am_err_errno(errno);
    return !k->sealed && unlink(reason) && errno != ENOENT ? am_err_errno(errno) : AM_OK;
}

int cmd_hl7_kept_fix(const struct cmd_hl7_kept *k, const struct eds *eds, const char *dir,
                     struct str raw)
{
    char path[CMD_HL7_PATH];
    struct buf b;
    struct jw w;
    int err = path_of(dir, raw, k->table, path);
    buf_init(&b, 4 << 20);
    jw_init(&w, &b);
    if (k->reason)
        jw_val(&w, json_root(k->reason));
    if (!err && k->reason)
        err = jw_done(&w);
    if (!err)
        err = seal_to(eds, path, buf_str(&b), raw);
    buf_wipe(&b);
    return err || !strcmp(path, k->path) ? err : cmd_hl7_kept_drop(k);
}

int cmd_hl7_kept_why(const struct cmd_hl7_kept *k, size_t i, struct buf *out)
{
    const struct json *p = json_at(json_get(json_root(k->reason), "problems"), i);
    struct diag d;
    int err;
    if (!json_get(p, "args")) /* of before: in words */
        return buf_add(out, json_get_str(p, "text"));
    diag_init(&d);
    diag_err(&d, json_get_str(p, "path").p, json_get_str(p, "code").p, "%s",
             json_get_str(p, "detail").p);
    for (json_each(it, json_get(p, "args")))
        diag_arg(&d, it.key.p, json_str(it.val).p);
    err = d.n ? text_problem(out, cmd_lang(TEXT_EN), &d.item[0]) : AM_E_NOMEM;
    diag_release(&d);
    return err;
}
