/* SPDX-License-Identifier: Apache-2.0 */
/* `account open` and `account reset` of both servers: where one administrator is left, or
 * none, whoever has the server's folder in hand opens a second one, or a way back in. */
#include "cmd_serve.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "json/json.h"

/* As the first account, which `init` made. */
static int account_open(struct auth *a, const char *login, char code[AUTH_TOKEN],
                        struct diag *d)
{
    struct auth_account first;
    int err = auth_account_get(a, 1, &first);
    if (err)
        return err;
    struct auth_account spec = {.role = first.role, .active = true};
    snprintf(spec.login, sizeof spec.login, "%s", login);
    snprintf(spec.function, sizeof spec.function, "%s", first.function);
    snprintf(spec.org_id, sizeof spec.org_id, "%s", first.org_id);
    snprintf(spec.establishment, sizeof spec.establishment, "%s", first.establishment);
    return auth_administrator_open(a, &spec, time_now(), code, d);
}

static int account_reset(struct auth *a, const char *login, bool second,
                         char code[AUTH_TOKEN])
{
    struct auth_account who;
    int err = auth_account_find(a, str_c(login), &who);
    if (!err && second)
        err = auth_second_drop(a, NULL, who.id, time_now());
    return err ? err : auth_reset_issue(a, NULL, who.id, time_now(), code);
}

static int account_print(const char *login, const char *code, bool json)
{
    struct buf b;
    struct jw w;
    buf_init(&b, 1024);
    int err = AM_OK;
    if (json) {
        jw_init(&w, &b);
        jw_obj(&w);
        jw_kstrz(&w, "login", login);
        jw_kstrz(&w, "code", code);
        jw_kstrz(&w, "page", "/reset");
        jw_obj_end(&w);
        err = jw_done(&w);
        if (!err)
            err = buf_addc(&b, '\n');
    } else {
        err = buf_addf(&b,
                       "login  %s\ncode   %s\n\nA password is chosen with it at"
                       " /reset, once, within 24 hours.\n",
                       login, code);
    }
    if (!err)
        err = cmd_out(buf_str(&b));
    buf_wipe(&b);
    return err ? 3 : 0;
}

int cmd_account(struct auth *a, const char *verb, const char *login, bool second,
                bool json)
{
    char code[AUTH_TOKEN];
    struct diag d;
    diag_init(&d);
    int err = strcmp(verb, "open") == 0 ? account_open(a, login, code, &d)
                                        : account_reset(a, login, second, code);
    int exit_code = err ? cmd_fail(strcmp(verb, "open") == 0 ? "open the account"
                                                             : "reset the account",
                                   login, err, &d)
                        : account_print(login, code, json);
    crypto_wipe(code, sizeof code);
    diag_release(&d);
    return exit_code;
}

bool cmd_is_account(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], "account") == 0 &&
           (strcmp(argv[2], "open") == 0 || strcmp(argv[2], "reset") == 0);
}
