/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_tbl -- the commands: noun, one line of help. Function: cmd_<noun>(). */
#ifndef CMD_TBL_H
#define CMD_TBL_H

#define CMD_TABLE(X)                                                                     \
    X(registry, "the national server: register, log, label decisions, public pages")     \
    X(node, "the regional server: mirror, gate, supervised predictions, stops")          \
    X(demo, "the main job end to end, narrated, on this machine")                        \
    X(bench, "measure a model on declared data, write evidence")                         \
    X(policy, "evaluate a policy over the evidence in a log")                            \
    X(log, "verify or show a copy of the log, offline")                                  \
    X(tender, "check a tender certificate, offline")                                     \
    X(model, "inspect, run, fit or sign a model")                                        \
    X(fhir, "is a file a valid FHIR R4 resource")                                        \
    X(eds, "the health-data warehouse: import, export, check, copy, keys")               \
    X(stat, "statistics of scores: AUC, intervals, groups")                              \
    X(cohort, "make an artificial cohort, seeded")                                       \
    X(key, "make or show a signing key")                                                 \
    X(sign, "sign a record or a payload")                                                \
    X(conf, "explain every setting")

#endif
