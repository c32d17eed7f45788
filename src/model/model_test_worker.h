/* SPDX-License-Identifier: Apache-2.0 */
/* model_test_worker -- a test program that opens model sessions is its own worker. */
#ifndef MODEL_TEST_WORKER_H
#define MODEL_TEST_WORKER_H

#include "base/log.h"
#include "model/model.h"
#include "worker/worker.h"

/* First in main(): the exit code when this process was started as the worker, else -1.
 * The log is off unless the environment has V. */
static inline int model_test_worker(int argc, char **argv)
{
    static const struct worker_role roles[] = {{"model", model_worker_main}};
    int code = worker_dispatch(argc, argv, roles, AM_LEN(roles));
    if (code < 0) {
        log_set_level(getenv("V") ? LOG_INFO : LOG_OFF);
        worker_set_program("/proc/self/exe");
    }
    return code;
}

#endif
