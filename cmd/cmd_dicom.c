/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_dicom.h"

#include <errno.h>

#include "base/map.h"
#include "base/vec.h"
#include "dicom/dicom.h"

enum { FIRST = 64 << 10, MOST = 8 << 20, NONE = -1 }; /* bytes read of a file */

struct instance {
    struct str uid, sop_class, number;
    ptrdiff_t next;
};
struct series {
    struct str uid, modality, number, text, body;
    ptrdiff_t next, first, last;
};
struct study {
    struct str uid, date, time, zone, accession, text, patient, issuer, name, birth, sex;
    const char *source;
    ptrdiff_t first, last;
    bool torn; /* its files name two patients: whose it is, is nobody's to guess */
};
struct cmd_dicom {
    struct arena a;
    struct map known; /* study, "study/series", "study/series/instance": where it is */
    VEC(struct study) study;
    VEC(struct series) series;
    VEC(struct instance) instance;
    struct hl7 *m; /* an empty message: its delimiters */
};

int cmd_dicom_new(struct cmd_dicom **out)
{
    struct cmd_dicom *x = am_calloc(1, sizeof *x);
    int err = x ? AM_OK : AM_E_NOMEM;
    if (err)
        return err;
    arena_init(&x->a, (size_t)16 << 30);
    map_init(&x->known);
    err = hl7_parse(&x->m, STR("MSH|^~\\&\r"), NULL, NULL);
    if (err)
        cmd_dicom_free(x);
    else
        *out = x;
    return err;
}

void cmd_dicom_free(struct cmd_dicom *x)
{
    if (!x)
        return;
    hl7_free(x->m);
    vec_release(&x->study);
    vec_release(&x->series);
    vec_release(&x->instance);
    map_release(&x->known);
    arena_release(&x->a);
    free(x);
}

/* ---- gathering ---- */
static struct str own(struct cmd_dicom *x, struct str s, int *err)
{
    char *p = s.n ? arena_dup(&x->a, s) : NULL;
    if (s.n && !p)
        *err = AM_E_NOMEM;
    return (struct str){p, p ? s.n : 0};
}

/* Where that is; a new one is to be at `at`. */
static bool known(struct cmd_dicom *x, struct str key, size_t *at, int *err)
{
    size_t there;
    if (!map_get(&x->known, key, &there)) {
        *at = there;
        return true;
    }
    *err = *err ? *err : map_set(&x->known, key, *at);
    return false;
}

static int add_instance(struct cmd_dicom *x, const struct dicom *d, struct series *s)
{
    int err = AM_OK;
    struct instance i = {.uid = own(x, d->value[DICOM_SOP_INSTANCE], &err),
                         .sop_class = own(x, d->value[DICOM_SOP_CLASS], &err),
                         .number = own(x, d->value[DICOM_INSTANCE_NUMBER], &err),
                         .next = NONE};
    if (!err)
        err = vec_push(&x->instance, i);
    if (err)
        return err;
    if (s->last == NONE)
        s->first = (ptrdiff_t)x->instance.n - 1;
    else
        x->instance.v[s->last].next = (ptrdiff_t)x->instance.n - 1;
    s->last = (ptrdiff_t)x->instance.n - 1;
    return AM_OK;
}

static int add_series(struct cmd_dicom *x, const struct dicom *d, struct study *t)
{
    int err = AM_OK;
    struct series s = {.uid = own(x, d->value[DICOM_SERIES], &err),
                       .modality = own(x, d->value[DICOM_MODALITY], &err),
                       .number = own(x, d->value[DICOM_SERIES_NUMBER], &err),
                       .text = own(x, d->value[DICOM_SERIES_TEXT], &err),
                       .body = own(x, d->value[DICOM_BODY_PART], &err),
                       .next = NONE,
                       .first = NONE,
                       .last = NONE};
    if (!err)
        err = vec_push(&x->series, s);
    if (err)
        return err;
    if (t->last == NONE)
        t->first = (ptrdiff_t)x->series.n - 1;
    else
        x->series.v[t->last].next = (ptrdiff_t)x->series.n - 1;
    t->last = (ptrdiff_t)x->series.n - 1;
    return AM_OK;
}

