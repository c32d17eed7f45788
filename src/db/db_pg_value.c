/* SPDX-License-Identifier: Apache-2.0 */
/* Values as PostgreSQL sends them in binary: numbers big-endian, text and bytea as they
 * are, numeric in digits of base 10,000 (src/backend/utils/adt/numeric.c,
 * numeric_send). */
#include <math.h>

#include "db/db_pg_priv.h"

enum { /* pg_type.dat */
       T_BOOL = 16,
       T_CHAR = 18,
       T_NAME = 19,
       T_INT8 = 20,
       T_INT2 = 21,
       T_INT4 = 23,
       T_TEXT = 25,
       T_OID = 26,
       T_FLOAT4 = 700,
       T_FLOAT8 = 701,
       T_UNKNOWN = 705,
       T_BPCHAR = 1042,
       T_VARCHAR = 1043,
       T_NUMERIC = 1700,
       T_VOID = 2278
};

enum db_pg_kind { K_TEXT, K_BYTES, K_INT, K_FLOAT, K_NUMERIC, K_OTHER };

static enum db_pg_kind db_pg_kind(Oid type)
{
    switch (type) {
    case T_CHAR:
    case T_NAME:
    case T_TEXT:
    case T_UNKNOWN:
    case T_BPCHAR:
    case T_VARCHAR:
    case T_VOID:
        return K_TEXT;
    case DB_PG_BYTEA:
        return K_BYTES;
    case T_BOOL:
    case T_INT8:
    case T_INT2:
    case T_INT4:
    case T_OID:
        return K_INT;
    case T_FLOAT4:
    case T_FLOAT8:
        return K_FLOAT;
    case T_NUMERIC:
        return K_NUMERIC;
    default:
        return K_OTHER;
    }
}

bool db_pg_type_known(Oid type)
{
    return db_pg_kind(type) != K_OTHER;
}

static struct db_pg_stmt *db_pg_of(struct db_stmt *s)
{
    return (struct db_pg_stmt *)s;
}

/* The value under the cursor; STR_NULL when it is null or there is no row. */
static struct str db_pg_raw(struct db_stmt *base, int col)
{
    struct db_pg_stmt *s = db_pg_of(base);
    if (!s->res || s->row < 0 || s->row >= PQntuples(s->res) ||
        PQgetisnull(s->res, s->row, col))
        return STR_NULL;
    return (struct str){PQgetvalue(s->res, s->row, col),
                        (size_t)PQgetlength(s->res, s->row, col)};
}

static int64_t db_pg_be(struct str v) /* signed, 1 to 8 bytes */
{
    uint64_t n = v.n && (v.p[0] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = 0; i < v.n && i < 8; i++)
        n = n << 8 | (uint8_t)v.p[i];
    return (int64_t)n;
}

static double db_pg_float(struct str v)
{
    int64_t bits = db_pg_be(v);
    if (v.n == 4) {
        uint32_t half = (uint32_t)bits;
        float f;
        memcpy(&f, &half, sizeof f);
        return (double)f;
    }
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static int db_pg_short(struct str v, size_t i)
{
    return i + 2 <= v.n ? (int)db_pg_be((struct str){v.p + i, 2}) : 0;
}

/* ndigits, weight, sign, dscale, then the digits. */
static double db_pg_numeric(struct str v)
{
    int digits = db_pg_short(v, 0), weight = db_pg_short(v, 2);
    unsigned sign = (unsigned)db_pg_short(v, 4) & 0xFFFFu;
    double sum = 0;
    if (sign == 0xC000u)
        return NAN;
    for (int i = 0; i < digits; i++)
        sum = sum * 1e4 + db_pg_short(v, 8 + 2 * (size_t)i);
    /* a power of ten divides exactly where it would not multiply exactly */
    weight -= digits - 1;
    sum = weight < 0 ? sum / pow(1e4, -weight) : sum * pow(1e4, weight);
    return sign == 0x4000u ? -sum : sum;
}

/* sum() of bigint is numeric: whole numbers come out exactly. */
static int64_t db_pg_numeric_int(struct str v)
{
    int digits = db_pg_short(v, 0), weight = db_pg_short(v, 2);
    unsigned sign = (unsigned)db_pg_short(v, 4) & 0xFFFFu;
    uint64_t n = 0;
    if (sign == 0xC000u || weight > 4)
        return (int64_t)db_pg_numeric(v);
    for (int i = 0; i <= weight; i++)
        n = n * 10000u + (i < digits ? (uint64_t)db_pg_short(v, 8 + 2 * (size_t)i) : 0u);
    return sign == 0x4000u ? -(int64_t)n : (int64_t)n;
}

bool db_pg_is_null(struct db_stmt *s, int col)
{
    return !db_pg_raw(s, col).p;
}

int64_t db_pg_int(struct db_stmt *s, int col)
{
    struct str v = db_pg_raw(s, col);
    int64_t n = 0;
    if (!v.p)
        return 0;
    switch (db_pg_kind(db_pg_of(s)->ctype[col])) {
    case K_INT:
        return db_pg_be(v);
    case K_FLOAT:
        return (int64_t)db_pg_float(v);
    case K_NUMERIC:
        return db_pg_numeric_int(v);
    default:
        return str_int(v, INT64_MIN, INT64_MAX, &n) == AM_OK ? n : 0;
    }
}

double db_pg_num(struct db_stmt *s, int col)
{
    struct str v = db_pg_raw(s, col);
    double d = 0;
    if (!v.p)
        return 0;
    switch (db_pg_kind(db_pg_of(s)->ctype[col])) {
    case K_INT:
        return (double)db_pg_be(v);
    case K_FLOAT:
        return db_pg_float(v);
    case K_NUMERIC:
        return db_pg_numeric(v);
    default:
        return str_double(v, &d) == AM_OK ? d : 0;
    }
}

/* A number asked for as text is written out, as SQLite does. */
struct str db_pg_str(struct db_stmt *base, int col)
{
    struct db_pg_stmt *s = db_pg_of(base);
    struct str v = db_pg_raw(base, col);
    char *shown = s->shown[col];
    switch (db_pg_kind(s->ctype[col])) {
    case K_INT:
        snprintf(shown, sizeof s->shown[col], "%lld", (long long)db_pg_be(v));
        return str_c(shown);
    case K_FLOAT:
    case K_NUMERIC:
        snprintf(shown, sizeof s->shown[col], "%.15g", db_pg_num(base, col));
        return str_c(shown);
    default:
        return v;
    }
}

struct str db_pg_blob(struct db_stmt *s, int col)
{
    return db_pg_str(s, col);
}
