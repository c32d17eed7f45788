/* SPDX-License-Identifier: Apache-2.0 */
/* Erasure: what goes and what stays; nothing of him is told or found in the files; what
 * remains is proved as before; killed at any moment. */
#include <fcntl.h>
#include <signal.h>

#include "eds/eds_erase_priv.h"
#include "eds/eds_index_priv.h"
#include "eds/eds_test.h"
#include "eds/search.h"

enum { KILLS = 12, KILLS_PG = 3, MANY = 600 };

#define HIM   "018f0000-1111-7222-8333-444455556666"
#define OTHER "018f0000-aaaa-7bbb-8ccc-ddddeeeeffff"
static const char packed_him[] = "\x01\x8f\x00\x00\x11\x11\x72\x22\x83\x33\x44\x44\x55"
                                 "\x55\x66\x66";

static struct eds *open_fhir(void)
{
    struct eds *e = NULL;
    struct eds_config c = t_config();
    c.rows = eds_rows_fhir;
    assert_ok(eds_open(&e, &c));
    return e;
}

static void put(struct eds *e, const char *type, const char *id, const char *members)
{
    char body[1000];
    snprintf(body, sizeof body, "{\"resourceType\":\"%s\",\"id\":\"%s\"%s%s}", type, id,
             *members ? "," : "", members);
    assert_ok(t_ask(e, body,
                    (struct eds_ask){EDS_UPDATE, .type = str_c(type), .id = str_c(id)},
                    NULL));
}

static void take(struct eds *e, const char *type, const char *id)
{
    assert_ok(t_ask(e, NULL,
                    (struct eds_ask){EDS_DELETE, .type = str_c(type), .id = str_c(id)},
                    NULL));
}

#define SUBJECT(id)     "\"subject\":{\"reference\":\"Patient/" id "\"}"
#define TO(member, ref) "\"" member "\":{\"reference\":\"" ref "\"}"

static void two_patients(struct eds *e)
{
    put(e, "Patient", HIM,
        "\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"QX48213377\"}],\"name\":[{"
        "\"family\":\"Zyxwander\",\"given\":[\"Quorrin\"]}],\"birthDate\":\"1951-02-"
        "03\"");
    put(e, "Patient", OTHER, "\"name\":[{\"family\":\"Ordinary\"}]");
    put(e, "Observation", "his", "\"status\":\"final\"," SUBJECT(HIM));
    put(e, "Observation", "his", "\"status\":\"amended\"," SUBJECT(HIM));
    put(e, "Observation", "deleted", "\"status\":\"final\"," SUBJECT(HIM));
    take(e, "Observation", "deleted");
    put(e, "Observation", "moved", "\"status\":\"final\"," SUBJECT(HIM));
    put(e, "Observation", "moved", "\"status\":\"final\"," SUBJECT(OTHER));
    put(e, "Observation", "hers", "\"status\":\"final\"," SUBJECT(OTHER));
    put(e, "Encounter", "visit", "\"status\":\"finished\"," SUBJECT(HIM));
    put(e, "Observation", "bare",
        "\"status\":\"final\"," TO("encounter", "Encounter/visit"));
    put(e, "Provenance", "about-his",
        "\"target\":[{\"reference\":\"Observation/bare\"}]");
    put(e, "Provenance", "about-both",
        "\"target\":[{\"reference\":\"Observation/his\"},{\"reference\":\"Observation/"
        "hers\"}]");
    put(e, "List", "ward",
        "\"entry\":[{\"item\":{\"reference\":\"Patient/" HIM
        "\"}},{\"item\":{\"reference\":\"Patient/" OTHER "\"}}]");
    put(e, "AuditEvent", "seen",
        "\"entity\":[{\"what\":{\"reference\":\"Patient/" HIM "\"}}]");
    put(e, "Library", "about",
        "\"subjectReference\":{\"reference\":\"Patient/" HIM "\"}");
    put(e, "Observation", "address",
        "\"status\":\"final\",\"subject\":{\"reference\":\"http://x/fhir/Patient/" HIM
        "\"}");
    put(e, "DocumentReference", "letter",
        SUBJECT(HIM) ",\"content\":[{\"attachment\":{\"url\":\"Binary/own\"}},{"
                     "\"attachment\":{\"url\":\"Binary/common\"}}]");
    put(e, "DocumentReference", "leaflet",
        SUBJECT(OTHER) ",\"content\":[{\"attachment\":{\"url\":\"Binary/common\"}}]");
    put(e, "Binary", "own", "\"contentType\":\"text/plain\"");
    put(e, "Binary", "common", "\"contentType\":\"text/plain\"");
}

