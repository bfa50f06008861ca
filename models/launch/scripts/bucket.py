"""Read files of a bucket that speaks S3's API, as OBS does: signed by version 4, from any byte on, refusals in words.

Of Python's standard library only. Proxies and `SSL_CERT_FILE` of the environment are heeded.
"""

from __future__ import annotations

import email.utils
import hashlib
import hmac
import http.client
import re
import socket
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Mapping, NoReturn, Optional, Tuple

if TYPE_CHECKING:
    from models.launch.scripts.verify import CHUNK, StepError
else:
    sys.path.insert(0, str(Path(__file__).parent))
    from verify import CHUNK, StepError

NOTHING = hashlib.sha256(b"").hexdigest()
"""Checksum of the body of a request that has none."""

HOST_FIRST = ("VirtualHostDomainRequired", "SecondLevelDomainForbidden", "PathStyleDomainForbidden")
"""How OBS, OSS and COS say that the bucket belongs into the host's name; others, as MinIO, have it in the path."""

OTHER_HOST = (62, 64)
"""How OpenSSL says that a certificate is for another host or address: `*` in one stands for no dots."""

PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Statuses of a server that has too much to do, or is started again."""

SLOWEST = 4 * 1024
"""Bytes a second that a connection has to give; one that gives less is made anew."""

Keys = Optional[Tuple[str, str]]


class PassingError(Exception):
    """What may be better in a moment."""

    def __init__(self, message: str, pause: float = 0) -> None:
        super().__init__(message)
        self.pause = pause


class OtherFileError(Exception):
    """What the bucket has is not what was asked for."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A signature is for one host only."""


