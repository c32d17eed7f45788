/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/hl7_map_priv.h"

/* ---- the nearest segment ---- */
static size_t only_one(const struct hl7 *m, const char *name)
{
    size_t at, more;
    if (hl7_segment(m, str_c(name), 1, &at))
        return SIZE_MAX;
    return hl7_segment(m, str_c(name), 2, &more) ? at : SIZE_MAX;
}

/* At `from` or the nearest before it; asked with growing `from`, or between what it found
 * last and where it was asked, it looks at each segment once. */
static size_t before(struct hl7_run *r, size_t from, const char *name)
{
    size_t i = 0, down = 0, found = SIZE_MAX;
    while (i < r->names && strcmp(r->near[i].name, name) != 0)
        i++;
    if (i < r->names && from <= r->near[i].from &&
        (r->near[i].found == SIZE_MAX || r->near[i].found <= from))
        return r->near[i].found;
    if (i < r->names && r->near[i].from <= from) {
        found = r->near[i].found;
        down = r->near[i].from + 1;
    }
    for (size_t k = from + 1; k-- > down;)
        if (str_eq(hl7_segment_name(r->m, k), str_c(name))) {
            found = k;
            break;
        }
    if (i == r->names && r->names < HL7_NAMES)
        r->names++;
    if (i < HL7_NAMES) {
        snprintf(r->near[i].name, sizeof r->near[i].name, "%s", name);
        r->near[i].from = from;
        r->near[i].found = found;
    }
    return found;
}

/* What is said once for an order: it stands anywhere between its ORC and the next. */
static const char *const once[HL7_ONCE] = {"TQ1", "RXR"};

static size_t of_order(const char *name)
{
    size_t i = 0;
    while (i < HL7_ONCE && strcmp(name, once[i]) != 0)
        i++;
    return i;
}

/* The first once[k] of the order of `from`, and how many there are. */
static size_t in_order(struct hl7_run *r, size_t from, size_t k, size_t *n)
{
    size_t orc = before(r, from, "ORC");
    size_t i = orc == SIZE_MAX ? 0 : orc + 1;
    if (!r->once[k].asked || r->once[k].orc != orc) {
        r->once[k].asked = true;
        r->once[k].orc = orc;
        r->once[k].first = SIZE_MAX;
        r->once[k].n = 0;
        for (; i < hl7_segments(r->m); i++) {
            if (str_eqc(hl7_segment_name(r->m, i), "ORC"))
                break;
            if (str_eqc(hl7_segment_name(r->m, i), once[k]) && r->once[k].n++ == 0)
                r->once[k].first = i;
        }
    }
    *n = r->once[k].n;
    return r->once[k].first;
}

/* Does it stand in the group of another patient? What stands before the first PID is of
 * the message. */
static bool of_another(struct hl7_run *r, size_t from, size_t found)
{
    size_t pid = before(r, found, "PID");
    return pid != SIZE_MAX && pid != before(r, from, "PID") &&
           only_one(r->m, "PID") == SIZE_MAX;
}

size_t hl7_near(struct hl7_run *r, const struct hl7_ctx *c, const char *name)
{
    size_t found, n, k = of_order(name);
    if (c->segment == SIZE_MAX)
        return hl7_segment(r->m, str_c(name), 1, &found) ? SIZE_MAX : found;
    if (k < HL7_ONCE) {
        found = in_order(r, c->segment, k, &n);
    } else {
        found = before(r, c->segment, name);
        /* Segments out of order: what is there once can only be that one. */
        if (found == SIZE_MAX)
            found = only_one(r->m, name);
    }
    if (found != SIZE_MAX && strcmp(name, "PID") != 0 && of_another(r, c->segment, found))
        found = SIZE_MAX;
    return found;
}

/* Of several frequencies or routes of one order none is the one. */
void hl7_ambiguous(struct hl7_run *r, const struct hl7_ctx *c, struct str path)
{
    struct hl7_path p;
    size_t n = 0, k;
    if (r->err || c->segment == SIZE_MAX || hl7_path(&p, path) || p.occurrence)
        return;
    k = of_order(p.segment);
    if (k < HL7_ONCE)
        (void)in_order(r, c->segment, k, &n);
    if (n > 1)
        hl7_complain(r, c, path, "hl7.several", "an order has several of this segment");
}

/* ---- what stands there ---- */
static size_t where(struct hl7_run *r, const struct hl7_ctx *c, struct hl7_path *p)
{
    size_t segment = SIZE_MAX;
    if (!p->occurrence)
        segment = hl7_near(r, c, p->segment);
    else if (hl7_segment(r->m, str_c(p->segment), p->occurrence, &segment))
        return SIZE_MAX;
    for (size_t i = c->reps; !p->repetition && i-- > 0;)
        if (c->rep[i].segment == segment && c->rep[i].field == p->field)
            p->repetition = c->rep[i].n;
    return segment;
}