static struct eds_erase asked(void)
{
    return (struct eds_erase){.id = STR(HIM),
                              .who = "data officer",
                              .ground = "withdrawal",
                              .reason = "request 12/2026"};
}

static int erase(struct eds *e)
{
    struct eds_erase x = asked();
    int err = eds_erase(e, &x);
    eds_erase_release(&x);
    return err;
}

static int checked(struct eds *e, struct eds_check *c)
{
    *c = (struct eds_check){0};
    return eds_check(e, c);
}

static void assert_whole(struct eds *e)
{
    struct eds_check c;
    assert_ok(checked(e, &c));
}

static void assert_broken(struct eds *e)
{
    struct eds_check c;
    assert_int_equal(checked(e, &c), AM_E_TAMPERED);
}

static struct eds_meta meta(struct eds *e, const char *type, const char *id, int64_t ver)
{
    struct eds_meta m = {0};
    assert_ok(eds_read(e, str_c(type), str_c(id), ver, NULL, &m));
    return m;
}

/* ---- what goes ---- */
static int fate(const struct eds_erase *x, const char *type, const char *id)
{
    for (size_t i = 0; i < x->n_fated; i++)
        if (str_eqc(x->fated[i].type, type) && str_eqc(x->fated[i].id, id))
            return x->fated[i].fate;
    return -1;
}

static void what_is_his_alone_goes(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_erase x = asked();
    static const char *const goes[][2] = {{"Patient", HIM},
                                          {"Observation", "his"},
                                          {"Observation", "deleted"},
                                          {"Encounter", "visit"},
                                          {"Observation", "bare"},
                                          {"Provenance", "about-his"},
                                          {"DocumentReference", "letter"},
                                          {"Binary", "own"}};
    static const char *const stays[][2] = {
        {"Patient", OTHER},         {"Observation", "hers"},
        {"Observation", "moved"},   {"List", "ward"},
        {"AuditEvent", "seen"},     {"Library", "about"},
        {"Binary", "common"},       {"Provenance", "about-both"},
        {"Observation", "address"}, {"DocumentReference", "leaflet"}};
    two_patients(e);
    x.dry = true;
    assert_ok(eds_erase(e, &x));
    assert_int_equal(x.resources, AM_LEN(goes));
    assert_int_equal(x.versions, AM_LEN(goes) + 2);
    eds_erase_release(&x);
    assert_false(meta(e, "Patient", HIM, 0).gone);
    x = asked();
    assert_ok(eds_erase(e, &x));
    assert_int_equal(x.versions, AM_LEN(goes) + 2);
    for (size_t i = 0; i < AM_LEN(goes); i++) {
        struct eds_meta m = meta(e, goes[i][0], goes[i][1], 0);
        assert_int_equal(fate(&x, goes[i][0], goes[i][1]), EDS_GOES);
        assert_true(m.gone && m.erased && m.current);
        assert_true(meta(e, goes[i][0], goes[i][1], 1).erased);
    }
    for (size_t i = 0; i < AM_LEN(stays); i++)
        assert_false(meta(e, stays[i][0], stays[i][1], 0).gone);
    assert_int_equal(fate(&x, "List", "ward"), EDS_SHARED);
    assert_int_equal(fate(&x, "Observation", "moved"), EDS_SHARED);
    assert_int_equal(fate(&x, "Provenance", "about-both"), EDS_SHARED);
    assert_int_equal(fate(&x, "Binary", "common"), EDS_SHARED);
    assert_int_equal(fate(&x, "AuditEvent", "seen"), EDS_AUDIT);
    assert_int_equal(fate(&x, "Library", "about"), EDS_FOREIGN);
    assert_int_equal(fate(&x, "Observation", "address"), EDS_FOREIGN);
    assert_int_equal(fate(&x, "Observation", "hers"), -1);
    eds_erase_release(&x);
    assert_whole(e);
    eds_close(e);
}

