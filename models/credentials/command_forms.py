"""The forms of commands and of functions that take a password. The last group of a form is the password."""

from __future__ import annotations

import re

_VALUE = r"""["']?(?!--)([^\s"'|;&]{1,512})"""
_GAP = r"\s{1,4}"
_WORD = r"\S{1,256}"
_OPTIONS = r"[^\n|;&]{0,120}?\s"
_USER_OF_PAIR = r"[\w.@+-]{1,256}"
_OPTION = rf"{_GAP}--?[\w=-]{{1,80}}"
_WRITE = rf"(?:echo|printf){_GAP}(?:-n{_GAP})?{_VALUE}[\"']?\s{{0,4}}"
_READERS = (
    r"(?:--password-stdin|--with-token|passwd\s{1,4}--stdin|\bkinit|sudo\s{1,4}-S|password_stdin"
    r"|\bsu\s|\bcryptsetup|\bsmbpasswd)"
)
_FILES = r"[^\s|;&]{0,200}(?:passw|passphrase|secret|token|credential|_key\b|\.key\b)"

_COMMANDS = (
    ("mysql", rf"mysql\w{{0,12}}\b{_OPTIONS}-p{_VALUE}"),
    ("mariadb", rf"mariadb\w{{0,12}}\b{_OPTIONS}-p{_VALUE}"),
    ("mongo", rf"mongo[a-z]{{0,10}}\b{_OPTIONS}-p[\s=]{{0,4}}{_VALUE}"),
    ("redis-cli", rf"redis-cli\b{_OPTIONS}-a{_GAP}{_VALUE}"),
    ("cqlsh", rf"cqlsh\b{_OPTIONS}-p{_GAP}{_VALUE}"),
    (
        "/",
        rf"(?:sqlplus|sqlldr|impdp|expdp|rman)\b(?:{_OPTION})*{_GAP}[\"']?[\w.$#]{{1,64}}/{_VALUE}",
    ),
    ("identified", rf"identified{_GAP}by{_GAP}(?=[\"']){_VALUE}"),
    ("IDENTIFIED", rf"IDENTIFIED{_GAP}BY{_GAP}{_VALUE}"),
    (
        "rabbitmqctl",
        rf"rabbitmqctl\b{_OPTIONS}(?:add_user|change_password|authenticate_user){_GAP}{_WORD}{_GAP}{_VALUE}",
    ),
    ("mosquitto_", rf"mosquitto_\w{{2,4}}\b{_OPTIONS}-P{_GAP}{_VALUE}"),
    (
        "login",
        r"(?:docker|podman|nerdctl|helm|oras|crane|buildah|skopeo|regctl|ctr)\b(?:(?!login)[^\n|;&]){0,120}\slogin\b"
        rf"{_OPTIONS}-p[\s=]{{1,4}}{_VALUE}",
    ),
    ("login", rf"az{_GAP}login\b{_OPTIONS}-p[\s=]{{1,4}}{_VALUE}"),
    ("login", rf"swanlab{_GAP}login\b{_OPTIONS}-k[\s=]{{1,4}}{_VALUE}"),
    ("login", rf"(?:vault|wandb){_GAP}login\b(?:{_OPTION})*{_GAP}{_VALUE}"),
    ("login", rf"cargo{_GAP}login{_GAP}{_VALUE}"),
    ("login", rf"bw{_GAP}login{_GAP}{_WORD}{_GAP}{_VALUE}"),
    ("unlock", rf"bw{_GAP}unlock{_GAP}{_VALUE}"),
    ("unseal", rf"vault{_GAP}operator{_GAP}unseal{_GAP}{_VALUE}"),
    ("obscure", rf"rclone{_GAP}obscure{_GAP}{_VALUE}"),
    ("radtest", rf"radtest{_GAP}{_WORD}{_GAP}{_VALUE}"),
    (
        "http-basic",
        rf"poetry{_GAP}config{_GAP}http-basic{_WORD}{_GAP}{_WORD}{_GAP}{_VALUE}",
    ),
    ("twine", rf"twine\b{_OPTIONS}-p{_GAP}{_VALUE}"),
    ("publish", rf"uv{_GAP}publish\b{_OPTIONS}-[tp]{_GAP}{_VALUE}"),
    (
        "pulumi",
        rf"pulumi{_GAP}config{_GAP}set\b(?=[^\n|;&]{{0,200}}--secret)(?:{_OPTION})*{_GAP}(?!-)[\w.:-]{{1,80}}{_GAP}{_VALUE}",
    ),
    (
        "aws",
        rf"aws{_GAP}configure{_GAP}set{_GAP}\w{{0,40}}(?:secret|token)\w{{0,40}}{_GAP}{_VALUE}",
    ),
    ("obsutil", rf"obsutil\b{_OPTIONS}-i[\s=]{{1,4}}{_VALUE}"),
    ("obsutil", rf"obsutil\b{_OPTIONS}-k[\s=]{{1,4}}{_VALUE}"),
    ("ossutil", rf"ossutil\w{{0,4}}{_GAP}config\b{_OPTIONS}-k{_GAP}{_VALUE}"),
    ("coscmd", rf"coscmd{_GAP}config\b{_OPTIONS}-s{_GAP}{_VALUE}"),
    (
        "alias",
        rf"mc{_GAP}alias{_GAP}set{_GAP}{_WORD}{_GAP}{_WORD}{_GAP}{_WORD}{_GAP}{_VALUE}",
    ),
    (
        "curl",
        rf"curl\b{_OPTIONS}-u[\"']?(?![0-9]+:){_USER_OF_PAIR}:{_VALUE}",
    ),
    (
        "curl",
        rf"curl\b{_OPTIONS}(?:-b|--cookie)[\s=]{{0,4}}[\"']?[\w.-]{{1,80}}={_VALUE}",
    ),
    ("-a", rf"https?{_OPTIONS}-a{_GAP}{_USER_OF_PAIR}:{_VALUE}"),
    ("lftp", rf"lftp\b{_OPTIONS}-u\s{{0,4}}{_USER_OF_PAIR},{_VALUE}"),
    ("ncftp", rf"ncftp\w{{0,6}}\b{_OPTIONS}-p{_GAP}{_VALUE}"),
    ("ldap", rf"ldap[a-z]{{3,8}}\b{_OPTIONS}-w{_GAP}{_VALUE}"),
    (
        "smbclient",
        rf"smbclient\b{_OPTIONS}-U{_GAP}[\"']?[^\s%\"']{{1,256}}%{_VALUE}",
    ),
    ("mount", rf"mount[^\n|;&]{{0,200}}\buser(?:name)?=[^\s,%]{{1,64}}%{_VALUE}"),
    ("sshpass", rf"sshpass{_GAP}-p\s{{0,4}}{_VALUE}"),
    ("ssh-keygen", rf"ssh-keygen\b{_OPTIONS}-[NP]{_GAP}{_VALUE}"),
    ("openssl", rf"openssl{_GAP}enc\b{_OPTIONS}-k{_GAP}{_VALUE}"),
    ("-pass", rf"-pass(?:in|out|word)?{_GAP}[\"']?pass:{_VALUE}"),
    ("zip", rf"(?:un)?zip\b{_OPTIONS}-P\s{{0,4}}{_VALUE}"),
    ("7z", rf"7z[ar]?{_GAP}\w\b{_OPTIONS}-p{_VALUE}"),
    ("rar", rf"(?:un)?rar{_GAP}\w\b{_OPTIONS}-(?:hp|p){_VALUE}"),
    (
        "htpasswd",
        rf"htpasswd{_GAP}-\w{{0,8}}n\w{{0,8}}b?\w{{0,8}}{_GAP}{_WORD}{_GAP}{_VALUE}",
    ),
    (
        "htpasswd",
        rf"htpasswd{_GAP}-(?!\w{{0,8}}n)\w{{0,8}}b\w{{0,8}}{_GAP}{_WORD}{_GAP}{_WORD}{_GAP}{_VALUE}",
    ),
    ("mkpasswd", rf"mkpasswd(?:{_GAP}-m{_GAP}\S{{1,40}})?{_GAP}(?!-){_VALUE}"),
    ("user", rf"user(?:add|mod)\b{_OPTIONS}-p{_GAP}{_VALUE}"),
    ("ipmitool", rf"ipmitool\b{_OPTIONS}-P\s{{0,4}}{_VALUE}"),
    (
        "send",
        rf"send{_GAP}(?:--{_GAP})?\\?[\"']([^\s\"'\\]{{4,512}})\\{{1,2}}[rn]",
    ),
    (
        "chpasswd",
        rf"echo{_GAP}[\"']?[\w.-]{{1,64}}:{_VALUE}[\"']?\s{{0,4}}\|\s{{0,4}}(?:sudo{_GAP})?chpasswd",
    ),
    ("|", rf"{_WRITE}\|[^\n|;&]{{0,200}}{_READERS}"),
    (">", rf"{_WRITE}>{{1,2}}\s{{0,4}}{_FILES}"),
)

