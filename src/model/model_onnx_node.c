/* SPDX-License-Identifier: Apache-2.0 */
/* NodeProto: one operator, reduced to a text for the digest (type, wiring, attributes;
 * never its name or comments) and counted for the description. */
#include "model/model_onnx_priv.h"

enum { NODE_ATTRIBUTES_MAX = 64 };

struct node_attr {
    struct str name;
    struct crypto_sha256 h; /* over the value, in normal form */
};

static void attr_add64(struct node_attr *a, uint64_t v)
{
    crypto_sha256_add(&a->h, (struct str){(const char *)&v, sizeof v});
}

static int attr_tensor(struct pb *m, const struct pb_field *f, struct node_attr *a)
{
    struct onnx_tensor t;
    int err = model_pb_want(m, f, PB_BYTES, true);
    if (err)
        return err;
    err = model_onnx_tensor_read(model_pb_sub(m, f), &t);
    if (!err) {
        attr_add64(a, (uint64_t)t.dtype);
        attr_add64(a, t.rank);
        for (size_t i = 0; i < t.rank; i++)
            attr_add64(a, (uint64_t)t.dim[i]);
        crypto_sha256_add(&a->h, t.raw);
    }
    buf_release(&t.made);
    return err;
}

/* floats, ints: packed or one by one, to the same bytes. */
static int attr_list(struct pb *m, const struct pb_field *f, struct node_attr *a,
                     bool ints)
{
    struct str s = f->bytes;
    if (f->wire == (ints ? PB_VARINT : PB_FIXED32)) {
        crypto_sha256_add(&a->h, (struct str){(const char *)&f->value, ints ? 8 : 4});
        return AM_OK;
    }
    if (f->wire != PB_BYTES || (!ints && s.n % 4))
        return model_pb_bad(m, f, "model.protobuf", "a field of the wrong kind");
    if (!ints)
        crypto_sha256_add(&a->h, s);
    while (ints && s.n > 0) {
        uint64_t v = 0;
        if (model_pb_packed(&s, &v))
            return model_pb_bad(m, f, "model.protobuf", "a broken number");
        attr_add64(a, v);
    }
    return AM_OK;
}

static int attr_field(struct pb *m, const struct pb_field *f, struct node_attr *a)
{
    int err = AM_OK;
    /* Not for lists of numbers: packed or not would then make a difference. */
    if (f->number >= 2 && f->number <= 10 && f->number != 7 && f->number != 8)
        attr_add64(a, f->number);
    switch (f->number) {
    case 1:
        a->name = f->bytes;
        return model_pb_want(m, f, PB_BYTES, true);
    case 2:
    case 3:
        err = model_pb_want(m, f, f->number == 2 ? PB_FIXED32 : PB_VARINT, true);
        attr_add64(a, f->value);
        return err;
    case 4:
    case 9:
        err = model_pb_want(m, f, PB_BYTES, f->number == 4);
        attr_add64(a, f->bytes.n);
        if (!err)
            crypto_sha256_add(&a->h, f->bytes);
        return err;
    case 5:
        return attr_tensor(m, f, a);
    case 7:
    case 8:
        return attr_list(m, f, a, f->number == 8);
    case 6:
    case 11:
        return model_pb_bad(m, f, "model.onnx_subgraph",
                            "graphs inside operators are refused");
    case 13: /* doc_string */
        return model_pb_want(m, f, PB_BYTES, true);
    case 20: /* type */
        return model_pb_want(m, f, PB_VARINT, true);
    default:
        return model_pb_bad(m, f, "model.onnx_field", "an unknown field of an attribute");
    }
}

