/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the files fhir_path_*.c.
 *
 * The text becomes an array of struct path_op, children before parents. Evaluation keeps
 * one stack of items: evaluating an op pushes its collection on top, and whoever asked
 * takes it away again, so that most expressions need no memory but the first block. */
#ifndef FHIR_PATH_PRIV_H
#define FHIR_PATH_PRIV_H

#include "base/vec.h"
#include "fhir/fhir_path_tbl.h"
#include "fhir/path.h"
#include "json/regex.h"

__extension__ typedef __int128 path_wide;

enum path_fn {
#define X(id, name, least, most, how) PATH_FN_##id,
    FHIR_PATH_FUNCTIONS(X)
#undef X
        PATH_FNS
};
enum path_code {
    PATH_CONST, /* constant[a] */
    PATH_NONE,  /* {} */
    PATH_THIS,
    PATH_INDEX,
    PATH_TOTAL,
    PATH_VAR,   /* %name */
    PATH_CHILD, /* a: base; name */
    PATH_ITEM,  /* a[b] */
    PATH_CALL,  /* a: base; arguments from arg[b] on */
    PATH_SIGN,  /* -a */
    PATH_PLUS,  /* +a */
    PATH_MUL,
    PATH_DIV,
    PATH_IDIV,
    PATH_MOD,
    PATH_ADD,
    PATH_SUB,
    PATH_CONCAT,
    PATH_UNION,
    PATH_LT,
    PATH_LE,
    PATH_GT,
    PATH_GE,
    PATH_EQ,
    PATH_NE,
    PATH_LIKE,   /* ~ */
    PATH_UNLIKE, /* !~ */
    PATH_IN,
    PATH_CONTAINS,
    PATH_AND,
    PATH_OR,
    PATH_XOR,
    PATH_IMPLIES,
    PATH_IS, /* a is type */
    PATH_AS
};
struct path_type {
    struct str space, name; /* space: "", "System", "FHIR" */
    uint16_t fhir;          /* number of the FHIR type, 0: none */
    int8_t system;          /* enum fhir_path_kind, -1: none */
};
struct path_op {
    uint8_t code, fn, argc;
    bool descending; /* an argument of sort() */
    uint16_t depth;
    uint32_t a, b;
    uint32_t at;           /* offset in the text */
    struct str name, side; /* CHILD: "given", "_given" */
    struct path_type type;
    struct json_regex *re; /* matches() with a constant */
};
struct fhir_path {
    struct arena arena;
    struct str text;
    unsigned flags;
    VEC(struct path_op) op;
    VEC(uint32_t) arg;
    VEC(struct fhir_path_item) constant;
    uint32_t start;
};

/* ---- the text ------------------------------------------------------------------------
 */
enum path_token {
    PATH_T_END,
    PATH_T_NAME, /* identifier; quoted when written between backticks */
    PATH_T_STRING,
    PATH_T_NUMBER,
    PATH_T_DATE, /* @...: date, dateTime or time */
    PATH_T_PUNCT
};
struct path_lexer {
    struct fhir_path *p;
    struct diag *d;
    size_t i;  /* after the token */
    size_t at; /* where it begins */
    enum path_token token;
    bool quoted;
    struct str text; /* NAME, STRING: unescaped; others: as written */
};
AM_CHECK int fhir_fp_lex(struct path_lexer *l);
AM_CHECK int fhir_fp_syntax(struct path_lexer *l, const char *what);
AM_CHECK int fhir_fp_parse(struct fhir_path *p, struct diag *d);

/* ---- evaluation ----------------------------------------------------------------------
 */
enum { PATH_STACK = 48 };
struct path_eval {
    const struct fhir_path *p;
    const struct fhir_path_env *env;
    struct diag *d;
    struct arena *arena;
    size_t steps; /* left */
    struct fhir_path_item *v;
    uint32_t n, cap;
    int64_t now_at;
    struct fhir_path_item focus; /* %context */
    bool has_focus;
};
struct path_frame {
    struct fhir_path_item self; /* $this */
    bool has;
    int64_t index;          /* -1: none */
    uint32_t total, totals; /* $total: on the stack */
};
/* Truth of a collection, or an error. */
enum path_tri { PATH_FALSE = 0, PATH_TRUE = 1, PATH_UNKNOWN = 2 };

AM_CHECK int fhir_fp_eval(struct path_eval *e, uint32_t op, const struct path_frame *f);
AM_CHECK int fhir_fp_truth(struct path_eval *e, uint32_t op, const struct path_frame *f);
AM_CHECK int fhir_fp_call(struct path_eval *e, const struct path_op *op,
                          const struct path_frame *f);
