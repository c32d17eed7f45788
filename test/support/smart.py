# SPDX-License-Identifier: Apache-2.0
"""Keys and client assertions of SMART Backend Services, by python3-cryptography: an independent hand.

smart.py keys DIR               DIR/rs.pem, DIR/es.pem, DIR/jwks.json
smart.py sign PEM ALG CLAIMS    a compact JWS; ALG RS384 or ES384; kid "rs" or "es"
"""
import base64, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


def keys(folder):
    made = {"rs": rsa.generate_private_key(65537, 2048), "es": ec.generate_private_key(ec.SECP384R1())}
    for name, key in made.items():
        with open(f"{folder}/{name}.pem", "wb") as f:
            f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    r, e = made["rs"].public_key().public_numbers(), made["es"].public_key().public_numbers()
    jwks = {"keys": [{"kty": "RSA", "kid": "rs", "alg": "RS384", "n": number(r.n), "e": number(r.e)},
                     {"kty": "EC", "kid": "es", "alg": "ES384", "crv": "P-384", "x": number(e.x, 48), "y": number(e.y, 48)}]}
    with open(f"{folder}/jwks.json", "w") as f:
        json.dump(jwks, f)


def sign(pem, alg, claims):
    with open(pem, "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    head = {"alg": alg, "kid": "rs" if isinstance(key, rsa.RSAPrivateKey) else "es", "typ": "JWT"}
    text = b64(json.dumps(head).encode()) + "." + b64(claims.encode())
    if alg == "none":
        return text + "." + b64(b"x")
    digest = hashes.SHA256() if alg.endswith("256") else hashes.SHA384()
    if isinstance(key, rsa.RSAPrivateKey):
        sig = key.sign(text.encode(), padding.PKCS1v15(), digest)
    else:
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(digest)))
        sig = r.to_bytes(48, "big") + s.to_bytes(48, "big")
    return text + "." + b64(sig)


if __name__ == "__main__":
    if sys.argv[1] == "keys":
        keys(sys.argv[2])
    else:
        print(sign(*sys.argv[2:5]))
