/* SPDX-License-Identifier: Apache-2.0 */
/* Any terminology, and any question of it. The first letter says what follows, in parts
 * that a byte 0x1e ends: 'r' the three files of RF2; 't' a table; 'c', 'w', 'f',
 * 'm' ClaML, lines of the WHO (with chapters and groups), of the ATIH, of ICD-10-CM; 'j'
 * resources, the last part a Parameters for the operation that the second letter names.
 * What loads holds together: each code is found, is under itself and under its parents;
 * what an expansion lists is a member. */
#include "fhir/term_op.h"

/* Read once more, it is what it was. */
static int expression(struct str text)
{
    struct fhir_ecl *e = NULL, *again = NULL;
    int err = fhir_ecl_read(text, &e), same = fhir_ecl_read(text, &again);
    am_assert(err == same && (err == AM_OK || err == AM_E_INVALID));
    fhir_ecl_free(e);
    fhir_ecl_free(again);
    return AM_OK;
}

static int loinc(struct fhir_tx *t, struct str tree)
{
    int err = fhir_tx_add_table(t, STR("LOINC_NUM,STATUS,LONG_COMMON_NAME\n1-8,,x\n"),
                                &fhir_tx_loinc, NULL);
    return err ? err : fhir_tx_add_loinc_tree(t, tree, STR_NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 6 };

static void hierarchy(const struct fhir_tx *t)
{
    const struct fhir_tx_system *s;
    for (size_t k = 0; (s = fhir_tx_system_at(t, k)); k++) {
        struct fhir_tx_about about;
        fhir_tx_about(s, &about);
        for (uint32_t c = 0; c < about.concepts && c < 200; c++) {
            uint32_t *v;
            size_t n, ups;
            const uint32_t *up = fhir_tx_parents(s, c, &ups);
            am_assert(fhir_tx_find(s, fhir_tx_concept(s, c)->code) == c);
            am_assert(fhir_tx_subsumes(s, c, c));
            for (size_t i = 0; i < ups; i++)
                am_assert(fhir_tx_subsumes(s, up[i], c) &&
                          !fhir_tx_subsumes(s, c, up[i]));
            (void)fhir_tx_display(s, c, STR("fr-MA"));
            if (fhir_tx_related(s, c, true, &v, &n) == AM_OK)
                am_assert(n > ups || !ups);
            free(v);
        }
    }
}

static void expanded(const struct fhir_tx *t, struct str url)
{
    static const struct fhir_tx_page some = {.count = 50};
    const struct fhir_tx_set *set = fhir_tx_set(t, url);
    struct fhir_tx_expansion e;
    if (!set || fhir_tx_expand(t, set, &some, &e, NULL))
        return;
    for (size_t i = 0; i < e.n; i++) {
        bool in = false;
        int err = fhir_tx_member(t, set, e.v[i].system, e.v[i].code, &in, NULL);
        am_assert(err == AM_E_TOOBIG || (err == AM_OK && in));
    }
    free(e.v);
}

static void asked(const struct fhir_tx *t, char op, const struct json *in)
{
    struct json_doc *doc = NULL;
    struct diag d;
    struct buf b;
    struct jw w;
    int err;
    diag_init(&d);
    buf_init(&b, 16 << 20);
    jw_init(&w, &b);
    err = fhir_tx_operate(t, (enum fhir_tx_op)((unsigned char)op % 6), in, NULL, &w, &d);
    am_assert(!err || d.errors || err == AM_E_TOOBIG || err == AM_E_NOMEM);
    if (!err && jw_done(&w) == AM_OK)
        am_assert(json_parse(&doc, buf_str(&b), NULL, NULL) == AM_OK);
    json_free(doc);
    buf_release(&b);
    diag_release(&d);
}

static int resources(struct fhir_tx *t, const struct str *part, size_t n, char op,
                     bool *ready)
{
    struct json_doc *doc[PARTS] = {NULL};
    int err = AM_OK;
    for (size_t i = 0; i < n; i++)
        if (json_parse(&doc[i], part[i], NULL, NULL) == AM_OK && i + 1 < n && !err)
            err = fhir_tx_add(t, json_root(doc[i]), NULL);
    if (!err)
        err = fhir_tx_ready(t, NULL);
    *ready = !err;
    for (size_t i = 0; i < n && !err; i++) {
        expanded(t, json_get_str(json_root(doc[i]), "url"));
        expanded(t, json_get_str(json_root(doc[i]), "valueSet"));
    }
    if (!err && n)
        asked(t, op, json_root(doc[n - 1]));
    for (size_t i = 0; i < n; i++)
        json_free(doc[i]);
    return err;
}

/* What is refused says why. */
static int file(struct fhir_tx *t, enum fhir_tx_form form, const struct str *part,
                size_t n)
{
    const struct fhir_tx_file how = {.form = form,
                                     .url = STR("urn:f"),
                                     .lang = STR("fr"),
                                     .chapters = n > 1 ? part[1] : STR_NULL,
                                     .groups = n > 2 ? part[2] : STR_NULL};
    struct diag d;
    int err;
    diag_init(&d);
    err = fhir_tx_add_file(t, part[0], &how, &d);
    am_assert(err != AM_E_INVALID || d.errors);
    diag_release(&d);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const property[] = {"p", NULL};
    static const struct fhir_tx_table how = {.url = STR_INIT("urn:t"),
                                             .code = "code",
                                             .display = "display",
                                             .by_prefix = true,
                                             .property = property};
    static const char forms[] = "cwfm";
    const char *form;
    struct str left = {(const char *)data, size}, part[PARTS];
    struct fhir_tx *t = NULL;
    bool ready = false;
    size_t n = 0;
    int err;
    if (size < 2)
        return 0;
    left = str_sub(left, 2, left.n);
    while (left.n && n < PARTS)
        part[n++] = str_cut(left, 0x1e, &left);
    am_assert(fhir_tx_new(&t, 64 << 20) == AM_OK);
    if (data[0] == 'r' && n >= 3)
        err =
            fhir_tx_add_rf2(t,
                            &(struct fhir_tx_rf2){.concept = part[0],
                                                  .description = part[1],
                                                  .relationship = part[2],
                                                  .language = n > 3 ? part[3] : STR_NULL,
                                                  .simple = n > 4 ? part[4] : STR_NULL},
                            NULL);
    else if (data[0] == 'e')
        err = expression(n ? part[0] : STR_NULL);
    else if (data[0] == 'l' && n)
        err = loinc(t, part[0]);
    else if (n && (form = strchr(forms, data[0])) && *form)
        err = file(t, (enum fhir_tx_form)(form - forms), part, n);
    else if (data[0] == 't' && n)
        err = fhir_tx_add_table(t, part[0], &how, NULL);
    else
        err = resources(t, part, n, (char)data[1], &ready);
    if (!err && !ready)
        err = fhir_tx_ready(t, NULL);
    if (!err)
        hierarchy(t);
    fhir_tx_free(t);
    return 0;
}
