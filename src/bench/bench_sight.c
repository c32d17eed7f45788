/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench_sight.h"
#include "bench/bench_oracle.h"

enum { DECIMALS_MAX = 17, DECIMALS_FROM = 16 };

bool bench_sight_add(struct bench_sights *s, enum bench_sight_kind kind, double a,
                     double b)
{
    double *v = s->v + BENCH_SIGHT_NUMBERS * s->n;
    if (s->n == BENCH_SIGHTS_MAX)
        return false;
    v[0] = kind;
    v[1] = a;
    v[2] = b;
    s->n++;
    return true;
}

int bench_decimals(double v)
{
    for (int k = 0; k < DECIMALS_MAX; k++) {
        double scale = pow(10, k), near = nearbyint(v * scale) / scale;
        if (near == v || ((double)(float)v == v && (float)near == (float)v))
            return k;
    }
    return DECIMALS_MAX;
}

/* ---- counting -------------------------------------------------------------------------
 */
struct tries {
    int64_t n, accepted, silent; /* silent: no answer, or told to come back later */
};
struct counted {
    bool answers; /* the right token gets a score */
    struct tries without, by_default;
    int64_t odd, odds, rows;
    unsigned lowest; /* TLS */
    bool trusted;
    int64_t versions, open, ports;
    double here[BENCH_COMPARED];
    int64_t twice, moved;
    int64_t answered, limited, alerted; /* alerted: after so many answers; -1 */
    int decimals;
    double first; /* score */
    bool varies;
    double seconds;
    int64_t fault[BENCH_FAULTS];
    enum bench_oip_fault malformed;
};

static bool turned_away(double status)
{
    return status == 429 || status == 503;
}

static void count_try(struct tries *t, double status)
{
    t->n++;
    if (!(status > 0) || turned_away(status))
        t->silent++;
    else
        t->accepted += status != 401 && status != 403;
}

static void count_asked(struct counted *c, double status, double score)
{
    c->limited += turned_away(status);
    if (isnan(score))
        return;
    if (!c->answered)
        c->first = score;
    c->varies |= score != c->first;
    c->answered++;
    c->decimals = AM_MAX(c->decimals, bench_decimals(score));
}

static void count_version(struct counted *c, double version, double how)
{
    c->versions++;
    c->trusted |= how == 2;
    for (unsigned v = 10; v <= 13; v++)
        if (version == v && how >= 1 && (!c->lowest || v < c->lowest))
            c->lowest = v;
}

/* An index below max; max: it is none. */
static size_t index_of(double v, size_t max)
{
    return v >= 0 && v < (double)max ? (size_t)v : max;
}

static int64_t whole(double v)
{
    return v >= 0 && v <= 0x1p53 ? (int64_t)v : 0;
}

static void count_told(struct counted *c, enum bench_sight_kind kind, double a, double b)
{
    size_t i;
    switch (kind) {
    case BENCH_SIGHT_HERE:
        i = index_of(a, BENCH_COMPARED);
        if (i < BENCH_COMPARED)
            c->here[i] = b;
        break;
    case BENCH_SIGHT_MOVED:
        c->twice = whole(a);
        c->moved = whole(b);
        break;
    case BENCH_SIGHT_FAULT:
        i = index_of(a, BENCH_FAULTS);
        if (i < BENCH_FAULTS)
            c->fault[i] = whole(b);
        break;
    case BENCH_SIGHT_MALFORMED:
        c->malformed =
            (enum bench_oip_fault)(index_of(a, BENCH_OIP_FAULTS) % BENCH_OIP_FAULTS);
        break;
    case BENCH_SIGHT_ROWS:
        c->rows = whole(a);
        break;
    case BENCH_SIGHT_ENDED:
        c->seconds = a;
        break;
    default:
        break;
    }
}

