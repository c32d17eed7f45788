/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a fact list: every declared field, in sections, labelled from its schema.
 * What the sections below do not name is shown in the last one: nothing declared is
 * hidden, whatever the schema grows into. */
#include "base/clock.h"
#include "web/web_site_priv.h"

enum { RECORD_DEPTH = 6, LIST_MAX = 200, SHOWN_MAX = 200, BEGINNING = 32 };

static const struct {
    const char *id, *fields;
} section[] = {
    {"identity",
     " algorithm_id version_label previous_version issued_at issuer supersedes "
     "reason "},
    {"use", " intended_use decision_role intended_users required_training population "
            "out_of_scope known_risks criticality specialty body_site modality task "
            "patient_information "},
    {"model",
     " outputs artifacts model_digest canonical_weight_hash model_signature "
     "format opset runtime sbom model_type ensemble_members max_depth number_of_layers "
     "dropout_rate regularization_strength learning_rate batch_size "
     "number_of_epochs optimizer random_seed other_hyperparameters "},
    {"data", " training_data validation_data representativeness relevance_morocco "
             "relevance_evidence labelling foundation_model "},
    {"safety", " risks fairness_approach bias_mitigation explainability cybersecurity "},
    {"evaluation", " evaluation_plan stakeholders_consulted publications trials "},
    {"frame", " interoperability regulatory instructions_for_use maintenance change_plan "
              "escrow countries_available "},
};

static bool listed(const char *fields, struct str key)
{
    char word[80];
    if (!key.n || key.n + 3 > sizeof word)
        return false;
    snprintf(word, sizeof word, " %.*s ", STR_FMT(key));
    return strstr(fields, word) != NULL;
}

size_t web_record_sections(void)
{
    return AM_LEN(section);
}

const char *web_record_section(size_t i)
{
    return section[i].id;
}

/* ---- values
 * ------------------------------------------------------------------------- */
/* "18-110" */
static void range(struct jw *w, enum text_lang l, const char *key, const struct json *r)
{
    struct buf b;
    buf_init(&b, 256);
    int err = AM_OK;
    for (size_t i = 0; i < 2 && !err; i++) {
        const struct json *x = json_at(r, i);
        if (i)
            err = buf_adds(&b, "\xe2\x80\x93");
        if (!err)
            err = json_is_int(x) ? text_int(&b, l, json_int(x, 0))
                                 : text_num(&b, l, json_num(x, 0), 2);
    }
    if (!err && json_size(r) == 2)
        jw_kstr(w, key, buf_str(&b));
    buf_release(&b);
}

static bool hex64(struct str s)
{
    uint8_t digest[32];
    return s.n == 64 && crypto_unhex(s, digest, sizeof digest) == AM_OK;
}

static void number(struct jw *w, enum text_lang l, const struct json *v)
{
    struct buf b;
    char digits[JSON_NUM];
    buf_init(&b, 64);
    double x = json_num(v, 0), size = x < 0 ? -x : x;
    if (json_is_int(v) && size < 1e15) {
        if (text_int(&b, l, json_int(v, 0)) == AM_OK)
            jw_kstr(w, "text", buf_str(&b));
    } else if (size >= 1e-3 && size < 1e9) { /* as many decimals as were declared */
        size_t n = json_num_format(x, digits),
               point = str_find((struct str){digits, n}, '.');
        int decimals = point < n ? (int)(n - point - 1) : 0;
        if (text_num(&b, l, x, AM_MIN(decimals, 12)) == AM_OK)
            jw_kstr(w, "text", buf_str(&b));
    } else {
        size_t n = json_num_format(x, digits);
        jw_kstr(w, "code", (struct str){digits, n});
    }
    buf_release(&b);
}

/* A signature or a key: its beginning and how long it is; the whole is in the file. */
static void opaque(struct jw *w, enum text_lang l, struct str s)
{
    struct buf n, text;
    buf_init(&n, 64);
    buf_init(&text, 1024);
    int err = text_int(&n, l, (int64_t)s.n);
    struct text_arg arg = {"n", buf_str(&n)};
    if (!err && text_fmt(&text, l, "record.opaque", &arg, 1) == AM_OK)
        jw_kstr(w, "text", buf_str(&text));
    jw_key(w, "code");
    jw_strf(w, "%.*s\xe2\x80\xa6", BEGINNING, s.p);
    buf_release(&text);
    buf_release(&n);
}

static void string(struct jw *w, enum text_lang l, const char *key, struct str s)
{
    char id[WEB_ID_MAX];
    int64_t at;
    if (s.n + strlen(key) < 100) {
        snprintf(id, sizeof id, "value.%s.%.*s", key, STR_FMT(s));
        if (strlen(id) == strlen(key) + s.n + 7 && text_has(l, id)) {
            jw_kstr(w, "text", text_get(l, id));
            return;
        }
        bool role = !strcmp(key, "owner_role");
        snprintf(id, sizeof id, "%s.%.*s", role ? "role" : key, STR_FMT(s));
        if (listed(" decision_role criticality role owner_role ", str_c(key)) &&
            text_has(l, id)) {
            jw_kstr(w, "text", text_get(l, id));
            return;
        }
    }
    if (hex64(s))
        jw_kstr(w, "code", s);
    else if (s.n > SHOWN_MAX && str_find(s, ' ') == s.n)
        opaque(w, l, s);
    else if (s.n == 10 && time_parse_date(s, &at) == AM_OK)
        jw_kint(w, "date", at);
    else if (s.n >= 20 && time_parse(s, &at) == AM_OK)
        jw_kint(w, "time", at);
    else
        jw_kstr(w, "text", web_text_or(s));
}

