/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations share: parameters in, parameters out. */
#ifndef FHIR_TX_OP_PRIV_H
#define FHIR_TX_OP_PRIV_H

#include "fhir/fhir_tx_priv.h"
#include "fhir/term_op.h"

struct op {
    const struct fhir_tx *t;
    const struct fhir_tx_how *how;
    const struct json *in;
    struct jw *w;
    struct diag *d;
    struct str lang;
    struct fhir_tx *own; /* t itself, where something came with the question; or NULL */
    struct str given;    /* the address of what came */
};
struct op_code {
    struct str system, version, code, display;
};

/* ---- parameters in ---- */
const struct json *fhir_op_value(const struct op *o, const char *name,
                                 const char *const *member, size_t n);
struct str fhir_op_text(const struct op *o, const char *name);
enum { FHIR_OP_URL = 2048 };
AM_CHECK int fhir_op_canonical(const struct op *o, const char *version, char *room,
                               size_t cap, struct str *out);
bool fhir_op_given(const struct op *o, const char *name);
bool fhir_op_flag(const struct op *o, const char *name);
/* A flag that is said: -1 not, 0 false, 1 true. */
int fhir_op_said(const struct op *o, const char *name);
/* A Coding or CodeableConcept. */
const struct json *fhir_op_object(const struct op *o, const char *name);
int fhir_op_wants(const struct op *o, const char *name);
int fhir_op_absent(const struct op *o, struct str what, const char *code);
struct op_code fhir_op_coding(const struct json *v);
AM_CHECK int fhir_op_code(const struct op *o, const char *code, const char *coding,
                          struct op_code *out);
/* Of UCUM? Then the grammar knows all codes (*in), and what is loaded of it only has
 * words for some: *s and *at, NULL and FHIR_TX_NONE for others. */
bool fhir_op_unit(const struct op *o, const struct op_code *c,
                  const struct fhir_tx_system **s, uint32_t *at, bool *in);
/* AM_OK with *at FHIR_TX_NONE: the system has no such code. */
AM_CHECK int fhir_op_concept(const struct op *o, const struct op_code *c,
                             const struct fhir_tx_system **s, uint32_t *at);

/* ---- parameters out ---- */
void fhir_op_begin(const struct op *o);
void fhir_op_end(const struct op *o);
void fhir_op_put(const struct op *o, const char *name, const char *member, struct str s);
void fhir_op_put_flag(const struct op *o, const char *name, bool v);
/* {name, part: [ ... */
void fhir_op_parts(const struct op *o, const char *name);

/* ---- fhir_tx_op_set.c ---- */
AM_CHECK int fhir_op_validate_code(const struct op *o);
AM_CHECK int fhir_op_validate_set(const struct op *o);
AM_CHECK int fhir_op_expand(const struct op *o);

#endif
