"""Secrets and personal data in a prompt: what must not be kept, whoever asked.

The rule. A *secret* opens something: keys and tokens of known forms, private keys, passwords in connection strings, and
values that a text itself calls a password, secret, key or token. A value that stands for one (`<password>`,
`${DB_PASSWORD}`, `os.environ[...]`, `changeme`) is none. *Personal data* reaches or names one person: e-mail addresses,
phone numbers, bank accounts (IBAN), payment cards, US social security and UK national insurance numbers. Whatever has
check digits is checked, and addresses that are reserved for examples (RFC 2606) are nobody's. Names, postal addresses
and dates of birth are not looked for: no pattern tells them from any other name, address or date.

What this adds to the TTL rules (`ttl_rules_own`). Those class a prompt by what sort of answer it asks for: `never` for
secrets and payment numbers, `personal` (kept for that principal alone) for contact data. They hold on every route, and
an operator may replace their table. This is a lock of the gateway beside them: it cannot be lost with a table, looks at
all that the user said as it was written (upper and lower case tell keys from words), knows more forms, and tells
placeholders from values.

Patterns are RE2: time linear in the text whatever it holds. A candidate is then judged by `_JUDGES`; a text with more
than `_MOST_JUDGED` candidates of a kind is taken for one that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import re2

_VALUE = rb"[^\s\"'`,;<>(){}\[\]]"
"""Of what an unquoted secret is made."""
_IS: Final = rb"(?i:[\"']?\s{0,3}(?::=|=>|[:=])|\s{1,3}(?:is|was)\s{0,3}:?)\s{0,3}"
_MOST_JUDGED: Final = 1000

_SECRETS: Final[dict[str, bytes]] = {
    "private_key": rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "provider_key": rb"\b(?:sk-[A-Za-z0-9_-]{20,}|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{40,}|hf_[A-Za-z0-9]{30,}"
    rb"|AIza[A-Za-z0-9_-]{35}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|pplx-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{30,})",
    "cloud_key": rb"\b(?:(?:AKIA|ASIA)[A-Z2-7]{16}\b|GOCSPX-[A-Za-z0-9_-]{20,}|dop_v1_[a-f0-9]{60,}"
    rb"|AccountKey=[A-Za-z0-9+/]{40,})",
    "code_host_token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}"
    rb"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,})",
    "messaging_token": rb"\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    rb"|[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b)|hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}",
    "jwt": rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "bearer": rb"(?i:\bbearer) [A-Za-z0-9._~+/-]{20,}",
    "connection_string": rb"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'`<>]*:([^\s/@\"'`<>]+)@[A-Za-z0-9\[]",
    "password": rb"(?i:passwords?|passwd|passphrase|pwd|passcode)"
    + _IS
    + rb"(\"[^\"\n]{4,200}\"|'[^'\n]{4,200}'|"
    + _VALUE
    + rb"{6,})",
    "named_key": rb"(?i:secret(?:[ _-]?(?:access[ _-]?)?key)?|(?:api|access|private|auth)[ _-]?key|token|credentials?)"
    + _IS
    + rb"(\"[^\"\s]{12,}\"|'[^'\s]{12,}'|"
    + _VALUE
    + rb"{16,})",
}
"""Kind -> how it is written. Case counts unless said otherwise; a group is the value that is judged."""

_PERSONAL: Final[dict[str, bytes]] = {
    "email": rb"[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}\b",
    "phone": rb"(?:^|[^\w+.-])(\+[1-9][0-9]{0,2}[ .-]?(?:\(0?[0-9]{0,4}\)[ .-]?)?[0-9]{1,5}(?:[ .-]?[0-9]{2,5}){1,4})\b"
    rb"|(?:^|[^\w+.$-])((?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[ .-][0-9]{4})(?:$|[^\w-])",
    "iban": rb"\b([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)\b",
    "payment_card": rb"(?:^|[^\w.+-])([2-6][0-9]{3}(?:[ -]?[0-9]{4}){3}"
    rb"|3[0-9]{3}[ -]?[0-9]{6}[ -]?[0-9]{4,5})(?:$|[^\w-])",
    "us_ssn": rb"(?:^|[^\w.-])([0-9]{3}-[0-9]{2}-[0-9]{4})(?:$|[^\w-])",
    "uk_nino": rb"\b([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D])\b",
}


def secrets(text: str) -> str | None:
    """The kind of the first secret found, such as `provider_key`; None where there is none."""
    return _SECRET_SEARCH.first(text)


def personal(text: str) -> str | None:
    """The kind of the first personal datum found, such as `email`; None where there is none."""
    return _PERSONAL_SEARCH.first(text)


# --- judges: is the candidate what it looks like? --------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"(?i)[<>{}$%*]|\.\.\.|…|xxx|your|example|placeholder|change.?me|dummy|redacted|environ|getenv|process\.env|config|"
    r"^(?:my|the|a|some|test|fake|sample|new|old)?_?-?"
    r"(?:pass|password|passwd|pwd|secret|token|key|api_?key|user|username|root|admin|none|null|undefined|true|false|string|str"
    r"|text|varchar|required|incorrect|wrong|correct|invalid|expired|missing|empty|hashed|encrypted)?[\d_-]{0,3}$"
)
_WORDS = re.compile(r"(?:[A-Za-z]+\d{0,2}|\d{1,4})(?:[_./-](?:[A-Za-z]+\d{0,2}|\d{1,4}))+|https?:.*|/.*")
"""Words in a row, a path or an address: where a program reads the value, or prose."""


def _mixed(value: str) -> bool:
    """Letters and digits, and many different ones: made by a machine, not a phrase with hyphens."""
    return (
        any(c.isdigit() for c in value)
        and any(c.isalpha() for c in value)
        and len(set(value)) >= min(10, len(value) // 2)
    )


def _is_key(value: str) -> bool:
    return _mixed(value) and "..." not in value and "xxxx" not in value.lower()


def _is_named_key(value: str) -> bool:
    bare = value.strip("\"'")
    return _mixed(bare) and _PLACEHOLDER.search(bare) is None and _WORDS.fullmatch(bare) is None


def _is_password(value: str) -> bool:
    bare = value.strip("\"'")
    if _PLACEHOLDER.search(bare) is not None or len(set(bare)) < 3:
        return False
    quoted = value[0] in "\"'"
    if quoted and " " not in bare and not bare.endswith((":", "=")):
        return True
    bare = bare.rstrip(".!?:")
    return (
        len(bare) >= 6
        and any(c.isdigit() or c in "!@#&^~+?" for c in bare)
        and any(c.isalpha() for c in bare)
        and " " not in bare
        and re.fullmatch(r"[a-z]+\d?\.[a-z]+|\d+[a-z]{1,6}|[\d.,/:-]+", bare) is None
    )


def _is_connection_password(value: str) -> bool:
    return _PLACEHOLDER.search(value) is None and not value.isdigit()


_RESERVED = re.compile(r"(?i)(?:@|\.)(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|local)$")
_FILES = re.compile(r"(?i)\.(?:png|jpe?g|gif|svg|webp|css|js|ts|py|html?|json|ya?ml|md|txt|service|git)$")


def _is_email(value: str) -> bool:
    return (
        _RESERVED.search(value) is None
        and _FILES.search(value) is None
        and not value.lower().startswith(("git@", "noreply@", "no-reply@"))
    )


def _is_phone(value: str) -> bool:
    digits = _digits(value)
    if value.startswith("+"):
        return 9 <= len(digits) <= 15
    return len(digits) >= 10 and "555-01" not in value


def _is_iban(value: str) -> bool:
    plain = value.replace(" ", "")
    if not 15 <= len(plain) <= 34 or sum(c.isdigit() for c in plain) < 10:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _is_card(value: str) -> bool:
    digits = _digits(value)
    return len(set(digits)) > 1 and _known_issuer(digits) and _luhn(digits)


def _known_issuer(digits: str) -> bool:
    """By the leading digits and the length (ISO/IEC 7812, as the networks use it).

    The rare cards of 19 digits are left out: numbers of that length are as a rule identifiers.
    """
    head, size = int(digits[:4]), len(digits)
    if size == 16:
        return digits[0] == "4" or digits[:2] == "62" or any(low <= head <= high for low, high in _ISSUERS)
    return digits[:2] in (("34", "37") if size == 15 else ("30", "36", "38"))


_ISSUERS: Final = ((2221, 2720), (3528, 3589), (5100, 5599), (6011, 6011), (6440, 6599))


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        n = int(digit) * (1 + place % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def _is_ssn(value: str) -> bool:
    area, group, serial = value.split("-")
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def _digits(value: str) -> str:
    return "".join(c for c in value if c.isdigit())


_JUDGES: Final[dict[str, Callable[[str], bool]]] = {
    "provider_key": _is_key,
    "bearer": _is_key,
    "named_key": _is_named_key,
    "password": _is_password,
    "connection_string": _is_connection_password,
    "email": _is_email,
    "phone": _is_phone,
    "iban": _is_iban,
    "payment_card": _is_card,
    "us_ssn": _is_ssn,
}
"""Kinds whose form alone does not tell."""


class _Search:
    """One pass for all kinds; only where it finds something are the kinds asked one by one."""

    def __init__(self, patterns: dict[str, bytes]) -> None:
        self._any = re2.compile(b"|".join(b"(?:" + pattern + b")" for pattern in patterns.values()), _options())
        self._kinds: list[tuple[str, Any, Callable[[str], bool] | None]] = [
            (kind, re2.compile(pattern, _options()), _JUDGES.get(kind)) for kind, pattern in patterns.items()
        ]

    def first(self, text: str) -> str | None:
        searched = text.encode("utf-8", "replace")
        if self._any.search(searched) is None:
            return None
        for kind, pattern, judge in self._kinds:
            for number, match in enumerate(pattern.finditer(searched)):
                if judge is None or number >= _MOST_JUDGED:
                    return kind
                value = next((group for group in match.groups() if group is not None), match.group())
                if judge(value.decode("utf-8", "replace")):
                    return kind
        return None


def _options() -> Any:
    options = re2.Options()
    options.never_capture = False
    options.max_mem = 32 << 20
    return options


_SECRET_SEARCH: Final = _Search(_SECRETS)
_PERSONAL_SEARCH: Final = _Search(_PERSONAL)