static bool is_coding(const struct json *v)
{
    return json_get_str(v, "system").n && json_get_str(v, "code").n;
}

static void coding(struct jw *w, enum text_lang l, const struct json *v)
{
    struct str display = json_get_str(v, "display"), code = json_get_str(v, "code"),
               system = json_get_str(v, "system"), own = {"urn:amane:cs:", 13};
    char id[WEB_ID_MAX];
    if (str_starts(system, own) && code.n < 60 && system.n < 60) { /* our own lists */
        struct str list = str_sub(system, own.n, system.n);
        snprintf(id, sizeof id, "%s%.*s.%.*s", str_eqc(list, "role") ? "" : "value.",
                 STR_FMT(list), STR_FMT(code));
        if (text_has(l, id)) {
            jw_kstr(w, "text", text_get(l, id));
            return;
        }
    }
    if (display.n)
        jw_kstr(w, "text", display);
    jw_kstr(w, "code", code);
}

/* "does not apply: the reason" */
static void not_applicable(struct jw *w, enum text_lang l, struct str reason)
{
    char id[WEB_ID_MAX];
    snprintf(id, sizeof id, "na.%.*s", (int)AM_MIN(reason.n, 80), reason.p);
    struct text_arg arg = {"reason",
                           text_has(l, id) ? text_get(l, id) : web_text_or(reason)};
    struct buf b;
    buf_init(&b, 4096);
    if (text_fmt(&b, l, "page.na", &arg, 1) == AM_OK)
        jw_kstr(w, "text", buf_str(&b));
    buf_release(&b);
}

static struct str label(enum text_lang l, const struct json *schema, struct str key)
{
    char id[WEB_ID_MAX];
    struct str words =
        web_words(l, json_get(json_getn(json_get(schema, "properties"), key), "x-title"));
    if (words.n)
        return words;
    if (key.n < 64) {
        snprintf(id, sizeof id, "field.%.*s", STR_FMT(key));
        if (text_has(l, id))
            return text_get(l, id);
    }
    return web_text_or(key);
}

static void field(struct jw *w, enum text_lang l, const struct json *schema,
                  struct str key, const struct json *v, unsigned depth)
{
    char name[64];
    jw_obj(w);
    jw_kstr(w, "label", label(l, schema, key));
    snprintf(name, sizeof name, "%.*s", (int)AM_MIN(key.n, sizeof name - 1), key.p);
    web_value(w, l, name, v, depth);
    jw_obj_end(w);
}

static void object(struct jw *w, enum text_lang l, const struct json *v, unsigned depth)
{
    jw_kbool(w, "is_object", true);
    jw_key(w, "object");
    jw_arr(w);
    for (json_each(it, v))
        field(w, l, NULL, it.key, it.val, depth + 1);
    jw_arr_end(w);
}

