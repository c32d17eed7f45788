/* SPDX-License-Identifier: Apache-2.0 */
/* search_words -- text to words, the same way for documents and queries.
 *
 * The rules are those of light stemming: strip what changes with grammar, keep what
 * carries the meaning. French and English: final s, x, aux. Arabic after "light10"
 * (Larkey, Ballesteros, Connell 2007), prefixes and the feminine ending only. */
#include "search/search_priv.h"
#include "search/search_tbl.h"

#include <stdlib.h>

struct word {
    search_word_fn *fn;
    void *arg;
    char p[SEARCH_WORD_MAX];
    size_t n;
    bool cut;        /* what follows does not fit */
    bool arabic;     /* begins with an Arabic letter */
    bool apostrophe; /* one came just before */
};

/* Sorted: in any of the three languages, folded. */
static const char *const stop_words[] = {
    "a",   "an",   "and",  "are",  "as",    "at",   "au",    "aux",  "avec", "be",
    "by",  "ce",   "ces",  "cet",  "cette", "chez", "comme", "dans", "de",   "des",
    "du",  "elle", "en",   "est",  "et",    "for",  "from",  "il",   "ils",  "in",
    "is",  "it",   "its",  "la",   "le",    "les",  "leur",  "lui",  "mais", "ne",
    "of",  "on",   "or",   "ou",   "par",   "pas",  "pour",  "que",  "qui",  "sa",
    "se",  "ses",  "son",  "sont", "sur",   "that", "the",   "this", "to",   "un",
    "une", "was",  "with", "y",    "ال",    "التي", "الذي",  "الي",  "ان",   "او",
    "بين", "علي",  "عن",   "في",   "كل",    "لا",   "ما",    "مع",   "من",   "هذا",
    "هذه", "و"};
static const char *const elisions[] = {"c", "d",      "j",  "jusqu",  "l", "lorsqu", "m",
                                       "n", "puisqu", "qu", "quoiqu", "s", "t"};

static int by_text(const void *key, const void *item)
{
    return str_cmp(*(const struct str *)key, str_c(*(const char *const *)item));
}

static bool listed(struct str w, const char *const *list, size_t n)
{
    return bsearch(&w, list, n, sizeof *list, by_text) != NULL;
}

/* Next code point; 0 for a byte that is no UTF-8. */
static uint32_t next(struct str *s)
{
    const unsigned char *p = (const unsigned char *)s->p;
    size_t k = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t c = k == 1 ? p[0] : p[0] & (0x7Fu >> k);
    if (s->n < k || !str_utf8((struct str){s->p, k})) {
        *s = str_sub(*s, 1, s->n);
        return 0;
    }
    for (size_t i = 1; i < k; i++)
        c = c << 6 | (p[i] & 0x3F);
    *s = str_sub(*s, k, s->n);
    return c;
}

/* ---- endings and beginnings -------------------------------------------------------- */
/* Letters here are two bytes each. */
static struct str without_article(struct str w)
{
    static const struct str prefix[] = {STR_INIT("وال"), STR_INIT("بال"), STR_INIT("كال"),
                                        STR_INIT("فال"), STR_INIT("ال"),  STR_INIT("لل")};
    for (size_t i = 0; i < AM_LEN(prefix); i++)
        if (str_starts(w, prefix[i]) && w.n >= prefix[i].n + 6)
            return str_sub(w, prefix[i].n, w.n);
    if (str_starts(w, STR("و")) && w.n >= 10)
        return str_sub(w, 2, w.n);
    return w;
}

static struct str stem_arabic(struct str w)
{
    /* Twice: in "inflammation" the first two letters look like the article, and its
     * definite form must come out the same. */
    w = without_article(without_article(w));
    if (str_ends(w, STR("ه")) && w.n >= 8)
        w.n -= 2;
    return w;
}

static struct str stem_latin(struct str w)
{
    if (w.n >= 5 && str_ends(w, STR("x"))) {
        w.n--;
        if (str_ends(w, STR("au")) && !str_ends(w, STR("eau")))
            w.n--; /* hôpitaux, hôpital: both become hopita */
    } else if (w.n >= 4 && w.p[w.n - 1] == 's' && w.p[w.n - 2] != 's') {
        w.n--;
    }
    if (w.n >= 5 && str_ends(w, STR("al")))
        w.n--;
    return w;
}

