/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/auth_test_support.h"

#define NEW  STR("une autre longue phrase")
#define PEER STR("192.0.2.7")
#define DAY  (24 * 60 * T_MINUTE)

static struct auth_account first, second, member;

static struct auth_account made(const struct auth_account *by, const char *login,
                                enum ledger_role role, const char *function,
                                int64_t person, int64_t at)
{
    struct auth_account spec = t_spec(login, role), got;
    int64_t id;
    snprintf(spec.function, sizeof spec.function, "%s", function);
    spec.person = person;
    assert_ok(auth_account_open(t_auth, by, &spec, T_PASSWORD, at, &id, NULL));
    assert_ok(auth_account_get(t_auth, id, &got));
    return got;
}

static void people(void)
{
    first = made(NULL, "desk", LEDGER_MSPS, "registry_desk", 0, t_now);
    second = made(NULL, "desk2", LEDGER_MSPS, "registry_desk", 0, t_now);
    member = made(NULL, "membre", LEDGER_HAS, "commissioner", 0, t_now);
}

static int asks_at(const struct auth_account *by, enum auth_ask_kind kind, int64_t now,
                   int64_t *id, struct diag *d)
{
    const struct auth_pair p = {.by = by, .now = now};
    struct auth_asked asked = {0};
    int err = auth_ask_begin(t_auth, &p, member.id, kind, &asked, d);
    if (!err)
        assert_true(asked.until_at == now + DAY && asked.account == member.id);
    *id = asked.id;
    return err;
}

static int confirms(const struct auth_account *by, int64_t id, int64_t now,
                    char code[AUTH_TOKEN], struct diag *d)
{
    const struct auth_pair p = {.by = by, .now = now};
    struct auth_asked asked;
    return auth_ask_confirm(t_auth, &p, id, &asked, code, d);
}

static int64_t unread(int64_t account, struct buf *b)
{
    struct jw w;
    int64_t n = -1;
    buf_clear(b);
    jw_init(&w, b);
    assert_ok(auth_notices(t_auth, account, t_now, &w, &n));
    assert_ok(jw_done(&w));
    return n;
}

static void a_reset_of_who_signs_takes_two_administrators(void **state)
{
    char code[AUTH_TOKEN] = "";
    int64_t id;
    (void)state;
    people();
    assert_int_equal(auth_reset_issue(t_auth, &first, member.id, t_now, code),
                     AM_E_REFUSED);
    assert_int_equal(auth_second_drop(t_auth, &first, member.id, t_now), AM_E_REFUSED);
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    assert_ok(confirms(&second, id, t_now, code, NULL));
    assert_ok(auth_reset_use(t_auth, str_c(code), NEW, PEER, t_now, NULL));
    assert_int_equal(t_audited("reset_asked", first.pseudonym), 1);
    assert_int_equal(t_audited("reset_confirmed", second.pseudonym), 1);
    assert_int_equal(t_audited("reset_issued", second.pseudonym), 1);
    assert_int_equal(confirms(&second, id, t_now, code, NULL), AM_E_NOTFOUND);
}

static struct auth_token_spec traces(int64_t account)
{
    return (struct auth_token_spec){.account = account,
                                    .until_at = t_now + 30 * DAY,
                                    .name = "export",
                                    .scoped = true,
                                    .scope = UINT64_C(1) << AUTH_PROPOSE |
                                             UINT64_C(1) << AUTH_BLOB_PUT};
}

