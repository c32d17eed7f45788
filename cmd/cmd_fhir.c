/* SPDX-License-Identifier: Apache-2.0 */
/* amane fhir -- validate: are these files valid resources of FHIR R4? Each file is told
 * apart; exit 0 when all are valid, 1 when one is not. terminology: cmd_terms.c. */
#include "cmd_terms.h"
#include "fhir/valid.h"
#include "fhir/xml.h"

enum { FHIR_FILE_MAX = 256 << 20 };

static const char synopsis[] = "usage: amane fhir validate FILE... [--json]\n"
                               "       amane fhir terminology DIR [--json]\n";

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

static int one(const struct fhir_valid *v, const char *file, bool json, bool *invalid)
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
        err = fhir_valid_check(v, json_root(doc), FHIR_VALID_ADVICE, &d);
    if (d.errors) /* the file is at fault: that is an answer */
        err = AM_OK;
    if (!err)
        err = json ? tell_json(json_root(doc), &d) : tell_text(file, &d);
    *invalid |= d.errors > 0;
    json_free(doc);
    diag_release(&d);
    free(text);
    return err;
}

static int validate(int argc, char **argv, bool json)
{
    struct fhir_valid *v = NULL;
    bool invalid = false;
    int err = fhir_valid_new(&v), status = 0;
    if (err)
        return cmd_fail("fhir validate", NULL, err, NULL);
    for (int i = 2; i < argc; i++) {
        err = one(v, argv[i], json, &invalid);
        if (err)
            status = cmd_fail("fhir validate", argv[i], err, NULL);
    }
    fhir_valid_free(v);
    return status ? status : invalid;
}

int cmd_fhir(int argc, char **argv)
{
    bool json = false, help = false;
    const struct cmd_opt opt[] = {{.name = "--json", .flag = &json}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help) || help || argc < 3)
        return cmd_usage(synopsis, help);
    if (argc == 3 && strcmp(argv[1], "terminology") == 0)
        return cmd_terms(argv[2], json);
    if (strcmp(argv[1], "validate") != 0)
        return cmd_usage(synopsis, help);
    return validate(argc, argv, json);
}
