/* SPDX-License-Identifier: Apache-2.0 */
/* amane eds erase, erasures: a patient out of the warehouse, and the list of those taken
 * out (eds/erase.h). The store is this process's alone meanwhile. */
#include "cmd_eds.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "eds/erase.h"

static const char *const fate_name[] = {
    [EDS_GOES] = "erased",     [EDS_RETAINED] = "retained", [EDS_SHARED] = "shared",
    [EDS_FOREIGN] = "foreign", [EDS_AUDIT] = "audit",       [EDS_DAMAGED] = "damaged"};

static bool progress(void *arg, int64_t done, int64_t of)
{
    cmd_eds_progress(arg, done, of, done);
    return !cmd_eds_stopped();
}

/* ---- what was done ---- */
struct by_type {
    VEC(struct type_count {
        struct str type;
        int64_t n;
    })
    count;
    struct map at;
};

static int count_types(struct by_type *t, const struct eds_erase *x)
{
    int err = AM_OK;
    for (size_t i = 0; i < x->n_fated && !err; i++) {
        size_t at;
        if (x->fated[i].fate != EDS_GOES)
            continue;
        if (map_get(&t->at, x->fated[i].type, &at)) {
            at = t->count.n;
            err = vec_push(&t->count, ((struct type_count){x->fated[i].type, 0}));
            if (!err)
                err = map_set(&t->at, x->fated[i].type, at);
        }
        if (!err)
            t->count.v[at].n++;
    }
    return err;
}

static int tell_json(const struct cmd_eds_erase *what, const struct eds_erase *x,
                     const struct by_type *t, bool scrubbed)
{
    char at[TIME_TEXT];
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 64 << 20);
    jw_init(&w, &b);
    jw_obj(&w);
    jw_kbool(&w, "dryRun", what->dry);
    jw_kint(&w, "resources", x->resources);
    jw_kint(&w, "versions", x->versions);
    if (x->rid) {
        jw_kint(&w, "erasure", x->rid);
        jw_kstrz(&w, "at", time_format(x->at, at));
        jw_kbool(&w, "scrubbed", scrubbed);
    }
    jw_key(&w, "types");
    jw_obj(&w);
    for (size_t i = 0; i < t->count.n; i++) {
        char name[80];
        snprintf(name, sizeof name, "%.*s", STR_FMT(t->count.v[i].type));
        jw_kint(&w, name, t->count.v[i].n);
    }
    jw_obj_end(&w);
    jw_key(&w, "kept");
    jw_arr(&w);
    for (size_t i = 0; i < x->n_fated; i++) {
        const struct eds_fated *f = &x->fated[i];
        if (f->fate == EDS_GOES)
            continue;
        jw_obj(&w);
        jw_key(&w, "resource");
        jw_strf(&w, "%.*s/%.*s", STR_FMT(f->type), STR_FMT(f->id));
        jw_kstrz(&w, "why", fate_name[f->fate]);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err;
}

static int tell(const struct cmd_eds_erase *what, const struct eds_erase *x,
                bool scrubbed)
{
    struct by_type t = {.count = {0}};
    char at[TIME_TEXT];
    int err;
    map_init(&t.at);
    err = count_types(&t, x);
    if (!err && what->json) {
        err = tell_json(what, x, &t, scrubbed);
    } else if (!err) {
        printf("%s  %lld resources, %lld versions\n",
               x->rid ? "erased" : "nothing was erased; would go:",
               (long long)x->resources, (long long)x->versions);
        if (x->rid)
            printf("erasure  %lld at %s\n", (long long)x->rid, time_format(x->at, at));
        for (size_t i = 0; i < t.count.n; i++)
            printf("  %-28.*s %lld\n", STR_FMT(t.count.v[i].type),
                   (long long)t.count.v[i].n);
        for (size_t i = 0; i < x->n_fated; i++)
            if (x->fated[i].fate != EDS_GOES)
                printf("kept  %.*s/%.*s (%s)\n", STR_FMT(x->fated[i].type),
                       STR_FMT(x->fated[i].id), fate_name[x->fated[i].fate]);
    }
    vec_release(&t.count);
    map_release(&t.at);
    return err;
}

/* ---- doing it ---- */
static int scrub(struct eds *e, const char *store)
{
    struct cmd_eds_progress p;
    int err;
    cmd_eds_progress_init(&p, "scrub");
    err = eds_scrub(e, progress, &p);
    cmd_eds_progress_end(&p);
    if (!err)
        return 0;
    cmd_complain("cmd.eds.unscrubbed", store, NULL);
    return cmd_fail("scrub", store, err, NULL);
}

