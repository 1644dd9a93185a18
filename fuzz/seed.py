#!/usr/bin/env python3
"""Makes the seeds of every fuzz target from the fixtures: corpus/<target>/<name>."""

import base64
import json
import pathlib
import re

FUZZ = pathlib.Path(__file__).resolve().parent
VECTORS = FUZZ.parent / "fixtures" / "vectors"
BLOCK = re.compile(rb"-----BEGIN ([^-]+)-----\r?\n([A-Za-z0-9+/=\s]+)-----END \1-----")

ARNS = [
    "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/0a1b2c3d",
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/aaaabbbb",
    "arn:aws:iam::123456789012:role/path/name",
]
VARIABLES_AND_ENDPOINTS = [
    "http://user:password@proxy:8080\nhttp://rolesanywhere.us-east-1.amazonaws.com",
    "socks5h://proxy:1080\nhttps://127.0.0.1:8443/prefix?query#fragment",
    "localhost,.example.com,*.example.org:80,10.0.0.0/8,[fd00::1]:443\nhttp://[fd00::1]:443",
    "us-east-1",
]


def seed(target, name, content):
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def seed_pki():
    for path in sorted((VECTORS / "pki").iterdir()):
        content = path.read_bytes()
        if path.suffix not in (".crt", ".pem", ".key"):
            continue
        seed("pem", path.name, content)
        if path.suffix != ".key":
            seed("chain", path.name, content)
        leaf = path.with_name(path.name.split(".")[0] + ".crt")
        if ".intermediates" in path.name:
            seed("chain", path.name + ".leaf", leaf.read_bytes() + content)
        for label, body in BLOCK.findall(content):
            target = "private_key" if label.endswith(b"PRIVATE KEY") else "certificate"
            der = base64.b64decode(re.sub(rb"\s", b"", body) + b"==")
            name = f"{path.name}.{label.decode().replace(' ', '-')}"
            seed(target, name, der)
            seed("der", name, der)


def seed_create_session():
    for path in sorted((VECTORS / "create_session").glob("*.json")):
        case = json.loads(path.read_text())
        for response in case["server"].get("responses", []):
            seed("create_session_response", path.stem, response.get("body", "").encode())
        for request in case["expect"].get("requests") or []:
            if isinstance(request.get("headers"), list):
                seed("emulator_request", path.stem, as_http(request))


def as_http(request):
    lines = [f"{request['method']} {request['target']}"]
    lines += [f"{name}: {value}" for name, value in request["headers"]]
    return ("\r\n".join(lines) + "\r\n\r\n" + request["body"]).encode()


def seed_sts():
    credentials = "".join(
        f"<{name}>x</{name}>" for name in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]
    )
    result = f"<AssumedRoleUser><Arn>a</Arn></AssumedRoleUser><Credentials>{credentials}</Credentials>"
    for name, body in {
        "AssumeRole": result,
        "GetCallerIdentity": "<Arn>a</Arn><UserId>u</UserId><Account>1</Account>",
    }.items():
        xml = f"<{name}Response><{name}Result>{body}</{name}Result></{name}Response>"
        seed("sts_response", name, xml.encode())
    error = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>m</Message></Error></ErrorResponse>"
    seed("sts_response", "error", error.encode())


def seed_tpm():
    zeros = bytes(2)
    point = (b"\x00\x20" + bytes(32)) * 2
    public = bytes.fromhex("0023000b00040472") + zeros + bytes.fromhex("0010001000030010") + point
    seed("tpm", "public", public)
    seed("tpm", "response", bytes.fromhex("80010000000e00000000") + b"\x80\x00\x00\x00")
    sized = len(public).to_bytes(2, "big") + public
    oid = bytes.fromhex("06066781050a0103")
    parent = bytes.fromhex("020440000001")
    key = oid + bytes.fromhex("a003010101") + parent + b"\x04" + bytes([len(sized)]) + sized + b"\x04\x03\x00\x01x"
    seed("tpm", "key", b"\x30\x81" + bytes([len(key)]) + key)


def seed_signed_request():
    names = ["trustAnchorArn", "profileArn", "roleArn"]
    body = dict(zip(names[:2], ARNS)) | {"durationSeconds": 900, "roleSessionName": "name"}
    for length in range(2, 6):
        pem = (VECTORS / "pki" / f"chain{length}.intermediates.pem").read_bytes()
        chain = ",".join("".join(body.decode().split()) for _, body in BLOCK.findall(pem))
        text = f"{ARNS[2]}\napplication/json\n{chain}\n{json.dumps(body)}"
        seed("signed_request", f"chain{length}", text.encode())


