/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a folder of terminologies: which file is what, and in which order. */
#include "cmd_terms.h"

#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/vec.h"
#include "json/json.h"

enum { TERMS_DEPTH = 8, TERMS_FILES = 10000, TERMS_COLUMNS = 32 };
static const size_t terms_file_max = (size_t)2 << 30, terms_max_b = (size_t)8 << 30;
#define TERMS_MANIFEST "terminology.json"
#define TERMS_SCT      "http://snomed.info/sct/900000000000207008/version/"

enum terms_kind {
    TERMS_CONCEPT, /* RF2 */
    TERMS_DESCRIPTION,
    TERMS_RELATIONSHIP,
    TERMS_LANGUAGE,
    TERMS_SIMPLE,
    TERMS_RF2, /* how many of those there are */
    TERMS_LOINC,
    TERMS_LOINC_TREE,
    TERMS_LOINC_WORDS, /* of one language */
    TERMS_FORM,        /* of cmd_terms_file.c */
    TERMS_RESOURCE,
    TERMS_NONE
};
struct terms_file {
    char *path;
    enum terms_kind kind;
};
struct terms {
    struct fhir_tx *t;
    const char *dir;
    VEC(struct terms_file) file;
    VEC(size_t) later; /* supplements: after what they supplement */
    struct json_doc *manifest;
    struct cmd_terms_told *told;
    char *wrong;
    struct diag *d;
};

static int terms_blame(struct terms *x, const char *path, int err)
{
    if (err)
        snprintf(x->wrong, 4096, "%s", path);
    return err;
}

/* ---- which files ---- */
static enum terms_kind terms_kind_of(const char *name)
{
    struct str s = str_c(name);
    struct fhir_tx_file form;
    char year[CMD_TERMS_YEAR];
    if (cmd_terms_form_named(name, &form, year))
        return TERMS_FORM;
    if (!strcmp(name, TERMS_MANIFEST))
        return TERMS_NONE;
    if (!strcmp(name, "Loinc.csv"))
        return TERMS_LOINC;
    if (str_starts(s, STR("sct2_Concept_Snapshot")))
        return TERMS_CONCEPT;
    if (str_starts(s, STR("sct2_Description_Snapshot")))
        return TERMS_DESCRIPTION;
    if (str_starts(s, STR("sct2_Relationship_Snapshot")))
        return TERMS_RELATIONSHIP;
    if (str_starts(s, STR("der2_cRefset_LanguageSnapshot")))
        return TERMS_LANGUAGE;
    if (str_starts(s, STR("der2_Refset_SimpleSnapshot")))
        return TERMS_SIMPLE;
    if (!strcmp(name, "ComponentHierarchyBySystem.csv") ||
        !strcmp(name, "MultiAxialHierarchy.csv"))
        return TERMS_LOINC_TREE;
    if (s.n > 4 && str_ends(s, STR("LinguisticVariant.csv")))
        return TERMS_LOINC_WORDS;
    return str_ends(s, STR(".json")) || str_ends(s, STR(".xml")) ? TERMS_RESOURCE
                                                                 : TERMS_NONE;
}

static int terms_walk(struct terms *x, const char *dir, int depth);

static int terms_entry(struct terms *x, const char *dir, const char *name, int depth)
{
    char path[PATH_MAX];
    struct terms_file f = {.kind = terms_kind_of(name)};
    struct stat st;
    int err;
    if (*name == '.')
        return AM_OK;
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return AM_E_TOOBIG;
    if (stat(path, &st))
        return terms_blame(x, path, AM_E_IO);
    if (S_ISDIR(st.st_mode))
        return depth < TERMS_DEPTH ? terms_walk(x, path, depth + 1) : AM_E_TOOBIG;
    if (f.kind == TERMS_NONE)
        return AM_OK;
    if (x->file.n >= TERMS_FILES)
        return AM_E_TOOBIG;
    f.path = am_calloc(1, strlen(path) + 1);
    if (f.path)
        memcpy(f.path, path, strlen(path));
    err = f.path ? vec_push(&x->file, f) : AM_E_NOMEM;
    if (err)
        free(f.path);
    return err;
}

/* In the order of names, so that a folder always loads the same way. */
static int terms_walk(struct terms *x, const char *dir, int depth)
{
    struct dirent **e = NULL;
    int err = AM_OK, n = scandir(dir, &e, NULL, alphasort);
    if (n < 0)
        return terms_blame(x, dir, AM_E_NOTFOUND);
    for (int i = 0; i < n; i++) {
        if (!err)
            err = terms_entry(x, dir, e[i]->d_name, depth);
        free(e[i]);
    }
    free(e);
    return err;
}

