/* SPDX-License-Identifier: Apache-2.0 */
/* After an erasure: what is left of it in the files (eds/erase.h). */
#include "base/log.h"
#include "eds/eds_index_priv.h"
#include "eds/eds_scar_priv.h"

enum { SCRUB_TAIL = 16384 }; /* rids that make a segment, as the merger's */

static int scrub_look(struct eds_view *v, void *arg)
{
    struct db_stmt *s;
    int err = db_prepare(v->c, "select rid from erasure where scrubbed = 0 limit 1", &s);
    return err ? err : db_step(s, arg);
}

static int scrub_done(struct db_conn *c, void *unused)
{
    (void)unused;
    return db_exec(c, "update erasure set scrubbed = 1 where scrubbed = 0", "");
}

int eds_scrub(struct eds *e, eds_progress_fn *progress, void *arg)
{
    bool left = false;
    int err = eds_view(e, scrub_look, &left);
    if (err || !left)
        return err;
    eds_sample_forget(e); /* of an erasure of another process */
    err = eds_parts_erased(e);
    if (!err)
        err = eds_merge(e, SCRUB_TAIL, SCRUB_TAIL);
    if (!err)
        err = eds_forget(e, progress, arg);
    if (!err)
        err = db_scrub(e->db);
    if (!err)
        err = db_write(e->db, scrub_done, NULL);
    if (!err)
        LOG_I("eds.scrubbed", log_i("ok", 1));
    return err;
}
