/* SPDX-License-Identifier: Apache-2.0 */
#include "fhir/fhir_test.h"

#include <math.h>

static double convert(double v, const char *from, const char *to)
{
    double out = NAN;
    int err = fhir_unit_convert(v, str_c(from), str_c(to), &out);
    if (err)
        fail_msg("%g %s -> %s: %s", v, from, to, am_err_text(err));
    return out;
}

/* Values by an independent implementation, @lhncbc/ucum-lhc 7.1.9 (npm):
 *   node -e 'u=require("@lhncbc/ucum-lhc").UcumLhcUtils.getInstance();
 *            console.log(u.convertUnitTo(FROM, VALUE, TO).toVal)' */
static void units_of_a_ward_convert_as_a_peer_converts_them(void **state)
{
    static const struct {
        double v;
        const char *from, *to;
        double want;
    } k[] = {
        {120, "mm[Hg]", "kPa", 15.99864},
        {37, "Cel", "[degF]", 98.6},
        {98.6, "[degF]", "Cel", 37},
        {37, "Cel", "K", 310.15},
        {300, "K", "[degF]", 80.33},
        {6, "[ft_i]", "cm", 182.88},
        {154, "[lb_av]", "kg", 69.85322498},
        {1, "a", "d", 365.25},
        {18, "mo", "a", 1.5},
        {140, "mmol/L", "umol/mL", 140},
        {5, "10*9/L", "10*3/uL", 5},
        {4.5, "10*12/L", "10*6/uL", 4.5},
        {13.5, "g/dL", "g/L", 135},
        {90, "fL", "um3", 90},
        {72, "/min", "Hz", 1.2},
        {1, "U/L", "nkat/L", 16.666666666666668},
        {25, "kg/m2", "g/cm2", 2.5},
        {100, "mL/min", "L/h", 6},
        {2, "mg/kg/d", "ug/g/h", 0.08333333333333333},
        {1, "cal", "J", 4.184},
        {1, "[Cal]", "kJ", 4.184},
        {760, "mm[Hg]", "atm", 0.9999972366148532},
        {10, "cm[H2O]", "mm[Hg]", 7.355612727081802},
        {1, "mV", "uV", 1000},
        {50, "%", "1", 0.5},
        {30, "deg", "rad", 0.5235987755982988},
        {1, "[gal_us]", "L", 3.785411784},
        {1, "[psi]", "kPa", 6.894757293168359},
        {3, "wk", "h", 504},
        {1, "Ci", "Bq", 37e9},
        {1, "RAD", "Gy", 0.01},
        {1, "[drp]/min", "mL/h", 3},
        {1, "g%", "g/L", 10},
        {7, "mg/g", "%", 0.7},
        {295, "mosm/kg", "osm/kg", 0.295},
        {1, "dyn.s.cm-5", "Pa.s/m3", 1e5},
        {1, "[wood'U]", "dyn.s.cm-5", 79.9932},
        {1, "m[H2O]", "bar", 0.0980665},
        {1, "[MET]", "mL/min/kg", 3.5},
        /* not by the peer: [iU] is arbitrary and equals itself only; 1 eq = 1 mol by the
         * UCUM definition; 80 degrees Reaumur are 100 degrees Celsius */
        {5, "[iU]/mL", "k[IU]/L", 5},
        {3, "meq/L", "mmol/L", 3},
        {80, "[degRe]", "Cel", 100},
        {36600, "mCel", "Cel", 36.6},
    };
    (void)state;
    for (size_t i = 0; i < AM_LEN(k); i++) {
        double got = convert(k[i].v, k[i].from, k[i].to);
        if (!(fabs(got - k[i].want) <= 1e-12 * fmax(1, fabs(k[i].want))))
            fail_msg("%g %s = %.17g %s, not %.17g", k[i].v, k[i].from, got, k[i].to,
                     k[i].want);
        assert_near(convert(got, k[i].to, k[i].from), k[i].v, 1e-12);
    }
}

static void a_unit_with_its_own_name_is_not_rounded(void **state)
{
    (void)state;
    assert_true(convert(0.1, "mm[Hg]", "mm[Hg]") == 0.1);
    assert_true(convert(0.1, "mg/dL", "mg/dL") == 0.1);
    assert_true(convert(98.6, "[degF]", "[degF]") == 98.6);
    assert_true(convert(7.4, "[pH]", "[pH]") == 7.4);
}

