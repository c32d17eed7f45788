/* SPDX-License-Identifier: Apache-2.0 */
/* bench_vault -- what people are told: sets, uses, the digest that leaves. */
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "bench/bench_vault_priv.h"

static void set_json(const struct vault_set *s, struct jw *w)
{
    int64_t runs = 0;
    jw_obj(w);
    jw_kstrz(w, "id", s->id);
    jw_kval(w, "sealed_at", json_get(s->head, "sealed_at"));
    jw_kval(w, "budget", json_get(s->head, "budget"));
    for (size_t i = 0; i < s->use.n; i++)
        runs += bench_vault_costs(json_root(s->use.v[i]));
    jw_kint(w, "runs", runs);
    jw_kint(w, "uses", (int64_t)s->use.n);
    jw_kstrz(w, "last", s->last);
    jw_key(w, "members");
    jw_arr(w);
    for (json_each(it, json_get(s->head, "members"))) {
        jw_obj(w);
        jw_kval(w, "site", json_get(it.val, "site"));
        jw_kval(w, "size", json_get(it.val, "size"));
        jw_kval(w, "sha256", json_get(it.val, "sha256"));
        if (json_get(it.val, "images"))
            jw_kval(w, "images", json_get(it.val, "images"));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int bench_vault_list(struct bench_vault *v, struct jw *w, struct diag *d)
{
    VEC(char *) name = {0};
    struct dirent *e;
    int fd, err = bench_vault_lock(v, &fd), bad = AM_OK;
    DIR *dir = err ? NULL : opendir(v->dir);
    if (err)
        return err;
    if (!dir)
        err = am_err_errno(errno);
    while (dir && !err && (e = readdir(dir))) {
        char *copy;
        if (!bench_vault_id(str_c(e->d_name)) || !strcmp(e->d_name, "lock"))
            continue;
        copy = str_dup(str_c(e->d_name));
        err = copy ? vec_push(&name, copy) : AM_E_NOMEM;
        if (err)
            free(copy);
    }
    if (dir)
        closedir(dir);
    if (name.n)
        qsort(name.v, name.n, sizeof *name.v, by_name);
    jw_arr(w);
    for (size_t i = 0; i < name.n; i++) { /* one bad set hides no other */
        struct vault_set s;
        int one = err ? err : bench_vault_load(v, str_c(name.v[i]), &s, d);
        if (!one) {
            set_json(&s, w);
            bench_vault_set_release(&s);
        }
        bad = bad ? bad : one;
        free(name.v[i]);
    }
    jw_arr_end(w);
    vec_release(&name);
    bench_vault_unlock(fd);
    return err ? err : bad;
}

static int load(struct bench_vault *v, const char *id, struct vault_set *s,
                struct diag *d)
{
    int fd, err = bench_vault_lock(v, &fd);
    if (err)
        return err;
    err = bench_vault_load(v, str_c(id), s, d);
    bench_vault_unlock(fd);
    return err;
}

int bench_vault_log(struct bench_vault *v, const char *id, const char *known,
                    struct jw *w, struct diag *d)
{
    struct vault_set s;
    int err = load(v, id, &s, d);
    bool through = !known;
    if (err)
        return err;
    for (size_t i = 0; i < s.use.n && known; i++)
        through |= json_str_is(json_get(json_root(s.use.v[i]), "mac"), known);
    if (!through)
        err = bench_vault_problem(d, s.id, AM_E_TAMPERED, "bench.sealed_rollback",
                                  "the log does not go through the digest known");
    jw_arr(w);
    for (size_t i = 0; i < s.use.n && !err; i++)
        jw_val(w, json_root(s.use.v[i]));
    jw_arr_end(w);
    bench_vault_set_release(&s);
    return err;
}

int bench_vault_digest(struct bench_vault *v, const char *id, struct jw *w,
                       struct diag *d)
{
    struct vault_set s;
    int err = load(v, id, &s, d);
    if (err)
        return err;
    set_json(&s, w);
    bench_vault_set_release(&s);
    return AM_OK;
}