/* The items of base are on the stack from `from` on. */
AM_CHECK int fhir_fp_call_list(struct path_eval *e, const struct path_op *op,
                               const struct path_frame *f, uint32_t from);
AM_CHECK int fhir_fp_call_string(struct path_eval *e, const struct path_op *op,
                                 const struct path_frame *f, uint32_t from);
AM_CHECK int fhir_fp_call_number(struct path_eval *e, const struct path_op *op,
                                 const struct path_frame *f, uint32_t from);
AM_CHECK int fhir_fp_call_convert(struct path_eval *e, const struct path_op *op,
                                  const struct path_frame *f, uint32_t from);
AM_CHECK int fhir_fp_call_fhir(struct path_eval *e, const struct path_op *op,
                               const struct path_frame *f, uint32_t from);
AM_CHECK int fhir_fp_push(struct path_eval *e, const struct fhir_path_item *item);
AM_CHECK int fhir_fp_push_bool(struct path_eval *e, bool b);
AM_CHECK int fhir_fp_push_int(struct path_eval *e, int64_t i);
AM_CHECK int fhir_fp_push_str(struct path_eval *e, struct str s);
AM_CHECK int fhir_fp_push_dec(struct path_eval *e, struct fhir_decimal d);
AM_CHECK int fhir_fp_spend(struct path_eval *e, size_t steps);
AM_CHECK int fhir_fp_error(struct path_eval *e, const struct path_op *op,
                           const char *code);
/* One argument of a call, as a single value: *has false when it is empty. The stack is as
 * before. Takes the value out of an element. */
AM_CHECK int fhir_fp_arg(struct path_eval *e, const struct path_op *op, unsigned i,
                         const struct path_frame *f, struct fhir_path_item *out,
                         bool *has);
/* The same for the collection from `from` on, which stays. */
AM_CHECK int fhir_fp_one(struct path_eval *e, const struct path_op *op, uint32_t from,
                         struct fhir_path_item *out, bool *has);
AM_CHECK int fhir_fp_arg_int(struct path_eval *e, const struct path_op *op, unsigned i,
                             const struct path_frame *f, int64_t *out, bool *has);
AM_CHECK int fhir_fp_children(struct path_eval *e, struct fhir_path_item from);
AM_CHECK int fhir_fp_child(struct path_eval *e, const struct fhir_path_item *from,
                           struct str name, struct str side);
/* dedup what was pushed from `from` on */
AM_CHECK int fhir_fp_distinct(struct path_eval *e, uint32_t from, uint32_t known);
AM_CHECK int fhir_fp_is(struct path_eval *e, const struct fhir_path_item *item,
                        const struct path_type *t, bool exact);

/* ---- values --------------------------------------------------------------------------
 */
/* 1 equal, 0 not, PATH_UNKNOWN; negative: out of steps. like: ~ rather than =. */
AM_CHECK int fhir_fp_equal(struct path_eval *e, const struct fhir_path_item *a,
                           const struct fhir_path_item *b, bool like);
AM_CHECK int fhir_fp_equal_lists(struct path_eval *e, uint32_t a, uint32_t b,
                                 uint32_t end, bool like);
/* 1: *out is -1, 0 or 1. PATH_UNKNOWN: empty. AM_E_INVALID: not comparable. */
AM_CHECK int fhir_fp_compare(struct path_eval *e, const struct path_op *op,
                             const struct fhir_path_item *a,
                             const struct fhir_path_item *b, int *out);
AM_CHECK int fhir_fp_arith(struct path_eval *e, const struct path_op *op,
                           struct fhir_path_item *a, const struct fhir_path_item *b,
                           bool *has);

struct fhir_decimal fhir_fp_dec(path_wide v, int scale);
path_wide fhir_fp_dec_v(struct fhir_decimal d);
int fhir_fp_dec_cmp(struct fhir_decimal a, struct fhir_decimal b);
bool fhir_fp_dec_like(struct fhir_decimal a, struct fhir_decimal b);
bool fhir_fp_dec_add(struct fhir_decimal a, struct fhir_decimal b,
                     struct fhir_decimal *out);
bool fhir_fp_dec_mul(struct fhir_decimal a, struct fhir_decimal b,
                     struct fhir_decimal *out);
bool fhir_fp_dec_div(struct fhir_decimal a, struct fhir_decimal b,
                     struct fhir_decimal *out);
