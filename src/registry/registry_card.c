/* SPDX-License-Identifier: Apache-2.0 */
/* Everything an export needs about one version, gathered once: its records, the state
 * folded at one tree size, its evidence. Exports are pure functions of this. */
#include "registry/registry_card.h"
#include "text/text.h"

enum { CARD_DEPTH = 8, CARD_EVIDENCE_MAX = 200 };

struct card_gather {
    struct registry_card *c;
    const uint8_t *digest;
    uint8_t algorithm[32], version[32];
    bool has_algorithm;
    VEC(struct registry_digest) evidence;
};

static int card_fold(void *arg, const struct ledger *l, uint64_t cosigned)
{
    struct card_gather *g = arg;
    struct registry_card *c = g->c;
    const struct ledger_version *v = ledger_version_find(l, g->digest);
    const struct ledger_algorithm *a;
    int err = AM_OK;
    (void)cosigned;
    if (!v)
        return AM_E_NOTFOUND;
    a = ledger_algorithm_find(l, str_c(v->algorithm_id));
    c->status = ledger_registry_status(v);
    c->state = ledger_v_name(v->state);
    c->level = ledger_level_name(v->level);
    c->labelled = v->level != LEDGER_LEVEL_NONE && v->state == LEDGER_V_LABELLED;
    c->declared_at = v->declared.issued_at;
    c->expires_at = v->expires_at;
    c->tree_size = ledger_size(l);
    crypto_hex(v->digest, 32, c->model_digest);
    crypto_hex(v->declared.record, 32, c->record_sha256);
    if (v->decision.index)
        crypto_hex(v->decision.record, 32, c->decision_sha256);
    memcpy(g->version, v->declared.payload, 32);
    g->has_algorithm = a != NULL;
    if (a)
        memcpy(g->algorithm, a->payload, 32);
    for (size_t i = 0; i < v->evidence.n && i < CARD_EVIDENCE_MAX && !err; i++) {
        struct registry_digest one;
        memcpy(one.sha256, v->evidence.v[i].payload, 32);
        err = vec_push(&g->evidence, one);
    }
    return err;
}

const struct json *registry_card_record(const struct json_doc *doc)
{
    const struct json *p = json_get(json_root(doc), "predicate"),
                      *inner = json_get(p, "amane_record");
    return inner ? inner : p;
}

int registry_card_load(struct registry *r, const uint8_t digest[32], uint64_t size,
                       struct registry_card *c)
{
    struct card_gather g = {.c = c, .digest = digest};
    int err;
    memset(c, 0, sizeof *c);
    err =
        size ? registry_view_at(r, size, card_fold, &g) : registry_view(r, card_fold, &g);
    if (!err)
        err = registry_payload(r, g.version, &c->version_doc);
    if (!err && g.has_algorithm)
        err = registry_payload(r, g.algorithm, &c->algorithm_doc);
    for (size_t i = 0; i < g.evidence.n && !err; i++) {
        struct json_doc *doc = NULL;
        err = registry_payload(r, g.evidence.v[i].sha256, &doc);
        if (!err && (err = vec_push(&c->evidence, doc)))
            json_free(doc);
    }
    vec_release(&g.evidence);
    if (err) {
        registry_card_release(c);
        return err;
    }
    c->version = registry_card_record(c->version_doc);
    c->algorithm = registry_card_record(c->algorithm_doc);
    return AM_OK;
}

void registry_card_release(struct registry_card *c)
{
    for (size_t i = 0; i < c->evidence.n; i++)
        json_free(c->evidence.v[i]);
    vec_release(&c->evidence);
    for (size_t i = 0; i < c->place.n; i++)
        registry_card_place_release(&c->place.v[i]);
    vec_release(&c->place);
    json_free(c->algorithm_doc);
    json_free(c->version_doc);
    c->algorithm_doc = c->version_doc = NULL;
}

const struct json *registry_card_evidence(const struct registry_card *c, size_t i)
{
    return i < c->evidence.n ? registry_card_record(c->evidence.v[i]) : NULL;
}

struct str registry_card_words(const struct json *v, const char *lang)
{
    static const char *const other[] = {"en", "fr", "ar"};
    struct str s = json_get_str(v, lang);
    for (size_t i = 0; i < AM_LEN(other) && !s.n; i++)
        s = json_get_str(v, other[i]);
    return s;
}

static bool card_i18n(const struct json *v)
{
    return json_get_str(v, "fr").n && json_size(v) <= 3 &&
           json_size(v) == 1u + (json_get(v, "ar") != NULL) + (json_get(v, "en") != NULL);
}

static int card_yes(struct buf *b, bool yes, const char *lang)
{
    enum text_lang l = TEXT_EN;
    if (!text_lang_parse(str_c(lang), &l))
        l = TEXT_EN;
    return buf_add(b, text_get(l, yes ? "card.yes" : "card.no"));
}

/* Any value as lines a person can read: lists with dashes, members as "name: value". */
static int card_flat(struct buf *b, const struct json *v, const char *lang,
                     unsigned depth)
{
    struct str words = card_i18n(v) ? registry_card_words(v, lang) : json_str(v);
    bool array = json_type(v) == JSON_ARRAY;
    char digits[JSON_NUM];
    int err = AM_OK;
    if (words.n)
        return buf_add(b, words);
    switch (json_type(v)) {
    case JSON_NUMBER:
        return buf_add(b, (struct str){digits, json_num_format(json_num(v, 0), digits)});
    case JSON_BOOL:
        return card_yes(b, json_bool(v, false), lang);
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    default:
        return AM_OK;
    }
    if (depth >= CARD_DEPTH)
        return buf_adds(b, "...");
    for (json_each(it, v)) {
        if (it.i)
            err = buf_adds(b, depth ? "; " : "\n");
        if (!err && array && !depth)
            err = buf_adds(b, "- ");
        if (!err && !array)
            err = buf_add(b, it.key);
        if (!err && !array)
            err = buf_adds(b, ": ");
        if (!err)
            err = card_flat(b, it.val, lang, depth + 1);
        if (err)
            return err;
    }
    return AM_OK;
}

int registry_card_text(struct buf *b, const struct json *v, const char *lang)
{
    return card_flat(b, v, lang, 0);
}
