/* SPDX-License-Identifier: Apache-2.0 */
/* Personal data that slip into the free text of a record (registry.md section 13): what
 * looks like an e-mail, a telephone number, a national identity number, an insurance
 * number, a date of birth. Each is a warning with its place, never with what was found:
 * a pattern is not a proof, and a warning travels further than the record. A person
 * decides, at the desk of admissibility.
 *
 * A text is folded first: Arabic digits become 0-9, spaces of every width become one
 * kind, marks that are not seen (direction, zero width, vowels) go. So a number written
 * in Arabic, or hidden between marks, is found as any other. */
#include "registry/registry_priv.h"

enum {
    FOLD_MAX = 16 << 10, /* texts are scanned in pieces of this size ... */
    FOLD_OVERLAP = 128,  /* ... that share this much */
    NEAR = 64            /* bytes before a number in which its name may stand */
};

enum personal {
    PERSONAL_EMAIL,
    PERSONAL_PHONE,
    PERSONAL_IDENTITY,
    PERSONAL_INSURANCE,
    PERSONAL_BIRTH,
    PERSONAL_KINDS
};
static const char *const personal_code[PERSONAL_KINDS] = {
    "record.personal_email", "record.personal_phone", "record.personal_identity",
    "record.personal_insurance", "record.personal_birth"};

static const char *const word_identity[] = {
    "cin", "cnie", "carte nationale", "identity card", "البطاقة الوطنية", "ب.ت.و", NULL};
static const char *const word_insurance[] = {"cnss",
                                             "cnops",
                                             "immatriculation",
                                             "insured number",
                                             "insurance number",
                                             "sécurité sociale",
                                             "securite sociale",
                                             "social security",
                                             "الضمان الاجتماعي",
                                             "رقم التسجيل",
                                             "رقم الانخراط",
                                             NULL};
static const char *const word_birth[] = {"né le",       "née le",
                                         "né(e) le",    "ne le ",
                                         "nee le",      "date de naissance",
                                         "naissance :", "naissance:",
                                         "born",        "date of birth",
                                         "birth date",  "birthdate",
                                         "dob",         "ddn",
                                         "d.d.n",       "ولد",
                                         "ولدت",        "مزداد",
                                         "مزدادة",      "ازدياد",
                                         "ميلاد",       NULL};

/* ---- folding --------------------------------------------------------------------- */
struct fold {
    char *p;
    size_t n;
};

static uint32_t fold_next(struct str s, size_t *at)
{
    unsigned char c = (unsigned char)s.p[*at];
    size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    uint32_t u = more == 0 ? c : more == 1 ? c & 0x1fu : more == 2 ? c & 0x0fu : c & 7u;
    for (size_t i = 1; i <= more && *at + i < s.n; i++)
        u = u << 6 | ((unsigned char)s.p[*at + i] & 0x3fu);
    *at += more + 1;
    return u;
}

static bool fold_unseen(uint32_t u)
{
    return (u >= 0x200b && u <= 0x200f) || (u >= 0x202a && u <= 0x202e) ||
           (u >= 0x2060 && u <= 0x2069) || u == 0x061c || u == 0xfeff || u == 0x00ad ||
           u == 0x0640 || (u >= 0x064b && u <= 0x0652);
}

static char fold_ascii(uint32_t u)
{
    if (u >= 0x0660 && u <= 0x0669)
        return (char)('0' + (u - 0x0660));
    if (u >= 0x06f0 && u <= 0x06f9)
        return (char)('0' + (u - 0x06f0));
    if (u >= 0xff01 && u <= 0xff5e) /* full width */
        return (char)(u - 0xfee0);
    if (u == 0xa0 || (u >= 0x2000 && u <= 0x200a) || u == 0x202f || u == 0x3000 ||
        u == '\t' || u == '\n' || u == '\r')
        return ' ';
    if (u >= 0x2010 && u <= 0x2015) /* hyphens and dashes */
        return '-';
    return 0;
}

/* Never longer than s. */
static void fold_text(struct fold *f, struct str s)
{
    f->n = 0;
    for (size_t at = 0; at < s.n;) {
        size_t from = at;
        uint32_t u = fold_next(s, &at);
        char c = fold_ascii(u);
        size_t end = AM_MIN(at, s.n);
        if (fold_unseen(u))
            continue;
        if (c) {
            f->p[f->n++] = c;
            continue;
        }
        memcpy(f->p + f->n, s.p + from, end - from);
        f->n += end - from;
    }
}

/* ---- small readers --------------------------------------------------------------- */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char at(const struct fold *f, size_t i)
{
    return i < f->n ? f->p[i] : '\0';
}