static struct str look(struct hl7_run *r, const struct hl7_ctx *c, struct str path,
                       bool takes)
{
    struct hl7_path p;
    struct str s = STR_NULL;
    struct buf b;
    char *copy;
    size_t at;
    if (hl7_path(&p, path)) /* the map was checked when it was loaded */
        return STR_NULL;
    hl7_ambiguous(r, c, path);
    at = where(r, c, &p);
    if (at != SIZE_MAX)
        s = str_trim(hl7_at(r->m, at, &p));
    if (!s.n || hl7_is_null(s))
        return STR_NULL;
    if (takes)
        hl7_take_note(r, at, &p);
    buf_init(&b, SIZE_MAX / 2);
    r->err = r->err ? r->err : hl7_unescape(r->m, s, &b);
    s = str_trim(buf_str(&b));
    copy = s.n ? arena_dup(&r->a, s) : NULL;
    if (s.n && !copy && !r->err)
        r->err = AM_E_NOMEM;
    s = copy ? (struct str){copy, s.n} : STR_NULL;
    buf_release(&b);
    return s;
}

struct str hl7_look(struct hl7_run *r, const struct hl7_ctx *c, struct str path)
{
    return look(r, c, path, true);
}

struct str hl7_peek(struct hl7_run *r, const struct hl7_ctx *c, struct str path)
{
    return look(r, c, path, false);
}

void hl7_take(struct hl7_run *r, const struct hl7_ctx *c, struct str path)
{
    (void)look(r, c, path, true);
}

static bool holds_one(struct hl7_run *r, struct str v, const struct json *want)
{
    bool any = false;
    switch (json_type(want)) {
    case JSON_BOOL:
        return json_bool(want, false) == (v.n > 0);
    case JSON_STRING:
        return v.n && str_eq(v, json_str(want));
    case JSON_OBJECT:
        for (json_each(it, json_get(want, "not")))
            any = any || (v.n && str_eq(v, json_str(it.val)));
        if (json_get(want, "not"))
            return !any;
        return v.n &&
               json_getn(json_getn(r->map->tables, json_get_str(want, "table")), v);
    default:
        for (json_each(it, want))
            any = any || (v.n && str_eq(v, json_str(it.val)));
        return any;
    }
}

struct str hl7_lacks(struct hl7_run *r, const struct hl7_ctx *c, const struct json *when)
{
    for (json_each(it, when)) {
        /* that something stands there says nothing of what it is */
        bool takes = json_type(it.val) != JSON_BOOL;
        if (!holds_one(r, look(r, c, it.key, takes), it.val))
            return it.key;
    }
    return STR_NULL;
}

bool hl7_holds(struct hl7_run *r, const struct hl7_ctx *c, const struct json *when)
{
    return !hl7_lacks(r, c, when).p;
}

/* ---- problems ---- */
/* As the message has it: "OBX[3]-5". */
static void place_of(struct hl7_run *r, const struct hl7_ctx *c, struct str path,
                     char place[64])
{
    struct hl7_path p;
    *place = 0;
    if (!hl7_path(&p, path)) {
        size_t at = where(r, c, &p), n = 0;
        for (size_t i = 0; at != SIZE_MAX && i <= at; i++)
            n += str_eq(hl7_segment_name(r->m, i), str_c(p.segment));
        snprintf(place, 64, "%s[%zu]-%u", p.segment, AM_MAX(n, (size_t)1), p.field);
        if (p.component) {
            size_t end = strlen(place);
            snprintf(place + end, 64 - end, ".%u", p.component);
        }
    }
}

void hl7_complain(struct hl7_run *r, const struct hl7_ctx *c, struct str path,
                  const char *code, const char *why)
{
    char place[64];
    place_of(r, c, path, place);
    diag_add(r->d, r->secondary ? DIAG_WARNING : DIAG_ERROR, place, code, "%s", why);
    if (r->secondary)
        r->unread = true;
    else if (!r->err)
        r->err = AM_E_INVALID;
}

void hl7_tell(struct hl7_run *r, const struct hl7_ctx *c, struct str path, struct str v)
{
    char place[64], value[64];
    place_of(r, c, path, place);
    v = str_sub(v, 0, sizeof value - 1);
    while (v.n && !str_utf8(v)) /* cut between characters */
        v.n--;
    snprintf(value, sizeof value, "%.*s", STR_FMT(v));
    diag_add(r->d, DIAG_WARNING, place, "hl7.unknown", "%s", value);
    diag_arg(r->d, "value", value);
}
