/* SPDX-License-Identifier: Apache-2.0 */
/* $export: what is in it, who may have it, what stays of it on the disk, and that a node
 * that was killed begins it again. */
#include "rest/rest_export_test.h"

#include <stdatomic.h>
#include <sys/stat.h>

static void all_is_told_or_what_was_asked_for(void **state)
{
    struct t_reply r;
    char url[200], at[64];
    (void)state;
    X_IS("/$export", "");
    x_ward();
    X_IS("/$export", "Practitioner:doc|Patient:p0 p1 p2|Observation:o0 o1 o2 nobody|"
                     "Group:g");
    X_IS("/Patient/$export", "Patient:p0 p1 p2|Observation:o0 o1 o2|Group:g");
    X_IS("/Group/g/$export", "Patient:p0|Observation:o0|Group:g");
    X_IS("/$export?_type=Patient,Group", "Patient:p0 p1 p2|Group:g");
    X_IS("/Group/g/$export?_type=Observation", "Observation:o0");
    r = T_WANT(200, .url = "/Observation/o2");
    snprintf(at, sizeof at, "%.*s", STR_FMT(json_str(t_at(&r, "/meta/lastUpdated"))));
    t_done(&r);
    snprintf(url, sizeof url, "/$export?_since=%s&_type=Observation,Patient", at);
    X_IS(url, "Observation:o2 nobody");
    r = T_WANT(202, REST_POST, .url = "/$export", .prefer = "respond-async",
               .body = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":"
                       "\"_type\",\"valueString\":\"Group\"}]}");
    snprintf(url, sizeof url, "%.190s", r.a.location + strlen(t_base));
    t_done(&r);
    assert_string_equal(x_content(url), "Group:g");
    r = x_wait(X_ASK("/Patient/$export?_type=Group&_outputFormat=ndjson"));
    assert_str_equal(json_str(t_at(&r, "/request")),
                     "http://test/fhir/Patient/$export?_type=Group&_outputFormat=ndjson");
    assert_true(json_bool(t_at(&r, "/requiresAccessToken"), false));
    t_done(&r);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    T_REFUSED(400, "rest.async", .url = "/$export");
    T_REFUSED(400, "rest.async", .url = "/$export", .prefer = "handling=lenient");
    T_REFUSED(400, "rest.type", .url = "/$export?_type=X", .prefer = "respond-async");
    T_REFUSED(400, "search.date", .url = "/$export?_since=x", .prefer = "respond-async");
    T_REFUSED(400, "rest.value", .url = "/$export?_outputFormat=text/csv",
              .prefer = "respond-async");
    T_REFUSED(404, "rest.notfound", .url = "/Group/g/$export", .prefer = "respond-async");
    T_REFUSED(404, "rest.export_none", .url = "/$export-status/none");
    T_REFUSED(404, "rest.export_none", .url = "/$export-file/none/Patient/1");
    T_REFUSED(404, "rest.export_none", REST_DELETE, .url = "/$export-status/none");
    t_close();
    t_open(NULL);
    T_REFUSED(404, "rest.export_off", .url = "/$export", .prefer = "respond-async");
}

static size_t x_folders(void)
{
    struct dirent *e;
    DIR *d = opendir(x_dir);
    size_t n = 0;
    while (d && (e = readdir(d)))
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void it_may_be_given_up(void **state)
{
    const char *status;
    (void)state;
    x_ward();
    status = X_ASK("/$export");
    assert_int_equal(x_folders(), 1);
    {
        struct t_reply r = x_wait(status);
        t_done(&r);
    }
    T_ONLY(202, REST_DELETE, .url = status);
    T_REFUSED(404, "rest.export_none", .url = status);
    assert_int_equal(x_folders(), 0);
}

/* ---- the disk ---- */
static bool x_plain(const char *dir, const char *word)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    bool found = false;
    while (d && (e = readdir(d))) {
        char path[PATH_MAX], *p;
        size_t n;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%.2000s/%s", dir, e->d_name);
        if (x_plain(path, word))
            found = true;
        else if (!am_file_read(path, 1 << 24, &p, &n)) {
            found |= memmem(p, n, word, strlen(word)) != NULL;
            free(p);
        }
    }
    if (d)
        closedir(d);
    return found;
}

