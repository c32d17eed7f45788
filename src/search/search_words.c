/* SPDX-License-Identifier: Apache-2.0 */
/* search_words -- text to words, the same way for documents and queries.
 *
 * The rules are those of light stemming: strip what changes with grammar, keep what
 * carries the meaning. French and English: final s, x, aux. Arabic after "light10"
 * (Larkey, Ballesteros, Connell 2007), prefixes and the feminine ending only. */
#include "search/search_priv.h"
#include "search/search_tbl.h"

#include <pthread.h>
#include <stdlib.h>

struct word {
    search_word_fn *fn;
    void *arg;
    char p[SEARCH_WORD_MAX];
    size_t n;
    bool cut;        /* what follows does not fit */
    bool apostrophe; /* one came just before */
};

/* In any of the three languages, folded; at most STOP_B bytes each. */
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
/* Sorted. */
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

/* ---- the words without meaning, by their bytes ---------------------------------------
 */
enum { STOP_B = 8, STOP_CELLS = 256 };
static uint64_t stop_cell[STOP_CELLS]; /* written once, by prepare() */

static uint64_t stop_key(struct str w)
{
    uint64_t k = 0; /* no word has a zero byte, so padding is no ambiguity */
    for (size_t i = 0; i < w.n; i++)
        k |= (uint64_t)(unsigned char)w.p[i] << 8 * i;
    return k;
}

static uint64_t *stop_place(uint64_t key)
{
    size_t at = key * 0x9E3779B97F4A7C15u >> 56;
    while (stop_cell[at] && stop_cell[at] != key)
        at = (at + 1) % STOP_CELLS;
    return &stop_cell[at];
}

static bool stops(struct str w)
{
    return w.n <= STOP_B && *stop_place(stop_key(w));
}

/* ---- endings and beginnings -------------------------------------------------------- */
enum {
    ALEF = 0xD8A7,
    BA = 0xD8A8,
    FA = 0xD981,
    KAF = 0xD983,
    LAM = 0xD984,
    WAW = 0xD988
};
enum { HA = 0xD987 };

/* Letters here are two bytes each; 0 past the end. */
static unsigned letter_at(struct str w, size_t i)
{
    const unsigned char *p = (const unsigned char *)w.p;
    return 2 * i + 1 < w.n ? (unsigned)p[2 * i] << 8 | p[2 * i + 1] : 0;
}

/* wal-, bal-, kal-, fal-, al-, ll-, w-: each only where enough of the word stays. */
static struct str without_article(struct str w)
{
    unsigned a = letter_at(w, 0), b = letter_at(w, 1), c = letter_at(w, 2);
    if (w.n >= 12 && (a == WAW || a == BA || a == KAF || a == FA) && b == ALEF &&
        c == LAM)
        return str_sub(w, 6, w.n);
    if (w.n >= 10 && b == LAM && (a == ALEF || a == LAM))
        return str_sub(w, 4, w.n);
    if (w.n >= 10 && a == WAW)
        return str_sub(w, 2, w.n);
    return w;
}

static struct str stem_arabic(struct str w)
{
    const unsigned char *end;
    /* Twice: in "inflammation" the first two letters look like the article, and its
     * definite form must come out the same. */
    w = without_article(without_article(w));
    end = (const unsigned char *)w.p + w.n;
    if (w.n >= 8 && end[-2] == HA >> 8 && end[-1] == (HA & 0xFF))
        w.n -= 2;
    return w;
}

static struct str stem_latin(struct str w)
{
    char last = w.p[w.n - 1];
    if (w.n >= 5 && last == 'x') {
        w.n--;
        if (w.p[w.n - 2] == 'a' && w.p[w.n - 1] == 'u' && w.p[w.n - 3] != 'e')
            w.n--; /* hôpitaux, hôpital: both become hopita */
    } else if (w.n >= 4 && last == 's' && w.p[w.n - 2] != 's') {
        w.n--;
    }
    if (w.n >= 5 && w.p[w.n - 2] == 'a' && w.p[w.n - 1] == 'l')
        w.n--;
    return w;
}

