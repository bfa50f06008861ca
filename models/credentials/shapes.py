"""Shapes of credentials: texts that are one whatever their name is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from models.credentials.assignments import assignments
from models.credentials.encoded import encoded_pair, encoded_texts
from models.credentials.names import is_clear
from models.credentials.tokens import Range, token_ranges
from models.credentials.values import is_harmless, is_path_text, is_placeholder

_PRIVATE_KEY = re.compile(
    r"""(?x)
    (
        -{4,5}\ ?BEGIN\ [A-Z0-9 ]{0,30}PRIVATE\ KEY(?:\ BLOCK)?\ ?-{4,5}
        (?:(?!-{4,5}\ ?END)[\s\S]){0,20000} (?:-{4,5}\ ?END\ [A-Z0-9 ]{0,30}PRIVATE\ KEY(?:\ BLOCK)?\ ?-{4,5})?
    )
    """
)
_PUTTY_KEY = re.compile(
    r"Private-Lines:\s{0,4}[0-9]+\s{1,4}([A-Za-z0-9+/=\s]{8,20000})"
)
_URL_BEGINS = r"(?: :// | \bhttps?:/ (?!/) )"
"""The end of a scheme. A path that was an address has only one slash: `https:/user:…`."""

_TOKEN_IN_URL = re.compile(
    rf"(?x) {_URL_BEGINS}"
    r"""(
        (?:gh[opsur]_|github_pat_|hf_|glpat-|oauth2:)[^\s/@]{8,}
      | (?=[\w-]{0,80}[0-9]) (?=[\w-]{0,80}[A-Za-z]) [\w-]{20,256}
    )@
    """
)
_PASSWORD_IN_URL = re.compile(
    rf"(?x) {_URL_BEGINS}"
    r"""[^\s/:@'"\[]{0,256}: (
        [^\s/"]{1,512}? (?=@(?![^\s/"',]{0,256}@))
      | (?![0-9]{1,5}[/?\#]) [^\s@"']{1,512}+ (?=@(?!sha[0-9]+:)[\w-])
    )@
    """
)
"""A password may contain @ and /. A number before a / is the port of a host."""

_PASSWORD_BEFORE_HOST = re.compile(
    r"""(?x)
    (?<![\w./:@-]) [A-Za-z][\w.+-]{0,63} : ([^\s/@:'"]{2,256}) @ (?!sha[0-9]+:)
    (?: [\w-]{1,63} (?:\.[\w-]{1,63}){0,8} (?: :[0-9]{1,5} | /\w ) | (?:tcp|udp|unix)\( )
    """
)
"""Without a port or a path it may be the address of a mailbox: `team:search@example.com`."""

_PASSWORD_BEFORE_BARE_HOST = re.compile(
    r"""(?x)
    (?<![\w./:@-]) (?!(?i:mailto|e?mail|acct|sip|xmpp|user|group|domain|serviceaccount|owner|team|contact):)
    [A-Za-z][\w.+-]{0,63} : (?=[^\s@]{0,80}[0-9])(?=[^\s@]{0,80}[A-Za-z]) ([^\s/@:'"]{6,256}) @
    [\w-]{1,63} (?:\.[\w-]{1,63}){0,8} (?=[\s'"]|$)
    """
)
_ORACLE = re.compile(r"jdbc:oracle:\w{1,8}:\w{1,64}/([^\s@]{1,256})@")
_CONNECTION = re.compile(
    r"""(?x)
    (?<=;) (?:[Pp]assword|[Pp]wd|PWD|AccountKey|SharedAccessKey|SharedAccessSignature) \s?=\s? ([^\s;"']{4,1024})
    """
)
"""A part of a connection string, such as `Server=db;Password=…`."""

_NETRC = re.compile(
    r"(?:machine\s{1,8}\S{1,256}|default)(?:\s{1,8}(?:login|account)\s{1,8}\S{1,256}){0,2}\s{1,8}password\s{1,8}(\S{1,256})"
)
_HASH = re.compile(
    r"(\$(?:1|2[aby]|5|6|7|y|apr1|argon2(?:i|d|id))\$[\w./$=,+-]{20,512})"
)
"""A hash of a password, as in files of htpasswd and shadow."""

_HASH_OF_DIRECTORY = re.compile(
    r"(\{(?:S?SHA|S?MD5|CRYPT|PBKDF2|ARGON2)[0-9-]{0,6}\}[\w./$=,+-]{16,512})"
)
"""A hash of a password in LDAP."""

_HASH_OF_POSTGRES = re.compile(
    r"(SCRAM-SHA-[0-9]{1,3}\$[0-9]{1,9}:[\w+/=]{8,256}\$[\w+/=:]{20,256})"
)
_WEB_KEY = re.compile(
    r"""\\?["'](?:d|k|p|q|dp|dq|qi)\\?["']\s{0,4}:\s{0,4}\\?["']([\w-]{16,8192})"""
)
"""A private part of a JSON web key."""

_PGPASS = re.compile(
    r"""(?x)
    (?<![\w.])
    (?: (?: [\w-]{1,63}(?:\.[\w-]{1,63}){1,8} | localhost | \* ) : (?: [0-9]{4,5} | \* )
      | [\w-]{1,63}:(?:5432|5433|6432)
    )
    : [\w*-]{1,64} : [\w*.-]{1,64} : ([^\s:]{2,256})
    """
)
_XML = re.compile(
    r"<(?i:password|passwd|secret|token|apiKey|secretKey)>([^<>\s]{4,512})</"
)
_IN_QUERY = re.compile(r"[?&#]([\w.-]{1,40})=([^&\s'\"#]{4,2048})")
_QUERY_NAMES = frozenset({"sig", "xamzsignature", "xamzsecuritytoken"})
_LONG_KEY = 12
"""Characters from which on the query parameter `key` is a credential."""

_NO_VALUE = r"(?!(?:auth\w*|bearer|basic|token|tokens|scheme|realm|header|headers|format|only|required)\b)"
"""Words that follow `Bearer` and `Basic` in prose."""

_AUTHORIZATION = re.compile(
    rf"""(?ix) authorization \\?["']? \s{{0,3}} [:=,] \s{{0,3}} \\?["']?
    (?:bearer|basic|token|apikey|digest|negotiate)\s{{1,3}} {_NO_VALUE} ([\w.~+/=-]{{4,4096}})"""
)
_SCHEME = re.compile(
    rf"\b(?i:bearer|basic|apikey)\s{{1,3}}(?i:{_NO_VALUE})(?=[\w.~+/=-]{{0,200}}[A-Z0-9=+/])([\w.~+/=-]{{8,4096}})"
)
_WHOLE_BEARER = re.compile(
    rf"\s*(?i:bearer)\s{{1,3}}(?i:{_NO_VALUE})([\w.~+/=-]{{4,4096}})\s*"
)
_HOOKS = re.compile(
    r"""(?xi)
    hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/ ([\w/-]{8,})
    | discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/[0-9]+/ ([\w-]{8,})
    | open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/ ([\w-]{8,})
    | api\.telegram\.org/bot ([0-9]{5,}:[\w-]{8,})
    | webhook\.office\.com/webhookb2/ ([\w@/-]{8,})
    | sctapi\.ftqq\.com/ (SCT[\w]{8,})
    | api\.day\.app/ ([\w-]{16,})
    | maker\.ifttt\.com/trigger/[\w-]{1,64}/(?:json/)?with/key/ ([\w-]{8,})
    | hooks\.zapier\.com/hooks/catch/ ([\w/-]{6,})
    | events\.pagerduty\.com/integration/ ([\w-]{8,})
    | //(?:web)?hooks?\.[\w.-]{1,100}/ (?:[\w-]{1,40}/){0,3}
      ((?=[a-z]{0,80}[0-9])(?=[0-9]{0,80}[a-z])[a-z0-9]{12,}) (?![\w-])
    | /(?:web)?hooks?/ (?:[\w-]{1,40}/)? ((?=[\w-]{0,80}[0-9])(?=[\w-]{0,80}[A-Za-z])[\w-]{20,})
    """
)
_JSON_PAIR = re.compile(
    r"""\\?["']([\w.-]{1,64})\\?["']\s{0,4}:\s{0,4}\\?["']([^"'\\]{1,4096})\\?["']"""
)

_FORMS = (
    ("begin", _PRIVATE_KEY),
    ("private-lines", _PUTTY_KEY),
    ("kty", _WEB_KEY),
    ("@", _TOKEN_IN_URL),
    ("@", _PASSWORD_IN_URL),
    ("@", _PASSWORD_BEFORE_HOST),
    ("@", _PASSWORD_BEFORE_BARE_HOST),
    ("jdbc:oracle", _ORACLE),
    (";", _CONNECTION),
    ("password", _NETRC),
    ("$", _HASH),
    ("}", _HASH_OF_DIRECTORY),
    ("scram-", _HASH_OF_POSTGRES),
    (":", _PGPASS),
    ("</", _XML),
    ("authorization", _AUTHORIZATION),
    ("bearer", _SCHEME),
    ("basic", _SCHEME),
    ("apikey", _SCHEME),
)
"""A part of every text that has a form, in lower case, and the form. A search for a part is quick."""


_HOOK_WORDS = (
    "hook",
    "api.telegram.org",
    "sctapi.ftqq.com",
    "api.day.app",
    "maker.ifttt.com",
    "events.pagerduty.com",
)
"""Every hook has one of them, in lower case. A search for a word is quick, also in a long path."""

_MOST_TEXTS = 20_000
"""Texts whose credentials are remembered: as many values as a stack file may have."""

_SHORT_WORD = re.compile(r"[\w.+-]{0,11}")
"""A text that is too short for a token, and has none of the characters of the other shapes."""


@lru_cache(maxsize=_MOST_TEXTS)
def certain_ranges(text: str) -> tuple[Range, ...]:
    """The parts of a text that are credentials by their shape."""
    if _SHORT_WORD.fullmatch(text):
        return ()
    return (*_plain_ranges(text), *_encoded_ranges(text))


def _encoded_ranges(text: str) -> Iterator[Range]:
    """The credentials in a text that are in base64."""
    for start, end, decoded in encoded_texts(text):
        is_secret = encoded_pair(decoded) or _assigns(decoded)
        if is_secret or any(True for _ in _plain_ranges(decoded)):
            yield start, end


def _assigns(text: str) -> bool:
    """Whether a text assigns a value to the name of a credential."""
    return any(
        is_clear(name) and not is_harmless(name, text[start:end])
        for name, start, end in assignments(text)
    )


def _plain_ranges(text: str) -> Iterator[Range]:
    """The credentials in a text that are not encoded."""
    yield from token_ranges(text)
    lower = text.lower()
    if any(word in lower for word in _HOOK_WORDS):
        yield from _group_ranges(_HOOKS, text)
    if is_path_text(text):
        return
    for part, form in _FORMS:
        if part in lower:
            yield from _group_ranges(form, text)
    whole = _WHOLE_BEARER.fullmatch(text)
    if whole:
        yield whole.span(1)
    for match in _IN_QUERY.finditer(text):
        if _is_query_credential(match[1], match[2]):
            yield match.span(2)
    for match in _JSON_PAIR.finditer(text):
        name, value = match[1], match[2]
        if is_clear(name) and not is_harmless(name, value) and len(value) >= 4:
            yield match.span(2)


def _group_ranges(pattern: re.Pattern[str], text: str) -> Iterator[Range]:
    """The ranges of the group that took part in each match."""
    for match in pattern.finditer(text):
        group = match.lastindex
        if group and not is_placeholder(match[group]):
            yield match.span(group)


def _is_query_credential(name: str, value: str) -> bool:
    if is_harmless(name, value):
        return False
    plain = name.lower().replace("-", "").replace("_", "")
    if plain == "key":
        return len(value) >= _LONG_KEY
    return plain in _QUERY_NAMES or is_clear(name)