/* ---- RF2 ---- */
/* All files of a kind, one after another. */
static int terms_join(struct terms *x, enum terms_kind kind, struct buf *out)
{
    int err = AM_OK;
    for (size_t i = 0; i < x->file.n && !err; i++) {
        char *text = NULL;
        size_t n = 0;
        if (x->file.v[i].kind != kind)
            continue;
        err = terms_blame(x, x->file.v[i].path,
                          am_file_read(x->file.v[i].path, terms_file_max, &text, &n));
        if (!err)
            err = buf_add(out, (struct str){text, n});
        if (!err && n && text[n - 1] != '\n')
            err = buf_addc(out, '\n');
        free(text);
        x->told->files++;
    }
    return err;
}

/* Of the manifest, else of the file's date, where all are the International Edition's. */
static struct str terms_version(struct terms *x, char room[200])
{
    struct str said = json_get_str(json_root(x->manifest), "snomed_version");
    if (said.n)
        return said;
    for (size_t i = 0; i < x->file.n; i++) {
        const char *int_ = strstr(x->file.v[i].path, "_INT_");
        if (x->file.v[i].kind > TERMS_RELATIONSHIP)
            continue;
        if (!int_)
            return STR_NULL;
        snprintf(room, 200, TERMS_SCT "%.8s", int_ + 5);
    }
    return str_c(room);
}

enum { TERMS_DIALECTS = 16 };

/* {"REFSET": "fr-MA"} */
static size_t terms_dialects(const struct terms *x,
                             struct fhir_tx_dialect out[TERMS_DIALECTS])
{
    size_t n = 0;
    for (json_each(it, json_get(json_root(x->manifest), "snomed_dialects")))
        if (n < TERMS_DIALECTS)
            out[n++] = (struct fhir_tx_dialect){it.key, json_str(it.val)};
    return n;
}

static int terms_rf2(struct terms *x)
{
    struct fhir_tx_dialect dialect[TERMS_DIALECTS];
    struct buf part[TERMS_RF2];
    struct fhir_tx_rf2 f;
    char room[200] = "";
    int err = AM_OK;
    for (int i = 0; i < TERMS_RF2; i++) {
        buf_init(&part[i], terms_max_b);
        if (!err)
            err = terms_join(x, (enum terms_kind)i, &part[i]);
    }
    f = (struct fhir_tx_rf2){.concept = buf_str(&part[TERMS_CONCEPT]),
                             .description = buf_str(&part[TERMS_DESCRIPTION]),
                             .relationship = buf_str(&part[TERMS_RELATIONSHIP]),
                             .language = buf_str(&part[TERMS_LANGUAGE]),
                             .simple = buf_str(&part[TERMS_SIMPLE]),
                             .dialect = dialect,
                             .dialects = terms_dialects(x, dialect),
                             .version = terms_version(x, room)};
    if (!err && (f.concept.n || f.description.n || f.relationship.n)) {
        if (!f.concept.n || !f.description.n || !f.relationship.n) {
            diag_err(x->d, "", "term.rf2_files", "%s", "");
            err = AM_E_INVALID;
        } else
            err = fhir_tx_add_rf2(x->t, &f, x->d);
        err = terms_blame(x, x->dir, err);
    }
    for (int i = 0; i < TERMS_RF2; i++)
        buf_release(&part[i]);
    return err;
}

/* ---- tables ---- */
static int terms_csv(struct terms *x, const char *path, const struct fhir_tx_table *how)
{
    char *text = NULL;
    size_t n = 0;
    int err = am_file_read(path, terms_file_max, &text, &n);
    if (!err)
        err = fhir_tx_add_table(x->t, (struct str){text, n}, how, x->d);
    free(text);
    x->told->files++;
    return terms_blame(x, path, err);
}

/* A text of the manifest, ended by 0, in the room; NULL: it does not say. */
static const char *terms_name(const struct json *v, const char *key, char *room,
                              size_t cap)
{
    struct str s = json_get_str(v, key);
    if (!s.n || s.n >= cap)
        return NULL;
    snprintf(room, cap, "%.*s", STR_FMT(s));
    return room;
}

/* Where the file of an entry is. */
static int terms_path(struct terms *x, const struct json *v, char path[PATH_MAX])
{
    struct str file = json_get_str(v, "file");
    if (file.n && !memmem(file.p, file.n, "..", 2) &&
        snprintf(path, PATH_MAX, "%s/%.*s", x->dir, STR_FMT(file)) < PATH_MAX)
        return AM_OK;
    diag_err(x->d, "", "term.manifest", "%.*s", STR_FMT(file));
    return terms_blame(x, TERMS_MANIFEST, AM_E_INVALID);
}