_USER = r"""(?x)
    (?<![\w-]) (?:-u|--user|--proxy-user) (?:\s{1,4}|=) ["']?
    (?![0-9]+:) [^\s:"']{1,256} : ([^\s"']{1,512})
"""
"""A number before the colon is the id of a user: `docker run -u 1000:1000`."""

_LOGIN_CALL = r"""(?x)
    (?<!\w) login\( \s{0,4} (?: \w{1,20}\s?=\s? | (["'])[^"'\n]{0,80}\1\s?,\s? )?
    ["'] (?=[^"'\n]{0,80}[0-9]) (?=[^"'\n]{0,80}[A-Za-z]) ([^"'\n]{8,512}) ["']
"""
"""A function that takes a token or a password: `huggingface_hub.login("…")`, `smtp.login("me", "…")`."""

_LOGIN_PAIR = r"""(?x)
    (?<!\w) (?: auth\s?=\s?\( | (?:HTTP)?(?:Basic|Digest|Proxy)Auth\( )
    \s{0,4} (["'])[^"'\n]{0,80}\1 \s{0,4},\s{0,4} ["'] ([^"'\n]{1,512}) ["']
"""
"""A user and a password of a request: `auth=("me", "…")`, `HTTPBasicAuth("me", "…")`."""

_CONNECT_CALL = r"""(?x)
    (?<!\w) connect\( \s{0,4} (["'])[^"'\n]{0,80}\1 \s?,\s? (["'])[^"'\n]{0,80}\2 \s?,\s? ["'] ([^"'\n]{1,512}) ["']
"""
"""A host, a user and a password of a database: `connect("db", "me", "…")`."""

