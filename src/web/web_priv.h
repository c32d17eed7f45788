/* SPDX-License-Identifier: Apache-2.0 */
/* Inside web only: parsed templates. */
#ifndef WEB_PRIV_H
#define WEB_PRIV_H

#include "base/vec.h"
#include "web/web.h"

enum web_op {
    WEB_LITERAL,  /* text */
    WEB_VAR,      /* {{path}} */
    WEB_SECTION,  /* {{#path}}; end = index after its last node */
    WEB_INVERTED, /* {{^path}} */
    WEB_PARTIAL,  /* {{>name}} */
    WEB_T,        /* {{t id name=path ...}} */
    WEB_P,        /* {{p id n=path ...}}: plural */
    WEB_INT,      /* {{n path}} */
    WEB_DEC,      /* {{d path decimals}} */
    WEB_PCT,      /* {{pct path decimals}} */
    WEB_DATE,     /* {{date path}} */
    WEB_TIME,     /* {{time path}} */
    WEB_BDI,      /* {{bdi path}} */
    WEB_URL,      /* {{url path}} */
    WEB_PART,     /* {{u path}} */
    WEB_SVG,      /* {{svg kind path}} */
    WEB_ICON,     /* {{icon name}} or {{icon [path]}} */
    WEB_CHIP,     /* {{chip group path}} */
    WEB_WORD,     /* {{w family path}}: the word of a code, or the code */
    WEB_ASSET,    /* {{asset file}} */
    WEB_LANGS,    /* {{langs path}} */
    WEB_LANG,     /* {{@lang}} */
    WEB_DIR,      /* {{@dir}} */
    WEB_BODY      /* {{@body}}: the page inside base.html */
};

enum { WEB_ARGS = 6, WEB_DEPTH = 32, WEB_NESTING = 16, WEB_ID_MAX = 128 };

struct web_arg {
    struct str name, path, format; /* n=rows.count:3 */
};
struct web_node {
    enum web_op op;
    bool markup; /* the place allows elements (text, not an attribute or a title) */
    unsigned line;
    struct str text;  /* literal, path, id or name */
    struct str extra; /* path of svg and chip */
    int decimals;
    size_t end;
    struct web_arg arg[WEB_ARGS];
    size_t args;
};
struct web_tpl {
    char *name, *source; /* nodes borrow from source */
    VEC(struct web_node) nodes;
    bool document;
};

/* path of problems: "name:line"; code web.template. */
AM_CHECK int web_tpl_new(struct web_tpl **out, struct str name, struct str source,
                         struct diag *d);
void web_tpl_free(struct web_tpl *t);

/* Where in the HTML a template reader stands. */
enum web_place {
    WEB_TEXT,      /* between elements */
    WEB_RCDATA,    /* inside title or textarea: text only */
    WEB_RAW,       /* inside script or style: nothing may be inserted */
    WEB_TAG,       /* in the name of a tag */
    WEB_IN_TAG,    /* between attributes */
    WEB_ATTR_NAME, /* in the name of an attribute */
    WEB_ATTR_EQ,   /* after = */
    WEB_ATTR,      /* in a double-quoted value */
    WEB_ATTR_URL,  /* the same, of an address */
    WEB_CLOSE,     /* in a closing tag */
    WEB_COMMENT,
    WEB_DECL /* <!doctype */
};
struct web_html {
    enum web_place place;
    char element[16], attr[32];
    size_t element_n, attr_n;
};
/* Feeds literal HTML; NULL or what is wrong with it. */
const char *web_html_feed(struct web_html *h, struct str s);
bool web_html_same(const struct web_html *a, const struct web_html *b);

/* Templates by name, after web_init(). */
const struct web_tpl *web_tpl_find(struct str name);
/* One template with its own text, for tests and fuzzing; partials come from web_init().
 */
AM_CHECK int web_tpl_render(struct buf *out, const struct web_tpl *t,
                            const struct web_tpl *body, enum text_lang l,
                            const struct json *context, bool strict, struct diag *d);

/* Copies without the characters that embed or override direction: a name must not be able
 * to turn the words around it. */
AM_CHECK int web_tame(struct buf *out, struct str s);
/* Tamed, and between isolates when its direction is not the page's. Plain text: escape
 * later. */
AM_CHECK int web_isolate(struct buf *out, enum text_lang l, struct str value);
/* A string, or a text {fr, ar, en}: the reader's language, then French, then any. */
struct str web_words(enum text_lang l, const struct json *v);
bool web_is_words(const struct json *v); /* such a text */
/* A catalogue message, escaped; a plural one, escaped. */
AM_CHECK int web_text(struct buf *out, enum text_lang l, const char *id);
AM_CHECK int web_count(struct buf *out, enum text_lang l, const char *id, int64_t n);
/* The words of member `key` of v, escaped. */
AM_CHECK int web_member(struct buf *out, enum text_lang l, const struct json *v,
                        const char *key);

/* The language switch: links to url with lang= replaced. */
AM_CHECK int web_langs(struct buf *out, enum text_lang l, struct str url);

#endif
