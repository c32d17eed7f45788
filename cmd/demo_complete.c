/* SPDX-License-Identifier: Apache-2.0 */
/* What completes a version's record: who its training data were, the signature of its
 * weights (OpenSSF Model Signing), its FHIR twin as the registry makes it. */
#include "demo.h"

#include <math.h>

#include "model/model.h"

enum { GROUPS = 5 };

static size_t input_of(struct demo *m, const char *source)
{
    for (size_t i = 0; i < DEMO_INPUTS; i++)
        if (json_str_is(json_get(demo_input(m, i), "source"), source))
            return i;
    return 0;
}

/* Index of the row's groups in the list below: sex, then age band. */
static void count_row(const struct demo_row *r, size_t age, size_t sex, double male,
                      size_t n[GROUPS])
{
    bool is_male = fabs(r->x[sex] - male) < 0.5;
    n[is_male ? 1 : 0]++;
    n[r->x[age] < 45 ? 2 : r->x[age] < 65 ? 3 : 4]++;
}

struct str demo_representativeness(struct demo *m, struct arena *a)
{
    static const char *const group[GROUPS][2] = {{"sex", "F"},
                                                 {"sex", "M"},
                                                 {"age_band", "18-44"},
                                                 {"age_band", "45-64"},
                                                 {"age_band", "65+"}};
    size_t age = input_of(m, "patient.age"), sex = input_of(m, "patient.sex"), all = 0,
           n[GROUPS] = {0};
    double male = json_num(json_get(json_get(demo_input(m, sex), "values"), "male"), 1);
    char *out = NULL;
    for (size_t s = 0; s < DEMO_SITES; s++)
        for (size_t r = 0; r < m->site[s].train.n; r++, all++)
            count_row(&m->site[s].train.v[r], age, sex, male, n);
    for (size_t i = 0; i < GROUPS; i++)
        out = arena_printf(a,
                           "%s%s{\"variable\":\"%s\",\"group\":\"%s\",\"n\":%zu,"
                           "\"pct\":%.2f}",
                           out ? out : "", out ? "," : "", group[i][0], group[i][1], n[i],
                           100 * (double)n[i] / (double)AM_MAX(all, 1));
    am_assert(out);
    return str_c(out);
}

static int sign_weights(struct demo *m, struct buf *bundle)
{
    struct model_oms_file file = {.name = STR("model.json")};
    int err = crypto_unhex(str_c(m->weights_hex), file.sha256, sizeof file.sha256);
    return err ? err
               : model_oms_sign(STR("model.json"), &file, 1, demo_actor("vendor")->key,
                                bundle);
}

int demo_complete(struct demo *m, struct buf *record)
{
    struct json_doc *doc = NULL;
    struct demo_reply twin = {0};
    struct buf bundle, whole;
    struct jw w;
    int err = json_parse(&doc, buf_str(record), NULL, &m->d);
    buf_init(&bundle, 1 << 20);
    buf_init(&whole, (size_t)8 << 20);
    if (!err)
        err = sign_weights(m, &bundle);
    jw_init(&w, &whole);
    jw_obj(&w);
    for (json_each(it, json_root(doc))) {
        jw_keyn(&w, it.key);
        jw_val(&w, it.val);
    }
    jw_key(&w, "model_signature");
    jw_raw(&w, buf_str(&bundle));
    jw_obj_end(&w);
    if (!err)
        err = jw_done(&w);
    if (!err)
        err = demo_expect(m, HTTP_POST, m->url, "/api/v1/fhir-twins", NULL,
                          buf_str(&whole), 200, &twin);
    if (!err) { /* the closing brace gives way to one member more */
        buf_cut(&whole, whole.n - 1);
        err = buf_adds(&whole, ",\"fhir_twin\":");
    }
    if (!err)
        err = buf_add(&whole, buf_str(&twin.body));
    if (!err)
        err = buf_adds(&whole, "}");
    buf_clear(record);
    if (!err)
        err = buf_add(record, buf_str(&whole));
    demo_reply_release(&twin);
    json_free(doc);
    buf_release(&whole);
    buf_release(&bundle);
    return err;
}
