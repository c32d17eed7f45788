/* SPDX-License-Identifier: Apache-2.0 */
/* Mutations made from the tables: for every type, an object of each of its elements that
 * is wrong in one way, put inside the shortest resource that can hold it. So every
 * cardinality, primitive, choice and required binding of R4 is violated once. */
#include "fhir/fhir_valid_test.h"

/* Text of a value that its primitive type accepts. */
static const char *const good[] = {
    [FHIR_PRIM_BOOLEAN] = "true",
    [FHIR_PRIM_INTEGER] = "1",
    [FHIR_PRIM_UNSIGNED_INT] = "1",
    [FHIR_PRIM_POSITIVE_INT] = "1",
    [FHIR_PRIM_DECIMAL] = "1.50",
    [FHIR_PRIM_STRING] = "\"x\"",
    [FHIR_PRIM_MARKDOWN] = "\"x\"",
    [FHIR_PRIM_CODE] = "\"x\"",
    [FHIR_PRIM_ID] = "\"x\"",
    [FHIR_PRIM_URI] = "\"urn:x\"",
    [FHIR_PRIM_URL] = "\"urn:x\"",
    [FHIR_PRIM_CANONICAL] = "\"urn:x\"",
    [FHIR_PRIM_OID] = "\"urn:oid:1.2.3\"",
    [FHIR_PRIM_UUID] = "\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\"",
    [FHIR_PRIM_DATE] = "\"2026-01-01\"",
    [FHIR_PRIM_DATE_TIME] = "\"2026-01-01\"",
    [FHIR_PRIM_INSTANT] = "\"2026-01-01T00:00:00Z\"",
    [FHIR_PRIM_TIME] = "\"10:00:00\"",
    [FHIR_PRIM_BASE64_BINARY] = "\"QUI=\"",
    [FHIR_PRIM_XHTML] = "\"<div>x</div>\"",
};

/* Where a type can stand: in the element of another, nearer to a resource. */
struct home {
    uint16_t type, member; /* FHIR_NONE: is a resource, or has no home */
};
static struct home homes[2048];

/* Breadth first from the resources: each type is reached by its shortest way. */
static void find_homes(void)
{
    uint16_t queue[2048];
    size_t head = 0, tail = 0;
    for (uint16_t i = 0; i < fhir_def_types; i++) {
        const struct fhir_type *t = &fhir_def_type[i];
        homes[i] = (struct home){FHIR_NONE, FHIR_NONE};
        if (t->kind == FHIR_KIND_RESOURCE && !t->abstract) {
            homes[i].type = i;
            queue[tail++] = i;
        }
    }
    while (head < tail) {
        uint16_t i = queue[head++];
        const struct fhir_type *t = &fhir_def_type[i];
        for (size_t k = 0; k < t->elems; k++) {
            const struct fhir_elem *e = &fhir_def_elem[t->elem + k];
            for (uint16_t m = e->member; m < e->member + e->members; m++) {
                uint16_t of = fhir_def_member[m].type;
                if (homes[of].type == FHIR_NONE && !fhir_def_member[m].prim &&
                    fhir_def_type[of].kind != FHIR_KIND_RESOURCE) {
                    homes[of] = (struct home){i, m};
                    queue[tail++] = of;
                }
            }
        }
    }
}

/* The resource around an object of that type whose members are `inside`; *pointer gets
 * the way to the object. */
static void wrap(struct buf *json, struct buf *pointer, uint16_t type, const char *inside)
{
    struct buf whole;
    buf_init(&whole, 1 << 20);
    buf_clear(json);
    buf_clear(pointer);
    assert_ok(buf_adds(json, inside));
    while (homes[type].member != FHIR_NONE) {
        const struct fhir_member *m = &fhir_def_member[homes[type].member];
        bool many = fhir_def_elem[m->elem].max == FHIR_MANY;
        struct buf longer;
        buf_init(&longer, 1 << 16);
        buf_clear(&whole);
        assert_ok(buf_addf(&whole, "\"%.*s\":%s{%s}%s", STR_FMT(fhir_member_name(m)),
                           many ? "[" : "", json->p, many ? "]" : ""));
        assert_ok(buf_addf(&longer, "/%.*s%s%s", STR_FMT(fhir_member_name(m)),
                           many ? "/0" : "", pointer->p));
        buf_clear(json);
        assert_ok(buf_add(json, buf_str(&whole)));
        buf_clear(pointer);
        assert_ok(buf_add(pointer, buf_str(&longer)));
        buf_release(&longer);
        type = homes[type].type;
    }
    buf_clear(&whole);
    assert_ok(buf_addf(&whole, "{\"resourceType\":\"%s\"%s%s}",
                       fhir_textz(fhir_def_type[type].name), json->n ? "," : "",
                       json->p));
    buf_clear(json);
    assert_ok(buf_add(json, buf_str(&whole)));
    buf_release(&whole);
}

