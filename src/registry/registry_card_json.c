/* SPDX-License-Identifier: Apache-2.0 */
/* EU AI Act Annex VIII and the 31 source attributes of HTI-1, as views of a record
 * (registry.md 11.2 and 11.3). Values are those of the record, never rewritten. */
#include "base/clock.h"
#include "registry/registry_card.h"

static void card_head(const struct registry_card *c, struct jw *w, const char *form)
{
    jw_kstrz(w, "form", form);
    jw_kstrz(w, "record_sha256", c->record_sha256);
    jw_kstrz(w, "model_digest", c->model_digest);
    jw_kint(w, "tree_size", (int64_t)c->tree_size);
}

/* ---- Annex VIII
 * ---------------------------------------------------------------------------- */
void registry_card_annex8(const struct registry_card *c, struct jw *w)
{
    const struct json *a = c->algorithm, *v = c->version,
                      *reg = json_get(v, "regulatory");
    jw_obj(w);
    card_head(c, w, "EU AI Act, Annex VIII, section A");
    jw_kval(w, "A1_provider", json_get(a, "developer"));
    jw_kval(w, "A2_submitter",
            json_get(a, "declarant") ? json_get(a, "declarant")
                                     : json_get(a, "developer"));
    jw_kval(w, "A3_authorised_representative", json_get(a, "local_representative"));
    jw_key(w, "A4_trade_name_and_reference");
    jw_obj(w);
    jw_kval(w, "trade_name", json_get(a, "trade_name"));
    jw_kval(w, "algorithm_id", json_get(v, "algorithm_id"));
    jw_kval(w, "version_label", json_get(v, "version_label"));
    jw_kstrz(w, "model_digest", c->model_digest);
    jw_obj_end(w);
    jw_kval(w, "A5_intended_purpose", json_get(v, "intended_use"));
    jw_key(w, "A6_inputs_and_operating_logic");
    jw_obj(w);
    jw_kval(w, "inputs", json_get(v, "inputs"));
    jw_kval(w, "outputs", json_get(v, "outputs"));
    jw_kval(w, "model_type", json_get(v, "model_type"));
    jw_obj_end(w);
    jw_key(w, "A7_status");
    jw_obj(w);
    jw_kstrz(w, "registry_status", c->status);
    jw_kstrz(w, "lifecycle_state", c->state);
    jw_obj_end(w);
    jw_kval(w, "A8_A9_certificates", json_get(reg, "certificates"));
    jw_kval(w, "A10_states", json_get(v, "countries_available"));
    jw_kval(w, "A11_declaration_of_conformity",
            json_get(reg, "declaration_of_conformity"));
    jw_kval(w, "A12_instructions_for_use", json_get(v, "instructions_for_use"));
    jw_key(w, "A13_url");
    jw_strf(w, "/models/%s", c->model_digest);
    jw_obj_end(w);
}

/* The members of a record that are there, and which of them: {} when no record has them.
 */
static void place_members(const struct registry_card_place *p, struct jw *w,
                          const char *key, const char *const *member)
{
    jw_key(w, key);
    jw_obj(w);
    for (; *member; member++) {
        const struct json *record = registry_card_place_with(p, *member);
        if (record)
            jw_kval(w, *member, json_get(record, *member));
    }
    jw_obj_end(w);
}

void registry_card_annex8_place(const struct registry_card_place *p, const struct json *v,
                                struct jw *w)
{
    static const char *const rights[] = {"fundamental_rights_assessment", NULL},
                             *const data[] = {"dpia", "cndp_authorization", NULL};
    jw_obj(w);
    jw_kstrz(w, "form", "EU AI Act, Annex VIII, section C");
    jw_kstrz(w, "deployment", p->id);
    jw_kstrz(w, "model_digest", p->model_digest);
    jw_kint(w, "tree_size", (int64_t)p->tree_size);
    jw_key(w, "C1_deployer");
    jw_obj(w);
    jw_kstrz(w, "establishment", p->establishment);
    jw_kstrz(w, "gst", p->gst);
    jw_kstrz(w, "use_code", p->use_code);
    jw_kstrz(w, "phase", p->phase);
    jw_obj_end(w);
    jw_kval(w, "C2_submitter",
            p->doc.n ? json_get(registry_card_record(p->doc.v[p->doc.n - 1]), "issuer")
                     : NULL);
    jw_key(w, "C3_entry_of_the_provider");
    jw_obj(w);
    jw_kval(w, "device_registration",
            json_pointer(v, STR("/regulatory/device_registration")));
    jw_key(w, "url");
    jw_strf(w, "/models/%s", p->model_digest);
    jw_obj_end(w);
    place_members(p, w, "C4_fundamental_rights_assessment", rights);
    place_members(p, w, "C5_data_protection_assessment", data);
    jw_obj_end(w);
}

/* ---- HTI-1
 * --------------------------------------------------------------------------------- */
/* X(number, "what it is", record, "pointer"): a algorithm, v version, e each run; of a
 * family, i measures in the vendor's own data, m in data of others; n measured where it
 * is used. */
