/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/test.h"
#include "search/search.h"

static int join(void *arg, struct str w)
{
    struct buf *b = arg;
    int err = b->n ? buf_addc(b, ' ') : AM_OK;
    return err ? err : buf_add(b, w);
}

static void gives(const char *text, const char *words)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_ok(search_words(str_c(text), join, &b));
    assert_string_equal(b.p, words);
    buf_release(&b);
}

static void same(const char *a, const char *b)
{
    struct buf x;
    buf_init(&x, 1 << 16);
    assert_ok(search_words(str_c(a), join, &x));
    assert_true(x.n > 0);
    gives(b, x.p);
    buf_release(&x);
}

static void french_loses_accents_case_and_ligatures(void **state)
{
    (void)state;
    gives("Échocardiographie CŒUR sténose façade",
          "echocardiographie coeur stenose facade");
    gives("e\xCC\x81t\xC3\xA9", "ete"); /* combining and composed */
    same("œdème", "oedeme");
}

static void french_elisions_go(void **state)
{
    (void)state;
    gives("l'angine d\xE2\x80\x99"
          "effort",
          "angine effort");
    gives("qu'elle jusqu'au coeur", "coeur");
    same("L'insuffisance", "insuffisance");
}

static void plurals_and_singulars_meet(void **state)
{
    (void)state;
    same("sténoses", "sténose");
    same("hôpitaux", "hôpital");
    same("réseaux", "réseau");
    same("attacks", "attack");
    gives("masse bras", "masse bra");
}

static void english_possessives_and_contractions_leave_the_word(void **state)
{
    (void)state;
    gives("the patient's heart", "patient heart");
    gives("don't", "don");
}

static void arabic_is_normalised(void **state)
{
    (void)state;
    same("القَلْب", "قلب");       /* article, vowels */
    same("والقلب", "قلب");      /* and-the */
    same("للقلب", "القلب");     /* for-the */
    same("قلـــب", "قلب");      /* tatweel */
    same("أشعة", "اشعه");       /* alef, ta marbuta */
    same("مستشفى", "مستشفي");   /* alef maqsura */
    same("قلبية", "قلبي");      /* feminine */
    same("الالتهاب", "التهاب"); /* an article before what looks like one */
    gives("ألم", "الم");        /* too short to hold an article */
    gives("٤٥ سنة", "45 سنه");
    gives("قلب، شرايين؟", "قلب شرايين");
}

static void words_without_meaning_are_dropped(void **state)
{
    (void)state;
    gives("le risque de la maladie", "risque maladie");
    gives("the risk of disease", "risk disease");
    gives("في القلب من", "قلب");
}

static void identifiers_are_words(void **state)
{
    (void)state;
    gives("MA-IA-EXEMPL-ABCDEFGH23-X", "ma ia exempl abcdefgh23 x");
    gives("CARDIO-RISK", "cardio risk");
    gives("a3889a1fe6edee9581493014cddc85e46fdec1efc8f189882256590d212ffd30",
          "a3889a1fe6edee9581493014cddc85e46fdec1efc8f189882256590d212ffd30");
}

static void long_words_are_cut_between_letters(void **state)
{
    char text[400] = "";
    struct buf b;
    (void)state;
    for (int i = 0; i < 100; i++)
        strncat(text, "\xD8\xB4", 3);
    buf_init(&b, 1 << 12);
    assert_ok(search_words(str_c(text), join, &b));
    assert_int_equal(b.n, SEARCH_WORD_MAX);
    assert_true(str_utf8(buf_str(&b)));
    buf_release(&b);
}

static void broken_utf8_separates(void **state)
{
    (void)state;
    gives("coeur\xFFrein\xC3", "coeur rein");
    gives("\xED\xA0\x80lune", "lune");
    gives("", "");
}

static void directions_inside_a_word_do_not_split_it(void **state)
{
    (void)state;
    gives("ca\xE2\x80\x8Frdio \xE2\x80\xAAx1\xE2\x80\xAC", "cardio x1");
}

static int stop_at_two(void *arg, struct str w)
{
    int *n = arg;
    (void)w;
    return ++*n == 2 ? AM_E_TOOBIG : AM_OK;
}

static void the_reader_may_stop(void **state)
{
    int n = 0;
    (void)state;
    assert_int_equal(search_words(STR("un deux trois quatre cinq"), stop_at_two, &n),
                     AM_E_TOOBIG);
    assert_int_equal(n, 2);
}

TEST_MAIN(TEST(french_loses_accents_case_and_ligatures), TEST(french_elisions_go),
          TEST(plurals_and_singulars_meet),
          TEST(english_possessives_and_contractions_leave_the_word),
          TEST(arabic_is_normalised), TEST(words_without_meaning_are_dropped),
          TEST(identifiers_are_words), TEST(long_words_are_cut_between_letters),
          TEST(broken_utf8_separates), TEST(directions_inside_a_word_do_not_split_it),
          TEST(the_reader_may_stop))
