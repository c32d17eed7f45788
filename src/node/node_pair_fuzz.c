/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile evidence of two histories, as a peer may publish it. The key each input brings
 * along (`vkey`) is taken as the log's, so that what lies behind signatures is reached.
 */
#include "node/node_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tlog_vkey key;
    struct node_pair p = {0};
    struct json_doc *doc;
    if (json_parse(&doc, (struct str){(const char *)data, size}, NULL, NULL))
        return 0;
    if (!tlog_vkey_parse(json_get_str(json_root(doc), "vkey"), &key)) {
        buf_init(&p.known, TLOG_NOTE_MAX);
        if (!node_pair_read(json_root(doc), &key, &p)) {
            /* Who is convicted has said two things of one size. */
            am_assert(p.c.size >= 1 && p.c.size <= p.k.size && p.known.n > 0);
            am_assert(memcmp(&p.root, &p.c.root, sizeof p.root) != 0);
        }
        buf_release(&p.known);
    }
    json_free(doc);
    return 0;
}