static void valid_units_are_known_and_others_refused(void **state)
{
    static const char *const good[] = {
        "mg/dL",     "10*3/uL", "10^6/uL", "10*-3", "/m",   "/min",    "{T-score}",
        "{score}",   "K/uL",    "kU/L",    "m2.s",  "dam",  "[iU]2",   "%{HbA1c}",
        "10*",       "m+2",     "1",       "m-2",   "kCel", "(m){x}",  "mL/min/{1.73_m2}",
        "kg/(m2.s)", "2.m",     "Kibit",   "'",     "''",   "cal_[15]"};
    static const char *const bad[] = {"",         "foo",          "mmHg",
                                      "m/",       "(/m)",         "1/0",
                                      "0",        "{a{b}",        "IU/L",
                                      "(score)",  "Cel2",         "Cel/s",
                                      "m(s)",     "m--1",         "mg.",
                                      "2m",       "mmm",          "{x}m",
                                      "(m)2",     "m2m",          "{",
                                      "}",        "(m",           "m)",
                                      "k[in_i]",  "MMHG",         "mg dL",
                                      "m.",       ".m",           "//m",
                                      "m^2",      "m999",         "9999999999999999999",
                                      "K.Cel",    "[iU].[arb'U]", "mg/dL ",
                                      "Ym99.Ym99"};
    char deep[400];
    (void)state;
    for (size_t i = 0; i < AM_LEN(good); i++)
        if (fhir_unit_check(str_c(good[i])))
            fail_msg("%s is a unit", good[i]);
    for (size_t i = 0; i < AM_LEN(bad); i++)
        if (!fhir_unit_check(str_c(bad[i])))
            fail_msg("%s is no unit", bad[i]);
    memset(deep, '(', sizeof deep); /* neither depth nor length is the sender's choice */
    assert_int_equal(fhir_unit_check((struct str){deep, 17}), AM_E_SYNTAX);
    assert_int_equal(fhir_unit_check((struct str){deep, sizeof deep}), AM_E_SYNTAX);
    memset(deep, 'm', sizeof deep);
    assert_int_equal(fhir_unit_check((struct str){deep, sizeof deep}), AM_E_SYNTAX);
    assert_int_equal(fhir_unit_check((struct str){"m\0g", 3}), AM_E_SYNTAX);
    assert_int_equal(fhir_unit_check((struct str){"(m)", 2}), AM_E_SYNTAX);
    assert_int_equal(fhir_unit_check((struct str){"{x}", 2}), AM_E_SYNTAX);
    assert_int_equal(fhir_unit_check(STR_NULL), AM_E_SYNTAX);
}

/* Molar conversions need the substance; temperatures are not lengths. */
static void what_is_not_commensurable_is_refused(void **state)
{
    static const char *const pair[][2] = {
        {"mg/dL", "mmol/L"}, {"Cel", "m"},           {"[iU]/L", "U/L"}, {"[iU]", "1"},
        {"[pH]", "mol/L"},   {"[pH]", "1"},          {"mm[Hg]", "mm"},  {"10*9/L", "g/L"},
        {"[arb'U]", "[iU]"}, {"[iU]", "[iU]2"},      {"pH", "[pH]"},    {"a", "m"},
        {"V", "A"},          {"cd", "lm/m2"},        {"[iU]/L", "/L"},  {"/L", "[iU]/L"},
        {"[CFU]", "[PFU]"},  {"dB", "Np"},           {"B[V]", "B[W]"},  {"dB", "[pH]"},
        {"dB", "%"},         {"[hp'_X]", "[hp'_C]"},
    };
    double out = 42;
    (void)state;
    for (size_t i = 0; i < AM_LEN(pair); i++) {
        int err = fhir_unit_convert(1, str_c(pair[i][0]), str_c(pair[i][1]), &out);
        if (err != AM_E_INVALID)
            fail_msg("%s -> %s: %s", pair[i][0], pair[i][1], am_err_text(err));
    }
    assert_int_equal(fhir_unit_convert(1, STR("mg"), STR("mgg"), &out), AM_E_SYNTAX);
    assert_int_equal(fhir_unit_convert(1, STR("mgg"), STR("mg"), &out), AM_E_SYNTAX);
    assert_int_equal(fhir_unit_convert(1, STR("mgg"), STR("mgg"), &out), AM_E_SYNTAX);
    assert_int_equal(fhir_unit_convert(1e300, STR("Ym"), STR("ym"), &out), AM_E_INVALID);
    assert_true(out == 42); /* a refusal leaves the result alone */
    assert_near(convert(3, "[iU]/[iU]", "1"), 3, 0);
    assert_near(convert(10, "dB", "B"), 1, 1e-15);
    assert_near(convert(20, "dB[SPL]", "B[SPL]"), 2, 1e-15);
}

