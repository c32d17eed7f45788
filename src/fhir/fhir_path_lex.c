/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_lex -- the tokens of FHIRPath (N1, appendix "Formal specifications"). */
#include "fhir/fhir_path_priv.h"

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char look(const struct path_lexer *l, size_t ahead)
{
    return l->i + ahead < l->p->text.n ? l->p->text.p[l->i + ahead] : 0;
}

int fhir_fp_syntax(struct path_lexer *l, const char *what)
{
    char path[48];
    size_t line = 1, column = 1;
    for (size_t i = 0; i < l->at && i < l->p->text.n; i++) {
        if (l->p->text.p[i] == '\n')
            line++, column = 1;
        else if (((unsigned char)l->p->text.p[i] & 0xC0) != 0x80)
            column++;
    }
    snprintf(path, sizeof path, "%zu:%zu", line, column);
    diag_err(l->d, path, "fhirpath.syntax", "%s", what);
    return AM_E_SYNTAX;
}

static int blanks(struct path_lexer *l)
{
    for (;;) {
        char c = look(l, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            l->i++;
        } else if (c == '/' && look(l, 1) == '/') {
            while (l->i < l->p->text.n && l->p->text.p[l->i] != '\n')
                l->i++;
        } else if (c == '/' && look(l, 1) == '*') {
            l->at = l->i;
            for (l->i += 2; look(l, 0) != '*' || look(l, 1) != '/'; l->i++)
                if (l->i >= l->p->text.n)
                    return fhir_fp_syntax(l, "a comment does not end");
            l->i += 2;
        } else {
            return AM_OK;
        }
    }
}

static size_t utf8(uint32_t cp, char *to)
{
    if (cp < 0x80) {
        to[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        to[0] = (char)(0xC0 | cp >> 6);
        to[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    to[0] = (char)(0xE0 | cp >> 12);
    to[1] = (char)(0x80 | (cp >> 6 & 0x3F));
    to[2] = (char)(0x80 | (cp & 0x3F));
    return 3;
}

/* After a backslash: what stands there, as bytes at *to. */
static bool escape(struct path_lexer *l, char **to)
{
    static const char from[] = "fnrt", into[] = "\f\n\r\t";
    char c = look(l, 0);
    const char *known = c ? strchr(from, c) : NULL;
    uint32_t cp = 0;
    if (known) {
        *(*to)++ = into[known - from];
        l->i++;
        return true;
    }
    if (c != 'u') {
        if (!c || !strchr("\"'`\\/", c))
            return false;
        *(*to)++ = c;
        l->i++;
        return true;
    }
    for (size_t k = 1; k <= 4; k++) {
        int v = str_hex_digit(look(l, k));
        if (v < 0)
            return false;
        cp = cp << 4 | (unsigned)v;
    }
    if (cp == 0 || (cp >= 0xD800 && cp < 0xE000))
        return false;
    l->i += 5;
    *to += utf8(cp, *to);
    return true;
}

/* '...', `...`; l->i after the opening quote. */
static int quoted(struct path_lexer *l, char quote)
{
    size_t end = l->i;
    char *mem, *to;
    while (end < l->p->text.n && l->p->text.p[end] != quote)
        end += l->p->text.p[end] == '\\' ? 2 : 1;
    if (end >= l->p->text.n)
        return fhir_fp_syntax(l, "a quoted text does not end");
    if (!memchr(l->p->text.p + l->i, '\\', end - l->i)) {
        l->text = str_sub(l->p->text, l->i, end);
        l->i = end + 1;
        return AM_OK;
    }
    to = mem = arena_alloc(&l->p->arena, end - l->i + 1, 1);
    if (!mem)
        return AM_E_NOMEM;
    while (l->i < end) {
        char c = l->p->text.p[l->i++];
        if (c != '\\')
            *to++ = c;
        else if (!escape(l, &to))
            return fhir_fp_syntax(l, "no such escape");
    }
    l->text = (struct str){mem, (size_t)(to - mem)};
    l->i = end + 1;
    return AM_OK;
}

/* @2015-02-04T14:34:28.123+10:00, @T14:34 */
static void date(struct path_lexer *l)
{
    bool time = false;
    while (digit(look(l, 0)) || (look(l, 0) == '-' && digit(look(l, 1)) && !time))
        l->i++;
    if (look(l, 0) == 'T') {
        l->i++;
        time = true;
        while (digit(look(l, 0)) || (look(l, 0) == ':' && digit(look(l, 1))))
            l->i++;
        if (look(l, 0) == '.' && digit(look(l, 1)))
            for (l->i++; digit(look(l, 0));)
                l->i++;
        if (look(l, 0) == 'Z') {
            l->i++;
        } else if ((look(l, 0) == '+' || look(l, 0) == '-') && digit(look(l, 1)) &&
                   digit(look(l, 2)) && look(l, 3) == ':') {
            l->i += 4;
            while (digit(look(l, 0)))
                l->i++;
        }
    }
    l->text = str_sub(l->p->text, l->at + 1, l->i);
    l->token = PATH_T_DATE;
}

static int other(struct path_lexer *l)
{
    static const char *const two[] = {"!=", "!~", "<=", ">="};
    struct str rest = str_sub(l->p->text, l->i, l->p->text.n);
    l->token = PATH_T_PUNCT;
    for (size_t k = 0; k < AM_LEN(two); k++)
        if (str_starts(rest, str_c(two[k]))) {
            l->text = str_sub(rest, 0, 2);
            l->i += 2;
            return AM_OK;
        }
    if (!strchr("()[]{}.,+-*/&|<>=~$%", rest.p[0]))
        return fhir_fp_syntax(l, "this character has no place here");
    l->text = str_sub(rest, 0, 1);
    l->i++;
    return AM_OK;
}

int fhir_fp_lex(struct path_lexer *l)
{
    int err = blanks(l);
    char c = look(l, 0);
    if (err)
        return err;
    l->at = l->i;
    l->quoted = false;
    if (l->i >= l->p->text.n) {
        l->token = PATH_T_END;
        l->text = STR("");
    } else if (letter(c)) {
        while (letter(look(l, 0)) || digit(look(l, 0)))
            l->i++;
        l->token = PATH_T_NAME;
        l->text = str_sub(l->p->text, l->at, l->i);
    } else if (digit(c)) {
        while (digit(look(l, 0)))
            l->i++;
        if (look(l, 0) == '.' && digit(look(l, 1)))
            for (l->i++; digit(look(l, 0));)
                l->i++;
        l->token = PATH_T_NUMBER;
        l->text = str_sub(l->p->text, l->at, l->i);
    } else if (c == '\'' || c == '`') {
        l->i++;
        l->token = c == '`' ? PATH_T_NAME : PATH_T_STRING;
        l->quoted = true;
        err = quoted(l, c);
    } else if (c == '@') {
        l->i++;
        date(l);
    } else {
        err = c ? other(l) : fhir_fp_syntax(l, "this character has no place here");
    }
    return err;
}