/* An erasure of him; what became of one. */
static int fate_after(struct eds *e, const char *type, const char *id)
{
    struct eds_erase x = asked();
    int is;
    assert_ok(eds_erase(e, &x));
    is = fate(&x, type, id);
    eds_erase_release(&x);
    return is;
}

/* A newborn and the mother, who is linked to what hangs on the newborn. */
static void no_other_patient_goes(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    put(e, "Patient", HIM, "\"birthDate\":\"2026-11-01\"");
    put(e, "RelatedPerson", "r1", TO("patient", "Patient/" HIM));
    put(e, "Patient", OTHER, "\"link\":[{" TO("other", "RelatedPerson/r1") "}]");
    put(e, "Patient", OTHER,
        "\"active\":true,\"link\":[{" TO("other", "RelatedPerson/r1") "}]");
    put(e, "Observation", "hers", SUBJECT(OTHER));
    assert_int_equal(fate_after(e, "Patient", OTHER), EDS_SHARED);
    assert_false(meta(e, "Patient", OTHER, 0).gone);
    assert_false(meta(e, "Patient", OTHER, 1).erased);
    assert_false(meta(e, "Observation", "hers", 0).gone);
    assert_true(meta(e, "RelatedPerson", "r1", 0).erased);
    assert_whole(e);
    eds_close(e);
}

#define AT(member, ref) TO(member, "https://node/fhir/" ref)

/* What a whole address names may be here or elsewhere: it is told, not taken. */
static void what_a_whole_address_names_is_told(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_erase x = asked();
    two_patients(e);
    put(e, "DocumentReference", "scan",
        SUBJECT(HIM) ",\"content\":[{\"attachment\":{\"url\":\"https://node/fhir/"
                     "Binary/b1\"}},{\"attachment\":{\"url\":\"https://node/fhir/"
                     "Binary/own?_format=xml\"}},{\"attachment\":{\"url\":\"Binary/"
                     "hers\"}},{\"attachment\":{\"url\":\"https://node/fhir/Binary/"
                     "none\"}}]");
    put(e, "DocumentReference", "hers",
        SUBJECT(OTHER) ",\"content\":[{\"attachment\":{\"url\":\"https://node/fhir/"
                       "Binary/hers\"}}]");
    put(e, "Binary", "b1", "\"contentType\":\"text/plain\"");
    put(e, "Binary", "hers", "\"contentType\":\"text/plain\"");
    put(e, "Observation", "far",
        "\"status\":\"final\"," AT("encounter", "Encounter/visit"));
    put(e, "Observation", "half",
        "\"status\":\"final\"," TO(
            "encounter",
            "Encounter/visit") ",\"derivedFrom\":[{"
                               "\"reference\":\"https://other/Observation/9\"}]");
    put(e, "Observation", "else", "\"status\":\"final\"," AT("encounter", "Encounter/9"));
    assert_ok(eds_erase(e, &x));
    assert_int_equal(fate(&x, "DocumentReference", "scan"), EDS_GOES);
    assert_int_equal(fate(&x, "Binary", "b1"), EDS_FOREIGN);
    assert_int_equal(fate(&x, "Binary", "own"), EDS_GOES); /* his letter names it, too */
    assert_int_equal(fate(&x, "Binary", "hers"), EDS_SHARED);
    assert_int_equal(fate(&x, "Observation", "far"), EDS_FOREIGN);
    assert_int_equal(fate(&x, "Observation", "half"), EDS_FOREIGN);
    assert_int_equal(fate(&x, "Observation", "else"), -1);
    assert_int_equal(fate(&x, "DocumentReference", "hers"), -1);
    assert_false(meta(e, "Binary", "b1", 0).gone);
    assert_false(meta(e, "Binary", "hers", 0).gone);
    assert_false(meta(e, "Observation", "far", 0).gone);
    eds_erase_release(&x);
    assert_whole(e);
    eds_close(e);
}

#define TARGET(ref) "\"target\":[{\"reference\":\"" ref "\"}]"
#define BY_HIM      ",\"agent\":[{" TO("who", "Patient/" HIM) "}]"