static bool told(uint16_t type, const char *inside, const char *code, const char *at)
{
    struct buf json, pointer;
    struct judged j;
    bool found;
    buf_init(&json, 1 << 20);
    buf_init(&pointer, 1 << 16);
    wrap(&json, &pointer, type, inside);
    assert_ok(buf_adds(&pointer, at));
    judge_text(&j, NULL, buf_str(&json), 0);
    found = judged_find(&j, pointer.p, code, NULL) != NULL;
    judged_release(&j);
    buf_release(&json);
    buf_release(&pointer);
    return found;
}

/* Calls `one` for each member of each type that has a home; counts. */
static size_t each_member(bool (*one)(uint16_t type, const struct fhir_elem *e,
                                      const struct fhir_member *m))
{
    size_t n = 0;
    find_homes();
    for (uint16_t i = 0; i < fhir_def_types; i++) {
        const struct fhir_type *t = &fhir_def_type[i];
        if (homes[i].type == FHIR_NONE || t->kind == FHIR_KIND_PRIMITIVE)
            continue;
        for (size_t k = 0; k < t->elems; k++) {
            const struct fhir_elem *e = &fhir_def_elem[t->elem + k];
            for (size_t m = 0; m < e->members; m++)
                n += one(i, e, &fhir_def_member[e->member + m]);
        }
    }
    return n;
}

/* A member with that value, in a list if it has many; at: its place. */
static void with(char *out, size_t cap, char *at, size_t cap_at,
                 const struct fhir_elem *e, const struct fhir_member *m,
                 const char *value)
{
    bool many = e->max == FHIR_MANY;
    snprintf(out, cap, "\"%.*s\":%s%s%s", STR_FMT(fhir_member_name(m)), many ? "[" : "",
             value, many ? "]" : "");
    snprintf(at, cap_at, "/%.*s%s", STR_FMT(fhir_member_name(m)), many ? "/0" : "");
}

static bool wrong_primitive(uint16_t type, const struct fhir_elem *e,
                            const struct fhir_member *m)
{
    char in[200], at[100];
    const char *other = m->prim == FHIR_PRIM_BOOLEAN ? "\"x\"" : "true";
    if (!m->prim)
        return false;
    with(in, sizeof in, at, sizeof at, e, m, other);
    if (!told(type, in, "fhir.primitive", at))
        fail_msg("%s in %s", in, fhir_textz(fhir_def_type[type].name));
    with(in, sizeof in, at, sizeof at, e, m, good[m->prim]);
    if (told(type, in, "fhir.primitive", at))
        fail_msg("%s in %s is good", in, fhir_textz(fhir_def_type[type].name));
    return true;
}

static void every_primitive_is_refused_another_type(void **state)
{
    size_t n = each_member(wrong_primitive);
    (void)state;
    print_message("%zu primitive members\n", n);
    assert_true(n > 3000);
}

static bool wrong_object(uint16_t type, const struct fhir_elem *e,
                         const struct fhir_member *m)
{
    char in[200], at[100];
    if (m->prim)
        return false;
    with(in, sizeof in, at, sizeof at, e, m, "\"x\"");
    if (!told(type, in, "fhir.not_object", at))
        fail_msg("%s in %s", in, fhir_textz(fhir_def_type[type].name));
    return true;
}

static void every_object_is_refused_a_text(void **state)
{
    (void)state;
    assert_true(each_member(wrong_object) > 3000);
}

static bool wrong_count(uint16_t type, const struct fhir_elem *e,
                        const struct fhir_member *m)
{
    char in[200], at[100];
    const char *value = m->prim ? good[m->prim] : "{\"id\":\"x\"}";
    bool many = e->max == FHIR_MANY;
    snprintf(in, sizeof in, many ? "\"%.*s\":%s" : "\"%.*s\":[%s]",
             STR_FMT(fhir_member_name(m)), value);
    snprintf(at, sizeof at, "/%.*s", STR_FMT(fhir_member_name(m)));
    if (!told(type, in, many ? "fhir.not_array" : "fhir.cardinality", at))
        fail_msg("%s in %s", in, fhir_textz(fhir_def_type[type].name));
    return true;
}

static void one_and_many_are_told_apart_everywhere(void **state)
{
    (void)state;
    assert_true(each_member(wrong_count) > 8000);
}

