/* SPDX-License-Identifier: Apache-2.0 */
/* A module made here stands for the token: it holds objects, counts calls, and fails or
 * lies on demand, which no real token does. Real ones: test/08-pkcs11.sh (SoftHSM). */
#define CRYPTOKI_GNU 1
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

#include "base/test.h" /* after openssl: it poisons names that its headers use */

#include "crypto/crypto_priv.h"

#define PIN "73519"
static const uint8_t p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t p384_oid[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

enum { SLOTS = 3, OBJECTS = 8, ATTRS = 8 };
enum fn {
    NONE,
    INITIALIZE,
    SLOT_LIST,
    OPEN_SESSION,
    LOGIN,
    FIND_INIT,
    FIND,
    FIND_FINAL,
    ATTRIBUTE,
    SIGN_INIT,
    SIGN,
    FNS, /* of signing; those of sealing follow */
    CRYPT_INIT,
    CRYPT
};
struct attr {
    ck_attribute_type_t type;
    const void *p;
    size_t n;
};
static struct fake {
    const char *label[SLOTS];
    ck_flags_t flags[SLOTS];
    ck_flags_t flags_after_login;
    unsigned long slots_said;
    struct attr object[OBJECTS][ATTRS];
    size_t objects, at;
    bool finding;
    struct ck_attribute want[4];
    unsigned long wants;
    enum fn broken, open_broken; /* from the start; once something was sealed */
    ck_rv_t rv;
    int logins, context_logins, opened, closed, initialized, finalized;
    bool pin_null;
    unsigned long found_said, sig_said, attr_said;
    struct ck_gcm_params gcm;
    uint8_t nonce[12], aad[64], flip; /* flip: what it changes when it encrypts */
    unsigned long crypt_said;
} fake;
static struct crypto_key *key; /* what the token keeps */
static uint8_t spki[CRYPTO_SPKI_P256], point[67] = {0x04, 65};

static ck_rv_t fails(enum fn f)
{
    return fake.broken == f ? fake.rv : CKR_OK;
}
static ck_rv_t f_initialize(void *args)
{
    ck_rv_t rv = fails(INITIALIZE);
    (void)args;
    fake.initialized += rv == CKR_OK;
    return rv;
}
static ck_rv_t f_finalize(void *args)
{
    (void)args;
    fake.finalized++;
    return CKR_OK;
}
static ck_rv_t f_slot_list(unsigned char present, ck_slot_id_t *list, unsigned long *n)
{
    assert_true(present);
    for (size_t i = 0; list && i < SLOTS; i++)
        list[i] = 10 + i;
    *n = fake.slots_said ? fake.slots_said : SLOTS;
    return fails(SLOT_LIST);
}
static ck_rv_t f_token_info(ck_slot_id_t slot, struct ck_token_info *info)
{
    const char *label = fake.label[slot - 10];
    if (!label)
        return CKR_TOKEN_NOT_PRESENT;
    memset(info->label, ' ', sizeof info->label);
    memcpy(info->label, label, strlen(label));
    info->flags = fake.flags[slot - 10] | (fake.logins ? fake.flags_after_login : 0);
    return CKR_OK;
}
static ck_rv_t f_open_session(ck_slot_id_t slot, ck_flags_t flags, void *app,
                              ck_notify_t notify, ck_session_handle_t *session)
{
    (void)app;
    (void)notify;
    assert_int_equal(flags, CKF_SERIAL_SESSION);
    *session = 100 + slot;
    fake.opened += fails(OPEN_SESSION) == CKR_OK;
    return fails(OPEN_SESSION);
}
static ck_rv_t f_close_session(ck_session_handle_t session)
{
    assert_in_range(session, 110, 112);
    fake.closed++;
    return CKR_OK;
}
static ck_rv_t f_login(ck_session_handle_t session, ck_user_type_t user,
                       unsigned char *pin, unsigned long n)
{
    (void)session;
    fake.logins += user == CKU_USER;
    fake.context_logins += user == CKU_CONTEXT_SPECIFIC;
    fake.pin_null = !pin;
    if (fails(LOGIN))
        return fails(LOGIN);
    return !pin || (n == 5 && memcmp(pin, PIN, 5) == 0) ? CKR_OK : CKR_PIN_INCORRECT;
}
static ck_rv_t f_find_init(ck_session_handle_t session, struct ck_attribute *a,
                           unsigned long n)
{
    (void)session;
    assert_false(fake.finding);
    if (fails(FIND_INIT))
        return fails(FIND_INIT);
    memcpy(fake.want, a, n * sizeof *a);
    fake.wants = n;
    fake.at = 0;
    fake.finding = true;
    return CKR_OK;
}
static const struct attr *attr_of(size_t object, ck_attribute_type_t type)
{
    for (size_t i = 0; i < ATTRS; i++)
        if (fake.object[object][i].p && fake.object[object][i].type == type)
            return &fake.object[object][i];
    return NULL;
}
static bool wanted(size_t object)
{
    for (unsigned long i = 0; i < fake.wants; i++) {
        const struct attr *a = attr_of(object, fake.want[i].type);
        if (!a || a->n != fake.want[i].value_len ||
            memcmp(a->p, fake.want[i].value, a->n) != 0)
            return false;
    }
    return true;
}
/* One at a time, as a slow token may. */
static ck_rv_t f_find(ck_session_handle_t session, ck_object_handle_t *out,
                      unsigned long max, unsigned long *n)
{
    (void)session;
    assert_true(fake.finding && max >= 1);
    *n = 0;
    while (*n == 0 && fake.at < fake.objects)
        if (wanted(fake.at++)) {
            *out = fake.at; /* handle = index + 1 */
            *n = 1;
        }
    if (fake.found_said)
        *n = fake.found_said;
    return fails(FIND);
}
static ck_rv_t f_find_final(ck_session_handle_t session)
{
    (void)session;
    assert_true(fake.finding);
    fake.finding = false;
    return fails(FIND_FINAL);
}
static ck_rv_t f_attribute(ck_session_handle_t session, ck_object_handle_t object,
                           struct ck_attribute *a, unsigned long n)
{
    const struct attr *have = attr_of(object - 1, a->type);
    (void)session;
    assert_int_equal(n, 1);
    if (fails(ATTRIBUTE))
        return fails(ATTRIBUTE);
    if (!have || have->n > a->value_len) {
        a->value_len = (unsigned long)-1;
        return have ? CKR_BUFFER_TOO_SMALL : CKR_ATTRIBUTE_TYPE_INVALID;
    }
    memcpy(a->value, have->p, have->n);
    a->value_len = fake.attr_said ? fake.attr_said : have->n;
    return CKR_OK;
}
static ck_rv_t f_sign_init(ck_session_handle_t session, struct ck_mechanism *m,
                           ck_object_handle_t object)
{
    (void)session;
    assert_int_equal(m->mechanism, CKM_ECDSA);
    assert_int_equal(object, 1);
    return fails(SIGN_INIT);
}
static ck_rv_t f_sign(ck_session_handle_t session, unsigned char *data, unsigned long n,
                      unsigned char *out, unsigned long *out_n)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(crypto_key_pkey(key), NULL);
    uint8_t der[80];
    const uint8_t *p = der;
    size_t der_n = sizeof der;
    ECDSA_SIG *sig;
    (void)session;
    assert_int_equal(n, CRYPTO_SHA256);
    assert_true(*out_n >= 64);
    assert_int_equal(EVP_PKEY_sign_init(c), 1);
    assert_int_equal(EVP_PKEY_sign(c, der, &der_n, data, n), 1);
    EVP_PKEY_CTX_free(c);
    sig = d2i_ECDSA_SIG(NULL, &p, (long)der_n);
    assert_non_null(sig);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32);
    ECDSA_SIG_free(sig);
    *out_n = fake.sig_said ? fake.sig_said : 64;
    return fails(SIGN);
}
/* AES-GCM of this token: crypto_seal() gives the nonce itself, so it is made here. */
static ck_rv_t f_crypt_init(ck_session_handle_t session, struct ck_mechanism *m,
                            ck_object_handle_t object)
{
    (void)session;
    (void)object;
    assert_int_equal(m->mechanism, CKM_AES_GCM);
    assert_int_equal(m->parameter_len, sizeof fake.gcm);
    memcpy(&fake.gcm, m->parameter, sizeof fake.gcm);
    assert_int_equal(fake.gcm.iv_len, 12);
    assert_int_equal(fake.gcm.tag_bits, 128);
    return fails(CRYPT_INIT);
}
static ck_rv_t gcm_crypt(int enc, const unsigned char *in, unsigned long n,
                         unsigned char *out, unsigned long *out_n)
{
    static const uint8_t aes[32] = "thirty-two bytes of the token's";
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    unsigned char tag[16] = {0};
    int k = 0, ok;
    unsigned long text = enc ? n : n - 16;
    EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, aes, fake.gcm.iv_ptr, enc);
    EVP_CipherUpdate(c, NULL, &k, fake.gcm.aad_ptr, (int)fake.gcm.aad_len);
    EVP_CipherUpdate(c, out, &k, in, (int)text);
    if (!enc) {
        memcpy(tag, in + text, 16);
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, 16, tag);
    }
    ok = EVP_CipherFinal_ex(c, out + k, &k);
    if (enc) {
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, out + text);
        out[0] ^= fake.flip;
    }
    EVP_CIPHER_CTX_free(c);
    *out_n = fake.crypt_said ? fake.crypt_said : enc ? n + 16 : text;
    if (fails(CRYPT))
        return fails(CRYPT);
    return ok == 1 ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
}
static ck_rv_t f_encrypt(ck_session_handle_t session, unsigned char *in, unsigned long n,
                         unsigned char *out, unsigned long *out_n)
{
    (void)session;
    return gcm_crypt(1, in, n, out, out_n);
}
static ck_rv_t f_decrypt(ck_session_handle_t session, unsigned char *in, unsigned long n,
                         unsigned char *out, unsigned long *out_n)
{
    (void)session;
    return gcm_crypt(0, in, n, out, out_n);
}
static struct ck_function_list list = {
    .version = {2, 40},
    .C_Initialize = f_initialize,
    .C_Finalize = f_finalize,
    .C_GetSlotList = f_slot_list,
    .C_GetTokenInfo = f_token_info,
    .C_OpenSession = f_open_session,
    .C_CloseSession = f_close_session,
    .C_Login = f_login,
    .C_FindObjectsInit = f_find_init,
    .C_FindObjects = f_find,
    .C_FindObjectsFinal = f_find_final,
    .C_GetAttributeValue = f_attribute,
    .C_SignInit = f_sign_init,
    .C_Sign = f_sign,
    .C_EncryptInit = f_crypt_init,
    .C_Encrypt = f_encrypt,
    .C_DecryptInit = f_crypt_init,
    .C_Decrypt = f_decrypt,
};

