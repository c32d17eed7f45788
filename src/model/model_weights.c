/* SPDX-License-Identifier: Apache-2.0 */
/* model_weights -- where the float32 weights stand in a file that has been read: arrays
 * `split_conditions` and `weights` of XGBoost in JSON or UBJ; of ONNX the tensors of
 * floats (raw or listed) and the attributes that hold lists of floats. Offsets only:
 * whoever alters a copy goes through model_load() again. */
#include <math.h>

#include "model/model_onnx_priv.h"
#include "model/model_pb.h"
#include "model/model_tape.h"
#include "stat/stat.h"

struct scan {
    struct str bytes;
    model_weight_fn *fn;
    void *cookie;
};

static const char *const arrays[] = {"split_conditions", "weights"};

static bool is_array(struct str key)
{
    for (size_t i = 0; i < AM_LEN(arrays); i++)
        if (str_eqc(key, arrays[i]))
            return true;
    return false;
}

/* ---- JSON ---------------------------------------------------------------------------
 */
static size_t skip_space(struct str b, size_t i)
{
    while (i < b.n && (unsigned char)b.p[i] <= ' ')
        i++;
    return i;
}

/* From behind the opening quote to behind the closing one. */
static size_t skip_string(struct str b, size_t i)
{
    for (; i < b.n && b.p[i] != '"'; i++)
        i += b.p[i] == '\\';
    return i + 1;
}

static int numbers_of(const struct scan *s, size_t *at)
{
    struct str b = s->bytes;
    size_t i = *at;
    int err = AM_OK;
    while (!err && i < b.n && b.p[i] != ']') {
        size_t from = i = skip_space(b, i);
        double v;
        while (i < b.n && b.p[i] != ',' && b.p[i] != ']' && (unsigned char)b.p[i] > ' ')
            i++;
        if (!str_double(str_sub(b, from, i), &v)) {
            struct model_weight w = {.at = from, .size = i - from, .value = (float)v};
            err = s->fn(s->cookie, &w);
        }
        i = skip_space(b, i);
        i += i < b.n && b.p[i] == ',';
    }
    *at = i;
    return err;
}

static int scan_json(const struct scan *s)
{
    struct str b = s->bytes;
    size_t i = 0;
    int err = AM_OK;
    while (i < b.n && !err) {
        size_t from = i + 1, end;
        if (b.p[i++] != '"')
            continue;
        end = skip_string(b, from);
        i = skip_space(b, end);
        if (i >= b.n || b.p[i] != ':' || !is_array(str_sub(b, from, end - 1)))
            continue;
        i = skip_space(b, i + 1);
        if (i < b.n && b.p[i] == '[') {
            i++;
            err = numbers_of(s, &i);
        }
    }
    return err;
}

/* ---- UBJ: NAME [$d# count, then big-endian floats -------------------------------------
 */
static bool ubj_count(struct str b, size_t *i, uint64_t *n)
{
    size_t width;
    if (*i >= b.n)
        return false;
    switch (b.p[*i]) {
    case 'i':
    case 'U':
        width = 1;
        break;
    case 'I':
        width = 2;
        break;
    case 'l':
        width = 4;
        break;
    case 'L':
        width = 8;
        break;
    default:
        return false;
    }
    if (b.n - *i - 1 < width)
        return false;
    *n = 0;
    for (size_t k = 1; k <= width; k++)
        *n = *n << 8 | (unsigned char)b.p[*i + k];
    *i += 1 + width;
    return true;
}