static int node_attribute(struct pb m, struct node_attr *a)
{
    struct pb_field f;
    int err;
    crypto_sha256_init(&a->h);
    a->name = STR_NULL;
    while (!(err = model_pb_next(&m, &f)))
        if ((err = attr_field(&m, &f, a)))
            return err;
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int attr_cmp(const void *a, const void *b)
{
    const struct node_attr *x = a, *y = b;
    return str_cmp(x->name, y->name);
}

static int node_text(struct buf *out, char kind, struct str s)
{
    int err = buf_addf(out, "%c%zu:", kind, s.n);
    return err ? err : buf_add(out, s);
}

static bool node_known_domain(struct str s)
{
    return s.n == 0 || str_eqc(s, "ai.onnx") || str_eqc(s, "ai.onnx.ml");
}

static void node_count(struct onnx_reader *r, struct str op)
{
    static const struct {
        const char *name;
        size_t at;
    } kinds[] = {
#define KIND(name, member) {name, offsetof(struct onnx_reader, member)}
        KIND("Gemm", dense),
        KIND("MatMul", dense),
        KIND("LinearClassifier", dense),
        KIND("LinearRegressor", dense),
        KIND("Conv", conv),
        KIND("LSTM", recurrent),
        KIND("GRU", recurrent),
        KIND("RNN", recurrent),
        KIND("LayerNormalization", attention),
        KIND("Attention", attention),
        KIND("TreeEnsembleClassifier", trees),
        KIND("TreeEnsembleRegressor", trees),
        KIND("TreeEnsemble", trees),
        KIND("Sigmoid", squash),
        KIND("LinearClassifier", squash),
        KIND("Softmax", squash),
#undef KIND
    };
    for (size_t i = 0; i < AM_LEN(kinds); i++)
        if (str_eqc(op, kinds[i].name))
            ++*(size_t *)(void *)((char *)r + kinds[i].at);
}

struct node {
    struct str op, domain;
    struct node_attr attr[NODE_ATTRIBUTES_MAX];
    size_t attrs;
};

static int node_field(struct onnx_reader *r, struct pb *m, const struct pb_field *f,
                      struct node *n)
{
    int err = model_pb_want(m, f, PB_BYTES,
                            f->number != 1 && f->number != 2 && f->number != 5 &&
                                f->number != 9);
    if (err)
        return err;
    switch (f->number) {
    case 1: /* input */
    case 2: /* output */
        return node_text(&r->ops, f->number == 1 ? 'i' : 'o', f->bytes);
    case 3: /* name */
    case 6: /* doc_string */
    case 9: /* metadata_props */
        return AM_OK;
    case 4:
        n->op = f->bytes;
        return AM_OK;
    case 5:
        if (n->attrs == NODE_ATTRIBUTES_MAX)
            return model_pb_bad(m, f, "model.toobig", "too many attributes");
        return node_attribute(model_pb_sub(m, f), &n->attr[n->attrs++]);
    case 7:
        n->domain = f->bytes;
        return node_known_domain(f->bytes) ? AM_OK
                                           : model_pb_bad(m, f, "model.onnx_domain",
                                                          "custom operators are refused");
    default: /* 8 overload: functions of the model's own */
        return model_pb_bad(m, f, "model.onnx_field", "an unknown field of an operator");
    }
}

static int node_finish(struct onnx_reader *r, struct pb *m, struct node *n)
{
    const struct pb_field here = {.at = m->end};
    int err;
    if (n->op.n == 0 || n->op.n > 100 || memchr(n->op.p, 0, n->op.n))
        return model_pb_bad(m, &here, "model.onnx_operator",
                            "an operator without a type");
    qsort(n->attr, n->attrs, sizeof n->attr[0], attr_cmp);
    err = node_text(&r->ops, 't', n->op);
    if (!err)
        err =
            node_text(&r->ops, 'd', str_eqc(n->domain, "ai.onnx") ? STR("") : n->domain);
    for (size_t i = 0; !err && i < n->attrs; i++) {
        uint8_t sum[CRYPTO_SHA256];
        char hex[CRYPTO_HEX];
        if (i > 0 && str_eq(n->attr[i].name, n->attr[i - 1].name))
            return model_pb_bad(m, &here, "model.protobuf", "an attribute comes twice");
        crypto_sha256_end(&n->attr[i].h, sum);
        err = node_text(&r->ops, 'a', n->attr[i].name);
        if (!err)
            err = buf_adds(&r->ops, crypto_hex(sum, sizeof sum, hex));
    }
    node_count(r, n->op);
    return err ? err : buf_addc(&r->ops, '\n');
}

int model_onnx_node_read(struct onnx_reader *r, struct pb m)
{
    struct pb_field f;
    struct node *n;
    int err;
    if (++r->nodes > ONNX_NODES_MAX) {
        const struct pb_field here = {.at = m.p};
        return model_pb_bad(&m, &here, "model.toobig", "too many operators");
    }
    n = am_calloc(1, sizeof *n);
    if (!n)
        return AM_E_NOMEM;
    while (!(err = model_pb_next(&m, &f)))
        if ((err = node_field(r, &m, &f, n)))
            break;
    if (err == AM_E_NOTFOUND)
        err = node_finish(r, &m, n);
    free(n);
    return err;
}