static const ck_object_class_t private_class = CKO_PRIVATE_KEY,
                               public_class = CKO_PUBLIC_KEY,
                               cert_class = CKO_CERTIFICATE;
static const ck_object_class_t secret_class = CKO_SECRET_KEY;
static const ck_key_type_t ec = CKK_EC, rsa = CKK_RSA, aes_type = CKK_AES;

static void put(size_t object, ck_attribute_type_t type, const void *p, size_t n)
{
    struct attr *a = fake.object[object];
    for (size_t i = 0; i < ATTRS; i++)
        if (!a[i].p || a[i].type == type) {
            a[i] = (struct attr){type, p, n};
            return;
        }
    fail();
}
static size_t object(const ck_object_class_t *class, const char *label, const char *id)
{
    size_t i = fake.objects++;
    put(i, CKA_CLASS, class, sizeof *class);
    if (*class != CKO_CERTIFICATE)
        put(i, CKA_KEY_TYPE, &ec, sizeof ec);
    if (label)
        put(i, CKA_LABEL, label, strlen(label));
    if (id)
        put(i, CKA_ID, id, strlen(id));
    if (*class == CKO_PRIVATE_KEY)
        put(i, CKA_EC_PARAMS, p256_oid, sizeof p256_oid);
    if (*class == CKO_PUBLIC_KEY)
        put(i, CKA_EC_POINT, point, sizeof point);
    return i;
}
/* A token "has" in slot 11, with one key pair: object 0 private, 1 public. */
static void fresh(void)
{
    memset(&fake, 0, sizeof fake);
    fake.label[1] = "has";
    fake.flags[1] = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED;
    object(&private_class, "commissioner", "\x07");
    object(&public_class, "public", "\x07");
}
static const struct crypto_token_where has = {
    .module = "fake", .label = "has", .slot = -1};

