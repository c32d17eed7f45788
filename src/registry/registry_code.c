/* SPDX-License-Identifier: Apache-2.0 */
/* Codes and numbers of a record that have a grammar of their own: countries, semantic
 * versions, durations. */
#include "registry/registry_priv.h"

/* ISO 3166-1 alpha-2, officially assigned (ISO Online Browsing Platform, 249 codes). */
bool registry_country(struct str s)
{
    static const char all[] = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD "
                              "BE BF BG BH BI BJ BL BM "
                              "BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL "
                              "CM CN CO CR CU CV CW CX "
                              "CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM "
                              "FO FR GA GB GD GE GF GG "
                              "GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU "
                              "ID IE IL IM IN IO IQ IR "
                              "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB "
                              "LC LI LK LR LS LT LU LV "
                              "LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU "
                              "MV MW MX MY MZ NA NC NE "
                              "NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN "
                              "PR PS PT PW PY QA RE RO "
                              "RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS "
                              "ST SV SX SY SZ TC TD TF "
                              "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ "
                              "VA VC VE VG VI VN VU WF "
                              "WS YE YT ZA ZM ZW";
    for (size_t i = 0; s.n == 2 && i + 2 <= sizeof all - 1; i += 3)
        if (memcmp(all + i, s.p, 2) == 0)
            return true;
    return false;
}

/* Semantic Versioning 2.0.0, section 11. */
static int semver_part(struct str a, struct str b)
{
    bool na = a.n && strspn(a.p, "0123456789") >= a.n,
         nb = b.n && strspn(b.p, "0123456789") >= b.n;
    if (na && nb)
        return a.n != b.n ? (a.n < b.n ? -1 : 1) : str_cmp(a, b);
    if (na != nb)
        return na ? -1 : 1;
    return str_cmp(a, b);
}

static int semver_list(struct str a, struct str b)
{
    while (a.n && b.n) {
        int c = semver_part(str_cut(a, '.', &a), str_cut(b, '.', &b));
        if (c)
            return c;
    }
    return a.n ? 1 : b.n ? -1 : 0;
}

enum registry_order registry_semver(struct str a, struct str b)
{
    struct str pre_a, pre_b, build;
    int c;
    if (!a.n || !b.n)
        return REGISTRY_UNORDERED;
    a = str_cut(a, '+', &build);
    b = str_cut(b, '+', &build);
    a = str_cut(a, '-', &pre_a);
    b = str_cut(b, '-', &pre_b);
    c = semver_list(a, b);
    if (!c && pre_a.n && pre_b.n)
        c = semver_list(pre_a, pre_b);
    else if (!c && pre_a.n != pre_b.n)
        c = pre_a.n ? -1 : 1;
    return c > 0 ? REGISTRY_AFTER : REGISTRY_BEFORE;
}
