/* SPDX-License-Identifier: Apache-2.0 */
/* The second reading of ledger_sequence_test: what a label rests on (V20), what its
 * record holds (ADR 19) and what a superseding record may change (V21), read anew from
 * the records of the whole log. Of the fold it asks which statement took effect, and
 * where a parent stands. Only that test includes this file. */
#ifndef LEDGER_SEQUENCE_BOOKS_H
#define LEDGER_SEQUENCE_BOOKS_H

#include "ledger/ledger_sequence_pool.h"

/* ---- the record of an entry -------------------------------------------------------- */
enum { PLACES = 4096 };
static uint16_t by_payload[PLACES]; /* 1 + number in the pool, by payload */

static size_t place_of(const uint8_t payload[32])
{
    size_t h = ((size_t)payload[0] << 8 | payload[1]) % PLACES;
    while (by_payload[h] &&
           memcmp(pool.v[by_payload[h] - 1].payload_sha256, payload, 32) != 0)
        h = (h + 1) % PLACES;
    return h;
}

static void index_pool(void)
{
    assert_true(pool.n < PLACES / 4);
    memset(by_payload, 0, sizeof by_payload);
    for (size_t i = 0; i < pool.n; i++)
        by_payload[place_of(pool.v[i].payload_sha256)] = (uint16_t)(i + 1);
}

/* What took effect at that entry about that model; NULL: nothing. */
static const struct ledger_ready *effect_on(const struct ledger *l, uint64_t i,
                                            const uint8_t model[32])
{
    const struct ledger_ready *r;
    uint8_t digest[32];
    size_t h;
    if (ledger_outcome(l, i)->effect != LEDGER_IN_EFFECT)
        return NULL;
    h = place_of(l->entry.v[i].payload);
    r = by_payload[h] ? &pool.v[by_payload[h] - 1] : NULL;
    return r && ledger_unhex(json_get(r->st.record, "model_digest"), digest) &&
                   memcmp(digest, model, 32) == 0
               ? r
               : NULL;
}

/* The record of a version in effect before that entry. */
static const struct json *record_before(const struct ledger *l, uint64_t index,
                                        const uint8_t model[32])
{
    while (index-- > 0) {
        const struct ledger_ready *r = effect_on(l, index, model);
        if (r && r->st.kind == LEDGER_VERSION)
            return r->st.record;
    }
    return NULL;
}

/* ---- what a label asks of the record: registry.md 3.1, column "From" ----------------
 */
static const struct {
    const char *member;
    enum ledger_level from;
} due[] = {{"representativeness", LEDGER_BASE},
           {"relevance_morocco", LEDGER_BASE},
           {"fairness_approach", LEDGER_BASE},
           {"bias_mitigation", LEDGER_BASE},
           {"explainability", LEDGER_BASE},
           {"cybersecurity", LEDGER_BASE},
           {"interoperability", LEDGER_BASE},
           {"maintenance", LEDGER_BASE},
           {"patient_information", LEDGER_BASE},
           {"sbom", LEDGER_INTERMEDIATE},
           {"relevance_evidence", LEDGER_INTERMEDIATE},
           {"labelling", LEDGER_INTERMEDIATE},
           {"escrow", LEDGER_INTERMEDIATE}};

static bool complete(const struct json *record, enum ledger_level level)
{
    bool all = record != NULL;
    for (size_t i = 0; i < AM_LEN(due); i++)
        all &= due[i].from > level || json_get(record, due[i].member) != NULL;
    return all;
}

/* ---- V21 --------------------------------------------------------------------------- */
static bool superseded_well(const struct ledger *l, uint64_t index,
                            const struct ledger_ready *r, const struct ledger *before)
{
    static const char *const fixed[] = {
        "model_digest", "artifacts", "canonical_weight_hash", "format",
        "runtime",      "inputs",    "algorithm_id",          "version_label",
        "model_type",   "max_depth", "evaluation_plan",       "planned_change"};
    const struct ledger_version *was = ledger_version_find(before, r->st.subject),
                                *is = ledger_version_find(l, r->st.subject);
    const struct json *old = record_before(l, index, r->st.subject);
    bool same = was && is && old && was->state == is->state && was->level == is->level;
    for (size_t i = 0; i < AM_LEN(fixed) && same; i++) {
        const struct json *a = json_get(old, fixed[i]),
                          *b = json_get(r->st.record, fixed[i]);
        same = (!a && !b) || (a && b && json_equal(a, b));
    }
    return same && (is->level == LEDGER_LEVEL_NONE || complete(r->st.record, is->level));
}

/* ---- V20 --------------------------------------------------------------------------- */
enum { BOOK_ROWS = 5 };
static const struct {
    const char *id;
    enum ledger_level from; /* that first asks it */
    bool again;             /* of performance: no plan takes it over */
} asked[BOOK_ROWS] = {{"PF-1", LEDGER_BASE, true},
                      {"PF-3", LEDGER_INTERMEDIATE, true},
                      {"PF-4", LEDGER_BASE, true},
                      {"RB-5", LEDGER_BASE, false},
                      {"CY-1", LEDGER_INTERMEDIATE, false}};
