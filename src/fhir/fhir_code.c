/* SPDX-License-Identifier: Apache-2.0 */
/* Codes that carry their own proof: LOINC numbers end with a check digit (LOINC Users'
 * Guide, appendix C: modulus 10), SNOMED CT identifiers with one of Verhoeff and say what
 * kind of component they name (SNOMED CT Release File Specifications, 3.1). A code that
 * passes is well formed; whether it is in an edition is the terminology's to say. */
#include "fhir/fhir.h"

enum { LOINC_DIGITS = 7, SCTID_MIN = 6, SCTID_MAX = 18, SCTID_LONG = 11 };

static bool code_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

bool fhir_loinc(struct str code)
{
    struct str check, number = str_cut(code, '-', &check);
    int sum = 0;
    if (number.n > LOINC_DIGITS || !code_digits(number) || number.p[0] == '0' ||
        check.n != 1 || !code_digits(check))
        return false;
    for (size_t i = 0; i < number.n; i++) {
        int d = number.p[number.n - 1 - i] - '0';
        if (i % 2 == 0)
            d = 2 * d > 9 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    return (10 - sum % 10) % 10 == check.p[0] - '0';
}

/* Multiplication in the dihedral group of order ten. */
static unsigned code_dihedral(unsigned a, unsigned b)
{
    if (a < 5)
        return b < 5 ? (a + b) % 5 : 5 + (a + b) % 5;
    return b < 5 ? 5 + (a - b + 5) % 5 : (a - b + 5) % 5;
}

static bool code_verhoeff(struct str s)
{
    static const uint8_t turn[10] = {1, 5, 7, 6, 2, 8, 3, 0, 9, 4};
    unsigned c = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned)(s.p[s.n - 1 - i] - '0');
        for (size_t k = 0; k < i % 8; k++)
            d = turn[d];
        c = code_dihedral(c, d);
    }
    return c == 0;
}

/* A concept: partition 00, or 10 when a namespace is inside. */
bool fhir_sctid(struct str code)
{
    struct str partition = str_sub(code, code.n - AM_MIN(code.n, 3), code.n - 1);
    if (code.n < SCTID_MIN || code.n > SCTID_MAX || !code_digits(code) ||
        code.p[0] == '0' || !code_verhoeff(code))
        return false;
    return str_eqc(partition, "00") || (str_eqc(partition, "10") && code.n >= SCTID_LONG);
}

enum fhir_code_kind fhir_coding_check(struct str system, struct str code)
{
    if (str_eqc(system, FHIR_LOINC))
        return fhir_loinc(code) ? FHIR_CODE_GOOD : FHIR_CODE_WRONG;
    if (str_eqc(system, FHIR_SNOMED_CT))
        return fhir_sctid(code) ? FHIR_CODE_GOOD : FHIR_CODE_WRONG;
    return FHIR_CODE_OTHER;
}
