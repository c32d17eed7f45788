/* SPDX-License-Identifier: Apache-2.0 */
/* ward_place_tbl -- regions and provinces of Morocco, as the Moroccan core has them
 * (profiles/ma-core; tools/ma_core.py says their sources; a test compares them).
 *
 * WARD_REGIONS: X("code", "name", "name in Arabic"); WARD_PROVINCES: X("code", "code of
 * the region", "name"), by name. Provinces have no Arabic names there, so none here. */
#ifndef WARD_PLACE_TBL_H
#define WARD_PLACE_TBL_H

/* clang-format off: read as tables */
#define WARD_REGIONS(X)                                                                  \
    X("01", "Tanger-Tétouan-Al Hoceïma", "طنجة تطوان الحسيمة")                           \
    X("02", "L'Oriental", "الشرق")                                                       \
    X("03", "Fès-Meknès", "فاس مكناس")                                                   \
    X("04", "Rabat-Salé-Kénitra", "الرباط سلا القنيطرة")                                 \
    X("05", "Béni Mellal-Khénifra", "بني ملال خنيفرة")                                   \
    X("06", "Casablanca-Settat", "الدار البيضاء سطات")                                   \
    X("07", "Marrakech-Safi", "مراكش آسفي")                                              \
    X("08", "Drâa-Tafilalet", "درعة تافيلالت")                                           \
    X("09", "Souss-Massa", "سوس ماسة")                                                   \
    X("10", "Guelmim-Oued Noun", "كلميم واد نون")                                        \
    X("11", "Laâyoune-Sakia El Hamra", "العيون الساقية الحمراء")                         \
    X("12", "Dakhla-Oued Ed-Dahab", "الداخلة وادي الذهب")

#define WARD_PROVINCES(X)                                                                \
    X("AGD", "09", "Agadir-Ida-Ou-Tanane")                                               \
    X("HAO", "07", "Al Haouz")                                                           \
    X("HOC", "01", "Al Hoceïma")                                                         \
    X("AOU", "12", "Aousserd")                                                           \
    X("ASZ", "10", "Assa-Zag")                                                           \
    X("AZI", "05", "Azilal")                                                             \
    X("BES", "06", "Benslimane")                                                         \
    X("BER", "02", "Berkane")                                                            \
    X("BRR", "06", "Berrechid")                                                          \
    X("BOD", "11", "Boujdour")                                                           \
    X("BOM", "03", "Boulemane")                                                          \
    X("BEM", "05", "Béni Mellal")                                                        \
    X("CAS", "06", "Casablanca")                                                         \
    X("CHE", "01", "Chefchaouen")                                                        \
    X("CHI", "07", "Chichaoua")                                                          \
    X("CHT", "09", "Chtouka-Ait Baha")                                                   \
    X("DRI", "02", "Driouch")                                                            \
    X("HAJ", "03", "El Hajeb")                                                           \
    X("JDI", "06", "El Jadida")                                                          \
    X("KES", "07", "El Kelâa des Sraghna")                                               \
    X("ERR", "08", "Errachidia")                                                         \
    X("ESM", "11", "Es-Semara")                                                          \
    X("ESI", "07", "Essaouira")                                                          \
    X("FAH", "01", "Fahs-Anjra")                                                         \
    X("FIG", "02", "Figuig")                                                             \
    X("FQH", "05", "Fquih Ben Salah")                                                    \
    X("FES", "03", "Fès")                                                                \
    X("GUE", "10", "Guelmim")                                                            \
    X("GUF", "02", "Guercif")                                                            \
    X("IFR", "03", "Ifrane")                                                             \
    X("INE", "09", "Inezgane-Ait Melloul")                                               \
    X("JRA", "02", "Jerada")                                                             \
    X("KHO", "05", "Khouribga")                                                          \
    X("KHE", "04", "Khémisset")                                                          \
    X("KHN", "05", "Khénifra")                                                           \
    X("KEN", "04", "Kénitra")                                                            \
    X("LAR", "01", "Larache")                                                            \
    X("LAA", "11", "Laâyoune")                                                           \
    X("MDF", "01", "M'diq-Fnideq")                                                       \
    X("MAR", "07", "Marrakech")                                                          \
    X("MEK", "03", "Meknès")                                                             \
    X("MID", "08", "Midelt")                                                             \
    X("MOH", "06", "Mohammadia")                                                         \
    X("MOU", "03", "Moulay Yacoub")                                                      \
    X("MED", "06", "Médiouna")                                                           \
    X("NAD", "02", "Nador")                                                              \
    X("NOU", "06", "Nouaceur")                                                           \
    X("OUA", "08", "Ouarzazate")                                                         \
    X("OUD", "12", "Oued Ed-Dahab")                                                      \
    X("OUZ", "01", "Ouezzane")                                                           \
    X("OUJ", "02", "Oujda-Angad")                                                        \
    X("RAB", "04", "Rabat")                                                              \
    X("REH", "07", "Rehamna")                                                            \
    X("SAF", "07", "Safi")                                                               \
    X("SAL", "04", "Salé")                                                               \
    X("SEF", "03", "Sefrou")                                                             \
    X("SET", "06", "Settat")                                                             \
    X("SIB", "06", "Sidi Bennour")                                                       \
    X("SIF", "10", "Sidi Ifni")                                                          \
    X("SIK", "04", "Sidi Kacem")                                                         \
    X("SIL", "04", "Sidi Slimane")                                                       \
    X("SKH", "04", "Skhirate-Témara")                                                    \
    X("TNT", "10", "Tan-Tan")                                                            \
    X("TNG", "01", "Tanger-Assilah")                                                     \
    X("TAO", "03", "Taounate")                                                           \
    X("TAI", "02", "Taourirt")                                                           \
    X("TAF", "11", "Tarfaya")                                                            \
    X("TAR", "09", "Taroudannt")                                                         \
    X("TAT", "09", "Tata")                                                               \
    X("TAZ", "03", "Taza")                                                               \
    X("TIN", "08", "Tinghir")                                                            \
    X("TIZ", "09", "Tiznit")                                                             \
    X("TET", "01", "Tétouan")                                                            \
    X("YUS", "07", "Youssoufia")                                                         \
    X("ZAG", "08", "Zagora")
/* clang-format on */

#endif
