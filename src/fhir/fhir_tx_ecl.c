/* SPDX-License-Identifier: Apache-2.0 */
/* Expression constraints of SNOMED CT (ECL 2.2, brief syntax): is a text one, and, of
 * those made of concepts, the hierarchy, AND, OR and MINUS, is a concept among them.
 * Refinements, dotted attributes, members of reference sets, filters and history are
 * read, so that a mistake in them is found, and not evaluated: ECL_OTHER. */
#include "fhir/fhir_tx_priv.h"

enum ecl_kind { ECL_ANY, ECL_CODE, ECL_AND, ECL_OR, ECL_MINUS, ECL_OTHER };
/* Which concepts of the hierarchy about a code. */
enum ecl_op {
    ECL_SELF,
    ECL_BELOW,
    ECL_UNDER,
    ECL_ABOVE,
    ECL_OVER,
    ECL_CHILD,
    ECL_PARENT
};
enum { ECL_NODES = 256, ECL_DEPTH = 40 };

struct ecl_node {
    enum ecl_kind kind;
    enum ecl_op op;
    bool self;       /* "<<!", ">>!": the code too */
    struct str code; /* of ECL_CODE */
    uint16_t a, b;   /* operands */
};
struct fhir_ecl {
    struct ecl_node node[ECL_NODES];
    uint16_t n, root;
};
struct ecl_read {
    struct str s;
    size_t i;
    int depth;
    bool open; /* a comment does not end */
    struct fhir_ecl *out;
};

/* ---- what is there ---- */
static char ecl_peek(const struct ecl_read *r)
{
    return r->i < r->s.n ? r->s.p[r->i] : 0;
}

/* Blanks and comments. false: a comment that does not end. */
static bool ecl_skip(struct ecl_read *r)
{
    for (;;) {
        while (strchr(" \t\r\n", ecl_peek(r)) && ecl_peek(r))
            r->i++;
        if (!str_starts(str_sub(r->s, r->i, r->s.n), STR("/*")))
            return true;
        r->i += 2;
        while (r->i < r->s.n && !str_starts(str_sub(r->s, r->i, r->s.n), STR("*/")))
            r->i++;
        r->open |= r->i >= r->s.n;
        if (r->open)
            return false;
        r->i += 2;
    }
}

static bool ecl_take(struct ecl_read *r, const char *sign)
{
    if (!ecl_skip(r) || !str_starts(str_sub(r->s, r->i, r->s.n), str_c(sign)))
        return false;
    r->i += strlen(sign);
    return true;
}

static bool ecl_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool ecl_word(struct ecl_read *r, const char *word)
{
    size_t n = strlen(word);
    if (!ecl_skip(r) || r->i + n > r->s.n ||
        !str_eq_nocase(str_sub(r->s, r->i, r->i + n), str_c(word)) ||
        (r->i + n < r->s.n && ecl_letter(r->s.p[r->i + n])))
        return false;
    r->i += n;
    return true;
}

static bool ecl_node(struct ecl_read *r, struct ecl_node n, uint16_t *at)
{
    if (r->out->n >= ECL_NODES)
        return false;
    r->out->node[r->out->n] = n;
    *at = r->out->n++;
    return true;
}

/* "{{ ... }}" or "[ ... ]": up to the end, with texts in between. */
static bool ecl_until(struct ecl_read *r, const char *end)
{
    bool quoted = false;
    for (; r->i < r->s.n; r->i++) {
        if (r->s.p[r->i] == '\\' && quoted)
            r->i++;
        else if (r->s.p[r->i] == '"')
            quoted = !quoted;
        else if (!quoted && str_starts(str_sub(r->s, r->i, r->s.n), str_c(end))) {
            r->i += strlen(end);
            return true;
        }
    }
    return false;
}

/* ---- the grammar ---- */
static bool ecl_constraint(struct ecl_read *r, uint16_t *at);

/* An identifier of 6 to 18 digits, perhaps with its term between bars. */
static bool ecl_code(struct ecl_read *r, struct str *code)
{
    size_t from;
    if (!ecl_skip(r))
        return false;
    from = r->i;
    while (ecl_peek(r) >= '0' && ecl_peek(r) <= '9')
        r->i++;
    *code = str_sub(r->s, from, r->i);
    if (code->n < 6 || code->n > 18 || code->p[0] == '0')
        return false;
    if (!ecl_take(r, "|"))
        return true;
    while (r->i < r->s.n && ecl_peek(r) != '|')
        r->i++;
    return ecl_take(r, "|");
}

