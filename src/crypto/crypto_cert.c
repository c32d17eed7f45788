/* SPDX-License-Identifier: Apache-2.0 */
/* X.509: a self-signed server certificate, and the two facts we read from one. */
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/clock.h"
#include "crypto/crypto_priv.h"

enum { CRYPTO_CERT_PEM_MAX = 1 << 20, CRYPTO_CN_MAX = 64, CRYPTO_DNS_MAX = 253 };

static bool crypto_dns_ok(const char *s)
{
    size_t n = strlen(s);
    return n && n <= CRYPTO_DNS_MAX &&
           strspn(s,
                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*") ==
               n;
}

/* Built by hand, not from a configuration string: a comma in a name must stay a comma. */
static bool crypto_add_name(GENERAL_NAMES *names, const char *text)
{
    uint8_t ip[16];
    int n = inet_pton(AF_INET, text, ip) == 1    ? 4
            : inet_pton(AF_INET6, text, ip) == 1 ? 16
                                                 : 0;
    ASN1_STRING *v = n ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    GENERAL_NAME *g = GENERAL_NAME_new();
    if (!v || !g || !ASN1_STRING_set(v, n ? (const void *)ip : text, n ? n : -1)) {
        ASN1_STRING_free(v);
        GENERAL_NAME_free(g);
        return false;
    }
    GENERAL_NAME_set0_value(g, n ? GEN_IPADD : GEN_DNS, v);
    if (sk_GENERAL_NAME_push(names, g) > 0)
        return true;
    GENERAL_NAME_free(g);
    return false;
}

static bool crypto_add_names(X509 *x, const char *const *dns_or_ip, size_t n)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    bool ok = names != NULL;
    for (size_t i = 0; ok && i < n; i++)
        ok = crypto_add_name(names, dns_or_ip[i]);
    if (ok && n)
        ok = X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    return ok;
}

static bool crypto_add_ext(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;
    bool ok;
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool crypto_fill_cert(X509 *x, EVP_PKEY *pkey, const char *cn, int days)
{
    uint8_t serial[16];
    BIGNUM *b;
    X509_NAME *name = X509_get_subject_name(x);
    int64_t now = time_now() / TIME_SECOND;
    bool ok;
    if (crypto_random(serial, sizeof serial))
        return false;
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, full length */
    b = BN_bin2bn(serial, sizeof serial, NULL);
    ok = b && BN_to_ASN1_INTEGER(b, X509_get_serialNumber(x)) != NULL;
    BN_free(b);
    /* An hour back: the peer's clock may be late. */
    return ok && X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now - 3600)) &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(now + (int64_t)days * 86400)) &&
           X509_set_pubkey(x, pkey) == 1 &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                      (const uint8_t *)cn, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1 &&
           crypto_add_ext(x, NID_basic_constraints, "critical,CA:FALSE") &&
           crypto_add_ext(x, NID_key_usage, "critical,digitalSignature") &&
           crypto_add_ext(x, NID_ext_key_usage, "serverAuth,clientAuth") &&
           crypto_add_ext(x, NID_subject_key_identifier, "hash");
}

int crypto_cert_self(const struct crypto_key *k, const char *common_name,
                     const char *const *dns_or_ip, size_t n, int days, struct buf *pem)
{
    EVP_PKEY *pkey = crypto_key_pkey(k);
    char *text = NULL;
    BIO *bio;
    X509 *x;
    int err = AM_E_CRYPTO;
    if (!k->private)
        return AM_E_FORBIDDEN;
    if (!common_name[0] || strlen(common_name) > CRYPTO_CN_MAX || days < 1 ||
        days > 36500)
        return AM_E_INVALID;
    for (size_t i = 0; i < n; i++) {
        uint8_t ip[16];
        if (inet_pton(AF_INET6, dns_or_ip[i], ip) != 1 && !crypto_dns_ok(dns_or_ip[i]))
            return AM_E_INVALID;
    }
    x = X509_new();
    bio = BIO_new(BIO_s_mem());
    if (x && bio && crypto_fill_cert(x, pkey, common_name, days) &&
        crypto_add_names(x, dns_or_ip, n) &&
        X509_sign(x, pkey, k->alg == CRYPTO_P256 ? EVP_sha256() : NULL) > 0 &&
        PEM_write_bio_X509(bio, x) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        err = buf_add(pem, (struct str){text, (size_t)len});
    }
    BIO_free(bio);
    X509_free(x);
    return err ? crypto_fail(err) : AM_OK;
}

int crypto_cert_info(struct str pem, uint8_t sha256[CRYPTO_SHA256], int64_t *not_after_at)
{
    struct tm tm = {0};
    uint8_t *der = NULL;
    BIO *bio;
    X509 *x;
    int n;
    if (pem.n > CRYPTO_CERT_PEM_MAX)
        return AM_E_TOOBIG;
    bio = BIO_new_mem_buf(pem.n ? pem.p : "", (int)pem.n);
    x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!x)
        return crypto_fail(AM_E_SYNTAX);
    n = i2d_X509(x, &der);
    if (n <= 0 || ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1) {
        OPENSSL_free(der);
        X509_free(x);
        return crypto_fail(AM_E_SYNTAX);
    }
    crypto_sha256((struct str){(const char *)der, (size_t)n}, sha256);
    *not_after_at = (int64_t)timegm(&tm) * TIME_SECOND;
    OPENSSL_free(der);
    X509_free(x);
    return AM_OK;
}