static int open_pin(struct crypto_token **t, const char *pin, struct diag *d)
{
    *t = NULL;
    diag_clear(d);
    return crypto_token_attach(t, &list, &has, str_c(pin), d);
}
/* Opens, finds, signs "hello": the first error. */
static int whole(struct str label, struct str id, struct buf *sig, struct diag *d)
{
    const struct crypto_key *pub;
    struct crypto_token *t;
    int err = open_pin(&t, PIN, d);
    if (!err)
        err = crypto_token_find(t, label, id, &pub, d);
    if (!err)
        err = crypto_token_sign(t, STR("hello"), sig, d);
    crypto_token_free(t);
    return err;
}
static int commissioner(struct diag *d)
{
    struct buf sig;
    int err;
    buf_init(&sig, 256);
    err = whole(STR("commissioner"), STR_NULL, &sig, d);
    assert_true(err ? sig.n == 0 : sig.n > 60); /* nothing comes out of a failure */
    buf_release(&sig);
    return err;
}
static bool says(const struct diag *d, const char *code)
{
    for (size_t i = 0; i < d->n; i++) {
        assert_null(strstr(d->item[i].detail, PIN));
        if (strcmp(d->item[i].code, code) == 0)
            return true;
    }
    return false;
}

static int setup(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 256);
    if (crypto_key_generate(&key, CRYPTO_P256) || crypto_key_spki(key, &b))
        return -1;
    memcpy(spki, b.p, sizeof spki);
    memcpy(point + 2, spki + sizeof spki - 65, 65);
    buf_release(&b);
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    crypto_key_free(key);
    return 0;
}