class Bucket:
    """A bucket, or what lies below a prefix in it."""

    def __init__(self, endpoint: str, region: str, name: str, prefix: str, keys: Keys, timeout: float = 30) -> None:
        self._url = urllib.parse.urlsplit(endpoint)
        self._region, self._name, self._keys, self._timeout = region, name, keys, timeout
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._host_first = False
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self._opener = urllib.request.build_opener(_NoRedirect, tls)

    def read(self, name: str, start: int, size: int, take: Callable[[bytes], None]) -> None:
        """Hand over the bytes of a file from `start` on, as many as come.

        Args:
            name: Its name below the prefix.
            start: Bytes that are there already.
            size: Its size.
            take: Gets the bytes, a piece after the other.

        Raises:
            PassingError: The connection ended, or the server cannot answer now.
            OtherFileError: The file has another size.
            StepError: The server refuses.
        """
        with self._answer(name, start) as answer:
            _copy(answer, _beginning(answer, start, size), take, self._timeout)

    def _answer(self, name: str, start: int) -> Any:
        for _ in range(2):
            host_first = self._host_first
            request = self._request(name, start)
            try:
                return self._opener.open(request, timeout=self._timeout)
            except urllib.error.HTTPError as refused:
                with refused:
                    text = _text_of(refused)
                code = _element(text, "Code")
                if code in HOST_FIRST and not host_first:
                    self._host_first = True
                    continue
                self._refuse(refused, code, text, self._prefix + name)
            except (OSError, http.client.HTTPException) as broken:
                raise _broken(broken, request.host) from None
        raise PassingError("the bucket wants to be asked otherwise each time")

    def _request(self, name: str, start: int) -> urllib.request.Request:
        host, path = self._url.netloc, "/" + urllib.parse.quote(self._prefix + name, safe="/~")
        host, path = (f"{self._name}.{host}", path) if self._host_first else (host, f"/{self._name}{path}")
        headers = signed(host, path, self._region, self._keys, time.time()) if self._keys else {"Host": host}
        wanted = {"Range": f"bytes={start}-"} if start else {}
        url = f"{self._url.scheme}://{host}{path}"
        return urllib.request.Request(url, headers={**headers, **wanted, "User-Agent": "ascend-vllm"})  # noqa: S310  the stack file's address, http or https

    def _refuse(self, refused: urllib.error.HTTPError, code: str, text: str, key: str) -> NoReturn:
        status, said = refused.code, f"{refused.code} {code}".strip()
        if status in PASSING or code in ("RequestTimeout", "SlowDown", "InternalError", "TemporaryRedirect"):
            raise PassingError(f"the bucket answers {said}", _seconds(refused.headers.get("Retry-After")))
        if status == 416:
            raise OtherFileError("it is shorter in the bucket than in the manifest")
        if code in ("RequestTimeTooSkewed", "RequestExpired"):
            raise StepError(
                f"the bucket refuses the node's time ({code}): {_skew(refused)}", "set the node's clock (NTP)"
            )
        if 300 <= status < 400 or code in ("AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
            right = _element(text, "Endpoint") or refused.headers.get("x-amz-bucket-region") or _element(text, "Region")
            fix = f"correct model.source.endpoint and region{f': the bucket says {right}' if right else ''}"
            raise StepError(f"the bucket {self._name} is elsewhere ({said})", fix)
        if code == "NoSuchBucket":
            raise StepError(
                f"there is no bucket {self._name} at {self._url.netloc} (404)", "correct model.source.bucket"
            )
        if status == 404:
            fix = "upload it, correct model.source.prefix, or make the manifest anew"
            raise StepError(f"the bucket {self._name} has no file {key} ({said})", fix)
        if status in (401, 403):
            raise StepError(f"the bucket {self._name} refuses {key} ({said})", self._why_refused(code))
        raise StepError(
            f"the bucket {self._name} answers {said} to {key}", "see what its endpoint and region should be"
        )

    def _why_refused(self, code: str) -> str:
        if not self._keys:
            return "give model.source.accessKey and secretKey, or make the files public"
        if code in ("SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidSecurity", "ExpiredToken"):
            return "correct the Secrets of model.source.accessKey and secretKey, and region"
        return "let the owner of accessKey read the file (GetObject); a missing file may be refused likewise"


def _broken(broken: Exception, where: str) -> Exception:
    reason = getattr(broken, "reason", broken)
    if isinstance(reason, ssl.SSLCertVerificationError):
        fix = "set SSL_CERT_FILE under env to a file of the image with its authority, and check the node's clock"
        if reason.verify_code in OTHER_HOST:
            fix = "correct model.source.endpoint; where the name of the bucket has dots, take one without"
        return StepError(f"the certificate of {where} is not trusted: {reason.verify_message}", fix)
    if isinstance(reason, socket.gaierror):
        return PassingError(f"the address of {where} is not found")
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return PassingError(f"{where}: {said}")


def signed(host: str, path: str, region: str, keys: tuple[str, str], now: float) -> Mapping[str, str]:
    """The headers of a request for a file, signed by version 4 (AmazonS3, API reference, sig-v4-header-based-auth).

    Args:
        host: As in the address, with its port.
        path: As in the address, encoded.
        region: Of the bucket.
        keys: Access key and secret key.
        now: Seconds since 1970.
    """
    access, secret = keys
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers = {"Host": host, "x-amz-content-sha256": NOTHING, "x-amz-date": when}
    names = ";".join(name.lower() for name in headers)
    lines = "".join(f"{name.lower()}:{value}\n" for name, value in headers.items())
    scope = f"{when[:8]}/{region}/s3/aws4_request"
    request = hashlib.sha256(f"GET\n{path}\n\n{lines}\n{names}\n{NOTHING}".encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{request}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": credential}


def _beginning(answer: Any, start: int, size: int) -> int:
    """How many bytes of an answer are there already: all up to `start` where the server knows no ranges."""
    if answer.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range") or "")
        if not found or int(found[1]) != start:
            raise PassingError("the bucket answers with another range")
        total, skipped = found[2], 0
    else:
        total, skipped = answer.headers.get("Content-Length") or "*", start
    if total not in ("*", str(size)):
        raise OtherFileError(f"it has {total} bytes in the bucket and {size} in the manifest")
    return skipped


def _copy(answer: Any, skipped: int, take: Callable[[bytes], None], timeout: float) -> None:
    held, broken = bytearray(), None
    began, count = time.monotonic(), 0
    while True:
        try:
            piece = answer.read1(CHUNK)
        except (OSError, http.client.HTTPException) as problem:
            broken = PassingError(f"the connection broke: {getattr(problem, 'strerror', None) or problem}")
            break
        held += piece
        count += len(piece)
        spent = time.monotonic() - began
        if spent > 2 * timeout:
            if count < SLOWEST * spent:
                broken = PassingError("the connection is too slow")
            began, count = time.monotonic(), 0
        if not piece or broken:
            break
        skipped = _hand_over(held, skipped, take, least=CHUNK)
    _hand_over(held, skipped, take, least=1)
    if broken:
        raise broken


def _hand_over(held: bytearray, skipped: int, take: Callable[[bytes], None], least: int) -> int:
    """Pass on what is held, once it is much; how much of the beginning is still to be skipped."""
    gone = min(skipped, len(held))
    del held[:gone]
    if len(held) >= least:
        take(bytes(held))
        held.clear()
    return skipped - gone


def _text_of(refused: urllib.error.HTTPError) -> str:
    try:
        return refused.read(1 << 16).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""


def _element(text: str, name: str) -> str:
    found = re.search(rf"<{name}>([\w.:-]{{1,100}})</{name}>", text)
    return found[1] if found else ""


def _seconds(text: str | None) -> float:
    return min(float(text), 60) if text and text.isdecimal() else 0


def _skew(refused: urllib.error.HTTPError) -> str:
    try:
        date = email.utils.parsedate_to_datetime(refused.headers["Date"])
    except (TypeError, ValueError):
        return "it is too far from its own"
    seconds = time.time() - date.timestamp()
    return f"it is {abs(seconds) / 60:.0f} min {'ahead of' if seconds > 0 else 'behind'} its own"
