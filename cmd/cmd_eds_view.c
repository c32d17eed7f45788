/* SPDX-License-Identifier: Apache-2.0 */
/* amane eds view: the rows of a ViewDefinition (SQL on FHIR) over everything a store
 * holds, from one snapshot: written as they are made, or put into a table of a
 * database (cmd_eds_into.c). */
#include "cmd_eds_view.h"
#include "cmd_eds_law.h"

#include "base/clock.h"

enum { FLUSH = 1 << 16, DEFINITION_MAX = 16 << 20 };

struct table {
    const struct cmd_eds_view *what;
    struct view *view;
    struct eds_view *of;
    const struct eds_meta *m; /* the resource whose rows are made */
    bool said;                /* the record will tell of it */
    struct view_run run;
    enum view_format format;
    int64_t since, limit, n, top;
    struct buf out;
    struct cmd_eds_into *into; /* NULL: rows are text */
    struct cmd_eds_progress progress;
    struct diag d;
};

static int flush(struct table *t)
{
    int err = t->out.n ? cmd_eds_law_told() : AM_OK;
    if (!err && t->out.n)
        err = cmd_out(buf_str(&t->out));
    buf_clear(&t->out);
    return err;
}

static int row(void *arg, const struct view *v, const struct view_cell *cell)
{
    struct table *t = arg;
    int err = t->said ? AM_OK : cmd_eds_law_tell(t->m);
    t->said = true;
    if (!err)
        err = t->into ? cmd_eds_into_row(t->into, cell)
                      : view_row(&t->out, v, t->format, cell, !t->n);
    if (!err && t->out.n > FLUSH)
        err = flush(t);
    if (err)
        return err;
    return ++t->n == t->limit ? 1 : AM_OK;
}

static int resource(void *arg, const struct eds_meta *m, struct str body)
{
    struct table *t = arg;
    struct json_doc *doc = NULL;
    bool yes = false;
    int err = cmd_eds_law_sees(t->of, m, body, &yes);
    t->m = m;
    t->said = false;
    if (!err && yes)
        err = json_parse(
            &doc, body,
            &(struct json_limits){.size_b = 2 * EDS_BODY_MAX, .raw_numbers = true}, NULL);
    cmd_eds_progress(&t->progress, m->rid, t->top, t->n);
    if (!err && yes)
        err = view_rows(&t->run, json_root(doc), row, t, &t->d);
    json_free(doc);
    return err ? err : cmd_eds_stopped() ? AM_E_TIMEOUT : AM_OK;
}

static int snapshot(struct eds_view *v, void *arg)
{
    struct table *t = arg;
    int64_t from = 1;
    int err = eds_top(v, &t->top);
    t->of = v;
    if (!err && t->since)
        err = eds_rid_at(v, t->since, &from);
    if (!err)
        err = eds_each(v, view_resource(t->view), from - 1, resource, t);
    return err > 0 ? AM_OK : err;
}

static int rows(void *arg)
{
    struct table *t = arg;
    struct eds *e = t->what->eds;
    int err = eds_view(e, snapshot, t);
    return err ? err : cmd_eds_law_told(); /* a table is there when this is over */
}

static int as_text(struct table *t)
{
    int err = view_begin(&t->out, t->view, t->format, !t->what->no_header);
    if (!err)
        err = rows(t);
    if (!err)
        err = view_end(&t->out, t->format);
    return err ? err : flush(t);
}

static int as_table(struct table *t)
{
    int err = cmd_eds_into_new(&t->into, t->what->into, t->view, &t->d);
    if (!err)
        err = cmd_eds_into_fill(t->into, rows, t);
    cmd_eds_into_free(t->into);
    if (!err)
        printf("%.*s %lld\n", STR_FMT(view_name(t->view)), (long long)t->n);
    return err;
}

static int run(struct table *t)
{
    int err = view_run_init(&t->run, t->view);
    if (err)
        return err;
    t->run.env.base = str_c(t->what->base);
    t->run.env.now_at = time_now();
    cmd_eds_stoppable();
    cmd_eds_progress_init(&t->progress, "view");
    buf_init(&t->out, 2 * EDS_BODY_MAX);
    err = t->what->into ? as_table(t) : as_text(t);
    cmd_eds_progress_end(&t->progress);
    if (!err)
        cmd_eds_withheld();
    buf_release(&t->out);
    view_run_release(&t->run);
    return err;
}

static int definition(struct table *t, const char *file)
{
    struct json_doc *doc = NULL;
    int err = json_parse_file(
        &doc, file, &(struct json_limits){.size_b = DEFINITION_MAX, .raw_numbers = true},
        &t->d);
    if (!err)
        err = view_compile(&t->view, json_root(doc), &t->d);
    json_free(doc);
    return err;
}

/* Words of options: 2 when one is wrong. */
static int options(struct table *t)
{
    const struct cmd_eds_view *w = t->what;
    if (w->format && !view_format(str_c(w->format), &t->format)) {
        cmd_complain("cmd.eds.format", "--format", w->format);
        return 2;
    }
    if (w->since && time_parse(str_c(w->since), &t->since) &&
        time_parse_date(str_c(w->since), &t->since)) {
        cmd_complain("cmd.eds.instant", "--since", w->since);
        return 2;
    }
    if (w->limit && str_int(str_c(w->limit), 1, INT64_MAX, &t->limit)) {
        cmd_complain("cmd.eds.limit", "--limit", w->limit);
        return 2;
    }
    return 0;
}

int cmd_eds_view(const struct cmd_eds_view *what)
{
    struct cmd_eds_view w = *what;
    struct table t = {.what = &w, .format = VIEW_NDJSON};
    int err, code = options(&t);
    if (code)
        return code;
    diag_init(&t.d);
    err = definition(&t, w.file);
    if (err)
        code = cmd_fail("read the view", w.file, err, &t.d);
    if (!code)
        code = cmd_eds_open(&w.eds, w.store, w.key, EDS_READ);
    if (!code) {
        err = run(&t);
        if (err)
            code = cmd_fail("view", t.d.n ? w.file : w.store, err, &t.d);
    }
    if (w.eds)
        code = cmd_eds_close(w.eds, code);
    view_free(t.view);
    diag_release(&t.d);
    return code;
}
