/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as PEM text and as files. Only "PRIVATE KEY", "ENCRYPTED PRIVATE KEY" (PBES2 with
 * PBKDF2) and "PUBLIC KEY" are read: the older forms have weak encryption or none. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "crypto/crypto_priv.h"

enum {
    CRYPTO_PBKDF2_ITERATIONS = 600000,       /* OWASP password storage, 2023 */
    CRYPTO_PBKDF2_ITERATIONS_MAX = 10000000, /* a hostile file must not cost an hour */
};

static int crypto_from_pkcs8(struct crypto_key **out, PKCS8_PRIV_KEY_INFO *info)
{
    EVP_PKEY *pkey = EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    if (!pkey)
        return crypto_fail(AM_E_UNSUPPORTED);
    return crypto_key_wrap(out, pkey, true);
}

/* PBES2 with PBKDF2 and a bounded count, else the file chooses how long we work. */
static int crypto_check_pbe(const X509_SIG *sig)
{
    const X509_ALGOR *alg;
    PBE2PARAM *pbe = NULL;
    PBKDF2PARAM *kdf = NULL;
    int err = AM_E_UNSUPPORTED;
    X509_SIG_get0(sig, &alg, NULL);
    if (OBJ_obj2nid(alg->algorithm) == NID_pbes2)
        pbe = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), alg->parameter);
    if (pbe && OBJ_obj2nid(pbe->keyfunc->algorithm) == NID_id_pbkdf2)
        kdf = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM),
                                        pbe->keyfunc->parameter);
    if (kdf) {
        int64_t n = 0;
        if (ASN1_INTEGER_get_int64(&n, kdf->iter) && n >= 1 &&
            n <= CRYPTO_PBKDF2_ITERATIONS_MAX)
            err = AM_OK;
    }
    PBKDF2PARAM_free(kdf);
    PBE2PARAM_free(pbe);
    return err ? crypto_fail(err) : AM_OK;
}

static int crypto_from_encrypted(struct crypto_key **out, const uint8_t *der, long n,
                                 struct str pass)
{
    const uint8_t *p = der;
    PKCS8_PRIV_KEY_INFO *info;
    X509_SIG *sig = d2i_X509_SIG(NULL, &p, n);
    int err;
    if (!sig || p != der + n) {
        X509_SIG_free(sig);
        return crypto_fail(AM_E_SYNTAX);
    }
    err = crypto_check_pbe(sig);
    if (err || !pass.n || pass.n > PEM_BUFSIZE) {
        X509_SIG_free(sig);
        return err ? err : AM_E_UNAUTHORIZED;
    }
    info = PKCS8_decrypt(sig, pass.p, (int)pass.n);
    X509_SIG_free(sig);
    if (!info) /* wrong pass phrase and damaged file look the same */
        return crypto_fail(AM_E_UNAUTHORIZED);
    return crypto_from_pkcs8(out, info);
}

static int crypto_from_plain(struct crypto_key **out, const uint8_t *der, long n)
{
    const uint8_t *p = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, n);
    if (!info || p != der + n) {
        PKCS8_PRIV_KEY_INFO_free(info);
        return crypto_fail(AM_E_SYNTAX);
    }
    return crypto_from_pkcs8(out, info);
}

int crypto_key_from_pem(struct crypto_key **out, struct str pem, struct str pass)
{
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    long n = 0;
    size_t left;
    BIO *bio;
    int err;
    if (pem.n > CRYPTO_PEM_MAX)
        return AM_E_TOOBIG;
    pem = str_trim(pem);
    if (!str_starts(pem, STR("-----BEGIN "))) /* no text before the key */
        return AM_E_SYNTAX;
    bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    if (!bio)
        return crypto_fail(AM_E_NOMEM);
    if (PEM_read_bio(bio, &name, &header, &der, &n) != 1) {
        BIO_free(bio);
        return crypto_fail(AM_E_SYNTAX);
    }
    left = BIO_ctrl_pending(bio);
    if (left || header[0]) /* nothing after it, no RFC 1421 headers */
        err = AM_E_SYNTAX;
    else if (str_eqc(STR("PUBLIC KEY"), name))
        err = crypto_key_from_spki(out, (struct str){(const char *)der, (size_t)n});
    else if (str_eqc(STR("PRIVATE KEY"), name))
        err = crypto_from_plain(out, der, n);
    else if (str_eqc(STR("ENCRYPTED PRIVATE KEY"), name))
        err = crypto_from_encrypted(out, der, n, pass);
    else
        err = AM_E_UNSUPPORTED;
    OPENSSL_clear_free(der, (size_t)n);
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(bio);
    return err;
}

/* AES-256-CBC under PBKDF2-HMAC-SHA256. NULL on failure. */
static X509_SIG *crypto_encrypt_pkcs8(PKCS8_PRIV_KEY_INFO *info, struct str pass)
{
    X509_SIG *sig;
    X509_ALGOR *pbe = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), CRYPTO_PBKDF2_ITERATIONS, NULL,
                                        16, NULL, NID_hmacWithSHA256);
    if (!pbe)
        return NULL;
    sig = PKCS8_set0_pbe(pass.p, (int)pass.n, info, pbe);
    if (!sig)
        X509_ALGOR_free(pbe);
    return sig;
}

