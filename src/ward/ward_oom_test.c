/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out while a page is made or a form is written: allocation 1, 2, 3...
 * fails, once each. A page is then refused (503), says that something could not be read,
 * or is, byte by byte, what it is with memory; a form is written whole or not at all, and
 * sent again it is written once. AMANE_OOM=all walks every allocation; else every one of
 * the first, then some. */
#include "ward/ward_desk_test.h"

#include "ward/ward_form_priv.h"

enum { FIRST = 24, STEP = 131 };

static long next(long n)
{
    return n + (getenv("AMANE_OOM") || n < FIRST ? 1 : STEP);
}

/* Keys of forms are random: of one length. */
static bool same_page(const struct w_page *a, const struct w_page *b)
{
    static const char key[] = "name=\"key\" value=\"";
    const char *at = a->body.n ? strstr(a->body.p, key) : NULL;
    size_t n = at ? (size_t)(at - a->body.p) + sizeof key - 1 : a->body.n;
    if (a->body.n != b->body.n || memcmp(a->body.p, b->body.p, n))
        return false;
    return !at || !memcmp(a->body.p + n + 32, b->body.p + n + 32, a->body.n - n - 32);
}

static bool says_so(const struct w_page *p)
{
    return w_has(p, "could not be read") || w_has(p, "does not answer") ||
           w_has(p, "could not be looked at") || w_has(p, "nothing was recorded");
}

/* What was asked for was lost with the memory: nobody is told that nobody was found. */
static bool not_asked(const char *url, const struct w_page *p)
{
    return strstr(url, "?name=") && p->status == 200 && !w_has(p, "found");
}

/* A page that only reads; form: NULL, or one that writes nothing. */
static void starve_page(int line, int who, const char *url, const char *rest)
{
    char form[4096];
    bool delivered = true;
    snprintf(form, sizeof form, "%s", w_form(who, rest ? rest : ""));
    struct w_page whole = w_want_at(line, 200, who, url, rest ? form : NULL);
    for (long n = 1; delivered; n = next(n)) {
        am_oom_at(n);
        struct w_page p = w_send(w_session[who], url, rest ? form : NULL);
        delivered = am_oom_at(0);
        if (p.status == 503 || (delivered && (says_so(&p) || not_asked(url, &p))))
            assert_true(delivered);
        else if ((p.status != 200 && p.status != 422) || !same_page(&p, &whole))
            fail_msg("line %d: %s, allocation %ld: %d, not the page: %.1500s", line, url,
                     n, p.status, w_main(&p));
        w_done(&p);
    }
    w_done(&whole);
}
#define STARVE_PAGE(who, url, form) starve_page(__LINE__, who, url, form)

/* A form that is written: of what, how many; with its Provenance or not at all. */
static void starve_form(int line, int who, const char *url, const char *rest,
                        const char *type, int whole)
{
    char form[4096], path[40];
    bool delivered = true;
    int before, proved = total("/Provenance", "");
    snprintf(form, sizeof form, "%s", w_form(who, rest));
    snprintf(path, sizeof path, "/%s", type);
    before = total(path, "");
    for (long n = 1; delivered; n = next(n)) {
        int more, entries;
        am_oom_at(n);
        struct w_page p = w_send(w_session[who], url, form);
        delivered = am_oom_at(0);
        if (p.status != 303 && !(delivered && (p.status == 503 || says_so(&p))))
            fail_msg("line %d: %s, allocation %ld: %d: %.1500s", line, url, n, p.status,
                     w_main(&p));
        w_done(&p);
        more = total(path, "") - before;
        entries = total("/Provenance", "") - proved;
        if ((more != 0 && more != whole) || entries != (more ? 1 : 0))
            fail_msg("line %d: %s, allocation %ld: %d of %d, %d Provenance", line, url, n,
                     more, whole, entries);
    }
    if (total(path, "") - before != whole)
        fail_msg("line %d: %s: %d of %d", line, url, total(path, "") - before, whole);
}
#define STARVE_FORM(who, url, form, type, whole)                                         \
    starve_form(__LINE__, who, url, form, type, whole)

/* ---- a patient with something on each page ---- */
static int o_setup(void **state)
{
    int err = d_setup(state);
    w_store(
        "Condition", "c1",
        "\"code\":{\"text\":\"Asthme\"},\"onsetDateTime\":\"2014\","
        "\"clinicalStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/"
        "CodeSystem/condition-clinical\",\"code\":\"active\"}]}," W_SUBJECT("khadija"));
    w_store("AllergyIntolerance", "a1",
            "\"clinicalStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/"
            "CodeSystem/allergyintolerance-clinical\",\"code\":\"active\"}]},"
            "\"code\":{\"text\":\"Penicilline\"},\"criticality\":\"high\",\"patient\":{"
            "\"reference\":\"Patient/khadija\"}");
    w_store("MedicationRequest", "m1",
            "\"status\":\"active\",\"intent\":\"order\",\"medicationCodeableConcept\":{"
            "\"text\":\"Metformine\"},\"dosageInstruction\":[{\"text\":\"1 x 2\"}],"
            "\"authoredOn\":\"2026-11-20\"," W_SUBJECT("khadija"));
    for (int i = 0; i < 3; i++) {
        char id[10], members[500];
        snprintf(id, sizeof id, "o%d", i);
        snprintf(
            members, sizeof members,
            "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":"
            "\"http://loinc.org\",\"code\":\"4548-4\"}]},\"effectiveDateTime\":"
            "\"2026-11-0%dT08:00:00Z\",\"valueQuantity\":{\"value\":6.%d,\"unit\":"
            "\"%%\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"%%\"}," W_SUBJECT(
                "khadija"),
            i + 1, i);
        w_store("Observation", id, members);
    }
    return err;
}

