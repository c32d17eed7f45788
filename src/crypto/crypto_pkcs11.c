/* SPDX-License-Identifier: Apache-2.0 */
/* Signing and sealing with a key that stays in a PKCS#11 token (OASIS PKCS #11 v2.40; v3
 * modules give the same table through C_GetFunctionList).
 *
 * We hash, the token makes the bare ECDSA (CKM_ECDSA): the mechanism every token has, and
 * a statement of any size costs it 32 bytes. What comes back is checked with the public
 * key before anybody sees it.
 *
 * Sealing is AES-GCM by an AES key of the token (CKM_AES_GCM), our nonce and 128-bit
 * tags; what was sealed is opened again before anybody relies on it.
 *
 * Values that a module hands over are sized by us: fixed buffers, and a length that does
 * not fit is a refusal. */
#define CRYPTOKI_GNU 1
#include <dlfcn.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

#include "crypto/crypto_priv.h"

enum {
    CRYPTO_TOKEN_MAGIC = 0x746f6b31,
    CRYPTO_SLOTS_MAX = 256,
    CRYPTO_ATTR_MAX = 255, /* label or id of a key */
    CRYPTO_X509_MAX = 16384
};

struct crypto_token {
    uint32_t magic;
    void *lib; /* of dlopen(); NULL when attached */
    struct ck_function_list *f;
    bool ready, in_session;
    ck_session_handle_t session;
    ck_object_handle_t key;
    bool pin_each_time; /* CKA_ALWAYS_AUTHENTICATE: such a key asks at each signature */
    struct crypto_key *pub;
    size_t pin_n;
    uint8_t pin[CRYPTO_PIN_MAX];
};

/* ---- what a module answers, as our errors
 * --------------------------------------------------- */
static const struct crypto_ckr {
    ck_rv_t rv;
    int err;
    const char *code, *text;
} crypto_ckr[] = {
    {CKR_PIN_INCORRECT, AM_E_UNAUTHORIZED, "token.pin", "wrong PIN"},
    {CKR_PIN_INVALID, AM_E_UNAUTHORIZED, "token.pin", "wrong PIN"},
    {CKR_PIN_LEN_RANGE, AM_E_UNAUTHORIZED, "token.pin", "wrong PIN"},
    {CKR_PIN_EXPIRED, AM_E_UNAUTHORIZED, "token.pin", "the PIN has expired"},
    {CKR_PIN_LOCKED, AM_E_UNAUTHORIZED, "token.pin", "the PIN is locked"},
    {CKR_USER_PIN_NOT_INITIALIZED, AM_E_UNAUTHORIZED, "token.pin", "no PIN was ever set"},
    {CKR_USER_NOT_LOGGED_IN, AM_E_UNAUTHORIZED, "token.pin", "a PIN is needed"},
    {CKR_FUNCTION_CANCELED, AM_E_UNAUTHORIZED, "token.pin", "cancelled at the token"},
    {CKR_TOKEN_NOT_PRESENT, AM_E_UNAVAILABLE, "token.removed", "the token was removed"},
    {CKR_TOKEN_NOT_RECOGNIZED, AM_E_UNAVAILABLE, "token.removed", "token not recognised"},
    {CKR_DEVICE_REMOVED, AM_E_UNAVAILABLE, "token.removed", "the token was removed"},
    {CKR_SESSION_CLOSED, AM_E_UNAVAILABLE, "token.removed", "the token was removed"},
    {CKR_SESSION_HANDLE_INVALID, AM_E_UNAVAILABLE, "token.removed",
     "the token was removed"},
    {CKR_OBJECT_HANDLE_INVALID, AM_E_UNAVAILABLE, "token.removed", "the key is gone"},
    {CKR_KEY_HANDLE_INVALID, AM_E_UNAVAILABLE, "token.removed", "the key is gone"},
    {CKR_DEVICE_ERROR, AM_E_UNAVAILABLE, "token.failed", "the token does not work"},
    {CKR_CRYPTOKI_ALREADY_INITIALIZED, AM_E_CONFLICT, "token.module",
     "the module is in use in this process"},
    {CKR_HOST_MEMORY, AM_E_NOMEM, "token.failed", "out of memory"},
    {CKR_MECHANISM_INVALID, AM_E_UNSUPPORTED, "token.key", "the token has no CKM_ECDSA"},
    {CKR_KEY_TYPE_INCONSISTENT, AM_E_UNSUPPORTED, "token.key", "no key for ECDSA"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, AM_E_FORBIDDEN, "token.key",
     "this key may not sign"},
};

