/* SPDX-License-Identifier: Apache-2.0 */
/* Problems as an OperationOutcome. */
#include "fhir/fhir_valid_priv.h"

/* Codes of ours and the IssueType of R4 that says most. */
static const struct {
    const char *code, *type;
} kinds[] = {
    {"fhir.rule", "invariant"},
    {"fhir.missing", "required"},
    {"fhir.unknown_element", "structure"},
    {"fhir.not_object", "structure"},
    {"fhir.not_array", "structure"},
    {"fhir.cardinality", "structure"},
    {"fhir.choice", "structure"},
    {"fhir.null", "structure"},
    {"fhir.primitive", "value"},
    {"fhir.empty", "invariant"},
    {"fhir.xhtml", "invariant"},
    {"fhir.not_in_list", "code-invalid"},
    {"fhir.resource", "not-supported"},
    {"fhir.not_included", "not-found"},
    {"fhir.depth", "too-costly"},
    {"fhir.effort", "too-costly"},
    {"profile.absent", "not-supported"},
    {"profile.context", "structure"},
    {"profile.fixed", "value"},
    {"profile.no_slice", "structure"},
    {"profile.not_allowed", "structure"},
    {"profile.not_at_end", "structure"},
    {"profile.not_in_set", "code-invalid"},
    {"profile.not_in_wide", "code-invalid"},
    {"profile.order", "structure"},
    {"profile.other_type", "structure"},
    {"profile.pattern", "value"},
    {"profile.range_unit", "value"},
    {"profile.rule", "invariant"},
    {"profile.set_absent", "informational"},
    {"profile.target", "structure"},
    {"profile.too_big", "value"},
    {"profile.too_few", "required"},
    {"profile.too_long", "value"},
    {"profile.too_many", "structure"},
    {"profile.too_small", "value"},
    {"profile.type", "structure"},
    {"profile.type_profile", "structure"},
    {"patch.effort", "too-costly"},
    {"search.costly", "too-costly"},
    {"search.toobig", "too-costly"},
    {"search.refused", "not-supported"},
    {"search.terminology", "not-supported"},
    {"search.unknown", "not-supported"},
    {"rest.accept", "not-supported"},
    {"rest.busy", "transient"},
    {"rest.condition", "invalid"},
    {"rest.conflict", "conflict"},
    {"rest.content_type", "not-supported"},
    {"rest.exists", "duplicate"},
    {"rest.forbidden", "forbidden"},
    {"rest.gone", "deleted"},
    {"rest.internal", "exception"},
    {"rest.login", "login"},
    {"rest.method", "not-supported"},
    {"rest.notfound", "not-found"},
    {"rest.path", "not-found"},
    {"rest.reference", "not-found"},
    {"rest.several", "multiple-matches"},
    {"rest.toobig", "too-costly"},
    {"rest.type", "not-supported"},
    {"rest.unsupported", "not-supported"},
    {"rest.unsure", "incomplete"},
    {"rest.version", "conflict"},
};

static const char *kind_of(const struct diag_item *it)
{
    for (size_t i = 0; i < AM_LEN(kinds); i++)
        if (strcmp(it->code, kinds[i].code) == 0)
            return kinds[i].type;
    return strncmp(it->code, "json.", 5) == 0 ? "structure" : "invalid";
}

/* Strings of FHIR hold no control characters and are not blank; what people sent may. */
static void clean(struct jw *w, const char *key, struct buf *b)
{
    bool ink = false;
    for (size_t i = 0; i < b->n; i++) {
        unsigned char c = (unsigned char)b->p[i];
        if (c < 32 && c != '\t' && c != '\n' && c != '\r')
            b->p[i] = '?';
        ink |= (unsigned char)b->p[i] > 32;
    }
    if (!ink)
        return;
    if (key)
        jw_key(w, key);
    jw_str(w, buf_str(b));
}

static int issue(struct jw *w, const struct json *resource, const struct diag_item *it,
                 fhir_sayer *say, void *cookie)
{
    static const char *const severity[] = {"error", "warning", "information"};
    struct buf b;
    int err;
    buf_init(&b, 1 << 16);
    jw_obj(w);
    jw_kstrz(w, "severity", severity[it->severity]);
    jw_kstrz(w, "code", kind_of(it));
    jw_key(w, "details");
    jw_obj(w);
    jw_key(w, "coding");
    jw_arr(w);
    jw_obj(w);
    jw_kstrz(w, "code", it->code);
    jw_obj_end(w);
    jw_arr_end(w);
    err = say ? say(cookie, &b, it) : buf_adds(&b, it->detail);
    clean(w, "text", &b);
    jw_obj_end(w);
    buf_clear(&b);
    if (!err)
        err = buf_adds(&b, it->path);
    clean(w, "diagnostics", &b);
    if (!err && (*it->path == '/' || (!*it->path && resource))) {
        buf_clear(&b);
        err = fhir_location(&b, resource, str_c(it->path));
        jw_key(w, "expression");
        jw_arr(w);
        clean(w, NULL, &b);
        jw_arr_end(w);
    }
    jw_obj_end(w);
    buf_release(&b);
    return err;
}

int fhir_outcome(struct jw *w, const struct json *resource, const struct diag *d,
                 fhir_sayer *say, void *cookie)
{
    int err = AM_OK;
    jw_obj(w);
    jw_kstrz(w, "resourceType", "OperationOutcome");
    jw_key(w, "issue");
    jw_arr(w);
    for (size_t i = 0; i < d->n && !err; i++)
        err = issue(w, resource, &d->item[i], say, cookie);
    if (!d->n) {
        jw_obj(w);
        jw_kstrz(w, "severity", "information");
        jw_kstrz(w, "code", "informational");
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
    return err;
}