/* Where a resource comes from goes with the resource, not with who made it. */
static void a_provenance_goes_with_its_targets(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_erase x = asked();
    two_patients(e);
    put(e, "Provenance", "of-hers", TARGET("Observation/hers") BY_HIM);
    put(e, "Provenance", "of-drug",
        "\"target\":[{\"reference\":\"Observation/his\"},{\"reference\":\"Medication/m\"}"
        "]");
    put(e, "Provenance", "of-his", TARGET("Observation/his/_history/1") BY_HIM);
    put(e, "Provenance", "of-bare", TARGET("Observation/bare") BY_HIM);
    put(e, "Provenance", "of-letter", TARGET("Binary/own") BY_HIM);
    put(e, "Provenance", "of-moved", TARGET("Observation/his") BY_HIM);
    put(e, "Provenance", "of-moved", TARGET("Observation/moved") BY_HIM);
    assert_ok(eds_erase(e, &x));
    assert_int_equal(fate(&x, "Provenance", "of-hers"), EDS_SHARED);
    assert_int_equal(fate(&x, "Provenance", "of-drug"), EDS_SHARED);
    assert_int_equal(fate(&x, "Provenance", "of-moved"), EDS_SHARED);
    assert_int_equal(fate(&x, "Provenance", "of-his"), EDS_GOES);
    assert_int_equal(fate(&x, "Provenance", "of-bare"), EDS_GOES);
    assert_int_equal(fate(&x, "Provenance", "of-letter"), EDS_GOES);
    assert_int_equal(fate(&x, "Binary", "own"), EDS_GOES);
    eds_erase_release(&x);
    assert_false(meta(e, "Provenance", "of-hers", 0).gone);
    assert_whole(e);
    eds_close(e);
}

/* Who looked at a document has no part in it. */
static void an_audit_event_shares_nothing(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    two_patients(e);
    put(e, "AuditEvent", "read", "\"entity\":[{" TO("what", "Binary/own") "}]");
    assert_int_equal(fate_after(e, "Binary", "own"), EDS_GOES);
    assert_whole(e);
    eds_close(e);
}

/* ---- nothing tells of him ---- */
static int count_row(void *arg, const struct fhir_row *row, int64_t rid)
{
    size_t *n = arg;
    (void)rid;
    *n += row->kind == FHIR_ROW_STRING && str_starts(row->text, STR("zyxwander"));
    return AM_OK;
}

static int count_version(void *arg, const struct eds_meta *m, struct str body)
{
    size_t *n = arg;
    (void)body;
    *n += !strcmp(m->id, HIM);
    return AM_OK;
}

static int count_view(struct eds_view *v, void *arg)
{
    int err = eds_index_each(v, count_row, arg);
    if (!err)
        err = eds_each(v, STR_NULL, 0, count_version, arg);
    return err ? err : eds_history(v, &(struct eds_past){0}, count_version, arg);
}

static size_t traces(struct eds *e)
{
    size_t n = 0;
    assert_ok(eds_view(e, count_view, &n));
    return n;
}

static void no_list_and_no_history_tells_of_him(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    two_patients(e);
    assert_true(traces(e) >= 3); /* rows, one current, one version */
    assert_ok(eds_merge(e, 4, 4));
    put(e, "Observation", "later", "\"status\":\"final\"," SUBJECT(OTHER));
    assert_true(traces(e) >= 3);
    assert_true(e->sample.bytes.n > 0);
    assert_ok(erase(e)); /* in a segment and in the memory of this process */
    assert_int_equal(traces(e), 0);
    assert_int_equal(e->sample.bytes.n + e->sample.part.n + e->sample.seen, 0);
    assert_whole(e);
    assert_ok(eds_scrub(e, NULL, NULL));
    assert_int_equal(traces(e), 0);
    assert_whole(e);
    eds_close(e);
    e = open_fhir();
    assert_int_equal(traces(e), 0);
    assert_int_equal(erase(e), AM_E_NOTFOUND);
    eds_close(e);
}

static void an_erased_id_goes_on_counting(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_meta m;
    two_patients(e);
    assert_ok(erase(e));
    put(e, "Observation", "his", "\"status\":\"final\"," SUBJECT(OTHER));
    m = meta(e, "Observation", "his", 0);
    assert_int_equal(m.ver, 3);
    assert_true(!m.gone && m.current);
    m = meta(e, "Observation", "his", 2);
    assert_true(m.erased && !m.current);
    assert_whole(e);
    eds_close(e);
}

