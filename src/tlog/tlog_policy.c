/* SPDX-License-Identifier: Apache-2.0 */
/* C2SP tlog-policy: which cosignatures make a checkpoint good enough. */
#include "base/clock.h"
#include "base/map.h"
#include "tlog/tlog_priv.h"

enum { TLOG_POLICY_TEXT = 65536, TLOG_LOGS = 8, TLOG_WITNESSES = 64, TLOG_GROUPS = 64 };

/* A name stands for witness i (index i) or group j (index TLOG_WITNESSES + j). */
struct tlog_group {
    size_t *member;
    size_t n, k;
};
struct tlog_policy {
    struct tlog_vkey log[TLOG_LOGS];
    struct tlog_witness_ref witness[TLOG_WITNESSES];
    struct tlog_group group[TLOG_GROUPS];
    size_t logs, witnesses, groups, quorum;
    bool has_quorum, none; /* none: no cosignature needed */
};

struct tlog_parse {
    struct tlog_policy *p;
    struct diag *d;
    struct map names;
    bool used[TLOG_WITNESSES + TLOG_GROUPS]; /* member of some group already */
    int err;                                 /* NOMEM */
    char at[32];
};

static void tlog_bad(struct tlog_parse *x, const char *code, struct str what)
{
    diag_err(x->d, x->at, code, "%.*s", (int)AM_MIN(what.n, (size_t)100),
             what.p ? what.p : "");
}

/* Words are separated by spaces and tabs only. */
static struct str tlog_word(struct str *line)
{
    size_t a = 0, b;
    while (a < line->n && (line->p[a] == ' ' || line->p[a] == '\t'))
        a++;
    for (b = a; b < line->n && line->p[b] != ' ' && line->p[b] != '\t';)
        b++;
    struct str w = str_sub(*line, a, b);
    *line = str_sub(*line, b, line->n);
    return w;
}

static bool tlog_policy_key(struct tlog_parse *x, struct str word,
                            enum tlog_sig_type type, struct tlog_vkey *out)
{
    int err = tlog_vkey_parse(word, out);
    if (err == AM_E_NOMEM)
        x->err = err;
    else if (err)
        tlog_bad(x, "policy.vkey", word);
    else if (out->type != type)
        tlog_bad(x, "policy.key_type", word);
    else
        return true;
    return false;
}

static void tlog_policy_log_line(struct tlog_parse *x, struct str line)
{
    struct tlog_policy *p = x->p;
    struct tlog_vkey k;
    struct str word = tlog_word(&line), url = tlog_word(&line);
    (void)url; /* where to submit entries: no use of it here */
    if (tlog_word(&line).n)
        tlog_bad(x, "policy.extra", line);
    if (!tlog_policy_key(x, word, TLOG_SIG_ED25519, &k))
        return;
    for (size_t i = 0; i < p->logs; i++)
        if (!memcmp(p->log[i].pub, k.pub, sizeof k.pub)) {
            tlog_bad(x, "policy.duplicate_key", word);
            return;
        }
    if (p->logs == TLOG_LOGS)
        tlog_bad(x, "policy.too_many", STR("log"));
    else
        p->log[p->logs++] = k;
}

static bool tlog_policy_define(struct tlog_parse *x, struct str name, size_t value)
{
    if (!name.n || name.n >= TLOG_NAME_MAX || str_eq(name, STR("none")))
        tlog_bad(x, "policy.name", name);
    else if (map_has(&x->names, name))
        tlog_bad(x, "policy.duplicate_name", name);
    else if (map_set(&x->names, name, value))
        x->err = AM_E_NOMEM;
    else
        return true;
    return false;
}

static void tlog_policy_witness_line(struct tlog_parse *x, struct str line)
{
    struct tlog_policy *p = x->p;
    struct tlog_witness_ref w = {0};
    struct str name = tlog_word(&line), word = tlog_word(&line), url = tlog_word(&line);
    if (tlog_word(&line).n || url.n >= sizeof w.url)
        tlog_bad(x, "policy.extra", url);
    if (!tlog_policy_key(x, word, TLOG_SIG_COSIGNATURE, &w.key))
        return;
    for (size_t i = 0; i < p->witnesses; i++)
        if (!memcmp(p->witness[i].key.pub, w.key.pub, sizeof w.key.pub)) {
            tlog_bad(x, "policy.duplicate_key", word);
            return;
        }
    if (p->witnesses == TLOG_WITNESSES) {
        tlog_bad(x, "policy.too_many", STR("witness"));
        return;
    }
    if (url.n < sizeof w.url && url.n)
        memcpy(w.url, url.p, url.n);
    if (tlog_policy_define(x, name, p->witnesses))
        p->witness[p->witnesses++] = w;
}

