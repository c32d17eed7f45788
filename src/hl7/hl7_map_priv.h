/* SPDX-License-Identifier: Apache-2.0 */
/* hl7_map_priv -- a map inside; a message on its way through it. */
#ifndef HL7_MAP_PRIV_H
#define HL7_MAP_PRIV_H

#include "base/vec.h"
#include "hl7/map.h"

enum {
    HL7_ENTRIES = 2000,
    HL7_EACH = 1000,
    HL7_NEST = 4,
    HL7_NAMES = 32,
    HL7_COLUMNS = 999
};

struct hl7_map {
    struct json_doc *doc;
    const struct json *root, *tables, *resources, *messages;
    struct str zone;
    enum hl7_charset charset;
};

/* A repetition that an expression stands in. */
struct hl7_rep {
    size_t segment;
    unsigned field, n;
};
struct hl7_ctx {
    size_t segment; /* SIZE_MAX: the message as a whole */
    struct hl7_rep rep[HL7_NEST];
    size_t reps;
};
struct hl7_made { /* a resource of this message */
    const struct json *def;
    struct str name, type;
    size_t segment;
    char *query; /* "identifier=..." */
    struct str system, value;
    struct json_doc *now; /* what is there; NULL: nothing */
    struct buf text;
    size_t rep; /* of `pick`, from 1; 0: none */
};
struct hl7_run {
    const struct hl7_map *map;
    const struct hl7 *m;
    struct diag *d;
    struct arena a;
    VEC(struct hl7_made) made;
    int64_t at; /* of the message */
    char tag[28];
    bool
        reading; /* that instant is when a table was read: it makes no change by itself */
    struct {     /* the nearest segment of a name, as last asked for */
        char name[4];
        size_t from, found, n;
    } near[HL7_NAMES];
    size_t names;
    int err; /* sticks */
};

/* ---- hl7_row.c ---- */
/* Of `columns`, the first that says what it may not; SIZE_MAX: none. */
size_t hl7_columns_wrong(const struct json *columns);

/* ---- hl7_map_find.c: where things stand ---- */
/* The segment that a path without [n] means here; SIZE_MAX: none. */
size_t hl7_near(struct hl7_run *r, const struct hl7_ctx *c, const char *name);
/* Unescaped and trimmed, in the arena; STR_NULL: nothing, or "". */
struct str hl7_look(struct hl7_run *r, const struct hl7_ctx *c, struct str path,
                    size_t *segment);
/* The first path of a condition that does not hold; STR_NULL: all do. */
struct str hl7_lacks(struct hl7_run *r, const struct hl7_ctx *c, const struct json *when);
bool hl7_holds(struct hl7_run *r, const struct hl7_ctx *c, const struct json *when);
/* A problem at that path, as the message has it: "OBX[3]-5". */
void hl7_complain(struct hl7_run *r, const struct hl7_ctx *c, struct str path,
                  const char *code, const char *why);

/* ---- hl7_map_emit.c: templates ---- */
enum hl7_emitted { HL7_NOTHING, HL7_CONSTANT, HL7_VALUE };
enum hl7_emitted hl7_emit(struct hl7_run *r, struct hl7_ctx *c, const struct json *t,
                          struct jw *w);
/* An expression's text, in the arena; STR_NULL: none. */
struct str hl7_text_of(struct hl7_run *r, const struct hl7_ctx *c, const struct json *e);

#endif