/* ---- the whole table against UCUM's own definitions ----------------------------------
 */
static struct str attribute(struct str tag, const char *name)
{
    char key[40];
    const char *at;
    struct str v;
    snprintf(key, sizeof key, " %s=\"", name);
    at = memmem(tag.p, tag.n, key, strlen(key));
    if (!at)
        return STR_NULL;
    at += strlen(key);
    v = str_sub(tag, (size_t)(at - tag.p), tag.n);
    return str_sub(v, 0, str_find(v, '"'));
}

/* <unit ...>...<value ...>: the two tags; false at the end. */
static bool next_unit(struct str *rest, struct str *unit, struct str *value)
{
    const char *at = memmem(rest->p, rest->n, "<unit ", 6);
    if (!at)
        return false;
    *rest = str_sub(*rest, (size_t)(at - rest->p), rest->n);
    *unit = str_sub(*rest, 0, str_find(*rest, '>'));
    at = memmem(rest->p, rest->n, "<value ", 7);
    assert_non_null(at);
    *rest = str_sub(*rest, (size_t)(at - rest->p), rest->n);
    *value = str_sub(*rest, 0, str_find(*rest, '>'));
    return true;
}

/* Every unit equals its definition in the essence: value x Unit, Unit read by our parser.
 * What the definition is made of is checked in the same way, down to the base units. */
static void every_unit_equals_its_definition_in_the_ucum_essence(void **state)
{
    const char *path = test_path("terminology-ucum/ucum-essence.xml");
    size_t n, ratio = 0, arbitrary = 0, special = 0;
    struct str rest, unit, value;
    char *text;
    (void)state;
    assert_ok(am_file_read(path, 1 << 20, &text, &n));
    for (rest = (struct str){text, n}; next_unit(&rest, &unit, &value);) {
        struct str code = attribute(unit, "Code"), of = attribute(value, "Unit");
        bool metric = str_eqc(attribute(unit, "isMetric"), "yes");
        char kilo[64];
        double want, got;
        snprintf(kilo, sizeof kilo, "k%.*s", STR_FMT(code));
        if (str_eqc(attribute(unit, "isSpecial"), "yes")) {
            special++;
            if (fhir_unit_convert(1, code, code, &got) || got != 1)
                fail_msg("%.*s is not itself", STR_FMT(code));
            if (!fhir_unit_convert(1, code, STR("1"), &got))
                fail_msg("%.*s is special", STR_FMT(code));
        } else if (str_eqc(attribute(unit, "isArbitrary"), "yes")) {
            arbitrary++;
            if (fhir_unit_convert(1, code, STR("1"), &got) != AM_E_INVALID)
                fail_msg("%.*s is arbitrary", STR_FMT(code));
        } else {
            assert_ok(str_double(attribute(value, "value"), &want));
            if (fhir_unit_convert(1, code, of, &got))
                fail_msg("%.*s in %.*s", STR_FMT(code), STR_FMT(of));
            if (fabs(got - want) > 4e-15 * fabs(want))
                fail_msg("1 %.*s = %.17g %.*s, not %.17g", STR_FMT(code), got,
                         STR_FMT(of), want);
            ratio++;
        }
        if (fhir_unit_check(code))
            fail_msg("%.*s is not known", STR_FMT(code));
        if (!str_starts(code, STR("10")) &&
            (fhir_unit_check(str_c(kilo)) == AM_OK) != metric)
            fail_msg("%s: %.*s is%s metric", kilo, STR_FMT(code), metric ? "" : " not");
    }
    free(text);
    assert_int_equal(ratio, 241);
    assert_int_equal(arbitrary, 41);
    assert_int_equal(special, 21);
}

TEST_MAIN(TEST(units_of_a_ward_convert_as_a_peer_converts_them),
          TEST(a_unit_with_its_own_name_is_not_rounded),
          TEST(valid_units_are_known_and_others_refused),
          TEST(what_is_not_commensurable_is_refused),
          TEST(every_unit_equals_its_definition_in_the_ucum_essence))
