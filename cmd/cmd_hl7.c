/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_hl7.h"

#include "embed/embed.h"

enum { MAP_MAX = 8 << 20, TRIES = 5 };

int cmd_hl7_open(struct cmd_hl7 *h, struct rest *rest, const char *map,
                 const char *own_name, const char *rejects)
{
    const struct embed_file *own = embed_find(own_name);
    char *text = NULL;
    size_t n = 0;
    struct diag d;
    int err = AM_OK, code = 0;
    am_assert(own);
    *h = (struct cmd_hl7){.rest = rest, .rejects = str_dup(str_c(rejects))};
    diag_init(&d);
    if (!h->rejects)
        err = AM_E_NOMEM;
    if (!err)
        err = cmd_hl7_unknown_new(&h->unknown);
    if (!err && map)
        err = am_file_read(map, MAP_MAX, &text, &n);
    if (!err)
        err = hl7_map_load(&h->map,
                           map ? (struct str){text, n}
                               : (struct str){(const char *)own->data, own->size},
                           &d);
    if (err)
        code = cmd_fail("read the mapping", map ? map : own->path, err, &d);
    free(text);
    diag_release(&d);
    return code;
}

void cmd_hl7_close(struct cmd_hl7 *h)
{
    hl7_map_free(h->map);
    cmd_hl7_unknown_free(h->unknown);
    free(h->rejects);
    *h = (struct cmd_hl7){0};
}

/* ---- asking the FHIR interface ---- */
struct taking { /* a message on its way in */
    struct cmd_hl7 *h;
    void *who;
    struct diag *d;
    cmd_hl7_seen_fn *seen; /* NULL: nobody asks */
    void *seen_arg;
};

static void ask(const struct taking *t, enum rest_method method, struct str path,
                struct str query, struct str body, struct rest_answer *a)
{
    struct rest_request q = {
        .method = method, .path = path, .query = query, .body = body, .who = t->who};
    q.header[REST_H_ACCEPT] = STR("application/fhir+json");
    q.header[REST_H_LANGUAGE] = str_c(cmd_lang(TEXT_EN) == TEXT_FR   ? "fr"
                                      : cmd_lang(TEXT_EN) == TEXT_AR ? "ar"
                                                                     : "en");
    if (body.n)
        q.header[REST_H_CONTENT_TYPE] = STR("application/fhir+json");
    rest_answer_init(a);
    rest_serve(t->h->rest, &q, a);
}

static int answer_json(const struct rest_answer *a, struct json_doc **out)
{
    const struct json_limits l = {.size_b = 256 << 20, .depth = 200, .raw_numbers = true};
    return json_parse(out, buf_str(&a->body), &l, NULL);
}

/* What a status that is no success means to who sent the request. */
static int err_of(int status)
{
    return status == 409 || status == 412 ? AM_E_CONFLICT
           : status == 507                ? AM_E_NOSPACE
           : status >= 500                ? AM_E_UNAVAILABLE
                                          : AM_E_REFUSED;
}

/* The issues of an OperationOutcome as problems: in its words, which are of the language
 * asked for. */
static void tell_issues(const struct json *outcome, struct diag *d)
{
    for (json_each(it, json_get(outcome, "issue"))) {
        const struct json *details = json_get(it.val, "details");
        struct str severity = json_get_str(it.val, "severity"),
                   at = json_str(json_at(json_get(it.val, "expression"), 0)),
                   code = json_get_str(json_at(json_get(details, "coding"), 0), "code"),
                   what = json_get_str(details, "text");
        char path[256], text[1024];
        what = str_sub(what, 0, 900);
        while (!str_utf8(what)) /* cut between characters */
            what.n--;
        if (str_eqc(severity, "warning") || str_eqc(severity, "information"))
            continue;
        if (!at.n)
            at = json_get_str(it.val, "diagnostics");
        snprintf(path, sizeof path, "%.*s", (int)AM_MIN(at.n, sizeof path - 1),
                 at.p ? at.p : "");
        snprintf(text, sizeof text, "%.*s [%.*s]", (int)what.n, what.p ? what.p : "",
                 (int)AM_MIN(code.n, (size_t)80), code.p ? code.p : "");
        diag_err(d, path, "hl7.refused", "%s", text);
        diag_arg(d, "text", text);
    }
}