static void ecl_operator(struct ecl_read *r, struct ecl_node *n)
{
    static const struct {
        const char *sign;
        enum ecl_op op;
        bool self;
    } ops[] = {{"<<!", ECL_CHILD, true},  {"<!", ECL_CHILD, false},
               {"<<", ECL_BELOW, false},  {"<", ECL_UNDER, false},
               {">>!", ECL_PARENT, true}, {">!", ECL_PARENT, false},
               {">>", ECL_ABOVE, false},  {">", ECL_OVER, false}};
    if (ecl_take(r, "!!>") || ecl_take(r, "!!<")) {
        n->kind = ECL_OTHER;
        return;
    }
    for (size_t i = 0; i < AM_LEN(ops); i++)
        if (ecl_take(r, ops[i].sign)) {
            n->op = ops[i].op;
            n->self = ops[i].self;
            return;
        }
}

/* Behind a concept: filters, and history ("+HISTORY-MOD"). */
static bool ecl_supplements(struct ecl_read *r, struct ecl_node *n)
{
    while (ecl_take(r, "{{")) {
        n->kind = ECL_OTHER;
        if (!ecl_until(r, "}}"))
            return false;
    }
    return true;
}

static bool ecl_sub(struct ecl_read *r, uint16_t *at)
{
    struct ecl_node n = {.kind = ECL_CODE};
    ecl_operator(r, &n);
    if (ecl_take(r, "^")) {
        n.kind = ECL_OTHER;
        if (ecl_take(r, "[") && !ecl_until(r, "]"))
            return false;
    }
    if (ecl_take(r, "(")) {
        uint16_t inner;
        bool plain = n.kind == ECL_CODE && n.op == ECL_SELF;
        if (!ecl_constraint(r, &inner) || !ecl_take(r, ")"))
            return false;
        if (plain) {
            *at = inner;
            n = r->out->node[inner];
            if (!ecl_supplements(r, &n))
                return false;
            r->out->node[inner].kind = n.kind;
            return true;
        }
        n.kind = ECL_OTHER;
    } else if (ecl_take(r, "*")) {
        if (n.kind == ECL_CODE)
            n.kind = n.op == ECL_SELF || n.op == ECL_BELOW || n.op == ECL_ABOVE
                         ? ECL_ANY
                         : ECL_OTHER;
    } else if (!ecl_code(r, &n.code)) {
        return false;
    }
    return ecl_supplements(r, &n) && ecl_node(r, n, at);
}

/* Behind its first quote. */
static bool ecl_text(struct ecl_read *r)
{
    for (; r->i < r->s.n; r->i++)
        if (r->s.p[r->i] == '\\')
            r->i++;
        else if (r->s.p[r->i] == '"') {
            r->i++;
            return true;
        }
    return false;
}

/* "#5", "#-1.5", a text, true, or an expression. */
static bool ecl_value(struct ecl_read *r)
{
    uint16_t at;
    if (ecl_take(r, "#")) {
        size_t from = r->i;
        while (ecl_peek(r) && strchr("+-.0123456789", ecl_peek(r)))
            r->i++;
        return r->i > from;
    }
    if (ecl_take(r, "\""))
        return ecl_text(r);
    if (ecl_word(r, "true") || ecl_word(r, "false"))
        return true;
    return ecl_sub(r, &at);
}

static bool ecl_attribute(struct ecl_read *r)
{
    static const char *const compare[] = {"!=", "<=", ">=", "=", "<", ">"};
    uint16_t at;
    if (ecl_take(r, "[") && !ecl_until(r, "]"))
        return false;
    (void)(ecl_word(r, "R") || ecl_word(r, "reverseOf"));
    if (!ecl_sub(r, &at))
        return false;
    for (size_t i = 0; i < AM_LEN(compare); i++)
        if (ecl_take(r, compare[i]))
            return ecl_value(r);
    return false;
}

static bool ecl_refinement(struct ecl_read *r);

static bool ecl_group(struct ecl_read *r)
{
    size_t from = r->i;
    bool ok;
    if (r->depth >= ECL_DEPTH)
        return false;
    if (ecl_take(r, "[") && !ecl_until(r, "]"))
        return false;
    r->depth++;
    if (ecl_take(r, "{"))
        ok = ecl_refinement(r) && ecl_take(r, "}");
    else if (r->i == from && ecl_take(r, "("))
        ok = ecl_refinement(r) && ecl_take(r, ")");
    else {
        r->i = from;
        ok = ecl_attribute(r);
    }
    r->depth--;
    return ok;
}

static bool ecl_refinement(struct ecl_read *r)
{
    do {
        if (!ecl_group(r))
            return false;
    } while (ecl_take(r, ",") || ecl_word(r, "AND") || ecl_word(r, "OR"));
    return true;
}

/* One connective at a time: A AND B OR C is written with brackets. */
static bool ecl_compound(struct ecl_read *r, uint16_t *at)
{
    static const struct {
        const char *word;
        enum ecl_kind kind;
    } words[] = {{"AND", ECL_AND}, {"OR", ECL_OR}, {"MINUS", ECL_MINUS}};
    const char *was = NULL;
    for (;;) {
        struct ecl_node n = {.kind = ECL_OTHER, .a = *at};
        const char *is = NULL;
        for (size_t i = 0; i < AM_LEN(words) && !is; i++)
            if (ecl_word(r, words[i].word) ||
                (words[i].kind == ECL_AND && ecl_take(r, ","))) {
                is = words[i].word;
                n.kind = words[i].kind;
            }
        if (!is)
            return true;
        if (was && (strcmp(was, is) != 0 || n.kind == ECL_MINUS))
            return false;
        was = is;
        if (!ecl_sub(r, &n.b) || !ecl_node(r, n, at))
            return false;
    }
}

