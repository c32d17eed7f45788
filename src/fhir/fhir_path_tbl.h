/* SPDX-License-Identifier: Apache-2.0 */
/* fhir_path_tbl -- the functions of FHIRPath: X(enum, name, least, most, how).
 * how: L arguments are evaluated for each item (or not at all), A before the call,
 * T the argument is a type. */
#ifndef FHIR_PATH_TBL_H
#define FHIR_PATH_TBL_H
/* clang-format off */
#define FHIR_PATH_FUNCTIONS(X) \
    X(EMPTY, "empty", 0, 0, A) \
    X(EXISTS, "exists", 0, 1, L) \
    X(ALL, "all", 1, 1, L) \
    X(ALL_TRUE, "allTrue", 0, 0, A) \
    X(ANY_TRUE, "anyTrue", 0, 0, A) \
    X(ALL_FALSE, "allFalse", 0, 0, A) \
    X(ANY_FALSE, "anyFalse", 0, 0, A) \
    X(SUBSET_OF, "subsetOf", 1, 1, A) \
    X(SUPERSET_OF, "supersetOf", 1, 1, A) \
    X(COUNT, "count", 0, 0, A) \
    X(DISTINCT, "distinct", 0, 0, A) \
    X(IS_DISTINCT, "isDistinct", 0, 0, A) \
    X(WHERE, "where", 1, 1, L) \
    X(SELECT, "select", 1, 1, L) \
    X(REPEAT, "repeat", 1, 1, L) \
    X(OF_TYPE, "ofType", 1, 1, T) \
    X(SINGLE, "single", 0, 0, A) \
    X(FIRST, "first", 0, 0, A) \
    X(LAST, "last", 0, 0, A) \
    X(TAIL, "tail", 0, 0, A) \
    X(SKIP, "skip", 1, 1, A) \
    X(TAKE, "take", 1, 1, A) \
    X(INTERSECT, "intersect", 1, 1, A) \
    X(EXCLUDE, "exclude", 1, 1, A) \
    X(UNION, "union", 1, 1, A) \
    X(COMBINE, "combine", 1, 1, A) \
    X(IIF, "iif", 2, 3, L) \
    X(NOT, "not", 0, 0, A) \
    X(IS, "is", 1, 1, T) \
    X(AS, "as", 1, 1, T) \
    X(TYPE, "type", 0, 0, A) \
    X(CHILDREN, "children", 0, 0, A) \
    X(DESCENDANTS, "descendants", 0, 0, A) \
    X(AGGREGATE, "aggregate", 1, 2, L) \
    X(SORT, "sort", 0, 8, L) \
    X(TRACE, "trace", 1, 2, L) \
    X(NOW, "now", 0, 0, A) \
    X(TODAY, "today", 0, 0, A) \
    X(TIME_OF_DAY, "timeOfDay", 0, 0, A) \
    X(EXTENSION, "extension", 1, 1, A) \
    X(HAS_VALUE, "hasValue", 0, 0, A) \
    X(GET_VALUE, "getValue", 0, 0, A) \
    X(RESOLVE, "resolve", 0, 0, A) \
    X(MEMBER_OF, "memberOf", 1, 1, A) \
    X(CONFORMS_TO, "conformsTo", 1, 1, A) \
    X(HTML_CHECKS, "htmlChecks", 0, 0, A) \
    X(RESOURCE_KEY, "getResourceKey", 0, 0, A) \
    X(REFERENCE_KEY, "getReferenceKey", 0, 1, T) \
    X(TO_BOOLEAN, "toBoolean", 0, 0, A) \
    X(CONVERTS_TO_BOOLEAN, "convertsToBoolean", 0, 0, A) \
    X(TO_INTEGER, "toInteger", 0, 0, A) \
    X(CONVERTS_TO_INTEGER, "convertsToInteger", 0, 0, A) \
    X(TO_DECIMAL, "toDecimal", 0, 0, A) \
    X(CONVERTS_TO_DECIMAL, "convertsToDecimal", 0, 0, A) \
    X(TO_STRING, "toString", 0, 0, A) \
    X(CONVERTS_TO_STRING, "convertsToString", 0, 0, A) \
    X(TO_DATE, "toDate", 0, 0, A) \
    X(CONVERTS_TO_DATE, "convertsToDate", 0, 0, A) \
    X(TO_DATETIME, "toDateTime", 0, 0, A) \
    X(CONVERTS_TO_DATETIME, "convertsToDateTime", 0, 0, A) \
    X(TO_TIME, "toTime", 0, 0, A) \
    X(CONVERTS_TO_TIME, "convertsToTime", 0, 0, A) \
    X(TO_QUANTITY, "toQuantity", 0, 1, A) \
    X(CONVERTS_TO_QUANTITY, "convertsToQuantity", 0, 1, A) \
    X(INDEX_OF, "indexOf", 1, 1, A) \
    X(SUBSTRING, "substring", 1, 2, A) \
    X(STARTS_WITH, "startsWith", 1, 1, A) \
    X(ENDS_WITH, "endsWith", 1, 1, A) \
    X(CONTAINS, "contains", 1, 1, A) \
    X(UPPER, "upper", 0, 0, A) \
    X(LOWER, "lower", 0, 0, A) \
    X(REPLACE, "replace", 2, 2, A) \
    X(MATCHES, "matches", 1, 1, A) \
    X(MATCHES_FULL, "matchesFull", 1, 1, A) \
    X(REPLACE_MATCHES, "replaceMatches", 2, 2, A) \
    X(LENGTH, "length", 0, 0, A) \
    X(TO_CHARS, "toChars", 0, 0, A) \
    X(ENCODE, "encode", 1, 1, A) \
    X(DECODE, "decode", 1, 1, A) \
    X(ESCAPE, "escape", 1, 1, A) \
    X(UNESCAPE, "unescape", 1, 1, A) \
    X(TRIM, "trim", 0, 0, A) \
    X(SPLIT, "split", 1, 1, A) \
    X(JOIN, "join", 0, 1, A) \
    X(ABS, "abs", 0, 0, A) \
    X(CEILING, "ceiling", 0, 0, A) \
    X(FLOOR, "floor", 0, 0, A) \
    X(TRUNCATE, "truncate", 0, 0, A) \
    X(ROUND, "round", 0, 1, A) \
    X(EXP, "exp", 0, 0, A) \
    X(LN, "ln", 0, 0, A) \
    X(LOG, "log", 1, 1, A) \
    X(POWER, "power", 1, 1, A) \
    X(SQRT, "sqrt", 0, 0, A) \
    X(LOW_BOUNDARY, "lowBoundary", 0, 1, A) \
    X(HIGH_BOUNDARY, "highBoundary", 0, 1, A) \
    X(PRECISION, "precision", 0, 0, A) \
    X(COMPARABLE, "comparable", 1, 1, A)
/* clang-format on */
#endif
