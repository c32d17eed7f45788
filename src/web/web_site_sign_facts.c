/* SPDX-License-Identifier: Apache-2.0 */
/* A text to sign in words: the sentence that says what it is or does, and the members of
 * its record as facts, each with the place where the browser finds it in the payload. */
#include "base/clock.h"
#include "web/web_site_sign_priv.h"

/* Members of a record that people are shown as facts, in this order. */
static const struct {
    const char *path, *label;
} fact[] = {
    {"/model_digest", "sign.f.model"},
    {"/algorithm_id", "sign.f.algorithm"},
    {"/version_label", "sign.f.version"},
    {"/outcome", "sign.f.outcome"},
    {"/label_level", "sign.f.level"},
    {"/requested_level", "sign.f.requested_level"},
    {"/verdict", "sign.f.verdict"},
    {"/transition", "sign.f.transition"},
    {"/phase", "sign.f.phase"},
    {"/mode", "sign.f.mode"},
    {"/scope", "sign.f.scope"},
    {"/gst", "sign.f.gst"},
    {"/establishment", "sign.f.establishment"},
    {"/service", "sign.f.service"},
    {"/use_code", "sign.f.use"},
    {"/motive_code", "sign.f.motive"},
    {"/reason", "sign.f.reason"},
    {"/order", "sign.f.order"},
    {"/leaves_at", "sign.f.leaves_at"},
    {"/migration_plan", "sign.f.migration_plan"},
    {"/withdrawal/migration_plan", "sign.f.migration_plan"},
    {"/rapporteur", "sign.f.rapporteur"},
    {"/bench_operator", "sign.f.bench"},
    {"/key/role", "sign.f.key_role"},
    {"/key/function", "sign.f.key_function"},
    {"/key/org_id", "sign.f.key_org"},
    {"/key/spki", "sign.f.key_spki"},
    {"/key_id", "sign.f.key_id"},
    {"/ground", "sign.f.ground"},
    {"/with_org", "sign.f.with_org"},
    {"/ended", "sign.f.ended"},
    {"/effect_at", "sign.f.effect_at"},
    {"/decided_at", "sign.f.decided_at"},
    {"/expires_at", "sign.f.expires_at"},
    {"/derogation/until", "sign.f.derogation_until"},
    {"/policy_sha256", "sign.f.policy"},
    {"/issuer/role", "sign.f.issuer_role"},
    {"/issuer/org_id", "sign.f.issuer_org"},
    {"/issued_at", "sign.f.issued_at"},
};

/* The most exact sentence there is: of the outcome or transition, of the type, of the
 * kind. */
struct str web_sign_sentence(struct web_visit *v, const char *family,
                             const struct ledger_statement_view *s)
{
    const struct json *r = s->record;
    struct str what = json_get_str(r, "outcome");
    char id[3][WEB_ID_MAX] = {{0}};
    if (!what.n)
        what = json_get_str(r, "transition");
    if (!what.n)
        what = json_get_str(r, "verdict");
    if (!what.n)
        what = json_get_str(r, "scope");
    struct str type = s->event_type.n ? s->event_type : str_c(ledger_kind_name(s->kind));
    snprintf(id[0], WEB_ID_MAX, "%s.%.*s.%.*s", family, (int)AM_MIN(type.n, 40), type.p,
             (int)AM_MIN(what.n, 40), what.n ? what.p : "");
    snprintf(id[1], WEB_ID_MAX, "%s.%.*s", family, (int)AM_MIN(type.n, 40), type.p);
    snprintf(id[2], WEB_ID_MAX, "%s.other", family);
    for (size_t i = 0; id[0][i]; i++) /* ids are lower case: P3 is p3 */
        if (id[0][i] >= 'A' && id[0][i] <= 'Z')
            id[0][i] = (char)(id[0][i] | 32);
    for (size_t i = 0; i < AM_LEN(id); i++)
        if (text_has(v->l, id[i]))
            return text_get(v->l, id[i]);
    return STR("");
}

void web_sign_what(struct web_visit *v, const struct ledger_statement_view *s,
                   const char *key)
{
    jw_kstr(&v->w, key, web_sign_sentence(v, "sign.what", s));
}

/* Codes people know by a word: roles, levels, phases, scopes. */
static struct str word_of(struct web_visit *v, const char *path, struct str value)
{
    static const struct {
        const char *path, *family;
    } words[] = {
        {"/outcome", "outcome"},
        {"/label_level", "level"},
        {"/requested_level", "level"},
        {"/phase", "state.p"},
        {"/mode", "mode"},
        {"/scope", "stop.scope"},
        {"/key/role", "role"},
        {"/key/function", "function"},
        {"/issuer/role", "role"},
        {"/verdict", "state.v"},
        {"/ground", "forms.ground"},
    };
    char id[WEB_ID_MAX];
    for (size_t i = 0; i < AM_LEN(words); i++)
        if (!strcmp(words[i].path, path)) {
            snprintf(id, sizeof id, "%s.%.*s", words[i].family, (int)AM_MIN(value.n, 40),
                     value.p);
            if (text_has(v->l, id))
                return text_get(v->l, id);
        }
    return STR("");
}

/* An instant as people read it; the browser compares the exact one (datetime). */
static void put_instant(struct web_visit *v, struct str value)
{
    struct buf text;
    int64_t at;
    if (time_parse(value, &at))
        return;
    buf_init(&text, 256);
    if (text_datetime(&text, v->l, at) == AM_OK)
        jw_kstr(&v->w, "when", buf_str(&text));
    buf_release(&text);
}

void web_sign_facts(struct web_visit *v, const struct ledger_statement_view *s,
                    const struct json *policy)
{
    bool inside = s->kind == LEDGER_EVIDENCE || s->kind == LEDGER_DECISION;
    jw_key(&v->w, "facts");
    jw_arr(&v->w);
    for (size_t i = 0; i < AM_LEN(fact); i++) {
        const struct json *x = json_pointer(s->record, str_c(fact[i].path));
        struct str value = json_str(x), word;
        if (!value.n || !str_utf8(value))
            continue;
        word = strcmp(fact[i].path, "/motive_code")
                   ? word_of(v, fact[i].path, value)
                   : web_code(v->l, policy, "motives", value);
        if (str_eq(word, value))
            word = STR("");
        jw_obj(&v->w);
        jw_kstr(&v->w, "label", text_get(v->l, fact[i].label));
        jw_kstr(&v->w, "value", value);
        jw_kbool(&v->w, "exact",
                 value.n >= 64 && str_find(value, ' ') == value.n); /* digests, keys */
        if (word.n)
            jw_kstr(&v->w, "word", word);
        put_instant(v, value);
        jw_key(&v->w, "at"); /* where the browser finds the same value in the payload */
        jw_strf(&v->w, "/predicate%s%s", inside ? "/amane_record" : "", fact[i].path);
        jw_obj_end(&v->w);
    }
    jw_arr_end(&v->w);
}