/* "all", "any" or a number from 1 to n without leading zeros. */
static size_t tlog_policy_threshold(struct str word, size_t n)
{
    size_t k = 0;
    if (str_eq(word, STR("all")))
        return n;
    if (str_eq(word, STR("any")))
        return 1;
    if (!word.n || word.n > 3 || word.p[0] == '0')
        return 0;
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9')
            return 0;
        k = k * 10 + (size_t)(word.p[i] - '0');
    }
    return k <= n ? k : 0;
}

static void tlog_policy_group_line(struct tlog_parse *x, struct str line)
{
    struct tlog_policy *p = x->p;
    struct str name = tlog_word(&line), threshold = tlog_word(&line), word;
    size_t member[TLOG_WITNESSES + TLOG_GROUPS], n = 0, k;
    while ((word = tlog_word(&line)).n) {
        size_t v;
        if (map_get(&x->names, word, &v)) { /* only names of lines above: no cycles */
            tlog_bad(x, "policy.unknown_name", word);
            return;
        }
        if (x->used[v]) { /* each name is a member once: one witness, one way to count */
            tlog_bad(x, "policy.member_twice", word);
            return;
        }
        x->used[v] = true;
        member[n++] = v;
    }
    k = tlog_policy_threshold(threshold, n);
    if (!k)
        tlog_bad(x, "policy.threshold", threshold);
    else if (p->groups == TLOG_GROUPS)
        tlog_bad(x, "policy.too_many", STR("group"));
    else if (tlog_policy_define(x, name, TLOG_WITNESSES + p->groups)) {
        struct tlog_group *g = &p->group[p->groups];
        g->member = am_calloc(n, sizeof *member);
        if (!g->member) {
            x->err = AM_E_NOMEM;
            return;
        }
        memcpy(g->member, member, n * sizeof *member);
        g->n = n;
        g->k = k;
        p->groups++;
    }
}

static void tlog_policy_quorum_line(struct tlog_parse *x, struct str line)
{
    struct str name = tlog_word(&line);
    if (tlog_word(&line).n)
        tlog_bad(x, "policy.extra", line);
    if (x->p->has_quorum)
        tlog_bad(x, "policy.quorum_twice", name);
    else if (str_eq(name, STR("none")))
        x->p->none = x->p->has_quorum = true;
    else if (map_get(&x->names, name, &x->p->quorum))
        tlog_bad(x, "policy.unknown_name", name);
    else
        x->p->has_quorum = true;
}

static void tlog_policy_line(struct tlog_parse *x, struct str line)
{
    struct str word;
    for (size_t i = 0; i < line.n; i++)
        if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f) {
            tlog_bad(x, "policy.control", STR("control character"));
            return;
        }
    word = tlog_word(&line);
    if (!word.n || word.p[0] == '#')
        return;
    if (str_eq(word, STR("log")))
        tlog_policy_log_line(x, line);
    else if (str_eq(word, STR("witness")))
        tlog_policy_witness_line(x, line);
    else if (str_eq(word, STR("group")))
        tlog_policy_group_line(x, line);
    else if (str_eq(word, STR("quorum")))
        tlog_policy_quorum_line(x, line);
    else
        tlog_bad(x, "policy.keyword", word);
}

int tlog_policy_parse(struct tlog_policy **out, struct str text, struct diag *d)
{
    struct tlog_parse x = {.d = d};
    struct diag own;
    unsigned line = 0;
    int err;
    if (text.n > TLOG_POLICY_TEXT)
        return AM_E_TOOBIG;
    diag_init(
        &own); /* to know whether there was an error when the caller does not care */
    x.d = &own;
    map_init(&x.names);
    x.p = am_calloc(1, sizeof *x.p);
    if (!x.p)
        x.err = AM_E_NOMEM;
    while (text.n && !x.err) {
        struct str one = str_cut(text, '\n', &text);
        snprintf(x.at, sizeof x.at, "%u", ++line);
        tlog_policy_line(&x, one);
    }
    snprintf(x.at, sizeof x.at, "%u", line);
    if (!x.err && !x.p->has_quorum)
        tlog_bad(&x, "policy.no_quorum", STR("no quorum line"));
    if (!x.err && !x.p->logs)
        tlog_bad(&x, "policy.no_log", STR("no log line"));
    err = x.err ? x.err : diag_result(&own);
    if (d)
        diag_merge(d, &own, "");
    diag_release(&own);
    map_release(&x.names);
    if (err)
        tlog_policy_free(x.p);
    else
        *out = x.p;
    return err;
}

