/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 for the handshake of RFC 6455 (http_ws_accept()), where it proves that a server
 * read the request and protects nothing. For nothing else: collisions of it are known. */
#ifndef CRYPTO_SHA1_H
#define CRYPTO_SHA1_H

#include "base/base.h"

enum { CRYPTO_SHA1 = 20 }; /* bytes */
AM_CHECK int crypto_sha1(struct str s, uint8_t out[CRYPTO_SHA1]);

#endif
