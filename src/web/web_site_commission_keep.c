/* SPDX-License-Identifier: Apache-2.0 */
/* A label in force before the commission: raised when the evidence reaches the level
 * above (V11), kept when new evidence still reaches it (V13), lowered when it only
 * reaches the level below, or more strictly with a reason (V12). No choice is offered
 * that the fold would refuse. */
#include "web/web_site_commission_priv.h"

static const struct json *version_of(const struct web_file *g)
{
    return json_get(json_root(g->facts), "version");
}

static bool in_force(const struct web_file *g)
{
    return json_str_is(json_get(version_of(g), "state"), "labelled");
}

bool web_commission_keep_at(const struct web_file *g, size_t n, struct web_keep *k)
{
    bool fresh = json_bool(json_get(json_root(g->facts), "fresh"), false);
    int now = (int)g->asked, reached = (int)g->label.reached;
    const struct {
        const char *outcome;
        int level;
        bool offered, computed;
    } all[] = {
        {"granted", now + 1,
         g->next_judged && (int)g->next.reached > now &&
             (int)web_change_most(version_of(g), (enum label_level)(now + 1)) > now,
         false},
        {"maintained", now, fresh && reached >= now, true},
        {"reduced", now - 1, now > LABEL_BASE && reached >= now - 1, reached == now - 1},
    };
    if (!in_force(g) || !g->judged)
        return false;
    for (size_t i = 0; i < AM_LEN(all); i++) {
        if (!all[i].offered || n-- > 0)
            continue;
        *k = (struct web_keep){all[i].outcome, (enum label_level)all[i].level,
                               all[i].computed, ""};
        snprintf(k->value, sizeof k->value, "%s.%s", k->outcome,
                 label_level_name(k->level));
        return true;
    }
    return false;
}

void web_commission_keeps(struct web_visit *v, const struct web_file *g)
{
    struct str asked = web_kept(v, "keep", STR(""));
    int64_t latest = web_commission_expiry(g);
    struct web_keep k;
    bool any = false, raises = false;
    jw_key(&v->w, "keeps");
    jw_arr(&v->w);
    for (size_t i = 0; web_commission_keep_at(g, i, &k); i++) {
        bool raise = k.level > g->asked;
        if (raise)
            latest = AM_MAX(latest, web_commission_term(v, g, k.level));
        raises |= raise;
        any = true;
        jw_obj(&v->w);
        jw_kstrz(&v->w, "value", k.value);
        jw_kstrz(&v->w, "outcome", k.outcome);
        jw_kstrz(&v->w, "level", label_level_name(k.level));
        jw_kbool(&v->w, "computed", k.computed);
        jw_kbool(&v->w, "selected", str_eqc(asked, k.value));
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    jw_kbool(&v->w, "can_keep", any);
    jw_kbool(&v->w, "can_raise", raises);
    jw_kbool(&v->w, "fresh", json_bool(json_get(json_root(g->facts), "fresh"), false));
    jw_kbool(&v->w, "falls", g->judged && g->label.reached < g->asked);
    jw_kbool(&v->w, "nothing_left", g->judged && g->label.reached == LABEL_NONE);
    web_ktime(&v->w, "expiry", json_get_str(version_of(g), "expires_at"));
    web_commission_day(&v->w, "today", v->now);
    if (any && latest)
        web_commission_day(&v->w, "latest", latest);
}
