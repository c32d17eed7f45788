/* SPDX-License-Identifier: Apache-2.0 */
/* What the models of a house ask of a person (field 13), and what that person lacks: on
 * the list of models for oneself, on an account for who administers it. */
#include "base/clock.h"
#include "web/web_site_node_priv.h"

int web_trainings(struct web_visit *v, const struct auth_account *x,
                  struct json_doc **out)
{
    struct buf b;
    int err;
    if (!v->site->node || !auth_role_may(x->role, str_c(x->function), AUTH_PREDICT))
        return AM_OK; /* who never asks a model needs no training for one */
    buf_init(&b, WEB_CONTEXT_MAX);
    err = node_competences(v->site->node, x, &b);
    if (!err)
        err = json_parse(out, buf_str(&b), NULL, NULL);
    buf_release(&b);
    return err;
}

static void training(struct jw *w, const struct json *x)
{
    struct str display = json_get_str(x, "display");
    bool held = json_bool(json_get(x, "held"), false);
    int64_t until = json_int(json_get(x, "until"), 0);
    jw_obj(w);
    jw_kstr(w, "code", web_text_or(json_get_str(x, "code")));
    jw_kstr(w, "display", display.n ? display : STR(""));
    jw_kbool(w, "held", held);
    jw_kbool(w, "over", !held && until > 0);
    jw_kbool(w, "none", !until);
    jw_kint(w, "until", until);
    jw_obj_end(w);
}

void web_training_of(struct jw *w, const struct json *trainings, struct str deployment)
{
    const struct json *of = NULL;
    for (json_each(it, json_get(trainings, "items")))
        if (str_eq(json_get_str(it.val, "deployment"), deployment))
            of = it.val;
    jw_kbool(w, "lacking", of && !json_bool(json_get(of, "ready"), false));
    jw_kbool(w, "has_trainings", of != NULL);
    jw_key(w, "trainings");
    jw_arr(w);
    for (json_each(it, json_get(of, "trainings")))
        training(w, it.val);
    jw_arr_end(w);
}

/* Members training_of [{name, lacking, trainings}] and has_training_of. */
int web_account_trainings(struct web_visit *v, const struct auth_account *x)
{
    struct json_doc *list = NULL, *facts = NULL, *deployed = NULL;
    int err = web_trainings(v, x, &list);
    bool any = !err && json_size(json_get(json_root(list), "items")) > 0;
    if (any)
        err = web_node_models(v, &facts);
    if (any && !err)
        err = web_node_deployments(v, &deployed);
    jw_key(&v->w, "training_of");
    jw_arr(&v->w);
    for (json_each(it, json_get(json_root(deployed), "items"))) {
        struct str digest = json_get_str(json_get(it.val, "deployment"), "model_digest");
        struct buf name;
        if (err)
            break;
        buf_init(&name, 4096);
        err = web_node_model_name(v, json_root(facts), digest, &name);
        jw_obj(&v->w);
        jw_kstr(&v->w, "name", buf_str(&name));
        web_training_of(&v->w, json_root(list), json_get_str(it.val, "id"));
        jw_obj_end(&v->w);
        buf_release(&name);
    }
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "has_training_of", any);
    json_free(deployed);
    json_free(facts);
    json_free(list);
    return err;
}
