/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "xml/xml.h"

static struct arena arena;

static const struct xml_node *good(struct str text)
{
    struct xml_node *root = NULL;
    assert_ok(xml_parse(&arena, text, NULL, &root, NULL));
    assert_non_null(root);
    return root;
}

static void bad(struct str text, const struct xml_limits *l, int err, const char *code,
                const char *path)
{
    struct xml_node *root = NULL;
    struct diag d;
    diag_init(&d);
    assert_int_equal(xml_parse(&arena, text, l, &root, &d), err);
    assert_null(root);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].code, code);
    assert_string_equal(d.item[0].path, path);
    diag_release(&d);
}

static void reads_names_attributes_and_text(void **state)
{
    (void)state;
    const struct xml_node *p =
        good(STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n"
                 "<p xmlns=\"urn:a\" xmlns:b='urn:b' id=\"1\" b:x='&lt;&#233;'>"
                 "a&amp;<!-- --><![CDATA[<b>]]><b:c/>z</p>"));
    const struct xml_node *c = xml_element(p->first);
    assert_true(xml_is(p, "urn:a", "p"));
    assert_int_equal(p->line, 3);
    assert_str_equal(xml_attr(p, "id"), "1");
    assert_null(xml_attr(p, "x").p); /* of another namespace */
    assert_int_equal(p->attrs, 2);
    assert_str_equal(p->attr[1].ns, "urn:b");
    assert_str_equal(p->attr[1].value, "<é");
    assert_str_equal(p->first->text, "a&<b>");
    assert_true(xml_is(c, "urn:b", "c"));
    assert_str_equal(c->raw, "<b:c/>");
    assert_str_equal(c->next->text, "z");
    assert_null(xml_element(c->next));
    assert_null(xml_attr(NULL, "id").p);
    assert_false(xml_is(NULL, "", ""));
    assert_false(xml_is(c->next, "", ""));
}

static void an_element_knows_its_bytes(void **state)
{
    (void)state;
    const struct xml_node *p = good(STR("<a> <b c='d'>e<f /></b ><g></g></a>"));
    const struct xml_node *b = xml_element(p->first);
    assert_str_equal(p->raw, "<a> <b c='d'>e<f /></b ><g></g></a>");
    assert_str_equal(b->raw, "<b c='d'>e<f /></b >");
    assert_str_equal(xml_element(b->first)->raw, "<f />");
    assert_str_equal(xml_element(b->next)->raw, "<g></g>");
}

