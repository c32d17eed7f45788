/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_bench_policy -- the policy of a run, and the verdicts it gives (module label), as
 * summary.json has them: `amane bench run` writes them, `amane bench verify` makes them
 * again. */
#ifndef CMD_BENCH_POLICY_H
#define CMD_BENCH_POLICY_H

#include "crypto/crypto.h"
#include "json/json.h"
#include "label/label.h"

struct cmd_bench_policy {
    char *text; /* as it was read; NULL: the program's */
    struct str bytes;
    struct json_doc *doc;
    struct label_policy *policy;
    char sha256[CRYPTO_HEX]; /* of the canonical form */
};
/* path NULL: the one the program was built with. On failure nothing is held. */
AM_CHECK int cmd_bench_policy_read(struct cmd_bench_policy *p, const char *path,
                                   struct diag *d);
void cmd_bench_policy_release(struct cmd_bench_policy *p);

struct cmd_bench_asked { /* what was judged */
    const struct json *record, *const *evidence;
    size_t n;
    enum label_level level;
    int64_t at;
};
/* Adds the members policy, requested_level, level, outcome, national, requirements (every
 * row at every level) and undemonstrated_groups. said (may be NULL): one line for people.
 */
AM_CHECK int cmd_bench_verdicts(const struct cmd_bench_policy *p,
                                const struct cmd_bench_asked *a, struct jw *w,
                                char said[160], struct diag *d);
#endif