/* ---- the proof ---- */
/* One link: it will be attested. */
static void one_link(struct eds *e)
{
    struct eds_group *g = NULL;
    struct json_doc *doc =
        t_json("{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":["
               "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"" HIM "\"}},"
               "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"" OTHER "\"}},"
               "{\"resource\":{\"resourceType\":\"Observation\",\"id\":\"x\"}}]}");
    assert_ok(eds_group_new(&g, e));
    assert_ok(eds_put_bundle(g, json_root(doc), EDS_IDS_KEPT, NULL));
    assert_ok(eds_write(g));
    eds_group_free(g);
    json_free(doc);
}

static int edit(struct db_conn *c, void *sql)
{
    return db_exec(c, sql, "");
}

/* Each is undone by the other: what was found is found because of it. */
static void edits_after_an_erasure_are_found(void **state)
{
    (void)state;
    static const char *const pair[][2] = {
        {"update res set at = at + 1 where rid = (select max(rid) from res)",
         "update res set at = at - 1 where rid = (select max(rid) from res)"},
        {"update res set ver = ver + 7 where rid = (select min(rid) from res)",
         "update res set ver = ver - 7 where rid = (select min(rid) from res)"},
        {"update res set rid = rid + 1000 where rid = (select min(rid) from res)",
         "update res set rid = rid - 1000 where rid = (select max(rid) from res)"},
        {"update erased set rid = rid + 1000 where rid = (select min(rid) from erased)",
         "update erased set rid = rid - 1000 where rid = (select max(rid) from erased)"},
        {"update erased set ver = ver + 1", "update erased set ver = ver - 1"},
        {"update attest set last = -last", "update attest set last = -last"},
        {"update erasure set reason = 'other'",
         "update erasure set reason = 'request 12/2026'"},
        {"update erasure set at = at - 1", "update erasure set at = at + 1"},
        {"update erasure set rid = -rid", "update erasure set rid = -rid"},
    };
    struct eds *e = open_fhir();
    one_link(e);
    assert_ok(erase(e));
    assert_whole(e);
    for (size_t i = 0; i < AM_LEN(pair); i++) {
        assert_ok(db_write(e->db, edit, (void *)(uintptr_t)pair[i][0]));
        assert_broken(e);
        assert_ok(db_write(e->db, edit, (void *)(uintptr_t)pair[i][1]));
        assert_whole(e);
    }
    eds_close(e);
}

/* A second erasure in the same link; its attest is the one that counts. */
static void a_link_may_be_touched_twice(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_erase x = asked();
    struct eds_check c;
    one_link(e);
    assert_ok(erase(e));
    x.id = STR(OTHER);
    assert_ok(eds_erase(e, &x));
    eds_erase_release(&x);
    assert_ok(checked(e, &c));
    assert_int_equal(c.erased, 2);
    assert_int_equal(c.erasures, 2);
    assert_int_equal(c.versions, 1);
    put(e, "Patient", "new", "");
    assert_whole(e);
    assert_ok(db_write(e->db, edit,
                       "delete from attest where erasure = (select max(rid) from"
                       " erasure)"));
    assert_broken(e);
    eds_close(e);
}

static void no_erasure_is_made_up(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    put(e, "Patient", "before", "");
    put(e, "Patient", "before", "");
    one_link(e);
    assert_ok(erase(e));
    assert_whole(e);
    assert_ok(db_write(e->db, edit,
                       "insert into erasure (rid, at, who, ground, reason, resources,"
                       " versions, seg, dict, scrubbed) select a.last, (select max(at)"
                       " from res), 'x', 'order', '', 1, 1, 0, 0, 1 from attest a"));
    assert_broken(e);
    assert_ok(db_write(e->db, edit, "delete from erasure where who = 'x'"));
    assert_whole(e);
    eds_close(e);
}

static void a_damaged_link_is_not_covered_up(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    two_patients(e);
    assert_ok(db_write(e->db, edit, "update hist set at = at - 1 where ver = 1"));
    assert_int_equal(erase(e), AM_E_TAMPERED);
    assert_false(meta(e, "Patient", HIM, 0).gone);
    assert_ok(db_write(e->db, edit, "update hist set at = at + 1 where ver = 1"));
    assert_ok(erase(e));
    eds_close(e);
}

static bool files_tell(void);
static void many_bodies(struct eds *e);

/* The body of one under the name of another: it opens no more. */
static void damage(struct eds *e, const char *type, const char *id)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "update res set body = (select body from res where rid <> %lld order by rid"
             " limit 1) where rid = %lld",
             (long long)meta(e, type, id, 0).rid, (long long)meta(e, type, id, 0).rid);
    assert_ok(db_write(e->db, edit, sql));
}

