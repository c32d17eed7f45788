/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_PRIV_H
#define REPORT_PRIV_H

#include <math.h>

#include "json/json.h"
#include "report/report.h"

enum {
    REPORT_FILE_MAX = 64 << 20,
    REPORT_FILES_MAX = 64,
    REPORT_MEASURES_MAX = 50000,
    REPORT_ID_MAX = 128
};

struct report {
    struct json_doc *summary_doc, *curves_doc;
    const struct json *summary, *curves, *measures;
    struct json_doc *evidence[REPORT_FILES_MAX];
    size_t files;
};

/* One page being written. */
struct report_page {
    const struct report *r;
    enum text_lang l;
    struct jw *w;
    int err;      /* the first that went wrong; nothing is written after it */
    bool *method; /* cited on this page, by place in the table */
    bool cited;   /* inside "refs" */
};

/* report_check.c: what schemas cannot say. */
void report_check(const struct report *r, struct diag *d);
void report_check_evidence(const struct report *r, const struct json *evidence,
                           const char *file, struct diag *d);

/* report_page.c: helpers of sections */
double report_num(const struct json *v, const char *key); /* NaN when absent */
struct str report_word(const struct report_page *p, const char *family, struct str code);
/* What is measured, in words. */
struct str report_measure_word(const struct report_page *p, struct str name);
/* May a figure of this group of so many be shown (R3)? */
bool report_shown(struct str group, const struct json *n);
/* Value of key in "a=x;b=y"; STR_NULL. */
struct str report_part(struct str group, const char *key);
/* The measure of a row, by name and group; NULL. */
const struct json *report_measure(const struct report *r, const char *row,
                                  const char *name, struct str group);

/* Ends and limit of a scale of bars. */
struct report_scale {
    double lo, hi, gate;
};

/* report_draw.c. Every _open has its _close; ids are of the catalogue. `about` is a
 * measure whose methods the figures have; NULL: none is cited. */
void report_msg(struct report_page *p, const char *key, const char *id);
void report_list_open(struct report_page *p, const char *key);
void report_list_close(struct report_page *p);
void report_section_open(struct report_page *p, const char *id);
void report_section_close(struct report_page *p, bool any);
struct str report_group_word(const struct report_page *p, struct buf *b,
                             struct str group);
void report_table_open(struct report_page *p, const char *caption,
                       const char *const *column, size_t n);
void report_table_close(struct report_page *p);
void report_row_open(struct report_page *p, struct str name, struct str note);
void report_row_close(struct report_page *p, const struct json *measure);
void report_cell_text(struct report_page *p, const char *label, struct str text);
void report_cell_num(struct report_page *p, const char *label, double v, int decimals);
/* Makes room for the figures of m. */
void report_widen(struct report_scale *s, const struct json *m);
void report_cell_measure(struct report_page *p, const char *label, const struct json *m,
                         const struct report_scale *s);
bool report_measures_table(struct report_page *p, const char *caption, const char *rows);
bool report_forest(struct report_page *p, const char *row, const char *name,
                   struct str attribute);
void report_axis(struct report_page *p, const char *key, const char *label, double min,
                 double max, int decimals);
void report_curve_open(struct report_page *p, const char *title, const char *desc);
void report_curve_close(struct report_page *p, const struct json *about);
void report_series_open(struct report_page *p, struct str name, bool band);
void report_series_close(struct report_page *p);
void report_point(struct report_page *p, double x, double y, double lo, double hi);

/* report_stress.c: sections of what disturbs the model, and of attributions. */
void report_stress(struct report_page *p);
/* report_section.c: sections of pictures and tables; members of the open list. */
void report_sections(struct report_page *p);
/* report_method.c: "refs": the methods behind a measure; "methods": those cited. */
void report_refs(struct report_page *p, const struct json *measure);
void report_methods(struct report_page *p);
size_t report_method_count(void);
/* Places in the table: of a measure's formula, of its interval; SIZE_MAX for none. */
size_t report_method_of(struct str row, struct str name);
size_t report_interval_of(struct str ci_method);

#endif
