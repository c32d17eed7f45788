/* SPDX-License-Identifier: Apache-2.0 */
/* clock -- instants (UTC microseconds since 1970, int64, names end in _at) and the one
 * interface through which all code reads the time, so that tests can move it.
 *
 * (The file is not called time.h: -Isrc/base must never shadow the C header.)
 *
 * Threads: reading is safe anywhere; time_fake() is for tests, before threads start. */
#ifndef AM_CLOCK_H
#define AM_CLOCK_H

#include "base/base.h"

#define TIME_SECOND INT64_C(1000000)
#define TIME_DAY    (INT64_C(86400) * TIME_SECOND)

enum { TIME_TEXT = 28 }; /* "2026-11-21T22:41:52.123456Z" and its NUL */

int64_t time_now(void);      /* wall clock, microseconds since the epoch */
int64_t time_mono(void);     /* monotonic microseconds: intervals, leases */
void time_fake(int64_t now); /* tests: time_now() answers this; 0 restores the clock */
/* RFC 3339 UTC, to the second when the microseconds are 0, else 6 decimals. */
const char *time_format(int64_t at, char out[TIME_TEXT]);
/* RFC 3339 with Z or an offset; years 1 to 9999. AM_E_SYNTAX otherwise. */
AM_CHECK int time_parse(struct str s, int64_t *at);
/* "YYYY-MM-DD" to the instant it starts in UTC. */
AM_CHECK int time_parse_date(struct str s, int64_t *at);
/* Adds a whole ISO 8601 duration PnYnMnDTnHnMnS (calendar arithmetic for Y and M; the day
 * is clamped to the month). */
AM_CHECK int time_add_iso(int64_t at, struct str duration, int64_t *out);
void time_ymd(int64_t at, int *year, int *month, int *day);

#endif