static int add_study(struct cmd_dicom *x, const struct dicom *d, const char *path)
{
    int err = AM_OK;
    struct study t = {.uid = own(x, d->value[DICOM_STUDY], &err),
                      .date = own(x, d->value[DICOM_STUDY_DATE], &err),
                      .time = own(x, d->value[DICOM_STUDY_TIME], &err),
                      .zone = own(x, d->value[DICOM_ZONE], &err),
                      .accession = own(x, d->value[DICOM_ACCESSION], &err),
                      .text = own(x, d->value[DICOM_STUDY_TEXT], &err),
                      .patient = own(x, d->value[DICOM_PATIENT_ID], &err),
                      .issuer = own(x, d->value[DICOM_ISSUER], &err),
                      .name = own(x, d->value[DICOM_PATIENT_NAME], &err),
                      .birth = own(x, d->value[DICOM_BIRTH], &err),
                      .sex = own(x, d->value[DICOM_SEX], &err),
                      .source = own(x, str_c(path), &err).p,
                      .first = NONE,
                      .last = NONE};
    return err ? err : vec_push(&x->study, t);
}

static int add(struct cmd_dicom *x, const struct dicom *d, const char *path,
               struct diag *problems)
{
    static const enum dicom_key wanted[] = {DICOM_STUDY, DICOM_SERIES, DICOM_SOP_INSTANCE,
                                            DICOM_SOP_CLASS, DICOM_MODALITY};
    static const char *const places[] = {"(0020,000D)", "(0020,000E)", "(0008,0018)",
                                         "(0008,0016)", "(0008,0060)"};
    struct str study = d->value[DICOM_STUDY];
    size_t t = x->study.n, s = x->series.n, i = x->instance.n;
    char key[256];
    int err = AM_OK, n;
    for (size_t k = 0; k < AM_LEN(wanted); k++)
        if (!d->value[wanted[k]].n) {
            diag_err(problems, places[k], "dicom.missing", "what a study needs");
            err = AM_E_INVALID;
        }
    if (err)
        return err;
    if (!known(x, study, &t, &err) && !err)
        err = add_study(x, d, path);
    if (!err && (!str_eq(x->study.v[t].patient, d->value[DICOM_PATIENT_ID]) ||
                 !str_eq(x->study.v[t].issuer, d->value[DICOM_ISSUER]))) {
        x->study.v[t].torn = true;
        diag_err(problems, "(0010,0020)", "dicom.patient", "a study of two patients");
        return AM_E_INVALID;
    }
    n = snprintf(key, sizeof key, "%.*s/%.*s", STR_FMT(study),
                 STR_FMT(d->value[DICOM_SERIES]));
    if (!err && !known(x, str_c(key), &s, &err) && !err)
        err = add_series(x, d, &x->study.v[t]);
    snprintf(key + n, sizeof key - (size_t)n, "/%.*s",
             STR_FMT(d->value[DICOM_SOP_INSTANCE]));
    if (!err && !known(x, str_c(key), &i, &err) && !err)
        err = add_instance(x, d, &x->series.v[s]);
    return err;
}

static int header(FILE *from, struct dicom *out, struct diag *d)
{
    char *bytes = NULL;
    size_t n = 0;
    int err = AM_E_TIMEOUT;
    for (size_t room = FIRST; err == AM_E_TIMEOUT && room <= MOST; room *= 128) {
        char *more = am_realloc(bytes, room, 1);
        bool whole;
        if (!more) {
            err = AM_E_NOMEM;
            break;
        }
        bytes = more;
        n += fread(bytes + n, 1, room - n, from);
        whole = n < room;
        err = ferror(from) ? AM_E_IO : dicom_read(out, (struct str){bytes, n}, whole, d);
    }
    if (err == AM_E_TIMEOUT) {
        diag_err(d, "", "dicom.element", "a value longer than the limit");
        err = AM_E_SYNTAX;
    }
    free(bytes);
    return err;
}

/* One file that cannot be had: its own fault, unless memory or descriptors ran out. */
static int unread(int err, struct diag *d)
{
    if (err != AM_E_NOMEM && errno != EMFILE && errno != ENFILE)
        diag_err(d, "", "dicom.unread", "cannot be opened or read");
    return err;
}

int cmd_dicom_file(struct cmd_dicom *x, const char *path, bool *taken, struct diag *d)
{
    FILE *from = fopen(path, "rbe");
    struct dicom one = {0};
    char begin[132];
    int err = AM_OK;
    *taken = false;
    if (!from)
        return unread(am_err_errno(errno), d);
    if (!str_ends(str_c(path), STR(".dcm")) &&
        (fread(begin, 1, sizeof begin, from) < sizeof begin ||
         memcmp(begin + 128, "DICM", 4) != 0)) {
        err = ferror(from) ? unread(AM_E_IO, d) : AM_OK;
        fclose(from);
        return err;
    }
    rewind(from);
    err = header(from, &one, d);
    if (err == AM_E_IO)
        err = unread(err, d);
    fclose(from);
    if (!err && !dicom_is_index(&one)) {
        *taken = true;
        err = add(x, &one, path, d);
    }
    dicom_release(&one);
    return err;
}