static int crypto_take_bio(BIO *bio, struct buf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    return n <= 0 ? AM_E_CRYPTO : buf_add(out, (struct str){p, (size_t)n});
}

int crypto_key_to_pem(const struct crypto_key *k, struct buf *out, struct str pass)
{
    EVP_PKEY *pkey = crypto_key_pkey(k);
    PKCS8_PRIV_KEY_INFO *info = NULL;
    X509_SIG *sig = NULL;
    BIO *bio = NULL;
    int err = AM_E_CRYPTO;
    if (!k->private)
        return AM_E_FORBIDDEN;
    if (pass.p && (!pass.n || pass.n > PEM_BUFSIZE)) /* an empty one is a mistake */
        return AM_E_INVALID;
    info = EVP_PKEY2PKCS8(pkey);
    bio = BIO_new(BIO_s_mem());
    if (!info || !bio)
        goto end;
    if (pass.p) {
        sig = crypto_encrypt_pkcs8(info, pass);
        if (!sig || PEM_write_bio_PKCS8(bio, sig) != 1)
            goto end;
    } else if (PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) != 1) {
        goto end;
    }
    err = crypto_take_bio(bio, out);
end:
    X509_SIG_free(sig);
    PKCS8_PRIV_KEY_INFO_free(info);
    BIO_free(bio); /* wipes: BUF_MEM_free() uses OPENSSL_clear_free() */
    return err ? crypto_fail(err) : AM_OK;
}

int crypto_key_public_pem(const struct crypto_key *k, struct buf *out)
{
    EVP_PKEY *pkey = crypto_key_pkey(k);
    BIO *bio = BIO_new(BIO_s_mem());
    int err = AM_E_CRYPTO;
    if (bio && PEM_write_bio_PUBKEY(bio, pkey) == 1)
        err = crypto_take_bio(bio, out);
    BIO_free(bio);
    return err ? crypto_fail(err) : AM_OK;
}

/* link(2) refuses an existing name, rename(2) would replace a key that may be the last
 * copy; the temporary name makes the file appear whole. */
static int crypto_place(const char *path, struct str text)
{
    char tmp[PATH_MAX], copy[PATH_MAX];
    int err;
    if (snprintf(tmp, sizeof tmp, "%s.new.%ld", path, (long)getpid()) >= (int)sizeof tmp)
        return AM_E_TOOBIG;
    if (access(path, F_OK) == 0)
        return AM_E_EXISTS;
    err = am_file_write(tmp, text, 0600);
    if (err)
        return err;
    if (link(tmp, path))
        err = am_err_errno(errno);
    unlink(tmp);
    memcpy(copy, path, strlen(path) + 1); /* shorter than tmp */
    return err ? err : am_dir_sync(dirname(copy));
}

int crypto_key_save(const struct crypto_key *k, const char *path, struct str pass)
{
    struct buf pem, pub;
    char pub_path[PATH_MAX];
    int err;
    if (snprintf(pub_path, sizeof pub_path, "%s.pub", path) >= (int)sizeof pub_path)
        return AM_E_TOOBIG;
    buf_init(&pem, CRYPTO_PEM_MAX);
    buf_init(&pub, CRYPTO_PEM_MAX);
    err = buf_reserve(&pem, 4096); /* no realloc() may leave a copy of the key behind */
    if (!err)
        err = crypto_key_to_pem(k, &pem, pass);
    if (!err)
        err = crypto_key_public_pem(k, &pub);
    if (!err)
        err = crypto_place(path, buf_str(&pem));
    if (!err) {
        err = am_file_write(pub_path, buf_str(&pub), 0644);
        if (err)
            unlink(path);
    }
    buf_wipe(&pem);
    buf_release(&pub);
    return err;
}

/* Not am_file_read(): it would leave copies of the key in freed memory. */
int crypto_key_load(struct crypto_key **out, const char *path, struct str pass)
{
    char text[CRYPTO_PEM_MAX + 1];
    size_t n = 0;
    struct stat st;
    struct crypto_key *k = NULL;
    int err, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return am_err_errno(errno);
    err = fstat(fd, &st) ? am_err_errno(errno) : AM_OK;
    while (!err && n < sizeof text) {
        ssize_t r = read(fd, text + n, sizeof text - n);
        if (r == 0)
            break;
        if (r > 0)
            n += (size_t)r;
        else if (errno != EINTR)
            err = am_err_errno(errno);
    }
    close(fd);
    if (!err)
        err = crypto_key_from_pem(&k, (struct str){text, n}, pass);
    crypto_wipe(text, sizeof text);
    if (err)
        return err;
    am_assert(k);
    if (k->private && (st.st_mode & 077))
        LOG_W("crypto.key_mode", log_s("path", path), log_i("mode", st.st_mode & 0777));
    *out = k;
    return AM_OK;
}
