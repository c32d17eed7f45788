/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_node_mllp.h"

#include <limits.h>

#include "base/log.h"
#include "cmd_mllp.h"

struct cmd_node_ear {
    struct cmd_hl7 hl7;
    struct cmd_mllp *mllp;
};

/* Who is not registered would have each of his messages refused: said at the start. */
static int as_service(struct cmd_hl7 *h, struct door *door, const char *client)
{
    void *who = NULL;
    int err = *client ? door_service(door, client, "", &who) : AM_E_UNAUTHORIZED;
    door_service_end(who);
    h->door = door;
    h->client = client;
    if (!err)
        return 0;
    cmd_complain("node.mllp_client", NULL, *client ? client : "\"\"");
    return err == AM_E_UNAUTHORIZED ? 2 : cmd_fail("listen", client, err, NULL);
}

static int begin(struct cmd_node_ear *e, const struct conf *c, const char *dir,
                 struct rest *rest, struct eds *eds, struct door *door)
{
    const char *address = conf_text(c, CONF_MLLP), *map = conf_text(c, CONF_HL7_MAP);
    char rejects[PATH_MAX];
    int code, err;
    if (snprintf(rejects, sizeof rejects, "%s/rejected", dir) >= (int)sizeof rejects)
        return cmd_fail("listen", address, AM_E_TOOBIG, NULL);
    code = cmd_hl7_open(&e->hl7, rest, *map ? map : NULL, "mapping/hl7v2.json", rejects);
    e->hl7.eds = eds;
    if (!code && door)
        code = as_service(&e->hl7, door, conf_text(c, CONF_MLLP_CLIENT));
    if (code)
        return code;
    err = cmd_mllp_start(&e->mllp, &e->hl7, address);
    if (err)
        return cmd_fail("listen", address, err, NULL);
    LOG_I("mllp.listen", log_s("address", address),
          log_i("port", cmd_mllp_port(e->mllp)));
    return 0;
}

int cmd_node_hear(struct cmd_node_ear **out, const struct conf *c, const char *dir,
                  struct rest *rest, struct eds *eds, struct door *door)
{
    const char *address = conf_text(c, CONF_MLLP);
    struct cmd_node_ear *e;
    int code;
    *out = NULL;
    if (!*address)
        return 0;
    if (!rest)
        return cmd_fail("listen", address, AM_E_UNAVAILABLE, NULL);
    e = am_calloc(1, sizeof *e);
    if (!e)
        return cmd_fail("listen", address, AM_E_NOMEM, NULL);
    code = begin(e, c, dir, rest, eds, door);
    if (code)
        cmd_node_deaf(e);
    else
        *out = e;
    return code;
}

void cmd_node_deaf(struct cmd_node_ear *e)
{
    if (!e)
        return;
    cmd_mllp_stop(e->mllp);
    cmd_hl7_close(&e->hl7);
    free(e);
}