static void a_node_that_was_killed_begins_it_again(void **state)
{
    char status[REST_LOCATION], path[800], part[800];
    struct t_reply r;
    (void)state;
    x_ward();
    snprintf(status, sizeof status, "%s", X_ASK("/Patient/$export"));
    r = x_wait(status);
    t_done(&r);
    assert_false(x_plain(x_dir, "Secretname"));
    assert_false(x_plain(x_dir, "Observation\""));
    x_open(NULL);
    assert_string_equal(x_content(status), "Patient:p0 p1 p2|Observation:o0 o1 o2|"
                                           "Group:g");
    /* As it is when it was killed before the manifest, some files written. */
    t_put("Patient", "p3", "");
    snprintf(path, sizeof path, "%s/%s/manifest", x_dir,
             status + strlen("/$export-status/"));
    assert_int_equal(unlink(path), 0);
    snprintf(part, sizeof part, "%s/%s/Binary-1", x_dir,
             status + strlen("/$export-status/"));
    assert_ok(am_file_write(part, STR("half"), 0600));
    x_open(NULL);
    assert_string_equal(x_content(status), "Patient:p0 p1 p2 p3|Observation:o0 o1 o2|"
                                           "Group:g");
    assert_int_equal(access(part, F_OK), -1);
    /* A folder that was never acknowledged goes. */
    snprintf(path, sizeof path, "%s/00000000-0000-0000-0000-000000000000", x_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    x_open(NULL);
    assert_int_equal(x_folders(), 1);
}

/* ---- who ---- */
static struct {
    atomic_int hidden, sleep_ms, held, revoked, keepers;
    _Atomic(const char *) hidden_id;
    const char *name;
} x_guard;

static int x_see(void *arg, const struct rest_look *l, bool *yes)
{
    (void)arg;
    *yes = (!l->rid || l->rid != atomic_load(&x_guard.hidden)) &&
           !str_eqc(l->id, atomic_load(&x_guard.hidden_id));
    usleep((useconds_t)atomic_exchange(&x_guard.sleep_ms, 0) * 1000);
    while (atomic_load(&x_guard.held))
        usleep(1000);
    return AM_OK;
}

static int x_keep(void *arg, void *who, struct buf *name)
{
    (void)arg;
    (void)who;
    return buf_adds(name, x_guard.name);
}

static int x_again(void *arg, struct str name, void **who)
{
    (void)arg;
    assert_str_equal(name, "nurse");
    if (atomic_load(&x_guard.revoked))
        return AM_E_UNAUTHORIZED;
    *who = &x_guard;
    atomic_fetch_add(&x_guard.keepers, 1);
    return AM_OK;
}

static bool x_his(void *arg, struct str name, void *who)
{
    (void)arg;
    (void)who;
    return str_eqc(name, x_guard.name);
}

static void x_drop(void *arg, void *who)
{
    (void)arg;
    assert_ptr_equal(who, &x_guard);
    atomic_fetch_sub(&x_guard.keepers, 1);
}

static void x_guarded(void)
{
    x_guard.name = "nurse";
    atomic_store(&x_guard.hidden_id, "-");
    x_open(&(struct rest_config){.guard = {.see = x_see,
                                           .keep = x_keep,
                                           .again = x_again,
                                           .drop = x_drop,
                                           .his = x_his}});
}

static void what_one_may_not_see_is_not_in_it(void **state)
{
    char status[REST_LOCATION];
    struct t_reply r;
    (void)state;
    x_ward();
    x_guarded();
    atomic_store(&x_guard.hidden, 2); /* p0 */
    snprintf(status, sizeof status, "%s", X_ASK("/$export?_type=Patient,Observation"));
    assert_string_equal(x_content(status), "Observation:o0 o1 o2 nobody|Patient:p1 p2");
    X_IS("/Group/g/$export", "");     /* whom one may not see, has no record either */
    atomic_store(&x_guard.hidden, 9); /* g */
    T_REFUSED(404, "rest.notfound", .url = "/Group/g/$export", .prefer = "respond-async");
    atomic_store(&x_guard.hidden, 0);
    x_guard.name = "visitor"; /* another's export is not there */
    T_REFUSED(404, "rest.export_none", .url = status);
    T_REFUSED(404, "rest.export_none", REST_DELETE, .url = status);
    x_guard.name = "nurse";
    r = x_wait(status);
    assert_int_equal(r.a.status, 200);
    t_done(&r);
    t_close(); /* a guard that cannot say who asked later: none at all */
    t_open(&(struct rest_config){.guard.see = x_see, .export_dir = x_dir});
    T_REFUSED(404, "rest.export_off", .url = "/$export", .prefer = "respond-async");
}

static void a_login_taken_away_ends_it_midway(void **state)
{
    char status[REST_LOCATION];
    struct t_reply r;
    (void)state;
    x_ward();
    x_guarded();
    atomic_store(&x_guard.held, 1);
    snprintf(status, sizeof status, "%s", X_ASK("/$export"));
    while (!atomic_load(&x_guard.keepers))
        usleep(1000);
    atomic_store(&x_guard.revoked, 1);
    usleep(1100000); /* it is looked up every second */
    atomic_store(&x_guard.held, 0);
    r = x_wait(status);
    assert_int_equal(r.a.status, 401);
    assert_str_equal(json_str(t_at(&r, "/issue/0/details/coding/0/code")),
                     "rest.export_failed");
    t_done(&r);
    atomic_store(&x_guard.revoked, 0);
    assert_int_equal(atomic_load(&x_guard.keepers), 0);
    x_guarded(); /* it failed, and stays so */
    r = x_wait(status);
    assert_int_equal(r.a.status, 401);
    t_done(&r);
}

static void what_was_written_is_judged_again_when_it_is_fetched(void **state)
{
    char status[REST_LOCATION], file[REST_LOCATION + 40], path[800];
    struct t_reply r;
    (void)state;
    x_ward();
    x_guarded();
    snprintf(status, sizeof status, "%s", X_ASK("/$export?_type=Patient"));
    assert_string_equal(x_content(status), "Patient:p0 p1 p2");
    snprintf(file, sizeof file, "/$export-file/%s/Patient/1",
             status + strlen("/$export-status/"));
    atomic_store(&x_guard.hidden_id, "p1"); /* since it was written */
    r = T_WANT(200, .url = file, .accept = "application/fhir+ndjson");
    assert_null(strstr(r.a.body.p, "\"p1\""));
    assert_non_null(strstr(r.a.body.p, "\"p2\""));
    t_done(&r);
    atomic_store(&x_guard.revoked, 1);
    T_REFUSED(401, "rest.export_failed", .url = file);
    atomic_store(&x_guard.revoked, 0); /* it is over, whatever comes */
    T_REFUSED(401, "rest.export_failed", .url = status);
    snprintf(path, sizeof path, "%s/%s/Patient-1", x_dir,
             status + strlen("/$export-status/"));
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(atomic_load(&x_guard.keepers), 0);
    T_ONLY(202, REST_DELETE, .url = status);
}

static void so_many_at_once_and_no_more(void **state)
{
    char status[4][REST_LOCATION];
    (void)state;
    x_ward();
    x_guarded();
    atomic_store(&x_guard.held, 1);
    for (int i = 0; i < 4; i++)
        snprintf(status[i], sizeof status[i], "%s", X_ASK("/$export?_type=Group"));
    T_REFUSED(429, "rest.export_many", .url = "/$export", .prefer = "respond-async");
    T_ONLY(202, REST_DELETE, .url = status[0]); /* it runs */
    T_ONLY(202, REST_DELETE, .url = status[3]); /* it waits */
    T_REFUSED(404, "rest.export_none", .url = status[0]);
    X_ASK("/$export?_type=Patient");
    atomic_store(&x_guard.held, 0);
    assert_string_equal(x_content(status[2]), "Group:g");
    assert_int_equal(x_folders(), 3);
}

static int x_count(void *arg, const struct rest_access *a)
{
    if (!strcmp(a->interaction, "$export-file") && a->moment == REST_AFTER)
        *(size_t *)arg += a->n_seen;
    return AM_OK;
}

static void the_audit_is_told_what_was_fetched(void **state)
{
    size_t seen = 0;
    (void)state;
    x_ward();
    x_open(&(struct rest_config){.audit = x_count, .audit_arg = &seen});
    X_IS("/$export?_type=Observation", "Observation:o0 o1 o2 nobody");
    assert_int_equal(seen, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        X_TEST(all_is_told_or_what_was_asked_for),
        X_TEST(what_cannot_be_is_refused),
        X_TEST(it_may_be_given_up),
        X_TEST(a_node_that_was_killed_begins_it_again),
        X_TEST(what_one_may_not_see_is_not_in_it),
        X_TEST(a_login_taken_away_ends_it_midway),
        X_TEST(what_was_written_is_judged_again_when_it_is_fetched),
        X_TEST(so_many_at_once_and_no_more),
        X_TEST(the_audit_is_told_what_was_fetched),
    };
    return t_run_both(tests, AM_LEN(tests));
}
