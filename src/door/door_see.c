/* SPDX-License-Identifier: Apache-2.0 */
/* The visibility predicate: one answer for what is read, found, included, chained
 * through, told of the past, exported, and for what is changed or written. */
#include "door/door_priv.h"

/* ---- a version's facts ---- */
/* The version before a deletion says whose it was; where that was erased, nothing does.
 */
static int see_text(const struct rest_look *l, struct buf *text, int64_t *ver)
{
    struct eds_meta m = {.ver = l->ver};
    int err;
    if (l->gone)
        err = l->ver > 1 ? eds_get(l->view, l->type, l->id, l->ver - 1, text, &m)
                         : AM_E_NOTFOUND;
    else
        err = l->body.n ? buf_add(text, l->body) : eds_fetch(l->view, l->rid, text, &m);
    *ver = m.ver;
    return !err && !text->n ? AM_E_NOTFOUND : err;
}

struct see {
    struct door_caller *c;
    struct eds_view *view;
    const struct json *resource;
    int64_t ver; /* of that; 0: not read */
    struct door_facts f;
    enum door_reach reach;
};

/* ---- the judgement ---- */
static bool see_of_nobody(const struct see *s)
{
    struct str type = str_c(s->f.type);
    if (s->f.many)
        return true;
    if (!s->view && str_eqc(type, "Provenance"))
        return false; /* written: of what is written with it, which is asked too */
    return !s->f.patients && fhir_compartment_has(STR("Patient"), type);
}

/* What was not understood opposes all but those in care of him. */
static bool see_opposed(const struct door_caller *c, unsigned bits)
{
    bool cares = (bits & DOOR_RELATED) || auth_in_service(&c->who, STR("*"));
    return (bits & DOOR_OPPOSED) || ((bits & DOOR_UNCLEAR) && !cares);
}

struct see_crowd {
    const struct see *s;
    size_t n;
    bool *yes;
};

static int see_crowd_one(void *arg, struct str id)
{
    struct see_crowd *k = arg;
    unsigned bits;
    int err = AM_OK;
    if (k->n++ < DOOR_CROWD)
        err = door_patient(k->s->c, k->s->view, id, false, &bits);
    if (!err && (k->n > DOOR_CROWD || see_opposed(k->s->c, bits)))
        *k->yes = false;
    return err ? err : *k->yes ? AM_OK : 1;
}

/* Of more than the facts hold each is asked; those that only others would tell, beyond
 * what is read to find out, are not known not to oppose. */
static int see_crowd(const struct see *s, bool *yes)
{
    struct see_crowd k = {.s = s, .yes = yes};
    int err;
    if (!s->resource || s->f.follow) {
        *yes = false;
        return AM_OK;
    }
    err = door_facts_each(s->resource, s->c->door, see_crowd_one, &k);
    return err > 0 ? AM_OK : err;
}

static int see_patients(const struct see *s, bool *yes)
{
    struct door_caller *c = s->c;
    /* Who keeps the oppositions has to see them. */
    bool law = str_eqc(str_c(s->f.type), "Consent"), glass = c->reason[0] != 0;
    bool care = s->reach == DOOR_CARE && !glass;
    int err = AM_OK;
    if (care && see_of_nobody(s))
        *yes = auth_in_service(&c->who, STR("*"));
    for (size_t i = 0; i < s->f.patients && *yes && !err; i++) {
        unsigned bits;
        err = door_patient(c, s->view, str_c(s->f.patient[i]), care, &bits);
        if (!err && ((care && !(bits & DOOR_RELATED)) ||
                     (!glass && !law && !c->files && see_opposed(c, bits))))
            *yes = false;
    }
    if (*yes && !err && s->f.crowd && !glass && !law && !c->files)
        err = see_crowd(s, yes);
    return err;
}

static bool see_may(struct see *s, unsigned verbs)
{
    return (door_may_verbs(s->c, str_c(s->f.type), &s->reach) & verbs) == verbs;
}

