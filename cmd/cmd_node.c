/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>

#include "cmd_node_door.h"
#include "cmd_node_fhir.h"

#include "json/json.h"

static const char synopsis[] =
    "usage: amane node --data DIR [--listen HOST:PORT] [--registry URL] [--genesis "
    "SHA256]\n"
    "                  [--registry-token-file FILE] [--poll-ms N] [--checkpoint-s N]\n"
    "                  [--open] [--terminology DIR] [--profiles DIR]\n"
    "       amane node init --data DIR --name NAME --gst GST --establishment CODE "
    "[--json]\n"
    "       amane node audit verify --data DIR [--head SEQ:HASH] [--json]\n"
    "       amane node access verify --data DIR [--head SEQ:HASH] [--json]\n"
    "       amane node access list --data DIR [--patient ID] [--who ID] [--date DATE]\n"
    "       amane node client put --data DIR --client ID --jwks FILE --scope SCOPES\n"
    "                  [--purpose CODE]\n"
    "       amane node client list --data DIR\n"
    "       amane node client close --data DIR --client ID\n"
    "       amane node account open --data DIR --login LOGIN [--json]\n"
    "       amane node account reset --data DIR --login LOGIN [--second] [--json]\n";

static int node_identity_json(const char *name, const struct node_identity *id,
                              struct buf *out)
{
    struct crypto_key *key = NULL;
    struct buf b64;
    char key_id[CRYPTO_HEX];
    struct jw w;
    int err;
    buf_init(&b64, 1024);
    err = crypto_base64(&b64, buf_str(&id->service_spki));
    if (!err)
        err = crypto_key_from_spki(&key, buf_str(&id->service_spki));
    if (!err)
        err = crypto_key_id(key, key_id);
    if (!err) {
        jw_init(&w, out);
        jw_obj(&w);
        jw_kstrz(&w, "name", name);
        jw_kstr(&w, "witness_vkey", buf_str(&id->witness_vkey));
        jw_kstr(&w, "trace_vkey", buf_str(&id->trace_vkey));
        jw_kstr(&w, "service_spki", buf_str(&b64));
        jw_kstrz(&w, "service_key_id", key_id);
        jw_kstrz(&w, "admin_token", id->admin_token);
        jw_obj_end(&w);
        err = jw_done(&w);
    }
    crypto_key_free(key);
    buf_release(&b64);
    return err;
}

static int init(const char *dir, const char *name, const char *gst,
                const char *establishment, bool json)
{
    struct node_identity id = {0};
    struct buf out;
    int err, code = 0;
    buf_init(&id.witness_vkey, 1024);
    buf_init(&id.trace_vkey, 1024);
    buf_init(&id.service_spki, 1024);
    buf_init(&out, 8192);
    err = node_init(dir, name, gst, establishment, &id);
    if (!err)
        err = node_identity_json(name, &id, &out);
    if (!err)
        err = buf_addc(&out, '\n');
    (void)json; /* an identity is data: always JSON, so that it can be handed on */
    if (!err)
        err = cmd_out(buf_str(&out));
    if (err)
        code = cmd_fail("create a node in", dir, err, NULL);
    crypto_wipe(id.admin_token, sizeof id.admin_token);
    buf_wipe(&out);
    buf_release(&id.witness_vkey);
    buf_release(&id.trace_vkey);
    buf_release(&id.service_spki);
    return code;
}

struct node_flags {
    const char *listen, *registry, *genesis, *token_file, *poll_ms, *checkpoint_s,
        *terminology, *profiles;
    bool open; /* /fhir without login */
};

static int settings(struct conf *c, const char *dir, const struct node_flags *f,
                    struct diag *d)
{
    const struct {
        const char *key, *value;
    } given[] = {{"registry", f->registry},
                 {"genesis", f->genesis},
                 {"registry_token_file", f->token_file},
                 {"poll_ms", f->poll_ms},
                 {"checkpoint_s", f->checkpoint_s},
                 {"terminology", f->terminology},
                 {"profiles", f->profiles}};
    int err = cmd_settings(c, dir, "node.conf", f->listen, d);
    for (size_t i = 0; i < AM_LEN(given) && !err; i++)
        if (given[i].value)
            err =
                conf_set(c, str_c(given[i].key), str_c(given[i].value), given[i].key, d);
    return err;
}

static int read_token(const char *file, char token[AUTH_TOKEN], struct diag *d)
{
    char *text;
    size_t n;
    int err;
    token[0] = 0;
    if (!*file)
        return AM_OK;
    err = am_file_read(file, 4096, &text, &n);
    if (err) {
        diag_err(d, "registry_token_file", "conf.file", "%s cannot be read", file);
        return err;
    }
    snprintf(token, AUTH_TOKEN, "%.*s",
             (int)AM_MIN(str_trim((struct str){text, n}).n, (size_t)AUTH_TOKEN - 1),
             str_trim((struct str){text, n}).p);
    crypto_wipe(text, n);
    free(text);
    return AM_OK;
}

