/* SPDX-License-Identifier: Apache-2.0 */
/* Two at the desk enter one patient. Numbers are a condition of the store's
 * (ward_identity.c); but one desk may have his card and the other his number here, so who
 * may be the same is looked for by name and birth, which no condition of FHIR can say.
 *
 * So each year of birth has a Schedule of its own, "desk-1984", with nobody in it. Who
 * enters a new patient reads its version, then looks for who may be the same, and writes
 * the patient together with that Schedule at the version that was read: whoever entered
 * one of that year in between has changed it, the transaction is refused, and one looks
 * again. Holds among those who enter here, for births of one year; a patient who comes
 * through /fhir or HL7 does not ask, but is found.
 *
 * Who are somebody else is for the person at the desk to say, of those whom the page
 * showed: they go with the form (their ids, hashed), and whoever is found that it does
 * not name is shown first. */
#include "ward/ward_agenda.h"
#include "ward/ward_identity.h"

#include <string.h>

enum { SEEN = 8 }; /* hexadecimal digits of one */

static void desk_id(const struct ward_entry *e, char id[WARD_ID + 1])
{
    struct str born = ward_field_value(e, "born");
    snprintf(id, WARD_ID + 1, "desk-%.4s", born.n >= 4 ? born.p : "none");
}

void ward_desk_guard(struct ward_entry *e)
{
    char id[WARD_ID + 1], path[WARD_ID + 20];
    struct ward_reply r;
    struct str version;
    int err;
    desk_id(e, id);
    snprintf(path, sizeof path, "/Schedule/%s", id);
    err = ward_file_ask(&e->f, (struct ward_call){.path = path}, &r);
    version = json_get_str(json_get(r.root, "meta"), "versionId");
    e->guard[0] = 0;
    if (!err && version.n && version.n <= WARD_ID)
        snprintf(e->guard, sizeof e->guard, "%.*s", STR_FMT(version));
    else if (err != AM_E_NOTFOUND) /* none yet, or deleted */
        ward_field_error(e, e->form->field[0].name, "ward_e.unlooked");
    ward_reply_release(&r);
}

void ward_desk_put(struct ward_tx *t)
{
    char id[WARD_ID + 1];
    desk_id(t->e, id);
    ward_agenda_put(t, id, t->e->guard, NULL);
}

/* ---- who was seen ---- */
static void seen_one(const char *id, char out[SEEN + 1])
{
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256(str_c(id), hash);
    crypto_hex(hash, SEEN / 2, out);
}

/* Those whom the page only counts, whatever their order. */
static void seen_others(const struct ward_entry *e, char out[SEEN + 1])
{
    uint8_t hash[CRYPTO_SHA256], all[SEEN / 2] = {0};
    for (size_t i = 0; i < e->n_others; i++) {
        crypto_sha256(str_c(e->other[i]), hash);
        for (size_t k = 0; k < sizeof all; k++)
            all[k] ^= hash[k];
    }
    crypto_hex(all, sizeof all, out);
}

static bool seen_has(const struct ward_entry *e, const char *one)
{
    struct str left = ward_field_value(e, "seen");
    while (left.n)
        if (str_eqc(str_cut(left, ' ', &left), one))
            return true;
    return false;
}

bool ward_desk_saw(const struct ward_entry *e)
{
    char one[SEEN + 1];
    for (size_t i = 0; i < e->n_similar; i++) {
        seen_one(e->similar[i].id, one);
        if (!seen_has(e, one))
            return false;
    }
    seen_others(e, one);
    return !e->n_others || seen_has(e, one);
}

void ward_desk_seen(struct ward_entry *e)
{
    char all[(WARD_SIMILAR + 1) * (SEEN + 1) + 1] = "";
    size_t n = e->n_similar;
    for (size_t i = 0; i < n; i++)
        seen_one(e->similar[i].id, all + i * (SEEN + 1));
    if (e->n_others)
        seen_others(e, all + n++ * (SEEN + 1));
    for (size_t i = 0; i < n; i++)
        all[i * (SEEN + 1) + SEEN] = ' ';
    if (ward_field_set(e, "seen", str_trim((struct str){all, n * (SEEN + 1)})))
        ward_field_error(e, e->form->field[0].name, "ward_e.unlooked");
}
