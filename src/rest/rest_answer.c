/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: a resource or an OperationOutcome, as JSON or XML, and the headers beside it.
 */
#include "fhir/xml.h"
#include "rest/rest_priv.h"

/* ---- headers ---- */
void rest_http_date(int64_t at, char out[40])
{
    static const char *const day[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t s = at / TIME_SECOND, of_day = s % 86400;
    int y, m, d;
    time_ymd(at, &y, &m, &d);
    snprintf(out, 40, "%s, %02d %s %04d %02d:%02d:%02d GMT", day[s / 86400 % 7], d & 63,
             month[(m - 1) % 12], y & 16383, (int)(of_day / 3600),
             (int)(of_day / 60 % 60), (int)(of_day % 60));
}

void rest_tags(struct rest_call *c, const struct eds_meta *m)
{
    snprintf(c->a->etag, sizeof c->a->etag, "W/\"%lld\"", (long long)m->ver);
    rest_http_date(m->at, c->a->modified);
    c->a->at = m->at;
}

void rest_located(struct rest_call *c, struct str type, struct str id, int64_t ver)
{
    snprintf(c->a->location, sizeof c->a->location, "%s/%.*s/%.*s/_history/%lld",
             c->r->c.base, STR_FMT(type), STR_FMT(id), (long long)ver);
}

/* ---- problems ---- */
int rest_bad(struct rest_call *c, int err, const char *path, const char *code,
             struct str what)
{
    diag_err(&c->d, path ? path : "", code, "%.*s", (int)AM_MIN(what.n, 200u),
             what.n ? what.p : "");
    return err;
}

int rest_say(void *cookie, struct buf *out, const struct diag_item *it)
{
    const struct rest_call *c = cookie;
    return text_problem(out, c->lang, it);
}

/* The word for an error nobody has said more of. */
static const char *rest_code(int err)
{
    switch (err) {
    case AM_E_NOTFOUND:
        return "rest.notfound";
    case AM_E_CONFLICT:
        return "rest.conflict";
    case AM_E_PRECONDITION:
        return "rest.precondition";
    case AM_E_UNAUTHORIZED:
        return "rest.login";
    case AM_E_FORBIDDEN:
        return "rest.forbidden";
    case AM_E_TOOBIG:
        return "rest.toobig";
    case AM_E_UNSUPPORTED:
        return "rest.unsupported";
    case AM_E_TOOMANY:
    case AM_E_UNAVAILABLE:
    case AM_E_NOMEM:
    case AM_E_TIMEOUT:
        return "rest.busy";
    case AM_E_UNSURE:
        return "rest.unsure";
    default:
        return am_err_http(err) < 500 ? "rest.invalid" : "rest.internal";
    }
}

int rest_outcome(struct rest_call *c, int err)
{
    struct jw w;
    int done;
    if (err && !c->d.errors)
        (void)rest_bad(c, err, "", rest_code(err), STR_NULL);
    buf_clear(&c->out);
    jw_init(&w, &c->out);
    done = fhir_outcome(&w, c->body, &c->d, rest_say, c);
    return done ? done : jw_done(&w);
}

static int rest_fail_status(struct rest_call *c, int err)
{
    int own = am_err_http(err); /* what is no mistake of the client's stays so */
    return own < 500 && c->status >= 400 ? c->status : own;
}

/* ---- the body in the form asked for ---- */
static int rest_reform(struct rest_call *c)
{
    const struct json_limits limits = {.size_b = c->r->c.told_max,
                                       .depth = REST_DEPTH + 40,
                                       .values = 40000000,
                                       .raw_numbers = true};
    struct json_doc *doc = NULL;
    struct jw w;
    int err = json_parse(&doc, buf_str(&c->out), &limits, NULL);
    if (!err && c->xml)
        err = fhir_xml_write(json_root(doc), &c->a->body, NULL);
    else if (!err) {
        jw_init(&w, &c->a->body);
        jw_pretty(&w);
        jw_val(&w, json_root(doc));
        err = jw_done(&w);
    }
    json_free(doc);
    return err;
}

static void rest_send(struct rest_call *c)
{
    int err = AM_OK;
    struct buf swap;
    buf_clear(&c->a->body);
    c->a->type = c->xml && !c->part
                     ? "application/fhir+xml; fhirVersion=4.0; charset=utf-8"
                     : "application/fhir+json; fhirVersion=4.0; charset=utf-8";
    if (c->media)
        c->a->type = c->media;
    if (!c->out.n)
        return;
    if (!c->part && !c->media && (c->xml || c->pretty))
        err = rest_reform(c);
    else { /* the memory changes hands */
        swap = c->a->body;
        c->a->body = c->out;
        c->out = swap;
    }
    if (err) {
        LOG_E("rest.answer", log_err(err));
        buf_clear(&c->a->body);
        c->a->status = am_err_http(err) < 500 ? 500 : am_err_http(err);
    }
}

void rest_finish(struct rest_call *c, int err)
{
    struct rest_answer *a = c->a;
    a->language = text_lang_code(c->lang);
    if (err) {
        c->media = NULL;
        a->status = rest_fail_status(c, err);
        if (a->status >= 500)
            LOG_E("rest.error", log_err(err));
        a->etag[0] = a->modified[0] = a->location[0] = 0;
        a->at = 0;
        if (rest_outcome(c, err))
            buf_clear(&c->out); /* the status still says it */
    } else
        a->status = c->status ? c->status : 200;
    rest_send(c);
}

/* ---- what a handler answers with ---- */
int rest_tell(struct rest_call *c, struct buf *out, struct str text)
{
    struct json_doc *doc = NULL;
    struct jw w;
    int err;
    if (!rest_trims(&c->trim))
        return buf_add(out, text);
    err = json_parse(
        &doc, text,
        &(struct json_limits){.size_b = 2 * EDS_BODY_MAX, .raw_numbers = true}, NULL);
    if (!err) {
        jw_init(&w, out);
        rest_trim(&w, json_root(doc), &c->trim);
        err = jw_done(&w);
    }
    json_free(doc);
    return err;
}

int rest_written(struct rest_call *c, const struct eds_done *done, struct str type)
{
    struct eds_meta m = {.ver = done->ver, .at = done->at};
    int err = AM_OK;
    char id[EDS_ID_MAX + 1];
    c->wrote = true;
    c->status = done->did == EDS_CREATED ? 201 : 200;
    rest_tags(c, &m);
    rest_located(c, type, done->id, done->ver);
    snprintf(id, sizeof id, "%.*s", STR_FMT(done->id));
    if (rest_seen(c, type, id))
        return AM_E_UNSURE;
    if (c->ret == REST_MINIMAL)
        return AM_OK;
    if (c->ret == REST_OUTCOME)
        return rest_outcome(c, AM_OK);
    err = eds_read(c->r->c.eds, type, done->id, done->ver, &c->out, NULL);
    if (err)
        return AM_E_UNSURE; /* it is written, and cannot be shown */
    return AM_OK;
}
