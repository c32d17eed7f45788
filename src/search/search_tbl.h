/* SPDX-License-Identifier: Apache-2.0 */
/* Latin letters U+00C0..U+017F without case and accents, two bytes each (the second may
 * be 0); "" separates. Made by Python: unicodedata NFD of the lower case without
 * combining marks; the letters that do not decompose (ss, ae, oe, th, d, o, l ...) by
 * hand. */
#ifndef SEARCH_TBL_H
#define SEARCH_TBL_H

static const char search_latin[0x180 - 0xC0][2] = {
    {'a'}, {'a'}, {'a'},      {'a'},      {'a'}, {'a'}, {'a', 'e'}, {'c'},
    {'e'}, {'e'}, {'e'},      {'e'},      {'i'}, {'i'}, {'i'},      {'i'},
    {'d'}, {'n'}, {'o'},      {'o'},      {'o'}, {'o'}, {'o'},      {0},
    {'o'}, {'u'}, {'u'},      {'u'},      {'u'}, {'y'}, {'t', 'h'}, {'s', 's'},
    {'a'}, {'a'}, {'a'},      {'a'},      {'a'}, {'a'}, {'a', 'e'}, {'c'},
    {'e'}, {'e'}, {'e'},      {'e'},      {'i'}, {'i'}, {'i'},      {'i'},
    {'d'}, {'n'}, {'o'},      {'o'},      {'o'}, {'o'}, {'o'},      {0},
    {'o'}, {'u'}, {'u'},      {'u'},      {'u'}, {'y'}, {'t', 'h'}, {'y'},
    {'a'}, {'a'}, {'a'},      {'a'},      {'a'}, {'a'}, {'c'},      {'c'},
    {'c'}, {'c'}, {'c'},      {'c'},      {'c'}, {'c'}, {'d'},      {'d'},
    {'d'}, {'d'}, {'e'},      {'e'},      {'e'}, {'e'}, {'e'},      {'e'},
    {'e'}, {'e'}, {'e'},      {'e'},      {'g'}, {'g'}, {'g'},      {'g'},
    {'g'}, {'g'}, {'g'},      {'g'},      {'h'}, {'h'}, {'h'},      {'h'},
    {'i'}, {'i'}, {'i'},      {'i'},      {'i'}, {'i'}, {'i'},      {'i'},
    {'i'}, {'i'}, {'i', 'j'}, {'i', 'j'}, {'j'}, {'j'}, {'k'},      {'k'},
    {'k'}, {'l'}, {'l'},      {'l'},      {'l'}, {'l'}, {'l'},      {'l'},
    {'l'}, {'l'}, {'l'},      {'n'},      {'n'}, {'n'}, {'n'},      {'n'},
    {'n'}, {'n'}, {'n'},      {'n'},      {'o'}, {'o'}, {'o'},      {'o'},
    {'o'}, {'o'}, {'o', 'e'}, {'o', 'e'}, {'r'}, {'r'}, {'r'},      {'r'},
    {'r'}, {'r'}, {'s'},      {'s'},      {'s'}, {'s'}, {'s'},      {'s'},
    {'s'}, {'s'}, {'t'},      {'t'},      {'t'}, {'t'}, {'t'},      {'t'},
    {'u'}, {'u'}, {'u'},      {'u'},      {'u'}, {'u'}, {'u'},      {'u'},
    {'u'}, {'u'}, {'u'},      {'u'},      {'w'}, {'w'}, {'y'},      {'y'},
    {'y'}, {'z'}, {'z'},      {'z'},      {'z'}, {'z'}, {'z'},      {'s'},
};

#endif