static bool crypto_ckr_known(ck_rv_t rv)
{
    for (size_t i = 0; i < AM_LEN(crypto_ckr); i++)
        if (crypto_ckr[i].rv == rv)
            return true;
    return false;
}

static int crypto_token_fail(ck_rv_t rv, const char *doing, struct diag *d)
{
    for (size_t i = 0; i < AM_LEN(crypto_ckr); i++)
        if (crypto_ckr[i].rv == rv) {
            diag_err(d, doing, crypto_ckr[i].code, "%s", crypto_ckr[i].text);
            return crypto_ckr[i].err;
        }
    diag_err(d, doing, "token.failed", "the module answers 0x%lx", rv);
    return AM_E_CRYPTO;
}

/* ---- module and token
 * ------------------------------------------------------------------ */
/* Blank-padded, not NUL-terminated (PKCS #11 v2.40, 3.2). */
static bool crypto_token_named(const struct ck_token_info *info, const char *label)
{
    struct str s = {(const char *)info->label, sizeof info->label};
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    return str_eqc(s, label);
}

static bool crypto_token_is(struct crypto_token *t, ck_slot_id_t slot,
                            const struct crypto_token_where *where, ck_flags_t *flags)
{
    struct ck_token_info info;
    memset(&info, 0, sizeof info);
    if (where->slot >= 0 && slot != (ck_slot_id_t)where->slot)
        return false;
    if (t->f->C_GetTokenInfo(slot, &info) != CKR_OK)
        return false; /* pulled out meanwhile, or foreign: not the one */
    *flags = info.flags;
    return (info.flags & CKF_TOKEN_INITIALIZED) &&
           (!where->label || crypto_token_named(&info, where->label));
}

static int crypto_token_slot(struct crypto_token *t,
                             const struct crypto_token_where *where, ck_slot_id_t *slot,
                             ck_flags_t *flags, struct diag *d)
{
    ck_slot_id_t list[CRYPTO_SLOTS_MAX];
    unsigned long n = 0, found = 0;
    ck_flags_t fl = 0;
    /* Asking for the length is what makes a module look for new tokens. */
    ck_rv_t rv = t->f->C_GetSlotList(1, NULL, &n);
    n = AM_LEN(list);
    if (rv == CKR_OK)
        rv = t->f->C_GetSlotList(1, list, &n);
    if (rv != CKR_OK || n > AM_LEN(list))
        return crypto_token_fail(rv ? rv : CKR_GENERAL_ERROR, where->module, d);
    for (unsigned long i = 0; i < n; i++)
        if (crypto_token_is(t, list[i], where, &fl)) {
            *slot = list[i];
            *flags = fl;
            found++;
        }
    if (found == 1)
        return AM_OK;
    if (found) {
        diag_err(d, "--token", "token.several", "%lu tokens have the label \"%s\"", found,
                 where->label);
        return AM_E_CONFLICT;
    }
    if (where->slot >= 0)
        diag_err(d, "--slot", "token.absent", "no such token in slot %lld",
                 (long long)where->slot);
    else
        diag_err(d, "--token", "token.absent", "no token has the label \"%s\"",
                 where->label);
    return AM_E_NOTFOUND;
}

