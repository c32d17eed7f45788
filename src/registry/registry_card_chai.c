/* SPDX-License-Identifier: Apache-2.0 */
/* CHAI Applied Model Card v0.2: elements in the order of its schema, every leaf a string
 * (registry.md 11.1). */
#include "base/clock.h"
#include "embed/embed.h"
#include "registry/registry_card.h"
#include "text/text.h"

#define CHAI "https://mc.chai.org/v0.2/schema.xsd"

/* Errors stick, as in jw. */
struct xml {
    struct buf *out, text;
    const struct registry_card *c;
    const char *lang;
    enum text_lang l;
    struct json_doc *schema; /* titles of fields; NULL in English: their names serve */
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

/* A connecting word of the card, in its language. */
static void word(struct xml *x, const char *id)
{
    add(x, text_get(x->l, id));
}

/* "labelled": its word; in English the code itself. */
static struct str coded(const struct xml *x, const char *family, const char *code)
{
    char id[96];
    snprintf(id, sizeof id, "%s%s", family, code);
    return x->l != TEXT_EN && text_has(x->l, id) ? text_get(x->l, id) : str_c(code);
}

static struct str titled(const struct xml *x, const char *key)
{
    const struct json *p = json_get(json_get(json_root(x->schema), "properties"), key);
    struct str s = json_get_str(json_get(p, "x-title"), x->lang);
    return s.n ? s : str_c(key);
}

/* A titled paragraph of a leaf made of several fields. */
static void part(struct xml *x, const char *title, const struct json *v)
{
    if (!v || x->err)
        return;
    if (x->text.n)
        add(x, STR("\n\n"));
    if (title) {
        add(x, titled(x, title));
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
    struct str label = json_get_str(x->c->version, "version_label");
    char at[TIME_TEXT];
    open_tag(x, "ReleaseInfo");
    add(x, coded(x, "state.v.", x->c->status));
    add(x, x->l == TEXT_AR ? STR("\xd8\x8c ") : STR(", "));
    word(x, "card.label");
    add(x, STR(" "));
    add(x, coded(x, "level.", x->c->level));
    end(x, "ReleaseStage");
    leaf(x, "ReleaseDate", str_c(time_format(x->c->declared_at, at)));
    add(x, str_sub(label, 0, AM_MIN(label.n, 48)));
    add(x, STR(" ("));
    word(x, "card.digest");
    add(x, STR(" "));
    add(x, str_c(x->c->model_digest));
    add(x, STR(")"));
    end(x, "ReleaseVersion");
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

/* ---- how to use it: from the record's fields, in words; the manual is named last ----
 */
static struct str shown(struct xml *x, const struct json *v)
{
    struct str s = registry_card_words(json_get(v, "text"), x->lang);
    s = s.n ? s : json_get_str(v, "display");
    s = s.n ? s : json_get_str(v, "code");
    return s.n ? s : json_get_str(v, "name");
}

static void number(struct xml *x, const struct json *v)
{
    if (!x->err)
        x->err = registry_card_text(&x->text, v, x->lang);
}

/* "name [unit], 0 to 300, positive from 0.5" */
static void quantity(struct xml *x, const struct json *v)
{
    const struct json *range = json_get(v, "range"), *cut = json_get(v, "threshold");
    struct str unit = json_get_str(v, "unit");
    add(x, shown(x, v));
    if (unit.n && !str_eqc(unit, "1")) {
        add(x, STR(" ["));
        add(x, unit);
        add(x, STR("]"));
    }
    if (json_size(range) == 2) {
        add(x, STR(", "));
        number(x, json_at(range, 0));
        add(x, STR(" "));
        word(x, "card.to");
        add(x, STR(" "));
        number(x, json_at(range, 1));
    }
    if (json_type(cut) == JSON_NUMBER) {
        add(x, STR(", "));
        word(x, "card.positive_from");
        add(x, STR(" "));
        number(x, cut);
    }
}

/* One sentence: a word of the card, then each element apart. */
static void sentence(struct xml *x, const char *title, const struct json *list,
                     void (*one)(struct xml *, const struct json *))
{
    if (!json_size(list))
        return;
    add(x, x->text.n ? STR("\n") : STR(""));
    word(x, title);
    for (json_each(it, list)) {
        add(x, it.i ? STR("; ") : STR(": "));
        one(x, it.val);
    }
    add(x, STR("."));
}

static void name_of(struct xml *x, const struct json *v)
{
    add(x, shown(x, v));
}

static void words_of(struct xml *x, const struct json *v)
{
    add(x, registry_card_words(v, x->lang));
}

static void how_to_use(struct xml *x)
{
    const struct json *v = x->c->version;
    struct str manual = registry_card_words(json_get(v, "instructions_for_use"), x->lang);
    sentence(x, "card.for", json_get(v, "intended_users"), name_of);
    sentence(x, "card.trained", json_get(v, "required_training"), name_of);
    sentence(x, "card.give", json_get(v, "inputs"), quantity);
    sentence(x, "card.read", json_get(v, "outputs"), quantity);
    if (json_get_str(v, "decision_role").n) {
        add(x, STR("\n"));
        word(x, "card.role");
        add(x, STR(": "));
        add(x, json_get_str(v, "decision_role"));
        add(x, STR("."));
    }
    sentence(x, "card.not_for", json_get(v, "out_of_scope"), words_of);
    if (manual.n) {
        add(x, STR("\n"));
        word(x, "card.manual");
        add(x, STR(" "));
        add(x, manual);
        add(x, STR("."));
    }
    end(x, "HowToUse");
}

static void uses(struct xml *x)
{
    open_tag(x, "UsesAndDirections");
    fields(x, "IntendedUseAndWorkflow", "intended_use decision_role");
    fields(x, "PrimaryIntendedUsers", "intended_users required_training");
    how_to_use(x);
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

/* Families of the card's first two blocks; all others speak of safety and reliability. */
static const char efficacy[] = "performance multi_site",
                  fairness[] = "equity equity_documentation";

static bool in_block(const struct json *e, const char *families)
{
    return families ? family_in(e, families)
                    : !family_in(e, efficacy) && !family_in(e, fairness);
}

/* families NULL: the others. */
static void metric(struct xml *x, const char *name, const char *families)
{
    size_t n = 0;
    const struct json *first = NULL;
    open_tag(x, name);
    fields(x, "MetricGoal", "evaluation_plan");
    open_tag(x, "Results");
    for (size_t i = 0; i < x->c->evidence.n; i++) {
        const struct json *e = registry_card_evidence(x->c, i);
        if (!in_block(e, families))
            continue;
        first = first ? first : e;
        n += results(x, e);
    }
    if (!n) {
        open_tag(x, "MetricResult");
        leaf(x, "Label", text_get(x->l, "card.no_measure"));
        leaf(x, "ValueJson", STR("null"));
        close_tag(x, "MetricResult");
    }
    close_tag(x, "Results");
    leaf(x, "Interpretation", text_get(x->l, n ? "card.verdicts" : "card.not_measured"));
    part(x, NULL, json_get(first, "family"));
    end(x, "TestType");
    part(x, NULL, json_get(first, "dataset"));
    end(x, "TestingDataDescription");
    part(x, NULL, json_get(first, "bench"));
    end(x, "ValidationProcessAndJustification");
    close_tag(x, name);
}

/* Who measured what, on which data, when; the digest of a score file once, beside the
 * first evidence that rests on it. */
static void reference(struct xml *x, size_t i, const struct json *e)
{
    const struct json *data = json_get(e, "dataset"), *bench = json_get(e, "bench");
    struct str scores = json_get_str(e, "scores_sha256");
    bool told = false;
    for (size_t k = 0; k < i && !told; k++)
        told = str_eq(scores,
                      json_get_str(registry_card_evidence(x->c, k), "scores_sha256"));
    add(x, i ? STR("\n") : STR(""));
    add(x, json_get_str(e, "family"));
    add(x, STR(": "));
    word(x, "card.measured_by");
    add(x, STR(" "));
    add(x, json_get_str(json_get(e, "issuer"), "org_id"));
    add(x, STR(" "));
    word(x, "card.on");
    add(x, STR(" "));
    add(x, json_get_str(data, "id"));
    if (json_is_int(json_get(data, "n"))) {
        add(x, STR(", "));
        number(x, json_get(data, "n"));
        add(x, STR(" "));
        word(x, "card.rows");
    }
    if (json_bool(json_get(data, "external"), false)) {
        add(x, STR(", "));
        word(x, "card.external");
    }
    if (json_get_str(bench, "ended").n) {
        add(x, STR(", "));
        add(x, str_sub(json_get_str(bench, "ended"), 0, 10));
    }
    if (scores.n && !told) {
        add(x, STR(" ("));
        word(x, "card.scores");
        add(x, STR(" "));
        add(x, scores);
        add(x, STR(")"));
    }
}

static void last(struct xml *x)
{
    char note[512];
    open_tag(x, "KeyMetrics");
    metric(x, "UsefulnessUsabilityEfficacy", efficacy);
    metric(x, "FairnessEquity", fairness);
    metric(x, "SafetyReliability", NULL);
    close_tag(x, "KeyMetrics");
    open_tag(x, "Resources");
    for (size_t i = 0; i < x->c->evidence.n; i++)
        reference(x, i, registry_card_evidence(x->c, i));
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
    struct xml x = {.out = out, .c = c, .lang = lang, .l = TEXT_EN};
    const struct embed_file *f = embed_find("schema/version-1.json");
    if (text_lang_parse(str_c(lang), &x.l) && x.l != TEXT_EN && f)
        x.err = json_parse(&x.schema, (struct str){(const char *)f->data, f->size}, NULL,
                           NULL);
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
    json_free(x.schema);
    buf_release(&x.text);
    return x.err;
}
