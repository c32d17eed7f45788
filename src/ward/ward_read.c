/* SPDX-License-Identifier: Apache-2.0 */
/* FHIR values as people read them. Nothing is computed: numbers as they were written,
 * days as they were told, words as they were coded. */
#include "ward/ward_priv.h"

#include <math.h>
#include <string.h>

/* ---- texts ---- */
/* Controls of direction (UAX #9, U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to
 * U+2069) would let a name rearrange what stands around it. Bytes of one; 0: none. */
size_t ward_direction(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    if (s.n >= 2 && p[0] == 0xd8 && p[1] == 0x9c)
        return 2;
    if (s.n < 3 || p[0] != 0xe2)
        return 0;
    if (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae)))
        return 3;
    return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9 ? 3 : 0;
}

static size_t read_clean(struct str s, char out[WARD_TEXT + 4])
{
    size_t n = 0, i = 0;
    while (i < s.n && n < WARD_TEXT) {
        size_t skip = ward_direction(str_sub(s, i, s.n));
        unsigned char c = (unsigned char)s.p[i];
        if (skip) {
            i += skip;
            continue;
        }
        out[n++] = c < ' ' || c == 0x7f ? ' ' : s.p[i];
        i++;
    }
    while (n && i < s.n && !str_utf8((struct str){out, n}))
        n--; /* a character cut in two */
    if (i < s.n) {
        memcpy(out + n, "\xe2\x80\xa6", 3);
        n += 3;
    }
    return n;
}

struct str ward_begin(struct str s, size_t n)
{
    s = str_sub(s, 0, n);
    return str_sub(s, 0, str_utf8_bad(s));
}

void ward_kstr(struct jw *w, const char *key, struct str s)
{
    char clean[WARD_TEXT + 4];
    jw_kstr(w, key, (struct str){clean, s.p ? read_clean(s, clean) : 0});
}

bool ward_arabic(struct str s)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0xd8 && c <= 0xdb)
            return true; /* U+0600 to U+06FF */
        if (c < 0x80 ? c > '@' : c >= 0xc3 && c <= 0xc9)
            return false; /* a Latin letter comes first */
    }
    return false;
}

/* ---- days ---- */
int ward_day(struct str date, int64_t *at)
{
    return time_parse_date(str_sub(date, 0, 10), at);
}

void ward_kwhen(struct jw *w, const char *key, struct str date)
{
    int64_t at;
    if (!date.n)
        return;
    jw_key(w, key);
    jw_obj(w);
    if (date.n < 10 || ward_day(date, &at)) {
        ward_kstr(w, "text", date); /* a year, a month: as it is known */
    } else {
        jw_kint(w, "at", at);
        if (date.n >= 16 && date.p[10] == 'T')
            ward_kstr(w, "time", str_sub(date, 11, 16));
    }
    jw_obj_end(w);
}

/* ---- codes ---- */
static const struct {
    const char *system, *name;
} read_system[] = {{"http://loinc.org", "loinc"}, {"http://snomed.info/sct", "sct"}};

/* Our own words for the codes our forms enter. */
static struct str read_known(enum text_lang l, const struct json *coding)
{
    struct str system = json_get_str(coding, "system"),
               code = json_get_str(coding, "code");
    char id[80];
    for (size_t i = 0; i < AM_LEN(read_system); i++) {
        if (!str_eqc(system, read_system[i].system) || code.n > 40)
            continue;
        snprintf(id, sizeof id, "ward_%s.%.*s", read_system[i].name, STR_FMT(code));
        if (text_has(l, id))
            return text_get(l, id);
    }
    return STR_NULL;
}

struct str ward_concept(enum text_lang l, const struct json *concept)
{
    const struct json *codings = json_get(concept, "coding");
    struct str s = STR_NULL;
    for (json_each(it, codings))
        if (!s.n)
            s = read_known(l, it.val);
    if (!s.n)
        s = json_get_str(concept, "text");
    for (json_each(it, codings))
        if (!s.n)
            s = json_get_str(it.val, "display");
    return s.n ? s : json_get_str(json_at(codings, 0), "code");
}

void ward_kconcept(struct jw *w, enum text_lang l, const char *key,
                   const struct json *concept)
{
    struct str s = ward_concept(l, concept);
    if (s.n)
        ward_kstr(w, key, s);
}

static bool read_coded(const struct json *concept, const char *code)
{
    for (json_each(it, json_get(concept, "coding")))
        if (json_str_is(json_get(it.val, "code"), code))
            return true;
    return false;
}

/* ---- what was measured ---- */
struct str ward_unit(const struct json *q)
{
    struct str unit = json_get_str(q, "unit");
    return unit.n ? unit : json_get_str(q, "code");
}

/* The number as it was written, with the reader's decimal sign. */
static int read_number(struct buf *out, enum text_lang l, const struct json *v)
{
    struct str s = json_num_text(v);
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err; i++)
        err = buf_addc(out, s.p[i] == '.' && l != TEXT_EN ? ',' : s.p[i]);
    return err;
}

