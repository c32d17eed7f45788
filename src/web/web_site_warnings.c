/* SPDX-License-Identifier: Apache-2.0 */
/* /warnings: what ends and who is waited for, the most urgent first. All of it follows
 * from public statements (api_clock.c), so the page is everybody's; the way to it is
 * shown to officials. Judged at the newest cosigned time. */
#include "base/clock.h"
#include "web/web_site_priv.h"

enum { ROWS_MAX = 20000, ROWS_SHOWN = 200, SOON_DAYS = 7 };

struct row {
    const char *kind, *subject;
    char id[CRYPTO_HEX], name[2 * LEDGER_ID_MAX + 64], org[LEDGER_ID_MAX];
    uint8_t model[32]; /* what it is about, when it is a model */
    bool has_model, late, term;
    int64_t due_at, days_left;
    unsigned step;
};
struct rows {
    const struct ledger *l;
    struct str kind, org;
    VEC(struct row) row;
    size_t late, step[91];
    struct kind {
        const char *name;
        size_t n;
    } kinds[32];
    size_t kinds_n;
    bool cut;
};

/* ---- whose it is ------------------------------------------------------------------- */
static void of_model(const struct ledger *l, const uint8_t digest[32], struct row *r)
{
    const struct ledger_version *v = ledger_version_find(l, digest);
    memcpy(r->model, digest, 32);
    r->has_model = v != NULL;
    if (v)
        snprintf(r->name, sizeof r->name, "%s %s", v->algorithm_id, v->version_label);
}

static void of_stop(const struct ledger *l, const char *id, struct row *r)
{
    uint8_t order[32];
    if (crypto_unhex(str_c(id), order, 32))
        return;
    const struct ledger_stop *s = ledger_stop_find(l, order);
    if (!s)
        return;
    of_model(l, s->model_digest, r);
    snprintf(r->org, sizeof r->org, "%s", s->by_org);
}

static void describe(const struct ledger *l, struct row *r)
{
    uint8_t digest[32];
    if (strcmp(r->subject, "version") == 0 && !crypto_unhex(str_c(r->id), digest, 32)) {
        const struct ledger_version *v = ledger_version_find(l, digest);
        of_model(l, digest, r);
        snprintf(r->org, sizeof r->org, "%s", v ? v->org_id : "");
    } else if (strcmp(r->subject, "deployment") == 0) {
        const struct ledger_deployment *p = ledger_deployment_find(l, str_c(r->id));
        if (p) {
            of_model(l, p->model_digest, r);
            snprintf(r->org, sizeof r->org, "%s", p->establishment);
        }
    } else if (strcmp(r->subject, "key") == 0) {
        const struct ledger_key *k = ledger_key_find(l, r->id);
        snprintf(r->name, sizeof r->name, "%.16s", r->id);
        snprintf(r->org, sizeof r->org, "%s", k ? k->org_id : "");
    } else if (strcmp(r->subject, "algorithm") == 0) {
        const struct ledger_algorithm *a = ledger_algorithm_find(l, str_c(r->id));
        snprintf(r->name, sizeof r->name, "%s", r->id);
        snprintf(r->org, sizeof r->org, "%s", a ? a->org_id : "");
    } else if (strcmp(r->subject, "stop") == 0) {
        of_stop(l, r->id, r);
    } else {
        snprintf(r->org, sizeof r->org, "%.63s",
                 r->id); /* an organisation: its identifier */
    }
}

/* ---- facts ------------------------------------------------------------------------- */
static void count(struct rows *k, const struct row *r)
{
    size_t i = 0;
    while (i < k->kinds_n && strcmp(k->kinds[i].name, r->kind) != 0)
        i++;
    if (i == k->kinds_n && i < AM_LEN(k->kinds))
        k->kinds[k->kinds_n++] = (struct kind){r->kind, 0};
    if (i < k->kinds_n)
        k->kinds[i].n++;
    k->late += r->late;
    k->step[r->step <= 90 ? r->step : 90] += !r->late;
}

static int take(void *cookie, const struct ledger_warning *w)
{
    struct rows *k = cookie;
    struct row r = {.kind = w->kind,
                    .subject = w->subject,
                    .due_at = w->due_at,
                    .days_left = w->days_left,
                    .step = w->step,
                    .late = w->late,
                    .term = w->term};
    memcpy(r.id, w->id, sizeof r.id);
    describe(k->l, &r);
    if (k->org.n && !str_eqc(k->org, r.org))
        return AM_OK;
    count(k, &r);
    if (k->kind.n && !str_eqc(k->kind, r.kind))
        return AM_OK;
    k->cut |= k->row.n == ROWS_MAX;
    return k->row.n < ROWS_MAX ? vec_push(&k->row, r) : AM_OK;
}

static int by_urgency(const void *x, const void *y)
{
    const struct row *a = x, *b = y;
    int n = (a->due_at > b->due_at) - (a->due_at < b->due_at);
    n = n ? n : strcmp(a->kind, b->kind);
    return n ? n : strcmp(a->id, b->id);
}

static void put_count(struct jw *w, const char *what, size_t n)
{
    jw_obj(w);
    jw_kstrz(w, "what", what);
    jw_kint(w, "n", (int64_t)n);
    jw_obj_end(w);
}