/* A word of ASCII letters is not the inside of another one. */
static bool word_at(const struct fold *f, size_t i, const char *word)
{
    size_t n = strlen(word);
    if (i + n > f->n || (i && is_letter(word[0]) && is_letter(f->p[i - 1])))
        return false;
    for (size_t k = 0; k < n; k++)
        if (lower(f->p[i + k]) != word[k])
            return false;
    return !is_letter(word[n - 1]) || !is_letter(at(f, i + n));
}

/* Is one of the words within NEAR bytes before i? */
static bool near_before(const struct fold *f, size_t i, const char *const *words)
{
    for (size_t k = i > NEAR ? i - NEAR : 0; k < i; k++)
        for (size_t w = 0; words[w]; w++)
            if (word_at(f, k, words[w]))
                return true;
    return false;
}

/* Digits from i, one space, dot or hyphen allowed between two of them; at most max of
 * them, and the place after the last. */
static size_t digits_from(const struct fold *f, size_t i, size_t max, size_t *end)
{
    size_t n = 0;
    while (n < max && is_digit(at(f, i))) {
        n++;
        *end = ++i;
        if (!is_digit(at(f, i)) && strchr(" .-", at(f, i) ? at(f, i) : '#') &&
            is_digit(at(f, i + 1)))
            i++;
    }
    return n;
}

/* ---- what is looked for; i is where a digit or an @ stands ---------------------------
 */
static bool is_email(const struct fold *f, size_t i)
{
    size_t end = i + 1, dot = 0;
    bool before = i && (is_letter(f->p[i - 1]) || is_digit(f->p[i - 1]) ||
                        strchr("._%+-", f->p[i - 1]));
    while (end < f->n && (is_letter(f->p[end]) || is_digit(f->p[end]) ||
                          f->p[end] == '-' || f->p[end] == '.')) {
        if (f->p[end] == '.' && is_letter(at(f, end + 1))) /* not the one that ends */
            dot = end;
        end++;
    }
    return before && dot > i + 1 && is_letter(at(f, dot + 1)) &&
           is_letter(at(f, dot + 2));
}

/* 05..08 and eight digits more, +212 or 00212 and nine, or + and 8 to 15 anywhere. */
static bool is_phone(const struct fold *f, size_t i)
{
    char before = i ? f->p[i - 1] : ' ';
    size_t end = i, n;
    if (is_digit(before) || is_letter(before) || strchr(".,/_=", before ? before : '.'))
        return false;
    if (before == '+') {
        n = digits_from(f, i, 15, &end);
        return at(f, i) != '0' && n >= 10 && !is_letter(at(f, end)) &&
               (at(f, i + 1) != '.' || n >= 11);
    }
    if (at(f, i) != '0')
        return false;
    if (at(f, i + 1) == '0' && is_digit(at(f, i + 2)) && at(f, i + 2) != '0')
        return digits_from(f, i, 17, &end) >= 12;
    n = digits_from(f, i, 10, &end);
    return at(f, i + 1) >= '5' && at(f, i + 1) <= '8' && n == 10 &&
           !is_digit(at(f, end)) && !is_letter(at(f, end));
}

/* One or two letters and five or six digits; where "CIN" stands before, any form. */
static bool is_identity(const struct fold *f, size_t i)
{
    size_t letters = 0, n = 0, first;
    bool gap = i && f->p[i - 1] == ' ', capital = true, named;
    size_t last = i - (gap ? 1 : 0);
    while (letters < 3 && letters < last && is_letter(f->p[last - 1 - letters])) {
        capital &= f->p[last - 1 - letters] < 'a';
        letters++;
    }
    while (is_digit(at(f, i + n)) && n < 8)
        n++;
    if (letters < 1 || letters > 2 || n < 5 || n > 6 || is_letter(at(f, i + n)))
        return false;
    first = last - letters;
    if (first && strchr("-_/:.", f->p[first - 1]))
        return false; /* the end of a code */
    named = near_before(f, first, word_identity);
    return named || (capital && !gap);
}

static bool is_insurance(const struct fold *f, size_t i)
{
    size_t end = i, n;
    if (i && (is_digit(f->p[i - 1]) || is_letter(f->p[i - 1])))
        return false;
    n = digits_from(f, i, 11, &end);
    return (n == 9 || n == 10) && near_before(f, i, word_insurance);
}

static size_t number_at(const struct fold *f, size_t *i)
{
    size_t n = 0;
    while (is_digit(at(f, *i)) && n < 5) {
        n++;
        ++*i;
    }
    return n;
}