static int find(void *arg, struct str type, struct str query, struct buf *out)
{
    const struct taking *t = arg;
    struct rest_answer a;
    struct json_doc *doc = NULL;
    const struct json *entry, *resource;
    char path[80];
    struct buf q;
    struct jw w;
    int err;
    snprintf(path, sizeof path, "/%.*s", (int)AM_MIN(type.n, (size_t)64), type.p);
    buf_init(&q, 1 << 20);
    err = buf_addf(&q, "%.*s&_count=2", STR_FMT(query));
    if (err) {
        buf_release(&q);
        return err;
    }
    ask(t, REST_GET, str_c(path), buf_str(&q), STR_NULL, &a);
    err = answer_json(&a, &doc);
    if (a.status != 200) {
        err = err_of(a.status);
        if (err == AM_E_REFUSED)
            tell_issues(json_root(doc), t->d);
    }
    entry = json_get(json_root(doc), "entry");
    resource = json_get(json_at(entry, 0), "resource");
    if (!err && json_size(entry) > 1)
        err = AM_E_CONFLICT;
    else if (!err && !resource)
        err = AM_E_NOTFOUND;
    if (!err) {
        jw_init(&w, out);
        jw_val(&w, resource);
        err = jw_done(&w);
    }
    if (t->seen && (!err || err == AM_E_NOTFOUND)) {
        int told = t->seen(t->seen_arg, type, query, err ? NULL : resource);
        err = told ? told : err;
    }
    json_free(doc);
    rest_answer_release(&a);
    buf_release(&q);
    return err;
}

int cmd_hl7_find(struct cmd_hl7 *h, struct str type, struct str query, struct buf *out,
                 struct diag *d)
{
    struct taking t = {.h = h, .d = d};
    return find(&t, type, query, out);
}

/* *again: something was there by now that a create had not seen, so it is not in it. */
static int send(const struct taking *t, struct str bundle, bool *again, struct diag *d)
{
    struct rest_answer a;
    struct json_doc *doc = NULL, *sent = NULL;
    size_t before = d->errors;
    int err, at_all;
    *again = false;
    ask(t, REST_POST, STR(""), STR_NULL, bundle, &a);
    err = a.status == 200 ? AM_OK : err_of(a.status);
    at_all = answer_json(&a, &doc);
    if (err == AM_E_REFUSED) {
        tell_issues(json_root(doc), d);
        if (d->errors == before) {
            char status[16];
            snprintf(status, sizeof status, "%d", a.status);
            diag_err(d, "", "hl7.refused", "%s", status);
            diag_arg(d, "text", status);
        }
    } else if (!err) {
        err = at_all
                  ? at_all
                  : json_parse(&sent, bundle,
                               &(struct json_limits){.size_b = 256 << 20, .depth = 200},
                               NULL);
    }
    for (json_each(it, err ? NULL : json_get(json_root(doc), "entry"))) {
        const struct json *asked = json_at(json_get(json_root(sent), "entry"), it.i);
        struct str status = json_get_str(json_get(it.val, "response"), "status");
        if (str_eqc(json_get_str(json_get(asked, "request"), "method"), "POST") &&
            str_starts(status, STR("200")))
            *again = true;
    }
    json_free(doc);
    json_free(sent);
    rest_answer_release(&a);
    return err;
}

static bool its_own(int err)
{
    return err == AM_E_SYNTAX || err == AM_E_INVALID || err == AM_E_UNSUPPORTED ||
           err == AM_E_TOOBIG;
}

int cmd_hl7_make(struct cmd_hl7 *h, struct str raw, cmd_hl7_seen_fn *seen, void *arg,
                 struct buf *bundle, size_t *entries, struct diag *d)
{
    struct taking t = {.h = h, .d = d, .seen = seen, .seen_arg = arg};
    const struct hl7_limits l = {.charset = hl7_map_charset(h->map)};
    struct hl7 *m = NULL;
    int err = hl7_parse(&m, raw, &l, d);
    am_assert(!h->door);
    *entries = 0;
    if (!err)
        err = hl7_map_run(h->map, m, find, &t, bundle, entries, d);
    hl7_free(m);
    return its_own(err) && d->errors ? AM_E_REFUSED : err;
}

int cmd_hl7_send(struct cmd_hl7 *h, struct str bundle, struct diag *d)
{
    struct taking t = {.h = h, .d = d};
    bool again;
    int err;
    am_assert(!h->door);
    err = send(&t, bundle, &again, d);
    return !err && again ? AM_E_CONFLICT : err;
}

/* ---- a message ---- */
int cmd_hl7_take(struct cmd_hl7 *h, struct str raw, const char *source, size_t *entries,
                 struct diag *d)
{
    struct taking t = {.h = h, .d = d};
    const struct hl7_limits l = {.charset = hl7_map_charset(h->map)};
    struct hl7 *m = NULL;
    struct buf b;
    bool again = true;
    int err = hl7_parse(&m, raw, &l, d);
    buf_init(&b, (size_t)256 << 20);
    *entries = 0;
    if (!err && h->door)
        err = door_service(h->door, h->client, source, &t.who);
    for (int i = 0; i < TRIES && again && !err; i++) {
        again = false;
        buf_clear(&b);
        err = hl7_map_run(h->map, m, find, &t, &b, entries, d);
        if (!err && *entries)
            err = send(&t, buf_str(&b), &again, d);
        if (err == AM_E_CONFLICT) {
            err = AM_OK;
            again = true;
        }
    }
    if (!err && again)
        err = AM_E_UNAVAILABLE;
    if (its_own(err) && d->errors)
        err = AM_E_REFUSED;
    door_service_end(t.who);
    buf_release(&b);
    hl7_free(m);
    return err;
}
