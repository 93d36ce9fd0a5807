"""WireGuard key pairs (Curve25519, RFC 7748 §5), made here: a process for each would cost more than all that is tested."""
import base64
import os

PRIME = 2**255 - 19


def _multiply(scalar, u=9):
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = scalar >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % PRIME, b * b % PRIME, d * a % PRIME, c * b % PRIME
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % PRIME, u * (da - cb) ** 2 % PRIME
        x2, z2 = aa * bb % PRIME, e * (aa + 121665 * e) % PRIME
    if swap:
        x2, z2 = x3, z3
    return x2 * pow(z2, PRIME - 2, PRIME) % PRIME


class Key:
    def __init__(self):
        secret = bytearray(os.urandom(32))
        secret[0] &= 248
        secret[31] = secret[31] & 127 | 64
        self.secret = bytes(secret)
        self.private = base64.b64encode(secret).decode()
        self.raw_public = _multiply(int.from_bytes(secret, "little")).to_bytes(32, "little")
        self.public = base64.b64encode(self.raw_public).decode()


def random_public():
    """Of a peer that nobody is."""
    return base64.b64encode(os.urandom(32)).decode()
