/* SPDX-License-Identifier: Apache-2.0 */
/* The CapabilityStatement, from the table of interactions and the tables of R4. */
#include "rest/rest_sub.h"

static void metadata_codes(struct jw *w, enum rest_level level)
{
    jw_key(w, "interaction");
    jw_arr(w);
    for (size_t i = 0; i < rest_routes; i++)
        if (rest_route[i].level == level) {
            jw_obj(w);
            jw_kstrz(w, "code", rest_route[i].interaction);
            jw_kstrz(w, "documentation", rest_route[i].what);
            if (!strcmp(rest_route[i].interaction, "transaction")) {
                jw_obj_end(w);
                jw_obj(w);
                jw_kstrz(w, "code", "batch");
            }
            jw_obj_end(w);
        }
    jw_arr_end(w);
}

/* Whose an operation is: a type's alone, the system's, or every type's. */
static bool metadata_is(const struct rest_route *o, struct str type)
{
    struct str rest, first = str_cut(str_sub(str_c(o->pattern), 1, SIZE_MAX), '/', &rest);
    if (o->level != REST_OPERATION)
        return false;
    if (str_starts(first, STR("$")))
        return !type.n;
    return type.n && (str_eqc(first, "{type}") || str_eq(first, type));
}

#define METADATA_BULK "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
/* Where an operation is defined: a guide's have an address of their own. */
static void metadata_definition(struct jw *w, const struct rest_route *o)
{
    struct str rest, first = str_cut(str_sub(str_c(o->pattern), 1, SIZE_MAX), '/', &rest);
    const char *name = o->interaction + 1;
    jw_key(w, "definition");
    if (!strcmp(name, "export")) {
        jw_strz(w, str_eqc(first, "Patient") ? METADATA_BULK "patient-export"
                   : str_eqc(first, "Group") ? METADATA_BULK "group-export"
                                             : METADATA_BULK "export");
        return;
    }
    if (!strcmp(name, "viewdefinition-run")) {
        jw_strz(w, "http://sql-on-fhir.org/OperationDefinition/$viewdefinition-run");
        return;
    }
    if (!strcmp(name, "summary")) {
        jw_strz(w, "http://hl7.org/fhir/uv/ips/OperationDefinition/summary");
        return;
    }
    if (str_eqc(first, "Subscription")) {
        jw_strf(w,
                "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/"
                "backport-subscription-%s",
                name);
        return;
    }
    if (str_eqc(first, "{type}"))
        first = STR("Resource");
    jw_strf(w, "http://hl7.org/fhir/OperationDefinition/%.*s-%s", STR_FMT(first), name);
}

/* Empty type: the system's. None at all is left out. */
static void metadata_operations(struct jw *w, struct str type)
{
    bool any = false;
    for (size_t i = 0; i < rest_routes; i++) {
        if (!metadata_is(&rest_route[i], type))
            continue;
        if (!any) {
            jw_key(w, "operation");
            jw_arr(w);
            any = true;
        }
        jw_obj(w);
        jw_kstrz(w, "name", rest_route[i].interaction + 1);
        metadata_definition(w, &rest_route[i]);
        jw_obj_end(w);
    }
    if (any)
        jw_arr_end(w);
}

