/* SPDX-License-Identifier: Apache-2.0 */
/* What moved over time on one version: each evidence compared with the one of its family
 * before it (which measures, by how much, which verdicts under the policy in force), each
 * decision with the decision before it. Statements without effect are no part of it: they
 * changed nothing. */
#include <math.h>

#include "base/clock.h"
#include "base/map.h"
#include "web/web_site_form.h"

enum {
    EVOLUTION_READ = 200,     /* statements, the newest */
    EVOLUTION_SHOWN = 40,     /* of them on the page */
    EVOLUTION_MEASURES = 400, /* of one statement, compared with as many */
    EVOLUTION_MOVED = 60,     /* told of one statement */
};

struct evolution {
    struct web_visit *v;
    struct label_policy *policy;
    const struct json *version; /* the record, for verdicts */
    enum label_level level;
    struct web_statement s[EVOLUTION_READ]; /* newest first */
    uint64_t index[EVOLUTION_READ];
    size_t n, more;
};

static int evolution_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                           struct jw *w, void *arg)
{
    const struct ledger_version *x = ledger_version_find(l, arg);
    (void)cosigned;
    if (!x)
        return AM_E_NOTFOUND;
    jw_key(w, "version");
    ledger_version_json(l, x, v->now, w);
    jw_key(w, "entries");
    jw_arr(w);
    for (size_t i = x->history.n; i-- > 0;) {
        const struct ledger_outcome *o = ledger_outcome(l, x->history.v[i]);
        if (o && o->effect == LEDGER_IN_EFFECT)
            web_entry_facts(l, x->history.v[i], w);
    }
    jw_arr_end(w);
    return AM_OK;
}

/* ---- measures ---- */
static bool same_text(const struct json *a, const struct json *b, const char *key)
{
    return str_eq(web_text_or(json_get_str(a, key)), web_text_or(json_get_str(b, key)));
}

/* Measures by row, name, group and threshold. */
struct measured {
    struct map place;
    const struct json *at[EVOLUTION_MEASURES];
};

static int measure_key(struct buf *key, const struct json *m)
{
    static const char *const part[] = {"row", "name", "group"};
    int err = AM_OK;
    buf_clear(key);
    for (size_t i = 0; i < AM_LEN(part) && !err; i++) {
        err = buf_add(key, web_text_or(json_get_str(m, part[i])));
        if (!err)
            err = buf_add(key, (struct str){"", 1}); /* 0: in no text */
    }
    return err ? err
               : buf_addf(key, "%.17g",
                          json_num(json_get(m, "threshold"), NAN) + 0.0); /* -0 is 0 */
}

static int measured(struct measured *x, const struct json *list)
{
    struct buf key;
    int err = AM_OK;
    map_init(&x->place);
    buf_init(&key, 64 << 10);
    for (json_each(it, list)) {
        if (it.i >= EVOLUTION_MEASURES || err)
            break;
        x->at[it.i] = it.val;
        err = measure_key(&key, it.val);
        if (!err && !map_has(&x->place, buf_str(&key)))
            err = map_set(&x->place, buf_str(&key), it.i);
    }
    buf_release(&key);
    return err;
}

/* The measure of the same key; NULL: none, or no memory to tell (*err). */
static const struct json *same_measure(const struct measured *x, const struct json *m,
                                       struct buf *key, int *err)
{
    size_t i;
    if (!*err)
        *err = measure_key(key, m);
    return !*err && !map_get(&x->place, buf_str(key), &i) ? x->at[i] : NULL;
}

static void figure(struct web_visit *v, const char *key, double x, bool sign)
{
    struct buf b;
    buf_init(&b, 64);
    int err = isfinite(x) && sign && x > 0 ? buf_adds(&b, "+") : AM_OK;
    if (!err && isfinite(x))
        err = text_num(&b, v->l, x, x == floor(x) && fabs(x) < 1e9 ? 0 : 3);
    if (!err && b.n)
        jw_kstr(&v->w, key, buf_str(&b));
    buf_release(&b);
}

static bool moved(struct web_visit *v, const struct json *m, const struct json *old)
{
    double now = json_num(json_get(m, "estimate"), NAN),
           before = json_num(json_get(old, "estimate"), NAN);
    struct str group = json_get_str(m, "group");
    if (old && (now == before || (isnan(now) && isnan(before))))
        return false;
    jw_obj(&v->w);
    jw_kstr(&v->w, "row", web_text_or(json_get_str(m, "row")));
    jw_kstr(&v->w, "name", web_metric_name(v->l, json_get_str(m, "name")));
    if (group.n)
        jw_kstr(&v->w, "group", group);
    figure(v, "before", before, false);
    figure(v, "after", now, false);
    figure(v, "by", now - before, true);
    jw_obj_end(&v->w);
    return true;
}