/* What the token says of its own counter, for who must decide whether to try again. */
static const char *crypto_token_tries(struct crypto_token *t, ck_slot_id_t slot)
{
    struct ck_token_info info;
    memset(&info, 0, sizeof info);
    if (t->f->C_GetTokenInfo(slot, &info) != CKR_OK)
        return NULL;
    return info.flags & CKF_USER_PIN_LOCKED      ? "the token is locked now"
           : info.flags & CKF_USER_PIN_FINAL_TRY ? "one try is left"
           : info.flags & CKF_USER_PIN_COUNT_LOW ? "few tries are left"
                                                 : NULL;
}

static int crypto_token_login(struct crypto_token *t, ck_slot_id_t slot, ck_flags_t flags,
                              struct diag *d)
{
    const char *tries;
    ck_rv_t rv;
    int err;
    if (!(flags & CKF_LOGIN_REQUIRED) && !t->pin_n)
        return AM_OK;
    if (flags & CKF_USER_PIN_LOCKED)
        return crypto_token_fail(CKR_PIN_LOCKED, "PIN", d);
    if (!t->pin_n && !(flags & CKF_PROTECTED_AUTHENTICATION_PATH))
        return crypto_token_fail(CKR_USER_NOT_LOGGED_IN, "PIN", d);
    rv = t->f->C_Login(t->session, CKU_USER, t->pin_n ? t->pin : NULL, t->pin_n);
    if (rv == CKR_OK)
        return AM_OK;
    err = crypto_token_fail(rv, "PIN", d);
    tries = err == AM_E_UNAUTHORIZED ? crypto_token_tries(t, slot) : NULL;
    if (tries)
        diag_err(d, "PIN", "token.tries", "%s", tries);
    return err;
}

static int crypto_token_start(struct crypto_token *t,
                              const struct crypto_token_where *where, struct diag *d)
{
    ck_slot_id_t slot = 0;
    ck_flags_t flags = 0;
    ck_rv_t rv;
    int err;
    if (t->f->version.major < 2 || t->f->version.major > 3) {
        diag_err(d, where->module, "token.module", "Cryptoki %u.%u is not known here",
                 t->f->version.major, t->f->version.minor);
        return AM_E_UNSUPPORTED;
    }
    rv = t->f->C_Initialize(NULL);
    if (rv != CKR_OK)
        return crypto_token_fail(rv, where->module, d);
    t->ready = true;
    err = crypto_token_slot(t, where, &slot, &flags, d);
    if (err)
        return err;
    rv = t->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
    if (rv != CKR_OK)
        return crypto_token_fail(rv, "session", d);
    t->in_session = true;
    return crypto_token_login(t, slot, flags, d);
}

int crypto_token_attach(struct crypto_token **out, struct ck_function_list *f,
                        const struct crypto_token_where *where, struct str pin,
                        struct diag *d)
{
    struct crypto_token *t;
    int err;
    am_assert(where->label || where->slot >= 0);
    if (pin.n > CRYPTO_PIN_MAX)
        return crypto_token_fail(CKR_PIN_LEN_RANGE, "PIN", d);
    t = am_calloc(1, sizeof *t);
    if (!t)
        return AM_E_NOMEM;
    t->magic = CRYPTO_TOKEN_MAGIC;
    t->f = f;
    t->pin_n = pin.n;
    if (pin.n)
        memcpy(t->pin, pin.p, pin.n);
    err = crypto_token_start(t, where, d);
    if (err) {
        crypto_token_free(t);
        return err;
    }
    *out = t;
    return AM_OK;
}

