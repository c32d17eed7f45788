/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_model -- what the evaluator asks of the R4 types. */
#include "fhir/fhir_path_priv.h"
#include "fhir/fhir_path_types_tbl.h"

static const struct {
    const char *name, *base;
    char kind;
} path_types[] = {{"", "", 0},
#define X(name, base, kind) {name, base, #kind[0]},
                  FHIR_PATH_TYPES(X)
#undef X
};

uint16_t fhir_fp_type_find(struct str name)
{
    size_t lo = 1, hi = AM_LEN(path_types);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = str_cmp(name, str_c(path_types[mid].name));
        if (c == 0)
            return (uint16_t)mid;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return 0;
}

struct str fhir_fp_type_name(uint16_t type)
{
    return type && type < AM_LEN(path_types) ? str_c(path_types[type].name) : STR_NULL;
}

bool fhir_fp_type_is(uint16_t type, uint16_t base)
{
    if (!base)
        return false;
    while (type && type != base)
        type = fhir_fp_type_find(str_c(path_types[type].base));
    return type == base;
}

bool fhir_fp_type_primitive(uint16_t type)
{
    return path_types[type].kind == 'P';
}

uint16_t fhir_fp_type_resource(const struct json *v)
{
    uint16_t type = fhir_fp_type_find(json_get_str(v, "resourceType"));
    return path_types[type].kind == 'R' ? type : 0;
}

enum path_member fhir_fp_member(uint16_t type, struct str name, uint16_t *member)
{
    (void)type, (void)name;
    *member = 0;
    return PATH_MEMBER_MAYBE;
}

uint16_t fhir_fp_member_json(uint16_t type, struct str json_name)
{
    (void)type, (void)json_name;
    return 0;
}

bool fhir_fp_member_choice(uint16_t type, struct str name, struct str json_name,
                           uint16_t *member)
{
    struct str tail = str_sub(json_name, name.n, json_name.n);
    char low[64];
    (void)type;
    if (!tail.n || tail.n > sizeof low || tail.p[0] < 'A' || tail.p[0] > 'Z')
        return false;
    *member = fhir_fp_type_find(tail);
    if (*member)
        return true;
    memcpy(low, tail.p, tail.n);
    low[0] = (char)(low[0] + 32);
    *member = fhir_fp_type_find((struct str){low, tail.n});
    return *member != 0;
}

bool fhir_fp_type_quantity(uint16_t type)
{
    return type && fhir_fp_type_is(type, fhir_fp_type_find(STR("Quantity")));
}
