"""Reads a certificate with PyJWT alone: keys, type and status list come by HTTP from the issuer.

Question on standard input, as JSON: certificate, issuer, other, steps (the names of the four checks, in order).
Answer: an object that says of each step null, or what was wrong.
"""

import base64
import hashlib
import json
import sys
import urllib.request
import zlib

import jwt


def fetch(address, accept):
    request = urllib.request.Request(address, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers.get_content_type(), answer.read()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def demand(condition, sentence):
    if not condition:
        raise ValueError(sentence)


def published_keys(issuer):
    """SD-JWT VC section 4: the metadata must name the very issuer that was asked."""
    _, body = fetch(issuer + "/.well-known/jwt-vc-issuer", "application/json")
    metadata = json.loads(body)
    demand(metadata["issuer"] == issuer, "the metadata name another issuer")
    return {key["kid"]: jwt.PyJWK(key, algorithm="ES256").key for key in metadata["jwks"]["keys"]}


def verified(token, keys, typ, required):
    header = jwt.get_unverified_header(token)
    demand(header["typ"] == typ, "typ is %s" % header["typ"])
    demand(header["alg"] == "ES256", "alg is %s" % header["alg"])
    return jwt.decode(token, keys[header["kid"]], algorithms=["ES256"], options={"require": required})


def check_issuer(question, facts):
    keys = published_keys(question["issuer"])
    facts["issuer_jwt"], *facts["disclosures"], binding = question["certificate"].split("~")
    demand(binding == "", "there is a key binding where none was asked for")
    claims = verified(facts["issuer_jwt"], keys, "dc+sd-jwt", ["iss", "iat", "exp", "vct", "status"])
    demand(claims["iss"] == question["issuer"], "iss is another's")
    facts.update(keys=keys, claims=claims)


def check_disclosures(_question, facts):
    """RFC 9901 section 7.1: the digest is that of the text as it was sent."""
    claims = facts["claims"]
    demand(claims["_sd_alg"] == "sha-256", "another hash")
    digests = set(claims["_sd"])
    demand(len(digests) == len(claims["_sd"]), "a digest stands twice")
    names = set()
    for text in facts["disclosures"]:
        digest = hashlib.sha256(text.encode("ascii")).digest()
        demand(base64.urlsafe_b64encode(digest).rstrip(b"=").decode() in digests, "a disclosure without digest")
        salt, name, _value = json.loads(decoded(text))
        demand(len(decoded(salt)) >= 16, "a salt below 128 bits")
        names.add(name)
    demand(len(names) == len(facts["disclosures"]) >= 8, "the items are not all there")


def check_status(_question, facts):
    """Token Status List sections 4 and 8: least significant bit first, sub is the address."""
    reference = facts["claims"]["status"]["status_list"]
    kind, body = fetch(reference["uri"], "application/statuslist+jwt")
    demand(kind == "application/statuslist+jwt", "media type is %s" % kind)
    claims = verified(body.decode("ascii"), facts["keys"], "statuslist+jwt", ["sub", "iat", "exp"])
    demand(claims["sub"] == reference["uri"], "sub is another address")
    demand(claims["status_list"]["bits"] == 1, "not one bit per certificate")
    bits = zlib.decompress(decoded(claims["status_list"]["lst"]))
    demand(reference["idx"] < len(bits) * 8, "the index is out of bounds")
    demand(bits[reference["idx"] // 8] >> reference["idx"] % 8 & 1 == 0, "the certificate is not valid")


def check_refusal(question, facts):
    kid = jwt.get_unverified_header(facts["issuer_jwt"])["kid"]
    foreign = next(iter(published_keys(question["other"]).values()))
    try:
        verified(facts["issuer_jwt"], {kid: foreign}, "dc+sd-jwt", ["iss"])
    except jwt.InvalidSignatureError:
        return
    raise ValueError("accepted")


def main():
    question = json.load(sys.stdin)
    checks = [check_issuer, check_disclosures, check_status, check_refusal]
    facts, report = {}, {}
    for step, check in zip(question["steps"], checks):
        try:
            check(question, facts)
            report[step] = None
        except Exception as error:  # whatever it was, it is what the step is told to have failed with
            report[step] = "%s: %s" % (type(error).__name__, error)
    json.dump(report, sys.stdout)


main()
