/* SPDX-License-Identifier: Apache-2.0 */
/* Made by test/support/smart.py (python3-cryptography), for 2026-11-01T00:00:00Z. */
#ifndef AUTH_CLIENT_VECTORS_TEST_H
#define AUTH_CLIENT_VECTORS_TEST_H

static const char v_jwks[] =
    "{\"keys\": [{\"kty\": \"RSA\", \"kid\": \"rs\", \"alg\": \"RS384\", \""
    "n\": \"yetPcd4FuJg9n3rbX5huZmUbjUz1j0L30URdD9fixecMwSRLv7j9ptLHyhpHI0p"
    "h7IgskfFrYa33d-KD485nnYGDibj7RhSdd9o07QMdhTge0JLqHYgDaPaicniOt9b6GUB01"
    "GqyZyaeuBf-tEut4tNFUDsbHVxyJfpvQ-10nr-432gjJpp3Tj1M6WVuuw_NXLlVTzlxZq2"
    "jqsduhPIjmO0NB0zKDiFg5vrGzt61TOa17CksC-TNBbXpfhSrLLXSoZEtU2185SBFseWYF"
    "XlfOuexPV5rQCSIHGPLApNzgOTa7BQLIvMDgI3TN0S4NtRz931fyLmfiUcQbNCdHqcdFQ"
    "\", \"e\": \"AQAB\"}, {\"kty\": \"EC\", \"kid\": \"es\", \"alg\": \"ES"
    "384\", \"crv\": \"P-384\", \"x\": \"Z8Q5BsjxIknlTSzbeo9lnEDVx-tb4tYcZL"
    "g1aAymgrMVmAA_pBO--IAwWNhAkmBM\", \"y\": \"pyRen5KnCl6MnCWn2ealSKMJdT9"
    "b7lxQXR2xDV9sqZqPG0BKC-FjCocK8c8pN5Tg\"}]}";
