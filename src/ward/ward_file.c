/* SPDX-License-Identifier: Apache-2.0 */
/* A patient's file: who he is, above each of its pages; where they are; what the reader
 * may enter. */
#include "ward/ward_priv.h"

#include <stdlib.h>

int ward_file_open(struct ward_file *f, struct web_visit *v)
{
    char path[WARD_ID + 16];
    *f = (struct ward_file){.v = v};
    if (!eds_id_ok(v->arg))
        return AM_E_NOTFOUND;
    snprintf(f->id, sizeof f->id, "%.*s", STR_FMT(v->arg));
    snprintf(path, sizeof path, "/Patient/%s", f->id);
    f->broken = ward_glass_find(v, v->arg, &f->glass);
    return ward_file_ask(f, (struct ward_call){.path = path}, &f->patient);
}

void ward_file_close(struct ward_file *f)
{
    ward_reply_release(&f->patient);
    crypto_wipe(&f->glass, sizeof f->glass);
}

int ward_file_none(struct web_visit *v, int err)
{
    if (err != AM_E_NOTFOUND)
        return err;
    web_open(v);
    jw_kbool(&v->w, "may_break", door_breaks(v->who.role));
    return web_send(v, 404, "ward_none",
                    (struct web_page){.title_id = "ward.none_title", .nav = "ward.nav"});
}

int ward_file_ask(struct ward_file *f, struct ward_call k, struct ward_reply *out)
{
    if (f->broken)
        k.reason = str_c(f->glass.reason);
    return ward_ask(f->v, &k, out);
}

/* "Condition?patient=$" with his id. */
static void batch_entry(struct ward_file *f, struct jw *w, struct str query)
{
    struct str rest;
    struct str before = str_cut(query, '$', &rest);
    jw_obj(w);
    jw_key(w, "request");
    jw_obj(w);
    jw_kstrz(w, "method", "GET");
    jw_key(w, "url");
    jw_strf(w, "%.*sPatient/%s%.*s", STR_FMT(before), f->id, STR_FMT(rest));
    jw_obj_end(w);
    jw_obj_end(w);
}

int ward_file_batch(struct ward_file *f, const char *const *query, size_t n,
                    struct ward_reply *out)
{
    struct buf b;
    struct jw w;
    int err;
    *out = (struct ward_reply){0};
    buf_init(&b, 64 << 10);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kstrz(&w, "resourceType", "Bundle");
    jw_kstrz(&w, "type", "batch");
    jw_key(&w, "entry");
    jw_arr(&w);
    for (size_t i = 0; i < n; i++)
        batch_entry(f, &w, str_c(query[i]));
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = jw_done(&w);
    if (!err)
        err = ward_file_ask(
            f, (struct ward_call){.method = REST_POST, .path = "/", .body = buf_str(&b)},
            out);
    buf_release(&b);
    return err;
}

const struct json *ward_batch_at(const struct ward_reply *r, size_t i, int *status)
{
    const struct json *e = json_at(json_get(r->root, "entry"), i);
    struct str s = json_get_str(json_get(e, "response"), "status");
    *status =
        s.n >= 3 ? (s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0') : 500;
    return *status == 200 ? json_get(e, "resource") : NULL;
}

/* ---- above each page ---- */
static const struct {
    const char *id, *path, *type;
    char verb; /* seen where it is granted of the type, and of the other */
    const char *with;
} file_page[] = {
    {"ward.chart", "", "Patient", 's', NULL},
    {"ward.results", "/results", "Observation", 's', NULL},
    {"ward.identity", "/identity", "Patient", 'c', NULL},
    {"ward.stay", "/stay", "Encounter", 'c', "Patient"},
    {"ward.agenda", "/appointments", "Appointment", 's', NULL},
    {"ward.vitals", "/vitals", "Observation", 'c', NULL},
    {"ward.lab", "/lab", "DiagnosticReport", 'c', "Observation"},
    {"ward.diagnose", "/diagnosis", "Condition", 'c', "Provenance"},
    {"ward.prescribe", "/prescribe", "MedicationRequest", 'c', "Provenance"}};

static void file_pages(struct ward_file *f, const char *here)
{
    struct jw *w = &f->v->w;
    int64_t key = 0; /* digits: letters are taken by readers of screens, and by script */
    jw_key(w, "tabs");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(file_page); i++) {
        if (!door_grants(f->v->who.role, file_page[i].type, file_page[i].verb) ||
            (file_page[i].with &&
             !door_grants(f->v->who.role, file_page[i].with, file_page[i].verb)))
            continue;
        jw_obj(w);
        jw_kstrz(w, "id", file_page[i].id);
        jw_key(w, "href");
        jw_strf(w, "/patients/%s%s", f->id, file_page[i].path);
        jw_key(w, "key");
        jw_strf(w, "%d", (int)++key);
        jw_kbool(w, "current", str_eqc(str_c(file_page[i].id), here));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kint(w, "keys_n", key); /* at most nine: file_page */
}

void ward_file_context(struct ward_file *f, const char *here)
{
    struct jw *w = &f->v->w;
    web_open(f->v);
    jw_key(w, "patient");
    jw_obj(w);
    ward_patient(w, f->v->l, f->patient.root, f->v->now);
    jw_obj_end(w);
    if (f->broken) {
        jw_key(w, "glass");
        jw_obj(w);
        ward_kstr(w, "reason", str_c(f->glass.reason));
        jw_kint(w, "until", f->glass.until);
        jw_obj_end(w);
    }
    file_pages(f, here);
}
