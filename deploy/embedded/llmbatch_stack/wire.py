"""HTTP to the stack's own servers: JSON with a bearer token, and signed S3 requests. No proxy is ever used."""

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass

from llmbatch_stack.credentials import Credentials
from llmbatch_stack.settings import REGION, Settings

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Reply:
    """Status and body of an answer; status 0 means no answer, and the text is the error."""

    status: int
    text: str

    def json(self) -> dict[str, object]:
        """Return the body as an object; empty if it is not one."""
        try:
            parsed = json.loads(self.text)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


def call(
    url: str,
    *,
    method: str = "GET",
    token: str | None = None,
    body: object = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 5.0,
) -> Reply:
    """Send one request and return whatever comes back; it does not raise for a refused connection."""
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} if data is not None else {}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, data=data, method=method, headers=sent | (headers or {}))
    try:
        with _OPENER.open(request, timeout=timeout_s) as answer:
            return Reply(answer.status, answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.read().decode(errors="replace"))
    except OSError as error:
        return Reply(0, str(getattr(error, "reason", error)))
    except http.client.HTTPException as error:
        return Reply(0, f"{type(error).__name__}: {error}")


def call_s3(settings: Settings, credentials: Credentials, path: str, method: str = "GET") -> Reply:
    """Send one signed request to the stack's own SeaweedFS, e.g. `/llmbatch?list-type=2&max-keys=1`."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Keys

    request = AWSRequest(method=method, url=settings.s3_server_url + path)
    keys = Keys(credentials.s3_access_key, credentials.s3_secret_key)
    S3SigV4Auth(keys, "s3", REGION).add_auth(request)
    return call(settings.s3_server_url + path, method=method, headers=dict(request.headers.items()))