static void a_signature_of_the_token_verifies_with_the_key(void **state)
{
    struct diag d;
    struct buf sig;
    (void)state;
    fresh();
    diag_init(&d);
    buf_init(&sig, 256);
    assert_ok(whole(STR("commissioner"), STR("\x07"), &sig, &d));
    assert_ok(crypto_verify(key, STR("hello"), buf_str(&sig)));
    assert_int_equal(crypto_verify(key, STR("hallo"), buf_str(&sig)), AM_E_TAMPERED);
    assert_int_equal(fake.logins, 1);
    assert_int_equal(fake.context_logins, 0);
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.closed, 1);
    assert_int_equal(fake.finalized, 1);
    assert_int_equal(d.n, 0);
    buf_release(&sig);
    diag_release(&d);
}
/* DER drops the leading zeros of r and s and adds one before a high bit: 69 bytes or
 * fewer come once in 512 signatures, more than 70 in three of four. */
static void short_and_high_integers_survive_der(void **state)
{
    const struct crypto_key *pub;
    struct crypto_token *t;
    struct diag d;
    struct buf sig;
    size_t least = 100, most = 0;
    (void)state;
    fresh();
    diag_init(&d);
    buf_init(&sig, 256);
    assert_ok(open_pin(&t, PIN, &d));
    assert_ok(crypto_token_find(t, STR("commissioner"), STR_NULL, &pub, &d));
    for (int i = 0; i < 20000 && (least >= 70 || most <= 70); i++) {
        buf_clear(&sig);
        assert_ok(crypto_token_sign(t, STR("hello"), &sig, &d));
        assert_ok(crypto_verify(key, STR("hello"), buf_str(&sig)));
        least = AM_MIN(least, sig.n);
        most = AM_MAX(most, sig.n);
    }
    assert_true(least < 70 && most > 70 && most <= 72);
    crypto_token_free(t);
    buf_release(&sig);
    diag_release(&d);
}
static void a_wrong_pin_is_tried_once(void **state)
{
    struct crypto_token *t;
    struct diag d;
    (void)state;
    fresh();
    diag_init(&d);
    fake.flags_after_login = CKF_USER_PIN_FINAL_TRY;
    assert_int_equal(open_pin(&t, "11111", &d), AM_E_UNAUTHORIZED);
    assert_null(t);
    assert_int_equal(fake.logins, 1);
    assert_int_equal(fake.closed, 1);
    assert_int_equal(fake.finalized, 1);
    assert_true(says(&d, "token.pin"));
    assert_true(says(&d, "token.tries"));
    assert_int_equal(d.n, 2);
    diag_release(&d);
}
static void a_pin_is_asked_only_where_one_is_needed(void **state)
{
    static char long_pin[CRYPTO_PIN_MAX + 2];
    struct crypto_token *t;
    struct diag d;
    (void)state;
    diag_init(&d);
    fresh();
    assert_int_equal(open_pin(&t, NULL, &d), AM_E_UNAUTHORIZED);
    assert_int_equal(fake.logins, 0);
    fresh();
    fake.flags[1] |= CKF_USER_PIN_LOCKED;
    assert_int_equal(open_pin(&t, PIN, &d), AM_E_UNAUTHORIZED);
    assert_int_equal(fake.logins, 0);
    fresh();
    fake.flags[1] |= CKF_PROTECTED_AUTHENTICATION_PATH;
    assert_ok(open_pin(&t, NULL, &d));
    assert_true(fake.logins == 1 && fake.pin_null);
    crypto_token_free(t);
    fresh();
    fake.flags[1] &= ~(ck_flags_t)CKF_LOGIN_REQUIRED;
    assert_ok(open_pin(&t, NULL, &d));
    assert_int_equal(fake.logins, 0);
    crypto_token_free(t);
    fresh();
    memset(long_pin, '1', sizeof long_pin - 1);
    assert_int_equal(open_pin(&t, long_pin, &d), AM_E_UNAUTHORIZED);
    assert_int_equal(fake.initialized, 0);
    long_pin[CRYPTO_PIN_MAX] = 0; /* the longest: the token judges it */
    assert_int_equal(open_pin(&t, long_pin, &d), AM_E_UNAUTHORIZED);
    assert_int_equal(fake.logins, 1);
    diag_release(&d);
}
static int open_where(const char *label, int64_t slot, struct diag *d)
{
    struct crypto_token_where w = {.module = "fake", .label = label, .slot = slot};
    struct crypto_token *t = NULL;
    int err;
    diag_clear(d);
    err = crypto_token_attach(&t, &list, &w, STR(PIN), d);
    crypto_token_free(t);
    return err;
}
static void a_token_is_found_by_label_by_slot_or_both(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    fresh();
    assert_ok(open_where("has", -1, &d));
    assert_ok(open_where(NULL, 11, &d));
    assert_ok(open_where("has", 11, &d));
    assert_int_equal(open_where("ha", -1, &d), AM_E_NOTFOUND);
    assert_true(says(&d, "token.absent"));
    assert_int_equal(open_where("other", 11, &d), AM_E_NOTFOUND);
    assert_int_equal(open_where(NULL, 10, &d), AM_E_NOTFOUND); /* empty slot */
    fake.label[2] = "has"; /* not initialised: no token yet */
    assert_ok(open_where("has", -1, &d));
    fake.flags[2] = fake.flags[1];
    assert_int_equal(open_where("has", -1, &d), AM_E_CONFLICT);
    assert_true(says(&d, "token.several"));
    assert_ok(open_where("has", 12, &d));
    diag_release(&d);
}
static void a_key_is_found_by_label_by_id_or_both(void **state)
{
    static char too_long[300];
    struct diag d;
    struct buf sig;
    (void)state;
    diag_init(&d);
    buf_init(&sig, 256);
    memset(too_long, 'x', sizeof too_long - 1);
    fresh();
    assert_ok(whole(STR_NULL, STR("\x07"), &sig, &d));
    assert_int_equal(whole(STR("nobody"), STR_NULL, &sig, &d), AM_E_NOTFOUND);
    assert_true(says(&d, "token.key"));
    assert_int_equal(whole(STR("commissioner"), STR("\x08"), &sig, &d), AM_E_NOTFOUND);
    assert_int_equal(whole(str_c(too_long), STR_NULL, &sig, &d), AM_E_NOTFOUND);
    assert_int_equal(whole(STR_NULL, str_c(too_long), &sig, &d), AM_E_NOTFOUND);
    assert_ok(whole(STR_NULL, STR_NULL, &sig, &d)); /* there is one */
    object(&private_class, "commissioner", "\x09");
    assert_int_equal(whole(STR("commissioner"), STR_NULL, &sig, &d), AM_E_CONFLICT);
    assert_true(says(&d, "token.keys"));
    assert_ok(whole(STR("commissioner"), STR("\x07"), &sig, &d));
    fresh();
    put(0, CKA_KEY_TYPE, &rsa, sizeof rsa);
    assert_int_equal(commissioner(&d), AM_E_NOTFOUND);
    fresh();
    put(0, CKA_EC_PARAMS, p384_oid, sizeof p384_oid);
    assert_int_equal(commissioner(&d), AM_E_UNSUPPORTED);
    assert_true(says(&d, "token.key"));
    buf_release(&sig);
    diag_release(&d);
}
static void finding_again_replaces_the_key(void **state)
{
    const struct crypto_key *pub;
    struct crypto_token *t;
    struct diag d;
    struct buf sig;
    (void)state;
    fresh();
    diag_init(&d);
    buf_init(&sig, 256);
    assert_ok(open_pin(&t, PIN, &d));
    assert_ok(crypto_token_find(t, STR("commissioner"), STR_NULL, &pub, &d));
    assert_int_equal(crypto_token_find(t, STR("x"), STR_NULL, &pub, &d), AM_E_NOTFOUND);
    assert_ok(crypto_token_sign(t, STR("hello"), &sig, &d)); /* the old one stays */
    assert_ok(crypto_token_find(t, STR_NULL, STR("\x07"), &pub, &d));
    assert_ok(crypto_verify(pub, STR("hello"), buf_str(&sig)));
    assert_false(crypto_key_private(pub));
    crypto_token_free(t);
    crypto_token_free(NULL);
    buf_release(&sig);
    diag_release(&d);
}
static size_t certificate(const struct crypto_key *k, uint8_t der[2048])
{
    static const char *const name[] = {"has.example"};
    struct buf pem;
    BIO *bio;
    X509 *x;
    int n;
    buf_init(&pem, 8192);
    assert_ok(crypto_cert_self(k, "has", name, 1, 30, &pem));
    bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(x);
    n = i2d_X509(x, &(uint8_t *){der});
    assert_in_range(n, 100, 2048);
    X509_free(x);
    BIO_free(bio);
    buf_release(&pem);
    return (size_t)n;
}
static void the_public_half_is_a_point_or_a_certificate(void **state)
{
    uint8_t bad[67], der[2048];
    struct diag d;
    size_t n;
    (void)state;
    diag_init(&d);
    fresh();
    put(1, CKA_EC_POINT, point + 2, 65); /* without the OCTET STRING */
    assert_ok(commissioner(&d));
    fresh();
    memcpy(bad, point, sizeof bad);
    bad[66] ^= 1; /* not on the curve */
    put(1, CKA_EC_POINT, bad, sizeof bad);
    assert_int_equal(commissioner(&d), AM_E_SYNTAX);
    assert_true(says(&d, "token.public"));
    for (size_t i = 0; i < 3; i++) { /* another wrapping, length or form of point */
        memcpy(bad, point, sizeof bad);
        bad[i] ^= 1;
        put(1, CKA_EC_POINT, bad, sizeof bad);
        assert_int_equal(commissioner(&d), AM_E_UNSUPPORTED);
    }
    put(1, CKA_EC_POINT, point, 66);
    assert_int_equal(commissioner(&d), AM_E_UNSUPPORTED);
    put(1, CKA_EC_POINT,
        "\x02"
        "0123456789abcdef0123456789abcdef",
        33); /* compressed */
    assert_int_equal(commissioner(&d), AM_E_UNSUPPORTED);
    fresh();
    put(1, CKA_ID, "\x08", 1); /* another key's */
    assert_int_equal(commissioner(&d), AM_E_NOTFOUND);
    assert_true(says(&d, "token.public"));
    n = object(&cert_class, "certificate", "\x07");
    put(n, CKA_VALUE, der, certificate(key, der));
    assert_ok(commissioner(&d));
    put(n, CKA_VALUE, der, 90); /* cut */
    assert_int_equal(commissioner(&d), AM_E_UNSUPPORTED);
    fresh();
    memset(fake.object, 0, sizeof fake.object);
    fake.objects = 0;
    object(&private_class, "commissioner", NULL); /* no id: the label tells */
    object(&public_class, "commissioner", NULL);
    assert_ok(commissioner(&d));
    diag_release(&d);
}
static void a_key_that_asks_each_time_gets_the_pin_each_time(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    fresh();
    put(0, CKA_ALWAYS_AUTHENTICATE, "\x01", 1);
    assert_ok(commissioner(&d));
    assert_int_equal(fake.context_logins, 1);
    fresh();
    put(0, CKA_ALWAYS_AUTHENTICATE, "", 1);
    assert_ok(commissioner(&d));
    assert_int_equal(fake.context_logins, 0);
    diag_release(&d);
}
static void a_signature_by_another_key_does_not_come_out(void **state)
{
    struct crypto_key *mine = key;
    struct diag d;
    (void)state;
    diag_init(&d);
    fresh();
    assert_ok(crypto_key_generate(&key, CRYPTO_P256)); /* the token signs with this one */
    assert_int_equal(commissioner(&d), AM_E_TAMPERED);
    assert_true(says(&d, "token.signature"));
    crypto_key_free(key);
    key = mine;
    fake.sig_said = 63;
    assert_int_equal(commissioner(&d), AM_E_CRYPTO);
    assert_true(says(&d, "token.signature"));
    diag_release(&d);
}
static void a_token_pulled_out_at_any_call_is_said_so(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    for (int f = INITIALIZE; f < FNS; f++) {
        fresh();
        fake.broken = (enum fn)f;
        fake.rv = CKR_DEVICE_REMOVED;
        assert_int_equal(commissioner(&d), AM_E_UNAVAILABLE);
        assert_true(says(&d, "token.removed"));
        assert_int_equal(fake.closed, fake.opened);
        assert_int_equal(fake.finalized, fake.initialized);
    }
    diag_release(&d);
}
static void every_answer_of_a_module_has_its_error(void **state)
{
    static const struct {
        ck_rv_t rv;
        int err;
    } t[] = {{CKR_PIN_LOCKED, AM_E_UNAUTHORIZED},
             {CKR_PIN_EXPIRED, AM_E_UNAUTHORIZED},
             {CKR_USER_NOT_LOGGED_IN, AM_E_UNAUTHORIZED},
             {CKR_SESSION_HANDLE_INVALID, AM_E_UNAVAILABLE},
             {CKR_DEVICE_ERROR, AM_E_UNAVAILABLE},
             {CKR_CRYPTOKI_ALREADY_INITIALIZED, AM_E_CONFLICT},
             {CKR_HOST_MEMORY, AM_E_NOMEM},
             {CKR_MECHANISM_INVALID, AM_E_UNSUPPORTED},
             {CKR_KEY_FUNCTION_NOT_PERMITTED, AM_E_FORBIDDEN},
             {CKR_GENERAL_ERROR, AM_E_CRYPTO},
             {0x80001234, AM_E_CRYPTO}};
    struct diag d;
    (void)state;
    diag_init(&d);
    for (size_t i = 0; i < AM_LEN(t); i++) {
        fresh();
        fake.broken = SIGN;
        fake.rv = t[i].rv;
        assert_int_equal(commissioner(&d), t[i].err);
        assert_int_equal(d.n, 1);
    }
    assert_non_null(strstr(d.item[0].detail, "0x80001234"));
    diag_release(&d);
}
static void a_module_that_lies_about_sizes_is_refused(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    fresh();
    fake.slots_said = 5000;
    assert_int_equal(commissioner(&d), AM_E_CRYPTO);
    fresh();
    fake.found_said = 3;
    assert_int_equal(commissioner(&d), AM_E_CRYPTO);
    fresh();
    fake.attr_said = 4000; /* taken as absent: then it is no P-256 key */
    assert_int_equal(commissioner(&d), AM_E_UNSUPPORTED);
    fresh();
    list.version.major = 4;
    assert_int_equal(commissioner(&d), AM_E_UNSUPPORTED);
    assert_true(says(&d, "token.module"));
    assert_int_equal(fake.initialized, 0);
    list.version.major = 2;
    diag_release(&d);
}
static void a_missing_or_foreign_library_is_no_module(void **state)
{
    struct crypto_token_where w = {
        .module = "/nonexistent/p11.so", .label = "has", .slot = -1};
    struct crypto_token *t = NULL;
    struct diag d;
    (void)state;
    diag_init(&d);
    assert_int_equal(crypto_token_open(&t, &w, STR(PIN), &d), AM_E_NOTFOUND);
    assert_true(says(&d, "token.module"));
    diag_clear(&d);
    w.module = "libcrypto.so.3";
    assert_int_equal(crypto_token_open(&t, &w, STR(PIN), &d), AM_E_UNSUPPORTED);
    assert_true(says(&d, "token.module"));
    assert_null(t);
    diag_release(&d);
}
static void memory_may_run_out_anywhere(void **state)
{
    struct diag d;
    int err = AM_E_NOMEM, rounds = 0;
    (void)state;
    diag_init(&d);
    for (long n = 1; err == AM_E_NOMEM; n++, rounds++) {
        fresh();
        (void)am_oom_at(n);
        err = commissioner(&d);
        (void)am_oom_at(0);
        assert_int_equal(fake.closed, fake.opened);
        assert_int_equal(fake.finalized, fake.initialized);
    }
    assert_ok(err);
    assert_true(rounds > 3);
    diag_release(&d);
}

