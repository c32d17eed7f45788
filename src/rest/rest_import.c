/* SPDX-License-Identifier: Apache-2.0 */
/* $import: NDJSON in the request's body, a resource with its id per line, by the rules of
 * `amane eds import`: each is validated, what is there already stays (so importing twice
 * is importing once), what is refused is told by its line. Groups of IMPORT_GROUP are
 * there whole or not at all; a request that fails midway is sent again. */
#include "base/map.h"
#include "rest/rest_op.h"

enum { IMPORT_GROUP = 200, IMPORT_TOLD = 1000 /* refused lines */ };

struct import {
    struct rest_call *c;
    struct eds_group *g;
    struct map seen;
    struct json_doc *doc[IMPORT_GROUP];
    size_t docs;
    int64_t line, created, existed, refused;
    struct buf told; /* parameters "refused" */
    struct jw w;
};

/* Why a line is refused: its first problem. */
static int import_refuse(struct import *x, const struct diag *d)
{
    struct buf text;
    int err = AM_OK;
    if (++x->refused > IMPORT_TOLD)
        return AM_OK;
    buf_init(&text, 65536);
    jw_obj(&x->w);
    jw_kstrz(&x->w, "name", "refused");
    jw_key(&x->w, "part");
    jw_arr(&x->w);
    jw_obj(&x->w);
    jw_kstrz(&x->w, "name", "line");
    jw_kint(&x->w, "valueInteger", x->line);
    jw_obj_end(&x->w);
    for (size_t i = 0; i < d->n && !err; i++) {
        if (d->item[i].severity != DIAG_ERROR)
            continue;
        err = text_problem(&text, x->c->lang, &d->item[i]);
        jw_obj(&x->w);
        jw_kstrz(&x->w, "name", "code");
        jw_kstrz(&x->w, "valueString", d->item[i].code);
        jw_obj_end(&x->w);
        jw_obj(&x->w);
        jw_kstrz(&x->w, "name", "why");
        jw_kstr(&x->w, "valueString", buf_str(&text));
        jw_obj_end(&x->w);
        break;
    }
    jw_arr_end(&x->w);
    jw_obj_end(&x->w);
    buf_release(&text);
    return err ? err : x->w.err;
}

static int import_flush(struct import *x)
{
    int err = x->docs ? eds_write(x->g) : AM_OK;
    if (!err && x->docs)
        x->c->wrote = true;
    for (size_t i = 0; i < x->docs; i++) {
        const struct json *r = json_root(x->doc[i]);
        char id[EDS_ID_MAX + 1];
        if (err)
            break;
        if (eds_done(x->g, i)->did == EDS_EXISTED) {
            x->existed++;
            continue;
        }
        x->created++;
        snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(r, "id")));
        err = rest_seen(x->c, json_get_str(r, "resourceType"), id);
    }
    for (size_t i = 0; i < x->docs; i++)
        json_free(x->doc[i]);
    x->docs = 0;
    eds_group_free(x->g);
    x->g = NULL;
    return err;
}

/* AM_E_INVALID, with a problem in d: this line alone is refused. */
static int import_check(struct import *x, struct eds_ask *ask, struct diag *d)
{
    const struct json *r = ask->body;
    struct str type = ask->type, id = ask->id;
    char name[160];
    int err;
    if (!fhir_search_type(type) || !eds_id_ok(id)) {
        diag_err(d, "", fhir_search_type(type) ? "rest.id" : "rest.type", "%s", "");
        return AM_E_INVALID;
    }
    snprintf(name, sizeof name, "%.*s/%.*s", STR_FMT(type), STR_FMT(id));
    if (map_has(&x->seen, str_c(name))) {
        diag_err(d, "", "rest.import_twice", "%s", "");
        return AM_E_INVALID;
    }
    err = rest_judge(x->c, r, STR_NULL, 0, d);
    if (!err)
        err = rest_fits(x->c, ask, NULL, STR_NULL, d);
    if (!err && x->c->r->c.guard.see)
        err = rest_touch_same(x->c, type, id);
    if (err == AM_E_FORBIDDEN || err == AM_E_UNSUPPORTED || err == AM_E_INVALID) {
        if (!d->errors)
            diag_err(d, "", err == AM_E_FORBIDDEN ? "rest.forbidden" : "rest.invalid",
                     "%s", "");
        diag_clear(&x->c->d);
        return AM_E_INVALID;
    }
    return err ? err : map_set(&x->seen, str_c(name), 0);
}

