/* SPDX-License-Identifier: Apache-2.0 */
/* fhir/def -- what FHIR R4 (4.0.1) is made of, as constant tables.
 *
 * tools/fhir2c.py writes them at build time from HL7's definitions: every type, element,
 * choice, cardinality, flag, reference target, binding and invariant, and the codes of
 * the value sets that required bindings name. Nothing here judges or reads data.
 *
 * Types.    Data types, primitives, resources, and one type for each element that has
 *           members of its own, named by its path ("Observation.component"). base leads
 *           to what a type specialises (Patient -> DomainResource -> Resource).
 * Elements. In the order of the specification. A choice ("value[x]") is one element with
 *           several types, named by its stem ("value").
 * Members.  What may stand in JSON: each name an element gives ("valueQuantity"), found
 *           in a few nanoseconds by fhir_member_find(). The stem of a choice is found
 *           too, with type FHIR_NONE: a path may say it, JSON may not. "resourceType"
 *           and "_name" companions are the reader's business.
 *
 * All references are indices into the arrays below, FHIR_NONE where there is none; texts
 * are offsets into one pool. Memory: constant. Threads: any number. */
#ifndef FHIR_DEF_H
#define FHIR_DEF_H

#include "base/base.h"

enum { FHIR_NONE = 0xFFFF, FHIR_MANY = 0xFFFF };

enum fhir_kind {
    FHIR_KIND_PRIMITIVE,
    FHIR_KIND_COMPLEX,  /* data types, Element and BackboneElement among them */
    FHIR_KIND_BACKBONE, /* the members of one element of a type: "Patient.contact" */
    FHIR_KIND_RESOURCE
};

/* The primitive types; the generator reads this list. */
#define FHIR_PRIM_MAP(X)                                                                 \
    X(BOOLEAN, boolean)                                                                  \
    X(INTEGER, integer)                                                                  \
    X(UNSIGNED_INT, unsignedInt)                                                         \
    X(POSITIVE_INT, positiveInt)                                                         \
    X(DECIMAL, decimal)                                                                  \
    X(STRING, string)                                                                    \
    X(MARKDOWN, markdown)                                                                \
    X(CODE, code)                                                                        \
    X(ID, id)                                                                            \
    X(URI, uri)                                                                          \
    X(URL, url)                                                                          \
    X(CANONICAL, canonical)                                                              \
    X(OID, oid)                                                                          \
    X(UUID, uuid)                                                                        \
    X(DATE, date)                                                                        \
    X(DATE_TIME, dateTime)                                                               \
    X(INSTANT, instant)                                                                  \
    X(TIME, time)                                                                        \
    X(BASE64_BINARY, base64Binary)                                                       \
    X(XHTML, xhtml)
enum fhir_prim {
    FHIR_PRIM_NONE,
#define X(name, text) FHIR_PRIM_##name,
    FHIR_PRIM_MAP(X)
#undef X
};

/* Types that code asks for by name; the generator reads this list. */
#define FHIR_ROLE_MAP(R)                                                                 \
    R(ELEMENT, Element)                                                                  \
    R(EXTENSION, Extension)                                                              \
    R(REFERENCE, Reference)                                                              \
    R(CODING, Coding)                                                                    \
    R(CODEABLE_CONCEPT, CodeableConcept)                                                 \
    R(QUANTITY, Quantity)                                                                \
    R(PERIOD, Period)                                                                    \
    R(RANGE, Range)                                                                      \
    R(RATIO, Ratio)                                                                      \
    R(TIMING_REPEAT, Timing.repeat)                                                      \
    R(RESOURCE, Resource)                                                                \
    R(DOMAIN_RESOURCE, DomainResource)                                                   \
    R(BUNDLE, Bundle)                                                                    \
    R(BUNDLE_ENTRY, Bundle.entry)                                                        \
    R(OBSERVATION, Observation)                                                          \
    R(CONDITION, Condition)                                                              \
    R(ALLERGY, AllergyIntolerance)                                                       \
    R(AGE, Age)                                                                          \
    R(COUNT, Count)                                                                      \
    R(DISTANCE, Distance)                                                                \
    R(DURATION, Duration)                                                                \
    R(IDENTIFIER, Identifier)                                                            \
    R(CODE_SYSTEM, CodeSystem)                                                           \
    R(INCLUDE, ValueSet.compose.include)
enum fhir_role {
    FHIR_ROLE_NONE,
#define R(name, text) FHIR_ROLE_##name,
    FHIR_ROLE_MAP(R)
#undef R
};

struct fhir_type {
    uint64_t must; /* bit k: its k-th element has to be there (min > 0) */
    uint32_t name;
    uint16_t base;          /* the type specialised */
    uint8_t kind, abstract; /* enum fhir_kind; Resource, Element... are abstract */
    uint8_t prim;           /* enum fhir_prim of a primitive */
    uint8_t role;           /* enum fhir_role: of some, for those who treat them apart */
    uint8_t bits;           /* the hash of its members: 1 << bits slots ... */
    uint16_t seed;          /* ... with this seed ... */
    uint32_t slot;          /* ... from this one */
    uint16_t elem, elems;   /* its elements */
    uint16_t rule, rules;   /* invariants it adds to those of its base; what is said of
                               an element with members of its own is said of its type */
};

