/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile policies and hostile evidence: the bytes are a policy, then, under the embedded
 * demonstration policy, a record and its own evidence. */
#include "base/log.h"
#include "embed/embed.h"
#include "label/label.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct label_policy *demo;

static void use(const struct label_policy *p, const struct json *record,
                const struct json *evidence)
{
    struct label_result r;
    struct buf text;
    struct jw w;
    if (label_evaluate(p, record, &evidence, 1, LABEL_ADVANCED, 0, &r, NULL))
        return;
    buf_init(&text, 1 << 20);
    jw_init(&w, &text);
    label_result_json(p, &r, LABEL_ADVANCED, &w);
    if (jw_done(&w) == AM_OK && r.reached > LABEL_NONE &&
        strcmp(r.outcome, "granted") != 0)
        abort(); /* a level and an outcome that do not agree */
    buf_release(&text);
    label_result_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc;
    struct label_policy *p = NULL;
    log_set_level(LOG_OFF);
    if (!demo) {
        const struct embed_file *f = embed_find("policy/demo-1.json");
        if (!f ||
            json_parse(&doc, (struct str){(const char *)f->data, f->size}, NULL, NULL) ||
            label_policy_new(&demo, json_root(doc), NULL))
            abort();
        json_free(doc);
    }
    if (json_parse(&doc, (struct str){(const char *)data, size}, NULL, NULL))
        return 0;
    if (label_policy_new(&p, json_root(doc), NULL) == AM_OK) {
        use(p, json_root(doc), json_root(doc));
        label_policy_free(p);
    }
    use(demo, json_root(doc), json_root(doc));
    json_free(doc);
    return 0;
}
