/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_model -- what the evaluator asks of the R4 types, from the tables of
 * fhir/def.h. The number of a type is its index there plus one: 0 is unknown. */
#include "fhir/def.h"
#include "fhir/fhir_path_priv.h"

static const struct fhir_type *at(uint16_t type)
{
    return type && type <= fhir_def_types ? &fhir_def_type[type - 1] : NULL;
}

static uint16_t number(const struct fhir_type *t)
{
    return t ? (uint16_t)(fhir_type_index(t) + 1) : 0;
}

uint16_t fhir_fp_type_find(struct str name)
{
    return number(fhir_type_find(name));
}

struct str fhir_fp_type_name(uint16_t type)
{
    const struct fhir_type *t = at(type);
    if (t &&
        t->kind == FHIR_KIND_BACKBONE) /* named by its path, which is no type's name */
        return t->base == FHIR_NONE ? STR("Element")
                                    : fhir_text(fhir_def_type[t->base].name);
    return t ? fhir_text(t->name) : STR_NULL;
}

bool fhir_fp_type_is(uint16_t type, uint16_t base)
{
    const struct fhir_type *t = at(type), *b = at(base);
    return t && b && (t == b || fhir_type_is(t, b));
}

bool fhir_fp_type_primitive(uint16_t type)
{
    const struct fhir_type *t = at(type);
    return t && t->kind == FHIR_KIND_PRIMITIVE;
}

uint16_t fhir_fp_type_resource(const struct json *v)
{
    struct str name = json_get_str(v, "resourceType");
    const struct fhir_type *t = name.n ? fhir_type_find(name) : NULL;
    return t && t->kind == FHIR_KIND_RESOURCE ? number(t) : 0;
}

bool fhir_fp_type_open(uint16_t type)
{
    const struct fhir_type *t = at(type);
    return !t || t->role == FHIR_ROLE_RESOURCE || t->role == FHIR_ROLE_DOMAIN_RESOURCE;
}

enum path_member fhir_fp_member(uint16_t type, struct str name, uint16_t *member)
{
    const struct fhir_type *t = at(type);
    const struct fhir_member *m = t ? fhir_member_find(t, name) : NULL;
    *member = 0;
    if (!t)
        return PATH_MEMBER_MAYBE;
    if (!m)
        return PATH_MEMBER_NO;
    if (m->type == FHIR_NONE)
        return PATH_MEMBER_CHOICE;
    *member = (uint16_t)(m->type + 1);
    return fhir_def_elem[m->elem].flags & FHIR_ELEM_CHOICE ? PATH_MEMBER_TYPED
                                                           : PATH_MEMBER_ONE;
}

uint16_t fhir_fp_member_json(uint16_t type, struct str json_name)
{
    uint16_t member;
    (void)fhir_fp_member(type, json_name, &member);
    return member;
}

/* Where the type is not known, any type's name may follow the stem. */
static bool by_suffix(struct str name, struct str json_name, uint16_t *member)
{
    struct str tail = str_sub(json_name, name.n, json_name.n);
    char low[64];
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

bool fhir_fp_member_choice(uint16_t type, struct str name, struct str json_name,
                           uint16_t *member)
{
    const struct fhir_type *t = at(type);
    const struct fhir_member *m;
    if (!t)
        return by_suffix(name, json_name, member);
    m = fhir_member_find(t, json_name);
    if (!m || m->type == FHIR_NONE ||
        !str_eq(fhir_text(fhir_def_elem[m->elem].name), name))
        return false;
    *member = (uint16_t)(m->type + 1);
    return true;
}

bool fhir_fp_type_quantity(uint16_t type)
{
    const struct fhir_type *t = at(type);
    while (t && t->role != FHIR_ROLE_QUANTITY)
        t = t->base == FHIR_NONE ? NULL : &fhir_def_type[t->base];
    return t != NULL;
}

/* What a value of that primitive type becomes; -1: its JSON decides. */
int fhir_fp_kind(uint16_t type)
{
    const struct fhir_type *t = at(type);
    switch (t ? t->prim : FHIR_PRIM_NONE) {
    case FHIR_PRIM_NONE:
        return -1;
    case FHIR_PRIM_BOOLEAN:
        return FHIR_PATH_BOOLEAN;
    case FHIR_PRIM_INTEGER:
    case FHIR_PRIM_UNSIGNED_INT:
    case FHIR_PRIM_POSITIVE_INT:
        return FHIR_PATH_INTEGER;
    case FHIR_PRIM_DECIMAL:
        return FHIR_PATH_DECIMAL;
    case FHIR_PRIM_DATE:
        return FHIR_PATH_DATE;
    case FHIR_PRIM_DATE_TIME:
    case FHIR_PRIM_INSTANT:
        return FHIR_PATH_DATETIME;
    case FHIR_PRIM_TIME:
        return FHIR_PATH_TIME;
    default:
        return FHIR_PATH_STRING;
    }
}
