/* SPDX-License-Identifier: Apache-2.0 */
/* Which language: locale names and Accept-Language (RFC 9110, 12.5.4). */
#include "text/text.h"

static const struct {
    const char *code, *dir;
} lang[TEXT_LANGS] = {
    [TEXT_FR] = {"fr", "ltr"}, [TEXT_AR] = {"ar", "rtl"}, [TEXT_EN] = {"en", "ltr"}};

const char *text_lang_code(enum text_lang l)
{
    am_assert(l < TEXT_LANGS);
    return lang[l].code;
}

const char *text_lang_dir(enum text_lang l)
{
    am_assert(l < TEXT_LANGS);
    return lang[l].dir;
}

bool text_lang_parse(struct str s, enum text_lang *out)
{
    size_t n = 0; /* the primary subtag ends at - (BCP 47), _ . or @ (POSIX) */
    while (n < s.n && s.p[n] != '-' && s.p[n] != '_' && s.p[n] != '.' && s.p[n] != '@')
        n++;
    for (enum text_lang l = TEXT_FR; l < TEXT_LANGS; l++)
        if (str_eq_nocase(str_sub(s, 0, n), str_c(lang[l].code))) {
            *out = l;
            return true;
        }
    return false;
}

/* qvalue in thousandths: "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3("0") ]; -1 when malformed.
 */
static int quality(struct str s)
{
    if (!s.n || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1'))
        return -1;
    if (s.n > 1 && s.p[1] != '.')
        return -1;
    int q = (s.p[0] - '0') * 1000, unit = 100;
    for (size_t i = 2; i < s.n; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        q += (s.p[i] - '0') * unit;
    }
    return q > 1000 ? -1 : q;
}

/* One element of the list, "fr-MA;q=0.8": its quality, or -1 when it is to be ignored. */
static int element(struct str item, struct str *tag)
{
    struct str rest;
    *tag = str_trim(str_cut(item, ';', &rest));
    int q = 1000;
    while (rest.n && q >= 0) {
        struct str param = str_trim(str_cut(rest, ';', &rest)), value;
        struct str name = str_trim(str_cut(param, '=', &value));
        if (str_eq_nocase(name, STR("q")))
            q = quality(str_trim(value));
    }
    return tag->n ? q : -1;
}

enum text_lang text_lang_accept(struct str header)
{
    enum {
        ITEMS = 64
    }; /* browsers send fewer than ten; the rest of a longer list is ignored */
    int best_of[TEXT_LANGS] = {-1, -1, -1}, star = -1;
    size_t first[TEXT_LANGS] = {ITEMS, ITEMS, ITEMS};
    struct str rest = header;
    for (size_t i = 0; i < ITEMS && rest.n; i++) {
        struct str tag;
        enum text_lang l;
        int q = element(str_cut(rest, ',', &rest), &tag);
        if (q < 0)
            continue;
        if (str_eqc(tag, "*")) {
            star = AM_MAX(star, q);
        } else if (text_lang_parse(tag, &l) && q > best_of[l]) {
            best_of[l] = q;
            first[l] = i;
        }
    }
    enum text_lang best = TEXT_FR;
    int best_q = 0;
    size_t best_first = ITEMS + 1;
    for (enum text_lang l = TEXT_FR; l < TEXT_LANGS; l++) {
        int q = best_of[l] < 0 ? star : best_of[l];
        if (q > best_q || (q == best_q && q > 0 && first[l] < best_first)) {
            best = l;
            best_q = q;
            best_first = first[l];
        }
    }
    return best;
}