int crypto_token_open(struct crypto_token **out, const struct crypto_token_where *where,
                      struct str pin, struct diag *d)
{
    CK_C_GetFunctionList get = NULL;
    struct ck_function_list *f = NULL;
    void *sym, *lib = dlopen(where->module, RTLD_NOW | RTLD_LOCAL);
    ck_rv_t rv;
    int err;
    if (!lib) {
        diag_err(d, "--pkcs11", "token.module", "%s", dlerror());
        return AM_E_NOTFOUND;
    }
    sym = dlsym(lib, "C_GetFunctionList");
    if (!sym) {
        diag_err(d, where->module, "token.module", "not a PKCS#11 module");
        dlclose(lib);
        return AM_E_UNSUPPORTED;
    }
    memcpy(&get, &sym, sizeof sym); /* POSIX: a symbol is a function's address */
    rv = get(&f);
    if (rv != CKR_OK || !f)
        err = crypto_token_fail(rv ? rv : CKR_GENERAL_ERROR, where->module, d);
    else
        err = crypto_token_attach(out, f, where, pin, d);
    if (err)
        dlclose(lib);
    else
        (*out)->lib = lib;
    return err;
}

void crypto_token_free(struct crypto_token *t)
{
    void *lib;
    if (!t)
        return;
    am_assert(t->magic == CRYPTO_TOKEN_MAGIC);
    if (t->in_session)
        (void)t->f->C_CloseSession(t->session); /* the last one: this is also a logout */
    if (t->ready)
        (void)t->f->C_Finalize(NULL);
    crypto_key_free(t->pub);
    lib = t->lib;
    crypto_wipe(t, sizeof *t);
    free(t);
    if (lib)
        dlclose(lib);
}

/* ---- objects
 * ---------------------------------------------------------------------------- */
/* One attribute into out; *n = 0 when the object has none or keeps it secret. */
static ck_rv_t crypto_token_attr(struct crypto_token *t, ck_object_handle_t object,
                                 ck_attribute_type_t type, void *out, size_t size,
                                 size_t *n)
{
    struct ck_attribute a = {.type = type, .value = out, .value_len = size};
    ck_rv_t rv = t->f->C_GetAttributeValue(t->session, object, &a, 1);
    *n = rv == CKR_OK && a.value_len <= size ? a.value_len : 0;
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
                   rv == CKR_BUFFER_TOO_SMALL
               ? CKR_OK
               : rv;
}

struct crypto_search { /* what C_FindObjectsInit() compares; it wants writable memory */
    struct ck_attribute a[4];
    unsigned long n;
    ck_object_class_t class;
    ck_key_type_t type;
    uint8_t label[CRYPTO_ATTR_MAX], id[CRYPTO_ATTR_MAX];
};

static void crypto_search_add(struct crypto_search *s, ck_attribute_type_t type, void *at,
                              size_t n)
{
    am_assert(s->n < AM_LEN(s->a));
    s->a[s->n++] = (struct ck_attribute){.type = type, .value = at, .value_len = n};
}

static void crypto_search_init(struct crypto_search *s, ck_object_class_t class,
                               ck_key_type_t type, struct str label, struct str id)
{
    am_assert(label.n <= sizeof s->label && id.n <= sizeof s->id);
    s->n = 0;
    s->class = class;
    s->type = type;
    crypto_search_add(s, CKA_CLASS, &s->class, sizeof s->class);
    if (class != CKO_CERTIFICATE)
        crypto_search_add(s, CKA_KEY_TYPE, &s->type, sizeof s->type);
    if (label.n) {
        memcpy(s->label, label.p, label.n);
        crypto_search_add(s, CKA_LABEL, s->label, label.n);
    }
    if (id.n) {
        memcpy(s->id, id.p, id.n);
        crypto_search_add(s, CKA_ID, s->id, id.n);
    }
}

/* At most two objects: whoever wants one must know whether there are more. */
static ck_rv_t crypto_search_run(struct crypto_search *s, struct crypto_token *t,
                                 ck_object_handle_t found[2], unsigned long *n)
{
    ck_rv_t rv = t->f->C_FindObjectsInit(t->session, s->a, s->n), end;
    *n = 0;
    if (rv != CKR_OK)
        return rv;
    while (rv == CKR_OK && *n < 2) {
        unsigned long k = 0;
        rv = t->f->C_FindObjects(t->session, found + *n, 2 - *n, &k);
        if (rv == CKR_OK && k > 2 - *n)
            rv = CKR_GENERAL_ERROR;
        if (rv != CKR_OK || k == 0)
            break;
        *n += k;
    }
    end = t->f->C_FindObjectsFinal(t->session);
    return rv ? rv : end;
}

