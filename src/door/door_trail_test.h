/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the trail share: a folder of its own, a trail in it. */
#ifndef DOOR_TRAIL_TEST_H
#define DOOR_TRAIL_TEST_H

#include "base/test.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "door/door_trail_priv.h"

static char t_dir[] = "/tmp/amane-trail-XXXXXX", t_sub[PATH_MAX];
static const uint8_t t_key[DOOR_TRAIL_KEY] = {5};

static inline int t_setup(void **state)
{
    (void)state;
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF);
    memcpy(t_dir + sizeof t_dir - 7, "XXXXXX", 6);
    if (!mkdtemp(t_dir))
        return -1;
    snprintf(t_sub, sizeof t_sub, "%s/access", t_dir);
    return 0;
}

static inline int t_teardown(void **state)
{
    DIR *d = opendir(t_sub);
    struct dirent *e;
    (void)state;
    while (d && (e = readdir(d))) {
        char p[PATH_MAX + 300];
        snprintf(p, sizeof p, "%s/%s", t_sub, e->d_name);
        unlink(p);
    }
    if (d)
        closedir(d);
    rmdir(t_sub);
    return rmdir(t_dir);
}

static inline struct door_trail *t_open(uint64_t max)
{
    struct door_trail_config c = {.dir = t_sub, .file_max = max};
    struct door_trail *t = NULL;
    memcpy(c.key, t_key, sizeof c.key);
    assert_ok(door_trail_open(&t, &c));
    return t;
}

#endif
