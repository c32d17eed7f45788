/* SPDX-License-Identifier: Apache-2.0 */
/* registry_search -- the register's index: a view like the fold, kept under the same lock
 * as records are folded; at opening registry_index.c makes it. A document is a version;
 * its id is the model digest, its rank the index of its declaration (newest first).
 *
 * Texts come from the version record, its algorithm's record and the policy's words for
 * the use, in every language they have; values of facets from the fold. A statement that
 * changes no text changes values only. Whatever cannot be indexed (the memory bound, no
 * memory) is counted and said once in the log: the register itself does not depend on it.
 */
#include "base/log.h"
#include "registry/registry_priv.h"

enum { SEARCH_B = 192 << 20, TEXT_B = 1 << 20, WEIGHTS = 4, REGIONS_MAX = 64 };

static const char *const facet_name[] = {"use",   "specialty", "level",
                                         "state", "region",    "supplier"};
_Static_assert(AM_LEN(facet_name) == REGISTRY_FACETS, "a name for each facet");

const char *registry_facet_name(enum registry_facet f)
{
    return facet_name[f];
}

/* ---- texts ------------------------------------------------------------------------- */
struct texts {
    struct buf b[WEIGHTS]; /* b[i]: weight i + 1 */
    int err;
};

static void add(struct texts *t, unsigned weight, struct str s)
{
    struct buf *b = &t->b[weight - 1];
    if (t->err || !s.n || b->n + s.n + 1 > b->max)
        return; /* what does not fit is not searched by */
    t->err = buf_add(b, s);
    if (!t->err)
        t->err = buf_addc(b, '\n');
}

/* A text, a text in several languages, or a list of either. */
static void add_words(struct texts *t, unsigned weight, const struct json *v)
{
    if (json_type(v) == JSON_STRING)
        add(t, weight, json_str(v));
    else
        for (json_each(it, v))
            if (json_type(it.val) == JSON_STRING)
                add(t, weight, json_str(it.val));
            else
                for (json_each(inner, it.val))
                    add(t, weight, json_str(inner.val));
}

static void add_coding(struct texts *t, unsigned weight, const struct json *v)
{
    add_words(t, weight, json_get(v, "display"));
    add_words(t, weight, json_get(v, "text"));
    add(t, weight, json_get_str(v, "code"));
}

static void add_use(struct texts *t, const struct json *policy, struct str code)
{
    for (json_each(it, json_get(json_get(policy, "codes"), "uses")))
        if (str_eq(json_get_str(it.val, "code"), code))
            add_words(t, 3, json_get(it.val, "text"));
    add(t, 2, code);
}

static void add_version(struct texts *t, const struct json *v)
{
    static const char *const plain[] = {"known_risks", "out_of_scope",
                                        "relevance_morocco", "patient_information",
                                        "fairness_approach"};
    add_words(t, 3, json_get(json_get(v, "intended_use"), "text"));
    add_coding(t, 2, json_get(v, "specialty"));
    add_coding(t, 2, json_get(v, "body_site"));
    add_coding(t, 1, json_get(v, "modality"));
    add(t, 2, json_get_str(v, "algorithm_id"));
    add(t, 2, json_get_str(v, "model_digest"));
    add(t, 1, json_get_str(v, "version_label"));
    for (size_t i = 0; i < AM_LEN(plain); i++)
        add_words(t, 1, json_get(v, plain[i]));
    add_words(t, 1, json_pointer(v, STR("/population/inclusion")));
    for (json_each(it, json_get(v, "relevance_evidence")))
        add_words(t, 1, json_get(it.val, "what"));
    for (json_each(it, json_get(v, "outputs")))
        add_words(t, 1, json_get(it.val, "text"));
    for (json_each(in, json_get(v, "inputs")))
        add_words(t, 1, json_get(json_get(in.val, "coding"), "display"));
}

static void add_algorithm(struct texts *t, const struct json *a)
{
    add_words(t, 4, json_get(a, "trade_name"));
    add_words(t, 4, json_get(a, "short_name"));
    add_words(t, 2, json_get(json_get(a, "developer"), "name"));
    add(t, 2, json_get_str(json_get(a, "developer"), "org_id"));
}

/* ---- values ------------------------------------------------------------------------ */
struct values {
    struct search_value v[REGISTRY_FACETS + REGIONS_MAX];
    size_t n;
};

static void value(struct values *x, enum registry_facet f, struct str s)
{
    if (s.n && s.n <= SEARCH_VALUE_MAX && x->n < AM_LEN(x->v))
        x->v[x->n++] = (struct search_value){f, s};
}

