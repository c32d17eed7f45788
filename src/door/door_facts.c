/* SPDX-License-Identifier: Apache-2.0 */
/* Which patients a resource names, anywhere in it, whether it is what a model said, and
 * whether others have to be asked whose it is (door_whose.c). */
#include "door/door_priv.h"

struct str door_below(const struct door *d, struct str reference)
{
    return rest_below(str_c(d->base), str_c(d->former), reference);
}

static void facts_patient(struct door_facts *f, struct str id)
{
    if (!eds_id_ok(id))
        return;
    for (size_t i = 0; i < f->patients; i++)
        if (str_eqc(id, f->patient[i]))
            return;
    if (f->patients == DOOR_PATIENTS) {
        f->many = f->crowd = true;
        return;
    }
    snprintf(f->patient[f->patients++], sizeof f->patient[0], "%.*s", STR_FMT(id));
}

/* What never leads to a patient. */
bool door_follows(struct str type, struct str id)
{
    static const char *const house[] = {
        "Practitioner",    "PractitionerRole",  "Organization", "Location",
        "Endpoint",        "HealthcareService", "Medication",   "Substance",
        "Schedule",        "Questionnaire",     "ValueSet",     "CodeSystem",
        "DeviceDefinition"};
    if (!eds_id_ok(id) || !fhir_search_type(type))
        return false;
    for (size_t i = 0; i < AM_LEN(house); i++)
        if (str_eqc(type, house[i]))
            return false;
    return true;
}

/* "Patient/1", "Patient/1/_history/2", the same below our address or a former one; also
 * within a conditional reference nothing: those are resolved before they are stored. */
static void facts_reference(struct door_facts *f, struct str s, const struct door *d)
{
    struct str rest, type, id;
    s = door_below(d, s);
    type = str_cut(s, '/', &rest);
    id = str_cut(rest, '/', &rest);
    if (str_eqc(type, "Patient"))
        facts_patient(f, id);
    else
        f->follow = f->follow || door_follows(type, id);
}

void door_facts_add(struct door_facts *f, const struct door_facts *more)
{
    f->many = f->many || more->many;
    f->crowd = f->crowd || more->crowd;
    for (size_t i = 0; i < more->patients; i++)
        facts_patient(f, str_c(more->patient[i]));
}

static void facts_walk(struct door_facts *f, const struct json *v, const struct door *d)
{
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return;
    for (json_each(it, v)) {
        if (json_type(it.val) == JSON_STRING) {
            if (str_eqc(it.key, "reference"))
                facts_reference(f, json_str(it.val), d);
        } else
            facts_walk(f, it.val, d);
    }
}

void door_facts(const struct json *resource, const struct door *d, struct door_facts *out)
{
    struct str type = json_get_str(resource, "resourceType");
    *out = (struct door_facts){.machine = door_open(resource)};
    snprintf(out->type, sizeof out->type, "%.*s", STR_FMT(type));
    if (str_eqc(type, "Patient"))
        facts_patient(out, json_get_str(resource, "id"));
    facts_walk(out, resource, d);
    /* A Provenance is about whom its targets are about, whoever else it names. */
    out->follow = str_eqc(type, "Provenance") ||
                  (!out->patients && (out->follow || str_eqc(type, "Binary")));
}

/* ---- all of a crowd ---- */
static int facts_each(const struct json *v, const struct door *d, door_patient_fn *fn,
                      void *arg)
{
    int err = AM_OK;
    if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_ARRAY)
        return AM_OK;
    for (json_each(it, v)) {
        if (err)
            break;
        if (json_type(it.val) != JSON_STRING)
            err = facts_each(it.val, d, fn, arg);
        else if (str_eqc(it.key, "reference")) {
            struct str rest, type, id;
            type = str_cut(door_below(d, json_str(it.val)), '/', &rest);
            id = str_cut(rest, '/', &rest);
            if (str_eqc(type, "Patient") && eds_id_ok(id))
                err = fn(arg, id);
        }
    }
    return err;
}

int door_facts_each(const struct json *resource, const struct door *d,
                    door_patient_fn *fn, void *arg)
{
    return facts_each(resource, d, fn, arg);
}