/* CKA_EC_POINT is an uncompressed point in a DER OCTET STRING (v2.40, 2.3.3); some tokens
 * leave the wrapping out. */
static int crypto_token_point(struct crypto_token *t, ck_object_handle_t object,
                              struct crypto_key **pub, struct diag *d)
{
    uint8_t p[CRYPTO_ATTR_MAX];
    size_t n = 0;
    ck_rv_t rv = crypto_token_attr(t, object, CKA_EC_POINT, p, sizeof p, &n);
    if (rv != CKR_OK)
        return crypto_token_fail(rv, "public key", d);
    if (n == 67 && p[0] == 0x04 && p[1] == 65 && p[2] == 0x04)
        return crypto_key_from_p256(pub, p + 3);
    if (n == 65 && p[0] == 0x04)
        return crypto_key_from_p256(pub, p + 1);
    return AM_E_UNSUPPORTED;
}

static int crypto_token_cert(struct crypto_token *t, ck_object_handle_t object,
                             struct crypto_key **pub, struct diag *d)
{
    uint8_t der[CRYPTO_X509_MAX];
    const uint8_t *p = der;
    size_t n = 0;
    EVP_PKEY *pkey;
    X509 *x;
    ck_rv_t rv = crypto_token_attr(t, object, CKA_VALUE, der, sizeof der, &n);
    int err;
    if (rv != CKR_OK)
        return crypto_token_fail(rv, "certificate", d);
    x = d2i_X509(NULL, &p, (long)n);
    pkey = x ? X509_get_pubkey(x) : NULL;
    err = pkey ? crypto_key_wrap(pub, pkey, false) : crypto_fail(AM_E_UNSUPPORTED);
    X509_free(x);
    return err;
}

/* The public half: the object of the same id (of the same label where the key has no id),
 * else the certificate of that id, which is all that many cards hold. That it is the
 * right one shows when a signature verifies. */
static int crypto_token_public(struct crypto_token *t, struct str label, struct str id,
                               struct crypto_key **pub, struct diag *d)
{
    static const ck_object_class_t class[] = {CKO_PUBLIC_KEY, CKO_CERTIFICATE};
    struct crypto_search s;
    ck_object_handle_t found[2];
    unsigned long n;
    int err = AM_E_NOTFOUND;
    for (size_t i = 0; i < AM_LEN(class) && (id.n || label.n); i++) {
        ck_rv_t rv;
        crypto_search_init(&s, class[i], CKK_EC, id.n ? STR_NULL : label, id);
        rv = crypto_search_run(&s, t, found, &n);
        if (rv != CKR_OK)
            return crypto_token_fail(rv, "public key", d);
        if (n == 0)
            continue;
        err = class[i] == CKO_PUBLIC_KEY ? crypto_token_point(t, found[0], pub, d)
                                         : crypto_token_cert(t, found[0], pub, d);
        break;
    }
    if (err == AM_E_NOTFOUND)
        diag_err(d, "public key", "token.public",
                 "neither a public key nor a certificate stands beside the private key");
    else if (err == AM_E_UNSUPPORTED || err == AM_E_SYNTAX)
        diag_err(d, "public key", "token.public", "not a plain point of P-256");
    return err;
}

