/* SPDX-License-Identifier: Apache-2.0 */
/* The desk enters who a patient is: a new one, or a change of one. Numbers, names and
 * address are those of the Moroccan core (profiles/ma-core); its errors are refused here
 * too, what it only tells is asked again.
 *
 * Two at the desk. A new patient is put under an id made of the key of the form, by a
 * condition that nobody has one of its numbers: looked at in the writer, so of two forms
 * with the same CIN one is written; of two with one name and birth, ward_desk.c. A change
 * names the version it was made of, and goes by the same condition; who comes second is
 * told and changes nothing. */
#include "ward/ward_identity.h"

#include <string.h>

#include "ward/ward_place_tbl.h"

#define X(code, region, name) code " "
static const char identity_provinces[] = WARD_PROVINCES(X);
#undef X

static const struct ward_field identity_field[] = {
    {.name = "family", .kind = WARD_LINE},
    {.name = "given", .kind = WARD_LINE},
    {.name = "family_ar", .kind = WARD_LINE},
    {.name = "given_ar", .kind = WARD_LINE},
    {.name = "born", .kind = WARD_DAY},
    {.name = "gender",
     .kind = WARD_CHOICE,
     .required = true,
     .choices = "female male other unknown",
     .word = "sex"},
    {.name = "ipp", .kind = WARD_LINE},
    {.name = "cin", .kind = WARD_LINE},
    {.name = "cnss", .kind = WARD_LINE},
    {.name = "phone", .kind = WARD_LINE},
    {.name = "street", .kind = WARD_LINE},
    {.name = "city", .kind = WARD_LINE},
    {.name = "province",
     .kind = WARD_CHOICE,
     .choices = identity_provinces,
     .called = ward_province_called},
    {.name = "version", .kind = WARD_HIDDEN},
    {.name = "seen", .kind = WARD_HIDDEN},
};

/* ---- numbers ---- */
static size_t count_digits(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] >= '0' && s.p[i] <= '9';
    return n;
}

/* "be 123 456" to "BE123456", in ASCII digits. AM_E_NOMEM. */
static int number_plain(struct ward_entry *e, const char *field)
{
    struct str s = ward_field_value(e, field);
    char plain[WARD_LINE_MAX + 1];
    size_t n = 0, step;
    for (size_t i = 0; i < s.n && n < WARD_LINE_MAX; i += step) {
        char digit = ward_digit(str_sub(s, i, s.n), &step);
        if (!digit)
            step = 1;
        if (!digit && strchr(" .-", s.p[i]))
            continue;
        digit = digit ? digit : s.p[i];
        plain[n++] = digit >= 'a' && digit <= 'z' ? (char)(digit - 'a' + 'A') : digit;
    }
    return ward_field_set(e, field, (struct str){plain, n});
}

static void check_cin(struct ward_entry *e)
{
    struct str s = ward_field_value(e, "cin");
    size_t letters = 0, digits = count_digits(s);
    while (letters < s.n && s.p[letters] >= 'A' && s.p[letters] <= 'Z')
        letters++;
    if (!s.n)
        return;
    if (!letters || letters > 2 || !digits || digits > 8 || letters + digits != s.n)
        ward_field_error(e, "cin", "ward_e.cin");
    else if (digits > 6)
        ward_field_doubt(e, "cin");
}

static void check_cnss(struct ward_entry *e)
{
    struct str s = ward_field_value(e, "cnss");
    if (!s.n)
        return;
    if (count_digits(s) != s.n || s.n < 5 || s.n > 14)
        ward_field_error(e, "cnss", "ward_e.cnss");
    else if (s.n != 9)
        ward_field_doubt(e, "cnss");
}

static void check_ipp(struct ward_entry *e)
{
    struct str s = ward_field_value(e, "ipp");
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("|,$\\\"<>&", s.p[i]))
            ward_field_error(e, "ipp", "ward_e.ipp");
    if (s.n > 40)
        ward_field_error(e, "ipp", "ward_e.ipp");
    if (!s.n && !ward_field_value(e, "cin").n)
        ward_field_error(e, "ipp", "ward_e.number_one");
}

/* A number of this country has ten digits, or nine after +212. */
static void check_phone(struct ward_entry *e)
{
    struct str s = ward_field_value(e, "phone");
    size_t digits = count_digits(s);
    bool plus = s.n && s.p[0] == '+';
    if (!s.n)
        return;
    if (digits + plus != s.n || digits < 3 || digits > 15)
        ward_field_error(e, "phone", "ward_e.phone");
    else if (plus ? !str_starts(s, STR("+212")) || digits != 12
                  : digits != 10 || s.p[0] != '0')
        ward_field_doubt(e, "phone");
}

