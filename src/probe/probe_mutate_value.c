/* SPDX-License-Identifier: Apache-2.0 */
/* probe_mutate_value -- mistakes of people and interfaces in one value: units, keys,
 * code books. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "probe/probe_mutate_priv.h"

/* ---- units --------------------------------------------------------------------------
 * value in b = value in a * factor + offset. codes: LOINC codes of the quantity, in
 * either unit; NULL: the units alone say enough. Factors of amount and mass are molar
 * masses: glucose 180.16, creatinine 113.12, bilirubin 584.7, cholesterol 386.7, urea
 * nitrogen 28.01 g/mol. */
static const struct unit_pair {
    const char *codes, *a, *b;
    double factor, offset;
} pairs[] = {
    {"2345-7 14749-6 2339-0 15074-8 1558-6 14771-0", "mmol/L", "mg/dL", 18.016, 0},
    {"2160-0 14682-9", "mg/dL", "umol/L", 88.42, 0},
    {"1975-2 14631-6", "mg/dL", "umol/L", 17.104, 0},
    {"2093-3 14647-2", "mmol/L", "mg/dL", 38.67, 0},
    {"3094-0 14937-7", "mmol/L", "mg/dL", 2.801, 0},
    {NULL, "g/dL", "g/L", 10, 0}, /* haemoglobin, albumin, protein */
    {NULL, "Cel", "[degF]", 1.8, 32},
    {NULL, "kg", "[lb_av]", 2.20462262, 0},
    {NULL, "cm", "[in_i]", 1 / 2.54, 0},
    {NULL, "m", "cm", 100, 0},
    {NULL, "kPa", "mm[Hg]", 7.50061683, 0},
    {NULL, "a", "mo", 12, 0},
};

static bool listed(const char *words, struct str w)
{
    struct str rest = str_c(words);
    while (rest.n)
        if (str_eq(str_cut(rest, ' ', &rest), w))
            return true;
    return false;
}

static const struct unit_pair *pair_of(const struct probe_input *f)
{
    for (size_t i = 0; i < AM_LEN(pairs); i++)
        if ((str_eqc(f->unit, pairs[i].a) || str_eqc(f->unit, pairs[i].b)) &&
            (!pairs[i].codes || listed(pairs[i].codes, f->code)))
            return &pairs[i];
    return NULL;
}

bool probe_has_units(const struct probe_input *f)
{
    return f->n_factors || pair_of(f);
}

/* A declared factor in either direction, or the table's pair in the only one that can be:
 * the record's unit is the one the model reads, the value came in the other. */
double probe_unit_error(const struct probe_input *f, double v, struct stat_rng *r)
{
    const struct unit_pair *p = pair_of(f);
    size_t n = 2 * f->n_factors + (p != NULL);
    uint64_t k = n ? stat_rng_below(r, n) : 0;
    if (!n)
        return v;
    if (k < 2 * f->n_factors)
        return k % 2 ? v / f->factors[k / 2] : v * f->factors[k / 2];
    return str_eqc(f->unit, p->a) ? v * p->factor + p->offset
                                  : (v - p->offset) / p->factor;
}

/* ---- keys ---------------------------------------------------------------------------
 */
/* Decimals a person would have typed: those declared, else the fewest that say v. */
static int decimals_of(const struct probe_input *f, double v)
{
    int d = 0;
    if (f->decimals >= 0)
        return AM_MIN(f->decimals, 9);
    if (f->kind == PROBE_INTEGER)
        return 0;
    while (d < 6 && fabs(v * pow(10, d) - nearbyint(v * pow(10, d))) >
                        1e-9 * fmax(1, fabs(v) * pow(10, d)))
        d++;
    return d;
}

/* Beside a key, on the row of digits or on the pad. */
static const char *const near_key[10] = {"129",  "024",  "0135", "246", "1357",
                                         "2468", "3579", "468",  "579", "068"};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Places of digits in text; with pairs: those that differ from the next digit. */
static size_t places(const char *text, bool differ, uint8_t at[64])
{
    size_t n = 0, last = SIZE_MAX;
    for (size_t i = 0; i < 64 && text[i]; i++) {
        if (!digit(text[i]))
            continue;
        if (!differ)
            at[n++] = (uint8_t)i;
        else if (last != SIZE_MAX && text[last] != text[i])
            at[n++] = (uint8_t)last;
        last = i;
    }
    return n;
}

static void press(enum probe_operator op, char *text, size_t room, size_t at,
                  struct stat_rng *r)
{
    size_t n = strlen(text), next = at + 1;
    if (op == PROBE_DIGIT_NEIGHBOUR) {
        const char *keys = near_key[text[at] - '0'];
        text[at] = keys[stat_rng_below(r, strlen(keys))];
    } else if (op == PROBE_DIGIT_REPEAT && n + 1 < room) {
        memmove(text + at + 1, text + at, n - at + 1);
    } else if (op == PROBE_DIGIT_SWAP) {
        char c = text[at];
        while (!digit(text[next]))
            next++;
        text[at] = text[next];
        text[next] = c;
    }
}

double probe_transcribe(enum probe_operator op, const struct probe_input *f, double v,
                        struct stat_rng *r)
{
    char text[64];
    uint8_t at[64];
    double out;
    size_t n;
    if (op == PROBE_DECIMAL_SHIFT)
        return stat_rng_below(r, 2) ? v * 10 : v / 10;
    if (fabs(v) >= 1e18) /* longer than anybody types */
        return v;
    snprintf(text, sizeof text, "%.*f", decimals_of(f, v), v);
    n = places(text, op == PROBE_DIGIT_SWAP, at);
    if (!n)
        return v;
    press(op, text, sizeof text, at[stat_rng_below(r, n)], r);
    return str_double(str_c(text), &out) ? v : out;
}

/* ---- code books ---------------------------------------------------------------------
 */
double probe_recode(enum probe_operator op, const struct probe_input *f, double v,
                    struct stat_rng *r)
{
    size_t others = 0;
    uint64_t k;
    if (op == PROBE_RECODE_SHIFT)
        return v + 1; /* counted from 1 instead of 0 */
    if (f->kind == PROBE_BOOLEAN)
        return 1 - v;
    for (size_t i = 0; i < f->n_values; i++)
        others += f->values[i] != v;
    k = others ? stat_rng_below(r, others) : 0;
    for (size_t i = 0; i < f->n_values; i++)
        if (f->values[i] != v && k-- == 0)
            return f->values[i];
    return v;
}