static int refused(const struct cmd_eds_erase *what, const struct eds_erase *x, int err)
{
    if (err == AM_E_NOTFOUND)
        cmd_complain("cmd.eds.nobody", what->patient, NULL);
    else if (err == AM_E_INVALID)
        cmd_complain("cmd.eds.reason", "--reason", NULL);
    else if (err != AM_E_FORBIDDEN)
        return cmd_fail("erase", what->store, err, NULL);
    else {
        cmd_complain("cmd.eds.retained", what->patient, NULL);
        for (size_t i = 0; i < x->n_fated; i++)
            if (x->fated[i].fate == EDS_RETAINED)
                fprintf(stderr, "  %.*s/%.*s\n", STR_FMT(x->fated[i].type),
                        STR_FMT(x->fated[i].id));
    }
    return am_err_exit(err);
}

static int erase(const struct cmd_eds_erase *what, struct eds *e)
{
    struct cmd_eds_progress p;
    struct eds_erase x = {.id = str_c(what->patient),
                          .who = what->by,
                          .ground = what->ground,
                          .reason = what->reason,
                          .dry = what->dry,
                          .progress = progress,
                          .arg = &p};
    int err, said, code = 0;
    cmd_eds_progress_init(&p, "erase");
    err = eds_erase(e, &x);
    cmd_eds_progress_end(&p);
    if (err) {
        code = refused(what, &x, err);
    } else {
        code = what->dry || what->later ? 0 : scrub(e, what->store);
        said = tell(what, &x, !what->later && !code);
        if (said && !code)
            code = cmd_fail("erase", what->store, said, NULL);
    }
    eds_erase_release(&x);
    return code;
}

int cmd_eds_erase(const struct cmd_eds_erase *what)
{
    size_t by = what->by ? strlen(what->by) : 0;
    struct eds *e = NULL;
    int code;
    if (!what->resume && !eds_ground_ok(what->ground)) {
        cmd_complain("cmd.eds.ground", "--ground", what->ground);
        return 2;
    }
    if (!what->resume && (!by || by > EDS_WHO_MAX || !str_utf8(str_c(what->by)) ||
                          (what->reason && (strlen(what->reason) > EDS_REASON_MAX ||
                                            !str_utf8(str_c(what->reason)))))) {
        cmd_complain("cmd.eds.who", "--by, --reason", NULL);
        return 2;
    }
    code = cmd_eds_open(&e, what->store, what->key, what->dry ? EDS_READ : EDS_WRITE);
    if (code)
        return code;
    cmd_eds_stoppable();
    code = what->resume ? scrub(e, what->store) : erase(what, e);
    return cmd_eds_close(e, code);
}

/* ---- those there were ---- */
struct list {
    struct jw *w; /* NULL: lines */
};

static int one(void *arg, const struct eds_erasure *x)
{
    const struct list *l = arg;
    char at[TIME_TEXT];
    time_format(x->at, at);
    if (!l->w) {
        printf("%lld  %s  %.*s  %.*s  %lld resources, %lld versions%s%s%.*s\n",
               (long long)x->rid, at, STR_FMT(x->ground), STR_FMT(x->who),
               (long long)x->resources, (long long)x->versions,
               x->scrubbed ? "" : "  NOT SCRUBBED", x->reason.n ? "  " : "",
               STR_FMT(x->reason));
        return AM_OK;
    }
    jw_obj(l->w);
    jw_kint(l->w, "erasure", x->rid);
    jw_kstrz(l->w, "at", at);
    jw_kstr(l->w, "by", x->who);
    jw_kstr(l->w, "ground", x->ground);
    jw_kstr(l->w, "reason", x->reason);
    jw_kint(l->w, "resources", x->resources);
    jw_kint(l->w, "versions", x->versions);
    jw_kbool(l->w, "scrubbed", x->scrubbed);
    jw_obj_end(l->w);
    return AM_OK;
}

static int each(struct eds_view *v, void *arg)
{
    return eds_erasures(v, one, arg);
}

int cmd_eds_erasures(const char *store, const char *key, bool json)
{
    struct eds *e = NULL;
    struct list l = {0};
    struct buf b;
    struct jw w;
    int err, code = cmd_eds_open(&e, store, key, EDS_READ);
    if (code)
        return code;
    buf_init(&b, 64 << 20);
    jw_init(&w, &b);
    jw_arr(&w);
    l.w = json ? &w : NULL;
    err = eds_view(e, each, &l);
    jw_arr_end(&w);
    if (!err && json)
        err = cmd_out_json(&w, &b);
    buf_release(&b);
    return cmd_eds_close(e,
                         err ? cmd_fail("list the erasures of", store, err, NULL) : code);
}
