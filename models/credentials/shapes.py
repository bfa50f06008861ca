"""Shapes of credentials: texts that are one whatever their name is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from models.credentials.names import is_credential_name

Range = tuple[int, int]
"""Start and end of a credential in a text."""

_TOKENS = re.compile(
    r"""(?x)
    (?<![\w/.-]) (?:
        hf_[A-Za-z0-9]{16,}                              # Hugging Face
      | (?:gh[opsur]_|github_pat_)[A-Za-z0-9_]{20,}      # GitHub
      | glpat-[\w-]{16,}                                 # GitLab
      | (?:sk|pk|rk)-(?=[\w-]{0,80}[0-9])[\w-]{16,}      # OpenAI and others of its form
      | (?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}         # Stripe
      | xox[abeoprs]-[\w-]{10,} | xapp-[\w-]{10,}        # Slack
      | (?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Z])  # AWS
      | AIza[\w-]{30,} | ya29\.[\w-]{20,}                # Google
      | npm_[A-Za-z0-9]{30,} | pypi-[\w-]{40,}           # package registries
      | dckr_pat_[\w-]{20,} | dop_v1_[0-9a-f]{40,}       # Docker, DigitalOcean
      | hv[sbr]\.[\w-]{20,}                              # HashiCorp Vault
      | nvapi-[\w-]{20,} | gsk_[A-Za-z0-9]{20,} | r8_[A-Za-z0-9]{20,} | lsv2_[\w-]{20,}
      | SG\.[\w-]{16,}\.[\w-]{16,}                       # SendGrid
      | eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?             # JSON web token
      | AGE-SECRET-KEY-1[0-9A-Z]{20,}
    )
    """
)
_TOKEN_IN_URL = re.compile(
    r"://((?:gh[opsur]_|github_pat_|hf_|glpat-|oauth2:)[^\s/@]{8,})@"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,20000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
)
_TOKEN_IN_URL = re.compile(
    r"://((?:gh[opsur]_|github_pat_|hf_|glpat-|oauth2:)[^\s/@]{8,})@"
)
_PASSWORD_IN_URL = re.compile(r"://[^\s/:@'\"]{0,256}:([^\s/@'\"]{1,512})@")
_PASSWORD_BEFORE_HOST = re.compile(
    r"""(?x)
    (?<![\w./:@-]) (?!mailto:) [A-Za-z][\w.+-]{0,63} : ([^\s/@:'"]{2,256}) @ (?!sha[0-9]+:)
    [\w-]{1,63} (?:\.[\w-]{1,63}){0,8} (?: :[0-9]{1,5} | /\w | (?=[\s'"]|$) )
    """
)
_IN_QUERY = re.compile(r"[?&;]([\w.-]{1,40})=([^&\s'\"#]{4,2048})")
_QUERY_NAMES = frozenset({"sig", "xamzsignature", "xamzsecuritytoken"})
_LONG_KEY = 12
"""Characters from which on the query parameter `key` is a credential."""

_AUTHORIZATION = re.compile(
    r"""(?ix) authorization \\?["']? \s{0,3} [:=,] \s{0,3} \\?["']?
    (?:(?:bearer|basic|token|apikey|digest|negotiate)\s{1,3})? ([\w.~+/=-]{4,4096})"""
)
_SCHEME = re.compile(
    r"\b(?i:bearer|basic|apikey)\s{1,3}(?=[\w.~+/=-]{0,200}[A-Z0-9=+/])([\w.~+/=-]{8,4096})"
)
_WHOLE_BEARER = re.compile(r"\s*(?i:bearer)\s{1,3}([\w.~+/=-]{4,4096})\s*")
_HOOKS = re.compile(
    r"""(?xi)
    hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/ ([\w/-]{8,})
    | discord(?:app)?\.com/api/webhooks/[0-9]+/ ([\w-]{8,})
    | open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/ ([\w-]{8,})
    | api\.telegram\.org/bot ([0-9]{5,}:[\w-]{8,})
    | webhook\.office\.com/webhookb2/ ([\w@/-]{8,})
    | events\.pagerduty\.com/integration/ ([\w-]{8,})
    | /(?:web)?hooks?/ (?:[\w-]{1,40}/)? ((?=[\w-]{0,80}[0-9])(?=[\w-]{0,80}[A-Za-z])[\w-]{20,})
    """
)
_JSON_PAIR = re.compile(
    r"""\\?["']([\w.-]{1,64})\\?["']\s{0,4}:\s{0,4}\\?["']([^"'\\]{1,4096})\\?["']"""
)
_PLACEHOLDER = re.compile(
    r"""(?xi)
    \s* (?:
        \$\{[^}]*\} | \$\([^)]*\) | \$[A-Za-z_]\w* | \{\{[^}]*\}\} | \*+ | x{3,} | <[^<>]*> | \[[^\[\]]*\] | \.{3} | …
    )? \s*
    """
)


def certain_ranges(text: str) -> Iterator[Range]:
    """The parts of a text that are credentials by their shape."""
    yield from (match.span() for match in _TOKENS.finditer(text))
    yield from (match.span() for match in _PRIVATE_KEY.finditer(text))
    yield from _group_ranges(_TOKEN_IN_URL, text)
    yield from _group_ranges(_PASSWORD_IN_URL, text)
    yield from _group_ranges(_PASSWORD_BEFORE_HOST, text)
    yield from _group_ranges(_HOOKS, text)
    yield from _group_ranges(_AUTHORIZATION, text)
    yield from _group_ranges(_SCHEME, text)
    whole = _WHOLE_BEARER.fullmatch(text)
    if whole:
        yield whole.span(1)
    for match in _IN_QUERY.finditer(text):
        if _is_query_credential(match[1], match[2]):
            yield match.span(2)
    for match in _JSON_PAIR.finditer(text):
        if (
            is_credential_name(match[1])
            and not is_placeholder(match[2])
            and len(match[2]) >= 4
        ):
            yield match.span(2)


def is_placeholder(text: str) -> bool:
    """Whether a text only stands for a value: `${TOKEN}`, `<password>`, `***`."""
    return _PLACEHOLDER.fullmatch(text) is not None


def _group_ranges(pattern: re.Pattern[str], text: str) -> Iterator[Range]:
    """The ranges of the group that took part in each match."""
    for match in pattern.finditer(text):
        group = match.lastindex
        if group and not is_placeholder(match[group]):
            yield match.span(group)


def _is_query_credential(name: str, value: str) -> bool:
    if is_placeholder(value):
        return False
    plain = name.lower().replace("-", "").replace("_", "")
    if plain == "key":
        return len(value) >= _LONG_KEY
    return plain in _QUERY_NAMES or is_credential_name(name)
