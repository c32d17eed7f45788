/* SPDX-License-Identifier: Apache-2.0 */
/* Who types a command is known by the kernel, not by what he says: the user he logged in
 * as (/proc/self/loginuid, which neither su nor sudo changes), else the user the process
 * runs as. */
#include "cmd_eds_law.h"

#include <limits.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "cmd_eds.h"
#include "cmd_node_fhir.h"
#include "db/db.h"
#include "door/door.h"

static struct cmd_eds_law law;
static struct door_command *command;

void cmd_eds_law(const struct cmd_eds_law *asked)
{
    law = *asked;
}

static void law_who(char out[33])
{
    long long login = -1;
    char *text = NULL;
    size_t n = 0;
    if (!am_file_read("/proc/self/loginuid", 64, &text, &n)) {
        int64_t u;
        if (!str_int(str_trim((struct str){text, n}), 0, UINT32_MAX - 1, &u))
            login = u;
    }
    free(text);
    snprintf(out, 33, "os:%lld", login >= 0 ? login : (long long)getuid());
}

/* Which store; and that it is root who opens it, whoever logged in. */
static void law_what(const char *store, char out[1024])
{
    const char *slash = strrchr(store, '/');
    bool uri = db_is_uri(store);
    snprintf(out, 1024, "%s%s",
             uri     ? "postgresql"
             : slash ? slash + 1
                     : store,
             geteuid() == 0 ? " (root)" : "");
}

/* "DIR/keys/eds.key" is of the node in DIR; another key is where its owner keeps what
 * belongs to the store. */
static struct str law_of_key(const char *key)
{
    const char *slash = strrchr(key, '/');
    struct str keys = {key, slash ? (size_t)(slash - key) : 0};
    if (!slash || str_eqc(keys, "keys"))
        return STR(".");
    return str_ends(keys, STR("/keys")) ? str_sub(keys, 0, AM_MAX(keys.n - 5, (size_t)1))
           : keys.n                     ? keys
                                        : STR("/");
}

/* The data folder. A store in PostgreSQL has none: its key has. */
static int law_dir(const char *store, const char *key, char dir[PATH_MAX])
{
    const char *slash = strrchr(store, '/');
    struct str of = law_of_key(key);
    int n;
    if (law.data)
        n = snprintf(dir, PATH_MAX, "%s", law.data);
    else if (db_is_uri(store))
        n = snprintf(dir, PATH_MAX, "%.*s", STR_FMT(of));
    else
        n = slash ? snprintf(dir, PATH_MAX, "%.*s", (int)AM_MAX(slash - store, 1), store)
                  : snprintf(dir, PATH_MAX, ".");
    return n < PATH_MAX ? 0 : cmd_fail("eds", store, AM_E_TOOBIG, NULL);
}

/* Under which addresses its references may name its own patients. */
static int law_addresses(const char *dir, char base[512], char former[REST_FORMER])
{
    struct conf c;
    struct diag d;
    int err;
    conf_init(&c, CONF_N);
    diag_init(&d);
    err = cmd_settings(&c, dir, "node.conf", NULL, &d);
    if (err)
        err = cmd_fail("read", "node.conf", err, &d);
    else
        cmd_node_addresses(&c, base, former);
    log_set_level(LOG_ERROR);
    diag_release(&d);
    conf_release(&c);
    return err;
}

static int law_open(struct eds *e, const char *store, const char *dir)
{
    char base[512], former[REST_FORMER], who[33], what[1024], host[256] = "", verb[24];
    const struct door_config c = {.dir = dir, .eds = e, .base = base, .former = former};
    const struct door_command_ask a = {.verb = verb,
                                       .who = who,
                                       .host = host,
                                       .what = what,
                                       .patient = law.patient,
                                       .reason = law.reason,
                                       .glass = law.glass};
    int err = law_addresses(dir, base, former);
    if (err)
        return err;
    law_who(who);
    law_what(store, what);
    (void)gethostname(host, sizeof host - 1);
    snprintf(verb, sizeof verb, "eds-%s", law.verb);
    err = door_command_begin(&command, &c, &a);
    if (!err)
        return 0;
    if (err == AM_E_SYNTAX) {
        cmd_complain("cmd.eds.why", "--reason", NULL);
        return 2;
    }
    cmd_complain("cmd.eds.record", dir, NULL);
    return cmd_fail("record", dir, err, NULL);
}

int cmd_eds_law_begin(struct eds *e, const char *store, const char *key)
{
    char dir[PATH_MAX];
    int code = law_dir(law.store ? law.store : store, key, dir);
    return code ? code : law_open(e, store, dir);
}

int cmd_eds_law_end(int code)
{
    int err;
    if (!command)
        return code;
    err = door_command_end(command, code);
    door_command_free(command);
    command = NULL;
    if (!err)
        return code;
    code = cmd_fail("record", law.verb, err, NULL);
    return code ? code : am_err_exit(AM_E_IO);
}

int cmd_eds_law_sees(struct eds_view *v, const struct eds_meta *m, struct str body,
                     bool *yes)
{
    return door_command_sees(command, v, m, body, yes);
}

int cmd_eds_law_tell(const struct eds_meta *m)
{
    return door_command_tell(command, m);
}

int cmd_eds_law_told(void)
{
    return door_command_told(command);
}

int64_t cmd_eds_law_hidden(void)
{
    return command ? door_command_hidden(command) : 0;
}

void cmd_eds_withheld(void)
{
    char n[32];
    snprintf(n, sizeof n, "%lld", (long long)cmd_eds_law_hidden());
    if (cmd_eds_law_hidden())
        cmd_complain("cmd.eds.withheld", NULL, n);
}