/* ---- names and birth ---- */
/* Letters of the other script in a name. */
static bool of_other_script(struct str s, bool arabic)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool latin =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= 0xc3 && c <= 0xc9);
        if (arabic ? latin : c >= 0xd8 && c <= 0xdb)
            return true;
    }
    return false;
}

static void check_names(struct ward_entry *e)
{
    static const char *const field[] = {"family", "given", "family_ar", "given_ar"};
    for (size_t i = 0; i < AM_LEN(field); i++) {
        struct str s = ward_field_value(e, field[i]);
        if (of_other_script(s, i >= 2) || (i >= 2 && s.n && !ward_arabic(s)))
            ward_field_error(e, field[i], i < 2 ? "ward_e.latin" : "ward_e.arabic");
    }
    if (!ward_field_value(e, "family").n && !ward_field_value(e, "family_ar").n)
        ward_field_error(e, "family", "ward_e.name_one");
    for (size_t i = 0; i < AM_LEN(field); i += 2) {
        if (!ward_field_value(e, field[i]).n) {
            if (ward_field_value(e, field[i + 1]).n)
                ward_field_error(e, field[i], "ward_e.required");
            ward_field_doubt(e, field[i]); /* known in one script only */
        }
    }
}

static void check_born(struct ward_entry *e)
{
    struct str s = ward_field_value(e, "born");
    char day[12] = "0000-01-01";
    int64_t at;
    if (!s.n) {
        ward_field_doubt(e, "born");
        return;
    }
    if (s.n != 4 && s.n != 7 && s.n != 10) {
        ward_field_error(e, "born", "ward_e.onset");
        return;
    }
    memcpy(day, s.p, s.n);
    if (time_parse_date(str_c(day), &at) || at > e->f.v->now + TIME_DAY ||
        at < e->f.v->now - 130 * 366 * TIME_DAY)
        ward_field_error(e, "born", "ward_e.onset");
}

/* The id of a patient that a form opens is its key, as a UUID. */
static void open_id(struct ward_entry *e)
{
    if (e->form->opens)
        snprintf(e->f.id, sizeof e->f.id, "%.8s-%.4s-%.4s-%.4s-%.12s", e->key, e->key + 8,
                 e->key + 12, e->key + 16, e->key + 20);
}

/* Guarded before anybody is looked for. Who was not shown yet is shown first. */
static void open_look(struct ward_entry *e)
{
    if (e->form->opens)
        ward_desk_guard(e);
    if (!ward_fields_wrong(e))
        ward_similar(e);
    if (!e->form->opens)
        return;
    if (!ward_desk_saw(e))
        e->sure = false;
    ward_desk_seen(e);
    if (e->n_similar || e->unlooked)
        ward_field_doubt(e, ward_field_value(e, "family").n ? "family" : "family_ar");
}

static void identity_check(struct ward_entry *e)
{
    static const char *const number[] = {"cin", "cnss", "phone"};
    int err = AM_OK;
    open_id(e);
    for (size_t i = 0; i < AM_LEN(number) && !err; i++)
        err = number_plain(e, number[i]);
    if (err)
        ward_field_error(e, "family", "ward_e.unlooked");
    check_names(e);
    check_born(e);
    check_ipp(e);
    check_cin(e);
    check_cnss(e);
    check_phone(e);
    if (!ward_fields_wrong(e))
        open_look(e);
}

/* ---- writing ---- */
static int condition_add(struct buf *b, struct str system, struct str value)
{
    int err;
    if (!value.n)
        return AM_OK;
    err = buf_adds(b, b->n ? "," : "");
    if (!err)
        err = web_url_part(b, system);
    if (!err)
        err = buf_adds(b, "%7C");
    return err ? err : ward_query_value(b, value);
}

enum { NUMBERS = 3, DESK_TRIES = 16 };
static const char *const number_field[NUMBERS] = {"ipp", "cin", "cnss"};

static struct str old_number(const struct ward_entry *e, const char *system)
{
    return json_get_str(ward_number_of(e->f.patient.root, system), "value");
}

/* Does the patient carry the key of this form? change_claim() */
static bool change_claimed(const struct ward_entry *e)
{
    bool claimed = !e->form->opens && e->guard[0];
    for (json_each(it, json_get(e->f.patient.root, "identifier")))
        claimed = claimed || (json_str_is(json_get(it.val, "system"), WARD_FORM_SYSTEM) &&
                              json_str_is(json_get(it.val, "value"), e->key));
    return claimed;
}

/* "system|value,...": numbers of the form; *found: the patient has one of them, so the
 * condition finds him by it. */
static int condition_new(struct ward_entry *e, const char *const system[NUMBERS],
                         struct buf *b, bool *found)
{
    int err = AM_OK;
    if (change_claimed(e)) {
        *found = true;
        err = condition_add(b, STR(WARD_FORM_SYSTEM), str_c(e->key));
    }
    for (size_t i = 0; i < NUMBERS && !err; i++) {
        struct str value = ward_field_value(e, number_field[i]);
        *found = *found || (value.n && str_eq(value, old_number(e, system[i])));
        err = condition_add(b, str_c(system[i]), value);
    }
    return err;
}