static void list(struct jw *w, enum text_lang l, const char *key, const struct json *v,
                 unsigned depth)
{
    jw_kbool(w, "is_list", json_size(v) > 0);
    if (!json_size(v))
        jw_kstr(w, "text", text_get(l, "word.none"));
    jw_key(w, "list");
    jw_arr(w);
    for (json_each(it, v)) {
        if (it.i >= LIST_MAX)
            break;
        jw_obj(w);
        web_value(w, l, key, it.val, depth + 1);
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

/* A file in each language: links, not words. */
static void translated_digest(struct jw *w, const struct json *v)
{
    jw_kbool(w, "is_files", true);
    jw_key(w, "files");
    jw_arr(w);
    for (json_each(it, v)) {
        jw_obj(w);
        jw_kstr(w, "lang", it.key);
        jw_kstr(w, "digest", json_str(it.val));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

void web_value(struct jw *w, enum text_lang l, const char *key, const struct json *v,
               unsigned depth)
{
    struct str words = web_is_words(v) ? web_words(l, v) : STR_NULL;
    switch (json_type(v)) {
    case JSON_STRING:
        string(w, l, key, json_str(v));
        return;
    case JSON_NUMBER:
        number(w, l, v);
        return;
    case JSON_BOOL:
        jw_kstr(w, "text", text_get(l, json_bool(v, false) ? "word.yes" : "word.no"));
        return;
    case JSON_NONE:
    case JSON_NULL:
        jw_kstr(w, "text", text_get(l, "word.unknown"));
        return;
    default:
        break;
    }
    if (depth >= RECORD_DEPTH) {
        jw_kstr(w, "text", STR("\xe2\x80\xa6"));
    } else if (!strcmp(key, "range") && json_size(v) == 2) {
        range(w, l, "text", v);
    } else if (json_type(v) == JSON_ARRAY) {
        list(w, l, key, v, depth);
    } else if (words.n) {
        if (hex64(words))
            translated_digest(w, v);
        else
            jw_kstr(w, "text", words);
    } else if (json_size(v) == 1 && json_get_str(v, "na").n) {
        not_applicable(w, l, json_get_str(v, "na"));
    } else if (is_coding(v)) {
        coding(w, l, v);
    } else {
        object(w, l, v, depth);
    }
}

/* ---- sections
 * ----------------------------------------------------------------------- */
static bool named_somewhere(struct str key)
{
    if (str_eqc(key, "inputs"))
        return true; /* a table of its own */
    for (size_t i = 0; i < AM_LEN(section); i++)
        if (listed(section[i].fields, key))
            return true;
    return false;
}

static void section_open(struct jw *w, const char *id)
{
    jw_obj(w);
    jw_kstrz(w, "id", id);
    jw_key(w, "fields");
    jw_arr(w);
}

static void section_close(struct jw *w)
{
    jw_arr_end(w);
    jw_obj_end(w);
}

/* In the order of the table: canonical JSON is sorted by name, which is no reading order.
 */
static void one_section(struct jw *w, enum text_lang l, size_t i,
                        const struct json *schema, const struct json *record)
{
    bool any = false;
    for (struct str rest = str_trim(str_c(section[i].fields)); rest.n;) {
        struct str key = str_cut(rest, ' ', &rest);
        const struct json *v = json_getn(record, key);
        if (!v)
            continue;
        if (!any)
            section_open(w, section[i].id);
        any = true;
        field(w, l, schema, key, v, 0);
    }
    if (any)
        section_close(w);
}

static void other_fields(struct jw *w, enum text_lang l, const struct json *schema,
                         const struct json *record)
{
    bool any = false;
    for (json_each(it, record)) {
        if (named_somewhere(it.key))
            continue;
        if (!any)
            section_open(w, "other");
        any = true;
        field(w, l, schema, it.key, it.val, 0);
    }
    if (any)
        section_close(w);
}

/* What no section lists belongs to the last. */
bool web_record_section_has(size_t i, struct str key)
{
    if (str_eqc(key, "inputs"))
        return !strcmp(section[i].id, "model");
    if (!named_somewhere(key))
        return i + 1 == AM_LEN(section);
    return listed(section[i].fields, key);
}

void web_record(struct jw *w, enum text_lang l, const struct web_site *s,
                const struct json *algorithm, const struct json *version, bool brief)
{
    static const char in_brief[] = " identity use evaluation ";
    struct str before =
                   json_get_str(json_get(version, "previous_version"), "model_digest"),
               digest = json_get_str(version, "model_digest");
    if (hex64(before) && hex64(digest)) {
        jw_key(w, "diff_url");
        jw_strf(w, "/models/%.*s/diff/%.*s", STR_FMT(digest), STR_FMT(before));
    }
    jw_key(w, "sections");
    jw_arr(w);
    if (json_size(algorithm)) {
        section_open(w, "algorithm");
        for (json_each(it, algorithm))
            field(w, l, json_root(s->schema_algorithm), it.key, it.val, 0);
        section_close(w);
    }
    for (size_t i = 0; i < AM_LEN(section); i++)
        if (!brief || listed(in_brief, str_c(section[i].id)))
            one_section(w, l, i, json_root(s->schema_version), version);
    if (!brief)
        other_fields(w, l, json_root(s->schema_version), version);
    jw_arr_end(w);
}

struct str web_input_name(enum text_lang l, const struct json *input)
{
    struct str source = json_get_str(input, "source"),
               display = json_get_str(json_get(input, "coding"), "display");
    if (str_eqc(source, "patient.age"))
        return text_get(l, "fact.age");
    if (str_eqc(source, "patient.sex"))
        return text_get(l, "fact.sex");
    return display.n ? display : web_text_or(json_get_str(input, "name"));
}

void web_record_inputs(struct jw *w, enum text_lang l, const struct json *version)
{
    jw_key(w, "inputs");
    jw_arr(w);
    for (json_each(it, json_get(version, "inputs"))) {
        struct str code = json_get_str(json_get(it.val, "coding"), "code"),
                   unit = json_get_str(it.val, "unit");
        if (it.i >= LIST_MAX)
            break;
        jw_obj(w);
        jw_kstr(w, "name", web_input_name(l, it.val));
        jw_kstr(w, "code", code.n ? code : web_text_or(json_get_str(it.val, "name")));
        jw_kstr(w, "unit", str_eqc(unit, "1") ? STR("") : web_text_or(unit));
        range(w, l, "range", json_get(it.val, "range"));
        jw_kstr(w, "missing",
                text_get(l, json_bool(json_get(it.val, "missing_allowed"), false)
                                ? "word.optional"
                                : "word.required"));
        jw_kbool(w, "protected", json_bool(json_get(it.val, "protected"), false));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_kbool(w, "has_inputs", json_size(json_get(version, "inputs")) > 0);
}