static int terms_table(struct terms *x, const struct json *v)
{
    static const char *const as[] = {"loinc", "icd10", "atc"};
    const struct fhir_tx_table *known[] = {&fhir_tx_loinc, &fhir_tx_icd10, &fhir_tx_atc};
    struct fhir_tx_table how = {.code = "code", .display = "display"};
    char room[8][128], path[PATH_MAX], property[TERMS_COLUMNS][128];
    const char *names[TERMS_COLUMNS + 1] = {NULL}, *s;
    struct str sep = json_get_str(v, "separator");
    struct fhir_tx_file form;
    size_t n = 0;
    int err = terms_path(x, v, path);
    if (err)
        return err;
    if (cmd_terms_form_as(v, &form)) {
        x->told->files++;
        return terms_blame(x, path, cmd_terms_file(x->t, path, &form, x->d));
    }
    for (size_t i = 0; i < AM_LEN(as); i++)
        if (json_str_is(json_get(v, "as"), as[i]))
            how = *known[i];
    if (json_get_str(v, "url").n)
        how.url = json_get_str(v, "url");
    if (json_get_str(v, "name").n)
        how.name = json_get_str(v, "name");
    how.version = json_get_str(v, "version");
    how.adds = json_get_str(v, "adds");
    how.code = (s = terms_name(v, "code", room[0], 128)) ? s : how.code;
    how.display = (s = terms_name(v, "display", room[1], 128)) ? s : how.display;
    how.parent = (s = terms_name(v, "parent", room[2], 128)) ? s : how.parent;
    how.status = (s = terms_name(v, "status", room[3], 128)) ? s : how.status;
    how.retired = (s = terms_name(v, "retired", room[4], 128)) ? s : how.retired;
    how.french = (s = terms_name(v, "french", room[5], 128)) ? s : how.french;
    how.arabic = (s = terms_name(v, "arabic", room[6], 128)) ? s : how.arabic;
    how.by_prefix = json_bool(json_get(v, "by_prefix"), how.by_prefix);
    how.separator = sep.n ? sep.p[0] : how.separator;
    for (json_each(it, json_get(v, "property")))
        if (n < TERMS_COLUMNS && json_str(it.val).n) {
            snprintf(property[n], 128, "%.*s", STR_FMT(json_str(it.val)));
            names[n] = property[n];
            n++;
        }
    if (n)
        how.property = names;
    if (!how.url.n) {
        diag_err(x->d, "", "term.manifest", "%.*s", STR_FMT(json_get_str(v, "file")));
        return terms_blame(x, TERMS_MANIFEST, AM_E_INVALID);
    }
    return terms_csv(x, path, &how);
}

/* What the manifest names is read as it says, and once. */
static int terms_claimed(struct terms *x)
{
    char path[PATH_MAX];
    for (json_each(it, json_get(json_root(x->manifest), "tables"))) {
        int err = terms_path(x, it.val, path);
        if (err)
            return err;
        for (size_t i = 0; i < x->file.n; i++)
            if (!strcmp(x->file.v[i].path, path))
                x->file.v[i].kind = TERMS_NONE;
    }
    return AM_OK;
}

static int terms_known(struct terms *x, struct terms_file *f)
{
    const char *name = strrchr(f->path, '/') + 1;
    struct fhir_tx_file form;
    char year[CMD_TERMS_YEAR];
    if (f->kind == TERMS_LOINC)
        return terms_csv(x, f->path, &fhir_tx_loinc);
    if (f->kind == TERMS_RESOURCE && str_ends(str_c(name), STR(".xml")) &&
        cmd_terms_form_head(f->path, &form))
        f->kind = TERMS_FORM;
    else if (f->kind != TERMS_FORM || !cmd_terms_form_named(name, &form, year))
        return AM_OK;
    x->told->files++;
    return terms_blame(x, f->path, cmd_terms_file(x->t, f->path, &form, x->d));
}

static int terms_loinc_tree(struct terms *x, const char *path)
{
    char *text = NULL;
    size_t n = 0;
    int err = am_file_read(path, terms_file_max, &text, &n);
    if (!err)
        err = fhir_tx_add_loinc_tree(x->t, (struct str){text, n}, STR_NULL, x->d);
    free(text);
    x->told->files++;
    return terms_blame(x, path, err);
}

/* frFR18LinguisticVariant.csv: words in fr-FR. */
static int terms_loinc_words(struct terms *x, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    struct fhir_tx_table how = {.url = fhir_tx_loinc.url,
                                .code = fhir_tx_loinc.code,
                                .display = fhir_tx_loinc.display};
    char lang[6];
    snprintf(lang, sizeof lang, "%.2s-%.2s", name, name + 2);
    how.adds = str_c(lang);
    return terms_csv(x, path, &how);
}