/* Has another patient this number? */
static int number_shared(struct ward_entry *e, const char *system, struct str value,
                         bool *shared)
{
    struct ward_reply r = {0};
    struct buf q;
    int err;
    *shared = false;
    buf_init(&q, 4 * WARD_QUERY);
    err = buf_adds(&q, "_count=2&identifier=");
    if (!err)
        err = web_url_part(&q, str_c(system));
    if (!err)
        err = buf_adds(&q, "%7C");
    if (!err)
        err = ward_query_value(&q, value);
    if (!err)
        err = ward_file_ask(&e->f, (struct ward_call){.path = "/Patient", .query = q.p},
                            &r);
    for (json_each(it, err ? NULL : json_get(r.root, "entry"))) {
        const struct json *p = json_get(it.val, "resource");
        *shared = *shared || (json_str_is(json_get(p, "resourceType"), "Patient") &&
                              !json_str_is(json_get(p, "id"), e->f.id));
    }
    ward_reply_release(&r);
    buf_release(&q);
    return err;
}

/* Numbers the patient had, where none stays: those that are his alone. */
static int condition_old(struct ward_entry *e, const char *const system[NUMBERS],
                         struct buf *b, bool *found)
{
    int err = AM_OK;
    for (size_t i = 0; i < NUMBERS && !err; i++) {
        struct str value = old_number(e, system[i]);
        bool shared = true;
        if (value.n)
            err = number_shared(e, system[i], value, &shared);
        if (!err && !shared) {
            *found = true;
            err = condition_add(b, str_c(system[i]), value);
        }
    }
    return err;
}

/* The condition finds the patient and whoever else has a number of the form. found: him
 * alone, unless somebody has one too. */
static int identity_condition(struct ward_entry *e, struct buf *b, bool *found)
{
    const char *const system[NUMBERS] = {ward_ipp_system(e), WARD_CIN, WARD_CNSS};
    int err;
    *found = e->form->opens;
    err = condition_new(e, system, b, found);
    return err || *found ? err : condition_old(e, system, b, found);
}

/* The core has one number of each kind: one that is new stands beside an old one. */
static bool put_beside_old(const struct ward_entry *e, const char *field,
                           const char *system)
{
    const struct json *p = e->f.patient.root;
    bool had = false;
    for (json_each(it, json_get(p, "identifier")))
        had |= json_str_is(json_get(it.val, "system"), system);
    return had && ward_field_value(e, field).n && !ward_number_of(p, system);
}

static void put_patient(struct ward_entry *e, struct ward_tx *t, const char *url)
{
    static const char *const ours[] = {"id",        "identifier", "name",    "telecom",
                                       "gender",    "birthDate",  "address", "text",
                                       "contained", NULL};
    const struct json *old = e->f.patient.root;
    bool fits = ward_core_fits(old) && !put_beside_old(e, "cin", WARD_CIN) &&
                !put_beside_old(e, "cnss", WARD_CNSS);
    char version[WARD_ID + 1];
    ward_field_text(e, "version", version, sizeof version);
    t->modifies = !e->form->opens;
    ward_tx_put(t, "Patient", url, e->form->opens ? NULL : version, false);
    jw_kstrz(&t->w, "id", e->f.id);
    ward_tx_meta(t, old, fits ? WARD_CORE : NULL);
    if (json_get(old, "contained"))
        jw_kval(&t->w, "contained", json_get(old, "contained"));
    ward_tx_copy(&t->w, old, ours); /* text: of what was; left out */
    ward_identity_put(e, &t->w);
    ward_tx_end(t);
}

static void identity_write(struct ward_entry *e, struct ward_tx *t)
{
    struct buf condition, url;
    bool found = false;
    int err;
    buf_init(&condition, 4 * WARD_QUERY);
    buf_init(&url, 5 * WARD_QUERY);
    err = identity_condition(e, &condition, &found);
    if (!err)
        err = found ? buf_addf(&url, "Patient?identifier=%s", condition.p) : AM_E_INVALID;
    if (err) {
        t->w.err = t->w.err ? t->w.err : err;
    } else {
        put_patient(e, t, url.p);
        if (e->form->opens)
            ward_desk_put(t);
    }
    buf_release(&condition);
    buf_release(&url);
}

