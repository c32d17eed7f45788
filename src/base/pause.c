/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pause.h"

#include <stddef.h>

static _Thread_local const struct am_pause *pause_of;

void am_pause_set(const struct am_pause *p)
{
    pause_of = p;
}

void am_pause_begin(void)
{
    if (pause_of)
        pause_of->begin(pause_of->arg);
}

void am_pause_end(void)
{
    if (pause_of)
        pause_of->end(pause_of->arg);
}
