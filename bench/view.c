/* SPDX-License-Identifier: Apache-2.0 */
/* What rows of a view cost: one thread, CPU seconds.
 *
 *     bench-view BUNDLE.json...
 *
 * Views as analysts write them, over the resources of the Bundles: from parsed resources
 * (evaluating alone), to CSV, and from JSON text to CSV, as `amane eds view` and
 * $viewdefinition-run do for each body of the store. */
#include <time.h>

#include "view/view.h"

static const struct {
    const char *name, *text;
} views[] = {
    {"Observation, 8 columns",
     "{\"resource\":\"Observation\",\"select\":[{\"column\":[{\"name\":\"id\",\"path\":"
     "\"getResourceKey()\"},{\"name\":\"patient\",\"path\":\"subject.getReferenceKey("
     "Patient)\"},{\"name\":\"status\",\"path\":\"status\"},{\"name\":\"at\",\"path\":"
     "\"effective.ofType(dateTime)\"},{\"name\":\"system\",\"path\":\"code.coding.first()"
     "."
     "system\"},{\"name\":\"code\",\"path\":\"code.coding.first().code\"},{\"name\":"
     "\"value\",\"path\":\"value.ofType(Quantity).value\"},{\"name\":\"unit\",\"path\":"
     "\"value.ofType(Quantity).unit\"}]}]}"},
    {"blood pressures, components as columns",
     "{\"resource\":\"Observation\",\"select\":[{\"column\":[{\"name\":\"id\",\"path\":"
     "\"getResourceKey()\"},{\"name\":\"sys\",\"path\":\"component.where(code.coding."
     "where("
     "code='8480-6').exists()).value.ofType(Quantity).value\"},{\"name\":\"dia\","
     "\"path\":"
     "\"component.where(code.coding.where(code='8462-4').exists()).value.ofType(Quantity)"
     "."
     "value\"}]}],\"where\":[{\"path\":\"code.coding.where(code='85354-9' or code="
     "'55284-4').exists()\"}]}"},
    {"Patient names and addresses, unnested",
     "{\"resource\":\"Patient\",\"select\":[{\"column\":[{\"name\":\"id\",\"path\":"
     "\"id\"}]}"
     ",{\"forEach\":\"name\",\"column\":[{\"name\":\"family\",\"path\":\"family\"},{"
     "\"name\":\"given\",\"path\":\"given.join(' ')\"}]},{\"forEachOrNull\":\"address\","
     "\"column\":[{\"name\":\"city\",\"path\":\"city\"}]}]}"}};

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { MOST = 200000 };
static struct json_doc *doc[MOST];
static struct buf text[MOST];
static size_t docs;
static size_t mine[MOST], n_mine; /* those of the view's type */

static int drop(void *arg, const struct view *v, const struct view_cell *cell)
{
    (void)v;
    (void)cell;
    ++*(size_t *)arg;
    return AM_OK;
}

static size_t written, resources;
static int keep(void *arg, const struct view *v, const struct view_cell *cell)
{
    struct buf *b = arg;
    written++;
    if (b->n > 1 << 20)
        buf_clear(b);
    return view_row(b, v, VIEW_CSV, cell, false);
}

/* how: 0 evaluating, 1 CSV from parsed, 2 CSV from text. */
static int once(struct view_run *r, int how, size_t *n, struct buf *b)
{
    int err = AM_OK;
    written = 0;
    for (size_t k = 0; k < n_mine && !err; k++) {
        const size_t i = mine[k];
        struct json_doc *one = how == 2 ? NULL : doc[i];
        resources++;
        if (how == 2)
            err = json_parse(&one, buf_str(&text[i]),
                             &(struct json_limits){.raw_numbers = true}, NULL);
        if (!err)
            err = view_rows(r, json_root(one), how ? keep : drop, how ? (void *)b : n,
                            NULL);
        if (how == 2)
            json_free(one);
    }
    *n += written;
    return err;
}

static int measure(size_t k)
{
    static const char *const what[] = {"evaluated", "to CSV", "JSON text to CSV"};
    struct json_doc *definition = NULL;
    struct view *v = NULL;
    struct view_run r;
    struct buf b;
    int err = json_parse(&definition, str_c(views[k].text), NULL, NULL);
    if (!err)
        err = view_compile(&v, json_root(definition), NULL);
    json_free(definition);
    if (err || view_run_init(&r, v))
        return 1;
    n_mine = 0;
    for (size_t i = 0; i < docs; i++)
        if (str_eq(json_get_str(json_root(doc[i]), "resourceType"), view_resource(v)))
            mine[n_mine++] = i;
    buf_init(&b, 8 << 20);
    printf("%s\n", views[k].name);
    for (int how = 0; how < 3 && !err; how++) {
        size_t n = 0;
        double start = cpu(), spent;
        resources = 0;
        do {
            err = once(&r, how, &n, &b);
            spent = cpu() - start;
        } while (spent < 1 && !err);
        printf("  %-18s %9.0f rows/s %9.0f resources/s\n", what[how], (double)n / spent,
               (double)resources / spent);
    }
    buf_release(&b);
    view_run_release(&r);
    view_free(v);
    return err != AM_OK;
}

static int load(const char *path)
{
    struct json_doc *bundle = NULL;
    int err = json_parse_file(
        &bundle, path, &(struct json_limits){.size_b = 256 << 20, .raw_numbers = true},
        NULL);
    for (json_each(it, json_get(json_root(bundle), "entry"))) {
        struct jw w;
        if (err || docs == MOST)
            break;
        buf_init(&text[docs], 16 << 20);
        jw_init(&w, &text[docs]);
        jw_val(&w, json_get(it.val, "resource"));
        err = jw_done(&w);
        if (!err)
            err = json_parse(&doc[docs], buf_str(&text[docs]),
                             &(struct json_limits){.raw_numbers = true}, NULL);
        docs += !err;
    }
    json_free(bundle);
    return err;
}

int main(int argc, char **argv)
{
    int bad = 0;
    for (int i = 1; i < argc; i++)
        if (load(argv[i])) {
            fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 3;
        }
    for (size_t k = 0; k < AM_LEN(views) && !bad; k++)
        bad = measure(k);
    for (size_t i = 0; i < docs; i++) {
        json_free(doc[i]);
        buf_release(&text[i]);
    }
    return bad;
}
