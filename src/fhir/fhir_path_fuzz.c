/* SPDX-License-Identifier: Apache-2.0 */
/* Any expression, before the first NUL, over any resource, after it (a Patient when there
 * is none): bounded work, no crash. */
#include "fhir/path.h"

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"p\",\"name\":[{\"given\":[\"a\",\"b\"],"
    "\"_given\":[null,{\"id\":\"g\"}]}],\"birthDate\":\"1974-12-25\",\"active\":true,"
    "\"multipleBirthInteger\":2,\"contact\":[{\"period\":{\"start\":\"2001-05\"}}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size}, text, rest;
    struct fhir_path *p = NULL;
    struct json_doc *doc = NULL;
    struct fhir_path_result r;
    struct arena arena;
    struct fhir_path_env env = {.arena = &arena, .steps = 20000, .now_at = 1};
    text = str_cut(all, 0, &rest);
    if (fhir_path_compile(&p, text, FHIR_PATH_INVARIANT, NULL))
        return 0;
    arena_init(&arena, 1 << 20);
    if (!json_parse(&doc, rest.n ? rest : str_c(patient), NULL, NULL)) {
        int truth, err;
        env.root = json_root(doc);
        truth = fhir_path_true(p, &env, NULL);
        err = fhir_path_eval(p, &env, NULL, &r, NULL);
        am_assert(truth <= FHIR_PATH_EMPTY);
        for (size_t i = 0; i < r.n && !err; i++) {
            struct str s;
            (void)!fhir_path_text(&r.item[i], &arena, &s);
        }
    }
    json_free(doc);
    arena_release(&arena);
    fhir_path_free(p);
    return 0;
}