static void a_token_of_who_signs_takes_two_administrators(void **state)
{
    char token[AUTH_TOKEN] = "";
    struct auth_account via;
    struct auth_asked asked;
    struct buf b;
    (void)state;
    people();
    buf_init(&b, 1 << 16);
    const struct auth_token_spec spec = traces(member.id);
    const struct auth_pair one = {.by = &first, .now = t_now};
    assert_int_equal(auth_token_make(t_auth, &first, &spec, t_now, token), AM_E_REFUSED);
    assert_ok(auth_ask_token(t_auth, &one, &spec, &asked, NULL));
    assert_int_equal(auth_ask_token(t_auth, &one, &spec, &asked, NULL), AM_E_EXISTS);
    assert_int_equal(confirms(&first, asked.id, t_now, token, NULL), AM_E_FORBIDDEN);
    assert_string_equal(token, "");
    assert_ok(confirms(&second, asked.id, t_now, token, NULL));
    assert_ok(auth_token_check(t_auth, str_c(token), t_now, &via));
    assert_int_equal(via.id, member.id);
    assert_true(via.scoped && via.scope == spec.scope);
    assert_ok(auth_token_check(t_auth, str_c(token), spec.until_at - 1, &via));
    assert_int_equal(auth_token_check(t_auth, str_c(token), spec.until_at, &via),
                     AM_E_UNAUTHORIZED);
    assert_int_equal(confirms(&second, asked.id, t_now, token, NULL), AM_E_NOTFOUND);
    assert_int_equal(unread(member.id, &b), 1);
    assert_non_null(strstr(b.p, "\"kind\":\"token\",\"state\":\"done\""));
    assert_non_null(strstr(b.p,
                           "\"name\":\"export\",\"all\":false,\"rights\":[\"blob_put\""
                           ",\"propose\"]"));
    assert_null(strstr(b.p, token));
    assert_int_equal(t_audited("token_created", second.pseudonym), 1);
    buf_release(&b);
}

/* Else one would confirm by it what one asked oneself. */
static void no_administrator_makes_a_token_of_a_colleague(void **state)
{
    struct auth_account nurse;
    char token[AUTH_TOKEN];
    (void)state;
    people();
    nurse = made(NULL, "amal", LEDGER_NURSE, "", 0, t_now);
    const struct auth_token_spec colleague = {.account = second.id},
                                 own = {.account = first.id},
                                 ward = {.account = nurse.id};
    assert_int_equal(auth_token_make(t_auth, &first, &colleague, t_now, token),
                     AM_E_REFUSED);
    assert_ok(auth_token_make(t_auth, &first, &own, t_now, token));
    assert_ok(auth_token_make(t_auth, &first, &ward, t_now, token)); /* signs nothing */
}

static void whoever_asked_does_not_confirm(void **state)
{
    char code[AUTH_TOKEN] = "";
    struct diag d;
    int64_t id;
    (void)state;
    people();
    diag_init(&d);
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    assert_int_equal(confirms(&first, id, t_now, code, &d), AM_E_FORBIDDEN);
    assert_string_equal(d.item[0].code, "account.same_administrator");
    assert_string_equal(code, "");
    assert_int_equal(t_audited("right_refused", first.pseudonym), 1);
    assert_ok(confirms(&second, id, t_now, code, NULL)); /* it waits still */
    diag_release(&d);
}

static void two_accounts_of_one_person_are_one_administrator(void **state)
{
    struct auth_account a, b;
    char code[AUTH_TOKEN] = "";
    struct diag d;
    int64_t id;
    (void)state;
    people();
    diag_init(&d);
    a = made(NULL, "a", LEDGER_MSPS, "registry_desk", 7, t_now);
    b = made(NULL, "b", LEDGER_MSPS, "registry_desk", 7, t_now);
    assert_ok(asks_at(&a, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    assert_int_equal(confirms(&b, id, t_now, code, &d), AM_E_FORBIDDEN);
    assert_string_equal(d.item[0].code, "account.same_administrator");
    assert_ok(confirms(&second, id, t_now, code, NULL));
    diag_release(&d);
}

static void an_administrator_one_just_opened_confirms_nothing(void **state)
{
    struct auth_account young;
    char code[AUTH_TOKEN] = "";
    struct diag d;
    int64_t id;
    (void)state;
    people();
    diag_init(&d);
    young = made(&first, "young", LEDGER_MSPS, "registry_desk", 0, t_now);
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now + 6 * DAY + 1, &id, NULL));
    assert_int_equal(confirms(&young, id, t_now + 7 * DAY - 1, code, &d), AM_E_FORBIDDEN);
    assert_string_equal(d.item[0].code, "account.new_administrator");
    assert_ok(confirms(&young, id, t_now + 7 * DAY, code, NULL));
    diag_release(&d);
}

