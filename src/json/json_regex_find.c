/* SPDX-License-Identifier: Apache-2.0 */
/* json_regex_find -- where a match is, and its groups: the machine of json_regex_match.c
 * with threads in order of preference, each with what it remembers (Pike). Still linear:
 * a place of the program is entered once for each character. */
#include "json/json_priv.h"
#include "json/json_regex_priv.h"

enum { JSON_SLOTS = 2 * JSON_REGEX_GROUPS };
#define JSON_NO_CHAR UINT32_MAX

struct json_threads {
    uint32_t *pc;
    size_t *slot; /* JSON_SLOTS for each */
    size_t n;
};
struct json_step {
    uint32_t pc;
    int32_t slot; /* >= 0: put old back */
    size_t old;
};
struct json_finder {
    const struct json_regex *re;
    struct str text;
    uint32_t *seen, turn; /* place: last turn it was entered */
    struct json_step *ahead;
    uint32_t before, after;
    size_t at;
};

static bool json_passes(const struct json_finder *m, const struct json_op *op)
{
    bool word = json_word(m->before) != json_word(m->after);
    switch (op->code) {
    case JSON_OP_BEGIN:
        return m->before == JSON_NO_CHAR;
    case JSON_OP_END:
        return m->after == JSON_NO_CHAR;
    case JSON_OP_WORD:
        return word;
    case JSON_OP_NOT_WORD:
        return !word;
    default:
        return true;
    }
}

/* Adds the thread at pc, or those it becomes without reading, best first. */
static void json_enter(struct json_finder *m, struct json_threads *l, uint32_t pc,
                       size_t slot[JSON_SLOTS])
{
    size_t n = 0;
    m->ahead[n++] = (struct json_step){pc, -1, 0};
    while (n) {
        struct json_step s = m->ahead[--n];
        const struct json_op *op = &m->re->op[s.pc];
        if (s.slot >= 0) {
            slot[s.slot] = s.old;
            continue;
        }
        if (m->seen[s.pc] == m->turn)
            continue;
        m->seen[s.pc] = m->turn;
        if (op->code == JSON_OP_SPLIT) {
            m->ahead[n++] = (struct json_step){(uint32_t)((int64_t)s.pc + op->y), -1, 0};
            m->ahead[n++] = (struct json_step){(uint32_t)((int64_t)s.pc + op->x), -1, 0};
        } else if (op->code == JSON_OP_JUMP) {
            m->ahead[n++] = (struct json_step){(uint32_t)((int64_t)s.pc + op->x), -1, 0};
        } else if (op->code == JSON_OP_SAVE) {
            m->ahead[n++] = (struct json_step){s.pc, op->x, slot[op->x]};
            m->ahead[n++] = (struct json_step){s.pc + 1, -1, 0};
            slot[op->x] = m->at;
        } else if (json_op_reads(op) || op->code == JSON_OP_MATCH) {
            memcpy(&l->slot[l->n * JSON_SLOTS], slot, JSON_SLOTS * sizeof *slot);
            l->pc[l->n++] = s.pc;
        } else if (json_passes(m, op)) {
            m->ahead[n++] = (struct json_step){s.pc + 1, -1, 0};
        }
    }
}

/* Moves every thread over one character; a match ends those less preferred. */
static void json_walk(struct json_finder *m, const struct json_threads *now,
                      struct json_threads *next, uint32_t cp, size_t here,
                      size_t best[JSON_SLOTS], bool *found)
{
    for (size_t k = 0; k < now->n; k++) {
        const struct json_op *op = &m->re->op[now->pc[k]];
        size_t slot[JSON_SLOTS];
        memcpy(slot, &now->slot[k * JSON_SLOTS], sizeof slot);
        if (op->code == JSON_OP_MATCH) {
            memcpy(best, slot, sizeof slot);
            best[1] = here;
            *found = true;
            return;
        }
        if (cp != JSON_NO_CHAR && json_op_takes(m->re, op, cp))
            json_enter(m, next, now->pc[k] + 1, slot);
    }
}

static void json_find(struct json_finder *m, struct json_threads now,
                      struct json_threads next, size_t from, size_t best[JSON_SLOTS],
                      bool *found)
{
    size_t i = from, ahead;
    m->at = from;
    m->before = JSON_NO_CHAR;
    if (from) { /* what stands before: for ^ and \b */
        size_t k = from - 1;
        while (k && ((unsigned char)m->text.p[k] & 0xC0) == 0x80)
            k--;
        m->before = json_utf8_next(m->text, &k);
    }
    m->turn = 1;
    for (;;) {
        size_t here = i;
        uint32_t cp;
        struct json_threads t;
        ahead = i;
        cp = i < m->text.n ? json_utf8_next(m->text, &ahead) : JSON_NO_CHAR;
        m->after = cp;
        if (!*found) { /* a match may begin here, with the least preference */
            size_t slot[JSON_SLOTS];
            for (size_t k = 0; k < JSON_SLOTS; k++)
                slot[k] = SIZE_MAX;
            slot[0] = here;
            json_enter(m, &now, 0, slot);
        }
        if (now.n == 0 && *found)
            return;
        m->before = cp;
        i = ahead;
        m->at = i;
        m->turn++;
        {
            size_t later = i;
            m->after = i < m->text.n ? json_utf8_next(m->text, &later) : JSON_NO_CHAR;
        }
        next.n = 0;
        json_walk(m, &now, &next, cp, here, best, found);
        if (cp == JSON_NO_CHAR)
            return;
        t = now, now = next, next = t;
    }
}

int json_regex_find(const struct json_regex *re, struct str text, size_t from,
                    struct json_regex_span span[JSON_REGEX_GROUPS], bool *found)
{
    struct json_finder m = {.re = re, .text = text};
    struct json_threads now = {0}, next = {0};
    size_t best[JSON_SLOTS];
    int err = AM_E_NOMEM;
    *found = false;
    m.seen = am_calloc(re->n, sizeof *m.seen);
    m.ahead = am_malloc((2 * re->n + 4) * sizeof *m.ahead);
    now.pc = am_malloc(2 * re->n * sizeof *now.pc);
    now.slot = am_malloc(2 * re->n * JSON_SLOTS * sizeof *now.slot);
    if (m.seen && m.ahead && now.pc && now.slot) {
        next.pc = now.pc + re->n;
        next.slot = now.slot + re->n * JSON_SLOTS;
        json_find(&m, now, next, from, best, found);
        for (size_t k = 0; k < JSON_REGEX_GROUPS && *found; k++) {
            bool whole = best[2 * k] != SIZE_MAX && best[2 * k + 1] != SIZE_MAX;
            span[k] = (struct json_regex_span){whole ? best[2 * k] : 0,
                                               whole ? best[2 * k + 1] : SIZE_MAX};
        }
        err = AM_OK;
    }
    free(m.seen);
    free(m.ahead);
    free(now.pc);
    free(now.slot);
    return err;
}