static int compare_measures(struct web_visit *v, const struct json *list,
                            const struct json *old, struct measured *were,
                            struct measured *are)
{
    size_t n = 0, same = 0, more = 0, gone = 0;
    struct buf key;
    int err = measured(were, old);
    if (!err)
        err = measured(are, list);
    buf_init(&key, 64 << 10);
    jw_key(&v->w, "moved");
    jw_arr(&v->w);
    for (json_each(it, list)) {
        if (it.i >= EVOLUTION_MEASURES || err)
            break;
        if (n >= EVOLUTION_MOVED)
            more++;
        else if (moved(v, it.val, same_measure(were, it.val, &key, &err)))
            n++;
        else
            same++;
    }
    jw_arr_end(&v->w);
    for (json_each(it, old))
        gone += it.i < EVOLUTION_MEASURES && !same_measure(are, it.val, &key, &err);
    if (same)
        jw_kint(&v->w, "same", (int64_t)same);
    if (more)
        jw_kint(&v->w, "more", (int64_t)more);
    if (gone)
        jw_kint(&v->w, "gone", (int64_t)gone);
    buf_release(&key);
    return err;
}

/* Costs their number, not its square: anybody may ask for this page. */
static int measures(struct web_visit *v, const struct json *now,
                    const struct json *before)
{
    struct measured *x = am_calloc(2, sizeof *x);
    int err;
    if (!x)
        return AM_E_NOMEM;
    err = compare_measures(v, json_get(now, "measures"), json_get(before, "measures"),
                           &x[0], &x[1]);
    map_release(&x[0].place);
    map_release(&x[1].place);
    free(x);
    return err;
}

/* ---- verdicts ---- */
static const char *verdict_of(const struct label_result *r, const struct label_row *row)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->row[i].level == row->level && !strcmp(r->row[i].id, row->id))
            return label_verdict_name(r->row[i].verdict);
    return "not_measured";
}

