/* SPDX-License-Identifier: Apache-2.0 */
/* json_regex_match -- the machine that runs a compiled expression. */
#include "json/json_priv.h"
#include "json/json_regex_priv.h"

enum { JSON_REGEX_SMALL = 256 }; /* programs up to this run without malloc */

/* The set of program places alive at one position: a sparse set (Briggs and Torczon
 * 1993), emptied in constant time and never initialised. */
struct json_live {
    uint16_t *dense, *sparse;
    size_t n;
};

struct json_machine {
    const struct json_regex *re;
    struct json_live now, next;
    uint16_t *ahead; /* places still to follow */
    struct str text;
    uint32_t before,
        after; /* code points around the position; JSON_NO_CHAR at the ends */
};

#define JSON_NO_CHAR UINT32_MAX

static bool json_run_has(const struct json_category *t, uint32_t cp)
{
    size_t lo = 0, hi = t->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct json_run *r = &t->run[mid];
        if (cp < r->lo)
            hi = mid;
        else if (cp > r->hi)
            lo = mid + 1;
        else
            return (cp - r->lo) % r->stride == 0;
    }
    return false;
}

bool json_class_has(const struct json_regex *re, const struct json_class *c, uint32_t cp)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct json_class_item *it = &re->item[c->from + i];
        bool in = it->table ? json_run_has(it->table, cp) : cp >= it->lo && cp <= it->hi;
        if (in != it->negated)
            return !c->negated;
    }
    return c->negated;
}

static bool json_live_add(struct json_live *l, size_t pc)
{
    size_t at = l->sparse[pc];
    if (at < l->n && l->dense[at] == pc)
        return false;
    l->sparse[pc] = (uint16_t)l->n;
    l->dense[l->n++] = (uint16_t)pc;
    return true;
}

/* Adds pc and all places reachable from it without reading. True when one is a match. */
static bool json_follow(struct json_machine *m, struct json_live *l, size_t pc)
{
    size_t n = 0;
    if (json_op_reads(&m->re->op[pc])) { /* most places: nothing to follow */
        json_live_add(l, pc);
        return false;
    }
    m->ahead[n++] = (uint16_t)pc;
    while (n) {
        const struct json_op *op;
        bool pass = true, word = json_word(m->before) != json_word(m->after);
        pc = m->ahead[--n];
        if (!json_live_add(l, pc))
            continue;
        op = &m->re->op[pc];
        switch (op->code) {
        case JSON_OP_MATCH:
            return true;
        case JSON_OP_SPLIT:
            m->ahead[n++] = (uint16_t)((int32_t)pc + op->y);
            m->ahead[n++] = (uint16_t)((int32_t)pc + op->x);
            continue;
        case JSON_OP_JUMP:
            m->ahead[n++] = (uint16_t)((int32_t)pc + op->x);
            continue;
        case JSON_OP_SAVE:
            break;
        case JSON_OP_BEGIN:
            pass = m->before == JSON_NO_CHAR;
            break;
        case JSON_OP_END:
            pass = m->after == JSON_NO_CHAR;
            break;
        case JSON_OP_WORD:
            pass = word;
            break;
        case JSON_OP_NOT_WORD:
            pass = !word;
            break;
        default: /* reads a character: waits for json_advance() */
            continue;
        }
        if (pass)
            m->ahead[n++] = (uint16_t)(pc + 1);
    }
    return false;
}

static bool json_run_machine(struct json_machine *m)
{
    bool anchored = m->re->op[0].code == JSON_OP_BEGIN;
    size_t i = 0, ahead;
    m->before = JSON_NO_CHAR;
    m->after = m->text.n ? json_utf8_next(m->text, &i) : JSON_NO_CHAR;
    for (;;) {
        uint32_t cp = m->after;
        struct json_live t;
        if ((!anchored || m->before == JSON_NO_CHAR) && json_follow(m, &m->now, 0))
            return true;
        if (cp == JSON_NO_CHAR || (anchored && m->now.n == 0))
            return false;
        ahead = i;
        m->before = cp;
        m->after = ahead < m->text.n ? json_utf8_next(m->text, &ahead) : JSON_NO_CHAR;
        m->next.n = 0;
        for (size_t k = 0; k < m->now.n; k++) {
            size_t pc = m->now.dense[k];
            if (json_op_takes(m->re, &m->re->op[pc], cp) &&
                json_follow(m, &m->next, pc + 1))
                return true;
        }
        i = ahead;
        t = m->now, m->now = m->next, m->next = t;
    }
}

/* Of the places reachable from pc without reading, the one that takes byte i of text:
 * *next, SIZE_MAX when none does. JSON_ONE_UNSURE: more than one, or too far to walk. */
