/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_names -- the names of the tables, both ways, and algorithm identifiers. */
#include "ledger/ledger_priv.h"

static const char *const kind_name[] = {
#define X(id, name, type) [LEDGER_##id] = name,
    LEDGER_KIND_MAP(X)
#undef X
};
static const char *const role_name[] = {[LEDGER_ROLE_NONE] = "none",
#define X(id, name, place) [LEDGER_##id] = name,
                                        LEDGER_ROLE_MAP(X)
#undef X
};
static const enum ledger_place role_place[] = {
#define X(id, name, place) [LEDGER_##id] = LEDGER_##place,
    LEDGER_ROLE_MAP(X)
#undef X
};
static const char *const level_name[] = {
#define X(id, name) [LEDGER_##id] = name,
    LEDGER_LEVEL_MAP(X)
#undef X
};
static const char *const v_name[] = {
#define X(id, name) [LEDGER_V_##id] = name,
    LEDGER_V_STATE_MAP(X)
#undef X
};
static const char *const p_name[] = {
#define X(id, name) [LEDGER_P_##id] = name,
    LEDGER_P_STATE_MAP(X)
#undef X
};
static const char *const scope_name[] = {
#define X(id, name) [LEDGER_STOP_##id] = name,
    LEDGER_SCOPE_MAP(X)
#undef X
};
const char *const ledger_guard_name[GUARD_COUNT] = {
#define X(id, name, waivable, err) [GUARD_##id] = name,
    LEDGER_GUARD_MAP(X)
#undef X
};

/* GUARD_FIRST_WAIVABLE splits the table: the order of the rows must agree with it. */
#define X(id, name, waivable, err)                                                       \
    _Static_assert((waivable) == (GUARD_##id >= GUARD_FIRST_WAIVABLE), "order "          \
                                                                       "of " name);
LEDGER_GUARD_MAP(X)
#undef X

static int find_name(struct str s, const char *const *name, size_t first, size_t n,
                     size_t *out)
{
    for (size_t i = first; i < n; i++)
        if (str_eqc(s, name[i])) {
            *out = i;
            return AM_OK;
        }
    return AM_E_SYNTAX;
}

const char *ledger_kind_name(enum ledger_kind k)
{
    return (size_t)k < AM_LEN(kind_name) ? kind_name[k] : "?";
}

int ledger_kind_parse(struct str s, enum ledger_kind *out)
{
    size_t i;
    int err = find_name(s, kind_name, 0, AM_LEN(kind_name), &i);
    if (!err)
        *out = (enum ledger_kind)i;
    return err;
}

const char *ledger_role_name(enum ledger_role r)
{
    return (size_t)r < AM_LEN(role_name) ? role_name[r] : "?";
}

int ledger_role_parse(struct str s, enum ledger_role *out)
{
    size_t i;
    int err = find_name(s, role_name, 1, AM_LEN(role_name), &i);
    if (!err)
        *out = (enum ledger_role)i;
    return err;
}

enum ledger_place ledger_role_place(enum ledger_role r)
{
    am_assert(r > LEDGER_ROLE_NONE && r < LEDGER_ROLES);
    return role_place[r];
}

const char *ledger_level_name(enum ledger_level l)
{
    return (size_t)l < AM_LEN(level_name) ? level_name[l] : "?";
}

int ledger_level_parse(struct str s, enum ledger_level *out)
{
    size_t i;
    int err = find_name(s, level_name, 0, AM_LEN(level_name), &i);
    if (!err)
        *out = (enum ledger_level)i;
    return err;
}

const char *ledger_v_name(enum ledger_v s)
{
    return (size_t)s < AM_LEN(v_name) ? v_name[s] : "?";
}

const char *ledger_p_name(enum ledger_p s)
{
    return (size_t)s < AM_LEN(p_name) ? p_name[s] : "?";
}

const char *ledger_scope_name(enum ledger_scope s)
{
    return (size_t)s < AM_LEN(scope_name) ? scope_name[s] : "?";
}

int ledger_scope_parse(struct str s, enum ledger_scope *out)
{
    size_t i;
    int err = find_name(s, scope_name, 0, AM_LEN(scope_name), &i);
    if (!err)
        *out = (enum ledger_scope)i;
    return err;
}

const char *ledger_guard_waivable(unsigned i)
{
    return i < GUARD_COUNT - GUARD_FIRST_WAIVABLE
               ? ledger_guard_name[GUARD_FIRST_WAIVABLE + i]
               : NULL;
}

/* ---- MA-IA-<org6>-<base32 x10>-<check> (registry.md 3.1, field 1) --------------------
 */
static const char alphabet36[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static int digit36(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : -1;
}

/* ISO/IEC 7064:2003, clause 9: hybrid system mod 37,36. The check character of a string,
 * hyphens left out; 0 when a character is outside the alphabet. */
char ledger_check36(struct str s)
{
    int p = 36;
    for (size_t i = 0; i < s.n; i++) {
        int v = s.p[i] == '-' ? -2 : digit36(s.p[i]);
        if (v == -2)
            continue;
        if (v < 0)
            return 0;
        p = (p + v) % 36;
        p = (p ? p : 36) * 2 % 37;
    }
    return alphabet36[(37 - p) % 36];
}

bool ledger_algorithm_id_valid(struct str id)
{
    static const char form[] = "MA-IA-******-**********-*";
    if (id.n != LEDGER_ALGORITHM_ID)
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (form[i] == '*' ? digit36(id.p[i]) < 0 : id.p[i] != form[i])
            return false;
    return ledger_check36(str_sub(id, 0, LEDGER_ALGORITHM_ID - 1)) ==
           id.p[LEDGER_ALGORITHM_ID - 1];
}

int ledger_algorithm_id(struct str org6, const uint8_t random[10],
                        char out[LEDGER_ALGORITHM_ID + 1])
{
    static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 */
    char text[LEDGER_ALGORITHM_ID + 1] = "MA-IA-";
    if (org6.n != 6)
        return AM_E_INVALID;
    for (size_t i = 0; i < 6; i++) {
        if (digit36(org6.p[i]) < 0)
            return AM_E_INVALID;
        text[6 + i] = org6.p[i];
    }
    text[12] = text[23] = '-';
    for (size_t i = 0; i < 10; i++)
        text[13 + i] = base32[random[i] & 31];
    text[24] = ledger_check36((struct str){text, 24});
    memcpy(out, text, sizeof text);
    return AM_OK;
}