static bool ecl_constraint(struct ecl_read *r, uint16_t *at)
{
    bool ok;
    if (r->depth >= ECL_DEPTH)
        return false;
    r->depth++;
    ok = ecl_sub(r, at);
    if (ok && ecl_take(r, ":")) {
        ok = ecl_refinement(r) && ecl_node(r, (struct ecl_node){.kind = ECL_OTHER}, at);
    } else if (ok && ecl_take(r, ".")) {
        uint16_t name;
        do
            ok = ecl_sub(r, &name);
        while (ok && ecl_take(r, "."));
        ok = ok && ecl_node(r, (struct ecl_node){.kind = ECL_OTHER}, at);
    } else if (ok) {
        ok = ecl_compound(r, at);
    }
    r->depth--;
    return ok;
}

int fhir_ecl_read(struct str s, struct fhir_ecl **out)
{
    struct fhir_ecl *e = am_calloc(1, sizeof *e);
    struct ecl_read r = {.s = s, .out = e};
    bool ok;
    if (!e)
        return AM_E_NOMEM;
    ok = s.n && ecl_constraint(&r, &e->root) && ecl_skip(&r) && !r.open && r.i == s.n;
    if (ok)
        *out = e;
    else
        free(e);
    return ok ? AM_OK : AM_E_INVALID;
}

void fhir_ecl_free(struct fhir_ecl *e)
{
    free(e);
}

/* ---- is a concept among them? ---- */
static bool ecl_next_to(const struct fhir_tx_system *s, uint32_t of, uint32_t c, bool up)
{
    size_t n;
    const uint32_t *v = up ? fhir_tx_parents(s, of, &n) : fhir_tx_children(s, of, &n);
    for (size_t i = 0; i < n; i++)
        if (v[i] == c)
            return true;
    return false;
}

static int ecl_leaf(const struct ecl_node *n, const struct fhir_tx_system *s, uint32_t c,
                    bool *in, struct str *absent)
{
    uint32_t of = fhir_tx_find(s, n->code);
    if (of == FHIR_TX_NONE) {
        *absent = n->code;
        return AM_E_NOTFOUND;
    }
    switch (n->op) {
    case ECL_SELF:
        *in = c == of;
        break;
    case ECL_BELOW:
    case ECL_UNDER:
        *in = fhir_tx_subsumes(s, of, c) && (n->op == ECL_BELOW || c != of);
        break;
    case ECL_ABOVE:
    case ECL_OVER:
        *in = fhir_tx_subsumes(s, c, of) && (n->op == ECL_ABOVE || c != of);
        break;
    default:
        *in = (n->self && c == of) || ecl_next_to(s, of, c, n->op == ECL_PARENT);
    }
    return AM_OK;
}

/* A chain of ANDs leans to the left, so depth is bounded by ECL_NODES. */
static int ecl_has(const struct fhir_ecl *e, uint16_t at, const struct fhir_tx_system *s,
                   uint32_t c, bool *in, struct str *absent)
{
    const struct ecl_node *n = &e->node[at];
    bool a = false, b = false;
    int err;
    if (n->kind == ECL_OTHER)
        return AM_E_UNSUPPORTED;
    if (n->kind == ECL_CODE)
        return ecl_leaf(n, s, c, in, absent);
    if (n->kind == ECL_ANY) {
        *in = true;
        return AM_OK;
    }
    err = ecl_has(e, n->a, s, c, &a, absent);
    if (!err) /* both, so that what cannot be told is told of every concept */
        err = ecl_has(e, n->b, s, c, &b, absent);
    *in = n->kind == ECL_AND ? a && b : n->kind == ECL_OR ? a || b : a && !b;
    return err;
}

int fhir_ecl_has(const struct fhir_ecl *e, const struct fhir_tx_system *s, uint32_t c,
                 bool *in, struct str *absent)
{
    return ecl_has(e, e->root, s, c, in, absent);
}

/* What all of them are under, so that not every concept has to be looked at. */
uint32_t fhir_ecl_within(const struct fhir_ecl *e, const struct fhir_tx_system *s)
{
    uint16_t at = e->root;
    while (e->node[at].kind == ECL_AND || e->node[at].kind == ECL_MINUS)
        at = e->node[at].a;
    return e->node[at].kind == ECL_CODE &&
                   (e->node[at].op == ECL_BELOW || e->node[at].op == ECL_UNDER)
               ? fhir_tx_find(s, e->node[at].code)
               : FHIR_TX_NONE;
}
