/* SPDX-License-Identifier: Apache-2.0 */
/* Patient/[id]/$summary: the International Patient Summary as a document (HL7 IPS 1.1):
 * a Composition, the patient, and what stands in its sections.
 *
 * The three sections the IPS requires are always there; where the record holds nothing
 * for one, its emptyReason is `unavailable`: that nothing is written does not mean that
 * there is nothing (nilknown would say so, and only a person can). The others are there
 * where the record has something for them. What stands where: rest_summary_pick.c. */
#include "base/map.h"
#include "rest/rest_summary.h"

struct summary_entry {
    enum summary_section section; /* SUMMARY_SECTIONS: brought along */
    struct str name, text;        /* "Type/id"; what the narrative says */
    size_t from, to;              /* of the bodies */
    int64_t at;                   /* results: the date */
    bool out;                     /* an older result */
};
struct summary {
    struct rest_call *c;
    struct eds_view *v;
    VEC(struct summary_entry) entry;
    struct map newest; /* code of a result to its entry */
    struct map there;  /* names of entries */
    struct buf bodies;
    struct jw w;
};

/* ---- gathering ---- */
static int summary_keep(struct summary *s, enum summary_section section,
                        const struct json *r, struct str body)
{
    struct summary_entry e = {.section = section, .from = s->bodies.n};
    const char *name =
        arena_printf(&s->c->arena, "%.*s/%.*s", STR_FMT(json_get_str(r, "resourceType")),
                     STR_FMT(json_get_str(r, "id")));
    int err = name ? map_set(&s->there, str_c(name), s->entry.n) : AM_E_NOMEM;
    if (!err)
        err = rest_summary_text(&s->c->arena, r, &e.text);
    if (!err)
        err = buf_add(&s->bodies, body);
    if (err)
        return err;
    e.name = str_c(name);
    e.to = s->bodies.n;
    return vec_push(&s->entry, e);
}

/* Of observations with one code the newest by date stays. */
static int summary_newest(struct summary *s, const struct json *r)
{
    const struct json *coding = json_at(json_get(json_get(r, "code"), "coding"), 0);
    struct str when = rest_summary_when(r);
    const char *key =
        arena_printf(&s->c->arena, "%.*s|%.*s", STR_FMT(json_get_str(coding, "system")),
                     STR_FMT(coding ? json_get_str(coding, "code")
                                    : rest_summary_concept(json_get(r, "code"))));
    struct summary_entry *e = &s->entry.v[s->entry.n - 1];
    size_t old;
    int64_t hi;
    if (!key)
        return AM_E_NOMEM;
    e->at = INT64_MIN;
    if (when.n && fhir_date_interval(when, &e->at, &hi))
        e->at = INT64_MIN;
    if (map_get(&s->newest, str_c(key), &old))
        return map_set(&s->newest, str_c(key), s->entry.n - 1);
    if (s->entry.v[old].at >= e->at) {
        e->out = true;
        return AM_OK;
    }
    s->entry.v[old].out = true;
    return map_set(&s->newest, str_c(key), s->entry.n - 1);
}

static int summary_fetch(struct summary *s, int64_t rid, struct buf *body,
                         struct json_doc **doc)
{
    int err;
    buf_clear(body);
    err = eds_fetch(s->v, rid, body, NULL);
    return err ? err : rest_json(s->c, buf_str(body), doc);
}

/* What a prescription prescribes or a patient wears, where that is a resource of its own:
 * it comes along, and names what has no name. */
static int summary_along(struct summary *s, const struct json *r)
{
    struct str version, id,
        name =
            fhir_reference_name(rest_summary_thing(r), str_c(s->c->r->c.base), &version),
        type = str_cut(name, '/', &id);
    size_t of = s->entry.n - 1;
    struct json_doc *doc = NULL;
    struct buf body;
    int64_t rid;
    bool yes = false;
    int err;
    if (!str_eqc(type, "Medication") && !str_eqc(type, "Device"))
        return AM_OK;
    err = eds_find(s->v, type, id, &rid);
    if (!err)
        err = rest_op_sees(s->c, s->v, rid, &yes);
    if (err || !yes)
        return err == AM_E_NOTFOUND ? AM_OK : err;
    buf_init(&body, 2 * EDS_BODY_MAX);
    err = summary_fetch(s, rid, &body, &doc);
    if (!err && !s->entry.v[of].text.n)
        err = rest_summary_text(&s->c->arena, json_root(doc), &s->entry.v[of].text);
    if (!err && !map_has(&s->there, name))
        err = summary_keep(s, SUMMARY_SECTIONS, json_root(doc), buf_str(&body));
    json_free(doc);
    buf_release(&body);
    return err;
}

