/* SPDX-License-Identifier: Apache-2.0 */
/* Classifications as their publishers give them, by form: lines of ICD-10 here, ClaML in
 * fhir_tx_claml.c. A refusal says the line and what stands there. */
#include "fhir/fhir_tx_priv.h"

enum { FILE_FIELDS = 18 };

int fhir_tx_row_bad(struct diag *d, size_t line, struct str what, const char *code)
{
    diag_err(d, "", code, "%zu: %.*s", line, (int)AM_MIN(what.n, 200u),
             what.n ? what.p : "");
    return AM_E_INVALID;
}

struct file {
    struct fhir_tx *t;
    struct fhir_tx_system *s;
    const struct fhir_tx_file *how;
    struct diag *d;
    size_t line;
};
typedef int file_line_fn(struct file *f, struct str line);

static int file_bad(struct file *f, struct str what, const char *code)
{
    return fhir_tx_row_bad(f->d, f->line, what, code);
}

/* Lines that are not empty, without their ends. */
static int file_lines(struct file *f, struct str text, file_line_fn *fn)
{
    int err = AM_OK;
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        text = str_sub(text, 3, text.n);
    for (f->line = 1; text.n && !err; f->line++) {
        struct str rest, line = str_cut(text, '\n', &rest);
        text = rest;
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n && !str_utf8(line))
            err = file_bad(f, STR("UTF-8"), "term.row");
        else if (line.n)
            err = fn(f, line);
    }
    return err;
}

static size_t file_fields(struct str line, char separator, struct str out[FILE_FIELDS])
{
    size_t n = 0, cut = 0;
    while (n < FILE_FIELDS && cut < line.n + 1) {
        struct str left = str_sub(line, cut, line.n);
        size_t end = str_find(left, separator);
        out[n++] = str_trim(str_sub(left, 0, end));
        cut += end + 1;
    }
    return n;
}

static int file_concept(struct file *f, struct str code, struct str display, uint32_t *c)
{
    int err = fhir_tx_concept_add(f->t, f->s, code, display, c);
    if (err == AM_E_EXISTS)
        return file_bad(f, code, "term.twice");
    if (!err && f->how->lang.n)
        err = fhir_tx_word_add(f->t, f->s, *c, f->how->lang, STR("preferred"), display);
    return err;
}

static int file_property(struct file *f, uint32_t c, const char *name,
                         enum fhir_tx_property_kind kind, struct str value)
{
    return value.n ? fhir_tx_property_add(f->t, f->s, c, str_c(name), kind, value)
                   : AM_OK;
}

/* "A000" is written A00.0. */
static struct str file_pointed(struct str code, char room[16])
{
    if (code.n <= 3 || code.n > 14)
        return code;
    snprintf(room, 16, "%.3s.%.*s", code.p, (int)(code.n - 3), code.p + 3);
    return (struct str){room, code.n + 1};
}

/* ---- WHO: icd102019syst_codes.txt and its two neighbours ---- */
static const char *const file_roman[] = {
    "I",   "II",   "III", "IV", "V",   "VI",   "VII",   "VIII", "IX", "X",   "XI",
    "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX",  "XX", "XXI", "XXII"};

static int who_chapter(struct file *f, struct str line)
{
    struct str field[FILE_FIELDS];
    int64_t n = 0;
    uint32_t c;
    int err;
    if (file_fields(line, ';', field) < 2 ||
        str_int(field[0], 1, AM_LEN(file_roman), &n) || !field[1].n)
        return file_bad(f, line, "term.row");
    err = file_concept(f, str_c(file_roman[n - 1]), field[1], &c);
    if (!err)
        f->s->concept.v[c].flags |= FHIR_TX_ABSTRACT;
    return err ? err : file_property(f, c, "kind", FHIR_TX_CODE, STR("chapter"));
}

static int who_group(struct file *f, struct str line)
{
    struct str field[FILE_FIELDS];
    char code[16];
    uint32_t c;
    int err;
    if (file_fields(line, ';', field) < 4 || !fhir_tx_icd_code(field[0]) ||
        !fhir_tx_icd_code(field[1]) || field[0].n != 3 || field[1].n != 3 || !field[3].n)
        return file_bad(f, line, "term.row");
    snprintf(code, sizeof code, "%.3s-%.3s", field[0].p, field[1].p);
    err = file_concept(f, str_c(code), field[3], &c);
    if (!err)
        f->s->concept.v[c].flags |= FHIR_TX_ABSTRACT;
    return err ? err : file_property(f, c, "kind", FHIR_TX_CODE, STR("block"));
}