/* Seals and opens again, with what is changed in between: the first error. */
static int sealed(size_t flip, const char *aad, struct diag *d)
{
    struct crypto_token *t;
    struct buf out, back;
    const char *label = "eds";
    int err = open_pin(&t, PIN, d);
    buf_init(&out, 256);
    buf_init(&back, 256);
    if (!err)
        err = crypto_token_seal(t, str_c(label), STR_NULL, STR("one"), STR("a secret"),
                                &out, d);
    assert_int_equal(out.n, err ? 0 : 12 + 8 + 16); /* nothing comes out of a failure */
    if (!err && flip)
        out.p[flip % out.n] ^= 1;
    if (fake.open_broken)
        fake.broken = fake.open_broken;
    if (!err)
        err = crypto_token_unseal(t, str_c(label), STR_NULL, str_c(aad), buf_str(&out),
                                  &back, d);
    if (err)
        assert_int_equal(back.n, 0);
    else
        assert_str_equal(buf_str(&back), "a secret");
    buf_release(&back);
    buf_release(&out);
    crypto_token_free(t);
    return err;
}
static void fresh_aes(void)
{
    size_t i;
    fresh();
    i = object(&secret_class, "eds", "\x08");
    put(i, CKA_KEY_TYPE, &aes_type, sizeof aes_type);
}

