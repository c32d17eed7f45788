/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of fhir/term share. */
#ifndef FHIR_TX_PRIV_H
#define FHIR_TX_PRIV_H

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "fhir/term.h"
#include "json/regex.h"

/* Generated: a resource a line, and a NUL. */
extern const uint8_t fhir_tx_core_text[];
extern const size_t fhir_tx_core_b;

enum { FHIR_TX_CODE_MAX = 512 }; /* bytes of a code whose case does not count */

struct tx_edge {
    uint32_t child, parent;
};
struct tx_later { /* a hierarchy told by code: resolved when all codes are there */
    uint32_t concept;
    struct str other;
    bool child; /* other is the child */
};
struct tx_span {
    uint32_t lo, hi;
};
struct fhir_tx_system {
    struct str url, version, name, all; /* all: `valueSet` */
    bool any_case, complete, dirty;
    VEC(struct fhir_tx_concept) concept;
    struct map by_code;
    struct map refset;                  /* reference sets whose members are loaded */
    struct fhir_tx_dialect dialect[16]; /* lang empty: not named */
    size_t dialects;
    VEC(struct tx_edge) edge;
    VEC(struct tx_later) later;
    VEC(struct fhir_tx_word) word;
    VEC(struct fhir_tx_property) property;
    /* of fhir_tx_ready(): where the rows of concept i begin, n + 1 of them */
    uint32_t *word_at, *property_at, *up_at, *up, *down_at, *down;
    uint32_t *post, *by_post, *span_at;
    VEC(struct tx_span) span;
};

struct tx_listed {
    struct str code, display;
};
struct tx_filter {
    struct str property, op, value;
    struct json_regex *re;
    struct fhir_ecl *ecl; /* "constraint" of SNOMED CT */
};
struct tx_part {
    bool exclude;
    struct str system, version;
    VEC(struct tx_listed) listed;
    struct map by_code;
    VEC(struct tx_filter) filter;
    VEC(struct str) import;
};
struct fhir_tx_set {
    struct str url, version, name;
    bool partial; /* what it lists is not all, or it does not say: never a no */
    VEC(struct tx_part) part;
};
struct tx_target {
    struct str source, target; /* systems */
    struct str code, to, display, equivalence;
    bool depends;           /* holds only with something else, which nobody told us */
    uint32_t group;         /* of its map */
    size_t next, next_back; /* with the same code, with the same `to`; or SIZE_MAX */
};
struct tx_map {
    struct str url, version;
    struct str source, target_set; /* value sets */
    VEC(struct tx_target) target;
    VEC(struct tx_target) unmapped; /* to: fixed code, or empty: the same; one a group */
    struct map by_code, by_to;      /* the first with that code, with that `to` */
};
struct fhir_tx {
    const struct fhir_tx *base; /* or NULL */
    struct arena a;
    VEC(struct fhir_tx_system *) system;
    VEC(struct fhir_tx_set *) set;
    VEC(struct tx_map *) map;
    struct map set_by_url;    /* "url" and "url|version" */
    struct map system_by_url; /* the newest */
};

AM_CHECK int fhir_tx_keep(struct fhir_tx *t, struct str s, struct str *out);
AM_CHECK int fhir_tx_system_new(struct fhir_tx *t, struct str url, struct str version,
                                struct fhir_tx_system **out, struct diag *d);
/* AM_E_EXISTS: the code is there; *out then says where. */
AM_CHECK int fhir_tx_concept_add(struct fhir_tx *t, struct fhir_tx_system *s,
                                 struct str code, struct str display, uint32_t *out);
AM_CHECK int fhir_tx_word_add(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                              struct str lang, struct str use, struct str text);
AM_CHECK int fhir_tx_property_add(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                                  struct str name, enum fhir_tx_property_kind kind,
                                  struct str value);
/* As a CodeSystem tells it: some make a concept inactive or abstract. */
AM_CHECK int fhir_tx_property_told(struct fhir_tx *t, struct fhir_tx_system *s,
                                   uint32_t c, struct str name,
                                   enum fhir_tx_property_kind kind, struct str value);
AM_CHECK int fhir_tx_later_add(struct fhir_tx *t, struct fhir_tx_system *s, uint32_t c,
                               struct str other, bool child);
AM_CHECK int fhir_tx_set_new(struct fhir_tx *t, struct str url, struct str version,
                             struct fhir_tx_set **out);
/* All codes of a system. */
AM_CHECK int fhir_tx_set_whole(struct fhir_tx *t, const struct fhir_tx_system *s);
void fhir_tx_set_free(struct fhir_tx_set *s);
AM_CHECK int fhir_tx_set_read(struct fhir_tx *t, const struct json *v, struct diag *d);
AM_CHECK int fhir_tx_map_read(struct fhir_tx *t, const struct json *v, struct diag *d);
void fhir_tx_map_free(struct tx_map *m);
AM_CHECK int fhir_tx_tree(struct fhir_tx_system *s, struct diag *d);
/* What a question may cost: rules looked at. */
enum { FHIR_TX_STEPS = 1000000, FHIR_TX_STEPS_ALL = 50000000 };
AM_CHECK int fhir_tx_in(const struct fhir_tx *t, const struct fhir_tx_set *set,
                        struct str system, struct str code, size_t *steps, bool *in,
                        struct diag *d);
/* Of t itself, to add to; NULL: none. Empty version: the newest. */
struct fhir_tx_system *fhir_tx_own(struct fhir_tx *t, struct str url, struct str version);
AM_CHECK int fhir_tx_claml(struct fhir_tx *t, struct str text,
                           const struct fhir_tx_file *how, struct diag *d);
/* A category of ICD-10 or a part of one, with its point: "A00", "A00.0". */
bool fhir_tx_icd_code(struct str s);
AM_CHECK int fhir_tx_icd_tree(struct fhir_tx_system *s);
/* The code system of all units: none is loaded, the grammar says what is one. */
#define TX_UCUM "http://unitsofmeasure.org"
#define TX_SCT  "http://snomed.info/sct"
/* The property of a concept that names a reference set it is in. */
#define TX_REFSET "refset"
bool fhir_tx_is_unit(struct str system, struct str code);
/* fhir_tx_given.c: a resource of a question, in *own (NULL: made, over these). url: its
 * address, or FHIR_TX_GIVEN; it lives as long as the resource. */
#define FHIR_TX_GIVEN "urn:amane:given"
AM_CHECK int fhir_tx_given(const struct fhir_tx *over, const struct json *resource,
                           struct fhir_tx **own, struct str *url, struct diag *d);
/* One problem, and what it is about. AM_E_INVALID. */
int fhir_tx_bad(struct diag *d, struct str what, const char *code);
/* The same, of a line. */
int fhir_tx_row_bad(struct diag *d, size_t line, struct str what, const char *code);

#endif