/* ---- a patient whom no condition finds ---- */
static void claim_write(struct ward_entry *e, struct ward_tx *t)
{
    static const char *const ours[] = {"id", "identifier", NULL};
    const struct json *old = e->f.patient.root;
    char url[WARD_ID + 16], version[WARD_ID + 1];
    snprintf(url, sizeof url, "Patient/%s", e->f.id);
    ward_field_text(e, "version", version, sizeof version);
    t->modifies = true;
    ward_tx_put(t, "Patient", url, version, false);
    jw_kstrz(&t->w, "id", e->f.id);
    ward_tx_meta(t, old, NULL);
    jw_key(&t->w, "identifier");
    jw_arr(&t->w);
    for (json_each(it, json_get(old, "identifier")))
        jw_val(&t->w, it.val);
    ward_tx_key(t);
    jw_arr_end(&t->w);
    ward_tx_copy(&t->w, old, ours);
    ward_tx_end(t);
}

/* He has no number, or only one that somebody shares (which is what is put right), and is
 * given one that two desks may be giving at once. So that a condition finds him, he first
 * gets the key of the form as an identifier, at the version the form was made of; the
 * change takes it away. Should the change fail, he keeps it, until the next. */
static int change_claim(struct ward_entry *e)
{
    struct buf b;
    bool found = false;
    int err;
    buf_init(&b, 8 * WARD_QUERY);
    err = identity_condition(e, &b, &found);
    buf_release(&b);
    if (!err && !found)
        err = ward_tx_run(e, claim_write, e->guard);
    if (!err && !found)
        err = ward_field_set(e, "version", str_c(e->guard));
    return err;
}

/* Written by this very form: its patient stands there, whoever was faster. */
static int open_there(struct ward_entry *e, bool *there)
{
    struct ward_reply r;
    char path[WARD_ID + 16];
    int err;
    snprintf(path, sizeof path, "/Patient/%s", e->f.id);
    err = ward_file_ask(&e->f, (struct ward_call){.path = path}, &r);
    *there = !err;
    ward_reply_release(&r);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int identity_taken(struct ward_entry *e)
{
    e->failed = "ward_e.taken";
    return AM_E_CONFLICT;
}

/* Refused because the condition finds another patient, or for what it holds? */
static int identity_refused(struct ward_entry *e, int err)
{
    if (err != AM_E_INVALID && err != AM_E_CONFLICT)
        return err;
    ward_similar(e);
    return ward_fields_wrong(e) ? identity_taken(e) : err;
}

/* Somebody entered a patient of that year meanwhile: is he this one? */
static int open_again(struct ward_entry *e)
{
    ward_desk_guard(e);
    if (!ward_fields_wrong(e))
        ward_similar(e);
    if (ward_fields_wrong(e))
        return identity_taken(e);
    if (ward_desk_saw(e))
        return AM_OK;
    e->failed = "ward_e.same_meanwhile";
    ward_desk_seen(e);
    ward_field_doubt(e, ward_field_value(e, "family").n ? "family" : "family_ar");
    return AM_E_CONFLICT;
}

static int open_send(struct ward_entry *e)
{
    int err = ward_tx_send(e);
    for (int i = 1; i < DESK_TRIES && err == AM_E_CONFLICT && !e->failed; i++) {
        err = open_again(e);
        if (!err)
            err = ward_tx_send(e);
    }
    if (err == AM_E_CONFLICT && !e->failed)
        return AM_E_UNAVAILABLE; /* each time somebody was faster */
    return e->failed ? err : identity_refused(e, err);
}

static int change_send(struct ward_entry *e)
{
    int err = change_claim(e);
    if (!err)
        err = ward_tx_send(e);
    return identity_refused(e, err);
}

static const struct ward_form identity_open = {.title = "ward.open",
                                               .path = "/new-patient",
                                               .here = "ward.open",
                                               .type = "Patient",
                                               .field = identity_field,
                                               .n = AM_LEN(identity_field),
                                               .opens = true,
                                               .done = "/identity",
                                               .conflict = "ward_e.taken",
                                               .check = identity_check,
                                               .write = identity_write,
                                               .send = open_send,
                                               .there = open_there};

static const struct ward_form identity_change = {.title = "ward.identity",
                                                 .path = "/identity",
                                                 .here = "ward.identity",
                                                 .type = "Patient",
                                                 .field = identity_field,
                                                 .n = AM_LEN(identity_field),
                                                 .done = "/identity",
                                                 .conflict = "ward_e.changed",
                                                 .first = ward_identity_read,
                                                 .check = identity_check,
                                                 .write = identity_write,
                                                 .send = change_send,
                                                 .there = ward_change_there};

int ward_page_open(struct web_visit *v)
{
    return ward_form_get(v, &identity_open);
}

int ward_page_open_post(struct web_visit *v)
{
    return ward_form_post(v, &identity_open);
}

int ward_page_identity(struct web_visit *v)
{
    return ward_form_get(v, &identity_change);
}

int ward_page_identity_post(struct web_visit *v)
{
    return ward_form_post(v, &identity_change);
}
