/* SPDX-License-Identifier: Apache-2.0 */
/* Inside web only: what the pages of the node share. */
#ifndef WEB_SITE_NODE_PRIV_H
#define WEB_SITE_NODE_PRIV_H

#include "web/web_site_priv.h"

/* facts.versions: {<model digest>: {algorithm_id, version_label, level, declared,
 * algorithm, evidence}}. AM_E_UNAVAILABLE: no mirror yet. */
AM_CHECK int web_node_models(struct web_visit *v, struct json_doc **out);
AM_CHECK int web_node_model_name(struct web_visit *v, const struct json *facts,
                                 struct str digest, struct buf *name);
/* Member "lease": what to say about the link to the register. */
void web_node_notice(struct web_visit *v);
/* Visits pending predictions, newest first: {id, status, prediction, trace}. */
typedef int web_pending_fn(void *arg, const struct json *item);
AM_CHECK int web_node_pending(struct web_visit *v, web_pending_fn *fn, void *arg);
/* risk, k, of, side, threshold, reason (what is estimated) of a prediction's body. */
void web_node_risk(struct jw *w, enum text_lang l, const struct json *prediction);
AM_CHECK int web_node_deployments(struct web_visit *v, struct json_doc **out);
/* node_competences() of an account that may ask models; *out stays NULL for another. */
AM_CHECK int web_trainings(struct web_visit *v, const struct auth_account *x,
                           struct json_doc **out);
/* Members lacking, has_trainings and trainings, read by the part "trainings". */
void web_training_of(struct jw *w, const struct json *trainings, struct str deployment);
bool web_node_may_stop(const struct web_visit *v);

/* ---- web_site_explain.c ---- */
/* Members inputs and weighed: every value read, and the few that weighed most. */
void web_node_inputs(struct jw *w, enum text_lang l, const struct json *prediction,
                     const struct json *version);
/* Member limits: what the record says the model is not for, and its known risks. */
void web_node_limits(struct jw *w, enum text_lang l, const struct json *version);
/* Member tested: where and on how many, from evidence. */
void web_node_tested(struct web_visit *v, const struct web_evidence *e);

/* {reason} of a form, for node_stop_lift(). */
AM_CHECK int web_lift_request(struct web_visit *v, struct buf *body);

#endif