/* ---- messages ---- */
struct writer {
    struct cmd_dicom *x;
    struct buf series, *out; /* segments of series; the whole message */
    struct diag *d;
    size_t n_series, n_instances;
    int err;
};

static void text(struct writer *w, struct buf *b, struct str s)
{
    w->err = w->err ? w->err : buf_addc(b, '|');
    w->err = w->err ? w->err : hl7_escape(w->x->m, s, b);
}

/* A number of FHIR's unsignedInt, or nothing: IS may be negative. */
static struct str count_of(struct str s)
{
    int64_t n;
    return str_int(s, 0, INT32_MAX, &n) ? STR_NULL : s;
}

static void put_instance(struct writer *w, struct str uid, struct str class,
                         struct str number)
{
    w->err = w->err ? w->err : buf_adds(&w->series, "INS");
    text(w, &w->series, uid);
    text(w, &w->series, class);
    text(w, &w->series, count_of(number));
    w->err = w->err ? w->err : buf_addc(&w->series, '\r');
    w->n_instances++;
}

/* old: the series as the store has it, or NULL; s: as files have it, or NULL. */
static void put_series(struct writer *w, const struct json *old, const struct series *s)
{
    static const char oid[] = "urn:oid:";
    size_t n = 0;
    struct map there;
    char text_n[24];
    map_init(&there);
    for (json_each(it, json_get(old, "instance")))
        if (!w->err) {
            w->err = map_set(&there, json_get_str(it.val, "uid"), 1);
            n++;
        }
    for (ptrdiff_t i = s ? s->first : NONE; i != NONE; i = w->x->instance.v[i].next)
        n += !map_has(&there, w->x->instance.v[i].uid);
    w->err = w->err ? w->err : buf_adds(&w->series, "SER");
    text(w, &w->series, s ? s->uid : json_get_str(old, "uid"));
    if (!s && json_get(old, "number"))
        snprintf(text_n, sizeof text_n, "%lld",
                 (long long)json_int(json_get(old, "number"), 0));
    text(w, &w->series,
         s                         ? count_of(s->number)
         : json_get(old, "number") ? str_c(text_n)
                                   : STR_NULL);
    text(w, &w->series,
         s ? s->modality : json_get_str(json_get(old, "modality"), "code"));
    text(w, &w->series, s ? s->text : json_get_str(old, "description"));
    text(w, &w->series, s ? s->body : json_get_str(json_get(old, "bodySite"), "code"));
    w->err = w->err ? w->err : buf_addf(&w->series, "|%zu\r", n);
    for (json_each(it, json_get(old, "instance"))) {
        struct str class = json_get_str(json_get(it.val, "sopClass"), "code");
        if (str_starts(class, STR("urn:oid:")))
            class = str_sub(class, sizeof oid - 1, class.n);
        if (json_get(it.val, "number"))
            snprintf(text_n, sizeof text_n, "%lld",
                     (long long)json_int(json_get(it.val, "number"), 0));
        put_instance(w, json_get_str(it.val, "uid"), class,
                     json_get(it.val, "number") ? str_c(text_n) : STR_NULL);
    }
    for (ptrdiff_t i = s ? s->first : NONE; i != NONE; i = w->x->instance.v[i].next) {
        const struct instance *v = &w->x->instance.v[i];
        if (!map_has(&there, v->uid))
            put_instance(w, v->uid, v->sop_class, v->number);
    }
    w->n_series++;
    map_release(&there);
}

static void all_series(struct writer *w, const struct study *t, const struct json *old)
{
    struct map there;
    map_init(&there);
    for (json_each(it, json_get(old, "series"))) {
        struct str uid = json_get_str(it.val, "uid");
        const struct series *same = NULL;
        for (ptrdiff_t i = t->first; i != NONE; i = w->x->series.v[i].next)
            if (str_eq(w->x->series.v[i].uid, uid))
                same = &w->x->series.v[i];
        put_series(w, it.val, same);
        w->err = w->err ? w->err : map_set(&there, uid, 1);
    }
    for (ptrdiff_t i = t->first; i != NONE; i = w->x->series.v[i].next)
        if (!map_has(&there, w->x->series.v[i].uid))
            put_series(w, NULL, &w->x->series.v[i]);
    map_release(&there);
}