enum {
    V_RS_GOOD,
    V_RS_AGAIN,
    V_ES_GOOD,
    V_AUD_LIST,
    V_AUD_OTHER,
    V_EXP_FAR,
    V_EXP_PAST,
    V_NO_JTI,
    V_NO_EXP,
    V_SUB_OTHER,
    V_UNKNOWN,
    V_NOT_YET,
    V_RS256,
    V_NONE,
    V_N
};
static const char *const v_assertion[] = {
    [V_RS_GOOD] = "eyJhbGciOiAiUlMzODQiLCAia2lkIjogInJzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
                  "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
                  "2VuIiwgImV4cCI6IDE3OTM0OTE1MDAsICJqdGkiOiAiajEifQ.KCmF8ovc14ZoCAjLo6tw"
                  "YJXYwQ48Zt0IdmmqgK9u7DQ7nJrz9B0rrz_qeVLAqOiMM8LaedMsHy-_i6rOFzi4O02ALP"
                  "ny7aRplc6kh0xPxtyqhF5fLsbmvG6wo3l6lQzzmaZ3x75LYAT-I7_3rfmyDSmJH4a9yOhP"
                  "lewaZnzd-2JU9FTQkrye55LNSpav1P5JZXk3M9zTEbEsiEpjOs7RLpnOsa4nZsDoa0lWQl"
                  "s4zCucD_bJ65OlYvrgTZJCeItf8dmmkLXLbVNy_NPZ1_waFrFyhvMEeUTGb06L-6fEAcIX"
                  "MsTnEkPOFK2eNjY2f3aNIfLLtFM0NLmIljuuQOBFFQ",
    [V_RS_AGAIN] =
        "eyJhbGciOiAiUlMzODQiLCAia2lkIjogInJzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
        "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
        "2VuIiwgImV4cCI6IDE3OTM0OTE0MDAsICJqdGkiOiAiajEifQ.FartFnrRom87rh8RKfUg"
        "KyvtHNZb0775nt4CMrFfR1AxNrLmMoq2F38c8szBqhjkFVszcTHGC8aSs_y6IxW6XJz6-V"
        "fcqqqIzeXNsXNl2KcKYrsfLeGQzpCjC9dyt_W5N0lx0XhiHODf7aBgTR2lKr4xFTm1JLYu"
        "Wx3ZypOswN6Mi_9HStp1A9yzozoHaY7c8CssB5lLxYKot5Oe3EMlRbM86OI66gE08oxAWg"
        "2DT2Qh2xBNFXD8WO1aYMPGamgbnp9APugO45EoAclmy_AWL1er4SZMeDv3PEKW81cmB0J8"
        "kstqO-i7MM_NosjT7Ux3lrbE644SmRdZWqx8K4gsAA",
    [V_ES_GOOD] = "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
                  "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
                  "2VuIiwgImV4cCI6IDE3OTM0OTE1MDAsICJqdGkiOiAiajIifQ.0rZxzlDOqmeUmcXT9CBB"
                  "Sn0dUzCdRwfk8IaYlTIbOiDITxgfwnckwJKeR2WH6MC-mQ9vN4dZ8_pCFaJ1uhlRUnoA_Q"
                  "PLhvuInLGF0k_MCM40oc55JWobpwMd19MVeFTW",
    [V_AUD_LIST] =
        "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
        "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6IFsiaHR0cHM6Ly9vdGhlciIsICJod"
        "HRwOi8vdGVzdC9maGlyL3Rva2VuIl0sICJleHAiOiAxNzkzNDkxNTAwLCAianRpIjogImo"
        "zIn0.OlsnbYKec6oto1dX7BAyvMvgloU9NrodXWPyhsN6U4swmMOq8_EHHxHYsQJE4khOK"
        "lpkNY16OxhPfpNM4zAHSC4WS-SC4_Sf6izjSteaVvCYLeqfI3kpzFnApLXhujl6",
    [V_AUD_OTHER] =
        "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
        "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vb3RoZXIvZmhpci90b"
        "2tlbiIsICJleHAiOiAxNzkzNDkxNTAwLCAianRpIjogImo0In0.lBLaqXHVpSsoKJZjBoG"
        "J65uezTnYgWc2YhZ52fv_wM3U_7ySS-Qt1PEwdhfFJ9nkDJyttMcLCkFQi_hETmAJyomix"
        "sOv_XEVFNmSaL0yTU8Jxa-8xHZEDqHlKgK3mmL6",
    [V_EXP_FAR] = "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
                  "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
                  "2VuIiwgImV4cCI6IDE3OTM0OTQ4MDAsICJqdGkiOiAiajUifQ.o9YDkFQaHr_qS1Wj83xq"
                  "vE3v-tBSgcXveldXMq8K__j4UJuRK1fzlc6tCke-wV0GjPI2XAo0ip-UDm5TOZ3hkXnZk6"
                  "PB8WkTIXmcesSbFR25jptudYiR-72aAtqxk5sF",
    [V_EXP_PAST] =
        "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
        "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
        "2VuIiwgImV4cCI6IDE3OTM0OTExOTksICJqdGkiOiAiajYifQ.ZxPD42vpbiVI3aPfVFvI"
        "LwFXaxzSfHniRBs1pvoy8CN0Z1-3gviLCY1jiNp7sBFb_d6tYk2DSG1p5Rf3717Epbng_C"
        "5GjpsJieNSc2gC7VQbvZCE1ffAveKt2LcyR7ve",
    [V_NO_JTI] = "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
                 "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
                 "2VuIiwgImV4cCI6IDE3OTM0OTE1MDB9.P78JKwk3e2OqwvBoLe4-2tgaAI7BkjUmKQNBYr"
                 "AHWRbOv3_f1FSLsns8VseTb-mThyiEpQsX48LCkwJuIHfosA7HVvrmGfwq9bGi1XWZ6Urc"
                 "xRDK40SK_0cqIaoJAkV9",
    [V_NO_EXP] = "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
                 "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
                 "2VuIiwgImp0aSI6ICJqNyJ9.EVU3Chl3wT-PimEHYpcVuIi0HI_ugnVYgKn5TyfQcGXoDQ"
                 "_cMrdAeAiV1_3GiytoApUE_l-uJpX5yoPGRmdQP8zi_pogyuNBRKVeZcQxaEpufifOD59C"
                 "krTLuqyQatHB",
    [V_SUB_OTHER] =
        "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
        "ibGFiLTEiLCAic3ViIjogImxhYi0yIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
        "2VuIiwgImV4cCI6IDE3OTM0OTE1MDAsICJqdGkiOiAiajgifQ.7evMKCeTcV5ZhVnke7v3"
        "4GqY1fJXPrpJ6Ztt9_3QEiignkG4Dx76No_8q1aw9lD9aFL6UjjL_SRjhfq-lg_8xDwR3f"
        "PW0WuzFoC3xIJHR5qaKLe4maqMbqvajsrk99Jq",
    [V_UNKNOWN] = "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
                  "ibGFiLTkiLCAic3ViIjogImxhYi05IiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
                  "2VuIiwgImV4cCI6IDE3OTM0OTE1MDAsICJqdGkiOiAiajkifQ.IMVjdg1eKwKgI9hEl2k7"
                  "fnlCbIAnZihH2uOVJOKM7qnOTarfA4SeDDfRFtMFuTi15bTDasTQUAVvnTJ_5JfpG70tcs"
                  "3dO2HqKbSFC_q6kzkO7p_JtcThgXaDKdcYCOfc",
    [V_NOT_YET] = "eyJhbGciOiAiRVMzODQiLCAia2lkIjogImVzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
                  "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
                  "2VuIiwgImV4cCI6IDE3OTM0OTE1MDAsICJqdGkiOiAiajEwIiwgIm5iZiI6IDE3OTM0OTE"
                  "4MDB9.DIlsRXcv2EIBtD4v_2Zdixv54mrbC7UZc0rc9lMdXuloFdp1D3OZxZQ5nRDEh8Yy"
                  "CHBSNYWEEOhrioB1x0C4IQ-OOlh3vrmSbEZZdgIzWbtl00krWgnJLg8IwVrCG-sy",
    [V_RS256] = "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInJzIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiA"
                "ibGFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva"
                "2VuIiwgImV4cCI6IDE3OTM0OTE1MDAsICJqdGkiOiAiajExIn0.cnaPH9OiazuSZlSnXLf"
                "RdHHMgvZwkUgLrNsFHKuukrhi_yLLWFoVm6-sHtUWC9S8s5-QChW5YQkZv7H8KfSTWZgNc"
                "IqxdWRkQmXCTf8w6n3lhe-EyGxBbyIxchW4sS6UcaqAdOP6lthy5S2TNYOFRmDDwhAMdrT"
                "tC7gVwSH3u2JCNK7NGP392rfYXLioHzIXVc9NYMmeIgxpixLBIGNmdjwbN0n_nlXSr0oPY"
                "OI1OqcB2MMnpxtMVo6ry39bj5MlxWKwwiGaf6_QNJLaoZFwBIr1wCCfDsZS-OjjJ0vKg5Q"
                "rjiP-bAOtB5Vu9RoyfzOtDPphleZyQORUc_PU_lg6pA",
    [V_NONE] = "eyJhbGciOiAibm9uZSIsICJraWQiOiAicnMiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAib"
               "GFiLTEiLCAic3ViIjogImxhYi0xIiwgImF1ZCI6ICJodHRwOi8vdGVzdC9maGlyL3Rva2V"
               "uIiwgImV4cCI6IDE3OTM0OTE1MDAsICJqdGkiOiAiajEyIn0.eA",
};

#endif