static int summary_member(struct summary *s, const struct rest_member *m,
                          struct buf *body)
{
    enum summary_section section = SUMMARY_SECTIONS;
    struct json_doc *doc = NULL;
    bool yes = false;
    int err = rest_summary_type(m->type) ? rest_op_sees(s->c, s->v, m->rid, &yes) : AM_OK;
    if (err || !yes)
        return err;
    err = summary_fetch(s, m->rid, body, &doc);
    if (!err)
        section = rest_summary_pick(json_root(doc));
    if (section != SUMMARY_SECTIONS) {
        err = summary_keep(s, section, json_root(doc), buf_str(body));
        if (!err && str_eqc(m->type, "Observation"))
            err = summary_newest(s, json_root(doc));
        else if (!err)
            err = summary_along(s, json_root(doc));
    }
    json_free(doc);
    return err;
}

/* ---- telling ---- */
/* By the whole address: the Composition has none here that a relative one could be
 * taken from. */
static void summary_reference(const struct summary *s, struct jw *w, struct str name)
{
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "%s/%.*s", s->c->r->c.base, STR_FMT(name));
    jw_obj_end(w);
}

static void summary_loinc(struct jw *w, const char *key, const char *code)
{
    jw_key(w, key);
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "system", "http://loinc.org");
    jw_kstrz(w, "code", code);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
}

static int summary_html(struct buf *b, struct str s)
{
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err; i++)
        err = s.p[i] == '<'   ? buf_adds(b, "&lt;")
              : s.p[i] == '>' ? buf_adds(b, "&gt;")
              : s.p[i] == '&' ? buf_adds(b, "&amp;")
                              : buf_addc(b, s.p[i]);
    return err;
}

static int summary_narrative(struct summary *s, enum summary_section section, bool any)
{
    struct buf b;
    int err;
    buf_init(&b, 16 << 20);
    err = buf_addf(&b,
                   "<div xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"%s\" dir=\"%s\">",
                   text_lang_code(s->c->lang), text_lang_dir(s->c->lang));
    if (!err && !any) {
        err = buf_adds(&b, "<p>");
        if (!err)
            err = summary_html(&b, text_get(s->c->lang, "summary.unavailable"));
        if (!err)
            err = buf_adds(&b, "</p>");
    } else if (!err)
        err = buf_adds(&b, "<ul>");
    for (size_t i = 0; i < s->entry.n && !err; i++) {
        const struct summary_entry *e = &s->entry.v[i];
        if (e->section != section || e->out)
            continue;
        err = buf_adds(&b, "<li>");
        if (!err)
            err = summary_html(&b, e->text.n ? e->text : e->name);
        if (!err)
            err = buf_adds(&b, "</li>");
    }
    if (!err)
        err = buf_adds(&b, any ? "</ul></div>" : "</div>");
    jw_key(&s->w, "text");
    jw_obj(&s->w);
    jw_kstrz(&s->w, "status", "generated");
    jw_kstr(&s->w, "div", buf_str(&b));
    jw_obj_end(&s->w);
    buf_release(&b);
    return err;
}

static int summary_section_tell(struct summary *s, enum summary_section section)
{
    struct jw *w = &s->w;
    bool any = false;
    int err;
    for (size_t i = 0; i < s->entry.n; i++)
        any |= s->entry.v[i].section == section && !s->entry.v[i].out;
    if (!any && !rest_summary_section[section].required)
        return AM_OK;
    jw_obj(w);
    jw_kstr(w, "title", text_get(s->c->lang, rest_summary_section[section].title));
    summary_loinc(w, "code", rest_summary_section[section].loinc);
    err = summary_narrative(s, section, any);
    if (any) {
        jw_key(w, "entry");
        jw_arr(w);
        for (size_t i = 0; i < s->entry.n; i++)
            if (s->entry.v[i].section == section && !s->entry.v[i].out)
                summary_reference(s, w, s->entry.v[i].name);
        jw_arr_end(w);
    } else {
        jw_key(w, "emptyReason");
        jw_obj(w);
        jw_key(w, "coding");
        jw_arr(w);
        jw_obj(w);
        jw_kstrz(w, "system", "http://terminology.hl7.org/CodeSystem/list-empty-reason");
        jw_kstrz(w, "code", "unavailable");
        jw_obj_end(w);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_obj_end(w);
    return err;
}

static void summary_entry_begin(struct jw *w, const char *base, struct str name)
{
    jw_obj(w);
    jw_key(w, "fullUrl");
    jw_strf(w, "%s%.*s", base, STR_FMT(name));
    jw_key(w, "resource");
}

static int summary_composition(struct summary *s, const char *id, const char *device,
                               const char *now)
{
    struct jw *w = &s->w;
    int err = AM_OK;
    summary_entry_begin(w, "urn:uuid:", str_c(id));
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Composition");
    jw_kstrz(w, "id", id);
    jw_kstrz(w, "language", text_lang_code(s->c->lang));
    jw_kstrz(w, "status", "final");
    summary_loinc(w, "type", "60591-5");
    jw_key(w, "subject");
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "%s/Patient/%.*s", s->c->r->c.base, STR_FMT(s->c->id));
    jw_obj_end(w);
    jw_kstrz(w, "date", now);
    jw_key(w, "author");
    jw_arr(w);
    jw_obj(w);
    jw_key(w, "reference");
    jw_strf(w, "urn:uuid:%s", device);
    jw_obj_end(w);
    jw_arr_end(w);
    jw_kstr(w, "title", text_get(s->c->lang, "summary.title"));
    jw_key(w, "section");
    jw_arr(w);
    for (int i = 0; i < SUMMARY_SECTIONS && !err; i++)
        err = summary_section_tell(s, (enum summary_section)i);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
    return err;
}