def seed_arn_endpoint():
    for index, text in enumerate(ARNS + VARIABLES_AND_ENDPOINTS):
        seed("arn_endpoint", str(index), text.encode())


def seed_trust_policy():
    conditions = {
        "StringEquals": {"aws:PrincipalTag/x509Subject/CN": ["ci", "${aws:username}"]},
        "StringNotLikeIfExists": {"aws:PrincipalTag/x509SAN/DNS": "*.example.com"},
        "ArnEquals": {"aws:SourceArn": ARNS[0]},
        "Null": {"aws:SourceAccount": False},
    }
    for effect in ["Allow", "Deny"]:
        statement = {
            "Effect": effect,
            "Principal": {"Service": ["rolesanywhere.amazonaws.com"]},
            "Action": ["sts:*"],
            "Condition": conditions,
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        seed("trust_policy", effect, json.dumps(policy).encode())


def seed_uris():
    for index, text in enumerate([
        "pkcs11:token=a%20b;object=%c3%a9;id=%00%ff;type=cert?pin-value=1234",
        "pkcs11:model=m;manufacturer=x;serial=1;slot-description=d;slot-manufacturer=s;slot-id=7",
        "pkcs11:?pin-source=file:///p&module-name=softhsm2&module-path=/a/b.so",
        "pkcs11:library-version=3;x-own=y",
    ]):
        seed("pkcs11_uri", str(index), text.encode())


def seed_selectors():
    for path in sorted((VECTORS / "cli").glob("selector-*.json")):
        case = json.loads(path.read_text())
        text = case["args"][case["args"].index("--cert-selector") + 1]
        for file in case.get("files", [{"text": text}]):
            seed("selector", path.stem, file["text"].encode())


def seed_names():
    for path in sorted((VECTORS / "names").glob("*.json")):
        pem = (VECTORS / json.loads(path.read_text())["certificate"]).read_bytes()
        der = base64.b64decode(b"".join(BLOCK.findall(pem)[0][1].split()))
        seed("distinguished_name", path.stem, subject_of(der))


def seed_encrypted_keys():
    for folder in (VECTORS / "pki", VECTORS.parent / "keys"):
        for path in sorted(folder.glob("*.key")):
            content = path.read_bytes()
            for label, body in BLOCK.findall(content):
                if label == b"ENCRYPTED PRIVATE KEY":
                    seed("encrypted_key", path.stem, base64.b64decode(b"".join(body.split())))
            if dek_info := re.search(rb"DEK-Info: (.*)\r?\n\s*([A-Za-z0-9+/=\s]+)-----END", content):
                header, body = dek_info.groups()
                der = base64.b64decode(b"".join(body.split()))
                seed("encrypted_key", path.stem, header.ljust(52) + der)


def seed_pkcs12():
    for folder in (VECTORS / "pki", VECTORS.parent / "pkcs12"):
        for path in sorted(folder.glob("*.p12")):
            seed("pkcs12", path.stem, path.read_bytes())


def seed_identity_files():
    fixtures = VECTORS.parent
    for folder in (VECTORS / "pki", fixtures / "keys", fixtures / "pkcs12", fixtures / "chains"):
        for path in sorted(folder.iterdir()):
            if path.suffix not in (".crt", ".pem", ".key", ".p12"):
                continue
            content = path.read_bytes()
            seed("identity_files", f"{folder.name}.{path.name}", content)
            if path.suffix == ".p12":
                continue
            flat = content.replace(b"\n", b" ")
            seed("identity_files", f"{folder.name}.{path.name}.flat", flat)
            ders = [
                base64.b64decode(re.sub(rb"\s", b"", body) + b"==")
                for _, body in BLOCK.findall(content)
            ]
            for index, der in enumerate(ders):
                seed("identity_files", f"{folder.name}.{path.name}.{index}.der", der)
            if ders and path.suffix != ".key":
                file = pkcs7(b"".join(ders))
                text = base64.encodebytes(file)
                pem = b"-----BEGIN PKCS7-----\n" + text + b"-----END PKCS7-----\n"
                seed("identity_files", f"{folder.name}.{path.name}.p7b", file)
                seed("identity_files", f"{folder.name}.{path.name}.p7b.pem", pem)


def pkcs7(certificates):
    """SignedData that nobody signed (RFC 2315, 9.1)."""
    data = element(0x30, bytes.fromhex("06092a864886f70d010701"))
    parts = bytes.fromhex("0201013100") + data + element(0xA0, certificates) + b"\x31\x00"
    signed_data = element(0x30, parts)
    return element(0x30, bytes.fromhex("06092a864886f70d010702") + element(0xA0, signed_data))


def element(tag, content):
    return bytes([tag, 0x84]) + len(content).to_bytes(4, "big") + content


def seed_shown_text():
    texts = ["pki/ec256.key", "2030-01-01T13:00:00Z", "\u202ea\x1b[31m", "-----BEGIN", "30" * 40]
    for index, text in enumerate(texts):
        seed("shown_text", str(index), text.encode())


def seed_credentials_files():
    for path in sorted((VECTORS / "update").glob("*/before")):
        case = json.loads((path.parent / "case.json").read_text())
        name = path.parent.name
        file = case["profile"].encode() + b"\n" + path.read_bytes()
        # Longer ones only cost time.
        seed("credentials_file", name, file[:2048])


def seed_cache_entries():
    moment = {"wall_ms": 1893499200000, "boot_ms": 5000000}
    texts = dict.fromkeys(["access_key_id", "secret_access_key", "session_token"], "text")
    whole = {
        "key": "0123456789abcdef" * 4,
        "credentials": texts | {"expiration": "2030-01-01T13:00:00Z", "date": 1893499200},
        "set": {"received": moment, "life_ms": 3599000, "due_left_ms": 1200000},
        "call": {"ended": moment, "failures": 1, "wait_ms": 5000},
        "failure": "why",
    }
    empty = dict.fromkeys(whole) | {"key": whole["key"]}
    for name, entry in [("whole", whole), ("empty", empty)]:
        seed("cache_entry", name, json.dumps(entry, separators=(",", ":")).encode())


def seed_imds_requests():
    token = "A" * 64
    for path in sorted((VECTORS / "serve").glob("*.json")):
        case = json.loads(path.read_text())
        for index, step in enumerate(case.get("steps", [])):
            text = step.get("send", "").replace("{TOKEN}", token).replace("{SERVE_PORT}", "9911")
            seed("imds_request", f"{path.stem}.{index}", text.replace("{PAD}", "x").encode("latin-1"))
    for name, header in [("none", ""), ("token", "Authorization: token-of-the-fixtures-0123456789\r\n")]:
        head = f"GET /v1/credentials HTTP/1.1\r\nHost: 127.0.0.1:9911\r\n{header}\r\n"
        seed("container_request", name, head.encode())


def seed_emulator_forms():
    role = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fpath%2Fname&RoleSessionName=name"
    for name, more in [
        ("plain", ""),
        ("limits", "&DurationSeconds=3600&ExternalId=a%3Ab%2Fc&SourceIdentity=CN%3Dleaf"),
        ("policy", "&Policy=%7B%22Statement%22%3A%5B%5D%7D"),
        ("policy_arns", "&PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess"),
        ("tags", "&Tags.member.1.Key=a&Tags.member.1.Value=b+c&TransitiveTagKeys.member.1=a"),
    ]:
        seed("emulator_form", name, f"Action=AssumeRole&Version=2011-06-15&{role}{more}".encode())


def subject_of(certificate):
    """What comes after version, serial number, algorithm, issuer and validity."""
    at = start(certificate, start(certificate, 0))
    for _ in range(5):
        at = end(certificate, at)
    return certificate[at:end(certificate, at)]


def start(der, at):
    """Where the content of the element at `at` starts."""
    return at + 2 + (der[at + 1] & 0x7F if der[at + 1] & 0x80 else 0)


def end(der, at):
    first = start(der, at)
    length = der[at + 1]
    return first + (int.from_bytes(der[at + 2:first]) if length & 0x80 else length)


seed_pki()
seed_create_session()
seed_signed_request()
seed_sts()
seed_tpm()
seed_emulator_forms()
seed_arn_endpoint()
seed_uris()
seed_selectors()
seed_trust_policy()
seed_names()
seed_encrypted_keys()
seed_credentials_files()
seed_pkcs12()
seed_cache_entries()
seed_imds_requests()
seed_identity_files()
seed_shown_text()
