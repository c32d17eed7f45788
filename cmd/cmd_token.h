/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_token -- PKCS#11 tokens on the command line, and the warehouse's key in one.
 *
 * A key file holds 64 hex digits (eds/eds.h), or an object that says which AES key of
 * which token sealed the key, and the key sealed:
 *
 *   {"module": PATH, "token": LABEL, "label": KEY, "pin_file": PATH, "sealed": HEX}
 *
 * It is its owner's alone (0600): whoever may write it names code that is run. */
#ifndef CMD_TOKEN_H
#define CMD_TOKEN_H

#include "cmd.h"
#include "crypto/crypto.h"
#include "eds/eds.h"

/* With the PIN of a file, else (NULL) of AMANE_PIN, which is wiped; else of its pad. */
AM_CHECK int cmd_token(struct crypto_token **out, const struct crypto_token_where *where,
                       const char *pin_file, struct diag *d);

struct cmd_token_key { /* NULL: not said */
    const char *module, *token, *label, *pin_file;
};
/* A new key in a new file, sealed by that token; AM_E_EXISTS. */
AM_CHECK int cmd_token_key_new(const char *path, const struct cmd_token_key *k,
                               struct diag *d);
/* The key of either kind of file: as eds_key_load(), and what the token answers. */
AM_CHECK int cmd_token_key_load(const char *path, uint8_t key[EDS_KEY], struct diag *d);

#endif