static int end_word(struct word *w, bool apostrophe)
{
    struct str s = {w->p, w->n};
    bool after = w->apostrophe;
    int err = AM_OK;
    w->apostrophe = apostrophe;
    w->n = 0;
    w->cut = false;
    if (!s.n || (apostrophe && listed(s, elisions, AM_LEN(elisions))) ||
        (after && (str_eqc(s, "s") || str_eqc(s, "t"))) || /* patient's, don't */
        listed(s, stop_words, AM_LEN(stop_words)))
        return AM_OK;
    s = w->arabic ? stem_arabic(s) : stem_latin(s);
    err = w->fn(w->arg, s);
    return err;
}

static void add_bytes(struct word *w, const char *p, size_t n)
{
    if (w->cut || w->n + n > sizeof w->p) {
        w->cut = true;
        return;
    }
    memcpy(w->p + w->n, p, n);
    w->n += n;
}

static void add_code(struct word *w, uint32_t c)
{
    char p[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; c >>= 6)
        p[i] = (char)(0x80 | (c & 0x3F));
    p[0] = (char)(lead[n] | c);
    add_bytes(w, p, n);
}

/* ---- letters ----------------------------------------------------------------------- */
enum kind { SEPARATES, IGNORED, APOSTROPHE, LETTER };

static enum kind kind_arabic(uint32_t *c)
{
    switch (*c) {
    case 0x622:
    case 0x623:
    case 0x625:
    case 0x671:
        *c = 0x627; /* alef */
        break;
    case 0x649:
    case 0x626:
    case 0x6CC:
        *c = 0x64A; /* ya */
        break;
    case 0x624:
        *c = 0x648; /* waw */
        break;
    case 0x629:
        *c = 0x647; /* ta marbuta: ha */
        break;
    case 0x6A9:
        *c = 0x643; /* kaf */
        break;
    case 0x60C:
    case 0x61B:
    case 0x61F:
    case 0x6D4:
        return SEPARATES;
    default:
        if (*c == 0x640 || *c == 0x61C || (*c >= 0x610 && *c <= 0x61A) ||
            (*c >= 0x64B && *c <= 0x65F) || *c == 0x670 || (*c >= 0x6D6 && *c <= 0x6ED))
            return IGNORED; /* tatweel, marks */
        if (*c >= 0x660 && *c <= 0x669)
            *c = *c - 0x660 + '0';
        else if (*c >= 0x6F0 && *c <= 0x6F9)
            *c = *c - 0x6F0 + '0';
        else if (*c < 0x620 || (*c >= 0x66A && *c <= 0x66D))
            return SEPARATES;
    }
    return LETTER;
}

static enum kind kind_of(uint32_t *c)
{
    if (*c < 0x80) {
        if (*c >= 'A' && *c <= 'Z')
            *c += 32;
        return (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ? LETTER
               : *c == '\'' || *c == '`'                            ? APOSTROPHE
                                                                    : SEPARATES;
    }
    if (*c >= 0x600 && *c <= 0x6FF)
        return kind_arabic(c);
    if (*c == 0x2019 || *c == 0x2018 || *c == 0x2BC)
        return APOSTROPHE;
    if (*c == 0xAD || (*c >= 0x300 && *c <= 0x36F) || (*c >= 0x200B && *c <= 0x200F) ||
        (*c >= 0x202A && *c <= 0x202E) || (*c >= 0x2060 && *c <= 0x206F) || *c == 0xFEFF)
        return IGNORED; /* combining marks, directions, joiners */
    if (*c < 0xAA || (*c > 0xAA && *c < 0xB5) || (*c > 0xB5 && *c < 0xBA) ||
        (*c > 0xBA && *c < 0xC0) || *c == 0xD7 || *c == 0xF7 ||
        (*c >= 0x2000 && *c <= 0x2BFF) || (*c >= 0x3000 && *c <= 0x3004) ||
        (*c >= 0x3008 && *c <= 0x3020) || *c >= 0xE0000 || (*c >= 0xFFF0 && *c <= 0xFFFF))
        return SEPARATES;
    return LETTER;
}

static void add_letter(struct word *w, uint32_t c)
{
    if (!w->n && !w->cut)
        w->arabic = c >= 0x600 && c <= 0x6FF;
    if (c >= 0xC0 && c < 0x180) {
        const char *p = search_latin[c - 0xC0];
        add_bytes(w, p, p[1] ? 2 : 1);
    } else {
        add_code(w, c);
    }
}

int search_words(struct str text, search_word_fn *fn, void *arg)
{
    struct word w = {.fn = fn, .arg = arg};
    while (text.n) {
        uint32_t c = next(&text);
        enum kind k = c ? kind_of(&c) : SEPARATES;
        int err;
        if (k == LETTER)
            add_letter(&w, c);
        if (k == LETTER || k == IGNORED)
            continue;
        err = end_word(&w, k == APOSTROPHE);
        if (err)
            return err;
    }
    return end_word(&w, false);
}