static void what_a_token_seals_it_opens_and_no_more(void **state)
{
    struct diag d;
    (void)state;
    diag_init(&d);
    fresh_aes();
    assert_ok(sealed(0, "one", &d));
    for (size_t at = 1; at < 36; at++) {
        fresh_aes();
        assert_int_equal(sealed(at, "one", &d), AM_E_TAMPERED);
        assert_true(says(&d, "token.sealed"));
    }
    fresh_aes();
    assert_int_equal(sealed(0, "two", &d), AM_E_TAMPERED);
    fresh(); /* no AES key */
    assert_int_equal(sealed(0, "one", &d), AM_E_NOTFOUND);
    assert_true(says(&d, "token.aes"));
    fresh_aes(); /* two */
    put(object(&secret_class, "eds", "\x09"), CKA_KEY_TYPE, &aes_type, sizeof aes_type);
    assert_int_equal(sealed(0, "one", &d), AM_E_CONFLICT);
    assert_true(says(&d, "token.keys"));
    diag_release(&d);
}

static void a_token_that_seals_badly_is_refused(void **state)
{
    static const struct {
        enum fn fn;
        ck_rv_t rv;
        int err;
        const char *code;
    } bad[] = {
        {CRYPT_INIT, CKR_MECHANISM_INVALID, AM_E_UNSUPPORTED, "token.aes"},
        {CRYPT_INIT, CKR_KEY_FUNCTION_NOT_PERMITTED, AM_E_UNSUPPORTED, "token.aes"},
        {CRYPT_INIT, CKR_DEVICE_REMOVED, AM_E_UNAVAILABLE, "token.removed"},
        {CRYPT, CKR_DEVICE_ERROR, AM_E_UNAVAILABLE, "token.failed"},
        {FIND_INIT, CKR_DEVICE_REMOVED, AM_E_UNAVAILABLE, "token.removed"},
    };
    struct diag d;
    (void)state;
    diag_init(&d);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        fresh_aes();
        fake.broken = bad[i].fn;
        fake.rv = bad[i].rv;
        assert_int_equal(sealed(0, "one", &d), bad[i].err);
        assert_true(says(&d, bad[i].code));
    }
    fresh_aes(); /* what it gives does not open */
    fake.flip = 1;
    assert_int_equal(sealed(0, "one", &d), AM_E_TAMPERED);
    for (unsigned long said = 1; said < 400; said += 99) { /* lengths that are none */
        fresh_aes();
        fake.crypt_said = said;
        assert_int_equal(sealed(0, "one", &d), AM_E_CRYPTO);
        assert_true(says(&d, "token.sealed"));
    }
    diag_release(&d);
}

