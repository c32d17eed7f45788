/* SPDX-License-Identifier: Apache-2.0 */
/* Classifications in the forms of their publishers: told by the name of the file, by what
 * begins it, or by the manifest. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cmd_terms.h"

enum { FORM_HEAD = 4096 };
static const size_t form_max = (size_t)1 << 30;

/* The digits that begin s, into room: a year. */
static struct str form_year(struct str s, char room[CMD_TERMS_YEAR])
{
    size_t n = 0;
    while (n < s.n && n + 1 < CMD_TERMS_YEAR && s.p[n] >= '0' && s.p[n] <= '9') {
        room[n] = s.p[n];
        n++;
    }
    room[n] = 0;
    return (struct str){room, n};
}

bool cmd_terms_form_named(const char *name, struct fhir_tx_file *out,
                          char room[CMD_TERMS_YEAR])
{
    struct str s = str_c(name);
    const char *order = strstr(name, "order");
    *out = (struct fhir_tx_file){.form = FHIR_TX_WHO};
    if (str_starts(s, STR("icd10")) && str_ends(s, STR("syst_codes.txt"))) {
        out->version = form_year(str_sub(s, 5, s.n), room);
        return true;
    }
    if (!str_starts(s, STR("icd10cm")) || !order || !str_ends(s, STR(".txt")))
        return false;
    out->form = FHIR_TX_ICD10CM;
    out->version = form_year(str_c(order + strcspn(order, "0123456789")), room);
    return true;
}

bool cmd_terms_form_head(const char *path, struct fhir_tx_file *out)
{
    char head[FORM_HEAD];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    *out = (struct fhir_tx_file){.form = FHIR_TX_CLAML};
    return n && memmem(head, n, "<ClaML", 6);
}

bool cmd_terms_form_as(const struct json *entry, struct fhir_tx_file *out)
{
    static const struct {
        const char *as;
        enum fhir_tx_form form;
    } known[] = {{"claml", FHIR_TX_CLAML},
                 {"icd10-who", FHIR_TX_WHO},
                 {"cim10", FHIR_TX_CIM10},
                 {"icd10cm", FHIR_TX_ICD10CM}};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (json_str_is(json_get(entry, "as"), known[i].as)) {
            *out = (struct fhir_tx_file){.form = known[i].form,
                                         .url = json_get_str(entry, "url"),
                                         .version = json_get_str(entry, "version"),
                                         .name = json_get_str(entry, "name"),
                                         .lang = json_get_str(entry, "lang"),
                                         .adds = json_get_str(entry, "adds")};
            return true;
        }
    return false;
}

/* The file beside the one of codes; none: *text stays NULL. */
static int form_beside(const char *path, const char *what, char **text, size_t *n)
{
    char beside[PATH_MAX];
    const char *at = strstr(path, "codes.txt"), *next;
    int err;
    while (at && (next = strstr(at + 1, "codes.txt")))
        at = next;
    if (!at || snprintf(beside, sizeof beside, "%.*s%s.txt", (int)(at - path), path,
                        what) >= (int)sizeof beside)
        return AM_OK;
    err = am_file_read(beside, form_max, text, n);
    return err == AM_E_NOTFOUND ? AM_OK : err;
}

int cmd_terms_file(struct fhir_tx *t, const char *path, const struct fhir_tx_file *how,
                   struct diag *d)
{
    struct fhir_tx_file f = *how;
    char *text = NULL, *chapters = NULL, *groups = NULL;
    size_t n = 0, chapters_n = 0, groups_n = 0;
    int err = am_file_read(path, form_max, &text, &n);
    if (!err && f.form == FHIR_TX_WHO)
        err = form_beside(path, "chapters", &chapters, &chapters_n);
    if (!err && f.form == FHIR_TX_WHO)
        err = form_beside(path, "groups", &groups, &groups_n);
    f.chapters = (struct str){chapters, chapters_n};
    f.groups = (struct str){groups, groups_n};
    if (!err)
        err = fhir_tx_add_file(t, (struct str){text, n}, &f, d);
    free(text);
    free(chapters);
    free(groups);
    return err;
}