/* Towards zero (mode 0), down (-1), up (1), nearest (2), to that scale. */
struct fhir_decimal fhir_fp_dec_round(struct fhir_decimal a, int scale, int mode);
bool fhir_fp_dec_int(struct fhir_decimal d, int64_t *out); /* whole part, if it fits */
struct fhir_decimal fhir_fp_dec_of(double v);
AM_CHECK int fhir_fp_dec_text(struct fhir_decimal d, struct arena *arena,
                              struct str *out);
enum { PATH_DEC_TEXT = 56 };
struct str fhir_fp_dec_write(struct fhir_decimal d, char mem[PATH_DEC_TEXT]);

/* *out -1, 0, 1; false: not known at their precision. */
bool fhir_fp_when_cmp(const struct fhir_when *a, const struct fhir_when *b, int *out);
int fhir_fp_when_equal(const struct fhir_when *a, const struct fhir_when *b, bool like);
/* unit: a word (day, days) or a definite UCUM unit. AM_E_INVALID: no such unit of time.
 * AM_E_TOOBIG: past year 9999 or before 1. */
AM_CHECK int fhir_fp_when_add(struct fhir_when *w, bool time, struct fhir_decimal v,
                              struct str unit);
bool fhir_fp_when_boundary(struct fhir_when *w, enum fhir_path_kind kind, int64_t digits,
                           bool high);
int fhir_fp_when_digits(const struct fhir_when *w, enum fhir_path_kind kind);
void fhir_fp_when_now(int64_t at, struct fhir_when *out);
enum { PATH_WHEN_TEXT = 48 };
struct str fhir_fp_when_write(const struct fhir_when *w, enum fhir_path_kind kind,
                              char mem[PATH_WHEN_TEXT]);

/* "day", "days" -> "day"; STR_NULL: no calendar unit. */
struct str fhir_fp_calendar(struct str word);
/* 1, 0, PATH_UNKNOWN: not commensurable. */
AM_CHECK int fhir_fp_quantity_equal(const struct fhir_path_item *a,
                                    const struct fhir_path_item *b, bool like);
bool fhir_fp_quantity_cmp(const struct fhir_path_item *a, const struct fhir_path_item *b,
                          int *out);
bool fhir_fp_quantity_in(struct fhir_path_item *q, const struct fhir_path_item *unit);
bool fhir_fp_quantity_parse(struct str s, struct fhir_path_item *out);
AM_CHECK int fhir_fp_convert(struct path_eval *e, const struct fhir_path_item *in,
                             enum fhir_path_kind kind, struct fhir_path_item *out,
                             bool *has);
/* The value of an element, or the item itself. */
bool fhir_fp_value(struct arena *arena, const struct fhir_path_item *in,
                   struct fhir_path_item *out);
bool fhir_fp_html(struct str s);
AM_CHECK int fhir_fp_regex(enum path_fn fn, struct str pattern, struct json_regex **out,
                           const char **why);
/* A number as it was written. */
struct str fhir_fp_number(const struct json *v, char mem[JSON_NUM]);
uint32_t fhir_fp_utf8(struct str s, size_t *i); /* valid UTF-8 */
size_t fhir_fp_utf8_put(uint32_t cp, char *to); /* at most 4 bytes */
uint32_t fhir_fp_fold(uint32_t cp, bool upper);

/* ---- types ---------------------------------------------------------------------------
 */
uint16_t fhir_fp_type_find(struct str name);
struct str fhir_fp_type_name(uint16_t type);
bool fhir_fp_type_is(uint16_t type, uint16_t base);
bool fhir_fp_type_primitive(uint16_t type);
uint16_t fhir_fp_type_resource(const struct json *v);
/* What a member of that name is, and its type; the stem of a choice has none. */
enum path_member {
    PATH_MEMBER_NO,
    PATH_MEMBER_ONE,
    PATH_MEMBER_TYPED,  /* valueQuantity: right in JSON, wrong in a strict path */
    PATH_MEMBER_CHOICE, /* value */
    PATH_MEMBER_MAYBE   /* the type is not known */
};
/* May its value say a type of its own, as a resource does? */
bool fhir_fp_type_open(uint16_t type);
int fhir_fp_kind(uint16_t type);
enum path_member fhir_fp_member(uint16_t type, struct str name, uint16_t *member);
/* Of the member of an object: the type, by its JSON name (valueQuantity, given). */
uint16_t fhir_fp_member_json(uint16_t type, struct str json_name);
/* valueQuantity in v: "value" is there? *member its type. */
bool fhir_fp_member_choice(uint16_t type, struct str name, struct str json_name,
                           uint16_t *member);
/* Is it a quantity (Quantity, Age, Money is not)? */
bool fhir_fp_type_quantity(uint16_t type);

#endif