static void damage_elsewhere_is_told_and_blocks_nothing(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_erase x = asked();
    struct eds_check c;
    two_patients(e);
    many_bodies(e);
    damage(e, "Observation", "hers");
    assert_ok(eds_erase(e, &x));
    assert_int_equal(fate(&x, "Observation", "hers"), EDS_DAMAGED);
    assert_int_equal(fate(&x, "Observation", "his"), EDS_GOES);
    eds_erase_release(&x);
    assert_ok(eds_scrub(e, NULL, NULL));
    assert_false(!t_pg && files_tell());
    assert_int_equal(checked(e, &c), AM_E_TAMPERED); /* E3 */
    assert_false(meta(e, "Observation", "m1", 0).gone);
    eds_close(e);
}

static void damage_of_his_is_not_covered_up(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    two_patients(e);
    damage(e, "Patient", HIM);
    assert_int_equal(erase(e), AM_E_TAMPERED);
    assert_false(meta(e, "Patient", HIM, 0).gone);
    eds_close(e);
}

/* However few bytes are read at once, each version is met. */
static void a_walk_ends_its_pages_by_bytes(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_check all, c;
    int64_t rid = 0;
    size_t groups = 0;
    two_patients(e);
    assert_ok(checked(e, &all));
    e->walk_b = 300;
    assert_ok(checked(e, &c));
    assert_int_equal(c.versions, all.versions);
    assert_true(c.versions > 20);
    assert_ok(eds_rotate(e));
    do {
        assert_ok(eds_reseal(e, &rid, 500));
        groups++;
    } while (rid);
    assert_true(groups > 4);
    assert_ok(erase(e));
    assert_whole(e);
    eds_close(e);
}

/* ---- refusals ---- */
static void what_must_be_kept_is_refused(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_erase x = asked();
    two_patients(e);
    put(e, "Encounter", "visit",
        "\"meta\":{\"tag\":[{\"system\":\"" EDS_RETENTION
        "\",\"code\":\"court\"}]},\"status\":\"finished\"," SUBJECT(HIM));
    assert_int_equal(eds_erase(e, &x), AM_E_FORBIDDEN);
    assert_int_equal(fate(&x, "Encounter", "visit"), EDS_RETAINED);
    assert_int_equal(fate(&x, "Observation", "his"), EDS_GOES);
    eds_erase_release(&x);
    assert_false(meta(e, "Observation", "his", 0).gone);
    put(e, "Encounter", "visit", "\"status\":\"finished\"," SUBJECT(HIM));
    assert_ok(erase(e));
    eds_close(e);
}

/* Deleting what must be kept opens no way around. */
static void what_must_be_kept_is_refused_once_deleted(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    two_patients(e);
    put(e, "Encounter", "visit",
        "\"meta\":{\"tag\":[{\"system\":\"" EDS_RETENTION
        "\",\"code\":\"court\"}]},\"status\":\"finished\"," SUBJECT(HIM));
    take(e, "Encounter", "visit");
    assert_int_equal(erase(e), AM_E_FORBIDDEN);
    put(e, "Encounter", "visit", "\"status\":\"finished\"," SUBJECT(HIM));
    take(e, "Encounter", "visit");
    assert_ok(erase(e));
    eds_close(e);
}

static void what_is_not_well_asked_is_refused(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct eds_erase x[] = {asked(), asked(), asked(), asked(), asked()};
    static const int want[] = {AM_E_INVALID, AM_E_INVALID, AM_E_INVALID, AM_E_INVALID,
                               AM_E_NOTFOUND};
    two_patients(e);
    x[0].ground = "because";
    x[1].who = "";
    x[2].reason = "Mr ZYXWANDER asked";
    x[3].reason = "record qx48213377";
    x[4].id = STR("nobody");
    for (size_t i = 0; i < AM_LEN(x); i++) {
        assert_int_equal(eds_erase(e, &x[i]), want[i]);
        eds_erase_release(&x[i]);
    }
    assert_false(meta(e, "Patient", HIM, 0).gone);
    eds_close(e);
}