/* 3/4/1980, 1980-04-03, 3 avril 1980. */
static bool is_date(const struct fold *f, size_t i)
{
    size_t a, b, c, from;
    a = number_at(f, &i);
    from = i;
    while (i < f->n && i < from + 24 && !is_digit(f->p[i]))
        i++;
    b = number_at(f, &i);
    if (a <= 2 && b == 4 && i > from + 5)
        return true; /* a month in words */
    if (i >= f->n || !strchr("/.- ", f->p[i]))
        return false;
    i++;
    c = number_at(f, &i);
    return (a <= 2 && b <= 2 && c == 4) ||
           (a == 4 && b >= 1 && b <= 2 && c >= 1 && c <= 2);
}

static bool is_birth(const struct fold *f, size_t i)
{
    return (!i || !is_digit(f->p[i - 1])) && is_date(f, i) &&
           near_before(f, i, word_birth);
}

/* ---- walking --------------------------------------------------------------------- */
struct personal_walk {
    struct fold fold;
    struct buf path;
    struct diag *d;
    bool mailbox; /* an address that is meant to be one */
};

static void personal_piece(struct personal_walk *w, struct str s,
                           bool found[PERSONAL_KINDS])
{
    struct fold *f = &w->fold;
    fold_text(f, s);
    for (size_t i = 0; i < f->n; i++) {
        if (f->p[i] == '@')
            found[PERSONAL_EMAIL] |= !w->mailbox && is_email(f, i);
        if (!is_digit(f->p[i]))
            continue;
        found[PERSONAL_PHONE] |= is_phone(f, i);
        if (i && (is_letter(f->p[i - 1]) || f->p[i - 1] == ' '))
            found[PERSONAL_IDENTITY] |= is_identity(f, i);
        found[PERSONAL_INSURANCE] |= is_insurance(f, i);
        found[PERSONAL_BIRTH] |= is_birth(f, i);
    }
}

/* Nothing to look at in most texts: they have neither a digit nor an @. */
static bool personal_worth(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_digit(s.p[i]) || s.p[i] == '@' || (unsigned char)s.p[i] == 0xd9 ||
            (unsigned char)s.p[i] == 0xdb || (unsigned char)s.p[i] == 0xef)
            return true;
    return false;
}

static void personal_text(struct personal_walk *w, struct str s)
{
    bool found[PERSONAL_KINDS] = {false};
    if (s.n < 5 || !personal_worth(s))
        return;
    for (size_t from = 0; from < s.n; from += FOLD_MAX - FOLD_OVERLAP)
        personal_piece(w, str_sub(s, from, from + FOLD_MAX), found);
    for (size_t k = 0; k < PERSONAL_KINDS; k++)
        if (found[k])
            diag_add(w->d, DIAG_WARNING, buf_str(&w->path).p, personal_code[k],
                     "looks like personal data: take it out, or be ready to explain");
}

/* Not free text: keys, signatures, what is made by programs, what has its own syntax. */
static bool personal_skipped(struct str key)
{
    static const char *const no[] = {"model_signature",
                                     "fhir_twin",
                                     "publications",
                                     "trials",
                                     "spki",
                                     "vkey",
                                     "log_key",
                                     "proof",
                                     "root",
                                     "witnesses",
                                     "issued_at",
                                     "ice",
                                     "terms"};
    for (size_t i = 0; i < AM_LEN(no); i++)
        if (str_eqc(key, no[i]))
            return true;
    return false;
}

static int personal_value(struct personal_walk *w, const struct json *v)
{
    size_t before = w->path.n;
    int err = AM_OK;
    if (json_type(v) == JSON_STRING)
        personal_text(w, json_str(v));
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return AM_OK;
    for (json_each(it, v)) {
        if (it.key.p && personal_skipped(it.key))
            continue;
        w->mailbox = it.key.p && str_eqc(it.key, "contact");
        err = it.key.p ? json_pointer_add(&w->path, it.key)
                       : json_pointer_addi(&w->path, it.i);
        if (!err)
            err = personal_value(w, it.val);
        buf_cut(&w->path, before);
        if (err)
            break;
    }
    return err;
}

int registry_personal(const struct json *record, struct diag *d)
{
    struct personal_walk w = {.d = d};
    int err;
    w.fold.p = am_malloc(FOLD_MAX);
    if (!w.fold.p)
        return AM_E_NOMEM;
    buf_init(&w.path, 4096);
    err = personal_value(&w, record);
    buf_release(&w.path);
    free(w.fold.p);
    return err == AM_E_TOOBIG ? AM_OK : err; /* a path nobody would read */
}
