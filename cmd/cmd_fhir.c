/* SPDX-License-Identifier: Apache-2.0 */
/* amane fhir -- validate: are these files valid resources of FHIR R4? Each file is told
 * apart; exit 0 when all are valid, 1 when one is not. terminology: cmd_terms.c. */
#include "cmd_profiles.h"
#include "cmd_terms.h"
#include "fhir/valid.h"
#include "fhir/xml.h"

enum { FHIR_FILE_MAX = 256 << 20 };

static const char synopsis[] =
    "usage: amane fhir validate FILE... [--profile FILE|DIR|URL]... [--terminology DIR]\n"
    "                           [--json]\n"
    "       amane fhir terminology DIR [--json]\n";

struct judging {
    struct fhir_valid *valid;
    struct cmd_profiles by;
    struct fhir_tx *core, *terms;
    bool json, invalid;
};

static int sentence(void *cookie, struct buf *out, const struct diag_item *it)
{
    return text_problem(out, *(const enum text_lang *)cookie, it);
}

/* The OperationOutcome of one file, on a line. */
static int tell_json(const struct json *resource, const struct diag *d)
{
    enum text_lang lang = cmd_lang(TEXT_EN);
    struct buf b;
    struct jw w;
    int err, done;
    buf_init(&b, 16 << 20);
    jw_init(&w, &b);
    err = fhir_outcome(&w, resource, d, sentence, &lang);
    done = jw_done(&w);
    if (!err)
        err = done;
    if (!err)
        printf("%.*s\n", STR_FMT(buf_str(&b)));
    buf_release(&b);
    return err;
}

static int tell_text(const char *file, const struct diag *d)
{
    enum text_lang lang = cmd_lang(TEXT_EN);
    printf("%s: %.*s\n", file,
           STR_FMT(text_get(lang, d->errors ? "fhir.invalid" : "fhir.valid")));
    for (size_t i = 0; i < d->n; i++)
        cmd_problem(stdout, "  ", &d->item[i]);
    if (d->more)
        printf("  +%zu\n", d->more);
    return AM_OK;
}

static int parse(struct json_doc **out, struct str text, struct diag *d)
{
    const struct json_limits limits = {
        .size_b = FHIR_FILE_MAX, .depth = 200, .values = 40000000, .raw_numbers = true};
    return json_parse(out, text, &limits, d);
}

/* JSON or XML, by what is in it, whatever its name. */
int cmd_fhir_read(struct json_doc **out, struct str text, struct diag *d)
{
    struct buf json;
    int err;
    if (!str_starts(str_trim(text), STR("<")) && !str_starts(text, STR("\xef\xbb\xbf<")))
        return parse(out, text, d);
    buf_init(&json, FHIR_FILE_MAX);
    err = fhir_xml_read(text, &json, d);
    if (!err)
        err = parse(out, buf_str(&json), d);
    buf_release(&json);
    return err;
}

/* By what it declares, and by what was asked for: profiles of its type when they came in
 * a file, whatever their type when they were named. */
static int judge(const struct judging *j, const struct json *v, struct diag *d)
{
    struct str type = json_get_str(v, "resourceType");
    VEC(struct str) ask = {0};
    int err = AM_OK;
    for (size_t i = 0; i < j->by.asked.n && !err; i++) {
        struct str of = fhir_profiles_type(j->by.set, j->by.asked.v[i]);
        if (!of.n || str_eq(of, type) || j->by.asked.n == 1)
            err = vec_push(&ask, j->by.asked.v[i]);
    }
    if (!err)
        err = fhir_valid_check_as(j->valid, v, ask.v, ask.n, FHIR_VALID_ADVICE, d);
    vec_release(&ask);
    return err;
}

static int one(struct judging *j, const char *file)
{
    struct json_doc *doc = NULL;
    struct diag d;
    char *text = NULL;
    size_t n = 0;
    int err = am_file_read(file, FHIR_FILE_MAX, &text, &n);
    diag_init(&d);
    if (!err)
        err = cmd_fhir_read(&doc, (struct str){text, n}, &d);
    if (doc)
        err = judge(j, json_root(doc), &d);
    if (d.errors) /* the file is at fault: that is an answer */
        err = AM_OK;
    if (!err)
        err = j->json ? tell_json(json_root(doc), &d) : tell_text(file, &d);
    j->invalid |= d.errors > 0;
    json_free(doc);
    diag_release(&d);
    free(text);
    return err;
}

/* What to judge by. An exit code. */
static int load(struct judging *j, const char *const *profile, size_t n,
                const char *terminology)
{
    struct cmd_terms_told told;
    char wrong[4096] = "";
    struct diag d;
    int err = fhir_tx_core(&j->core), code = 0;
    diag_init(&d);
    if (!err && terminology)
        err = cmd_terms_load(terminology, j->core, &j->terms, &told, wrong, &d);
    if (!err)
        err = cmd_profiles_load(&j->by, profile, n, j->terms ? j->terms : j->core, true,
                                wrong, &d);
    if (err)
        code = cmd_fail("fhir validate", wrong, err, &d);
    else {
        cmd_problems(stderr, "amane: ", &d);
        fhir_valid_use(j->valid, j->by.set);
    }
    diag_release(&d);
    return code;
}

static int validate(int argc, char **argv, struct judging *j)
{
    int status = 0;
    for (int i = 2; i < argc; i++) {
        int err = one(j, argv[i]);
        if (err)
            status = cmd_fail("fhir validate", argv[i], err, NULL);
    }
    return status ? status : j->invalid;
}

int cmd_fhir(int argc, char **argv)
{
    const char *profile[64], *terminology = NULL;
    struct judging j = {0};
    size_t profiles = 0;
    bool help = false;
    int code;
    const struct cmd_opt opt[] = {
        {.name = "--json", .flag = &j.json},
        {.name = "--terminology", .kind = CMD_TEXT, .text = &terminology},
        {.name = "--profile",
         .kind = CMD_MANY,
         .many = profile,
         .n_many = &profiles,
         .many_max = AM_LEN(profile)}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help) || help || argc < 3)
        return cmd_usage(synopsis, help);
    if (argc == 3 && strcmp(argv[1], "terminology") == 0 && !profiles && !terminology)
        return cmd_terms(argv[2], j.json);
    if (strcmp(argv[1], "validate") != 0)
        return cmd_usage(synopsis, help);
    if (fhir_valid_new(&j.valid))
        return cmd_fail("fhir validate", NULL, AM_E_NOMEM, NULL);
    code = load(&j, profile, profiles, terminology);
    if (!code)
        code = validate(argc, argv, &j);
    fhir_valid_free(j.valid);
    cmd_profiles_release(&j.by);
    fhir_tx_free(j.terms);
    fhir_tx_free(j.core);
    return code;
}
