/* SPDX-License-Identifier: Apache-2.0 */
/* Field 13: the trainings a version asks of its users, against the certificates of an
 * account. Read from the newest declaration, at the instant of the question. */
#include "base/clock.h"
#include "node/node_run_priv.h"

static const struct json *training_list(const struct json *record)
{
    return json_get(record, "required_training");
}

size_t node_trainings(const struct json *record)
{
    return AM_MAX(json_size(training_list(record)), (size_t)1);
}

struct node_training node_training_at(const struct json *record, size_t i,
                                      struct str use_code, const struct auth_account *who,
                                      int64_t at)
{
    const struct json *one = json_at(training_list(record), i);
    struct node_training x = {.code = json_get_str(one, "code"),
                              .display = json_get_str(one, "display")};
    if (!json_size(training_list(record)))
        x.code = use_code;
    x.until = auth_certified_until(who, x.code);
    x.held = auth_competent(who, x.code, at);
    return x;
}

bool node_trained(const struct json *record, struct str use_code,
                  const struct auth_account *who, int64_t at)
{
    for (size_t i = 0; i < node_trainings(record); i++)
        if (!node_training_at(record, i, use_code, who, at).held)
            return false;
    return true;
}

void node_refuse_training(struct diag *d, const struct json *record, struct str use_code,
                          const struct auth_account *who, int64_t at)
{
    for (size_t i = 0; i < node_trainings(record); i++) {
        struct node_training x = node_training_at(record, i, use_code, who, at);
        char code[128], day[TIME_TEXT], detail[192];
        if (x.held)
            continue;
        snprintf(code, sizeof code, "%.*s", (int)AM_MIN(x.code.n, 100), x.code.p);
        day[0] = 0;
        if (x.until) {
            time_format(x.until, day);
            day[10] = 0; /* the date alone */
        }
        snprintf(detail, sizeof detail, x.until ? "%s: over since %s" : "%s: none", code,
                 day);
        node_refuse(d, NODE_NO_COMPETENCE, detail);
        diag_arg(d, "training", code);
        if (x.until)
            diag_arg(d, "until", day);
    }
}

/* ---- what an account may use here, and what it lacks ------------------------------- */
struct training_of { /* a deployment of this house */
    char id[CRYPTO_HEX], use_code[64];
    uint8_t payload[32];
};
struct training_list {
    const char *house;
    VEC(struct training_of) of;
};

/* Only copies: blobs are read once the fold is free again. */
static int training_gather(void *arg, const struct ledger *l)
{
    struct training_list *k = arg;
    int err = AM_OK;
    for (size_t i = 0; i < ledger_deployments(l) && !err; i++) {
        const struct ledger_deployment *p = ledger_deployment_at(l, i);
        const struct ledger_version *v = ledger_version_find(l, p->model_digest);
        struct training_of x;
        if (!v || p->phase == LEDGER_P_RETIRED ||
            !str_eqc(str_c(p->establishment), k->house))
            continue;
        snprintf(x.id, sizeof x.id, "%s", p->id);
        snprintf(x.use_code, sizeof x.use_code, "%s", p->use_code);
        memcpy(x.payload, v->declared.payload, sizeof x.payload);
        err = vec_push(&k->of, x);
    }
    return err;
}

static void training_json(struct jw *w, const struct node_training *x)
{
    jw_obj(w);
    jw_kstr(w, "code", x->code.p ? x->code : STR(""));
    if (x->display.n)
        jw_kstr(w, "display", x->display);
    jw_kbool(w, "held", x->held);
    if (x->until)
        jw_kint(w, "until", x->until);
    jw_obj_end(w);
}

static int training_deployment(struct node *n, const struct training_of *of,
                               const struct auth_account *who, struct jw *w)
{
    struct node_declared *x = NULL;
    struct str use = str_c(of->use_code);
    int64_t now = time_now();
    int err = node_declared_read(n, of->payload, &x);
    if (err == AM_E_NOTFOUND)
        return AM_OK; /* not mirrored yet: nothing runs either */
    if (err)
        return err;
    jw_obj(w);
    jw_kstrz(w, "deployment", of->id);
    jw_kbool(w, "ready", node_trained(x->record, use, who, now));
    jw_key(w, "trainings");
    jw_arr(w);
    for (size_t i = 0; i < node_trainings(x->record); i++) {
        struct node_training one = node_training_at(x->record, i, use, who, now);
        training_json(w, &one);
    }
    jw_arr_end(w);
    jw_obj_end(w);
    node_declared_drop(x);
    return AM_OK;
}

int node_competences(struct node *n, const struct auth_account *who, struct buf *json)
{
    struct training_list k = {.house = n->establishment};
    struct jw w;
    int err = node_view(n, training_gather, &k);
    if (err == AM_E_UNAVAILABLE)
        err = AM_OK; /* nothing of the national log yet: no deployment */
    jw_init(&w, json);
    jw_obj(&w);
    jw_key(&w, "items");
    jw_arr(&w);
    for (size_t i = 0; i < k.of.n && !err; i++)
        err = training_deployment(n, &k.of.v[i], who, &w);
    jw_arr_end(&w);
    jw_obj_end(&w);
    vec_release(&k.of);
    return err ? err : jw_done(&w);
}