/* level;T/N;[P/O/V;]X/S;chapter;block;code;without asterisk;without point;title;... */
static int who_code(struct file *f, struct str line)
{
    struct str field[FILE_FIELDS], *at = field;
    size_t n = file_fields(line, ';', field);
    uint32_t c;
    int64_t level;
    int err;
    if (n >= 10 && field[2].n == 1 && strchr("POV", field[2].p[0])) {
        at++; /* the form of before 2010 */
        n--;
    }
    if (n < 9 || str_int(field[0], 3, 5, &level) || field[1].n != 1 ||
        !strchr("TN", field[1].p[0]) || !fhir_tx_icd_code(at[6]) || !at[8].n)
        return file_bad(f, line, "term.row");
    err = file_concept(f, at[6], at[8], &c);
    if (!err)
        err = file_property(f, c, "kind", FHIR_TX_CODE, STR("category"));
    if (!err)
        err = file_property(f, c, "terminal", FHIR_TX_BOOL,
                            str_eqc(field[1], "T") ? STR("true") : STR("false"));
    if (!err && str_find(at[5], '*') < at[5].n)
        err = file_property(f, c, "usage", FHIR_TX_CODE, STR("aster"));
    return err;
}

static int who_load(struct file *f, struct str text)
{
    int err = file_lines(f, f->how->chapters, who_chapter);
    if (!err)
        err = file_lines(f, f->how->groups, who_group);
    return err ? err : file_lines(f, text, who_code);
}

/* ---- ATIH: LIBCIM10 (code|MCO|short|long) and LIBCIM10MULTI (with SSR and PSY) ---- */
static int cim10_line(struct file *f, struct str line)
{
    struct str field[FILE_FIELDS];
    size_t n = file_fields(line, '|', field);
    char room[16];
    struct str code;
    uint32_t c;
    int err;
    if ((n != 4 && n != 6) || !field[n - 1].n || field[0].n < 3 || field[0].n > 8)
        return file_bad(f, line, "term.row");
    code = file_pointed(field[0], room);
    if (!fhir_tx_icd_code(code))
        return file_bad(f, line, "term.row");
    err = file_concept(f, code, field[n - 1], &c);
    if (!err && !str_eqc(f->how->lang, "fr"))
        err = fhir_tx_word_add(f->t, f->s, c, STR("fr"), STR("preferred"), field[n - 1]);
    if (!err && field[n - 2].n && !str_eq(field[n - 2], field[n - 1]))
        err = fhir_tx_word_add(f->t, f->s, c, STR("fr"), STR("short"), field[n - 2]);
    if (!err)
        err = file_property(f, c, "typeMcoHad", FHIR_TX_CODE, field[1]);
    if (!err && n == 6)
        err = file_property(f, c, "typeSsr", FHIR_TX_CODE, field[2]);
    if (!err && n == 6)
        err = file_property(f, c, "typePsy", FHIR_TX_CODE, field[3]);
    return err;
}