static void metadata_params(struct jw *w, struct str type)
{
    struct fhir_param p;
    jw_key(w, "searchInclude");
    jw_arr(w);
    jw_strz(w, "*");
    for (size_t i = 0; fhir_param_at(type, i, &p); i++)
        if (p.kind == FHIR_PARAM_REFERENCE && !p.refused)
            jw_strf(w, "%.*s:%.*s", STR_FMT(type), STR_FMT(p.code));
    jw_arr_end(w);
    jw_key(w, "searchRevInclude");
    jw_arr(w);
    jw_strz(w, "*");
    jw_arr_end(w);
    jw_key(w, "searchParam");
    jw_arr(w);
    for (size_t i = 0; fhir_param_at(type, i, &p); i++) {
        if (p.refused)
            continue;
        jw_obj(w);
        jw_kstr(w, "name", p.code);
        jw_kstrz(w, "type", fhir_param_kind_name(p.kind));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* The topics, one of each type, and the form that is known besides R4's own. */
static void metadata_topics(struct jw *w)
{
    jw_key(w, "extension");
    jw_arr(w);
    for (size_t i = 0; i < fhir_search_types(); i++) {
        if (!rest_sub_topic(fhir_search_type_at(i)))
            continue;
        jw_obj(w);
        jw_kstrz(w, "url",
                 "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
                 "capabilitystatement-subscriptiontopic-canonical");
        jw_key(w, "valueCanonical");
        jw_strf(w, SUB_TOPIC "%.*s", STR_FMT(fhir_search_type_at(i)));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void metadata_type(struct jw *w, const struct rest *r, struct str type)
{
    bool subs = str_eqc(type, "Subscription") && rest_subs_on(r);
    jw_obj(w);
    if (subs)
        metadata_topics(w);
    jw_kstr(w, "type", type);
    if (subs) {
        jw_key(w, "supportedProfile");
        jw_arr(w);
        jw_strz(w, SUB_BACKPORT "subscription");
        jw_arr_end(w);
    }
    metadata_codes(w, REST_TYPE);
    jw_kstrz(w, "versioning", "versioned-update");
    jw_kbool(w, "readHistory", true);
    jw_kbool(w, "updateCreate", true);
    jw_kbool(w, "conditionalCreate", true);
    jw_kstrz(w, "conditionalRead", "full-support");
    jw_kbool(w, "conditionalUpdate", true);
    jw_kstrz(w, "conditionalDelete", "single");
    jw_key(w, "referencePolicy");
    jw_arr(w);
    jw_strz(w, "literal");
    jw_strz(w, "logical");
    jw_arr_end(w);
    metadata_params(w, type);
    metadata_operations(w, type);
    jw_obj_end(w);
}

static void metadata_formats(struct jw *w)
{
    jw_key(w, "format");
    jw_arr(w);
    jw_strz(w, "application/fhir+json");
    jw_strz(w, "application/fhir+xml");
    jw_strz(w, "json");
    jw_strz(w, "xml");
    jw_arr_end(w);
    jw_key(w, "patchFormat");
    jw_arr(w);
    jw_strz(w, "application/json-patch+json");
    jw_strz(w, "application/fhir+json");
    jw_strz(w, "application/fhir+xml");
    jw_arr_end(w);
}

static void metadata_head(struct jw *w, const struct rest *r)
{
    char at[TIME_TEXT];
    jw_kstrz(w, "resourceType", "CapabilityStatement");
    jw_kstrz(w, "id", "amane");
    jw_kstrz(w, "status", "active");
    jw_kstrz(w, "date", time_format(r->started_at, at));
    jw_kstrz(w, "kind", "instance");
    jw_key(w, "software");
    jw_obj(w);
    jw_kstrz(w, "name", "Amane");
    jw_kstrz(w, "version", AMANE_VERSION);
    jw_obj_end(w);
    jw_key(w, "implementation");
    jw_obj(w);
    jw_kstrz(w, "description",
             r->c.open ? "Amane node, OPEN: no login, for trials only. Put no real "
                         "patient's data here."
                       : "Amane node");
    jw_kstrz(w, "url", r->c.base);
    jw_obj_end(w);
    jw_kstrz(w, "fhirVersion", "4.0.1");
    metadata_formats(w);
}

static void metadata_socket(struct jw *w, const struct rest *r)
{
    char url[REST_PATH_MAX];
    if (!rest_subs_on(r))
        return;
    rest_sub_address(r, url);
    jw_key(w, "extension");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "url",
             "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket");
    jw_kstrz(w, "valueUri", url);
    jw_obj_end(w);
    jw_arr_end(w);
}

int rest_capabilities(struct rest *r, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_obj(&w);
    metadata_head(&w, r);
    jw_key(&w, "rest");
    jw_arr(&w);
    jw_obj(&w);
    metadata_socket(&w, r);
    jw_kstrz(&w, "mode", "server");
    jw_key(&w, "security");
    jw_obj(&w);
    jw_kstrz(&w, "description",
             r->c.open ? "None: anyone who reaches this address reads and writes."
                       : "Login needed.");
    jw_obj_end(&w);
    jw_key(&w, "resource");
    jw_arr(&w);
    for (size_t i = 0; i < fhir_search_types(); i++)
        metadata_type(&w, r, fhir_search_type_at(i));
    jw_arr_end(&w);
    metadata_codes(&w, REST_SYSTEM);
    metadata_operations(&w, STR_NULL);
    jw_obj_end(&w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    return jw_done(&w);
}