static int whole_node(const struct conf *c, struct node_config *nc, const char *token,
                      struct node **n, struct api **api, struct diag *d)
{
    int err;
    nc->registry_url = conf_text(c, CONF_REGISTRY);
    nc->genesis = conf_text(c, CONF_GENESIS);
    nc->registry_token = token;
    nc->poll_ms = (unsigned)conf_int(c, CONF_POLL_MS);
    nc->peers = conf_text(c, CONF_PEERS);
    nc->peers_s = (unsigned)conf_int(c, CONF_PEERS_S);
    nc->checkpoint_s = (unsigned)conf_int(c, CONF_CHECKPOINT_S);
    err = node_open(n, nc, d);
    if (!err)
        err = cmd_people(c, node_auth(*n), d);
    return err ? err : api_new_node(api, *n);
}

/* Heaps of the allocator: as many as there are threads that work at once, or nearly (ADR
 * 31). More, one for each thread that ever was, only keep memory that nobody uses. */
enum { NODE_HEAPS = 4 };

static int serve(const char *dir, const struct node_flags *f)
{
    struct node *n = NULL;
    struct api *api = NULL;
    struct node_config nc = {.dir = dir};
    char token[AUTH_TOKEN];
    struct conf c;
    struct diag d;
    int err, code;
    (void)mallopt(M_ARENA_MAX, NODE_HEAPS);
    cmd_block_signals();
    conf_init(&c, CONF_N);
    diag_init(&d);
    err = settings(&c, dir, f, &d);
    if (!err)
        err = read_token(conf_text(&c, CONF_REGISTRY_TOKEN_FILE), token, &d);
    /* Of no registry, with --open: the FHIR interface alone. */
    if (!err && !(f->open && !*conf_text(&c, CONF_GENESIS)))
        err = whole_node(&c, &nc, token, &n, &api, &d);
    code = err ? cmd_fail("open the node in", dir, err, &d)
               : cmd_node_serve(&c, api, n, dir, f->open);
    api_free(api);
    node_close(n);
    crypto_wipe(token, sizeof token);
    conf_release(&c);
    diag_release(&d);
    return code;
}

static int audit(const char *dir, const char *head, bool json)
{
    struct auth *a = NULL;
    int err = auth_open(&a, dir);
    int code =
        err ? cmd_fail("open the accounts in", dir, err, NULL) : cmd_audit(a, head, json);
    auth_close(a);
    return code;
}

static int account(const char *dir, const char *verb, const char *login, bool second,
                   bool json)
{
    struct auth *a = NULL;
    int err = auth_open(&a, dir);
    int code = err ? cmd_fail("open the accounts in", dir, err, NULL)
                   : cmd_account(a, verb, login, second, json);
    auth_close(a);
    return code;
}

int cmd_node(int argc, char **argv)
{
    const char *dir = NULL, *name = NULL, *gst = NULL, *establishment = NULL,
               *head = NULL, *login = NULL;
    struct node_flags f = {0};
    struct cmd_door k = {0};
    bool json = false, second = false, help;
    const struct cmd_opt opt[] = {
        {.name = "--login", .kind = CMD_TEXT, .text = &login},
        {.name = "--second", .kind = CMD_FLAG, .flag = &second},
        {.name = "--data", .kind = CMD_TEXT, .text = &dir},
        {.name = "--head", .kind = CMD_TEXT, .text = &head},
        {.name = "--listen", .kind = CMD_TEXT, .text = &f.listen},
        {.name = "--registry-token-file", .kind = CMD_TEXT, .text = &f.token_file},
        {.name = "--registry", .kind = CMD_TEXT, .text = &f.registry},
        {.name = "--genesis", .kind = CMD_TEXT, .text = &f.genesis},
        {.name = "--poll-ms", .kind = CMD_TEXT, .text = &f.poll_ms},
        {.name = "--checkpoint-s", .kind = CMD_TEXT, .text = &f.checkpoint_s},
        {.name = "--terminology", .kind = CMD_TEXT, .text = &f.terminology},
        {.name = "--profiles", .kind = CMD_TEXT, .text = &f.profiles},
        {.name = "--open", .kind = CMD_FLAG, .flag = &f.open},
        {.name = "--name", .kind = CMD_TEXT, .text = &name},
        {.name = "--gst", .kind = CMD_TEXT, .text = &gst},
        {.name = "--establishment", .kind = CMD_TEXT, .text = &establishment},
        {.name = "--patient", .kind = CMD_TEXT, .text = &k.patient},
        {.name = "--who", .kind = CMD_TEXT, .text = &k.who},
        {.name = "--date", .kind = CMD_TEXT, .text = &k.date},
        {.name = "--client", .kind = CMD_TEXT, .text = &k.client},
        {.name = "--jwks", .kind = CMD_TEXT, .text = &k.jwks},
        {.name = "--scope", .kind = CMD_TEXT, .text = &k.scope},
        {.name = "--purpose", .kind = CMD_TEXT, .text = &k.purpose},
        {.name = "--json", .kind = CMD_FLAG, .flag = &json},
    };
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (dir && argc == 2 && !strcmp(argv[1], "init") && name && gst && establishment)
        return init(dir, name, gst, establishment, json);
    if (dir && argc == 3 && !strcmp(argv[1], "audit") && !strcmp(argv[2], "verify"))
        return audit(dir, head, json);
    k.dir = dir;
    k.head = head;
    k.json = json;
    if (cmd_is_door(argc, argv, &k))
        return cmd_node_door(argv, &k);
    if (dir && login && cmd_is_account(argc, argv))
        return account(dir, argv[2], login, second, json);
    if (dir && argc == 1)
        return serve(dir, &f);
    return cmd_usage(synopsis, false);
}