static int see_judge(struct see *s, unsigned verbs, bool *yes)
{
    struct door_caller *c = s->c;
    int err = AM_OK;
    *yes = see_may(s, verbs);
    if (*yes && c->service)
        err = door_scope_sees(&c->scopes, str_c(s->f.type), verbs, s->resource, yes);
    if (*yes && s->f.machine)
        *yes = c->command
                   ? c->glass
                   : !c->service && auth_role_may(c->who.role, str_c(c->who.function),
                                                  AUTH_VALIDATE);
    return *yes && !err ? see_patients(s, yes) : err;
}

/* ---- whose it was, for the record ---- */
static int see_remember(const struct see *s, struct str id)
{
    const struct door_facts *f = &s->f;
    struct door_caller *c = s->c;
    struct door_looked *l;
    char name[132];
    int n = snprintf(name, sizeof name, "%s/%.*s", f->type, STR_FMT(id));
    if (c->n_looked < DOOR_LOOKED && c->n_looked == c->cap_looked) {
        size_t cap = c->cap_looked ? AM_MIN(4 * c->cap_looked, DOOR_LOOKED) : 32;
        struct door_looked *more = am_realloc(c->looked, cap, sizeof *more);
        if (!more)
            return AM_E_NOMEM;
        c->looked = more;
        c->cap_looked = cap;
    }
    l = &c->looked[c->n_looked++ % DOOR_LOOKED];
    l->name = str_hash((struct str){name, (size_t)n});
    l->patients = (unsigned char)f->patients;
    l->ver = s->ver;
    l->crowd = f->crowd;
    for (size_t i = 0; i < f->patients; i++)
        memcpy(l->patient[i], f->patient[i], sizeof l->patient[i]);
    return AM_OK;
}

static unsigned see_verbs(const struct rest_look *l)
{
    const struct door_caller *c = l->who;
    return l->change == REST_UPDATES   ? (unsigned)DOOR_U
           : l->change == REST_DELETES ? (unsigned)DOOR_D
                                       : c->looks;
}

static int see_known(struct see *s, unsigned verbs, const char *id, bool *yes)
{
    int err = see_judge(s, verbs, yes);
    return !err && *yes ? see_remember(s, str_c(id)) : err;
}