static void count_line(struct counted *c, enum bench_sight_kind kind, double a, double b)
{
    switch (kind) {
    case BENCH_SIGHT_GREETED:
        c->answers = a == 1;
        break;
    case BENCH_SIGHT_STRANGER:
        count_try(&c->without, b);
        break;
    case BENCH_SIGHT_DEFAULT:
        count_try(&c->by_default, b);
        break;
    case BENCH_SIGHT_ODD:
        c->odds++;
        c->odd += b >= 200 && b < 300;
        break;
    case BENCH_SIGHT_TLS:
        count_version(c, a, b);
        break;
    case BENCH_SIGHT_CLEAR:
        c->ports++;
        c->open += b == 1;
        break;
    case BENCH_SIGHT_ASKED:
        count_asked(c, a, b);
        break;
    case BENCH_SIGHT_NAMED:
        if (c->alerted < 0)
            c->alerted = c->answered;
        break;
    default:
        count_told(c, kind, a, b);
    }
}

static void count_all(struct counted *c, const struct bench_sights *s)
{
    *c = (struct counted){.alerted = -1, .seconds = NAN};
    for (size_t i = 0; i < BENCH_COMPARED; i++)
        c->here[i] = NAN;
    for (size_t i = 0; i < s->n; i++) {
        const double *v = s->v + BENCH_SIGHT_NUMBERS * i;
        size_t kind = index_of(v[0], BENCH_SIGHT_KINDS);
        if (kind < BENCH_SIGHT_KINDS)
            count_line(c, (enum bench_sight_kind)kind, v[1], v[2]);
    }
}

/* ---- CY-1 -----------------------------------------------------------------------------
 */
static int emit(struct bench_run *r, const char *row, const char *name, double v,
                const char *how, int64_t n)
{
    return bench_emit(r, row, name, "", v, bench_no_ci, how, n, 0);
}

static int emit_tries(struct bench_run *r, const struct counted *c, const char *name,
                      const struct tries *t)
{
    if (!c->answers)
        return emit(r, "CY-1", name, NAN, "right_token_not_accepted", t->n);
    if (!t->n || (t->silent && !t->accepted))
        return emit(r, "CY-1", name, NAN, "calls_without_answer", t->n);
    return emit(r, "CY-1", name, (double)t->accepted, "count", t->n);
}

static int emit_faults(struct bench_run *r, const struct counted *c)
{
    int err = emit(r, "CY-1", "answers_that_leak", (double)c->fault[BENCH_FAULT_LEAK],
                   "count", c->rows);
    if (!err)
        err = emit(r, "CY-1", "malformed_questions_accepted", (double)c->odd, "count",
                   c->odds);
    if (!err)
        err = emit(r, "CY-1", "answers_for_other_rows", c->twice ? (double)c->moved : NAN,
                   c->twice ? "alone_and_together" : "not_asked", c->twice);
    for (size_t i = 0; i < BENCH_FAULTS && !err; i++) {
        char group[64];
        if (i == BENCH_FAULT_DENIED || i == BENCH_FAULT_LEAK)
            continue;
        snprintf(group, sizeof group, "fault=%s", bench_fault_name[i]);
        err = bench_emit(r, "CY-1", "faults", group, (double)c->fault[i], bench_no_ci,
                         i == BENCH_FAULT_MALFORMED && c->fault[i]
                             ? bench_oip_fault_name[c->malformed]
                             : "count",
                         c->rows, 0);
    }
    return err;
}

/* ---- CY-2 -----------------------------------------------------------------------------
 */
static int emit_encryption(struct bench_run *r, const struct counted *c)
{
    const struct bench_remote *at = r->remote;
    int err = !c->lowest && at->tls
                  ? emit(r, "CY-2", "tls_version", NAN, "no_handshake", c->versions)
                  : emit(r, "CY-2", "tls_version", c->lowest / 10.0,
                         c->lowest ? "lowest_accepted" : "clear_text", c->versions);
    if (!err)
        err = emit(r, "CY-2", "certificate_trusted", c->trusted,
                   at->ca[0] ? "declared_authority" : "system_authorities", 1);
    return err ? err
               : emit(r, "CY-2", "clear_text_ports", c->ports ? (double)c->open : NAN,
                      "count", c->ports);
}