int ward_quantity(struct buf *out, enum text_lang l, const struct json *q)
{
    struct str unit = ward_unit(q), comparator = json_get_str(q, "comparator");
    int err = buf_add(out, comparator.n ? comparator : STR(""));
    if (!err && comparator.n)
        err = buf_adds(out, "\xc2\xa0");
    if (!err)
        err = read_number(out, l, json_get(q, "value"));
    if (!err && unit.n)
        err = buf_addf(out, "\xe2\x80\xaf%.*s", STR_FMT(unit));
    return err;
}

static const struct json *read_component(const struct json *o, const char *code)
{
    for (json_each(it, json_get(o, "component")))
        if (read_coded(json_get(it.val, "code"), code))
            return it.val;
    return NULL;
}

/* Systolic over diastolic is one thing to a clinician. */
static int read_pressure(struct buf *out, enum text_lang l, const struct json *o,
                         bool *done)
{
    const struct json *s = json_get(read_component(o, "8480-6"), "valueQuantity"),
                      *d = json_get(read_component(o, "8462-4"), "valueQuantity");
    int err;
    *done = s && d && str_eq(ward_unit(s), ward_unit(d));
    if (!*done)
        return AM_OK;
    err = read_number(out, l, json_get(s, "value"));
    if (!err)
        err = buf_addc(out, '/');
    return err ? err : ward_quantity(out, l, d);
}

static int read_components(struct buf *out, enum text_lang l, const struct json *o)
{
    bool done;
    int err = read_pressure(out, l, o, &done);
    if (err || done)
        return err;
    for (json_each(it, json_get(o, "component"))) {
        struct str name = ward_concept(l, json_get(it.val, "code"));
        err = it.i ? buf_adds(out, "; ") : AM_OK;
        if (!err)
            err = buf_addf(out, "%.*s ", STR_FMT(name));
        if (!err)
            err = ward_value(out, l, it.val);
        if (err)
            return err;
    }
    return AM_OK;
}

int ward_value(struct buf *out, enum text_lang l, const struct json *o)
{
    static const char *const plain[] = {"valueString", "valueDateTime", "valueTime"};
    const struct json *q = json_get(o, "valueQuantity"),
                      *c = json_get(o, "valueCodeableConcept"),
                      *n = json_get(o, "valueInteger"), *b = json_get(o, "valueBoolean");
    if (json_get(q, "value"))
        return ward_quantity(out, l, q);
    if (c)
        return buf_add(out, web_text_or(ward_concept(l, c)));
    if (n)
        return read_number(out, l, n);
    if (b)
        return buf_add(out, text_get(l, json_bool(b, false) ? "ward.yes" : "ward.no"));
    for (size_t i = 0; i < AM_LEN(plain); i++)
        if (json_get_str(o, plain[i]).n)
            return buf_add(out, json_get_str(o, plain[i]));
    if (json_size(json_get(o, "component")))
        return read_components(out, l, o);
    c = json_get(o, "dataAbsentReason");
    return buf_add(out,
                   c ? web_text_or(ward_concept(l, c)) : text_get(l, "ward.no_value"));
}

const struct json *ward_range(const struct json *o)
{
    struct str unit = ward_unit(json_get(o, "valueQuantity"));
    for (json_each(it, json_get(o, "referenceRange"))) {
        const struct json *type = json_get(it.val, "type"), *lo = json_get(it.val, "low"),
                          *hi = json_get(it.val, "high");
        if ((!type || read_coded(type, "normal")) && (lo || hi) &&
            (!lo || str_eq(ward_unit(lo), unit)) && (!hi || str_eq(ward_unit(hi), unit)))
            return it.val;
    }
    return NULL;
}

const char *ward_flag(const struct json *o)
{
    static const char *const said[] = {"HH", "LL", "AA", "H", "L", "A"};
    const struct json *interpretation = json_get(o, "interpretation"),
                      *range = ward_range(o), *q = json_get(o, "valueQuantity");
    double v = json_num(json_get(q, "value"), NAN),
           lo = json_num(json_get(json_get(range, "low"), "value"), NAN),
           hi = json_num(json_get(json_get(range, "high"), "value"), NAN);
    for (size_t i = 0; i < AM_LEN(said); i++)
        for (json_each(it, interpretation))
            if (read_coded(it.val, said[i]))
                return said[i];
    if (json_size(interpretation) || json_get(q, "comparator"))
        return NULL;
    return v < lo ? "L" : v > hi ? "H" : NULL;
}

/* ---- what is not to be taken for true ---- */
bool ward_machine(const struct json *resource)
{
    static const char *const said[] = {"final", "amended", "corrected"};
    bool model = false;
    for (json_each(it, json_get(json_get(resource, "meta"), "security")))
        model = model || json_str_is(json_get(it.val, "code"), "AIAST");
    for (size_t i = 0; i < AM_LEN(said); i++)
        if (json_str_is(json_get(resource, "status"), said[i]))
            return false;
    return model;
}

bool ward_mistaken(const struct json *resource)
{
    return json_str_is(json_get(resource, "status"), "entered-in-error") ||
           read_coded(json_get(resource, "verificationStatus"), "entered-in-error");
}
