/* SPDX-License-Identifier: Apache-2.0 */
/* What models say, when it is written (design/fhir.md, section 7).
 *
 * A resource labelled AIAST is open until a clinician stands for it: then its status is
 * final, amended or corrected, or the label is gone. What is there counts as well as what
 * is written, a deleted version by the one before it: the label is never lost by the way.
 *
 *   who                    may write                 with, in the same transaction
 *   a service              an open one that never    a Provenance of it whose author or
 *                          was, status preliminary   assembler is a Device
 *   an account that may    an open one               a Provenance of it
 *   validate predictions   one stood for             the same, with a Device as above,
 * and himself, alone, as its verifier anybody else           nothing
 *
 * So an interaction that is not an entry of a transaction writes none. Nobody is named
 * verifier of what is labelled but by himself. A Provenance's own label says that it is
 * about a model: it is of its targets, not one of them. */
#include "door/door_priv.h"

enum { MACHINE_TARGETS = 64 }; /* of a Provenance with a verifier */

bool door_tagged(const struct json *resource)
{
    for (json_each(it, json_get(json_get(resource, "meta"), "security")))
        if (json_str_is(json_get(it.val, "code"), "AIAST"))
            return true;
    return false;
}

bool door_labelled(const struct json *resource)
{
    return !json_str_is(json_get(resource, "resourceType"), "Provenance") &&
           door_tagged(resource);
}

bool door_open(const struct json *resource)
{
    static const char *const said[] = {"final", "amended", "corrected"};
    if (!door_labelled(resource))
        return false;
    for (size_t i = 0; i < AM_LEN(said); i++)
        if (json_str_is(json_get(resource, "status"), said[i]))
            return false;
    return true;
}

/* ---- what is there ---- */
struct machine_before {
    int64_t ver; /* 0: there never was one */
    bool labelled;
};