static int scan_ubj_array(const struct scan *s, size_t *at, size_t name)
{
    static const char head[] = "[$d#";
    struct str b = s->bytes;
    size_t i = *at + name + sizeof head - 1;
    uint64_t n;
    int err = AM_OK;
    if (i > b.n || memcmp(b.p + *at + name, head, sizeof head - 1) != 0 ||
        !ubj_count(b, &i, &n) || n > (b.n - i) / 4) {
        *at += name;
        return AM_OK;
    }
    for (; n && !err; n--, i += 4) {
        const uint8_t *p = (const uint8_t *)b.p + i;
        uint32_t bits =
            (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        struct model_weight w = {.at = i, .size = 4, .form = MODEL_WEIGHT_BE};
        memcpy(&w.value, &bits, sizeof bits);
        err = s->fn(s->cookie, &w);
    }
    *at = i;
    return err;
}

static int scan_ubj(const struct scan *s)
{
    struct str b = s->bytes;
    size_t i = 0;
    int err = AM_OK;
    while (i < b.n && !err) {
        bool found = false;
        for (size_t k = 0; k < AM_LEN(arrays) && !found && !err; k++) {
            size_t n = strlen(arrays[k]);
            found = i && b.n - i > n && (size_t)b.p[i - 1] == n && /* its length */
                    !memcmp(b.p + i, arrays[k], n);
            if (found)
                err = scan_ubj_array(s, &i, n);
        }
        i += !found;
    }
    return err;
}

/* ---- ONNX -----------------------------------------------------------------------------
 */
static int floats_at(const struct scan *s, struct str run)
{
    int err = AM_OK;
    size_t from = (size_t)(run.p - s->bytes.p);
    for (size_t i = 0; i + 4 <= run.n && !err; i += 4) {
        struct model_weight w = {.at = from + i, .size = 4, .form = MODEL_WEIGHT_LE};
        memcpy(&w.value, run.p + i, sizeof w.value);
        err = s->fn(s->cookie, &w);
    }
    return err;
}

/* Floats of a message: field `packed` in a run or one by one, field `raw` when float. */
static int onnx_floats(const struct scan *s, struct pb m, uint32_t listed, uint32_t raw)
{
    struct pb type = m;
    struct pb_field f;
    uint64_t dtype = raw ? 0 : MODEL_F32;
    int err;
    while (raw && !model_pb_next(&type, &f))
        if (f.number == 2 && f.wire == PB_VARINT)
            dtype = f.value;
    if (dtype != MODEL_F32)
        return AM_OK;
    while (!(err = model_pb_next(&m, &f))) {
        if (f.wire == PB_BYTES && (f.number == listed || (raw && f.number == raw)))
            err = floats_at(s, f.bytes);
        else if (f.wire == PB_FIXED32 && f.number == listed)
            err = floats_at(s, (struct str){(const char *)m.p - 4, 4});
        if (err)
            return err;
    }
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

enum { /* field numbers of onnx.proto */
       IN_MODEL_GRAPH = 7,
       IN_GRAPH_NODE = 1,
       IN_GRAPH_INITIALIZER = 5,
       IN_NODE_ATTRIBUTE = 5,
       IN_ATTRIBUTE_TENSOR = 5,
       IN_ATTRIBUTE_FLOATS = 7,
       IN_TENSOR_FLOATS = 4,
       IN_TENSOR_RAW = 9
};

static int onnx_attribute(const struct scan *s, struct pb m)
{
    struct pb_field f;
    int err = onnx_floats(s, m, IN_ATTRIBUTE_FLOATS, 0);
    while (!err && !(err = model_pb_next(&m, &f)))
        if (f.wire == PB_BYTES && f.number == IN_ATTRIBUTE_TENSOR)
            err = onnx_floats(s, model_pb_sub(&m, &f), IN_TENSOR_FLOATS, IN_TENSOR_RAW);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int onnx_node(const struct scan *s, struct pb m)
{
    struct pb_field f;
    int err = AM_OK;
    while (!err && !(err = model_pb_next(&m, &f)))
        if (f.wire == PB_BYTES && f.number == IN_NODE_ATTRIBUTE)
            err = onnx_attribute(s, model_pb_sub(&m, &f));
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int onnx_graph(const struct scan *s, struct pb m)
{
    struct pb_field f;
    int err = AM_OK;
    while (!err && !(err = model_pb_next(&m, &f))) {
        if (f.wire != PB_BYTES)
            continue;
        if (f.number == IN_GRAPH_NODE)
            err = onnx_node(s, model_pb_sub(&m, &f));
        else if (f.number == IN_GRAPH_INITIALIZER)
            err = onnx_floats(s, model_pb_sub(&m, &f), IN_TENSOR_FLOATS, IN_TENSOR_RAW);
    }
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

static int scan_onnx(const struct scan *s)
{
    const uint8_t *p = (const uint8_t *)s->bytes.p;
    struct diag own;
    struct pb m = {.file = p, .p = p, .end = p + s->bytes.n, .d = &own};
    struct pb_field f;
    int err = AM_OK;
    diag_init(&own);
    while (!err && !(err = model_pb_next(&m, &f)))
        if (f.wire == PB_BYTES && f.number == IN_MODEL_GRAPH)
            err = onnx_graph(s, model_pb_sub(&m, &f));
    diag_release(&own);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

int model_weights_scan(struct str bytes, model_weight_fn *fn, void *cookie)
{
    const struct scan s = {bytes, fn, cookie};
    switch (model_sniff(bytes)) {
    case MODEL_XGB_JSON:
        return scan_json(&s);
    case MODEL_XGB_UBJ:
        return scan_ubj(&s);
    case MODEL_ONNX:
        return scan_onnx(&s);
    }
    return AM_E_INVALID;
}

/* ---- a few of them --------------------------------------------------------------------
 */
struct choice {
    struct model_weight *top;
    size_t tops, top_max;
    uint64_t total, *pick, at; /* ordinals, rising */
    struct model_weight *out;
    size_t picks, picked;
};

/* Keeps the largest, ordered; of equal ones the first of the file. */
static int take_top(void *cookie, const struct model_weight *w)
{
    struct choice *c = cookie;
    size_t i = c->tops;
    c->total++;
    if (!c->top_max || !isfinite(w->value))
        return AM_OK;
    while (i && fabsf(c->top[i - 1].value) < fabsf(w->value))
        i--;
    if (i == c->top_max)
        return AM_OK;
    c->tops += c->tops < c->top_max;
    memmove(c->top + i + 1, c->top + i, (c->tops - 1 - i) * sizeof *c->top);
    c->top[i] = *w;
    return AM_OK;
}

static int take_picks(void *cookie, const struct model_weight *w)
{
    struct choice *c = cookie;
    while (c->picked < c->picks && c->pick[c->picked] == c->at)
        c->out[c->picked++] = *w;
    c->at++;
    return AM_OK;
}

static int by_ordinal(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int model_weights_choose(struct str bytes, uint64_t seed, size_t top, size_t picks,
                         struct model_weight *out, size_t *tops, size_t *picked,
                         uint64_t *total)
{
    struct choice c = {.top = out, .top_max = top};
    struct stat_rng r;
    int err = model_weights_scan(bytes, take_top, &c);
    if (err)
        return err;
    c.out = out + c.tops;
    c.picks = (size_t)AM_MIN((uint64_t)picks, c.total);
    c.pick = am_malloc((c.picks + 1) * sizeof *c.pick);
    if (!c.pick)
        return AM_E_NOMEM;
    stat_rng_init(&r, seed, 0, 0);
    for (size_t i = 0; i < c.picks; i++)
        c.pick[i] = c.total <= picks ? i : stat_rng_below(&r, c.total);
    qsort(c.pick, c.picks, sizeof *c.pick, by_ordinal);
    err = model_weights_scan(bytes, take_picks, &c);
    free(c.pick);
    *tops = c.tops;
    *picked = c.picked;
    *total = c.total;
    return err;
}

/* ---- a copy that differs by one bit
 * ----------------------------------------------------- */
static int add_text(struct buf *out, float v)
{
    char text[MODEL_FLOAT_TEXT];
    if (isnan(v))
        return buf_adds(out, "NaN");
    if (isinf(v))
        return buf_adds(out, v < 0 ? "-Infinity" : "Infinity");
    return buf_adds(out, model_float_text(v, text));
}

static int weight_flip(struct str bytes, const struct model_weight *w, unsigned bit,
                       struct buf *out)
{
    uint32_t bits;
    uint8_t four[4];
    float v = w->value;
    int err;
    if (w->at > bytes.n || w->size > bytes.n - w->at || bit > 31 ||
        (w->form != MODEL_WEIGHT_TEXT && w->size != 4))
        return AM_E_INVALID;
    memcpy(&bits, &v, sizeof bits);
    bits ^= UINT32_C(1) << bit;
    memcpy(&v, &bits, sizeof v);
    for (unsigned i = 0; i < 4; i++)
        four[i] = (uint8_t)(bits >> (w->form == MODEL_WEIGHT_BE ? 24 - 8 * i : 8 * i));
    err = buf_add(out, str_sub(bytes, 0, w->at));
    if (!err)
        err = w->form == MODEL_WEIGHT_TEXT ? add_text(out, v)
                                           : buf_add(out, (struct str){(char *)four, 4});
    return err ? err : buf_add(out, str_sub(bytes, w->at + w->size, bytes.n));
}

int model_weight_flip(struct str bytes, const struct model_weight *w, unsigned bit,
                      struct buf *out)
{
    const double q[] = {(double)w->at, (double)w->size, w->form, (double)w->value, bit};
    size_t n;
    int err;
    model_tape_asked(TAPE_FLIP, q, AM_LEN(q));
    if (model_tape_plays())
        return model_tape_take(TAPE_FLIP, NULL, 0, &n);
    err = weight_flip(bytes, w, bit, out);
    model_tape_put(TAPE_FLIP, err, NULL, 0);
    return err;
}