static int import_put(struct import *x, struct json_doc *doc, struct diag *d)
{
    const struct json *r = json_root(doc);
    struct eds_ask ask = {.verb = EDS_CREATE,
                          .type = json_get_str(r, "resourceType"),
                          .id = json_get_str(r, "id"),
                          .body = r,
                          .keep = true};
    int err = import_check(x, &ask, d);
    if (!err && !x->g)
        err = eds_group_new(&x->g, x->c->r->c.eds);
    if (!err)
        err = eds_put(x->g, &ask, d);
    return err;
}

/* What refuses a line is said of it, not of the whole. */
static int import_local(struct import *x, const struct json *r, struct json_doc **out,
                        struct diag *d)
{
    int err = rest_local(x->c, r, out);
    if (!err || am_err_http(err) >= 500)
        return err;
    diag_merge(d, &x->c->d, "");
    diag_clear(&x->c->d);
    return err;
}

static int import_line(struct import *x, struct str line)
{
    struct json_doc *doc = NULL, *local = NULL;
    struct diag d;
    int err, status = x->c->status;
    diag_init(&d);
    err = json_parse(&doc, line,
                     &(struct json_limits){.size_b = EDS_BODY_MAX,
                                           .depth = REST_DEPTH + 4,
                                           .raw_numbers = true},
                     &d);
    if (!err)
        err = import_local(x, json_root(doc), &local, &d);
    x->c->status = status;
    if (local) {
        json_free(doc);
        doc = local;
    }
    if (!err)
        err = import_put(x, doc, &d);
    if (!err) {
        x->doc[x->docs++] = doc;
        doc = NULL;
    } else if (am_err_http(err) < 500 && d.errors)
        err = import_refuse(x, &d);
    json_free(doc);
    diag_release(&d);
    return !err && x->docs == IMPORT_GROUP ? import_flush(x) : err;
}

static void import_count(struct jw *w, const char *name, int64_t n)
{
    jw_obj(w);
    jw_kstrz(w, "name", name);
    jw_kint(w, "valueInteger", n);
    jw_obj_end(w);
}

static int import_answer(struct import *x)
{
    struct str refused = buf_str(&x->told);
    struct jw w;
    jw_init(&w, &x->c->out);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Parameters");
    jw_key(&w, "parameter");
    jw_arr(&w);
    import_count(&w, "created", x->created);
    import_count(&w, "existed", x->existed);
    import_count(&w, "refused-lines", x->refused);
    if (refused.n > 2) /* "[...]": its elements */
        jw_raw(&w, str_sub(refused, 1, refused.n - 1));
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}

static int import_all(struct import *x)
{
    struct str left = x->c->q->body;
    int err = AM_OK;
    jw_init(&x->w, &x->told);
    jw_arr(&x->w);
    while (left.n && !err) {
        struct str line = str_trim(str_cut(left, '\n', &left));
        x->line++;
        if (line.n)
            err = import_line(x, line);
    }
    if (!err)
        err = import_flush(x);
    jw_arr_end(&x->w);
    return err ? err : jw_done(&x->w);
}

int rest_h_import(struct rest_call *c)
{
    struct str media = rest_media(c, c->q->header[REST_H_CONTENT_TYPE]);
    struct import x = {.c = c};
    int err = rest_only(c, "");
    if (err)
        return err;
    if (!str_eqc(media, "application/fhir+ndjson") &&
        !str_eqc(media, "application/ndjson") && !str_eqc(media, "application/x-ndjson"))
        return rest_bad(c, AM_E_UNSUPPORTED, "Content-Type", "rest.ndjson", media);
    map_init(&x.seen);
    buf_init(&x.told, 16 << 20);
    err = import_all(&x);
    if (!err)
        err = import_answer(&x);
    else if (c->wrote && am_err_http(err) >= 500)
        err = AM_E_UNSURE; /* some of it is there: send it again */
    for (size_t i = 0; i < x.docs; i++)
        json_free(x.doc[i]);
    eds_group_free(x.g);
    map_release(&x.seen);
    buf_release(&x.told);
    return err;
}
