/* SPDX-License-Identifier: Apache-2.0 */
/* text -- what people read: catalogues, plurals, numbers and dates in fr, ar, en.
 *
 * Catalogues are web/i18n/{fr,ar,en}.po, compiled to C at build time. A message is found
 * by its symbolic id (msgid "registry.title"), never by its English text. Placeholders
 * are {name}. Plurals follow CLDR: one/other for fr and en (fr: 0 and 1 are singular),
 * six forms for ar; the msgid_plural is "<id>#" and the number is the argument n.
 *
 * A missing translation falls back to French, then to the id itself, and is counted: a
 * test fails when a catalogue lacks an id that another has.
 *
 * Numbers: decimal comma and narrow no-break space (fr), decimal comma with dot grouping
 * and Western digits (ar, Morocco), decimal point and comma grouping (en). Threads:
 * everything is constant after start-up. */
#ifndef TEXT_H
#define TEXT_H

#include "base/buf.h"
#include "base/diag.h"

enum text_lang { TEXT_FR, TEXT_AR, TEXT_EN, TEXT_LANGS };

/* "fr", "ar", "en" or a locale such as "ar_MA.UTF-8"; false when not ours. */
bool text_lang_parse(struct str s, enum text_lang *out);
const char *text_lang_code(enum text_lang l); /* "fr" */
const char *text_lang_dir(enum text_lang l);  /* "ltr" or "rtl" */
/* Best of an Accept-Language header; French when nothing fits. */
enum text_lang text_lang_accept(struct str header);

struct text_arg {
    const char *name;
    struct str value;
};
/* The translation, without substitution; the id itself when unknown. */
struct str text_get(enum text_lang l, const char *id);
bool text_has(enum text_lang l, const char *id);
/* With {name} replaced; unknown placeholders stay. Appends. */
AM_CHECK int text_fmt(struct buf *out, enum text_lang l, const char *id,
                      const struct text_arg *arg, size_t n);
/* The plural form for n, {n} replaced by the localised number. */
AM_CHECK int text_plural(struct buf *out, enum text_lang l, const char *id, int64_t n,
                         const struct text_arg *arg, size_t n_arg);
int text_plural_form(enum text_lang l, int64_t n); /* CLDR index, 0-based */
/* What is wrong, to its author: the message diag.<code> with its arguments and {detail};
 * the English detail where no catalogue has the code. Appends. */
AM_CHECK int text_problem(struct buf *out, enum text_lang l, const struct diag_item *it);
/* The detail alone (text_why.c): in English as the program wrote it; else the message
 * why.<words of its format>, its values as {a1}, {a2}... as they are and {w1}, {w2}... as
 * the words that the catalogues have for them ("pilot", "not found"); without such a
 * message, the names and numbers in it, which are of no language; perhaps nothing. */
AM_CHECK int text_detail(struct buf *out, enum text_lang l, const struct diag_item *it);

AM_CHECK int text_int(struct buf *out, enum text_lang l, int64_t v);
AM_CHECK int text_num(struct buf *out, enum text_lang l, double v, int decimals);
AM_CHECK int text_percent(struct buf *out, enum text_lang l, double share, int decimals);
/* "21 novembre 2026", "21 نونبر 2026" (Moroccan month names), "21 November 2026". UTC. */
AM_CHECK int text_date(struct buf *out, enum text_lang l, int64_t at);
AM_CHECK int text_datetime(struct buf *out, enum text_lang l, int64_t at); /* 24 h, UTC */

/* For tests and tools: every id of a catalogue, sorted. */
size_t text_ids(void);
const char *text_id_at(size_t i);
/* How many look-ups found no message since the program started; any thread. */
size_t text_misses(void);

#endif