/* ---- CY-6 -----------------------------------------------------------------------------
 */
static int emit_control(struct bench_run *r, const struct counted *c, const char *name,
                        double v, const char *how)
{
    return emit(r, "CY-6", name, v, how, c->answered);
}

static int emit_limit(struct bench_run *r, const struct counted *c)
{
    static const char name[] = "rate_limit_active";
    const struct bench_remote *at = r->remote;
    if (c->limited)
        return emit_control(r, c, name, 1, "met");
    if (c->answered < at->questions_max)
        return emit_control(r, c, name, NAN, "answers_ended");
    if ((double)c->answered / c->seconds < at->limit_requests / at->limit_s)
        return emit_control(r, c, name, NAN, "line_too_slow");
    return emit_control(r, c, name, 0, "never_met");
}

static int emit_alert(struct bench_run *r, const struct counted *c)
{
    static const char name[] = "alert_before_queries_per_day_per_account";
    const struct bench_remote *at = r->remote;
    if (!at->alert_log[0] || !at->probe.name[0])
        return emit_control(r, c, name, NAN, "no_alert_log");
    if (c->alerted >= 0)
        return emit_control(r, c, name, (double)c->alerted, "alert_log");
    if (c->answered < at->questions_max)
        return emit_control(r, c, name, NAN,
                            c->limited ? "limited_first" : "answers_ended");
    if (c->answered < BENCH_BURST_ROWS) /* fewer prove nothing about a thousand a day */
        return emit_control(r, c, name, NAN, "too_few_asked");
    return emit_control(r, c, name, (double)c->answered + 1, "never_named");
}

static int emit_controls(struct bench_run *r, const struct counted *c)
{
    int err = emit_limit(r, c);
    if (!err)
        err = emit_alert(r, c);
    if (err)
        return err;
    if (c->answered < DECIMALS_FROM || !c->varies)
        return emit_control(r, c, "output_decimals", NAN,
                            c->varies || !c->answered ? "few_answers" : "one_score");
    return emit_control(r, c, "output_decimals", c->decimals, "largest");
}

/* The file of the record and what answers there: are they one model? */
static int compare(struct bench_run *r, const struct counted *c, const double *x)
{
    struct bench_oracle o;
    double file[BENCH_COMPARED], worst = 0;
    size_t asked, n = 0, same = 0;
    int err;
    if (!r->model_declared || !c->answers)
        return AM_OK;
    err = bench_oracle_open(&o, r, -1);
    if (!err)
        err = probe_ask(&o.probe, x, BENCH_COMPARED, file, &asked);
    bench_oracle_close(&o);
    for (size_t i = 0; i < BENCH_COMPARED && !err; i++) {
        if (isnan(file[i]) || isnan(c->here[i]))
            continue;
        n++;
        same += (file[i] >= r->threshold) == (c->here[i] >= r->threshold);
        worst = fmax(worst, fabs(file[i] - c->here[i]));
    }
    if (!err)
        err = emit(r, "CY-6", "deployed_decision_agreement",
                   stat_proportion((int64_t)same, (int64_t)n), "made_rows", (int64_t)n);
    return err ? err
               : emit(r, "CY-6", "deployed_score_difference", n ? worst : NAN, "largest",
                      (int64_t)n);
}

int bench_sights_emit(struct bench_run *r, const struct bench_sights *s, const double *x)
{
    struct counted c;
    int err;
    count_all(&c, s);
    err = compare(r, &c, x);
    if (!err)
        err = emit_tries(r, &c, "unauthenticated_accepted", &c.without);
    if (!err)
        err = emit_tries(r, &c, "default_credentials", &c.by_default);
    if (!err)
        err = emit_encryption(r, &c);
    if (!err)
        err = emit_controls(r, &c);
    return err ? err : emit_faults(r, &c);
}