enum fhir_elem_flag {
    FHIR_ELEM_CHOICE = 1 << 0,
    FHIR_ELEM_SUMMARY = 1 << 1,
    FHIR_ELEM_MODIFIER = 1 << 2,
    FHIR_ELEM_REUSED = 1 << 3 /* contentReference: its type belongs to another element */
};
struct fhir_elem {
    uint32_t name;            /* JSON's; the stem of a choice */
    uint16_t owner;           /* type */
    uint16_t min, max;        /* max: FHIR_MANY for "*" */
    uint16_t flags;           /* enum fhir_elem_flag */
    uint16_t member, members; /* its names in JSON: one, or one for each type */
    uint16_t binding;
    uint16_t target, targets; /* fhir_def_target[]: types a Reference or canonical may
                                 name; none: any */
    uint16_t rule, rules;     /* invariants on it, beyond those of its type */
};

struct fhir_member {
    uint32_t name;
    uint16_t elem;
    uint16_t type; /* FHIR_NONE: the stem of a choice */
    uint8_t n;     /* bytes of name */
    uint8_t prim;  /* enum fhir_prim of the type */
};

enum fhir_strength { FHIR_REQUIRED, FHIR_EXTENSIBLE, FHIR_PREFERRED, FHIR_EXAMPLE };
struct fhir_binding {
    uint32_t url; /* of the value set, without version */
    uint8_t strength;
    uint16_t set; /* its codes are known here, or FHIR_NONE */
    uint16_t max; /* the set that no code may leave (maxValueSet) */
};

/* A value set named by a required binding. Its codes are sorted by code, then system. A
 * set that is a grammar rather than a list has no codes. */
enum fhir_set_kind {
    FHIR_SET_LIST,
    FHIR_SET_LANGUAGE, /* BCP 47 */
    FHIR_SET_MIME,     /* BCP 13 */
    FHIR_SET_UCUM,
    FHIR_SET_OPEN /* a system we do not hold */
};
struct fhir_set {
    uint32_t url, system; /* system: of a grammar, or of all codes when they share one */
    uint32_t code;        /* fhir_def_code[] */
    uint16_t codes;
    uint8_t kind;
};
struct fhir_code {
    uint32_t code, system;
};

/* How an invariant is checked: by its FHIRPath; by a program over the elements that are
 * there, where it asks no more than exists() and empty(); or by hand (the keys of
 * fhir_valid_tbl.h). */
enum fhir_rule_how { FHIR_RULE_PATH, FHIR_RULE_PRESENCE, FHIR_RULE_NATIVE };
/* A presence program is postfix: k < 64 pushes "the k-th element of the type is there";
 * END leaves the answer. */
enum fhir_rule_op {
    FHIR_OP_END = 64,
    FHIR_OP_NOT,
    FHIR_OP_AND,
    FHIR_OP_OR,
    FHIR_OP_XOR,
    FHIR_OP_IMPLIES
};
struct fhir_rule {
    uint32_t key;        /* "obs-6" */
    uint32_t human;      /* English, as published */
    uint32_t expression; /* FHIRPath */
    uint16_t program;    /* fhir_def_program[] of a presence rule */
    uint8_t how;         /* enum fhir_rule_how */
    uint8_t warning;     /* best practice, not an error */
};

extern const struct fhir_type fhir_def_type[];
extern const struct fhir_elem fhir_def_elem[];
extern const struct fhir_member fhir_def_member[];
extern const struct fhir_binding fhir_def_binding[];
extern const struct fhir_set fhir_def_set[];
extern const struct fhir_code fhir_def_code[];
extern const struct fhir_rule fhir_def_rule[];
extern const uint8_t fhir_def_program[];
extern const uint16_t fhir_def_target[];
extern const uint16_t fhir_def_slot[];
extern const char fhir_def_text[];
extern const uint16_t fhir_def_types, fhir_def_elems, fhir_def_members, fhir_def_bindings,
    fhir_def_sets, fhir_def_rules;

static inline const char *fhir_textz(uint32_t offset)
{
    return fhir_def_text + offset;
}

static inline struct str fhir_text(uint32_t offset)
{
    return str_c(fhir_def_text + offset);
}

static inline struct str fhir_member_name(const struct fhir_member *m)
{
    return (struct str){fhir_def_text + m->name, m->n};
}

/* By name ("Patient", "dateTime", "Patient.contact"); NULL: no such type. */
const struct fhir_type *fhir_type_find(struct str name);
static inline uint16_t fhir_type_index(const struct fhir_type *t)
{
    return (uint16_t)(t - fhir_def_type);
}
/* Is t that type, or does it specialise it? */
bool fhir_type_is(const struct fhir_type *t, const struct fhir_type *base);
/* A concrete resource type of that name? */
bool fhir_is_resource(struct str name);

/* The member of t by its name in JSON, or an element of t by its stem; NULL: none. */
const struct fhir_member *fhir_member_find(const struct fhir_type *t, struct str name);
/* The same for the element alone. */
const struct fhir_elem *fhir_elem_find(const struct fhir_type *t, struct str name);
/* A dotted path from a type: "Patient.contact.name" -> the element; NULL: none. */
const struct fhir_elem *fhir_elem_path(struct str path);

/* The codes of a value set by its address, version ignored; NULL: not one of ours. */
const struct fhir_set *fhir_set_find(struct str url);
/* Is the code in the set? system may be STR_NULL: a plain `code` says none. A grammar
 * judges the form; an open set has everything. */
bool fhir_set_has(const struct fhir_set *s, struct str system, struct str code);

#endif