static void every_compulsory_element_is_missed(void **state)
{
    size_t n = 0;
    (void)state;
    find_homes();
    for (uint16_t i = 0; i < fhir_def_types; i++) {
        const struct fhir_type *t = &fhir_def_type[i];
        if (homes[i].type == FHIR_NONE || t->kind == FHIR_KIND_PRIMITIVE)
            continue;
        for (size_t k = 0; k < t->elems; k++) {
            const struct fhir_elem *e = &fhir_def_elem[t->elem + k];
            char at[100];
            snprintf(at, sizeof at, "/%s", fhir_textz(e->name));
            assert_int_equal(e->min > 0, t->must >> k & 1);
            if (told(i, "\"id\":\"x\"", "fhir.missing", at) != (e->min > 0))
                fail_msg("%s.%s", fhir_textz(t->name), at + 1);
            n += e->min > 0;
        }
    }
    print_message("%zu compulsory elements\n", n);
    assert_true(n > 700);
}

/* A value with that code, as the type of the member says it. */
static void coded(char *out, size_t cap, const struct fhir_member *m, const char *system,
                  const char *code)
{
    char one[300];
    snprintf(one, sizeof one, "{\"system\":\"%s\",\"code\":\"%s\"}", system, code);
    if (m->prim)
        snprintf(out, cap, "\"%s\"", code);
    else if (fhir_def_type[m->type].role == FHIR_ROLE_CODEABLE_CONCEPT)
        snprintf(out, cap, "{\"coding\":[%s]}", one);
    else
        snprintf(out, cap, "%s", one);
}

static bool wrong_code(uint16_t type, const struct fhir_elem *e,
                       const struct fhir_member *m)
{
    const struct fhir_binding *b =
        e->binding == FHIR_NONE ? NULL : &fhir_def_binding[e->binding];
    const struct fhir_set *s;
    char value[400], in[500], at[100];
    if (!b || b->strength != FHIR_REQUIRED || b->set == FHIR_NONE)
        return false;
    s = &fhir_def_set[b->set];
    if (s->kind == FHIR_SET_OPEN ||
        (!m->prim && fhir_def_type[m->type].role != FHIR_ROLE_CODEABLE_CONCEPT &&
         fhir_def_type[m->type].role != FHIR_ROLE_CODING))
        return false;
    coded(value, sizeof value, m, "urn:x", "no such");
    with(in, sizeof in, at, sizeof at, e, m, value);
    if (!told(type, in, "fhir.not_in_list", at))
        fail_msg("%s in %s", in, fhir_textz(fhir_def_type[type].name));
    if (s->kind == FHIR_SET_LIST) {
        const struct fhir_code *c = &fhir_def_code[s->code];
        coded(value, sizeof value, m, fhir_textz(c->system), fhir_textz(c->code));
        with(in, sizeof in, at, sizeof at, e, m, value);
        if (told(type, in, "fhir.not_in_list", at))
            fail_msg("%s in %s is good", in, fhir_textz(fhir_def_type[type].name));
    }
    return true;
}

static void every_required_binding_is_violated(void **state)
{
    size_t n = each_member(wrong_code);
    (void)state;
    print_message("%zu required bindings\n", n);
    assert_true(n > 300);
}

static void every_choice_is_made_once(void **state)
{
    size_t n = 0;
    (void)state;
    find_homes();
    for (uint16_t i = 0; i < fhir_def_types; i++) {
        const struct fhir_type *t = &fhir_def_type[i];
        for (size_t k = 0; homes[i].type != FHIR_NONE && k < t->elems; k++) {
            const struct fhir_elem *e = &fhir_def_elem[t->elem + k];
            const struct fhir_member *a = &fhir_def_member[e->member],
                                     *b = a + e->members - 1;
            char in[400], at[100];
            if (!(e->flags & FHIR_ELEM_CHOICE) || e->members < 2)
                continue;
            snprintf(in, sizeof in, "\"%.*s\":%s,\"%.*s\":%s",
                     STR_FMT(fhir_member_name(a)), a->prim ? good[a->prim] : "{}",
                     STR_FMT(fhir_member_name(b)), b->prim ? good[b->prim] : "{}");
            snprintf(at, sizeof at, "/%.*s", STR_FMT(fhir_member_name(b)));
            if (!told(i, in, "fhir.choice", at))
                fail_msg("%s in %s", in, fhir_textz(t->name));
            n++;
        }
    }
    print_message("%zu choices\n", n);
    assert_true(n > 150);
}

TEST_MAIN(TEST(every_primitive_is_refused_another_type),
          TEST(every_object_is_refused_a_text),
          TEST(one_and_many_are_told_apart_everywhere),
          TEST(every_compulsory_element_is_missed),
          TEST(every_required_binding_is_violated), TEST(every_choice_is_made_once))