/* Reads what we must know of a private key: its curve, its public half, its manners. */
static int crypto_token_take(struct crypto_token *t, ck_object_handle_t object,
                             struct crypto_key **pub, bool *each_time, struct diag *d)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
                                   0x3d, 0x03, 0x01, 0x07}; /* OID prime256v1, RFC 5480 */
    uint8_t params[CRYPTO_ATTR_MAX], id[CRYPTO_ATTR_MAX], label[CRYPTO_ATTR_MAX], yes = 0;
    size_t params_n = 0, id_n = 0, label_n = 0, yes_n = 0;
    ck_rv_t rv =
        crypto_token_attr(t, object, CKA_EC_PARAMS, params, sizeof params, &params_n);
    if (rv == CKR_OK)
        rv = crypto_token_attr(t, object, CKA_ID, id, sizeof id, &id_n);
    if (rv == CKR_OK)
        rv = crypto_token_attr(t, object, CKA_LABEL, label, sizeof label, &label_n);
    if (rv == CKR_OK)
        rv = crypto_token_attr(t, object, CKA_ALWAYS_AUTHENTICATE, &yes, 1, &yes_n);
    if (rv != CKR_OK)
        return crypto_token_fail(rv, "private key", d);
    if (params_n != sizeof p256 || memcmp(params, p256, sizeof p256) != 0) {
        diag_err(d, "private key", "token.key",
                 "statements are signed with a P-256 key; this one is of another curve");
        return AM_E_UNSUPPORTED;
    }
    *each_time = yes_n == 1 && yes != 0;
    return crypto_token_public(t, (struct str){(const char *)label, label_n},
                               (struct str){(const char *)id, id_n}, pub, d);
}

int crypto_token_find(struct crypto_token *t, struct str label, struct str id,
                      const struct crypto_key **pub, struct diag *d)
{
    struct crypto_search s;
    struct crypto_key *k = NULL;
    ck_object_handle_t found[2];
    unsigned long n = 0;
    bool each_time = false;
    ck_rv_t rv;
    int err;
    am_assert(t->magic == CRYPTO_TOKEN_MAGIC);
    if (label.n <= CRYPTO_ATTR_MAX && id.n <= CRYPTO_ATTR_MAX) { /* else nothing has it */
        crypto_search_init(&s, CKO_PRIVATE_KEY, CKK_EC, label, id);
        rv = crypto_search_run(&s, t, found, &n);
        if (rv != CKR_OK)
            return crypto_token_fail(rv, "private key", d);
    }
    if (n != 1) {
        diag_err(d, "private key", n ? "token.keys" : "token.key",
                 n ? "several such keys: give label and id"
                   : "no elliptic-curve private key of that label or id in the token");
        return n ? AM_E_CONFLICT : AM_E_NOTFOUND;
    }
    err = crypto_token_take(t, found[0], &k, &each_time, d);
    if (err)
        return err;
    crypto_key_free(t->pub);
    t->pub = k;
    t->key = found[0];
    t->pin_each_time = each_time;
    *pub = k;
    return AM_OK;
}

/* ---- signing
 * ---------------------------------------------------------------------------- */
/* r || s, 32 bytes each, as SEQUENCE { INTEGER r, INTEGER s } (RFC 3279, 2.2.3). */
static int crypto_der_of_raw(const uint8_t raw[64], uint8_t der[80], size_t *n)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    uint8_t *p = der;
    int k = 0;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        r = s = NULL;
        k = i2d_ECDSA_SIG(sig, NULL);
        k = k > 0 && k <= 80 ? i2d_ECDSA_SIG(sig, &p) : 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    *n = k > 0 ? (size_t)k : 0;
    return k > 0 ? AM_OK : crypto_fail(AM_E_NOMEM);
}

static int crypto_token_raw(struct crypto_token *t, const uint8_t digest[CRYPTO_SHA256],
                            uint8_t raw[64], struct diag *d)
{
    struct ck_mechanism m = {.mechanism = CKM_ECDSA};
    uint8_t in[CRYPTO_SHA256];
    unsigned long n = 64;
    ck_rv_t rv = t->f->C_SignInit(t->session, &m, t->key);
    memcpy(in, digest, sizeof in);
    if (rv == CKR_OK && t->pin_each_time)
        rv = t->f->C_Login(t->session, CKU_CONTEXT_SPECIFIC, t->pin_n ? t->pin : NULL,
                           t->pin_n);
    if (rv == CKR_OK)
        rv = t->f->C_Sign(t->session, in, sizeof in, raw, &n);
    if (rv != CKR_OK)
        return crypto_token_fail(rv, "signature", d);
    if (n == 64)
        return AM_OK;
    diag_err(d, "signature", "token.signature", "%lu bytes, not 64", n);
    return AM_E_CRYPTO;
}