_SHORT_OPTION = r"""(?x)
    (?<![\w-]) (?<!mkdir\ ) -(?:p|P|pw) (?: \s{1,4} | ["']\s{0,2},\s{0,4} ) ["']?
    (?= [^\s"']{0,80}[0-9] ) (?= [^\s"']{0,80}[a-z] ) (?= [^\s"']{0,80}[A-Z] )
    ([^\s"'/:=|;&]{8,256})
"""
"""A text of letters of both cases and digits after `-p` of any command. Numbers are ports, and paths directories."""

FORMS = tuple(
    (part, re.compile(form))
    for part, form in (
        *((part, rf"(?<![\w.-]){form}") for part, form in _COMMANDS),
        ("snmp", rf"(?<![\w-])-[AXc]{_GAP}{_VALUE}"),
        ("-u", _USER),
        ("login(", _LOGIN_CALL),
        ("uth", _LOGIN_PAIR),
        ("connect(", _CONNECT_CALL),
        ("-p", _SHORT_OPTION),
        ("-P", _SHORT_OPTION),
    )
)
"""A part of every text that has a form, and the form. A search for a part is quick, and most texts have none."""

LITERALS_OF_SECRET = re.compile(rf"\bsecret{_GAP}generic\b[^\n|;&]{{0,4096}}")
"""A command that creates a Secret: `kubectl create secret generic x --from-literal=a=…`."""

LITERAL = re.compile(rf"--from-literal(?:=|{_GAP})[\"']?[\w.-]{{1,253}}={_VALUE}")
"""A value of a Secret."""
