/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_registry.h"
#include "cmd_serve.h"

#include "json/json.h"

static const char synopsis[] =
    "usage: amane registry --data DIR [--listen HOST:PORT]\n"
    "       amane registry init --data DIR --spec SPEC.json --signer KEYFILE [--json]\n"
    "                           [--database URI]\n"
    "       amane registry audit verify --data DIR [--head SEQ:HASH] [--json]\n"
    "       amane registry account open --data DIR --login LOGIN [--json]\n"
    "       amane registry account reset --data DIR --login LOGIN [--second] [--json]\n"
    "       amane registry move --data DIR --to URI|sqlite [--json]\n"
    "       amane registry backup --data DIR --out FOLDER [--keys] [--json]\n"
    "       amane registry restore --from FOLDER --data DIR [--json]\n";

static int print_identity(const uint8_t genesis[32], const char *dir, const char *token,
                          bool json)
{
    char hex[CRYPTO_HEX];
    struct buf b;
    struct jw w;
    int err;
    crypto_hex(genesis, 32, hex);
    buf_init(&b, 4096);
    jw_init(&w, &b);
    if (json) {
        jw_obj(&w);
        jw_kstrz(&w, "genesis", hex);
        jw_kstrz(&w, "admin_token", token);
        jw_obj_end(&w);
        err = jw_done(&w);
        if (!err)
            err = buf_addc(&b, '\n');
    } else {
        err =
            buf_addf(&b,
                     "genesis      %s\nadmin_token  %s\n\nStart it: amane registry --data"
                     " %s\nKeep the token safe: it is shown once.\n",
                     hex, token, dir);
    }
    if (!err)
        err = cmd_out(buf_str(&b));
    buf_wipe(&b);
    return err ? 3 : 0;
}

static int init(const char *dir, const char *database, const char *spec,
                const char *signer, bool json)
{
    struct json_doc *doc = NULL;
    struct crypto_key *key = NULL;
    char token[AUTH_TOKEN];
    uint8_t genesis[32];
    struct diag d;
    int err, code;
    diag_init(&d);
    err = json_parse_file(&doc, spec, NULL, &d);
    if (!err)
        err = crypto_key_load(&key, signer, STR_NULL);
    if (!err)
        err = registry_init_at(dir, database, json_root(doc), key, token, genesis, &d);
    code = err ? cmd_fail("create a registry in", dir, err, &d)
               : print_identity(genesis, dir, token, json);
    crypto_wipe(token, sizeof token);
    crypto_key_free(key);
    json_free(doc);
    diag_release(&d);
    return code;
}

/* Behind the door: it listens already, and says that it is opening. */
static int serve_behind(struct api_door *door, const struct conf *c, const char *dir,
                        struct diag *d)
{
    struct registry_config rc = {.dir = dir,
                                 .refresh_s = (unsigned)conf_int(c, CONF_REFRESH_S),
                                 .model_roots = conf_text(c, CONF_MODEL_ROOTS)};
    struct http_server *server = NULL;
    struct registry *r = NULL;
    struct api *api = NULL;
    int err, code = cmd_listen(c, api_door_handle, door, &server);
    if (code)
        return code;
    err = registry_open(&r, &rc, d);
    if (!err)
        err = cmd_people(c, registry_auth(r), d);
    if (!err)
        err = api_new_registry(&api, r);
    if (err) {
        http_server_stop(server, 0);
        code = cmd_fail("open the registry in", dir, err, d);
    } else {
        api_set_server(api, server);
        api_door_open(door, api);
        code = cmd_serve_on(c, server);
    }
    api_free(api);
    registry_close(r);
    return code;
}

static int serve(const char *dir, const char *listen)
{
    struct api_door *door = NULL;
    struct conf c;
    struct diag d;
    int err, code;
    cmd_block_signals();
    conf_init(&c, CONF_R);
    diag_init(&d);
    err = cmd_settings(&c, dir, "registry.conf", listen, &d);
    if (!err)
        err = api_door_new(&door, dir);
    code = err ? cmd_fail("open the registry in", dir, err, &d)
               : serve_behind(door, &c, dir, &d);
    api_door_free(door);
    conf_release(&c);
    diag_release(&d);
    return code;
}

static int audit(const char *dir, const char *head, bool json)
{
    struct auth *a = NULL;
    struct diag d;
    diag_init(&d);
    int err = registry_place_auth(&a, dir, &d);
    int code =
        err ? cmd_fail("open the accounts in", dir, err, &d) : cmd_audit(a, head, json);
    auth_close(a);
    diag_release(&d);
    return code;
}

static int account(const char *dir, const char *verb, const char *login, bool second,
                   bool json)
{
    struct auth *a = NULL;
    struct diag d;
    diag_init(&d);
    int err = registry_place_auth(&a, dir, &d);
    int code = err ? cmd_fail("open the accounts in", dir, err, &d)
                   : cmd_account(a, verb, login, second, json);
    auth_close(a);
    diag_release(&d);
    return code;
}

int cmd_registry(int argc, char **argv)
{
    const char *dir = NULL, *listen = NULL, *spec = NULL, *signer = NULL,
               *database = NULL, *head = NULL;
    const char *to = NULL, *out = NULL, *from = NULL, *login = NULL;
    bool json = false, keys = false, second = false, help;
    const struct cmd_opt opt[] = {
        {.name = "--login", .kind = CMD_TEXT, .text = &login},
        {.name = "--second", .kind = CMD_FLAG, .flag = &second},
        {.name = "--to", .kind = CMD_TEXT, .text = &to},
        {.name = "--out", .kind = CMD_TEXT, .text = &out},
        {.name = "--from", .kind = CMD_TEXT, .text = &from},
        {.name = "--keys", .kind = CMD_FLAG, .flag = &keys},
        {.name = "--data", .kind = CMD_TEXT, .text = &dir},
        {.name = "--listen", .kind = CMD_TEXT, .text = &listen},
        {.name = "--spec", .kind = CMD_TEXT, .text = &spec},
        {.name = "--signer", .kind = CMD_TEXT, .text = &signer},
        {.name = "--database", .kind = CMD_TEXT, .text = &database},
        {.name = "--head", .kind = CMD_TEXT, .text = &head},
        {.name = "--json", .kind = CMD_FLAG, .flag = &json},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (dir && argc == 2 && !strcmp(argv[1], "init") && spec && signer)
        return init(dir, database, spec, signer, json);
    if (dir && argc == 3 && !strcmp(argv[1], "audit") && !strcmp(argv[2], "verify"))
        return audit(dir, head, json);
    if (dir && login && cmd_is_account(argc, argv))
        return account(dir, argv[2], login, second, json);
    if (dir && to && argc == 2 && !strcmp(argv[1], "move"))
        return cmd_registry_move(dir, to, json);
    if (dir && out && argc == 2 && !strcmp(argv[1], "backup"))
        return cmd_registry_backup(dir, out, keys, json);
    if (dir && from && argc == 2 && !strcmp(argv[1], "restore"))
        return cmd_registry_restore(from, dir, json);
    if (dir && argc == 1)
        return serve(dir, listen);
    return cmd_usage(synopsis, false);
}