/* ---- bytes ---- */
static bool file_has(const char *end, const char *what, size_t n)
{
    char path[PATH_MAX + 8], *text = NULL;
    size_t size = 0;
    bool has = false;
    snprintf(path, sizeof path, "%s%s", t_path, end);
    if (am_file_read(path, SIZE_MAX / 2, &text, &size) == AM_OK)
        has = memmem(text, size, what, n) != NULL;
    free(text);
    return has;
}

static bool files_have(const char *what, size_t n)
{
    return file_has("", what, n) || file_has("-wal", what, n) ||
           file_has("-shm", what, n) || file_has(".lock", what, n);
}

static bool files_tell(void)
{
    return files_have("zyxwander", 9) || files_have(packed_him, 16);
}

static int dict_fn(struct db_conn *c, void *arg)
{
    struct {
        struct eds *e;
        size_t with, kept;
    } *d = arg;
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c, "select n, sealed from vault where kind = 'dict'", &s);
    if (!err)
        err = db_step(s, &row);
    for (; !err && row; err = err ? err : db_step(s, &row)) {
        struct buf plain;
        char aad[64];
        if (!db_blob(s, 1).n)
            continue;
        snprintf(aad, sizeof aad, "amane eds dict %lld", (long long)db_int(s, 0));
        buf_init(&plain, 1 << 20);
        assert_ok(crypto_open(d->e->dict_key, str_c(aad), db_blob(s, 1), &plain));
        d->kept++;
        d->with += memmem(plain.p, plain.n, "Zyxwander", 9) != NULL;
        buf_release(&plain);
    }
    return err;
}

/* PostgreSQL: what the planner keeps of values. */
static int stats_fn(struct db_conn *c, void *arg)
{
    struct db_stmt *s;
    bool row = false;
    int err = db_prepare(c,
                         "select count(*) from pg_stats where schemaname ="
                         " current_schema() and concat(most_common_vals,"
                         " histogram_bounds) like '%018f00001111722283334444555566%'",
                         &s);
    if (!err)
        err = db_step(s, &row);
    if (!err)
        *(int64_t *)arg = db_int(s, 0);
    return err;
}

static int analyze_fn(struct db_conn *c, void *unused)
{
    (void)unused;
    return db_exec(c, "analyze hist", "");
}

static bool stats_tell(struct eds *e)
{
    int64_t n = 0;
    assert_ok(db_read(e->db, stats_fn, &n));
    return n > 0;
}

static void many_bodies(struct eds *e)
{
    char id[40], text[400];
    for (int i = 0; i < MANY; i++) {
        bool his = i % 3 == 0; /* often enough to be learnt */
        snprintf(id, sizeof id, "m%d", i);
        snprintf(text, sizeof text,
                 "\"status\":\"final\",\"note\":[{\"text\":\"%s number %d of a series %d"
                 "\"}]," SUBJECT("%s"),
                 his ? "Seen with Zyxwander and family of Zyxwander at home" : "Nothing",
                 i, i * 7919, his ? HIM : OTHER);
        put(e, "Observation", id, text);
    }
}

static void no_byte_of_him_stays_in_the_files(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    struct {
        struct eds *e;
        size_t with, kept;
    } d = {.e = e};
    put(e, "Patient", HIM, "\"name\":[{\"family\":\"Zyxwander\"}]");
    put(e, "Patient", OTHER, "\"name\":[{\"family\":\"Ordinary\"}]");
    many_bodies(e);
    put(e, "Patient", HIM, "\"name\":[{\"family\":\"Zyxwander-Second\"}]");
    assert_ok(eds_merge(e, 100, 100));
    assert_ok(db_read(e->db, dict_fn, &d));
    assert_true(d.with > 0); /* else the test tests nothing */
    if (t_pg) {
        put(e, "Patient", OTHER, "\"name\":[{\"family\":\"Other\"}]");
        assert_ok(db_write(e->db, analyze_fn, NULL));
    }
    assert_true(t_pg ? stats_tell(e) : files_tell());
    assert_ok(erase(e));
    assert_true(t_pg || files_tell()); /* not yet */
    assert_ok(eds_scrub(e, NULL, NULL));
    assert_false(t_pg ? stats_tell(e) : files_tell());
    d.with = d.kept = 0;
    assert_ok(db_read(e->db, dict_fn, &d));
    assert_int_equal(d.with, 0);
    assert_true(d.kept <= 1);
    assert_whole(e);
    assert_ok(eds_scrub(e, NULL, NULL)); /* nothing to do */
    put(e, "Observation", "after", "\"status\":\"final\"," SUBJECT(OTHER));
    eds_close(e);
    assert_false(!t_pg && files_tell());
    e = open_fhir();
    assert_false(meta(e, "Observation", "m1", 0).gone);
    assert_false(meta(e, "Observation", "after", 0).gone);
    assert_whole(e);
    eds_close(e);
}

