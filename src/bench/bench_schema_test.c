/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas of schema/: each compiles, each example fits, and of thousands of damaged
 * examples (a member removed, emptied, turned into null, an unknown one added) our
 * verdict is that of python3-jsonschema (test/support/schema_agree.py), document by
 * document. */
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "embed/embed.h"
#include "json/json.h"

enum { DAMAGES_MAX = 160 };
enum damage { REMOVE, EMPTY, NULLED, UNKNOWN, DAMAGES };

struct compiled {
    struct json_doc *doc;
    struct json_schema *schema;
};

static void compile(struct compiled *c, const char *path)
{
    const struct embed_file *f = embed_find(path);
    struct diag d;
    diag_init(&d);
    if (!f)
        fail_msg("%s is not embedded", path);
    assert_ok(
        json_parse(&c->doc, (struct str){(const char *)f->data, f->size}, NULL, &d));
    if (json_schema_compile(&c->schema, json_root(c->doc), NULL, NULL, &d))
        fail_msg("%s: %s %s", path, d.n ? d.item[0].path : "",
                 d.n ? d.item[0].detail : "");
    diag_release(&d);
}

static void compiled_release(struct compiled *c)
{
    json_schema_free(c->schema);
    json_free(c->doc);
}

/* "schema/examples/event-stop.json" -> "schema/event-1.json": the longest name that fits.
 */
static bool schema_of(const char *example, char out[128])
{
    static const char *const name[] = {"bench-manifest", "bench-summary", "algorithm",
                                       "version",        "evidence",      "decision",
                                       "deployment",     "event",         "policy"};
    const char *base = strrchr(example, '/') + 1;
    for (size_t i = 0; i < AM_LEN(name); i++)
        if (!strncmp(base, name[i], strlen(name[i]))) {
            snprintf(out, 128, "schema/%s-1.json", name[i]);
            return true;
        }
    return false;
}

/* Writes v again, the nth member met being damaged. */
static void copy(struct jw *w, const struct json *v, long *n, enum damage how)
{
    if (json_type(v) == JSON_ARRAY) {
        jw_arr(w);
        for (json_each(it, v))
            copy(w, it.val, n, how);
        jw_arr_end(w);
        return;
    }
    if (json_type(v) != JSON_OBJECT) {
        jw_val(w, v);
        return;
    }
    jw_obj(w);
    for (json_each(it, v)) {
        bool hit = --*n == 0;
        if (hit && how == REMOVE)
            continue;
        jw_keyn(w, it.key);
        if (hit && how == NULLED)
            jw_null(w);
        else if (hit && how == EMPTY)
            jw_raw(w, json_type(it.val) == JSON_STRING   ? STR("\"\"")
                      : json_type(it.val) == JSON_NUMBER ? STR("-1.5")
                      : json_type(it.val) == JSON_ARRAY  ? STR("[]")
                                                         : STR("{}"));
        else
            copy(w, it.val, n, how);
        if (hit && how == UNKNOWN)
            jw_kint(w, "zz_unknown", 1);
    }
    jw_obj_end(w);
}

static long members(const struct json *v)
{
    long n = json_type(v) == JSON_OBJECT ? (long)json_size(v) : 0;
    if (json_type(v) == JSON_OBJECT || json_type(v) == JSON_ARRAY)
        for (json_each(it, v))
            n += members(it.val);
    return n;
}

/* One line: schema, our verdict, the document. */
static void judge(FILE *out, const char *path, const struct compiled *c, struct str text)
{
    struct json_doc *doc;
    struct diag d;
    int err;
    diag_init(&d);
    assert_ok(json_parse(&doc, text, NULL, &d));
    err = json_schema_check(c->schema, json_root(doc), &d);
    assert_true(err == AM_OK || (err == AM_E_INVALID && d.n > 0));
    fprintf(out, "{\"schema\":\"%s\",\"valid\":%s,\"doc\":%.*s}\n", path,
            err ? "false" : "true", STR_FMT(text));
    json_free(doc);
    diag_release(&d);
}

