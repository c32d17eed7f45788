/* SPDX-License-Identifier: Apache-2.0 */
/* Private to fhir. */
#ifndef FHIR_PRIV_H
#define FHIR_PRIV_H

#include "fhir/fhir.h"

enum { FHIR_DIMS = 8, FHIR_ARBITRARY = 7 }; /* m, s, g, rad, K, C, cd, and arbitrary */
struct fhir_unit {
    double factor;
    int dim[FHIR_DIMS];
    double offset;      /* special units: base = (value + offset) * factor */
    unsigned arbitrary; /* which arbitrary unit: only commensurable with itself */
};
/* A UCUM expression over the base units. AM_E_SYNTAX. */
AM_CHECK int fhir_unit_parse(struct str unit, struct fhir_unit *out);

#endif