static void a_colleague_made_administrator_waits_a_week_too(void **state)
{
    struct auth_account spec, nurse;
    int64_t id;
    struct diag d;
    (void)state;
    people();
    diag_init(&d);
    nurse = made(NULL, "amal", LEDGER_NURSE, "", 0, t_now);
    spec = t_spec("", LEDGER_MSPS);
    snprintf(spec.function, sizeof spec.function, "registry_desk");
    assert_ok(auth_account_edit(t_auth, &first, nurse.id, &spec, t_now, NULL));
    assert_ok(auth_account_get(t_auth, nurse.id, &nurse));
    assert_int_equal(asks_at(&nurse, AUTH_ASK_PASSWORD, t_now, &id, &d), AM_E_FORBIDDEN);
    assert_string_equal(d.item[0].code, "account.new_administrator");
    snprintf(spec.lang, sizeof spec.lang, "ar"); /* another language is no other role */
    assert_ok(auth_account_edit(t_auth, &first, second.id, &spec, t_now, NULL));
    assert_ok(auth_account_get(t_auth, second.id, &second));
    assert_ok(asks_at(&second, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    diag_release(&d);
}

static void a_question_is_over_after_a_day(void **state)
{
    char code[AUTH_TOKEN] = "";
    struct diag d;
    int64_t id, again;
    (void)state;
    people();
    diag_init(&d);
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    assert_int_equal(asks_at(&second, AUTH_ASK_PASSWORD, t_now + DAY - 1, &again, &d),
                     AM_E_EXISTS);
    assert_string_equal(d.item[0].code, "account.asked");
    assert_int_equal(confirms(&second, id, t_now + DAY, code, NULL), AM_E_NOTFOUND);
    assert_ok(asks_at(&second, AUTH_ASK_PASSWORD, t_now + DAY, &again, NULL));
    assert_ok(confirms(&first, again, t_now + DAY, code, NULL));
    diag_release(&d);
}

static void what_is_withdrawn_is_confirmed_by_nobody(void **state)
{
    const struct auth_pair p = {.by = &second, .now = t_now};
    char code[AUTH_TOKEN] = "";
    int64_t id;
    (void)state;
    people();
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    assert_ok(auth_ask_withdraw(t_auth, &p, id));
    assert_int_equal(confirms(&second, id, t_now, code, NULL), AM_E_NOTFOUND);
    assert_int_equal(auth_ask_withdraw(t_auth, &p, id), AM_E_NOTFOUND);
    assert_int_equal(t_audited("reset_withdrawn", second.pseudonym), 1);
}

static void a_lone_administrator_is_told_of_the_command_line(void **state)
{
    char code[AUTH_TOKEN] = "";
    struct auth_account found;
    struct diag d;
    int64_t id;
    (void)state;
    people();
    diag_init(&d);
    assert_ok(auth_account_disable(t_auth, second.id));
    assert_int_equal(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, &d), AM_E_REFUSED);
    assert_string_equal(d.item[0].code, "account.lone_administrator");
    assert_ok(auth_account_find(t_auth, STR("membre"), &found));
    assert_int_equal(found.id, member.id);
    assert_int_equal(auth_account_find(t_auth, STR("personne"), &found), AM_E_NOTFOUND);
    assert_ok(auth_reset_issue(t_auth, NULL, member.id, t_now, code));
    assert_ok(auth_reset_use(t_auth, str_c(code), NEW, PEER, t_now, NULL));
    diag_release(&d);
}

static void the_command_line_opens_an_administrator_who_confirms_at_once(void **state)
{
    struct auth_account spec = t_spec("desk3", LEDGER_MSPS), third;
    char code[AUTH_TOKEN] = "", token[AUTH_TOKEN];
    int64_t id;
    (void)state;
    people();
    snprintf(spec.function, sizeof spec.function, "registry_desk");
    assert_ok(auth_administrator_open(t_auth, &spec, t_now, code, NULL));
    assert_ok(auth_reset_use(t_auth, str_c(code), NEW, PEER, t_now, NULL));
    assert_ok(auth_login(t_auth, STR("desk3"), NEW, STR("192.0.2.9"), t_now, token));
    assert_ok(auth_account_find(t_auth, STR("desk3"), &third));
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    assert_ok(confirms(&third, id, t_now, code, NULL));
}

static void a_role_taken_off_and_given_back_opens_no_way_around(void **state)
{
    struct auth_account spec = t_spec("", LEDGER_NURSE);
    char code[AUTH_TOKEN] = "";
    (void)state;
    people();
    assert_ok(auth_account_edit(t_auth, &first, member.id, &spec, t_now, NULL));
    assert_int_equal(auth_reset_issue(t_auth, &first, member.id, t_now, code),
                     AM_E_REFUSED);
}

static void a_code_given_to_a_nurse_is_none_for_the_commissioner_she_becomes(void **state)
{
    struct auth_account spec = t_spec("", LEDGER_HAS), nurse;
    char code[AUTH_TOKEN] = "";
    (void)state;
    people();
    nurse = made(NULL, "amal", LEDGER_NURSE, "", 0, t_now);
    assert_ok(auth_reset_issue(t_auth, &first, nurse.id, t_now, code));
    assert_ok(auth_account_edit(t_auth, &first, nurse.id, &spec, t_now, NULL));
    assert_int_equal(auth_reset_use(t_auth, str_c(code), NEW, PEER, t_now, NULL),
                     AM_E_UNAUTHORIZED);
}

static void nobody_asks_for_oneself_or_outside_ones_bounds(void **state)
{
    struct auth_account own, vendor;
    struct auth_pair p = {.now = t_now};
    struct auth_asked asked;
    char code[AUTH_TOKEN] = "";
    int64_t id;
    (void)state;
    people();
    own = made(NULL, "own", LEDGER_HAS, "commissioner", 9, t_now);
    vendor = made(NULL, "vendor", LEDGER_VENDOR, "", 0, t_now);
    first.person = 9;
    p.by = &first;
    assert_int_equal(auth_ask_begin(t_auth, &p, first.id, 0, &asked, NULL),
                     AM_E_FORBIDDEN);
    assert_int_equal(auth_ask_begin(t_auth, &p, own.id, 0, &asked, NULL), AM_E_FORBIDDEN);
    assert_int_equal(auth_ask_begin(t_auth, &p, 9999, 0, &asked, NULL), AM_E_NOTFOUND);
    assert_ok(asks_at(&second, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    p.by = &vendor;
    assert_int_equal(auth_ask_begin(t_auth, &p, member.id, 0, &asked, NULL),
                     AM_E_NOTFOUND);
    assert_int_equal(auth_ask_confirm(t_auth, &p, id, &asked, code, NULL), AM_E_NOTFOUND);
    assert_int_equal(auth_ask_withdraw(t_auth, &p, id), AM_E_NOTFOUND);
}

static void who_left_in_between_is_no_first_and_nobodys_account(void **state)
{
    char code[AUTH_TOKEN] = "";
    int64_t id;
    (void)state;
    people();
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    assert_ok(auth_account_disable(t_auth, first.id));
    assert_int_equal(confirms(&second, id, t_now, code, NULL), AM_E_NOTFOUND);
    assert_ok(auth_account_disable(t_auth, member.id));
    assert_int_equal(confirms(&second, id, t_now, code, NULL), AM_E_NOTFOUND);
}

static void a_second_factor_goes_by_two_words_and_not_before(void **state)
{
    char base32[33], uri[AUTH_TOTP_URI], code[AUTH_TOKEN] = "x", text[AUTH_TOTP_CODE];
    char recovery[AUTH_RECOVERY][AUTH_RECOVERY_TEXT];
    struct auth_second_state s;
    uint8_t secret[AUTH_TOTP_SECRET];
    int64_t id;
    (void)state;
    people();
    assert_int_equal(asks_at(&first, AUTH_ASK_SECOND, t_now, &id, NULL), AM_E_NOTFOUND);
    assert_ok(auth_second_begin(t_auth, &member, base32, uri));
    memset(secret, 0, sizeof secret);
    for (size_t i = 0, bits = 0, acc = 0, n = 0; i < 32; i++) {
        const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        acc = acc << 5 | (size_t)(strchr(letters, base32[i]) - letters);
        bits += 5;
        if (bits >= 8)
            secret[n++] = (uint8_t)(acc >> (bits -= 8));
    }
    assert_ok(auth_totp_code(secret, t_now / TIME_SECOND / AUTH_TOTP_PERIOD_S, text));
    assert_ok(auth_second_confirm(t_auth, &member, str_c(text), t_now, recovery));
    assert_ok(asks_at(&first, AUTH_ASK_SECOND, t_now, &id, NULL));
    assert_ok(auth_second_get(t_auth, &member, &s));
    assert_true(s.in_force);
    assert_ok(confirms(&second, id, t_now, code, NULL));
    assert_string_equal(code, "");
    assert_ok(auth_second_get(t_auth, &member, &s));
    assert_false(s.in_force);
}

static void the_person_reads_who_did_it_until_it_is_read(void **state)
{
    char code[AUTH_TOKEN] = "";
    struct buf b;
    int64_t id;
    (void)state;
    people();
    buf_init(&b, 1 << 16);
    assert_int_equal(unread(member.id, &b), 0);
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    assert_int_equal(unread(member.id, &b), 1);
    assert_non_null(strstr(b.p, "\"state\":\"asked\""));
    assert_ok(auth_notices_seen(t_auth, &member, t_now));
    assert_int_equal(unread(member.id, &b), 0);
    assert_ok(confirms(&second, id, t_now, code, NULL));
    assert_int_equal(unread(member.id, &b), 1);
    assert_non_null(strstr(b.p, "\"state\":\"done\""));
    assert_non_null(strstr(b.p, "\"asked_by\":\"desk\""));
    assert_non_null(strstr(b.p, "\"confirmed_by\":\"desk2\""));
    assert_null(strstr(b.p, code));
    assert_ok(auth_notices_seen(t_auth, &second, t_now)); /* another's: not read */
    assert_int_equal(unread(member.id, &b), 1);
    assert_ok(auth_notices_seen(t_auth, &member, t_now));
    assert_int_equal(unread(member.id, &b), 0);
    buf_release(&b);
}

static void a_list_shows_what_waits_in_ones_house(void **state)
{
    struct buf b;
    struct jw w;
    int64_t id;
    (void)state;
    people();
    buf_init(&b, 1 << 16);
    assert_ok(asks_at(&first, AUTH_ASK_PASSWORD, t_now, &id, NULL));
    const struct {
        const char *house;
        int64_t account, now;
        bool shown;
    } ask[] = {{NULL, 0, t_now, true},
               {NULL, member.id, t_now, true},
               {NULL, first.id, t_now, false},
               {"CHU-FES", 0, t_now, false},
               {NULL, 0, t_now + DAY, false}};
    for (size_t i = 0; i < AM_LEN(ask); i++) {
        buf_clear(&b);
        jw_init(&w, &b);
        assert_ok(auth_asks(t_auth, ask[i].house, ask[i].account, ask[i].now, &w));
        assert_ok(jw_done(&w));
        assert_int_equal(strstr(b.p, "\"login\":\"membre\"") != NULL, ask[i].shown);
    }
    assert_int_equal(auth_asks(t_auth, "", 0, t_now, &w), AM_E_FORBIDDEN);
    buf_release(&b);
}

TEST_MAIN(T(a_reset_of_who_signs_takes_two_administrators),
          T(a_token_of_who_signs_takes_two_administrators),
          T(no_administrator_makes_a_token_of_a_colleague),
          T(whoever_asked_does_not_confirm),
          T(two_accounts_of_one_person_are_one_administrator),
          T(an_administrator_one_just_opened_confirms_nothing),
          T(a_colleague_made_administrator_waits_a_week_too),
          T(a_question_is_over_after_a_day), T(what_is_withdrawn_is_confirmed_by_nobody),
          T(a_lone_administrator_is_told_of_the_command_line),
          T(the_command_line_opens_an_administrator_who_confirms_at_once),
          T(a_role_taken_off_and_given_back_opens_no_way_around),
          T(a_code_given_to_a_nurse_is_none_for_the_commissioner_she_becomes),
          T(nobody_asks_for_oneself_or_outside_ones_bounds),
          T(who_left_in_between_is_no_first_and_nobodys_account),
          T(a_second_factor_goes_by_two_words_and_not_before),
          T(the_person_reads_who_did_it_until_it_is_read),
          T(a_list_shows_what_waits_in_ones_house))
