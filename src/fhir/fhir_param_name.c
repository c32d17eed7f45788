/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_param_name -- one key for the spellings of a name in Latin and Arabic letters.
 *
 * Moroccan civil status writes a name in Arabic and once, by ear and by French habit, in
 * Latin letters: Mohammed, Mohamed, Muhammad are one. The key is what both scripts
 * surely share, the consonants: doubled ones once, vowels and what may be a vowel
 * (alef, waw, ya inside a word) gone, an 'a' for whatever vowel or ayn comes first,
 * letters that Latin writing confuses (sad and sin, tah and ta, qaf and kaf) merged, a
 * final h or ta marbuta gone. It finds too much rather than too little (Ahmed and Hamid
 * differ, Karim and Karima do not): it serves who asks for it, and nobody else. */
#include "fhir/fhir_param_priv.h"

#include "search/search.h"

struct key {
    char *p;
    size_t n;
    bool first; /* nothing came yet */
};

static void key_put(struct key *k, char c)
{
    bool doubled = k->n && k->p[k->n - 1] == c;
    k->first = false;
    if (!doubled && k->n < FHIR_NAME_KEY)
        k->p[k->n++] = c;
}

static void key_vowel(struct key *k)
{
    if (k->first)
        key_put(k, 'a');
}

/* U+0621 to U+063A: '.' nothing, '*' a vowel. */
static const char key_arabic[] = ".******" /* hamza, its seats, alef */
                                 "bhttj"   /* ba to jim */
                                 "hxddrz"  /* hah to zay */
                                 "scsdtd"  /* sin to zah */
                                 "*g";     /* ayn, ghayn */

static char key_of_arabic(uint32_t c)
{
    switch (c) {
    case 0x641:
        return 'f';
    case 0x642:
    case 0x643:
        return 'k';
    case 0x644:
        return 'l';
    case 0x645:
        return 'm';
    case 0x646:
        return 'n';
    case 0x647:
        return 'h';
    case 0x648:
        return 'w';
    case 0x64A:
        return 'y';
    case 0x67E: /* pe, as in foreign names */
        return 'b';
    case 0x6A4: /* ve */
        return 'f';
    case 0x6AD: /* the Moroccan hard g */
    case 0x763:
        return 'g';
    default:
        return c >= 0x621 && c <= 0x63A ? key_arabic[c - 0x621] : '.';
    }
}

static void key_arabic_letter(struct key *k, uint32_t c)
{
    char l = key_of_arabic(c);
    if (l == '*' || ((l == 'w' || l == 'y') && !k->first))
        key_vowel(k);
    else if (l != '.')
        key_put(k, l);
}

static bool latin_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* Two letters for one sound; what is left of s after them. 0: not one of these. */
static char key_pair(struct str s, bool first)
{
    static const char pair[][3] = {"kh", "gh", "sh", "ch", "th", "dh", "dj", "ph"};
    static const char sound[] = "xgcctdjf";
    if (s.n < 2)
        return 0;
    if (first && s.n > 2 && s.p[0] == 'o' && s.p[1] == 'u' && latin_vowel(s.p[2]))
        return 'w'; /* Oualid */
    for (size_t i = 0; i < AM_LEN(pair); i++)
        if (s.p[0] == pair[i][0] && s.p[1] == pair[i][1])
            return sound[i];
    return 0;
}

static void key_latin_letter(struct key *k, char c, char next)
{
    bool soft = next == 'e' || next == 'i' || next == 'y';
    if (latin_vowel(c) || ((c == 'y' || c == 'w') && !k->first))
        key_vowel(k);
    else if (c == 'c')
        key_put(k, soft ? 's' : 'k');
    else if (c == 'g')
        key_put(k, soft ? 'j' : 'g');
    else if (c == 'x') {
        key_put(k, 'k');
        key_put(k, 's');
    } else if (c >= 'a' && c <= 'z')
        key_put(k, c == 'q' ? 'k' : c == 'p' ? 'b' : c == 'v' ? 'f' : c);
    else if (c >= '0' && c <= '9')
        key_put(k, c);
}

static void key_latin(struct key *k, struct str *s)
{
    char two = key_pair(*s, k->first);
    if (two) {
        key_put(k, two);
        *s = str_sub(*s, 2, s->n);
        return;
    }
    key_latin_letter(k, s->p[0], s->n > 1 ? s->p[1] : 0);
    *s = str_sub(*s, 1, s->n);
}

struct str fhir_name_key(struct str word, char out[FHIR_NAME_KEY])
{
    char folded[FHIR_ROW_TEXT_MAX];
    struct str s = {folded, search_fold(word, folded, sizeof folded)};
    struct key k = {.p = out, .first = true};
    if (s.n > 4 && !memcmp(s.p, "\xD8\xA7\xD9\x84", 4))
        s = str_sub(s, 4, s.n); /* the article */
    while (s.n) {
        unsigned char a = (unsigned char)s.p[0];
        size_t n = a < 0x80 ? 1 : a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;
        if (n == 1) {
            key_latin(&k, &s);
            continue;
        }
        if (n == 2 && s.n >= 2)
            key_arabic_letter(&k, (uint32_t)(a & 0x1F) << 6 | (s.p[1] & 0x3F));
        s = str_sub(s, n, s.n);
    }
    if (k.n > 1 && out[k.n - 1] == 'h')
        k.n--; /* Fatimah; ta marbuta folds to ha */
    return (struct str){out, k.n};
}

void fhir_name_words(struct str text, int (*fn)(void *, struct str), void *arg)
{
    char folded[512]; /* a name; what is longer is cut */
    struct str left = {folded, search_fold(text, folded, sizeof folded)}, word;
    while (left.n) {
        word = str_cut(left, ' ', &left);
        if (word.n && !str_eqc(word, "el") && !str_eqc(word, "al") && fn(arg, word))
            return;
    }
}
