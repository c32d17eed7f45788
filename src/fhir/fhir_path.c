/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path -- compiling and evaluating: the doors. */
#include "fhir/fhir_path_priv.h"

enum { PATH_PROGRAM_B = 4 << 20 };

int fhir_path_compile(struct fhir_path **out, struct str text, unsigned flags,
                      struct diag *d)
{
    struct fhir_path *p;
    char *copy;
    int err;
    if (text.n > FHIR_PATH_TEXT_B) {
        diag_err(d, "", "fhirpath.effort", "the expression is too large");
        return AM_E_TOOBIG;
    }
    if (!str_utf8(text)) {
        diag_err(d, "1:1", "fhirpath.syntax", "the expression is not UTF-8");
        return AM_E_SYNTAX;
    }
    p = am_calloc(1, sizeof *p);
    if (!p)
        return AM_E_NOMEM;
    arena_init(&p->arena, PATH_PROGRAM_B);
    p->flags = flags;
    copy = arena_dup(&p->arena, text);
    p->text = (struct str){copy, text.n};
    err = copy ? fhir_fp_parse(p, d) : AM_E_NOMEM;
    if (err) {
        fhir_path_free(p);
        return err;
    }
    *out = p;
    return AM_OK;
}

void fhir_path_free(struct fhir_path *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->op.n; i++)
        json_regex_free(p->op.v[i].re);
    vec_release(&p->op);
    vec_release(&p->arg);
    vec_release(&p->constant);
    arena_release(&p->arena);
    free(p);
}

struct str fhir_path_variable(const struct fhir_path *p, size_t i)
{
    static const char *const own[] = {"sct",      "loinc",        "ucum",
                                      "resource", "rootResource", "context"};
    for (size_t k = 0; k < p->op.n; k++) {
        const struct path_op *op = &p->op.v[k];
        bool known = op->code != PATH_VAR || str_starts(op->name, STR("vs-")) ||
                     str_starts(op->name, STR("ext-"));
        for (size_t j = 0; j < AM_LEN(own) && !known; j++)
            known = str_eqc(op->name, own[j]);
        if (!known && !i--)
            return op->name;
    }
    return STR_NULL;
}

struct fhir_path_item fhir_path_node(const struct json *v, const struct json *side,
                                     struct str type)
{
    struct fhir_path_item item = {.kind = FHIR_PATH_NODE};
    item.node.v = v;
    item.node.side = side;
    item.type = fhir_fp_type_resource(v);
    if (!item.type && type.n)
        item.type = fhir_fp_type_find(type);
    return item;
}

struct str fhir_path_type_name(uint16_t type)
{
    return fhir_fp_type_name(type);
}

static void begin(struct path_eval *e, struct path_frame *f, const struct fhir_path *p,
                  const struct fhir_path_env *env, const struct fhir_path_item *focus,
                  struct fhir_path_item *stack, struct diag *d)
{
    e->p = p;
    e->env = env;
    e->d = d;
    e->arena = env->arena;
    e->steps = env->steps ? env->steps : FHIR_PATH_STEPS;
    e->v = stack;
    e->n = 0;
    e->cap = PATH_STACK;
    e->now_at = 0;
    f->index = -1;
    f->total = f->totals = 0;
    e->has_focus = f->has = focus || env->root;
    if (focus)
        e->focus = *focus;
    else if (env->root)
        e->focus = fhir_path_node(env->root, NULL, STR_NULL);
    if (f->has)
        f->self = e->focus;
}

int fhir_path_eval(const struct fhir_path *p, const struct fhir_path_env *env,
                   const struct fhir_path_item *focus, struct fhir_path_result *out,
                   struct diag *d)
{
    struct fhir_path_item stack[PATH_STACK], *v;
    struct path_eval e;
    struct path_frame f;
    int err;
    begin(&e, &f, p, env, focus, stack, d);
    err = fhir_fp_eval(&e, p->start, &f);
    if (err == AM_E_NOMEM && !e.arena->starved && e.arena->used > e.arena->max / 2)
        err = fhir_fp_spend(&e, SIZE_MAX); /* the cap, not the system */
    if (err)
        return err;
    v = arena_alloc(env->arena, (size_t)e.n + 1, sizeof *v);
    if (!v)
        return AM_E_NOMEM;
    memcpy(v, e.v, e.n * sizeof *v);
    *out = (struct fhir_path_result){.item = v, .n = e.n};
    return AM_OK;
}

int fhir_path_true(const struct fhir_path *p, const struct fhir_path_env *env,
                   const struct fhir_path_item *focus)
{
    struct fhir_path_item stack[PATH_STACK];
    struct path_eval e;
    struct path_frame f;
    begin(&e, &f, p, env, focus, stack, NULL);
    return fhir_fp_truth(&e, p->start, &f);
}
