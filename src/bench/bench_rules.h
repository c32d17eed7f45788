/* SPDX-License-Identifier: Apache-2.0 */
/* bench_rules -- indicator groups and relations of the manifest, read once, for probe. */
#ifndef BENCH_RULES_H
#define BENCH_RULES_H

#include "bench/bench_priv.h"
#include "probe/probe.h"

/* Adds them to rules whose inputs are set. */
void bench_rules_of(const struct bench_run *r, struct probe_rules *out);

#endif