/* A key file is thrown away when it is said to be another's: nothing but the tag says so.
 */
static void a_token_that_fails_is_no_wrong_seal(void **state)
{
    static const struct {
        enum fn fn;
        ck_rv_t rv;
        int err;
        const char *code;
    } bad[] = {
        {CRYPT, CKR_SESSION_HANDLE_INVALID, AM_E_UNAVAILABLE, "token.removed"},
        {CRYPT, CKR_SESSION_CLOSED, AM_E_UNAVAILABLE, "token.removed"},
        {CRYPT_INIT, CKR_KEY_HANDLE_INVALID, AM_E_UNAVAILABLE, "token.removed"},
        {CRYPT_INIT, CKR_USER_NOT_LOGGED_IN, AM_E_UNAUTHORIZED, "token.pin"},
        {CRYPT, CKR_HOST_MEMORY, AM_E_NOMEM, "token.failed"},
        {CRYPT_INIT, CKR_GENERAL_ERROR, AM_E_CRYPTO, "token.failed"},
        {CRYPT, CKR_GENERAL_ERROR, AM_E_TAMPERED, "token.sealed"},
    };
    struct diag d;
    (void)state;
    diag_init(&d);
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        fresh_aes();
        fake.open_broken = bad[i].fn;
        fake.rv = bad[i].rv;
        assert_int_equal(sealed(0, "one", &d), bad[i].err);
        assert_true(says(&d, bad[i].code));
    }
    diag_release(&d);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        TEST(a_signature_of_the_token_verifies_with_the_key),
        TEST(short_and_high_integers_survive_der),
        TEST(a_wrong_pin_is_tried_once),
        TEST(a_pin_is_asked_only_where_one_is_needed),
        TEST(a_token_is_found_by_label_by_slot_or_both),
        TEST(a_key_is_found_by_label_by_id_or_both),
        TEST(finding_again_replaces_the_key),
        TEST(the_public_half_is_a_point_or_a_certificate),
        TEST(a_key_that_asks_each_time_gets_the_pin_each_time),
        TEST(a_signature_by_another_key_does_not_come_out),
        TEST(a_token_pulled_out_at_any_call_is_said_so),
        TEST(every_answer_of_a_module_has_its_error),
        TEST(a_module_that_lies_about_sizes_is_refused),
        TEST(a_missing_or_foreign_library_is_no_module),
        TEST(what_a_token_seals_it_opens_and_no_more),
        TEST(a_token_that_seals_badly_is_refused),
        TEST(a_token_that_fails_is_no_wrong_seal),
        TEST(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(t, setup, teardown);
}
