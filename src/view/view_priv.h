/* SPDX-License-Identifier: Apache-2.0 */
/* Private to view: what a definition becomes. */
#ifndef VIEW_PRIV_H
#define VIEW_PRIV_H

#include "base/vec.h"
#include "view/view.h"

enum view_each { VIEW_SELF, VIEW_EACH, VIEW_EACH_OR_NULL, VIEW_REPEAT };

struct view_value { /* a column of one select: what is put into which cell */
    struct fhir_path *path;
    size_t slot;
};
struct view_selects {
    struct view_select **v;
    size_t n, cap;
};
struct view_select {
    enum view_each each;
    VEC(struct fhir_path *) path; /* of each; REPEAT may have several */
    VEC(struct view_value) value;
    struct view_selects inner;  /* select */
    struct view_selects branch; /* unionAll */
    size_t from, to;            /* the cells it fills, all that is in it included */
};
struct view_constant {
    struct str name;
    struct fhir_path_item item;
};
struct view {
    struct arena arena; /* texts */
    struct str name, resource;
    VEC(struct view_constant) constant;
    VEC(struct view_column) column;
    VEC(struct fhir_path *) where;
    struct view_selects select;
    size_t selects;
};

/* ---- compiling ---- */
struct view_compiler {
    struct view *v;
    struct diag *d;
    struct buf at; /* JSON Pointer of what is looked at */
};
/* Tells a problem of a member of what is looked at ("": of itself); compiling goes on, so
 * that all are told. */
void view_wrong(struct view_compiler *c, const char *member, const char *code,
                struct str detail);
/* Enters member[i]; *back: the length of c->at to cut it to. */
AM_CHECK int view_enter(struct view_compiler *c, const char *member, size_t i,
                        size_t *back);
/* Tells the members beyond those, names apart by blanks. */
void view_known(struct view_compiler *c, const struct json *v, const char *names);
/* Is the member, where there is one, a list of objects with at least one? Else told. */
bool view_list(struct view_compiler *c, const struct json *v, const char *member);
bool view_name_ok(struct str s);
AM_CHECK int view_keep(struct view_compiler *c, struct str s, struct str *out);
/* NULL in *out: it had a problem, which is told. */
AM_CHECK int view_path(struct view_compiler *c, const char *member, const struct json *v,
                       struct fhir_path **out);
/* The member `select`. */
AM_CHECK int view_select_all(struct view_compiler *c, const struct json *v);
void view_selects_free(struct view_selects *s);

#endif
