/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include "base/conf.h"
#include "json/json.h"

static const char synopsis[] = "usage: amane conf explain [--json]\n";
static const char *const kinds[] = {"text", "integer", "boolean"};
static const char *const servers[] = {"", "registry", "node", "both"};

static int explain_json(void)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 1 << 20);
    jw_init(&w, &b);
    jw_pretty(&w);
    jw_arr(&w);
    for (size_t i = 0; i < CONF_KEYS; i++) {
        const struct conf_entry *e = conf_entry((enum conf_key)i);
        jw_obj(&w);
        jw_kstrz(&w, "key", e->key);
        jw_kstrz(&w, "server", servers[e->servers]);
        jw_kstrz(&w, "kind", kinds[e->kind]);
        jw_kstrz(&w, "default", e->def);
        if (e->kind == CONF_INT) {
            jw_kint(&w, "lowest", e->lo);
            jw_kint(&w, "highest", e->hi);
        }
        jw_kstrz(&w, "help", e->help);
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err ? cmd_fail("explain", "settings", err, NULL) : 0;
}

int cmd_conf(int argc, char **argv)
{
    bool json = false, help;
    const struct cmd_opt opt[] = {{.name = "--json", .kind = CMD_FLAG, .flag = &json}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    if (argc != 2 || strcmp(argv[1], "explain") != 0)
        return cmd_usage(synopsis, false);
    if (json)
        return explain_json();
    puts("Settings of `amane registry` and `amane node`, in DIR/registry.conf and "
         "DIR/node.conf\n"
         "as `key = value`; AMANE_<KEY> in the environment wins over the file, flags "
         "over both.\n");
    for (size_t i = 0; i < CONF_KEYS; i++) {
        const struct conf_entry *e = conf_entry((enum conf_key)i);
        printf("%s (%s, %s; default %s)\n    %s\n", e->key, servers[e->servers],
               kinds[e->kind], *e->def ? e->def : "empty", e->help);
    }
    return 0;
}