static void values_of(struct values *x, const struct ledger_version *v,
                      struct str specialty)
{
    value(x, REGISTRY_USE, str_c(v->use_code));
    value(x, REGISTRY_SPECIALTY, specialty);
    value(x, REGISTRY_LEVEL, str_c(ledger_level_name(v->level)));
    value(x, REGISTRY_STATE, str_c(ledger_v_name(v->state)));
    value(x, REGISTRY_SUPPLIER, str_c(v->org_id));
}

/* What the fold's view of a version does not say: its speciality, from the index, and the
 * regions where it is or was deployed. Copies, since the index is about to change. */
struct kept {
    char specialty[SEARCH_VALUE_MAX + 1];
    char region[REGIONS_MAX][LEDGER_ID_MAX];
    size_t regions;
};

static void keep_region(struct kept *k, struct str gst)
{
    for (size_t i = 0; i < k->regions; i++)
        if (str_eqc(gst, k->region[i]))
            return;
    if (gst.n && gst.n < LEDGER_ID_MAX && k->regions < REGIONS_MAX)
        snprintf(k->region[k->regions++], LEDGER_ID_MAX, "%.*s", STR_FMT(gst));
}

static void keep(const struct registry *r, const struct ledger_version *v, struct str id,
                 struct kept *k)
{
    const struct ledger *l = r->ledger;
    struct search_value x;
    for (size_t i = 0; (x = search_value_at(r->search, id, i)).value.p; i++)
        if (x.facet == REGISTRY_SPECIALTY)
            snprintf(k->specialty, sizeof k->specialty, "%.*s", STR_FMT(x.value));
    for (size_t i = ledger_list_first(l, LEDGER_DEPLOYMENTS_OF_MODEL,
                                      ledger_model_name(v->digest));
         i != SIZE_MAX; i = ledger_list_next(l, LEDGER_DEPLOYMENTS_OF_MODEL, i))
        keep_region(k, str_c(ledger_deployment_at(l, i)->gst));
}

/* ---- specialities by name ---------------------------------------------------------- */
enum { SPECIALTIES_MAX = 1000 };

static int learn_specialty(struct registry *r, const struct json *specialty)
{
    struct str code = json_get_str(specialty, "code"),
               display = json_get_str(specialty, "display");
    char *copy;
    int err;
    if (!code.n || !display.n || map_has(&r->specialty, code) ||
        r->specialty_display.n == SPECIALTIES_MAX)
        return AM_OK;
    copy = str_dup(display);
    if (!copy)
        return AM_E_NOMEM;
    err = vec_push(&r->specialty_display, copy);
    if (err) {
        free(copy);
        return err;
    }
    return map_set(&r->specialty, code, r->specialty_display.n - 1);
}

const char *registry_specialty(struct registry *r, struct str code)
{
    size_t i;
    return map_get(&r->specialty, code, &i) ? NULL : r->specialty_display.v[i];
}

/* ---- from statements ----------------------------------------------------------------
 */
/* Without the checks of ledger_statement_parse(): the fold has made them. The predicate
 * of a version or an algorithm is its record. */
int registry_text_read(struct registry *r, const uint8_t payload[32],
                       struct registry_text *out)
{
    struct buf b;
    int err;
    buf_init(&b, REGISTRY_RECORD_MAX);
    err = blob_get(r->blobs, payload, &b);
    if (!err)
        err = json_parse(&out->doc, buf_str(&b), NULL, NULL);
    if (!err)
        out->record = json_get(json_root(out->doc), "predicate");
    buf_release(&b);
    return err;
}

void registry_text_release(struct registry_text *t)
{
    json_free(t->doc);
    *t = (struct registry_text){0};
}

static int put(struct registry *r, const struct ledger_version *v,
               const struct json *record, const struct json *algorithm)
{
    struct texts t = {0};
    struct search_field field[WEIGHTS];
    struct kept k = {0};
    struct values x = {0};
    struct str specialty = json_get_str(json_get(record, "specialty"), "code");
    char hex[CRYPTO_HEX];
    struct search_doc d = {.rank = v->declared.index, .field = field, .fields = WEIGHTS};
    int err;
    for (size_t i = 0; i < WEIGHTS; i++)
        buf_init(&t.b[i], TEXT_B);
    add_version(&t, record);
    add_use(&t, ledger_policy(r->ledger), str_c(v->use_code));
    add_algorithm(&t, algorithm);
    for (unsigned i = 0; i < WEIGHTS; i++)
        field[i] = (struct search_field){i + 1, buf_str(&t.b[i])};
    d.id = str_c(crypto_hex(v->digest, 32, hex));
    keep(r, v, d.id, &k);
    values_of(&x, v, specialty);
    for (size_t i = 0; i < k.regions; i++)
        value(&x, REGISTRY_REGION, str_c(k.region[i]));
    d.value = x.v;
    d.values = x.n;
    err = t.err ? t.err : learn_specialty(r, json_get(record, "specialty"));
    if (!err)
        err = search_put(r->search, &d);
    for (size_t i = 0; i < WEIGHTS; i++)
        buf_release(&t.b[i]);
    return err;
}