int crypto_token_sign(struct crypto_token *t, struct str data, struct buf *sig,
                      struct diag *d)
{
    uint8_t digest[CRYPTO_SHA256], raw[64], der[80];
    size_t n = 0;
    int err;
    am_assert(t->magic == CRYPTO_TOKEN_MAGIC && t->pub); /* a key was found before */
    crypto_sha256(data, digest);
    err = crypto_token_raw(t, digest, raw, d);
    if (!err)
        err = crypto_der_of_raw(raw, der, &n);
    if (err)
        return err;
    err = crypto_verify(t->pub, data, (struct str){(const char *)der, n});
    if (err == AM_E_TAMPERED)
        diag_err(d, "signature", "token.signature",
                 "does not verify with the public key beside the private key");
    return err ? err : buf_add(sig, (struct str){(const char *)der, n});
}

/* ---- sealing
 * ---------------------------------------------------------------------------- */
enum { CRYPTO_GCM_NONCE = 12, CRYPTO_GCM_TAG = 16 };

static int crypto_token_aes(struct crypto_token *t, struct str label, struct str id,
                            ck_object_handle_t *key, struct diag *d)
{
    struct crypto_search s;
    ck_object_handle_t found[2];
    unsigned long n = 0;
    ck_rv_t rv;
    am_assert(t->magic == CRYPTO_TOKEN_MAGIC);
    if (label.n <= CRYPTO_ATTR_MAX && id.n <= CRYPTO_ATTR_MAX) {
        crypto_search_init(&s, CKO_SECRET_KEY, CKK_AES, label, id);
        rv = crypto_search_run(&s, t, found, &n);
        if (rv != CKR_OK)
            return crypto_token_fail(rv, "AES key", d);
    }
    if (n != 1) {
        diag_err(d, "AES key", n ? "token.keys" : "token.aes",
                 n ? "several such keys: give label and id" : "none of that label or id");
        return n ? AM_E_CONFLICT : AM_E_NOTFOUND;
    }
    *key = found[0];
    return AM_OK;
}

/* One call of the token: encrypting (in -> in + tag) or decrypting. */
static int crypto_token_gcm(struct crypto_token *t, ck_object_handle_t key, bool open,
                            const uint8_t nonce[CRYPTO_GCM_NONCE], struct str aad,
                            struct str in, uint8_t out[CRYPTO_TOKEN_SEALED], size_t *n,
                            struct diag *d)
{
    uint8_t iv[CRYPTO_GCM_NONCE], more[64], text[CRYPTO_TOKEN_SEALED];
    struct ck_gcm_params p = {.iv_ptr = iv,
                              .iv_len = sizeof iv,
                              .iv_bits = 8 * sizeof iv,
                              .aad_ptr = more,
                              .aad_len = aad.n,
                              .tag_bits = 8 * CRYPTO_GCM_TAG};
    struct ck_mechanism m = {CKM_AES_GCM, &p, sizeof p};
    unsigned long said = CRYPTO_TOKEN_SEALED;
    bool begun;
    ck_rv_t rv;
    am_assert(aad.n <= sizeof more && in.n <= sizeof text);
    memcpy(iv, nonce, sizeof iv); /* a module wants writable memory */
    memcpy(more, aad.p, aad.n);
    memcpy(text, in.p, in.n);
    rv = open ? t->f->C_DecryptInit(t->session, &m, key)
              : t->f->C_EncryptInit(t->session, &m, key);
    begun = rv == CKR_OK;
    if (begun)
        rv = open ? t->f->C_Decrypt(t->session, text, in.n, out, &said)
                  : t->f->C_Encrypt(t->session, text, in.n, out, &said);
    crypto_wipe(text, sizeof text);
    *n = rv == CKR_OK && said <= CRYPTO_TOKEN_SEALED ? said : 0;
    if (rv == CKR_OK)
        return AM_OK;
    if (rv == CKR_MECHANISM_INVALID || rv == CKR_KEY_FUNCTION_NOT_PERMITTED ||
        rv == CKR_KEY_TYPE_INCONSISTENT || rv == CKR_KEY_SIZE_RANGE) {
        diag_err(d, "AES key", "token.aes", "0x%lx", rv);
        return AM_E_UNSUPPORTED;
    }
    /* "Not sealed by this key" has people throw their key file away: it is said of what
     * was deciphered, not of a token that was pulled out or closed its session. Modules
     * say a tag that does not fit in several ways. */
    if (!open || !begun || crypto_ckr_known(rv))
        return crypto_token_fail(rv, "AES key", d);
    diag_err(d, "AES key", "token.sealed", "0x%lx", rv);
    return AM_E_TAMPERED;
}