/* Delays of vigilance: how many, never whose. */
static void put_cases(const struct ledger *l, int64_t at, struct jw *w)
{
    size_t waited = 0, soon = 0, late = 0, reports = 0;
    for (size_t i = 0; i < ledger_cases(l); i++) {
        const struct ledger_case *c = ledger_case_at(l, i);
        bool open = c->answer_due_at && !c->answered_at && !c->closed_at;
        waited += open;
        late += open && at > c->answer_due_at;
        soon += open && at <= c->answer_due_at &&
                c->answer_due_at - at <= SOON_DAYS * TIME_DAY;
        reports += c->report_late;
    }
    jw_key(w, "cases");
    jw_arr(w);
    put_count(w, "answers", waited);
    put_count(w, "answers_soon", soon);
    put_count(w, "answers_late", late);
    put_count(w, "reports_late", reports);
    jw_arr_end(w);
}

static void put_row(struct jw *w, const struct row *r)
{
    char hex[CRYPTO_HEX];
    jw_obj(w);
    jw_kstrz(w, "kind", r->kind);
    jw_kstrz(w, "subject", r->subject);
    jw_kstrz(w, "about", r->name);
    jw_kstrz(w, "org", r->org);
    if (r->has_model)
        jw_kstrz(w, "model", crypto_hex(r->model, 32, hex));
    jw_kint(w, "due_at", r->due_at);
    jw_kint(w, "days", r->days_left < 0 ? -r->days_left : r->days_left);
    jw_kbool(w, "late", r->late);
    jw_kbool(w, "term", r->term);
    jw_kbool(w, "soon", !r->late && r->step == SOON_DAYS);
    jw_obj_end(w);
}

static void put_rows(struct rows *k, struct jw *w)
{
    size_t n = AM_MIN(k->row.n, (size_t)ROWS_SHOWN);
    if (k->row.n)
        qsort(k->row.v, k->row.n, sizeof *k->row.v, by_urgency);
    jw_key(w, "rows");
    jw_arr(w);
    for (size_t i = 0; i < n; i++)
        put_row(w, &k->row.v[i]);
    jw_arr_end(w);
    if (k->cut || k->row.n > n)
        jw_kint(w, "more", (int64_t)(k->row.n - n) + k->cut);
    jw_key(w, "counts");
    jw_arr(w);
    put_count(w, "late", k->late);
    put_count(w, "7", k->step[7]);
    put_count(w, "30", k->step[30]);
    put_count(w, "90", k->step[90]);
    jw_arr_end(w);
    jw_key(w, "kinds");
    jw_arr(w);
    for (size_t i = 0; i < k->kinds_n; i++) {
        jw_obj(w);
        jw_kstrz(w, "code", k->kinds[i].name);
        jw_kint(w, "n", (int64_t)k->kinds[i].n);
        jw_kbool(w, "selected", str_eqc(k->kind, k->kinds[i].name));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static int warnings_facts(struct web_visit *v, const struct ledger *l, uint64_t cosigned,
                          struct jw *w, void *arg)
{
    struct rows *k = arg;
    int64_t at = registry_cosigned_at(v->site->registry, l);
    int err;
    (void)cosigned;
    jw_kbool(w, "witnessed", at != 0);
    if (!at)
        at = v->now; /* nobody has witnessed a time yet */
    k->l = l;
    err = ledger_warnings(l, at, take, k);
    if (err)
        return err;
    jw_kint(w, "at", at);
    put_rows(k, w);
    put_cases(l, at, w);
    return AM_OK;
}

/* ---- the page ---------------------------------------------------------------------- */
int web_page_warnings(struct web_visit *v)
{
    static const char *const member[] = {"rows",  "more", "counts",   "kinds",
                                         "cases", "at",   "witnessed"};
    struct str kind = http_query(v->req, "kind"), org = http_query(v->req, "org");
    struct rows *k = am_calloc(1, sizeof *k);
    struct json_doc *facts = NULL;
    int err = k ? AM_OK : AM_E_NOMEM;
    if (!err) {
        k->kind = str_sub(kind, 0, LEDGER_ID_MAX);
        k->org = str_sub(str_trim(org), 0, LEDGER_ID_MAX);
        err = web_facts(v, warnings_facts, k, &facts);
    }
    if (!err) {
        const struct json *f = json_root(facts);
        web_open(v);
        for (size_t i = 0; i < AM_LEN(member); i++)
            if (!strcmp(member[i], "rows"))
                web_named_rows(v, "rows", json_get(f, "rows"), NULL, "model");
            else if (json_get(f, member[i]))
                jw_kval(&v->w, member[i], json_get(f, member[i]));
        jw_kbool(&v->w, "none", json_size(json_get(f, "rows")) == 0);
        jw_kstr(&v->w, "org", str_utf8(k->org) ? web_text_or(k->org) : STR(""));
        err =
            web_send(v, 200, "warnings", (struct web_page){.title_id = "warnings.title"});
    }
    if (k)
        vec_release(&k->row);
    free(k);
    json_free(facts);
    return err;
}
