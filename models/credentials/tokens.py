"""Tokens with a prefix of their issuer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

Range = tuple[int, int]
"""Start and end of a credential in a text."""

_TOKENS = re.compile(
    r"""(?x)
    (?<![\w-]) (?:
        hf_[A-Za-z0-9]{16,} | api_org_[A-Za-z]{30,}      # Hugging Face
      | ms-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}   # ModelScope
      | (?:gh[opsur]_|github_pat_)[A-Za-z0-9_]{20,}      # GitHub
      | gl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|imt|agent|oas)-[\w-]{16,}   # GitLab
      | ATATT3[\w=-]{50,} | AT(?:BB|CTT3)[\w=-]{24,}     # Atlassian, Bitbucket
      | (?:sk|pk|rk)-(?:proj|svcacct|admin|ant|or|lf|None)-(?=[\w-]{0,80}[0-9])[\w-]{16,}   # OpenAI, Anthropic, ...
      | (?:sk|pk|rk)-(?=[A-Za-z]{0,80}[0-9])[A-Za-z0-9_]{16,}          # others of its form
      | sk-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}
      | nvapi-[\w-]{20,} | gsk_[A-Za-z0-9]{20,} | r8_[A-Za-z0-9]{20,} | lsv2_[\w-]{20,}
      | pplx-[A-Za-z0-9]{32,} | xai-[A-Za-z0-9]{40,} | jina_[A-Za-z0-9]{32,} | tvly-[\w-]{20,}
      | fw_(?=[A-Za-z]{0,80}[0-9])[A-Za-z0-9]{20,} | ABSK[A-Za-z0-9+/=]{60,}
      | (?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,} | whsec_[A-Za-z0-9+/=]{20,}   # Stripe
      | xox[abceoprs](?:\.xox[bp])?-[\w-]{10,} | xapp-[\w-]{10,}       # Slack
      | [0-9]{8,10}:AA[\w-]{33}(?![\w-])                 # Telegram
      | SK[0-9a-f]{32}(?![0-9a-f]) | SG\.[\w-]{16,}\.[\w-]{16,}   # Twilio, SendGrid
      | (?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Z])  # AWS
      | LTAI[A-Za-z0-9]{12,24}(?![A-Za-z0-9]) | AKID[A-Za-z0-9]{32}(?![A-Za-z0-9])   # Alibaba Cloud, Tencent Cloud
      | AIza[\w-]{30,} | ya29\.[\w-]{20,} | GOCSPX-[\w-]{20,}          # Google
      | [\w.~-]{3}[78]Q~[\w.~-]{31,34}                   # Microsoft Entra
      | npm_[A-Za-z0-9]{30,} | pypi-[\w-]{40,} | rubygems_[0-9a-f]{40,}   # package registries
      | dckr_[op]at_[\w-]{20,} | AKCp[A-Za-z0-9]{60,} | cmVmdGtu[A-Za-z0-9]{50,}   # Docker, Artifactory
      | do[opr]_v1_[0-9a-f]{40,} | dapi[0-9a-f]{32}(?:-[0-9])? | shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}
      | hv[sbr]\.[\w-]{20,} | [A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,} | pul-[0-9a-f]{40}   # HashiCorp, Pulumi
      | gl(?:sa|c)_[\w+/=]{30,} | NRAK-[A-Z0-9]{20,} | sntry[su]_[\w+/=-]{20,}   # Grafana, New Relic, Sentry
      | lin_(?:api|oauth)_[A-Za-z0-9]{30,} | ntn_[A-Za-z0-9]{30,} | figd_[\w-]{30,} | PMAK-[\w-]{30,}
      | tskey-[a-z]{1,12}-[\w-]{16,} | dp\.(?:pt|st|ct|sa)\.[\w.-]{30,}  # Tailscale, Doppler
      | eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){0,3}         # JSON web token, signed or encrypted
      | v[1-4]\.(?:local|public)\.[\w-]{40,}(?:\.[\w-]*)?   # PASETO
      | CCIPAT_[A-Za-z0-9]{8,}_[0-9a-f]{40} | bkua_[0-9a-f]{40} | vercel_blob_rw_\w{16,}   # CI and hosting
      | AGE-(?:SECRET-KEY|PLUGIN)-(?:[A-Z0-9]{1,20}-){0,2}1[0-9A-Z]{20,}
      | sk-[a-z]{40,} | ak-(?=[A-Za-z]{0,80}[0-9])[A-Za-z0-9]{16,}   # SiliconFlow, Volcengine
      | bce-v3/[\w-]{16,}/[0-9a-f]{40}                   # Baidu
      | [0-9a-f]{32}\.[A-Za-z0-9]{16}(?![\w.])           # Zhipu
      | key-[0-9a-f]{32} | [0-9a-f]{32}-us[0-9]{1,2}(?!\w)   # Mailgun, Mailchimp
      | sq0[a-z]{3}-[\w-]{20,} | EAAA[A-Za-z][\w-]{55,}  # Square
      | pat[A-Za-z0-9]{14}\.[0-9a-f]{40,}                # Airtable
      | sq[apu]_[0-9a-f]{40} | sbp_[0-9a-f]{40} | napi_[a-z0-9]{40,}   # SonarQube, Supabase, Neon
      | [\w.-]{1,64}\+[\w.-]{1,64}:[A-Z0-9]{40,}         # robots of Quay
      | (?:HPUA|HST[0-9A-Z])[0-9A-Z]{16}(?![0-9A-Z]) | AKLT[A-Za-z0-9]{40,}   # Huawei Cloud, Volcengine
      | AQ\.[\w-]{40,} | sk_[0-9a-f]{48}                 # Gemini, ElevenLabs
      | pcsk_[A-Za-z0-9]{4,12}_[A-Za-z0-9]{40,} | wandb_v1_\w{40,} | sb_secret_[\w-]{20,}   # Pinecone, W&B, Supabase
      | CCIPRJ_[A-Za-z0-9]{8,}_[0-9a-f]{40} | ver:[0-9]-hint:[0-9]{1,20}-ETMs[\w+/=-]{30,}   # CircleCI, Snowflake
      | [MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,40}(?![\w.-])   # Discord
      | [sb]\.(?=[A-Za-z]{0,24}[0-9])(?=[a-z0-9]{0,24}[A-Z])[A-Za-z0-9]{24}(?![\w.-])   # Vault before 1.10
      | A3-[A-Z0-9]{6}-[A-Z0-9]{6}(?:-[A-Z0-9]{5}){4}    # 1Password
      | st\.[\w-]{8,64}\.[0-9a-f]{32}\.[0-9a-f]{32}      # Infisical
      | (?!sha)(?=[a-z]{0,6}[0-9])[a-z0-9]{6}\.(?=[a-z]{0,16}[0-9])(?=[0-9]{0,16}[a-z])[a-z0-9]{16}(?![\w.-])
      | MII[\w+/]{2}[AQgw]IBA[AD][\w+/=]{30,} | (?:MIGHAgEAMBMGByqGSM49|MC4CAQAwBQYDK2Vw|MHcCAQEEI)[\w+/=]{20,}
      | b3BlbnNzaC1rZXktdjE[\w+/=]{20,}                  # private keys without their first line
    )
    """
)
"""The forms are from the documentation of each issuer and from the rules of gitleaks."""

_UNKNOWN_ISSUER = re.compile(
    r"(?<![\w./-])(?!sha|md5)[A-Za-z][A-Za-z0-9]{1,9}[_-](?:[a-z0-9]{1,8}[_-])?([A-Za-z0-9]{24,256})(?![\w./-])"
)
"""A prefix and a random text, such as `pcsk_…`: most issuers give their tokens this form."""

_LEAST_CHANGES = 0.45
"""Changes between kinds of characters, for each character. Random texts have 0.6, names in camel case 0.3."""

_HEXADECIMAL = re.compile(r"(?:[0-9a-f]-?){32}")


def token_ranges(text: str) -> Iterator[Range]:
    """The parts of a text that are tokens with a prefix of their issuer.

    A part of a path or of a dotted name is a token only if it looks random: `/cache/hf_datasetsoftheteam` is none.
    """
    for match in _TOKENS.finditer(text):
        is_in_path = text[max(match.start() - 1, 0) : match.start()] in ("/", ".")
        if not is_in_path or _looks_random(match[0]):
            yield match.span()
    for match in _UNKNOWN_ISSUER.finditer(text):
        if _mixes_characters(match[1]):
            yield match.span()


def _mixes_characters(text: str) -> bool:
    """Whether lower case, upper case and digits alternate as in a random text, and not as in `Qwen3ForCausalLM`."""
    kinds = [_character_kind(character) for character in text]
    changes = sum(first != second for first, second in pairwise(kinds))
    return len(set(kinds)) == 3 and changes > _LEAST_CHANGES * len(text)


def _character_kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    return "upper" if character.isupper() else "lower"


def _looks_random(text: str) -> bool:
    """Whether a text has upper case and digits, or as many hexadecimal digits as a UUID."""
    has_upper = any(character.isupper() for character in text)
    has_digit = any(character.isdigit() for character in text)
    return (has_upper and has_digit) or _HEXADECIMAL.search(text) is not None