static void what_attacks_feed_on_is_refused(void **state)
{
    (void)state;
    bad(STR("<!DOCTYPE a [<!ENTITY b \"cc\">]><a>&b;</a>"), NULL, AM_E_SYNTAX,
        "xml.doctype", "1:13");
    bad(STR("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), NULL, AM_E_SYNTAX,
        "xml.doctype", "1:40");
    bad(STR("<a>&nbsp;</a>"), NULL, AM_E_SYNTAX, "xml.syntax", "1:4");
    bad(STR("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xE9</a>"), NULL,
        AM_E_SYNTAX, "xml.encoding", "1:1");
    bad(STR("<a>\xE9</a>"), NULL, AM_E_SYNTAX, "xml.syntax", "1:4");
    bad(STR("<a b='1' b='2'/>"), NULL, AM_E_SYNTAX, "xml.syntax", "1:10");
    bad(STR("<a><c:b/></a>"), NULL, AM_E_SYNTAX, "xml.syntax", "1:4");
    bad(STR("<a/><a/>"), NULL, AM_E_SYNTAX, "xml.syntax", "1:5");
    bad(STR("<a>\n<b></a>"), NULL, AM_E_SYNTAX, "xml.syntax", "2:6");
    bad(STR(""), NULL, AM_E_SYNTAX, "xml.syntax", "1:1");
}

struct heard {
    char text[400];
    size_t n, stop; /* stop: at which start tag; 0: never */
};

static void hear(struct heard *h, const char *how, struct str what)
{
    h->n += (size_t)snprintf(h->text + h->n, sizeof h->text - h->n, "%s%.*s", how,
                             STR_FMT(what));
}

static int hear_start(void *arg, const struct xml_tag *tag)
{
    struct heard *h = arg;
    hear(h, "<", tag->name);
    for (size_t i = 0; i < tag->attrs; i++)
        hear(h, " ", tag->attr[i].value);
    hear(h, ">", STR(""));
    return h->stop && --h->stop == 0 ? AM_E_UNSUPPORTED : AM_OK;
}

static int hear_end(void *arg, const struct xml_place *at)
{
    char line[16];
    snprintf(line, sizeof line, "%u", at->line);
    hear(arg, "/", str_c(line));
    return AM_OK;
}

static int hear_text(void *arg, struct str text)
{
    hear(arg, "", text);
    return AM_OK;
}

static int listen(struct heard *h, struct str text, bool doctype, const char *code)
{
    const struct xml_listener l = {hear_start, hear_end, hear_text, h, doctype};
    struct diag d;
    int err;
    diag_init(&d);
    err = xml_stream(text, NULL, &l, &d);
    assert_int_equal(d.n, code ? 1 : 0);
    if (code)
        assert_string_equal(d.item[0].code, code);
    diag_release(&d);
    return err;
}

static void a_stream_tells_what_stands_in_its_order(void **state)
{
    struct heard h = {.n = 0}, stopped = {.stop = 2};
    (void)state;
    assert_ok(listen(&h, STR("<a b='&lt;'>x\n<c/>y</a>"), false, NULL));
    assert_string_equal(h.text, "<a <>x\n<c>/2y/2");
    assert_int_equal(listen(&stopped, STR("<a><b/><c/></a>"), false, NULL),
                     AM_E_UNSUPPORTED); /* the listener's own, and nothing after */
    assert_string_equal(stopped.text, "<a><b>");
}

/* A document type that only names a file: read over, the file never; and then entities,
 * which Expat would leave out without a word, are refused. */
static void a_document_type_opens_no_file_and_no_entity(void **state)
{
#define TYPE "<!DOCTYPE a SYSTEM \"/etc/hostname\">"
    struct heard h = {.n = 0};
    (void)state;
    assert_ok(listen(&h, STR(TYPE "<a b='&#65;&amp;'/>"), true, NULL));
    assert_string_equal(h.text, "<a A&>/1");
    assert_int_equal(listen(&h, STR(TYPE "<a/>"), false, "xml.doctype"), AM_E_SYNTAX);
    assert_int_equal(
        listen(&h, STR("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"), true, "xml.doctype"),
        AM_E_SYNTAX);
    assert_int_equal(
        listen(&h, STR("<!DOCTYPE a SYSTEM 'x' [<!ENTITY % b SYSTEM 'c'>%b;]><a/>"), true,
               "xml.doctype"),
        AM_E_SYNTAX);
    assert_int_equal(listen(&h, STR(TYPE "<a>&b;</a>"), true, "xml.entity"), AM_E_SYNTAX);
    assert_int_equal(listen(&h, STR(TYPE "<a c='&b;'/>"), true, "xml.entity"),
                     AM_E_SYNTAX);
    assert_int_equal(listen(&h, STR(TYPE "<a c='&amp;&b;'/>"), true, "xml.entity"),
                     AM_E_SYNTAX);
    assert_int_equal(listen(&h, STR("<a>&b;</a>"), true, "xml.syntax"), AM_E_SYNTAX);
#undef TYPE
}

static void limits_hold(void **state)
{
    (void)state;
    static const struct xml_limits shallow = {.depth = 2}, few = {.nodes = 3},
                                   small = {.size_b = 6};
    bad(STR("<a><b><c/></b></a>"), &shallow, AM_E_TOOBIG, "xml.depth", "1:7");
    bad(STR("<a><b/>x<c/></a>"), &few, AM_E_TOOBIG, "xml.toobig", "1:9");
    bad(STR("<a b='' c='' d=''/>"), &few, AM_E_TOOBIG, "xml.toobig", "1:1");
    bad(STR("<a></a>"), &small, AM_E_TOOBIG, "xml.toobig", "1:1");
}

static void an_arena_that_is_full_is_no_memory(void **state)
{
    (void)state;
    struct xml_node *root = NULL;
    struct arena tiny;
    arena_init(&tiny, 16);
    assert_int_equal(xml_parse(&tiny, STR("<a><b/></a>"), NULL, &root, NULL), AM_E_NOMEM);
    arena_release(&tiny);
}

static void writing_escapes_what_reading_resolves(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_ok(xml_add_text(&b, STR("a<b>&\"\r\n\té")));
    assert_str_equal(buf_str(&b), "a&lt;b&gt;&amp;\"&#13;\n\té");
    buf_clear(&b);
    assert_ok(xml_add_value(&b, STR("a<b>&\"\r\n\t")));
    assert_str_equal(buf_str(&b), "a&lt;b&gt;&amp;&quot;&#13;&#10;&#9;");
    assert_int_equal(xml_add_text(&b, STR("x\x01")), AM_E_INVALID);
    assert_int_equal(xml_add_text(&b, STR("x\xEF\xBF\xBE")), AM_E_INVALID);
    assert_int_equal(xml_add_text(&b, STR("x\xFF")), AM_E_INVALID);
    assert_str_equal(buf_str(&b), "a&lt;b&gt;&amp;&quot;&#13;&#10;&#9;");
    buf_release(&b);
}

static void a_tree_is_written_without_prefixes(void **state)
{
    (void)state;
    const struct xml_node *p =
        good(STR("<h:div xmlns:h='urn:h' xml:lang='fr'>a&lt;<h:b t='&quot;'><h:i/>c"
                 "</h:b><n xmlns=''/></h:div>"));
    struct buf b;
    buf_init(&b, 4096);
    assert_ok(xml_add_node(&b, p, STR("")));
    assert_str_equal(buf_str(&b),
                     "<div xmlns=\"urn:h\" xml:lang=\"fr\">a&lt;<b t=\"&quot;\"><i/>c"
                     "</b><n xmlns=\"\"/></div>");
    buf_clear(&b);
    assert_ok(xml_add_node(&b, xml_element(p->first), STR("urn:h")));
    assert_str_equal(buf_str(&b), "<b t=\"&quot;\"><i/>c</b>");
    buf_clear(&b);
    p = good(STR("<a xmlns:o='urn:o' o:b='1'/>"));
    assert_int_equal(xml_add_node(&b, p, STR("")), AM_E_UNSUPPORTED);
    assert_int_equal(b.n, 0);
    buf_release(&b);
}

static void blank_is_white_space_only(void **state)
{
    (void)state;
    assert_true(xml_blank(STR(" \t\r\n")));
    assert_true(xml_blank(STR("")));
    assert_false(xml_blank(STR(" x")));
    assert_false(xml_blank(STR("\0")));
}

static int oom_round(void)
{
    struct xml_node *root = NULL;
    struct arena a;
    int err;
    arena_init(&a, 1 << 20);
    err = xml_parse(&a, STR("<a b='c'>text<d xmlns='urn:e'>more</d>&amp;</a>"), NULL,
                    &root, NULL);
    arena_release(&a);
    return err;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    assert_true(test_oom(oom_round) > 10);
}

int main(void)
{
    const struct CMUnitTest t[] = {TEST(reads_names_attributes_and_text),
                                   TEST(an_element_knows_its_bytes),
                                   TEST(what_attacks_feed_on_is_refused),
                                   TEST(a_stream_tells_what_stands_in_its_order),
                                   TEST(a_document_type_opens_no_file_and_no_entity),
                                   TEST(limits_hold),
                                   TEST(an_arena_that_is_full_is_no_memory),
                                   TEST(writing_escapes_what_reading_resolves),
                                   TEST(a_tree_is_written_without_prefixes),
                                   TEST(blank_is_white_space_only),
                                   TEST(every_failed_allocation_is_told)};
    int failed;
    arena_init(&arena, (size_t)64 << 20);
    failed = cmocka_run_group_tests(t, NULL, NULL);
    arena_release(&arena);
    return failed;
}