#define CARD_HTI1(X)                                                                     \
    X(1, "contact of the developer", a, "/developer/contact")                            \
    X(2, "funding of the development", a, "/funding")                                    \
    X(3, "value of the output", v, "/outputs")                                           \
    X(4, "kind of output", v, "/task")                                                   \
    X(5, "intended use", v, "/intended_use")                                             \
    X(6, "intended patient population", v, "/population")                                \
    X(7, "intended users", v, "/intended_users")                                         \
    X(8, "role in the decision", v, "/decision_role")                                    \
    X(9, "cautions: tasks and situations out of scope", v, "/out_of_scope")              \
    X(10, "known risks and limits", v, "/known_risks")                                   \
    X(11, "criteria of the training data", v, "/training_data")                          \
    X(12, "protected variables among the inputs", v, "/inputs")                          \
    X(13, "representativeness of the training data", v, "/representativeness")           \
    X(14, "relevance of the training data to the deployment", v, "/relevance_morocco")   \
    X(15, "approach to fairness", v, "/fairness_approach")                               \
    X(16, "management of bias", v, "/bias_mitigation")                                   \
    X(17, "external validation data", e, "/dataset")                                     \
    X(18, "who validated externally", e, "/dataset/tester_org")                          \
    X(19, "representativeness of the external data", e, "/dataset/sites")                \
    X(20, "process of the external validation", e, "/bench")                             \
    X(21, "validity in internal data", i, "performance")                                 \
    X(22, "fairness in internal data", i, "equity")                                      \
    X(23, "validity in external data", m, "performance")                                 \
    X(24, "fairness in external data", m, "equity")                                      \
    X(25, "evaluation of outcomes", v, "/publications")                                  \
    X(26, "monitoring of validity", v, "/maintenance/monitoring_period")                 \
    X(27, "local validity", n, "validity")                                               \
    X(28, "monitoring of fairness", v, "/maintenance/equity_period")                     \
    X(29, "local fairness", n, "fairness")                                               \
    X(30, "process and frequency of updates", v, "/maintenance/update_period")           \
    X(31, "correction of performance", v, "/maintenance/correction_delay")

static const struct {
    int number;
    const char *name;
    char from;
    const char *pointer;
} attribute[] = {
#define X(number, name, from, pointer) {number, name, #from[0], pointer},
    CARD_HTI1(X)
#undef X
};

/* Measures of every run of that family ("equity" takes its documentation too), on data of
 * others than the vendor or not. */
static void card_measures(const struct registry_card *c, struct jw *w, const char *family,
                          bool external)
{
    jw_arr(w);
    for (size_t i = 0; i < c->evidence.n; i++) {
        const struct json *e = registry_card_evidence(c, i);
        if (!str_starts(json_get_str(e, "family"), str_c(family)) ||
            json_bool(json_pointer(e, STR("/dataset/external")), false) != external)
            continue;
        for (json_each(it, json_get(e, "measures")))
            jw_val(w, it.val);
    }
    jw_arr_end(w);
}

static void card_protected(const struct registry_card *c, struct jw *w)
{
    jw_arr(w);
    for (json_each(it, json_get(c->version, "inputs")))
        if (json_bool(json_get(it.val, "protected"), false))
            jw_val(w, json_get(it.val, "name"));
    jw_arr_end(w);
}

/* Measures made on the data of each place, of everybody or by group. */
static void card_local(const struct registry_card *c, struct jw *w, bool groups)
{
    jw_arr(w);
    for (size_t i = 0; i < c->place.n; i++) {
        const struct registry_card_place *p = &c->place.v[i];
        const struct json *record = registry_card_place_with(p, "local_validation");
        if (!record)
            continue;
        jw_obj(w);
        jw_kstrz(w, "establishment", p->establishment);
        jw_kstrz(w, "gst", p->gst);
        jw_kstrz(w, "use_code", p->use_code);
        jw_key(w, "measures");
        jw_arr(w);
        for (json_each(it, json_get(record, "local_validation")))
            if ((json_get_str(it.val, "group").n != 0) == groups)
                jw_val(w, it.val);
        jw_arr_end(w);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void card_each_run(const struct registry_card *c, struct jw *w, struct str pointer)
{
    jw_arr(w);
    for (size_t i = 0; i < c->evidence.n; i++)
        jw_val(w, json_pointer(registry_card_evidence(c, i), pointer));
    jw_arr_end(w);
}

void registry_card_hti1(const struct registry_card *c, struct jw *w)
{
    jw_obj(w);
    card_head(c, w, "HTI-1 predictive source attributes");
    jw_key(w, "attributes");
    jw_arr(w);
    for (size_t i = 0; i < AM_LEN(attribute); i++) {
        struct str pointer = str_c(attribute[i].pointer);
        jw_obj(w);
        jw_kint(w, "number", attribute[i].number);
        jw_kstrz(w, "attribute", attribute[i].name);
        jw_key(w, "value");
        if (attribute[i].number == 12)
            card_protected(c, w);
        else if (attribute[i].from == 'a')
            jw_val(w, json_pointer(c->algorithm, pointer));
        else if (attribute[i].from == 'v')
            jw_val(w, json_pointer(c->version, pointer));
        else if (attribute[i].from == 'e')
            card_each_run(c, w, pointer);
        else if (attribute[i].from == 'm' || attribute[i].from == 'i')
            card_measures(c, w, attribute[i].pointer, attribute[i].from == 'm');
        else
            card_local(c, w, str_eqc(pointer, "fairness"));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}
