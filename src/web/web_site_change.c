/* SPDX-License-Identifier: Apache-2.0 */
/* A version inside a change plan on a page: what is run again on the new weights, what is
 * taken from the version changed, the cap of the label and why (lifecycle.md V20). */
#include "base/clock.h"
#include "web/web_site_priv.h"

static const struct json *change_of(const struct json *x)
{
    const struct json *c = json_get(x, "change");
    return json_type(c) == JSON_OBJECT ? c : NULL;
}

bool web_change_rests(const struct json *x, enum label_level level)
{
    return json_bool(json_get(json_get(change_of(x), "rests"), label_level_name(level)),
                     false);
}

/* The highest level, up to that one, that asks for nothing the records lack. */
static enum label_level recorded(const struct json *x, enum label_level level)
{
    const struct json *due = json_get(x, "record_due");
    enum label_level from;
    if (json_bool(json_get(due, "waived"), false) ||
        label_level_parse(json_get_str(due, "level"), &from) || level < from)
        return level;
    return from - 1;
}

enum label_level web_change_most(const struct json *x, enum label_level level)
{
    enum label_level cap = LABEL_NONE;
    if (label_level_parse(json_get_str(change_of(x), "cap"), &cap))
        cap = LABEL_NONE;
    while (level > LABEL_NONE && level > cap && web_change_rests(x, level))
        level--;
    return recorded(x, level);
}

void web_change_cite(struct jw *w, const struct json *x, enum label_level level)
{
    for (json_each(it, json_get(x, "evidence")))
        jw_val(w, it.val);
    if (web_change_rests(x, level))
        for (json_each(it, json_get(change_of(x), "evidence")))
            jw_val(w, it.val);
}

static struct str words_of(struct web_visit *v, const char *head, struct str code)
{
    char id[WEB_ID_MAX];
    snprintf(id, sizeof id, "%s%.*s", head, (int)AM_MIN(code.n, 60), code.p);
    return text_has(v->l, id) ? text_get(v->l, id) : web_text_or(code);
}

static void sentence(struct web_visit *v, const char *key, const char *id,
                     const struct text_arg *arg, size_t n)
{
    struct buf b;
    buf_init(&b, 4096);
    if (text_fmt(&b, v->l, id, arg, n) == AM_OK)
        jw_kstr(&v->w, key, buf_str(&b));
    buf_release(&b);
}

/* Capped, no longer capped, on nothing of the parent's, or the parent has fallen. */
static void standing(struct web_visit *v, const struct json *c)
{
    struct str why = json_get_str(c, "why");
    bool rests = json_size(json_get(c, "inherited")) > 0;
    struct text_arg level = {"level", words_of(v, "level.", json_get_str(c, "cap"))};
    jw_kbool(&v->w, "fallen", why.n > 0);
    jw_kbool(&v->w, "capped", !why.n && rests);
    if (why.n)
        jw_kstr(&v->w, "said", words_of(v, "change.why.", why));
    else if (!rests)
        jw_kstr(&v->w, "said", text_get(v->l, "change.full"));
    else
        sentence(v, "said",
                 json_bool(json_get(c, "lifted"), false) ? "change.lifted"
                                                         : "change.capped",
                 &level, 1);
}

void web_change(struct web_visit *v, const struct json *x)
{
    const struct json *c = change_of(x);
    struct text_arg arg[] = {
        {"version", web_text_or(json_get_str(c, "parent_version"))},
        {"type", words_of(v, "value.type.", json_get_str(c, "type"))}};
    jw_key(&v->w, "change");
    if (!c) {
        jw_null(&v->w);
        return;
    }
    jw_obj(&v->w);
    sentence(v, "lead", "change.lead", arg, AM_LEN(arg));
    jw_kval(&v->w, "parent", json_get(c, "parent"));
    jw_kval(&v->w, "parent_version", json_get(c, "parent_version"));
    jw_kval(&v->w, "parent_state", json_get(c, "parent_state"));
    jw_kval(&v->w, "parent_level", json_get(c, "parent_level"));
    jw_kval(&v->w, "plan", json_get(c, "plan"));
    jw_kval(&v->w, "rerun", json_get(c, "rerun"));
    jw_kval(&v->w, "inherited", json_get(c, "inherited"));
    jw_kbool(&v->w, "some", json_size(json_get(c, "inherited")) > 0);
    standing(v, c);
    jw_obj_end(&v->w);
}

/* ---- on an answer for buyers --------------------------------------------------------
 */
static void plan_of(struct web_visit *v, const struct json *plan)
{
    struct str why = json_get_str(plan, "why");
    struct text_arg until = {"until", STR("")};
    struct buf day;
    int64_t at;
    buf_init(&day, 64);
    if (time_parse(json_get_str(plan, "until"), &at) == AM_OK &&
        text_date(&day, v->l, at) == AM_OK)
        until.value = buf_str(&day);
    sentence(v, "plan", until.value.n ? "tender.plan.until" : "tender.plan.open", &until,
             1);
    buf_release(&day);
    jw_key(&v->w, "plan_types");
    jw_arr(&v->w);
    for (json_each(it, json_get(plan, "types")))
        jw_str(&v->w, words_of(v, "value.type.", json_str(it.val)));
    jw_arr_end(&v->w);
    jw_kval(&v->w, "plan_statement", json_get(plan, "statement"));
    if (why.n)
        jw_kstr(&v->w, "plan_closed", words_of(v, "tender.plan.why.", why));
}

void web_tender_change(struct web_visit *v, const struct json *p)
{
    const struct json *plan = json_get(p, "change_plan"), *c = change_of(p);
    struct text_arg arg[] = {
        {"version", web_text_or(json_get_str(c, "parent_version"))},
        {"type", words_of(v, "value.type.", json_get_str(c, "type"))},
        {"level", words_of(v, "level.", json_get_str(c, "cap"))}};
    if (plan)
        plan_of(v, plan);
    if (!c)
        return;
    sentence(v, "change", "change.lead", arg, 2);
    jw_kval(&v->w, "change_statement", json_get(c, "statement"));
    if (json_get_str(c, "why").n)
        jw_kstr(&v->w, "change_said", words_of(v, "change.why.", json_get_str(c, "why")));
    else if (json_bool(json_get(c, "capped"), false))
        sentence(v, "change_said", "change.capped", &arg[2], 1);
}