static void damage(FILE *out, const char *path, const struct compiled *c,
                   const struct json *example)
{
    long all = members(example), stride = all * DAMAGES / DAMAGES_MAX + 1;
    struct buf b;
    buf_init(&b, (size_t)1 << 22);
    for (long i = 0; i < all * DAMAGES; i += stride) {
        long n = i / DAMAGES + 1;
        struct jw w;
        buf_clear(&b);
        jw_init(&w, &b);
        copy(&w, example, &n, (enum damage)(i % DAMAGES));
        assert_ok(jw_done(&w));
        judge(out, path, c, buf_str(&b));
    }
    buf_release(&b);
}

static void examine(FILE *out, const struct embed_file *f, const char *schema)
{
    struct compiled c;
    struct json_doc *doc;
    struct diag d;
    diag_init(&d);
    compile(&c, schema);
    assert_ok(json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, &d));
    if (json_schema_check(c.schema, json_root(doc), &d))
        fail_msg("%s: %s %s", f->path, d.item[0].path, d.item[0].detail);
    damage(out, schema, &c, json_root(doc));
    json_free(doc);
    compiled_release(&c);
    diag_release(&d);
}

static int ask_python(const char *list)
{
    const char *root = getenv("AMANE_SOURCE_ROOT");
    char script[4096];
    int status = 0;
    pid_t pid;
    snprintf(script, sizeof script, "%s/test/support/schema_agree.py", root ? root : ".");
    fflush(stdout);
    pid = fork();
    if (!pid) {
        execl("/usr/bin/python3", "python3", script, root ? root : ".", list,
              (char *)NULL);
        _exit(77);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void examples_fit_and_python_agrees_on_damaged_ones(void **state)
{
    char list[] = "/tmp/amane-schema-XXXXXX", schema[128];
    const struct embed_file *f;
    int fd = mkstemp(list), code;
    size_t examples = 0;
    FILE *out;
    (void)state;
    assert_true(fd >= 0 && (out = fdopen(fd, "w")));
    for (size_t i = embed_first("schema/examples/");
         (f = embed_at(i)) && !strncmp(f->path, "schema/examples/", 16); i++)
        if (schema_of(f->path, schema)) {
            examine(out, f, schema);
            examples++;
        }
    examine(out, embed_find("policy/demo-1.json"), "schema/policy-1.json");
    assert_int_equal(fclose(out), 0);
    assert_true(examples >= 11);
    code = ask_python(list);
    unlink(list);
    if (code == 77) {
        print_message("# SKIP python3-jsonschema is not there: no second opinion\n");
        skip();
    }
    assert_int_equal(code, 0);
}

static void every_schema_compiles(void **state)
{
    const struct embed_file *f;
    size_t n = 0;
    (void)state;
    for (size_t i = embed_first("schema/");
         (f = embed_at(i)) && !strncmp(f->path, "schema/", 7); i++) {
        struct compiled c;
        if (strchr(f->path + 7, '/') || !strstr(f->path, "-1.json"))
            continue;
        compile(&c, f->path);
        compiled_release(&c);
        n++;
    }
    assert_int_equal(n, 11);
}

/* A missing compulsory field is named by the pointer it would have. */
static void a_missing_field_is_named_by_its_pointer(void **state)
{
    static const char *const due[] = {
        "intended_use", "population", "inputs",         "outputs",     "artifacts",
        "model_digest", "max_depth",  "optimizer",      "random_seed", "training_data",
        "risks",        "regulatory", "evaluation_plan"};
    struct compiled c;
    struct json_doc *doc;
    struct diag d;
    (void)state;
    diag_init(&d);
    compile(&c, "schema/version-1.json");
    assert_ok(json_parse(&doc, STR("{}"), NULL, &d));
    assert_int_equal(json_schema_check(c.schema, json_root(doc), &d), AM_E_INVALID);
    for (size_t i = 0; i < AM_LEN(due); i++) {
        bool named = false;
        for (size_t k = 0; k < d.n; k++)
            named |= !strcmp(d.item[k].path + 1, due[i]) &&
                     !strcmp(d.item[k].code, "schema.required");
        if (!named)
            fail_msg("/%s is not named", due[i]);
    }
    json_free(doc);
    compiled_release(&c);
    diag_release(&d);
}

TEST_MAIN(TEST(every_schema_compiles), TEST(a_missing_field_is_named_by_its_pointer),
          TEST(examples_fit_and_python_agrees_on_damaged_ones))
