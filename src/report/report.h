/* SPDX-License-Identifier: Apache-2.0 */
/* report -- the report of a bench run: one HTML file a commission can read, print, sign.
 *
 * It reads what `amane bench run` wrote into a folder (summary.json, curves.json, the
 * evidence files) and nothing else; it measures nothing and judges nothing. Verdicts
 * come first (level reached, why, what is missing), then pictures with the same figures
 * in tables, then every measure, then the methods: what each printed number is, by which
 * formula, after whom, in which function, under which test (report_method_tbl.h).
 *
 * The folder is hostile input: files are bounded, follow their schemas, and agree.
 *
 * Invariants
 *   R1  an evidence file is named by the summary, has the digest the summary gives, is
 *       of the same model, and each of its measures is in the summary with the same
 *       figures: a report never shows two numbers for one thing.
 *   R2  a level is not said to be reached while one of its rows is not satisfied.
 *   R3  nothing about a group of fewer than REPORT_SHOWN_MIN people is shown.
 *   R4  no byte of the folder reaches the page unescaped (web's R1), and the page asks
 *       nothing from anywhere: no script, no address, fonts and style inside.
 *   R5  the same folder and language give the same bytes.
 *
 * Memory:  a struct report owns all it read. Threads: web_init() once before; a report
 *          has one owner. */
#ifndef REPORT_H
#define REPORT_H

#include "base/buf.h"
#include "base/diag.h"
#include "text/text.h"

enum { REPORT_SHOWN_MIN = 10 };

struct report;

/* Reads and checks DIR. AM_E_INVALID: every problem in d, paths "/summary/...",
 * "/curves/...", "/evidence-x.json/..."; AM_E_NOTFOUND, AM_E_IO...: which file, in d. */
AM_CHECK int report_read(struct report **out, const char *dir, struct diag *d);
void report_free(struct report *r);

/* Appends the page. web_init() must have been called. */
AM_CHECK int report_html(const struct report *r, enum text_lang l, struct buf *out,
                         struct diag *d);

#endif
