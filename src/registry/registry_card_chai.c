/* SPDX-License-Identifier: Apache-2.0 */
/* CHAI Applied Model Card v0.2: elements in the order of its schema, every leaf a string
 * (registry.md 11.1). */
#include "base/clock.h"
#include "registry/registry_card.h"

#define CHAI "https://mc.chai.org/v0.2/schema.xsd"

/* Errors stick, as in jw. */
struct xml {
    struct buf *out, text;
    const struct registry_card *c;
    const char *lang;
    int err;
};

static void xml_raw(struct xml *x, const char *z)
{
    if (!x->err)
        x->err = buf_adds(x->out, z);
}

static void xml_escaped(struct xml *x, struct str s)
{
    for (size_t i = 0; i < s.n && !x->err; i++) {
        char c = s.p[i];
        if (c == '<')
            xml_raw(x, "&lt;");
        else if (c == '>')
            xml_raw(x, "&gt;");
        else if (c == '&')
            xml_raw(x, "&amp;");
        else if ((unsigned char)c >= ' ' || c == '\n' || c == '\t')
            x->err = buf_add(x->out, (struct str){&c, 1});
        /* other control characters have no place in XML 1.0 */
    }
}

static void open_tag(struct xml *x, const char *name)
{
    xml_raw(x, "<");
    xml_raw(x, name);
    xml_raw(x, ">");
}

static void close_tag(struct xml *x, const char *name)
{
    xml_raw(x, "</");
    xml_raw(x, name);
    xml_raw(x, ">\n");
}

static void leaf(struct xml *x, const char *name, struct str s)
{
    open_tag(x, name);
    xml_escaped(x, s);
    close_tag(x, name);
}

static void add(struct xml *x, struct str s)
{
    if (!x->err && s.n)
        x->err = buf_add(&x->text, s);
}

/* A titled paragraph of a leaf made of several fields. */
static void part(struct xml *x, const char *title, const struct json *v)
{
    if (!v || x->err)
        return;
    if (x->text.n)
        add(x, STR("\n\n"));
    if (title) {
        add(x, str_c(title));
        add(x, STR(": "));
    }
    if (!x->err)
        x->err = registry_card_text(&x->text, v, x->lang);
}

/* The leaf of what part() and add() have gathered. */
static void end(struct xml *x, const char *name)
{
    leaf(x, name, buf_str(&x->text));
    buf_clear(&x->text);
}

static void fields(struct xml *x, const char *name, const char *keys)
{
    struct str rest = str_c(keys);
    while (rest.n) {
        char key[64];
        struct str k = str_cut(rest, ' ', &rest);
        bool alone = x->text.n == 0 && !rest.n;
        snprintf(key, sizeof key, "%.*s", STR_FMT(k));
        part(x, alone ? NULL : key, json_get(x->c->version, key));
    }
    end(x, name);
}

static void basic(struct xml *x)
{
    const struct json *dev = json_get(x->c->algorithm, "developer");
    open_tag(x, "BasicInfo");
    leaf(x, "ModelName",
         registry_card_words(json_get(x->c->algorithm, "trade_name"), x->lang));
    leaf(x, "ModelDeveloper", json_get_str(dev, "name"));
    leaf(x, "DeveloperContact", json_get_str(dev, "contact"));
    close_tag(x, "BasicInfo");
}

static void release(struct xml *x)
{
    const struct json *interop = json_get(x->c->version, "interoperability");
    char at[TIME_TEXT], line[320];
    open_tag(x, "ReleaseInfo");
    snprintf(line, sizeof line, "%s, label %s", x->c->status, x->c->level);
    leaf(x, "ReleaseStage", str_c(line));
    leaf(x, "ReleaseDate", str_c(time_format(x->c->declared_at, at)));
    snprintf(line, sizeof line, "%.*s (model sha256 %s)",
             (int)AM_MIN(json_get_str(x->c->version, "version_label").n, 48),
             json_get_str(x->c->version, "version_label").n
                 ? json_get_str(x->c->version, "version_label").p
                 : "",
             x->c->model_digest);
    leaf(x, "ReleaseVersion", str_c(line));
    fields(x, "GlobalAvailability", "countries_available");
    if (interop) {
        open_tag(x, "EHRCompatibility");
        for (json_each(it, interop))
            if (json_bool(it.val, false))
                leaf(x, "EHR", it.key);
        close_tag(x, "EHRCompatibility");
    }
    fields(x, "RegulatoryApproval", "regulatory");
    close_tag(x, "ReleaseInfo");
}

static void summary(struct xml *x)
{
    static const char *const words[] = {"specialty", "body_site", "modality"};
    open_tag(x, "ModelSummary");
    leaf(x, "Summary",
         registry_card_words(json_get(json_get(x->c->version, "intended_use"), "text"),
                             x->lang));
    open_tag(x, "Keywords");
    for (size_t i = 0; i < AM_LEN(words); i++) {
        const struct json *v = json_get(x->c->version, words[i]);
        struct str s = json_get_str(v, "display");
        leaf(x, "Keyword", s.n ? s : json_get_str(v, "code"));
    }
    leaf(x, "Keyword", json_get_str(x->c->version, "task"));
    close_tag(x, "Keywords");
    close_tag(x, "ModelSummary");
}