int registry_search_put(struct registry *r, const struct ledger_version *v,
                        const struct registry_text *version,
                        const struct registry_text *algorithm)
{
    return put(r, v, version->record, algorithm ? algorithm->record : NULL);
}

bool registry_search_has(const struct registry *r, const struct ledger_version *v)
{
    char hex[CRYPTO_HEX];
    return search_has(r->search, str_c(crypto_hex(v->digest, 32, hex)));
}

/* With the record of its algorithm, if there is one. */
static int put_named(struct registry *r, const struct ledger_version *v,
                     const struct json *record)
{
    const struct ledger_algorithm *a =
        ledger_algorithm_find(r->ledger, str_c(v->algorithm_id));
    struct registry_text t = {0};
    int err = a ? registry_text_read(r, a->payload, &t) : AM_OK;
    if (!err)
        err = put(r, v, record, t.record);
    registry_text_release(&t);
    return err;
}

static int refresh(struct registry *r, const struct ledger_version *v)
{
    struct kept k = {0};
    struct values x = {0};
    char hex[CRYPTO_HEX];
    struct str id = str_c(crypto_hex(v->digest, 32, hex));
    int err;
    keep(r, v, id, &k);
    values_of(&x, v, str_c(k.specialty));
    for (size_t i = 0; i < k.regions; i++)
        value(&x, REGISTRY_REGION, str_c(k.region[i]));
    err = search_values(r->search, id, v->declared.index, x.v, x.n);
    return err == AM_E_NOTFOUND ? AM_OK : err; /* not yet there, or over the bound */
}

/* A corrected algorithm renames its versions. Rare: the first record has none yet. */
static int rename_all(struct registry *r, struct str algorithm_id)
{
    int err = AM_OK;
    for (size_t i =
             ledger_list_first(r->ledger, LEDGER_VERSIONS_OF_ALGORITHM, algorithm_id);
         i != SIZE_MAX && !err;
         i = ledger_list_next(r->ledger, LEDGER_VERSIONS_OF_ALGORITHM, i)) {
        const struct ledger_version *v = ledger_version_at(r->ledger, i);
        struct registry_text t = {0};
        err = registry_text_read(r, v->declared.payload, &t);
        if (!err)
            err = put_named(r, v, t.record);
        registry_text_release(&t);
    }
    return err;
}

static int note(struct registry *r, const struct ledger_statement_view *s,
                const uint8_t payload[32])
{
    const struct ledger_version *v;
    uint8_t digest[32];
    struct str model = json_get_str(s->record, "model_digest");
    if (s->kind == LEDGER_ALGORITHM)
        return json_get(s->record, "supersedes")
                   ? rename_all(r, json_get_str(s->record, "algorithm_id"))
                   : AM_OK;
    if (crypto_unhex(model, digest, sizeof digest))
        return AM_OK;
    v = ledger_version_find(r->ledger, digest);
    if (!v)
        return AM_OK;
    if (s->kind == LEDGER_VERSION && memcmp(v->declared.payload, payload, 32) == 0)
        return put_named(r, v, s->record);
    return refresh(r, v);
}

void registry_search_missed(struct registry *r, int err)
{
    if (err && !r->search_missed++)
        LOG_W("registry.search", log_err(err));
}

/* At opening the whole fold is indexed once it is there: registry_index.c. */
void registry_search_note(struct registry *r, const struct ledger_statement_view *s,
                          const uint8_t payload[32])
{
    if (r->index_live)
        registry_search_missed(r, note(r, s, payload));
}

/* ---- life -------------------------------------------------------------------------- */
int registry_search_open(struct registry *r)
{
    struct search_config c = {.max_b = SEARCH_B, .facets = REGISTRY_FACETS};
    return search_new(&r->search, &c);
}

void registry_search_close(struct registry *r)
{
    search_free(r->search);
    map_release(&r->specialty);
    for (size_t i = 0; i < r->specialty_display.n; i++)
        free(r->specialty_display.v[i]);
    vec_release(&r->specialty_display);
}

int registry_search(struct registry *r, const struct search_query *q,
                    struct search_result *out)
{
    return search_run(r->search, q, out);
}

void registry_search_stats(struct registry *r, struct search_stats *out, uint64_t *missed)
{
    pthread_rwlock_rdlock(&r->fold);
    search_stats(r->search, out);
    *missed = r->search_missed;
    pthread_rwlock_unlock(&r->fold);
}