static void a_page_is_whole_or_says_that_it_is_not(void **state)
{
    (void)state;
    STARVE_PAGE(W_PHYSICIAN, "/patients?name=khadija", NULL);
    STARVE_PAGE(W_PHYSICIAN, "/patients/khadija", NULL);
    STARVE_PAGE(W_PHYSICIAN, "/patients/khadija/results", NULL);
    STARVE_PAGE(W_PHYSICIAN,
                "/patients/khadija/trend?code=http%3A%2F%2Floinc.org%7C4548-4", NULL);
    STARVE_PAGE(W_SECRETARY, "/patients/khadija/identity", NULL);
}

static void a_form_that_is_shown_is_whole_or_refused(void **state)
{
    (void)state;
    STARVE_PAGE(W_NURSE, "/patients/khadija/vitals", NULL);
    STARVE_PAGE(W_NURSE, "/patients/khadija/vitals",
                "key=" KEY "&at=2026-11-28T00:10&systolic=145&diastolic=92");
    STARVE_PAGE(W_LAB, "/patients/khadija/lab",
                "key=" KEY "&sampled=2026-11-28T00:10&exam=4548-4&figure=8,1&low=4,0&"
                "high=6,0");
    STARVE_PAGE(W_PHYSICIAN, "/patients/khadija/diagnosis",
                "key=" KEY "&words=Dengue&certainty=provisional");
    STARVE_PAGE(W_PHYSICIAN, "/patients/khadija/prescribe",
                "key=" KEY "&drug=Metformine&dose=1&dose_unit=tablet&times=2&days=30&"
                "route=oral");
    STARVE_PAGE(W_NURSE, "/patients/khadija/leave?encounter=stay-k", NULL);
}

static void a_form_is_written_whole_or_not_and_once(void **state)
{
    (void)state;
    STARVE_FORM(W_NURSE, "/patients/khadija/vitals",
                "step=write&key=" KEY "&at=2026-11-28T00:10&systolic=145&diastolic=92&"
                "pulse=80&temperature=37,2",
                "Observation", 3);
    STARVE_FORM(W_LAB, "/patients/khadija/lab",
                "step=write&key=" KEY2 "&sampled=2026-11-28T00:10&exam=4548-4&figure=8,1&"
                "low=4,0&high=6,0",
                "Observation", 1);
    STARVE_FORM(W_PHYSICIAN, "/patients/khadija/diagnosis",
                "step=write&sure=1&key=" KEY "&words=Dengue&certainty=provisional",
                "Condition", 1);
    STARVE_FORM(W_PHYSICIAN, "/patients/khadija/prescribe",
                "step=write&sure=1&key=" KEY
                "&drug=Metformine&dose=1&dose_unit=tablet&times=2&"
                "days=30&route=oral",
                "MedicationRequest", 1);
    STARVE_FORM(W_SECRETARY, "/patients/khadija/stay",
                "step=write&key=" KEY "&service=med&stay=AMB&came=2026-11-28T00:30",
                "Encounter", 1);
}

/* A change is of a version: what stands there is the old one or the new one. */
static void starve_change(int line, const char *url, const char *rest, const char *path,
                          const char *old, const char *new)
{
    char form[4096], version[20] = "1";
    bool delivered = true, written = false;
    for (long n = 1; delivered && !written; n = next(n)) {
        struct rest_answer a;
        const char *at;
        snprintf(form, sizeof form, "%s%s", w_form(W_SECRETARY, rest), version);
        am_oom_at(n);
        struct w_page p = w_send(w_session[W_SECRETARY], url, form);
        delivered = am_oom_at(0);
        if (p.status != 303 && !(delivered && (p.status == 503 || says_so(&p))))
            fail_msg("line %d: allocation %ld: %d: %.1500s", line, n, p.status,
                     w_main(&p));
        w_done(&p);
        a = stored(path, "");
        written = strstr(a.body.p, new) != NULL;
        if (!written && !strstr(a.body.p, old))
            fail_msg("line %d: allocation %ld: %.1500s", line, n, a.body.p);
        at = strstr(a.body.p, "\"versionId\":\""); /* claimed: one more */
        snprintf(version, sizeof version, "%.*s", (int)strcspn(at + 13, "\""), at + 13);
        rest_answer_release(&a);
    }
    assert_true(written);
}

static void a_change_is_whole_or_not(void **state)
{
    (void)state;
    starve_change(__LINE__, "/patients/khadija/leave",
                  "step=write&key=" KEY "&left=2026-11-28T00:40&how=home&encounter="
                  "stay-k&version=",
                  "/Encounter/stay-k", "\"in-progress\"", "\"finished\"");
    w_store("Patient", "bare", "\"gender\":\"male\",\"name\":[{\"family\":\"Tazi\"}]");
    starve_change(__LINE__, "/patients/bare/identity",
                  "step=write&sure=1&key=" KEY "&family=Tazi&gender=male&cin=C8&version=",
                  "/Patient/bare", "\"Tazi\"", "\"C8\"");
}

#define T(f) cmocka_unit_test_setup_teardown(f, o_setup, w_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_page_is_whole_or_says_that_it_is_not),
        T(a_form_that_is_shown_is_whole_or_refused),
        T(a_form_is_written_whole_or_not_and_once),
        T(a_change_is_whole_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