static int machine_before(const struct door *d, struct str type, struct str id,
                          struct machine_before *b)
{
    struct json_doc *doc = NULL;
    struct eds_meta m = {.ver = 0};
    struct buf text;
    int err;
    *b = (struct machine_before){0};
    if (!id.n)
        return AM_OK;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_read(d->eds, type, id, 0, &text, &m);
    if (!err && m.gone && !m.erased && m.ver > 1) {
        err = eds_read(d->eds, type, id, m.ver - 1, &text, NULL);
        err = err == AM_E_NOTFOUND ? AM_OK : err; /* erased: it says nothing more */
    }
    /* Most bodies are no model's: not parsed. */
    if (!err && text.n &&
        (memmem(text.p, text.n, "AIAST", 5) || memmem(text.p, text.n, "\\u", 2)))
        err = json_parse(&doc, buf_str(&text), NULL, NULL);
    if (!err)
        *b = (struct machine_before){m.ver, doc && door_labelled(json_root(doc))};
    json_free(doc);
    buf_release(&text);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* ---- a Provenance of the transaction ---- */
/* One that is written whatever is found there. */
static bool machine_written(const struct json *entry)
{
    const struct json *request = json_get(entry, "request");
    struct str url = json_get_str(request, "url");
    return json_str_is(json_get(json_get(entry, "resource"), "resourceType"),
                       "Provenance") &&
           ((json_str_is(json_get(request, "method"), "POST") &&
             !json_get(request, "ifNoneExist")) ||
            (json_str_is(json_get(request, "method"), "PUT") && url.n &&
             !memchr(url.p, '?', url.n)));
}

/* "Type/id", or that version of it which is about to be. */
static bool machine_named(const struct door *d, struct str ref, const struct rest_fit *f,
                          int64_t next)
{
    struct str rest, type, id;
    int64_t ver;
    if (f->full_url.n && str_eq(ref, f->full_url))
        return true;
    type = str_cut(door_below(d, ref), '/', &rest);
    id = str_cut(rest, '/', &rest);
    if (!f->ask->id.n || !str_eq(type, f->ask->type) || !str_eq(id, f->ask->id))
        return false;
    return !rest.n ||
           (str_starts(rest, STR("_history/")) &&
            !str_int(str_sub(rest, 9, rest.n), 1, INT64_MAX, &ver) && ver == next);
}

static bool machine_type(const struct json *agent, const char *code)
{
    for (json_each(it, json_get(json_get(agent, "type"), "coding")))
        if (json_str_is(json_get(it.val, "code"), code))
            return true;
    return false;
}

static bool machine_device(const struct door *d, const struct json *group,
                           const struct json *agent)
{
    struct str who = json_get_str(json_get(agent, "who"), "reference");
    if (!machine_type(agent, "author") && !machine_type(agent, "assembler"))
        return false;
    if (str_starts(door_below(d, who), STR("Device/")))
        return true;
    for (json_each(it, json_get(group, "entry")))
        if (who.n && str_eq(json_get_str(it.val, "fullUrl"), who))
            return json_str_is(json_get(json_get(it.val, "resource"), "resourceType"),
                               "Device");
    return false;
}

static bool machine_himself(const struct door_caller *c, const struct json *agent)
{
    static const char *const as[] = {"Practitioner/", "PractitionerRole/"};
    struct str who =
        door_below(c->door, json_get_str(json_get(agent, "who"), "reference"));
    for (size_t i = 0; i < AM_LEN(as) && !c->service; i++)
        if (str_starts(who, str_c(as[i])))
            return str_eqc(str_sub(who, strlen(as[i]), who.n), c->who.pseudonym);
    return false;
}

struct machine_said {            /* by the Provenances of the transaction that name it */
    bool named, device, himself; /* himself: its verifier; machine_vouched(): alone */
};

static struct machine_said machine_said(const struct door_caller *c,
                                        const struct rest_fit *f, int64_t next)
{
    struct machine_said s = {false, false, false};
    for (json_each(e, json_get(f->group, "entry"))) {
        const struct json *p = json_get(e.val, "resource");
        struct machine_said one = {false, false, false};
        if (!machine_written(e.val))
            continue;
        for (json_each(t, json_get(p, "target")))
            one.named = one.named ||
                        machine_named(c->door, json_get_str(t.val, "reference"), f, next);
        for (json_each(a, json_get(p, "agent"))) {
            one.device = one.device || machine_device(c->door, f->group, a.val);
            one.himself = one.himself ||
                          (machine_type(a.val, "verifier") && machine_himself(c, a.val));
        }
        if (!one.named)
            continue;
        s.named = true;
        s.device = s.device || one.device;
        s.himself = s.himself || (one.himself && one.device);
    }
    return s;
}

/* ---- a Provenance by itself: who is its verifier ---- */
/* Names in a Bundle may be of what has none yet: something labelled in it is meant. */
static bool machine_in(const struct json *group)
{
    for (json_each(it, json_get(group, "entry")))
        if (door_labelled(json_get(it.val, "resource")))
            return true;
    return false;
}

static int machine_target(const struct door *d, struct str ref, bool *labelled)
{
    struct machine_before b;
    struct str rest, type, id;
    int err;
    type = str_cut(door_below(d, ref), '/', &rest);
    id = str_cut(rest, '/', &rest);
    if (!eds_id_ok(id))
        return AM_OK;
    err = machine_before(d, type, id, &b);
    *labelled = !err && b.labelled;
    return err;
}

static int machine_vouched(const struct door_caller *c, const struct rest_fit *f)
{
    const struct json *p = f->ask->body, *target = json_get(p, "target");
    bool verifies = false, another = false, labelled = machine_in(f->group);
    int err = AM_OK;
    for (json_each(a, json_get(p, "agent")))
        if (machine_type(a.val, "verifier")) {
            verifies = true;
            another = another || !machine_himself(c, a.val);
        }
    if (!verifies ||
        (!another && auth_role_may(c->who.role, str_c(c->who.function), AUTH_VALIDATE)))
        return AM_OK;
    if (json_size(target) > MACHINE_TARGETS)
        return AM_E_FORBIDDEN;
    for (json_each(t, target))
        if (!err && !labelled)
            err = machine_target(c->door, json_get_str(t.val, "reference"), &labelled);
    return err ? err : labelled ? AM_E_FORBIDDEN : AM_OK;
}

/* ---- the rule ---- */
static int machine_lacks(struct diag *d, const char *code)
{
    diag_err(d, "/meta/security", code, "%s", "");
    return AM_E_INVALID;
}

static int machine_by_service(const struct rest_fit *f, const struct machine_before *b,
                              const struct machine_said *s, bool open, struct diag *d)
{
    if (b->ver || !open || !json_str_is(json_get(f->ask->body, "status"), "preliminary"))
        return AM_E_FORBIDDEN;
    return s->named && s->device ? AM_OK : machine_lacks(d, "door.provenance");
}

/* Judged for this version, and written upon no other. */
static int machine_bind(struct eds_ask *ask, int64_t ver)
{
    if (ask->judged && ask->judged != ver + 1)
        return AM_E_CONFLICT; /* rest looked at another */
    ask->judged = ver + 1;
    return AM_OK;
}

int door_machine_fit(struct door_caller *c, const struct rest_fit *f, struct diag *d)
{
    const struct json *r = f->ask->body;
    bool labelled = door_labelled(r), open = door_open(r);
    struct machine_before b;
    struct machine_said s;
    int err;
    if (json_str_is(json_get(r, "resourceType"), "Provenance"))
        return machine_vouched(c, f);
    err =
        machine_before(c->door, f->ask->type, f->ask->fresh ? STR_NULL : f->ask->id, &b);
    if (!err && f->ask->verb == EDS_UPDATE)
        err = machine_bind(f->ask, b.ver);
    if (err || (!labelled && !b.labelled))
        return err;
    s = machine_said(c, f, b.ver + 1);
    if (c->service)
        return machine_by_service(f, &b, &s, open, d);
    if (!auth_role_may(c->who.role, str_c(c->who.function), AUTH_VALIDATE))
        return AM_E_FORBIDDEN;
    if (!s.named)
        return machine_lacks(d, open ? "door.provenance" : "door.verifier");
    return open || s.himself ? AM_OK : machine_lacks(d, "door.verifier");
}