/* Those forgotten, or that there never were, do not count. */
static void a_store_learns_again_after_a_scrub(void **state)
{
    (void)state;
    struct eds *e = open_fhir();
    many_bodies(e);
    assert_int_equal(eds_dict_now(e), 1);
    for (unsigned i = 0; i < 3; i++)
        assert_ok(eds_vault_dict(e, STR("")));
    atomic_store(&e->forgotten, 4);
    assert_int_equal(eds_dict_now(e), 0);
    many_bodies(e);
    assert_int_equal(eds_dict_now(e), 5);
    eds_close(e);
}

/* ---- kill -9 ---- */
static void child_erases(void)
{
    struct eds *e = NULL;
    struct eds_config c = t_config();
    struct eds_erase x = asked();
    c.rows = eds_rows_fhir;
    if (eds_open(&e, &c) || eds_erase(e, &x) || eds_scrub(e, NULL, NULL))
        _exit(1);
    _exit(0);
}

static int pending(void *arg, const struct eds_erasure *x)
{
    int *n = arg;
    n[0]++;
    n[1] += !x->scrubbed;
    return AM_OK;
}

static int pending_view(struct eds_view *v, void *arg)
{
    return eds_erasures(v, pending, arg);
}

static void killed_it_is_all_or_nothing_and_goes_on(void **state)
{
    (void)state;
    int stages[3] = {0}; /* nothing done, erased, scrubbed */
    for (int k = 0; k < (t_pg ? KILLS_PG : KILLS); k++) {
        struct eds *e = open_fhir();
        int n[2] = {0}, status;
        pid_t pid;
        two_patients(e);
        many_bodies(e);
        eds_close(e);
        pid = fork();
        assert_true(pid >= 0);
        if (!pid)
            child_erases();
        usleep((useconds_t)(k * (t_pg ? 60000 : 15000)));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        e = open_fhir();
        assert_whole(e);
        assert_ok(eds_view(e, pending_view, n));
        assert_true(n[0] <= 1);
        assert_int_equal(meta(e, "Patient", HIM, 0).erased, n[0]);
        assert_int_equal(meta(e, "Observation", "m0", 0).erased, n[0]);
        assert_int_equal(meta(e, "Observation", "m597", 0).erased, n[0]);
        stages[n[0] ? 2 - n[1] : 0]++;
        if (!n[0])
            assert_ok(erase(e));
        assert_ok(eds_scrub(e, NULL, NULL));
        assert_false(!t_pg && files_tell());
        assert_whole(e);
        eds_close(e);
        assert_int_equal(t_teardown(NULL), 0);
        assert_int_equal(t_setup(NULL), 0);
    }
    print_message("killed with nothing done %d, erased %d, scrubbed %d\n", stages[0],
                  stages[1], stages[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_his_alone_goes),
        T(no_other_patient_goes),
        T(what_a_whole_address_names_is_told),
        T(a_provenance_goes_with_its_targets),
        T(an_audit_event_shares_nothing),
        T(no_list_and_no_history_tells_of_him),
        T(an_erased_id_goes_on_counting),
        T(edits_after_an_erasure_are_found),
        T(a_link_may_be_touched_twice),
        T(no_erasure_is_made_up),
        T(a_damaged_link_is_not_covered_up),
        T(damage_elsewhere_is_told_and_blocks_nothing),
        T(damage_of_his_is_not_covered_up),
        T(a_walk_ends_its_pages_by_bytes),
        T(what_must_be_kept_is_refused),
        T(what_must_be_kept_is_refused_once_deleted),
        T(what_is_not_well_asked_is_refused),
        T(no_byte_of_him_stays_in_the_files),
        T(a_store_learns_again_after_a_scrub),
        T(killed_it_is_all_or_nothing_and_goes_on),
    };
    return t_run_both(tests, AM_LEN(tests));
}
