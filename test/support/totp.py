# SPDX-License-Identifier: Apache-2.0
"""The code an authenticator shows (RFC 6238): six digits, steps of 30 s."""
import base64
import hashlib
import hmac
import struct
import time


def code(secret, step):
    mac = hmac.new(base64.b32decode(secret), struct.pack('>Q', int(time.time()) // 30 + step), hashlib.sha1).digest()
    at = mac[19] & 15
    return '%06d' % ((struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000)
