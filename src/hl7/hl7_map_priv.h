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
    HL7_ONCE = 2, /* segments that an order has once */
    HL7_COLUMNS = 999,
    HL7_UNTAKEN = 100 /* places told of a message */
};

struct hl7_map {
    struct json_doc *doc;
    const struct json *root, *tables, *resources, *messages, *ignore;
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
struct hl7_taken { /* sub-components of a component that something was made of */
    uint64_t key;
    uint32_t subs;
};
struct hl7_run {
    const struct hl7_map *map;
    const struct hl7 *m;
    struct diag *d;
    hl7_current_fn *current;
    void *arg; /* of current */
    struct arena a;
    VEC(struct hl7_made) made;
    bool secondary, unread; /* what is being made may be left out; it is to be */
    VEC(size_t) lost;       /* segments of those that were left out */
    int64_t at;             /* of the message */
    char tag[28];
    bool
        reading; /* that instant is when a table was read: it makes no change by itself */
    struct {     /* the nearest segment of a name, as last asked for */
        char name[4];
        size_t from, found, n;
    } near[HL7_NAMES];
    size_t names;
    struct { /* those of an order, as last asked for */
        bool asked;
        size_t orc, first, n;
    } once[HL7_ONCE];
    struct { /* hl7_map_untaken.c: a table of hashes */
        struct hl7_taken *v;
        size_t n, cap;
    } taken;
    int err; /* sticks */
};

/* ---- hl7_row.c ---- */
/* Of `columns`, the first that says what it may not; SIZE_MAX: none. */
size_t hl7_columns_wrong(const struct json *columns);

/* ---- hl7_map_find.c: where things stand ---- */
/* The segment that a path without [n] means here; SIZE_MAX: none. */
size_t hl7_near(struct hl7_run *r, const struct hl7_ctx *c, const char *name);
/* Complains where a path means one of several segments of an order. */
void hl7_ambiguous(struct hl7_run *r, const struct hl7_ctx *c, struct str path);
/* Unescaped and trimmed, in the arena; STR_NULL: nothing, or "". It counts as taken
 * (hl7_untaken()); what is only peeked at does not before hl7_take(). */
struct str hl7_look(struct hl7_run *r, const struct hl7_ctx *c, struct str path);
struct str hl7_peek(struct hl7_run *r, const struct hl7_ctx *c, struct str path);
void hl7_take(struct hl7_run *r, const struct hl7_ctx *c, struct str path);
/* The first path of a condition that does not hold; STR_NULL: all do. */
struct str hl7_lacks(struct hl7_run *r, const struct hl7_ctx *c, const struct json *when);
bool hl7_holds(struct hl7_run *r, const struct hl7_ctx *c, const struct json *when);
/* A problem at that path, as the message has it: "OBX[3]-5". It refuses the message; of
 * what is secondary only that is left out. */
void hl7_complain(struct hl7_run *r, const struct hl7_ctx *c, struct str path,
                  const char *code, const char *why);
/* What a map has no use for, and says is to be told: a warning with its value. */
void hl7_tell(struct hl7_run *r, const struct hl7_ctx *c, struct str path, struct str v);

/* ---- hl7_map_untaken.c: what nothing was made of ---- */
/* What p names in that segment goes into something, or decided what becomes of it. */
void hl7_take_note(struct hl7_run *r, size_t segment, const struct hl7_path *p);
/* All that a template names here: what is there stays as it is, as the map wants. */
void hl7_take_all(struct hl7_run *r, const struct hl7_ctx *c, const struct json *t);
/* A note (hl7.untaken) for each place whose content is in nothing that was made. */
void hl7_untaken(struct hl7_run *r);

/* ---- hl7_map_run.c ---- */
/* What a search finds; AM_E_NOTFOUND, AM_E_CONFLICT: several. */
int hl7_there(struct hl7_run *r, struct str type, struct str query,
              struct json_doc **out);
/* Where the identifier of such a resource stands. */
struct str hl7_place_of(const struct json *def);
/* Where templates of a resource are followed. */
struct hl7_ctx hl7_ctx_of(struct hl7_run *r, const struct hl7_made *x);
/* Appends how meta.source of all that this application writes begins. */
int hl7_sender(struct hl7_run *r, struct buf *out);

/* ---- hl7_map_whose.c ---- */
/* Once all that the message makes is known and looked for: what is there under a former
 * identifier, and whether each resource stays its patient's. */
int hl7_whose(struct hl7_run *r);

/* ---- hl7_map_emit.c: templates ---- */
/* The one of that name for the message, or of the nearest segment; NULL: none. */
const struct hl7_made *hl7_referred(struct hl7_run *r, const struct hl7_ctx *c,
                                    struct str name);
enum hl7_emitted { HL7_NOTHING, HL7_CONSTANT, HL7_VALUE };
enum hl7_emitted hl7_emit(struct hl7_run *r, struct hl7_ctx *c, const struct json *t,
                          struct jw *w);
/* An expression's text, in the arena; STR_NULL: none. */
struct str hl7_text_of(struct hl7_run *r, const struct hl7_ctx *c, const struct json *e);

#endif