static void summary_author(struct jw *w, const char *device)
{
    summary_entry_begin(w, "urn:uuid:", str_c(device));
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Device");
    jw_kstrz(w, "id", device);
    jw_key(w, "deviceName");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "name", "Amane " AMANE_VERSION);
    jw_kstrz(w, "type", "manufacturer-name");
    jw_obj_end(w);
    jw_arr_end(w);
    jw_obj_end(w);
    jw_obj_end(w);
}

static int summary_entry_tell(struct summary *s, struct str name, struct str body)
{
    const char *base = arena_printf(&s->c->arena, "%s/", s->c->r->c.base);
    struct str id, type = str_cut(name, '/', &id);
    char text[EDS_ID_MAX + 1];
    if (!base)
        return AM_E_NOMEM;
    summary_entry_begin(&s->w, base, name);
    jw_raw(&s->w, body);
    jw_obj_end(&s->w);
    snprintf(text, sizeof text, "%.*s", STR_FMT(id));
    return rest_seen(s->c, type, text);
}

static int summary_bundle(struct summary *s, struct str patient)
{
    struct str name =
        str_c(arena_printf(&s->c->arena, "Patient/%.*s", STR_FMT(s->c->id)));
    char id[37], device[37], bundle[37], now[TIME_TEXT];
    struct jw *w = &s->w;
    int err = eds_new_id(id);
    if (!err)
        err = eds_new_id(device);
    if (!err)
        err = eds_new_id(bundle);
    if (err || !name.p)
        return err ? err : AM_E_NOMEM;
    time_format(time_now(), now);
    jw_init(w, &s->c->out);
    jw_obj(w);
    jw_kstrz(w, "resourceType", "Bundle");
    jw_key(w, "identifier");
    jw_obj(w);
    jw_kstrz(w, "system", "urn:ietf:rfc:3986");
    jw_key(w, "value");
    jw_strf(w, "urn:uuid:%s", bundle);
    jw_obj_end(w);
    jw_kstrz(w, "type", "document");
    jw_kstrz(w, "timestamp", now);
    jw_key(w, "entry");
    jw_arr(w);
    err = summary_composition(s, id, device, now);
    if (!err)
        err = summary_entry_tell(s, name, patient);
    for (size_t i = 0; i < s->entry.n && !err; i++) {
        const struct summary_entry *e = &s->entry.v[i];
        if (!e->out)
            err = summary_entry_tell(s, e->name,
                                     str_sub(buf_str(&s->bodies), e->from, e->to));
    }
    summary_author(w, device);
    jw_arr_end(w);
    jw_obj_end(w);
    return err ? err : jw_done(w);
}

static int summary_gather(struct summary *s)
{
    struct rest_members part = {0};
    struct buf body;
    int err = rest_compartment(s->c, s->v, s->c->id, INT64_MAX, &part);
    buf_init(&body, 2 * EDS_BODY_MAX);
    for (size_t i = 0; i < part.n && !err; i++)
        err = summary_member(s, &part.v[i], &body);
    buf_release(&body);
    vec_release(&part);
    return err;
}

static int summary_in(struct eds_view *v, void *arg)
{
    struct summary *s = arg;
    struct eds_meta m;
    struct buf patient;
    bool yes = true;
    int err;
    s->v = v;
    buf_init(&patient, 2 * EDS_BODY_MAX);
    err = eds_get(v, STR("Patient"), s->c->id, 0, &patient, &m);
    if (!err)
        err = rest_op_sees(s->c, v, m.rid, &yes);
    if (err == AM_E_NOTFOUND || (!err && (!yes || m.gone)))
        err = rest_bad(s->c, AM_E_NOTFOUND, "", "rest.notfound", s->c->id);
    if (!err)
        err = summary_gather(s);
    if (!err)
        err = summary_bundle(s, buf_str(&patient));
    buf_release(&patient);
    return err;
}

int rest_h_summary(struct rest_call *c)
{
    struct summary s = {.c = c};
    int err = rest_op_params(c);
    if (!err)
        err = rest_only(c, "");
    if (!err && rest_trims(&c->trim)) /* a document is whole */
        err = rest_bad(c, AM_E_SYNTAX, "", "rest.value", STR_NULL);
    if (err)
        return err;
    c->a->vary = true; /* its titles are in the reader's language */
    map_init(&s.newest);
    map_init(&s.there);
    buf_init(&s.bodies, c->r->c.told_max);
    err = eds_view(c->r->c.eds, summary_in, &s);
    map_release(&s.newest);
    map_release(&s.there);
    vec_release(&s.entry);
    buf_release(&s.bodies);
    return err;
}