/* Of 0x80 to 0x9F in Windows-1252; 0: no character. */
static const uint16_t file_1252[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
    0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
    0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

static int file_utf8(struct str text, struct buf *out)
{
    int err = AM_OK;
    for (size_t i = 0; i < text.n && !err; i++) {
        unsigned u = (unsigned char)text.p[i];
        if (u >= 0x80 && u < 0xA0)
            u = file_1252[u - 0x80] ? file_1252[u - 0x80] : 0xFFFD;
        if (u >= 0x800)
            err = buf_addc(out, (char)(0xE0 | u >> 12));
        if (u >= 0x80 && !err)
            err =
                buf_addc(out, (char)(u >= 0x800 ? 0x80 | (u >> 6 & 63) : 0xC0 | u >> 6));
        if (!err)
            err = buf_addc(out, (char)(u >= 0x80 ? 0x80 | (u & 63) : u));
    }
    return err;
}

static int cim10_load(struct file *f, struct str text)
{
    struct buf whole;
    int err;
    if (str_utf8(text))
        return file_lines(f, text, cim10_line);
    buf_init(&whole, 3 * text.n + 1); /* as the ATIH gives it */
    err = file_utf8(text, &whole);
    if (!err)
        err = file_lines(f, buf_str(&whole), cim10_line);
    buf_release(&whole);
    return err;
}

/* ---- ICD-10-CM: the order file, by columns ---- */
static int cm_line(struct file *f, struct str line)
{
    struct str code, brief, full;
    char room[16];
    uint32_t c;
    int64_t order;
    int err;
    if (line.n < 78 || str_int(str_sub(line, 0, 5), 1, 99999, &order) ||
        line.p[5] != ' ' || line.p[13] != ' ' || line.p[15] != ' ' ||
        (line.p[14] != '0' && line.p[14] != '1'))
        return file_bad(f, line, "term.row");
    code = file_pointed(str_trim(str_sub(line, 6, 13)), room);
    brief = str_trim(str_sub(line, 16, 76));
    full = str_trim(str_sub(line, 77, line.n));
    if (!fhir_tx_icd_code(code) || !full.n || !str_utf8(brief))
        return file_bad(f, line, "term.row");
    err = file_concept(f, code, full, &c);
    if (!err && !str_eqc(f->how->lang, "en"))
        err = fhir_tx_word_add(f->t, f->s, c, STR("en"), STR("preferred"), full);
    if (!err && brief.n && !str_eq(brief, full))
        err = fhir_tx_word_add(f->t, f->s, c, STR("en"), STR("short"), brief);
    if (!err && line.p[14] == '0') /* a header: not valid for submission */
        f->s->concept.v[c].flags |= FHIR_TX_ABSTRACT;
    return err;
}

static int cm_load(struct file *f, struct str text)
{
    return file_lines(f, text, cm_line);
}

/* ---- by form ---- */
static int file_load(struct fhir_tx *t, struct str text, const struct fhir_tx_file *how,
                     struct diag *d)
{
    static const struct {
        const char *url, *name;
        int (*load)(struct file *f, struct str text);
    } form[] = {
        [FHIR_TX_WHO] = {"http://hl7.org/fhir/sid/icd-10", "ICD10", who_load},
        [FHIR_TX_CIM10] = {"", "CIM10", cim10_load},
        [FHIR_TX_ICD10CM] = {"http://hl7.org/fhir/sid/icd-10-cm", "ICD10CM", cm_load}};
    struct file f = {.t = t, .how = how, .d = d};
    int err;
    if (how->form == FHIR_TX_CLAML)
        return fhir_tx_claml(t, text, how, d);
    am_assert(how->form < AM_LEN(form));
    err = fhir_tx_system_new(t, how->url.n ? how->url : str_c(form[how->form].url),
                             how->version, &f.s, d);
    if (!err)
        err = fhir_tx_keep(t, how->name.n ? how->name : str_c(form[how->form].name),
                           &f.s->name);
    if (!err)
        err = form[how->form].load(&f, text);
    if (!err && !f.s->concept.n)
        err = file_bad(&f, STR_NULL, "term.row");
    return err ? err : fhir_tx_icd_tree(f.s);
}

/* The words of another system of the same codes. */
static int file_words(struct fhir_tx *t, const struct fhir_tx_system *from,
                      struct str version, struct diag *d)
{
    struct fhir_tx_system *s = fhir_tx_own(t, from->url, version);
    int err = AM_OK;
    if (!s)
        return fhir_tx_bad(d, from->url, "term.system");
    for (size_t i = 0; i < from->concept.n; i++)
        if (fhir_tx_find(s, from->concept.v[i].code) == FHIR_TX_NONE)
            return fhir_tx_bad(d, from->concept.v[i].code, "term.code");
    for (size_t i = 0; i < from->word.n && !err; i++) {
        const struct fhir_tx_word *w = &from->word.v[i];
        err = fhir_tx_word_add(t, s, fhir_tx_find(s, from->concept.v[w->concept].code),
                               w->lang, w->use, w->text);
    }
    return err;
}

int fhir_tx_add_file(struct fhir_tx *t, struct str text, const struct fhir_tx_file *how,
                     struct diag *d)
{
    struct fhir_tx_file alone = *how;
    struct fhir_tx *other = NULL;
    int err;
    if (!how->adds.n)
        return file_load(t, text, how, d);
    alone.lang = how->adds;
    err = fhir_tx_new(&other, t->a.max);
    if (!err)
        err = file_load(other, text, &alone, d);
    if (!err)
        err = file_words(t, other->system.v[0], how->version, d);
    fhir_tx_free(other);
    return err;
}
