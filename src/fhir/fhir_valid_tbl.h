/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants checked by hand, since they are met in nearly every resource, or are more
 * than FHIRPath says (htmlChecks). tools/fhir2c.py reads the keys and marks them, so that
 * they are not evaluated twice. */
#ifndef FHIR_VALID_TBL_H
#define FHIR_VALID_TBL_H

#define FHIR_VALID_NATIVE_MAP(X)                                                         \
    X("ele-1")                                                                           \
    X("ext-1")                                                                           \
    X("dom-2")                                                                           \
    X("dom-3")                                                                           \
    X("dom-4")                                                                           \
    X("dom-5")                                                                           \
    X("dom-6")                                                                           \
    X("txt-1")                                                                           \
    X("txt-2")                                                                           \
    X("ref-1")                                                                           \
    X("per-1")                                                                           \
    X("rng-2")                                                                           \
    X("rat-1")                                                                           \
    X("tim-4")                                                                           \
    X("tim-5")                                                                           \
    X("obs-7")                                                                           \
    X("con-3")                                                                           \
    X("con-4")                                                                           \
    X("con-5")                                                                           \
    X("ait-1")                                                                           \
    X("ait-2")                                                                           \
    X("org-2")                                                                           \
    X("org-3")                                                                           \
    X("age-1")                                                                           \
    X("cnt-3")                                                                           \
    X("dis-1")                                                                           \
    X("drt-1")                                                                           \
    X("bdl-1")                                                                           \
    X("bdl-2")                                                                           \
    X("bdl-3")                                                                           \
    X("bdl-4")                                                                           \
    X("bdl-7")                                                                           \
    X("bdl-8")                                                                           \
    X("bdl-9")                                                                           \
    X("bdl-10")                                                                          \
    X("bdl-11")                                                                          \
    X("bdl-12")

#endif
