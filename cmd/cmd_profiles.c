/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_profiles.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "cmd_terms.h"

static const size_t profiles_file_max = (size_t)256 << 20,
                    profiles_terms_max = (size_t)1 << 30;

struct profiles_load {
    struct cmd_profiles *out;
    char *wrong;
    struct diag *d;
    bool alone; /* a file named by itself: its profiles are asked for */
    size_t found;
};

/* Terminologies go their way; of a Bundle both may be in it. */
static int profiles_resource(struct profiles_load *l, const struct json *v)
{
    struct str type = json_get_str(v, "resourceType");
    size_t before = fhir_profiles_count(l->out->set), n;
    bool terms = str_eqc(type, "CodeSystem") || str_eqc(type, "ValueSet");
    int err = AM_OK;
    if (terms)
        err = fhir_tx_add(l->out->terms, v, l->d);
    else if (str_eqc(type, "Bundle"))
        for (json_each(it, json_get(v, "entry")))
            err = err ? err : profiles_resource(l, json_get(it.val, "resource"));
    else if (str_eqc(type, "StructureDefinition"))
        err = fhir_profiles_add(l->out->set, v, l->d);
    n = fhir_profiles_count(l->out->set);
    l->found += n > before || terms;
    for (; l->alone && !err && str_eqc(type, "StructureDefinition") && before < n;
         before++)
        err = vec_push(&l->out->asked, fhir_profiles_url(l->out->set, before));
    return err;
}

static int profiles_file(struct profiles_load *l, const char *path)
{
    struct json_doc *doc = NULL;
    char *text = NULL;
    size_t n = 0;
    int err = am_file_read(path, profiles_file_max, &text, &n);
    snprintf(l->wrong, 4096, "%s", path);
    if (!err)
        err = cmd_fhir_read(&doc, (struct str){text, n}, l->d);
    if (!err)
        err = profiles_resource(l, json_root(doc));
    json_free(doc);
    free(text);
    return err;
}

static int profiles_folder(struct profiles_load *l, const char *dir)
{
    struct dirent **e = NULL;
    char path[PATH_MAX];
    int err = AM_OK, n = scandir(dir, &e, NULL, alphasort);
    if (n < 0)
        return AM_E_NOTFOUND;
    for (int i = 0; i < n; i++) {
        struct str name = str_c(e[i]->d_name);
        if (!err && name.p[0] != '.' &&
            (str_ends(name, STR(".json")) || str_ends(name, STR(".xml"))))
            err = snprintf(path, sizeof path, "%s/%s", dir, name.p) >= (int)sizeof path
                      ? AM_E_TOOBIG
                      : profiles_file(l, path);
        free(e[i]);
    }
    free(e);
    return err;
}

static int profiles_path(struct profiles_load *l, const char *path)
{
    struct stat st;
    int err;
    snprintf(l->wrong, 4096, "%s", path);
    l->found = 0;
    if (stat(path, &st)) {
        if (!strchr(path, ':'))
            return AM_E_NOTFOUND;
        return vec_push(&l->out->asked, str_c(path));
    }
    l->alone = !S_ISDIR(st.st_mode);
    err = l->alone ? profiles_file(l, path) : profiles_folder(l, path);
    if (!err && !l->found) {
        snprintf(l->wrong, 4096, "%s", path);
        diag_err(l->d, "", "sd.none", "%s", path);
        diag_arg(l->d, "found", path);
        err = AM_E_INVALID;
    }
    return err;
}

int cmd_profiles_load(struct cmd_profiles *out, const char *const *path, size_t n,
                      const struct fhir_tx *base, bool hl7, char wrong[4096],
                      struct diag *d)
{
    struct profiles_load l = {.out = out, .wrong = wrong, .d = d};
    int err;
    *wrong = 0;
    *out = (struct cmd_profiles){0};
    err = fhir_tx_new(&out->terms, profiles_terms_max);
    if (!err && base)
        fhir_tx_over(out->terms, base);
    if (!err)
        err = fhir_profiles_new(&out->set, out->terms);
    for (size_t i = 0; i < n && !err; i++)
        err = profiles_path(&l, path[i]);
    if (!err && hl7)
        err = fhir_profiles_add_hl7(out->set);
    if (!err)
        err = fhir_tx_ready(out->terms, d);
    if (!err)
        err = fhir_profiles_ready(out->set, d);
    return err;
}

void cmd_profiles_release(struct cmd_profiles *p)
{
    fhir_profiles_free(p->set);
    fhir_tx_free(p->terms);
    vec_release(&p->asked);
}
