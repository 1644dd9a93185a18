"""boto3 as a client of `serve`: loads credentials by the default chain, and again for each line on
standard input. Prints a line of JSON for each load: the access key id and the expiration, or the
error. Exits with 1 when the last load failed."""

import json
import sys

import boto3


def load(session):
    credentials = session.get_credentials()
    if credentials is None:
        raise LookupError("no provider of the default chain has credentials")
    access_key_id = credentials.get_frozen_credentials().access_key
    # The moment is told nowhere else.
    expiration = credentials._expiry_time
    return {
        "AccessKeyId": access_key_id,
        "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


session = boto3.Session()
while True:
    failed = False
    try:
        line = load(session)
    except Exception as error:
        line, failed = {"Error": f"{type(error).__name__}: {error}"}, True
    print(json.dumps(line), flush=True)
    if not sys.stdin.readline():
        sys.exit(failed)
