/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/term -- terminologies in memory: what a code means, which codes a value set has,
 * which code is under which, which one is meant in another system.
 *
 * Of HL7's own the program brings what may be given to everybody (fhir_tx_core()). Other
 * texts come from the caller (nothing is read from disk or network, nothing restricted is
 * shipped): CodeSystem, ValueSet and ConceptMap resources; SNOMED CT in RF2
 * (snapshot files of concepts, descriptions, relationships); tables with one code a row
 * (LOINC, ICD-10, ATC and others), whose columns are named in struct fhir_tx_table;
 * classifications in the forms of their publishers (struct fhir_tx_file).
 * After the last one fhir_tx_ready() prepares the hierarchies; then everything below only
 * reads.
 *
 * Subsumption is exact, by tree cover (Agrawal, Borgida, Jagadish, "Efficient management
 * of transitive relationships in large data and knowledge bases", SIGMOD 1989): a
 * spanning tree is numbered in postorder, and each concept keeps the sorted intervals of
 * the numbers of all that is under it. "Is d under a" is a search of d's number in the
 * intervals of a: one comparison in a tree, O(log k) with k intervals of a elsewhere. A
 * tree has one interval a concept; where there are several parents, k grows with what
 * is under a and not in its subtree. All that is under a is its intervals, read off.
 * Building is O(edges * k); FHIR_TX_SPANS bounds them, over it AM_E_TOOBIG.
 *
 * Value sets are not expanded until asked: a member is tested by the rules of `compose`
 * (concepts, filters, imported sets, exclusions); a filter that needs the hierarchy costs
 * one subsumption. An expansion goes through what its most selective rule names.
 * Filters: is-a, descendent-of, is-not-a, generalizes, =, in, not-in, regex, exists.
 * Implicit sets: all of SNOMED ("?fhir_vs"), of LOINC ("http://loinc.org/vs"), of a
 * CodeSystem (its `valueSet`), unless a ValueSet of that address is loaded; parts of
 * SNOMED CT by fhir_tx_implied().
 *
 * What is not loaded, or only in part (a CodeSystem whose `content` is not "complete", an
 * expansion cut short, a ValueSet that says nothing), is never a no: AM_E_NOTFOUND.
 * Units (UCUM) need no loading: the grammar says what is one.
 *
 * Bounded: memory by max_b of fhir_tx_new() (texts and arrays; AM_E_TOOBIG is said, the
 * terminology is then to be freed); imports 20 deep; FHIR_TX_EXPAND_MAX codes at once.
 *
 * Memory:  strings given back live as long as the terminologies. Threads: one owner until
 * ready, then any number of readers. */
#ifndef FHIR_TERM_H
#define FHIR_TERM_H

#include "base/diag.h"
#include "json/json.h"

enum { FHIR_TX_EXPAND_MAX = 100000, FHIR_TX_SPANS = 50000000, FHIR_TX_DEPTH = 20 };

struct fhir_tx;
struct fhir_tx_system;
AM_CHECK int fhir_tx_new(struct fhir_tx **out, size_t max_b);
void fhir_tx_free(struct fhir_tx *t);

/* ---- loading ----
 * AM_E_INVALID with problems (codes term.*) in d: not such a resource or table;
 * AM_E_EXISTS: that address and version are loaded already; AM_E_NOMEM, AM_E_TOOBIG. */
/* A CodeSystem (supplements too, after what they supplement), ValueSet or ConceptMap; of
 * a Bundle, each of these. */
AM_CHECK int fhir_tx_add(struct fhir_tx *t, const struct json *resource, struct diag *d);
/* Snapshot files, with their header line. Inactive concepts are kept and told to be;
 * inactive descriptions and relationships are not. Fully specified names
 * (900000000000003001) and synonyms become designations; the first preferred-looking
 * synonym in English is the display. Only "is a" (116680003) makes the hierarchy; other
 * relationships are properties named by their type. description may hold several files
 * one after another (the header line stands before each). */
/* language: reference sets of languages (der2_cRefset_Language*): the preferred term of a
 * dialect is its display, and of an American one also the display where nobody says a
 * language. dialect: what a reference set is called, beside en-US and en-GB, which are
 * known; without a name it counts for the language of its descriptions. simple: reference
 * sets whose members are concepts (der2_Refset_Simple*), for "concept in ID". */
struct fhir_tx_dialect {
    struct str refset, lang; /* "fr-MA" */
};
struct fhir_tx_rf2 {
    struct str concept, description, relationship;
    struct str language, simple; /* or empty */
    const struct fhir_tx_dialect *dialect;
    size_t dialects;
    struct str
        version; /* as in "http://snomed.info/sct/900000000000207008/version/..." */
};
AM_CHECK int fhir_tx_add_rf2(struct fhir_tx *t, const struct fhir_tx_rf2 *f,
                             struct diag *d);
/* A CSV (RFC 4180; separator 0: ','), by the names of its columns. */
struct fhir_tx_table {
    struct str url, version, name;
    const char *code, *display; /* compulsory */
    const char *parent;         /* NULL: none; a column with the code above */
    const char *status;         /* NULL: none; `retired` there: inactive */
    const char *retired;
    const char *french, *arabic; /* NULL: none; designations */
    const char *const *property; /* columns kept as properties, NULL-ended; or NULL */
    bool by_prefix; /* the code above is the longest other code it begins with (ATC) */
    bool icd10;     /* the code above is as codes of ICD-10 say: by prefix from three
                       characters on, by the range of blocks ("A00-A09") and chapters */
    char separator;
    struct str adds; /* empty, or a language: the system is there, and display is a
                        designation in it (LOINC's linguistic variants) */
};
/* LOINC's hierarchy (ComponentHierarchyBySystem.csv, MultiAxialHierarchy.csv), after its
 * table: parts (LP...) become concepts. Empty version: the newest. */
AM_CHECK int fhir_tx_add_loinc_tree(struct fhir_tx *t, struct str csv, struct str version,
                                    struct diag *d);
AM_CHECK int fhir_tx_add_table(struct fhir_tx *t, struct str csv,
                               const struct fhir_tx_table *how, struct diag *d);
extern const struct fhir_tx_table fhir_tx_loinc, fhir_tx_icd10, fhir_tx_atc;
/* Files as their publishers give them; texts in UTF-8 unless said.
 *   CLAML    EN 14463 in XML, versions 2 and 3. Classes become concepts: chapters and
 * blocks abstract; SuperClass and SubClass the hierarchy; rubrics "preferred" (the
 * display), "preferredLong" and "inclusion" designations in the language of their labels,
 * others properties by their kind ("exclusion", "note"); `kind`, `usage` (dagger, aster)
 * and Meta properties. Codes that modifiers make are made. Without url: ICD-10, if the
 * WHO is said to have made it. WHO      icd10....syst_codes.txt (';', no header), with
 * the chapters and groups files CIM10    LIBCIM10.TXT and LIBCIM10MULTI.TXT of the ATIH
 * ('|', no header; Windows-1252 or UTF-8), in French; url is compulsory ICD10CM  the
 * order file (columns), in English; headers are abstract Refusals (term.row, term.claml
 * and others) begin with the line. */
enum fhir_tx_form { FHIR_TX_CLAML, FHIR_TX_WHO, FHIR_TX_CIM10, FHIR_TX_ICD10CM };
struct fhir_tx_file {
    enum fhir_tx_form form;
    struct str url, version, name; /* empty: as the form or the file says */
    struct str lang;               /* of its texts, where it does not say; or empty */
    struct str chapters, groups;   /* WHO: the texts of its neighbours; or empty */
    struct str adds; /* empty, or a language: the system is there, and the texts are
                        designations (the same edition in another language) */
};
AM_CHECK int fhir_tx_add_file(struct fhir_tx *t, struct str text,
                              const struct fhir_tx_file *how, struct diag *d);
/* AM_E_INVALID: a hierarchy goes round in a circle (term.cycle), or names a code that is
 * not there (term.parent). */
AM_CHECK int fhir_tx_ready(struct fhir_tx *t, struct diag *d);

/* What the program brings (CC0): HL7's code systems and value sets of R4 under
 * hl7.org/fhir and terminology.hl7.org, in English, as far as they name no codes of
 * others. Ready; a base for what is loaded. AM_E_NOMEM. */
AM_CHECK int fhir_tx_core(struct fhir_tx **out);

/* What t does not have is looked for in base, which is ready, and outlives t: a few
 * things of one's own over terminologies that are there. Before the loading of t. */
void fhir_tx_over(struct fhir_tx *t, const struct fhir_tx *base);
struct fhir_tx_counts {
    size_t systems, concepts, sets, maps, b; /* b: texts; without base */
};
void fhir_tx_count(const struct fhir_tx *t, struct fhir_tx_counts *out);

/* ---- codes ---- */
#define FHIR_TX_NONE UINT32_MAX
enum fhir_tx_flag { FHIR_TX_INACTIVE = 1, FHIR_TX_ABSTRACT = 2 };
/* Of t itself, in the order loaded; NULL after the last. */
const struct fhir_tx_system *fhir_tx_system_at(const struct fhir_tx *t, size_t i);
/* Empty version: the newest loaded (greatest as text), t before its base; of SNOMED CT an
 * edition (.../sct/EDITION): the newest of it. NULL: not loaded. */
const struct fhir_tx_system *fhir_tx_system(const struct fhir_tx *t, struct str url,
                                            struct str version);
struct fhir_tx_about {
    struct str url, version, name;
    size_t concepts, spans;
    bool complete;
};
void fhir_tx_about(const struct fhir_tx_system *s, struct fhir_tx_about *out);
uint32_t fhir_tx_find(const struct fhir_tx_system *s, struct str code);
struct fhir_tx_concept {
    struct str code, display;
    unsigned flags;
};
const struct fhir_tx_concept *fhir_tx_concept(const struct fhir_tx_system *s, uint32_t c);
/* The display in a language ("fr", "ar-MA"; empty: as it is): what its dialect prefers, a
 * designation in it, else in its language without region (a preferred one first), else
 * the display. */
struct str fhir_tx_display(const struct fhir_tx_system *s, uint32_t c, struct str lang);
struct fhir_tx_word {
    uint32_t concept;
    uint16_t preferred;         /* by how many dialects' reference sets: their bits */
    struct str lang, use, text; /* use: a code such as "synonym"; may be empty */
};
const struct fhir_tx_word *fhir_tx_words(const struct fhir_tx_system *s, uint32_t c,
                                         size_t *n);
enum fhir_tx_property_kind {
    FHIR_TX_CODE,
    FHIR_TX_TEXT,
    FHIR_TX_BOOL,
    FHIR_TX_NUMBER,
    FHIR_TX_DATE
};
struct fhir_tx_property {
    uint32_t concept;
    struct str name, value;
    enum fhir_tx_property_kind kind;
};
const struct fhir_tx_property *fhir_tx_properties(const struct fhir_tx_system *s,
                                                  uint32_t c, size_t *n);
const uint32_t *fhir_tx_parents(const struct fhir_tx_system *s, uint32_t c, size_t *n);
const uint32_t *fhir_tx_children(const struct fhir_tx_system *s, uint32_t c, size_t *n);
/* Is d under a, or a itself? */
bool fhir_tx_subsumes(const struct fhir_tx_system *s, uint32_t a, uint32_t d);

/* All under c, or above it, and c itself: ascending. Release with free(). */
AM_CHECK int fhir_tx_related(const struct fhir_tx_system *s, uint32_t c, bool above,
                             uint32_t **out, size_t *n);

/* ---- expression constraints of SNOMED CT (ECL 2.2, brief syntax) ----
 * Read whole; evaluated: concepts, *, the hierarchy (<, <<, <!, <<!, >, >>, >!, >>!),
 * AND, OR, MINUS, brackets. The text has to outlive *out. AM_E_INVALID: it is none. */
struct fhir_ecl;
AM_CHECK int fhir_ecl_read(struct str s, struct fhir_ecl **out);
void fhir_ecl_free(struct fhir_ecl *e);
/* AM_E_UNSUPPORTED: it has more than is evaluated; AM_E_NOTFOUND: a code in it (*absent)
 * is not there. */
AM_CHECK int fhir_ecl_has(const struct fhir_ecl *e, const struct fhir_tx_system *s,
                          uint32_t c, bool *in, struct str *absent);
/* A concept that all of them are under, or FHIR_TX_NONE. */
uint32_t fhir_ecl_within(const struct fhir_ecl *e, const struct fhir_tx_system *s);

/* ---- value sets ---- */
struct fhir_tx_set;
/* "url" or "url|version"; implicit ones too. NULL: none. */
const struct fhir_tx_set *fhir_tx_set(const struct fhir_tx *t, struct str canonical);
/* The same, and those of SNOMED CT that their address defines: "?fhir_vs", of any edition
 * and version, "=isa/ID", "=refset/ID", "=ecl/EXPRESSION". *own: NULL, or what an earlier
 * question of the kind made over the same terminologies; the set may be in it: free it
 * after use, after failure too. AM_E_NOTFOUND: none; AM_E_INVALID: no expression. */
AM_CHECK int fhir_tx_implied(const struct fhir_tx *over, struct str canonical,
                             struct fhir_tx **own, const struct fhir_tx_set **set,
                             struct diag *d);
/* AM_E_NOTFOUND: a system or set it needs is not loaded, or not whole (said in d);
 * AM_E_UNSUPPORTED: a filter; AM_E_TOOBIG: sets within sets (term.costly). Empty system:
 * any that has the code. */
AM_CHECK int fhir_tx_member(const struct fhir_tx *t, const struct fhir_tx_set *set,
                            struct str system, struct str code, bool *in, struct diag *d);
struct fhir_tx_coded {
    struct str system, version, code,
        display;                     /* display: as the set gives it, if it does */
    const struct fhir_tx_system *of; /* NULL: not loaded */
    uint32_t concept;
};
struct fhir_tx_page {
    struct str filter; /* words that a display or designation has, folded */
    struct str lang;
    bool active_only, concrete; /* concrete: no abstract ones */
    struct str without;         /* a system; empty: none is left out */
    size_t offset, count; /* count SIZE_MAX: all, and then at most FHIR_TX_EXPAND_MAX */
};
struct fhir_tx_expansion {
    struct fhir_tx_coded *v;
    size_t n, cap, total;
};
/* AM_E_TOOBIG: too costly (term.costly). Release with free(out->v). */
AM_CHECK int fhir_tx_expand(const struct fhir_tx *t, const struct fhir_tx_set *set,
                            const struct fhir_tx_page *page,
                            struct fhir_tx_expansion *out, struct diag *d);

/* ---- maps ---- */
/* Told of each match; an error ends it. */
struct fhir_tx_match {
    struct str equivalence, system, code, display, map;
};
typedef int fhir_tx_match_fn(void *arg, const struct fhir_tx_match *m);
struct fhir_tx_ask {
    struct str map;                    /* canonical; empty: all loaded */
    struct str system, code, target;   /* target: a system; empty: any */
    struct str source_set, target_set; /* of the map, as it says; empty: any */
    bool reverse;
};
/* AM_E_NOTFOUND: no such map; AM_E_UNSUPPORTED: a match depends on something else than
 * the code. */
AM_CHECK int fhir_tx_translate(const struct fhir_tx *t, const struct fhir_tx_ask *ask,
                               fhir_tx_match_fn *fn, void *arg);

#endif