struct book { /* of one model, read from the first entry on */
    bool own[BOOK_ROWS];
    bool rested; /* its label in force rests on a parent */
    bool passed; /* a surveillance since the first that did */
};

static bool gives_label(const char *transition)
{
    return strcmp(transition, "V7") == 0 || strcmp(transition, "V11") == 0 ||
           strcmp(transition, "V12") == 0 || strcmp(transition, "V13") == 0 ||
           strcmp(transition, "V15") == 0;
}

static bool rests(const struct book *b, enum ledger_level level, bool *taken)
{
    bool lacks = false;
    for (int i = 0; i < BOOK_ROWS; i++) {
        bool missing = asked[i].from <= level && !b->own[i];
        lacks |= missing;
        *taken &= !missing || !asked[i].again;
    }
    return lacks;
}

static void read_on(struct book *b, const struct ledger_ready *r, const char *transition)
{
    enum ledger_level level = LEDGER_LEVEL_NONE;
    bool taken = true, lacks;
    if (r->st.kind == LEDGER_EVIDENCE)
        for (json_each(it, json_get(r->st.record, "rows")))
            for (int k = 0; k < BOOK_ROWS; k++)
                b->own[k] |= json_str_is(it.val, asked[k].id);
    if (str_eqc(r->st.event_type, "surveillance"))
        b->passed = json_str_is(json_get(r->st.record, "verdict"), "pass");
    if (r->st.kind != LEDGER_DECISION || !gives_label(transition) ||
        ledger_level_parse(json_get_str(r->st.record, "label_level"), &level))
        return;
    lacks = rests(b, level, &taken);
    b->passed &= lacks && b->rested; /* counts from the first decision that rests */
    b->rested = lacks;
}

static size_t resting, at_the_cap; /* not in vain */

/* A label that lacks evidence of its own on a row asked: of a claim, whose parent stands,
 * one level below it until a surveillance has passed. */
static bool stays_below(const struct ledger *l, uint64_t index,
                        const struct ledger_ready *r, const struct ledger *before,
                        enum ledger_level level)
{
    const struct json *record = record_before(l, index, r->st.subject);
    const struct ledger_version *p;
    uint8_t parent[32];
    struct book b = {0};
    bool taken = true;
    int most;
    for (uint64_t i = base; i < index; i++) {
        const struct ledger_ready *o = effect_on(l, i, r->st.subject);
        if (o)
            read_on(&b, o, ledger_outcome(l, i)->transition);
    }
    if (!rests(&b, level, &taken))
        return true;
    if (!taken || !json_get(record, "planned_change") ||
        !ledger_unhex(json_get(json_get(record, "previous_version"), "model_digest"),
                      parent))
        return false;
    p = ledger_version_find(before, parent);
    most = p ? (int)p->level - (b.rested && b.passed ? 0 : 1) : 0;
    resting++;
    at_the_cap += (int)level == most;
    return p && p->state == LEDGER_V_LABELLED && p->level >= LEDGER_INTERMEDIATE &&
           (int)level <= most;
}

/* New weights inside a plan: declared like any other, of a parent that stands and whose
 * record foresees that type of change. */
static bool claimed_well(const struct ledger *l, uint64_t index,
                         const struct ledger_ready *r, const struct ledger *before)
{
    const struct json *claim = json_get(r->st.record, "planned_change"), *plan;
    const struct ledger_version *is = ledger_version_find(l, r->st.subject), *p;
    uint8_t parent[32];
    bool foreseen = false;
    if (!is || is->state != LEDGER_V_DECLARED || is->level != LEDGER_LEVEL_NONE)
        return false;
    if (!claim)
        return true;
    if (!ledger_unhex(
            json_get(json_get(r->st.record, "previous_version"), "model_digest"), parent))
        return false;
    p = ledger_version_find(before, parent);
    plan = json_get(record_before(l, index, parent), "change_plan");
    for (json_each(it, json_get(plan, "changes")))
        foreseen |= json_equal(json_get(it.val, "type"), json_get(claim, "type"));
    return p && p->state == LEDGER_V_LABELLED && p->level >= LEDGER_INTERMEDIATE &&
           foreseen;
}

static void check_books(const struct ledger *l, uint64_t index,
                        const struct ledger_ready *r, const struct ledger *before)
{
    const char *transition = ledger_outcome(l, index)->transition;
    enum ledger_level level;
    if (r->st.kind == LEDGER_VERSION && strcmp(transition, "V21") == 0)
        assert_true(superseded_well(l, index, r, before));
    if (r->st.kind == LEDGER_VERSION && strcmp(transition, "V2") == 0)
        assert_true(claimed_well(l, index, r, before));
    if (r->st.kind != LEDGER_DECISION || !gives_label(transition) ||
        strcmp(transition, "V12") == 0 || /* nothing stands in the way of less */
        ledger_level_parse(json_get_str(r->st.record, "label_level"), &level))
        return;
    assert_true(complete(record_before(l, index, r->st.subject), level));
    assert_true(stays_below(l, index, r, before, level));
}

#endif