void tlog_policy_free(struct tlog_policy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->groups; i++)
        free(p->group[i].member);
    free(p);
}

const struct tlog_vkey *tlog_policy_log(const struct tlog_policy *p)
{
    return &p->log[0];
}

size_t tlog_policy_witnesses(const struct tlog_policy *p)
{
    return p->witnesses;
}

const struct tlog_witness_ref *tlog_policy_witness(const struct tlog_policy *p, size_t i)
{
    am_assert(i < p->witnesses);
    return &p->witness[i];
}

/* Do the witnesses in mask make the quorum? Groups refer upwards only: one pass. */
static bool tlog_quorum_met(const struct tlog_policy *p, uint64_t mask)
{
    bool met[TLOG_WITNESSES + TLOG_GROUPS] = {false};
    if (p->none)
        return true;
    for (size_t i = 0; i < p->witnesses; i++)
        met[i] = mask >> i & 1;
    for (size_t g = 0; g < p->groups; g++) {
        size_t have = 0;
        for (size_t i = 0; i < p->group[g].n; i++)
            have += met[p->group[g].member[i]];
        met[TLOG_WITNESSES + g] = have >= p->group[g].k;
    }
    return met[p->quorum];
}

/* Signed by one of the logs? The wrong origin is the wrong log, not a forgery. */
static int tlog_policy_open(const struct tlog_policy *p, struct str note,
                            struct tlog_checkpoint *c)
{
    int err = AM_E_TAMPERED, worst = AM_E_CONFLICT;
    for (size_t i = 0; i < p->logs; i++) {
        err = tlog_checkpoint_open(note, &p->log[i], c);
        if (!err || (err != AM_E_CONFLICT && err != AM_E_TAMPERED))
            return err;
        if (err == AM_E_TAMPERED)
            worst = err;
    }
    return worst;
}

/* Newest valid cosignature of each witness, in one pass over the note; -1 when none. A
 * line that claims to be of a known key and does not verify condemns the note. */
static int tlog_policy_times(const struct tlog_policy *p, struct str note,
                             int64_t at[TLOG_WITNESSES])
{
    struct str body, sigs;
    struct tlog_sig s;
    int err = tlog_note_split(note, &body, &sigs);
    for (size_t i = 0; i < TLOG_WITNESSES; i++)
        at[i] = -1;
    while (!err && sigs.n) {
        err = tlog_sig_next(&sigs, &s);
        for (size_t i = 0; !err && s.n && i < p->witnesses; i++) {
            const struct tlog_vkey *k = &p->witness[i].key;
            int64_t one;
            if (s.id != k->id || !str_eqc(s.name, k->name))
                continue;
            err = tlog_cosignature_check(&s, k, body, &one);
            if (!err)
                at[i] = AM_MAX(at[i], one);
        }
    }
    return err;
}

int tlog_policy_check(const struct tlog_policy *p, struct str note,
                      struct tlog_checkpoint *out, int64_t *lease_at, uint64_t *signed_by)
{
    struct tlog_checkpoint c;
    int64_t at[TLOG_WITNESSES], lease = 0;
    uint64_t mask = 0;
    int err = tlog_policy_open(p, note, &c);
    if (!err)
        err = tlog_policy_times(p, note, at);
    if (err)
        return err;
    for (size_t i = 0; i < p->witnesses; i++)
        if (at[i] >= 0)
            mask |= UINT64_C(1) << i;
    if (out)
        *out = c;
    if (signed_by)
        *signed_by = mask;
    if (!tlog_quorum_met(p, mask))
        return AM_E_PRECONDITION;
    /* Largest T such that the cosignatures dated T or later still make the quorum: only
     * the dates themselves are candidates. Without witnesses there is no witnessed time.
     */
    for (size_t i = 0; i < p->witnesses && !p->none; i++) {
        uint64_t since = 0;
        for (size_t j = 0; j < p->witnesses; j++)
            if (at[j] >= 0 && at[j] >= at[i])
                since |= UINT64_C(1) << j;
        if (at[i] > lease && tlog_quorum_met(p, since))
            lease = at[i];
    }
    if (lease_at)
        *lease_at = lease;
    return AM_OK;
}
