/* SPDX-License-Identifier: Apache-2.0 */
/* What the demo leaves for scripts: addresses, tokens, deployments, ready-made requests.
 */
#include "demo.h"

static int demo_world_request(struct demo *m, size_t site, struct jw *w)
{
    struct buf b;
    int err = AM_OK;
    buf_init(&b, 1 << 20);
    jw_key(w, "requests");
    jw_arr(w);
    for (size_t i = 0; i < m->site[site].held.n && i < 8 && !err; i++) {
        buf_clear(&b);
        err = demo_bundle(m, &m->site[site].held.v[i], 0, &b);
        jw_obj(w);
        jw_kstrz(w, "deployment", m->deployment[site]);
        jw_kstrz(w, "service", "CONSULTATION");
        jw_key(w, "bundle");
        jw_raw(w, buf_str(&b));
        jw_obj_end(w);
    }
    jw_arr_end(w);
    buf_release(&b);
    return err;
}

static int demo_world_json(struct demo *m, struct buf *out)
{
    struct jw w;
    int err = AM_OK;
    jw_init(&w, out);
    jw_pretty(&w);
    jw_obj(&w);
    jw_kstrz(&w, "genesis", m->genesis);
    jw_kstrz(&w, "type_base", m->type_base);
    jw_kstrz(&w, "model_digest", m->model_hex);
    jw_kstrz(&w, "algorithm_id", m->algorithm_id);
    jw_key(&w, "registry");
    jw_obj(&w);
    jw_kstrz(&w, "url", m->url);
    jw_kint(&w, "port", m->port);
    jw_kstrz(&w, "dir", m->registry_dir);
    jw_kstrz(&w, "admin_token", m->admin_token);
    jw_obj_end(&w);
    jw_key(&w, "nodes");
    jw_arr(&w);
    for (size_t i = 0; i < DEMO_SITES && !err; i++) {
        const struct demo_site *s = &m->site[i];
        jw_obj(&w);
        jw_kstrz(&w, "name", s->node);
        jw_kstrz(&w, "url", s->url);
        jw_kint(&w, "port", s->port);
        jw_kstrz(&w, "dir", s->dir);
        jw_kstrz(&w, "admin_token", s->admin_token);
        if (i < DEMO_PILOTS) {
            jw_kstrz(&w, "physician_token", s->physician_token);
            jw_kstrz(&w, "deployment", m->deployment[i]);
            err = demo_world_request(m, i, &w);
        }
        jw_obj_end(&w);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    return err ? err : jw_done(&w);
}

int demo_world(struct demo *m)
{
    char path[DEMO_PATH + 32];
    struct buf b;
    int err;
    buf_init(&b, (size_t)16 << 20);
    err = demo_world_json(m, &b);
    snprintf(path, sizeof path, "%s/world.json", m->dir);
    if (!err)
        err = am_file_write(path, buf_str(&b), 0600); /* it holds tokens */
    buf_wipe(&b);
    return err;
}