static void uses(struct xml *x)
{
    open_tag(x, "UsesAndDirections");
    fields(x, "IntendedUseAndWorkflow", "intended_use decision_role");
    fields(x, "PrimaryIntendedUsers", "intended_users required_training");
    fields(x, "HowToUse", "instructions_for_use");
    fields(x, "TargetedPatientPopulation", "population");
    fields(x, "CautionedOutOfScopeSettings", "out_of_scope");
    close_tag(x, "UsesAndDirections");
    open_tag(x, "Warnings");
    fields(x, "KnownRisksAndLimitations", "known_risks risks");
    fields(x, "KnownBiasesOrEthicalConsiderations", "fairness_approach bias_mitigation");
    fields(x, "ClinicalRiskLevel", "criticality");
    close_tag(x, "Warnings");
}

static void trust(struct xml *x)
{
    open_tag(x, "TrustIngredients");
    open_tag(x, "AISystemFacts");
    fields(x, "OutcomesAndOutputs", "outputs");
    fields(x, "ModelType", "model_type");
    if (json_get(x->c->version, "foundation_model"))
        fields(x, "FoundationModels", "foundation_model");
    fields(x, "InputDataSource", "inputs");
    fields(x, "OutputAndInputDataTypes", "outputs inputs");
    fields(x, "DevelopmentDataCharacterization",
           "training_data validation_data representativeness");
    fields(x, "BiasMitigationApproaches", "bias_mitigation");
    fields(x, "OngoingMaintenance", "maintenance");
    fields(x, "Security", "cybersecurity");
    fields(x, "Transparency", "explainability");
    close_tag(x, "AISystemFacts");
    open_tag(x, "TransparencyInformation");
    part(x, NULL, json_get(x->c->algorithm, "funding"));
    end(x, "FundingSource");
    fields(x, "ThirdPartyInformation", "sbom foundation_model");
    fields(x, "StakeholdersConsulted", "stakeholders_consulted");
    close_tag(x, "TransparencyInformation");
    close_tag(x, "TrustIngredients");
}

/* ---- metrics
 * ------------------------------------------------------------------------------- */
static bool family_in(const struct json *e, const char *families)
{
    struct str rest = str_c(families), f = json_get_str(e, "family");
    while (rest.n && f.n)
        if (str_eq(str_cut(rest, ' ', &rest), f))
            return true;
    return false;
}

static size_t results(struct xml *x, const struct json *e)
{
    size_t n = 0;
    for (json_each(it, json_get(e, "measures"))) {
        struct str group = json_get_str(it.val, "group");
        struct jw w;
        if (it.i >= 500)
            break;
        open_tag(x, "MetricResult");
        add(x, json_get_str(it.val, "name"));
        if (group.n)
            add(x, STR(" "));
        add(x, group);
        end(x, "Label");
        jw_init(&w, &x->text);
        jw_val(&w, it.val);
        if (!x->err)
            x->err = jw_done(&w);
        end(x, "ValueJson");
        close_tag(x, "MetricResult");
        n++;
    }
    return n;
}

static void metric(struct xml *x, const char *name, const char *families)
{
    size_t n = 0;
    const struct json *first = NULL;
    open_tag(x, name);
    fields(x, "MetricGoal", "evaluation_plan");
    open_tag(x, "Results");
    for (size_t i = 0; i < x->c->evidence.n; i++) {
        const struct json *e = registry_card_evidence(x->c, i);
        if (!family_in(e, families))
            continue;
        first = first ? first : e;
        n += results(x, e);
    }
    if (!n) {
        open_tag(x, "MetricResult");
        leaf(x, "Label", STR("no measure"));
        leaf(x, "ValueJson", STR("null"));
        close_tag(x, "MetricResult");
    }
    close_tag(x, "Results");
    leaf(x, "Interpretation",
         n ? STR("Verdicts follow from the published policy; see row_results.")
           : STR("Not measured."));
    part(x, NULL, json_get(first, "family"));
    end(x, "TestType");
    part(x, NULL, json_get(first, "dataset"));
    end(x, "TestingDataDescription");
    part(x, NULL, json_get(first, "bench"));
    end(x, "ValidationProcessAndJustification");
    close_tag(x, name);
}

static void last(struct xml *x)
{
    char note[512];
    open_tag(x, "KeyMetrics");
    metric(x, "UsefulnessUsabilityEfficacy", "performance multi_site");
    metric(x, "FairnessEquity", "equity equity_documentation");
    metric(x, "SafetyReliability",
           "identity data robustness cybersecurity reproducibility drift governance");
    close_tag(x, "KeyMetrics");
    open_tag(x, "Resources");
    for (size_t i = 0; i < x->c->evidence.n; i++) {
        add(x, i ? STR("\n") : STR(""));
        add(x, json_get_str(registry_card_evidence(x->c, i), "scores_sha256"));
    }
    end(x, "EvaluationReferences");
    fields(x, "ClinicalTrial", "trials");
    fields(x, "PeerReviewedPublications", "publications");
    fields(x, "PatientConsentOrDisclosure", "patient_information");
    close_tag(x, "Resources");
    snprintf(note, sizeof note,
             "@misc{amane_record, note = {record_sha256 %s}, annote = {tree_size %llu}}",
             x->c->record_sha256, (unsigned long long)x->c->tree_size);
    leaf(x, "Bibliography", str_c(note));
}

int registry_card_chai(const struct registry_card *c, const char *lang, struct buf *out)
{
    struct xml x = {.out = out, .c = c, .lang = lang};
    buf_init(&x.text, (size_t)4 << 20);
    xml_raw(&x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<AppliedModelCard xmlns=\"" CHAI "\">\n");
    basic(&x);
    release(&x);
    summary(&x);
    uses(&x);
    trust(&x);
    last(&x);
    xml_raw(&x, "</AppliedModelCard>\n");
    buf_release(&x.text);
    return x.err;
}
