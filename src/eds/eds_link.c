/* SPDX-License-Identifier: Apache-2.0 */
/* What a text of an entry says of another entry of its Bundle (FHIR R4 http.html#trules,
 * bundle.html#references): addresses in references, in uri, url, oid and uuid, in href
 * and src of narratives; not in canonical. A relative reference is one from the entry's
 * own server. */
#include <string.h>

#include "eds/eds_priv.h"
#include "fhir/param.h"

enum { LINK_URL = 1024 };

/* Members that are canonical wherever R4 (4.0.1, profiles-types and profiles-resources)
 * has one of that name as a text; eds_link_test.c reads them from the tables again. */
static const char *const link_canonical[] = {"answerValueSet",
                                             "base",
                                             "baseDefinition",
                                             "capabilities",
                                             "compartment",
                                             "defaultValueCanonical",
                                             "definitionCanonical",
                                             "derivedFrom",
                                             "exampleCanonical",
                                             "fixedCanonical",
                                             "graph",
                                             "implementationGuide",
                                             "import",
                                             "imports",
                                             "inputProfile",
                                             "instantiatesCanonical",
                                             "library",
                                             "measure",
                                             "message",
                                             "moduleCanonical",
                                             "outputProfile",
                                             "parent",
                                             "partOf",
                                             "patternCanonical",
                                             "profile",
                                             "questionnaire",
                                             "replaces",
                                             "resource",
                                             "sourceCanonical",
                                             "supplements",
                                             "supportedProfile",
                                             "targetCanonical",
                                             "targetProfile",
                                             "transform",
                                             "valueCanonical",
                                             "valueSet",
                                             "workflow"};

static int link_order(const void *key, const void *name)
{
    const struct str *k = key;
    const char *z = *(const char *const *)name;
    int d = strncmp(k->p, z, k->n);
    return d ? d : -(z[k->n] != 0);
}

bool eds_link_canonical(struct str key)
{
    return key.n && bsearch(&key, link_canonical, AM_LEN(link_canonical),
                            sizeof *link_canonical, link_order);
}

/* "http://host/fhir/" of "http://host/fhir/Patient/1"; empty: not an address of REST. */
static struct str link_root(struct str full)
{
    size_t at[2], n = 0;
    if (!str_starts(full, STR("http://")) && !str_starts(full, STR("https://")))
        return STR_NULL;
    for (size_t i = full.n; i-- > 0 && n < 2;)
        if (full.p[i] == '/')
            at[n++] = i;
    if (n < 2 || at[0] + 1 == full.n ||
        !fhir_search_type(str_sub(full, at[1] + 1, at[0])))
        return STR_NULL;
    return str_sub(full, 0, at[1] + 1);
}

static const char *link_find(const struct eds_links *l, struct str s)
{
    char url[LINK_URL];
    struct str root;
    if (!s.n)
        return NULL;
    if (memchr(s.p, ':', s.n))
        return l->find(l->arg, s);
    root = s.p[0] == '#' || s.p[0] == '/' ? STR_NULL : link_root(l->from);
    if (!root.n || root.n + s.n > sizeof url)
        return NULL;
    memcpy(url, root.p, root.n);
    memcpy(url + root.n, s.p, s.n);
    return l->find(l->arg, (struct str){url, root.n + s.n});
}

/* The next href="..." or src="..." from `at` on: what is between the quotes. */
static bool link_next(struct str s, size_t at, struct str *inside)
{
    for (size_t i = at; i < s.n; i++) {
        size_t end;
        char quote;
        if ((s.p[i] != '"' && s.p[i] != '\'') || i < 5)
            continue;
        if (memcmp(s.p + i - 5, "href=", 5) && memcmp(s.p + i - 4, "src=", 4))
            continue;
        quote = s.p[i];
        end = i + 1;
        while (end < s.n && s.p[end] != quote)
            end++;
        *inside = str_sub(s, i + 1, end);
        return end < s.n;
    }
    return false;
}

static struct str link_narrative(struct eds_links *l, struct str s)
{
    struct str inside;
    struct buf out;
    size_t from = 0;
    char *p;
    buf_init(&out, 2 * EDS_BODY_MAX);
    for (size_t at = 0; link_next(s, at, &inside);
         at = (size_t)(inside.p - s.p) + inside.n + 1) {
        const char *target = link_find(l, inside);
        size_t i = (size_t)(inside.p - s.p);
        if (!target)
            continue;
        if (buf_add(&out, str_sub(s, from, i)) || buf_add(&out, str_c(target)))
            l->failed = true;
        from = i + inside.n;
    }
    if (!from || l->failed) {
        buf_release(&out);
        return s;
    }
    p = buf_add(&out, str_sub(s, from, s.n)) ? NULL : arena_dup(l->arena, buf_str(&out));
    l->failed = !p;
    s = p ? (struct str){p, out.n} : s;
    buf_release(&out);
    return s;
}

struct str eds_linked(void *links, struct str key, struct str s)
{
    struct eds_links *l = links;
    const char *target = NULL;
    if (str_eqc(key, "div"))
        return link_narrative(l, s);
    if (str_eqc(key, "reference"))
        target = link_find(l, s);
    else if (!str_eqc(key, "value") && s.n && memchr(s.p, ':', s.n))
        target = l->find(l->arg, s);
    return target && !eds_link_canonical(key) ? str_c(target) : s;
}