/* A word begins with an Arabic letter: U+0600 to U+06FF. */
static bool is_arabic(struct str s)
{
    unsigned char c = (unsigned char)s.p[0];
    return c >= 0xD8 && c <= 0xDB;
}

static int end_word(struct word *w, bool apostrophe)
{
    struct str s = {w->p, w->n};
    bool after = w->apostrophe;
    w->apostrophe = apostrophe;
    w->n = 0;
    w->cut = false;
    if (!s.n || (apostrophe && listed(s, elisions, AM_LEN(elisions))) ||
        (after && s.n == 1 && (s.p[0] == 's' || s.p[0] == 't')) || /* patient's, don't */
        stops(s))
        return AM_OK;
    return w->fn(w->arg, is_arabic(s) ? stem_arabic(s) : stem_latin(s));
}

static void add_bytes(struct word *w, const char *p, size_t n)
{
    if (w->cut || w->n + n > sizeof w->p) {
        w->cut = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        w->p[w->n++] = p[i];
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

/* Code points of one and two bytes, folded once and for all: what they are and the one or
 * two bytes they become. The rules are those of kind_of() and search_latin. */
struct folded {
    uint8_t kind, n;
    char p[2];
};
static struct folded folded[0x800];

static void prepare(void)
{
    for (size_t i = 0; i < AM_LEN(stop_words); i++) {
        struct str w = str_c(stop_words[i]);
        am_assert(w.n <= STOP_B);
        *stop_place(stop_key(w)) = stop_key(w);
    }
    for (uint32_t i = 0; i < AM_LEN(folded); i++) {
        uint32_t c = i;
        struct folded *f = &folded[i];
        f->kind = i ? (uint8_t)kind_of(&c) : SEPARATES;
        if (c >= 0xC0 && c < 0x180) {
            memcpy(f->p, search_latin[c - 0xC0], 2);
            f->n = f->p[1] ? 2 : 1;
        } else if (c < 0x80) {
            f->p[0] = (char)c;
            f->n = 1;
        } else {
            f->p[0] = (char)(0xC0 | c >> 6);
            f->p[1] = (char)(0x80 | (c & 0x3F));
            f->n = 2;
        }
    }
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

/* One character off the text; what a letter becomes goes to the word. */
static enum kind take(struct word *w, struct str *text)
{
    const unsigned char *p = (const unsigned char *)text->p;
    size_t k = p[0] < 0x80                                                     ? 1
               : p[0] >= 0xC2 && p[0] < 0xE0 && text->n >= 2 && p[1] >> 6 == 2 ? 2
                                                                               : 0;
    enum kind kind;
    uint32_t c;
    if (k) {
        const struct folded *f =
            &folded[k == 1 ? p[0] : (p[0] & 0x1Fu) << 6 | (p[1] & 0x3F)];
        text->p += k;
        text->n -= k;
        if (f->kind == LETTER)
            add_bytes(w, f->p, f->n);
        return f->kind;
    }
    c = next(text);
    kind = c ? kind_of(&c) : SEPARATES;
    if (kind == LETTER)
        add_code(w, c);
    return kind;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

size_t search_fold(struct str text, char *out, size_t cap)
{
    size_t n = 0;
    bool blank = false;
    pthread_once(&once, prepare);
    while (text.n) {
        struct word w = {0};
        enum kind k = take(&w, &text);
        size_t gap = blank && n > 0;
        if (k == SEPARATES)
            blank = true;
        if (k != LETTER)
            continue;
        if (n + gap + w.n > cap)
            break;
        if (gap)
            out[n++] = ' ';
        memcpy(out + n, w.p, w.n);
        n += w.n;
        blank = false;
    }
    return n;
}

int search_words(struct str text, search_word_fn *fn, void *arg)
{
    struct word w = {.fn = fn, .arg = arg};
    pthread_once(&once, prepare);
    while (text.n) {
        enum kind k = take(&w, &text);
        int err;
        if (k == LETTER || k == IGNORED)
            continue;
        err = end_word(&w, k == APOSTROPHE);
        if (err)
            return err;
    }
    return end_word(&w, false);
}
