/* SPDX-License-Identifier: Apache-2.0 */
/* What a score table says of itself. */
#include "ews/ews_priv.h"

struct str ews_table_id(const struct ews_table *t)
{
    return t->id;
}

struct str ews_table_version(const struct ews_table *t)
{
    return t->version;
}

struct str ews_table_title(const struct ews_table *t, enum ews_language l)
{
    return t->title[l];
}

struct str ews_table_source(const struct ews_table *t)
{
    return t->source;
}

int ews_table_maximum(const struct ews_table *t)
{
    return t->maximum;
}

size_t ews_table_variables(const struct ews_table *t)
{
    return t->n;
}

const struct ews_variable *ews_table_variable(const struct ews_table *t, size_t i)
{
    am_assert(i < t->n);
    return &t->slot[i].pub;
}

size_t ews_table_levels(const struct ews_table *t)
{
    return t->n_levels;
}

const struct ews_level *ews_table_level(const struct ews_table *t, size_t i)
{
    am_assert(i < t->n_levels);
    return &t->level[i].pub;
}

int ews_table_coding(const struct ews_table *t, size_t variable, struct str system,
                     struct str code)
{
    const struct ews_slot *s = &t->slot[variable];
    for (size_t k = 0; k < s->pub.codes; k++)
        for (size_t c = 0; c < s->code[k].codings; c++)
            if (str_eq(s->code[k].coding[c].system, system) &&
                str_eq(s->code[k].coding[c].code, code))
                return (int)k;
    return -1;
}

struct str ews_table_code_id(const struct ews_table *t, size_t variable, size_t code)
{
    am_assert(variable < t->n && code < t->slot[variable].pub.codes);
    return t->slot[variable].code[code].id;
}