/* A name of PN: what is before "=", parts as they are. */
static void put_name(struct writer *w, struct str name)
{
    struct str rest = str_cut(name, '=', &(struct str){0});
    for (size_t i = 0; i < 3; i++) {
        struct str part = str_trim(str_cut(rest, '^', &rest));
        w->err = w->err ? w->err : buf_addc(w->out, i ? '^' : '|');
        w->err = w->err ? w->err : hl7_escape(w->x->m, part, w->out);
    }
}

/* Of digits, fraction and zone; what is none of them makes no time, and is refused. */
static void plain_time(char *s)
{
    for (; *s; s++)
        if (!strchr("0123456789.+-", *s))
            *s = '?';
}

/* when: date and time as HL7 has them; to the minute, or the day alone. */
static void put_study(struct writer *w, const struct study *t)
{
    bool timed = t->date.n == 8 && t->time.n >= 4;
    char when[64], at[80];
    snprintf(when, sizeof when, "%.8s%.*s%.*s", t->date.n ? t->date.p : "",
             timed ? (int)AM_MIN(t->time.n, (size_t)13) : 0, timed ? t->time.p : "",
             timed ? (int)AM_MIN(t->zone.n, (size_t)5) : 0, t->zone.n ? t->zone.p : "");
    snprintf(at, sizeof at, "%s%s", t->date.n ? when : "19700101",
             timed ? "" : "0000+0000");
    plain_time(when);
    plain_time(at);
    w->err =
        buf_addf(w->out, "MSH|^~\\&|DICOM||||%s||DICOM|%.*s|P|2.5.1||||||UNICODE UTF-8",
                 at, STR_FMT(t->uid));
    w->err = w->err ? w->err : buf_adds(w->out, "\rPID|1|");
    text(w, w->out, t->patient);
    if (t->issuer.n) { /* PID-3.4: the same number of another house is another patient */
        w->err = w->err ? w->err : buf_adds(w->out, "^^^");
        w->err = w->err ? w->err : hl7_escape(w->x->m, t->issuer, w->out);
    }
    w->err = w->err ? w->err : buf_addc(w->out, '|');
    put_name(w, t->name);
    w->err = w->err ? w->err : buf_addc(w->out, '|');
    text(w, w->out, t->birth);
    text(w, w->out, t->sex);
    w->err = w->err ? w->err : buf_adds(w->out, "\rSTU");
    text(w, w->out, t->uid);
    text(w, w->out, str_c(when));
    text(w, w->out, t->accession);
    text(w, w->out, t->text);
    w->err =
        w->err ? w->err : buf_addf(w->out, "|%zu|%zu\r", w->n_series, w->n_instances);
    w->err = w->err ? w->err : buf_add(w->out, buf_str(&w->series));
}

static int message(struct cmd_dicom *x, const struct study *t, struct cmd_hl7 *h,
                   struct buf *out, struct diag *d)
{
    struct writer w = {.x = x, .out = out, .d = d};
    struct json_doc *doc = NULL;
    struct buf old;
    char query[128];
    int err;
    buf_init(&old, 64 << 20);
    buf_init(&w.series, 64 << 20);
    snprintf(query, sizeof query, "identifier=urn%%3Adicom%%3Auid%%7Curn%%3Aoid%%3A%.*s",
             STR_FMT(t->uid));
    err = cmd_hl7_find(h, STR("ImagingStudy"), str_c(query), &old, d);
    if (!err)
        err = json_parse(&doc, buf_str(&old), &(struct json_limits){.size_b = 64 << 20},
                         NULL);
    if (!err || err == AM_E_NOTFOUND || err == AM_E_CONFLICT) {
        all_series(&w, t, json_root(doc)); /* several: the mapping will say so */
        err = w.err;
        if (!err)
            put_study(&w, t);
        err = w.err;
    }
    json_free(doc);
    buf_release(&old);
    buf_release(&w.series);
    return err;
}

int cmd_dicom_studies(struct cmd_dicom *x, struct cmd_hl7 *h, cmd_dicom_fn *fn, void *arg,
                      struct diag *d)
{
    struct buf b;
    int err = AM_OK;
    buf_init(&b, 128 << 20);
    for (size_t i = 0; i < x->study.n && !err; i++) {
        buf_clear(&b);
        if (x->study.v[i].torn)
            continue;
        err = message(x, &x->study.v[i], h, &b, d);
        if (!err)
            err = fn(arg, buf_str(&b), x->study.v[i].source);
    }
    buf_release(&b);
    return err;
}