/* What the policy in force makes of this evidence alone, and of the one before alone. */
static int verdicts(struct evolution *x, const struct json *now,
                    const struct json *before)
{
    struct web_visit *v = x->v;
    struct label_result a = {0}, b = {0};
    int err =
        label_evaluate(x->policy, x->version, &before, 1, x->level, v->now, &a, NULL);
    if (!err)
        err = label_evaluate(x->policy, x->version, &now, 1, x->level, v->now, &b, NULL);
    jw_key(&v->w, "verdicts");
    jw_arr(&v->w);
    for (size_t i = 0; i < b.n && !err; i++) {
        const char *was = verdict_of(&a, &b.row[i]),
                   *is = label_verdict_name(b.row[i].verdict);
        if (b.row[i].level != x->level || !strcmp(was, is))
            continue;
        jw_obj(&v->w);
        jw_kstrz(&v->w, "row", b.row[i].id);
        jw_kstrz(&v->w, "before", was);
        jw_kstrz(&v->w, "after", is);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
    label_result_release(&a);
    label_result_release(&b);
    return err == AM_E_NOMEM ? err : AM_OK; /* an old one may not be judged: no verdict */
}

/* ---- one statement after another ---- */
static const struct web_statement *one_before(const struct evolution *x, size_t i,
                                              uint64_t *index)
{
    const struct web_statement *s = &x->s[i];
    for (size_t k = i + 1; k < x->n; k++) {
        if (x->s[k].s.kind != s->s.kind ||
            (s->s.kind == LEDGER_EVIDENCE &&
             !same_text(x->s[k].s.record, s->s.record, "family")))
            continue;
        *index = x->index[k];
        return &x->s[k];
    }
    return NULL;
}

static int tell(struct evolution *x, size_t i)
{
    struct web_visit *v = x->v;
    const struct web_statement *s = &x->s[i];
    uint64_t index = 0;
    const struct web_statement *old = one_before(x, i, &index);
    const struct json *root = json_root(v->site->schema_decision);
    bool evidence = s->s.kind == LEDGER_EVIDENCE;
    size_t n = 0;
    int err = AM_OK;
    jw_obj(&v->w);
    jw_kint(&v->w, "index", (int64_t)x->index[i]);
    jw_kint(&v->w, "at", s->s.issued_at);
    jw_kbool(&v->w, "evidence", evidence);
    if (evidence)
        jw_kstr(&v->w, "family", web_text_or(json_get_str(s->s.record, "family")));
    if (old) {
        jw_key(&v->w, "older");
        jw_obj(&v->w);
        jw_kint(&v->w, "index", (int64_t)index);
        jw_kint(&v->w, "at", old->s.issued_at);
        jw_obj_end(&v->w);
    }
    if (old && evidence) {
        err = measures(v, s->s.record, old->s.record);
        if (!err)
            err = verdicts(x, s->s.record, old->s.record);
    } else if (old) {
        err = web_changes(v, root, old->s.record, s->s.record, &n);
    }
    jw_obj_end(&v->w);
    return err;
}

static int load(struct evolution *x, const struct json *facts)
{
    struct str last = STR_NULL;
    int err = AM_OK;
    for (json_each(it, json_get(facts, "entries"))) {
        struct str payload = json_get_str(it.val, "payload");
        struct web_statement s = {0};
        if (str_eq(payload, last)) /* another signer of the same text */
            continue;
        last = payload;
        if (x->n == EVOLUTION_READ) {
            x->more++;
            continue;
        }
        err = web_statement(x->v, facts, payload, &s);
        if (err == AM_E_FORBIDDEN)
            continue;
        if (err)
            return err;
        if (s.s.kind != LEDGER_EVIDENCE && s.s.kind != LEDGER_DECISION) {
            web_statement_release(&s);
            continue;
        }
        x->index[x->n] = (uint64_t)json_int(json_get(it.val, "index"), 0);
        x->s[x->n++] = s;
    }
    return AM_OK;
}

static int page(struct evolution *x, struct str name)
{
    struct web_visit *v = x->v;
    int err = AM_OK;
    web_open(v);
    jw_kstr(&v->w, "digest", v->arg);
    jw_kstr(&v->w, "name", name);
    jw_kstrz(&v->w, "level", label_level_name(x->level));
    jw_key(&v->w, "steps");
    jw_arr(&v->w);
    for (size_t i = 0; i < x->n && i < EVOLUTION_SHOWN && !err; i++)
        err = tell(x, i);
    jw_arr_end(&v->w);
    if (x->n > EVOLUTION_SHOWN || x->more)
        jw_kint(
            &v->w, "left_out",
            (int64_t)(x->more + (x->n > EVOLUTION_SHOWN ? x->n - EVOLUTION_SHOWN : 0)));
    return err ? err
               : web_send(v, 200, "model_evolution",
                          (struct web_page){.title = text_get(v->l, "evolution.title"),
                                            .nav = "nav.register"});
}

int web_page_evolution(struct web_visit *v)
{
    struct evolution *x = am_calloc(1, sizeof *x);
    struct json_doc *facts = NULL, *policy = NULL;
    struct web_statement version = {0};
    uint8_t digest[32];
    struct buf name;
    if (!x)
        return AM_E_NOMEM;
    x->v = v;
    buf_init(&name, 4096);
    int err = crypto_unhex(v->arg, digest, sizeof digest) ? AM_E_NOTFOUND : AM_OK;
    if (!err)
        err = web_facts(v, evolution_facts, digest, &facts);
    const struct json *f = json_root(facts), *ver = json_get(f, "version");
    if (!err)
        err = web_statement(v, f, json_get_str(json_get(ver, "declared"), "payload"),
                            &version);
    if (!err)
        err = web_blob(v, json_get_str(f, "policy"), &policy);
    if (!err)
        err = label_policy_new(&x->policy, json_root(policy), NULL);
    if (!err)
        err = web_model_name(&name, v->l, NULL, version.s.record);
    if (label_level_parse(json_get_str(ver, "requested"), &x->level) ||
        x->level == LABEL_NONE)
        x->level = LABEL_BASE;
    x->version = version.s.record;
    if (!err)
        err = load(x, f);
    if (!err)
        err = page(x, buf_str(&name));
    for (size_t i = 0; i < x->n; i++)
        web_statement_release(&x->s[i]);
    label_policy_free(x->policy);
    web_statement_release(&version);
    json_free(policy);
    json_free(facts);
    buf_release(&name);
    free(x);
    return err;
}