enum json_one { JSON_ONE_GOES, JSON_ONE_MATCH, JSON_ONE_UNSURE };
static enum json_one json_one_step(const struct json_regex *re, struct str text, size_t i,
                                   size_t pc, size_t *next)
{
    enum { FAR = 24 }; /* also ends loops that read nothing */
    size_t ahead[FAR + 2], n = 0;
    *next = SIZE_MAX;
    ahead[n++] = pc;
    for (size_t steps = 0; n; steps++) {
        const struct json_op *op = &re->op[pc = ahead[--n]];
        if (steps == FAR || op->code == JSON_OP_WORD || op->code == JSON_OP_NOT_WORD)
            return JSON_ONE_UNSURE;
        if (op->code == JSON_OP_MATCH)
            return JSON_ONE_MATCH;
        if (op->code == JSON_OP_SPLIT)
            ahead[n++] = (size_t)((int64_t)pc + op->y);
        if (op->code == JSON_OP_SAVE) {
            ahead[n++] = pc + 1;
        } else if (op->code == JSON_OP_SPLIT || op->code == JSON_OP_JUMP) {
            ahead[n++] = (size_t)((int64_t)pc + op->x);
        } else if (op->code == JSON_OP_BEGIN || op->code == JSON_OP_END) {
            if (op->code == JSON_OP_BEGIN ? i == 0 : i == text.n)
                ahead[n++] = pc + 1;
        } else if (i < text.n && json_op_takes(re, op, (unsigned char)text.p[i])) {
            if (*next != SIZE_MAX && *next != pc)
                return JSON_ONE_UNSURE;
            *next = pc;
        }
    }
    return JSON_ONE_GOES;
}

/* The one place that can read next, before the end of the text: pc itself in a run
 * without choice ("[0-9a-f]{64}"), or the way in where the way out may only end
 * ("\\S*$"). SIZE_MAX: not so simple. */
static size_t json_one_reads(const struct json_regex *re, size_t pc)
{
    enum { HOPS = 4 };
    size_t out;
    for (int i = 0; i < HOPS && re->op[pc].code == JSON_OP_JUMP; i++)
        pc = (size_t)((int64_t)pc + re->op[pc].x);
    if (re->op[pc].code == JSON_OP_SPLIT) {
        out = (size_t)((int64_t)pc + re->op[pc].y);
        pc = (size_t)((int64_t)pc + re->op[pc].x);
        for (int i = 0; i < HOPS && re->op[out].code == JSON_OP_JUMP; i++)
            out = (size_t)((int64_t)out + re->op[out].x);
        if (re->op[out].code != JSON_OP_END)
            return SIZE_MAX;
    }
    return json_op_reads(&re->op[pc]) ? pc : SIZE_MAX;
}

/* Most patterns of schemas are anchored and never leave a choice: one place is alive, no
 * sets are needed. False: not such a pattern with this text, the machine must answer. */
static bool json_run_one(const struct json_regex *re, struct str text, bool *found)
{
    size_t pc = 0, next;
    if (re->op[0].code != JSON_OP_BEGIN)
        return false;
    for (size_t i = 0; i <= text.n; i++, pc = next + 1) {
        for (size_t at; i < text.n && (at = json_one_reads(re, pc)) != SIZE_MAX; i++) {
            if ((unsigned char)text.p[i] >= 0x80)
                return false;
            if (!json_op_takes(re, &re->op[at], (unsigned char)text.p[i])) {
                *found = false;
                return true;
            }
            pc = at + 1;
        }
        if (i < text.n && (unsigned char)text.p[i] >= 0x80)
            return false;
        switch (json_one_step(re, text, i, pc, &next)) {
        case JSON_ONE_UNSURE:
            return false;
        case JSON_ONE_MATCH:
            *found = true;
            return true;
        default:
            break;
        }
        if (next == SIZE_MAX)
            break;
    }
    *found = false;
    return true;
}

int json_regex_search(const struct json_regex *re, struct str text, bool *found)
{
    uint16_t small[JSON_REGEX_SMALL * 6], *mem = small;
    struct json_machine m = {.re = re, .text = text};
    size_t n = re->n;
    if (json_run_one(re, text, found))
        return AM_OK;
    if (n > JSON_REGEX_SMALL && !(mem = am_malloc(n * 6 * sizeof *mem)))
        return AM_E_NOMEM;
    /* sparse sets may read places never written: the answer is checked against dense */
    memset(mem, 0, n * 6 * sizeof *mem);
    m.now = (struct json_live){mem, mem + n, 0};
    m.next = (struct json_live){mem + 2 * n, mem + 3 * n, 0};
    m.ahead = mem + 4 * n; /* each place is pushed at most twice: once per way into it */
    *found = json_run_machine(&m);
    if (mem != small)
        free(mem);
    return AM_OK;
}