int door_see(void *arg, const struct rest_look *l, bool *yes)
{
    struct door_caller *c = l->who;
    struct see s = {.c = c, .view = l->view};
    struct json_doc *doc = NULL;
    char id[EDS_ID_MAX + 1];
    struct buf text;
    uint64_t epoch;
    int err;
    (void)arg;
    *yes = false;
    if (!c)
        return AM_OK;
    epoch = eds_epoch(l->view, l->rid);
    /* Parts of a type want the body itself. */
    if (!l->gone && !door_scope_parts(&c->scopes) &&
        door_known_get(c->door->known, epoch, l->rid, &s.f, id))
        return see_known(&s, see_verbs(l), id, yes);
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = see_text(l, &text, &s.ver);
    if (!err)
        err = json_parse(&doc, buf_str(&text), NULL, NULL);
    if (!err) {
        s.resource = json_root(doc);
        door_facts(s.resource, c->door, &s.f);
        if (see_may(&s, see_verbs(l))) /* else whosever it is */
            err = door_whose(c->door, l->view, s.resource, &s.f);
        snprintf(id, sizeof id, "%.*s", STR_FMT(json_get_str(s.resource, "id")));
        if (!l->gone && !s.f.crowd) /* of a crowd the body is wanted again */
            door_known_put(c->door->known, epoch, l->rid, &s.f, str_c(id));
    }
    if (!err)
        err = see_known(&s, see_verbs(l), id, yes);
    json_free(doc);
    buf_release(&text);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

/* ---- what is written ---- */
static int fit_remember(struct door_caller *c, const char *id)
{
    if (map_has(&c->wrote_at, str_c(id)))
        return AM_OK;
    if (c->n_wrote == c->cap_wrote) {
        size_t cap = c->cap_wrote ? 2 * c->cap_wrote : 4;
        void *more = am_realloc(c->wrote, cap, sizeof *c->wrote);
        if (!more)
            return AM_E_NOMEM;
        c->wrote = more;
        c->cap_wrote = cap;
    }
    snprintf(c->wrote[c->n_wrote], sizeof *c->wrote, "%s", id);
    return map_set(&c->wrote_at, str_c(id), c->n_wrote++);
}

struct fit_file {
    struct door_caller *c;
    struct str id;
    bool yes;
};

static int fit_file_in(struct eds_view *v, void *arg)
{
    struct fit_file *k = arg;
    struct rest_look l = {.who = k->c, .view = v, .type = STR("Binary"), .id = k->id};
    struct eds_meta m = {.ver = 0};
    unsigned looks = k->c->looks;
    struct buf text;
    int err;
    buf_init(&text, 2 * EDS_BODY_MAX);
    err = eds_get(v, l.type, l.id, 0, &text, &m);
    l.rid = m.rid;
    l.ver = m.ver;
    l.gone = m.gone;
    l.body = buf_str(&text);
    k->c->looks = DOOR_R;
    k->yes = err == AM_E_NOTFOUND || m.erased; /* nothing to be seen */
    if (!err && !k->yes)
        err = door_see(NULL, &l, &k->yes);
    k->c->looks = looks;
    buf_release(&text);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int fit_file_alone(struct diag *d, const char *at)
{
    diag_err(d, at, "door.file", "%s", "");
    return AM_E_FORBIDDEN;
}

/* Whose such a file is nobody says: nobody in care would ever see it. */
static bool fit_lone_file(const struct door_caller *c, const struct rest_fit *f,
                          const struct see *s)
{
    bool new = f->ask->verb == EDS_CREATE || f->ask->judged == 1;
    return new && !c->service && !f->group &&
           !s->f.patients &&str_eqc(str_c(s->f.type), "Binary");
}

/* A document makes the file it names one of its patient (door_whose.c): whose file it is
 * that nobody names so yet, who writes the document may not say unless he sees it. Of a
 * service not asked: it reaches all, and may be one that files and reads nothing. */
static int fit_files(struct door_caller *c, const struct json *r, struct diag *d)
{
    int err = AM_OK;
    if (c->service || !str_eqc(json_get_str(r, "resourceType"), "DocumentReference"))
        return AM_OK;
    for (json_each(it, json_get(r, "content"))) {
        struct str rest, url = json_get_str(json_get(it.val, "attachment"), "url");
        struct str type = str_cut(door_below(c->door, url), '/', &rest);
        struct fit_file k = {.c = c, .id = str_cut(rest, '/', &rest)};
        if (err || !str_eqc(type, "Binary") || !eds_id_ok(k.id))
            continue;
        err = eds_view(c->door->eds, fit_file_in, &k);
        if (!err && !k.yes)
            err = fit_file_alone(d, "/content");
    }
    return err;
}

int door_fit(void *arg, const struct rest_fit *f, struct diag *d)
{
    struct door_caller *c = f->who;
    struct see s = {.c = c, .resource = f->ask->body};
    bool yes;
    int err;
    (void)arg;
    if (f->ask->verb == EDS_DELETE)
        return AM_OK; /* asked of what is there */
    if (!c)
        return AM_E_FORBIDDEN;
    door_facts(s.resource, c->door, &s.f);
    err = door_whose(c->door, NULL, s.resource, &s.f);
    s.f.machine = false; /* by a rule of its own */
    if (err)
        return err;
    err = see_judge(&s, f->ask->verb == EDS_CREATE ? DOOR_C : DOOR_U, &yes);
    for (size_t i = 0; i < s.f.patients && !err; i++)
        err = fit_remember(c, s.f.patient[i]);
    if (!err && !yes)
        err = AM_E_FORBIDDEN;
    if (!err && fit_lone_file(c, f, &s))
        err = fit_file_alone(d, "");
    if (!err)
        err = fit_files(c, s.resource, d);
    return err ? err : door_machine_fit(c, f, d);
}