int crypto_token_unseal(struct crypto_token *t, struct str label, struct str id,
                        struct str aad, struct str sealed, struct buf *out,
                        struct diag *d)
{
    uint8_t plain[CRYPTO_TOKEN_SEALED];
    ck_object_handle_t key = 0;
    size_t n = 0;
    int err = crypto_token_aes(t, label, id, &key, d);
    if (err)
        return err;
    if (sealed.n < CRYPTO_GCM_NONCE + CRYPTO_GCM_TAG || sealed.n > CRYPTO_TOKEN_SEALED) {
        diag_err(d, "AES key", "token.sealed", "%zu bytes", sealed.n);
        return AM_E_TAMPERED;
    }
    err = crypto_token_gcm(t, key, true, (const uint8_t *)sealed.p, aad,
                           str_sub(sealed, CRYPTO_GCM_NONCE, sealed.n), plain, &n, d);
    if (!err && n != sealed.n - CRYPTO_GCM_NONCE - CRYPTO_GCM_TAG) {
        diag_err(d, "AES key", "token.sealed", "%zu bytes", n);
        err = AM_E_TAMPERED;
    }
    if (!err)
        err = buf_add(out, (struct str){(const char *)plain, n});
    crypto_wipe(plain, sizeof plain);
    return err;
}

int crypto_token_seal(struct crypto_token *t, struct str label, struct str id,
                      struct str aad, struct str plain, struct buf *out, struct diag *d)
{
    uint8_t all[CRYPTO_GCM_NONCE + CRYPTO_TOKEN_SEALED];
    ck_object_handle_t key = 0;
    struct buf again;
    size_t n = 0;
    int err = crypto_token_aes(t, label, id, &key, d);
    am_assert(plain.n + CRYPTO_GCM_NONCE + CRYPTO_GCM_TAG <= CRYPTO_TOKEN_SEALED);
    if (!err)
        err = crypto_random(all, CRYPTO_GCM_NONCE);
    if (!err)
        err = crypto_token_gcm(t, key, false, all, aad, plain, all + CRYPTO_GCM_NONCE, &n,
                               d);
    if (err)
        return err;
    buf_init(&again, CRYPTO_TOKEN_SEALED);
    err = n != plain.n + CRYPTO_GCM_TAG
              ? AM_E_CRYPTO
              : crypto_token_unseal(t, label, id, aad,
                                    (struct str){(const char *)all, CRYPTO_GCM_NONCE + n},
                                    &again, d);
    if (err == AM_E_CRYPTO || (!err && !str_eq(buf_str(&again), plain))) {
        diag_err(d, "AES key", "token.sealed", "%zu bytes", n);
        err = AM_E_CRYPTO;
    }
    buf_wipe(&again);
    return err ? err
               : buf_add(out, (struct str){(const char *)all, CRYPTO_GCM_NONCE + n});
}