/* What LOINC has beside its table, which is there now. */
static int terms_loinc_more(struct terms *x)
{
    int err = AM_OK;
    for (size_t i = 0; i < x->file.n && !err; i++) {
        const struct terms_file *f = &x->file.v[i];
        if (f->kind == TERMS_LOINC_TREE)
            err = terms_loinc_tree(x, f->path);
        if (f->kind == TERMS_LOINC_WORDS)
            err = terms_loinc_words(x, f->path);
    }
    return err;
}

static int terms_tables(struct terms *x)
{
    const struct json *list = json_get(json_root(x->manifest), "tables");
    int err = terms_claimed(x);
    for (json_each(it, list))
        if (!err && !json_get_str(it.val, "adds").n)
            err = terms_table(x, it.val);
    for (size_t i = 0; i < x->file.n && !err; i++)
        err = terms_known(x, &x->file.v[i]);
    if (!err)
        err = terms_loinc_more(x);
    for (json_each(it, list)) /* words, for codes that are there */
        if (!err && json_get_str(it.val, "adds").n)
            err = terms_table(x, it.val);
    return err;
}

/* ---- resources ---- */
static bool terms_is(const struct json *v)
{
    static const char *const type[] = {"CodeSystem", "ValueSet", "ConceptMap", "Bundle"};
    for (size_t i = 0; i < AM_LEN(type); i++)
        if (json_str_is(json_get(v, "resourceType"), type[i]))
            return true;
    return false;
}

static int terms_resource(struct terms *x, size_t i, bool supplements)
{
    const char *path = x->file.v[i].path;
    struct json_doc *doc = NULL;
    const struct json *v;
    char *text = NULL;
    size_t n = 0;
    bool is_one;
    int err = am_file_read(path, terms_file_max, &text, &n);
    if (!err)
        err = cmd_fhir_read(&doc, (struct str){text, n}, x->d);
    free(text);
    v = err ? NULL : json_root(doc);
    is_one = json_str_is(json_get(v, "content"), "supplement");
    if (!err && !terms_is(v))
        x->told->other++;
    else if (!err && is_one && !supplements)
        err = vec_push(&x->later, i);
    else if (!err) {
        err = fhir_tx_add(x->t, v, x->d);
        x->told->files++;
    }
    if (err == AM_E_EXISTS)
        diag_err(x->d, "", "term.again", "%.*s", STR_FMT(json_get_str(v, "url")));
    json_free(doc);
    return terms_blame(x, path, err);
}

static int terms_resources(struct terms *x)
{
    int err = AM_OK;
    for (size_t i = 0; i < x->file.n && !err; i++)
        if (x->file.v[i].kind == TERMS_RESOURCE)
            err = terms_resource(x, i, false);
    for (size_t k = 0; k < x->later.n && !err; k++)
        err = terms_resource(x, x->later.v[k], true);
    return err;
}

static int terms_manifest(struct terms *x)
{
    char path[PATH_MAX], *text = NULL;
    size_t n = 0;
    int err;
    if (snprintf(path, sizeof path, "%s/" TERMS_MANIFEST, x->dir) >= (int)sizeof path)
        return AM_E_TOOBIG;
    err = am_file_read(path, 1 << 20, &text, &n);
    if (err == AM_E_NOTFOUND)
        return AM_OK;
    if (!err)
        err = json_parse(&x->manifest, (struct str){text, n}, NULL, x->d);
    free(text);
    return terms_blame(x, path, err);
}

int cmd_terms_load(const char *dir, const struct fhir_tx *base, struct fhir_tx **out,
                   struct cmd_terms_told *told, char wrong[4096], struct diag *d)
{
    struct terms x = {.dir = dir, .told = told, .wrong = wrong, .d = d};
    int err = fhir_tx_new(&x.t, terms_max_b);
    *told = (struct cmd_terms_told){0};
    snprintf(wrong, 4096, "%s", dir);
    if (!err) {
        fhir_tx_over(x.t, base);
        err = terms_walk(&x, dir, 0);
    }
    if (!err)
        err = terms_manifest(&x);
    if (!err)
        err = terms_rf2(&x);
    if (!err)
        err = terms_tables(&x);
    if (!err)
        err = terms_resources(&x);
    if (!err)
        err = fhir_tx_ready(x.t, d);
    for (size_t i = 0; i < x.file.n; i++)
        free(x.file.v[i].path);
    vec_release(&x.file);
    vec_release(&x.later);
    json_free(x.manifest);
    if (err)
        fhir_tx_free(x.t);
    else
        *out = x.t;
    return err;
}
