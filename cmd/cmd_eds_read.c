/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_eds_read.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "fhir/xml.h"

enum { CHUNK = 1 << 20 };

/* ---- which files ---- */
static int file_push(struct cmd_eds_files *f, const char *path, const struct stat *st)
{
    struct cmd_eds_file x = {str_dup(str_c(path)), (int64_t)st->st_size};
    int err = x.path ? vec_push(f, x) : AM_E_NOMEM;
    if (err)
        free(x.path);
    else
        f->size_b += x.size_b;
    return err;
}

static bool wanted(const struct cmd_eds_files *f, struct str name)
{
    static const char *const fhir[] = {".json", ".ndjson", ".jsonl", ".xml", NULL};
    const char *const *ending = f->endings ? f->endings : fhir;
    while (*ending && !str_ends(name, str_c(*ending)))
        ending++;
    return *ending != NULL;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int folder_add(struct cmd_eds_files *f, const char *path);

static int below_add(struct cmd_eds_files *f, const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat st, link;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return AM_E_TOOBIG;
    if (stat(path, &st) || lstat(path, &link))
        return am_err_errno(errno);
    if (S_ISDIR(st.st_mode)) /* no links to folders: they may lead round in a circle */
        return S_ISLNK(link.st_mode) ? AM_OK : folder_add(f, path);
    return S_ISREG(st.st_mode) && wanted(f, str_c(name)) ? file_push(f, path, &st)
                                                         : AM_OK;
}

static int folder_add(struct cmd_eds_files *f, const char *path)
{
    struct dirent **entry = NULL;
    int n = scandir(path, &entry, visible, alphasort), err = AM_OK;
    if (n < 0)
        return am_err_errno(errno);
    for (int i = 0; i < n; i++) {
        if (!err)
            err = below_add(f, path, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    return err;
}

int cmd_eds_files_add(struct cmd_eds_files *f, const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return am_err_errno(errno);
    return S_ISDIR(st.st_mode) ? folder_add(f, path) : file_push(f, path, &st);
}

void cmd_eds_files_release(struct cmd_eds_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->v[i].path);
    vec_release(f);
}

/* ---- lines ---- */
struct lines {
    FILE *from;
    char *chunk;
    size_t n, at;    /* of the chunk */
    struct buf line; /* without its end */
    bool cut, end;   /* the line was longer than CMD_EDS_LINE; nothing is left */
    int64_t number, read_b;
};

static int lines_fill(struct lines *l)
{
    l->at = 0;
    l->n = fread(l->chunk, 1, CHUNK, l->from);
    l->read_b += (int64_t)l->n;
    return !l->n && ferror(l->from) ? AM_E_IO : AM_OK;
}

static int lines_next(struct lines *l)
{
    bool some = false, whole = false;
    int err = AM_OK;
    buf_clear(&l->line);
    l->cut = false;
    while (!whole) {
        char *end;
        size_t n;
        if (l->at == l->n) {
            err = lines_fill(l);
            if (err || !l->n)
                break;
        }
        some = true;
        end = memchr(l->chunk + l->at, '\n', l->n - l->at);
        n = end ? (size_t)(end - l->chunk) - l->at : l->n - l->at;
        if (!l->cut)
            err = buf_add(&l->line, (struct str){l->chunk + l->at, n});
        if (err == AM_E_TOOBIG) {
            l->cut = true;
            err = AM_OK;
        }
        if (err)
            break;
        l->at += n + (end ? 1 : 0);
        whole = end != NULL;
    }
    l->end = !some;
    l->number += some;
    return err;
}

/* Does a JSON value that begins in s end in it? */
static bool closed(struct str s)
{
    int64_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    }
    return !depth && !quoted;
}

/* ---- records ---- */
int cmd_eds_parse(struct json_doc **out, struct str text, struct diag *d)
{
    const struct json_limits limits = {
        .size_b = CMD_EDS_FILE, .depth = 200, .values = 40000000, .raw_numbers = true};
    return json_parse(out, text, &limits, d);
}

static bool at_fault(int err)
{
    return err == AM_E_SYNTAX || err == AM_E_INVALID || err == AM_E_TOOBIG;
}

/* What is wrong with the text is the record's; only what is wrong here is an error. */
static int tell(struct cmd_eds_record *r, struct str json, struct diag *d,
                cmd_eds_record_fn *fn, void *arg)
{
    struct json_doc *doc = NULL;
    int err = d->errors ? AM_OK : cmd_eds_parse(&doc, json, d);
    if (at_fault(err) && d->errors)
        err = AM_OK;
    r->root = json_root(doc);
    r->d = d;
    if (!err)
        err = fn(arg, r);
    json_free(doc);
    return err;
}

static int tell_line(struct lines *l, bool alone, cmd_eds_record_fn *fn, void *arg)
{
    struct str text = str_trim(buf_str(&l->line));
    struct cmd_eds_record r = {
        .line = l->number, .alone = alone, .text = text, .end_b = l->read_b};
    struct diag d;
    int err;
    if (!text.n && !l->cut)
        return AM_OK;
    diag_init(&d);
    if (l->cut) {
        r.text = STR_NULL;
        diag_err(&d, "", "json.size", "%s: at most %zu bytes are read", "-",
                 (size_t)CMD_EDS_LINE);
    }
    err = tell(&r, text, &d, fn, arg);
    diag_release(&d);
    return err;
}

static int tell_file(const char *path, cmd_eds_record_fn *fn, void *arg)
{
    struct cmd_eds_record r = {.alone = true};
    struct buf json;
    struct diag d;
    char *text = NULL;
    size_t n = 0;
    int err = am_file_read(path, CMD_EDS_FILE, &text, &n);
    diag_init(&d);
    buf_init(&json, CMD_EDS_FILE);
    if (err == AM_E_TOOBIG) {
        diag_err(&d, "", "json.size", "%s: at most %zu bytes are read", path,
                 (size_t)CMD_EDS_FILE);
        err = AM_OK;
    }
    r.text = (struct str){text, n};
    r.end_b = (int64_t)n;
    if (!err && str_starts(str_trim(r.text), STR("<"))) {
        err = fhir_xml_read(r.text, &json, &d);
        if (at_fault(err) && d.errors)
            err = AM_OK;
    }
    if (!err)
        err = tell(&r, json.n ? buf_str(&json) : r.text, &d, fn, arg);
    buf_release(&json);
    diag_release(&d);
    free(text);
    return err;
}

/* The first line is read: the rest are records too. */
static int tell_lines(struct lines *l, bool ndjson, cmd_eds_record_fn *fn, void *arg)
{
    int c = l->at == l->n ? getc(l->from) : 0;
    bool alone = c == EOF && !ndjson;
    int err = AM_OK;
    if (c != EOF && l->at == l->n)
        ungetc(c, l->from);
    while (!err && !l->end) {
        err = tell_line(l, alone, fn, arg);
        if (!err)
            err = lines_next(l);
    }
    return err;
}

int cmd_eds_read(const char *path, cmd_eds_record_fn *fn, void *arg)
{
    struct str name = str_c(path);
    struct lines l = {.from = fopen(path, "rbe"), .chunk = am_malloc(CHUNK)};
    bool ndjson = str_ends(name, STR(".ndjson")) || str_ends(name, STR(".jsonl"));
    int err = !l.from ? am_err_errno(errno) : !l.chunk ? AM_E_NOMEM : AM_OK;
    buf_init(&l.line, CMD_EDS_LINE);
    do {
        if (!err)
            err = lines_next(&l);
    } while (!err && !l.end && !str_trim(buf_str(&l.line)).n && !l.cut);
    if (!err && !l.end) {
        struct str first = str_trim(buf_str(&l.line));
        if (!ndjson && (l.cut || str_starts(first, STR("<")) ||
                        str_starts(first, STR("\xef\xbb\xbf")) || !closed(first)))
            err = tell_file(path, fn, arg);
        else
            err = tell_lines(&l, ndjson, fn, arg);
    }
    buf_release(&l.line);
    free(l.chunk);
    if (l.from)
        fclose(l.from);
    return err;
}
