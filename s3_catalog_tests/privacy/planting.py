"""Personal data to plant: each value is unique and remembered with its place, so that a hit tells where it came from.

Nobody's real data: reserved domains and networks, numbers kept for fiction, and numbers made by their check's own rules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import phonenumbers

from s3_catalog_tests.tagging import made_values as made

Columns = dict[str, list[Any]]
"""Column -> values, all of one length."""

_SYLLABLES = [f"{consonant}{vowel}" for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted value. `core` is the part of it that nothing else has, in ASCII: a value that was cut or encoded
    still shows it.
    """

    value: str
    core: str
    kind: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.place}: {self.value!r}"


@dataclass(slots=True)
class Planter:
    """Makes values, no two of which are alike."""

    random: Random = field(default_factory=lambda: Random(20260105))
    planted: dict[str, Planted] = field(default_factory=dict)

    def plant(self, kind: str, place: str) -> str:
        """Make one value of a kind."""
        while True:
            value, core = _KINDS[kind](self.random)
            if core not in self.planted:
                self.planted[core] = Planted(value, core, kind, place)
                return value

    def column(self, kind: str, place: str, rows: int) -> list[str]:
        return [self.plant(kind, f"{place} row {row}") for row in range(rows)]


def _word(r: Random, syllables: int = 4) -> str:
    return "".join(r.choices(_SYLLABLES, k=syllables)).capitalize()


def _whole(make: Callable[[Random], str]) -> Callable[[Random], tuple[str, str]]:
    def both(r: Random) -> tuple[str, str]:
        value = make(r)
        return value, value

    return both


def _email(r: Random) -> tuple[str, str]:
    local = f"{_word(r, 3).lower()}.{_word(r, 4).lower()}"
    return f"{local}@{r.choice(made.DOMAINS)}", local


def _name(r: Random) -> tuple[str, str]:
    last = _word(r, 5)
    return f"{made.first(r)} {last}", last


def _street(r: Random) -> tuple[str, str]:
    street = _word(r, 5)
    return f"{street}straße {r.randrange(1, 200)}, {r.randrange(10000, 99999)} Musterstadt", street


def _phone(r: Random) -> str:
    """A number that the numbering plan knows: beside other words no other is taken for one."""
    candidates = (
        r.choice((f"+49 30 23125{n:03}", f"+44 20 7946 0{n:03}", f"+1 {made.us_phone(r)}")) for n in iter(lambda: r.randrange(1000), -1)
    )
    return next(text for text in candidates if phonenumbers.is_valid_number(phonenumbers.parse(text, None)))


def _ssn(r: Random) -> str:
    return f"{r.randrange(100, 665)}-{r.randrange(10, 100)}-{r.randrange(1000, 10000)}"


def _api_key(r: Random) -> str:
    return r.choice(
        (f"sk_live_{made.letters(r, 24)}", f"ghp_{made.letters(r, 36)}", f"AKIA{made.letters(r, 16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}")
    )


def _private_key(r: Random) -> tuple[str, str]:
    block = made.key_block(r)
    return block, block.splitlines()[1][:24]


def _card(r: Random) -> str:
    return next(card for card in iter(lambda: made.card(r), "") if len(card) == 16)


_KINDS: dict[str, Callable[[Random], tuple[str, str]]] = {
    "email": _email,
    "ssn": _whole(_ssn),
    "card": _whole(_card),
    "iban": _whole(made.iban),
    "phone": _whole(_phone),
    "ip": _whole(lambda r: f"10.{r.randrange(100, 256)}.{r.randrange(100, 256)}.{r.randrange(100, 256)}"),
    "ipv6": _whole(lambda r: f"2001:db8:{made.hexadecimal(r, 4)}::{made.hexadecimal(r, 4)}"),
    "mac": _whole(made.mac),
    "name": _name,
    "address": _street,
    "birth date": _whole(lambda r: str(made.day(r, 1935, 1995))),
    "api key": _whole(_api_key),
    "private key": _private_key,
    "latitude": _whole(lambda r: f"{r.randrange(-59, 69)}.{r.randrange(1000000, 9999999)}"),
    "longitude": _whole(lambda r: f"{r.randrange(-170, 170)}.{r.randrange(1000000, 9999999)}"),
    **{
        f"national id {country}": _whole(make)
        for country, make in made.NATIONAL.items()
        if country in ("de", "pl", "it", "es", "nl", "se", "gb", "mx", "br", "in", "tr", "za")
    },
}

TELLING = {
    "email": "email",
    "ssn": "ssn",
    "card_number": "card",
    "iban": "iban",
    "phone": "phone",
    "ip_address": "ip",
    "mac_address": "mac",
    "name": "name",
    "street_address": "address",
    "birth_date": "birth date",
    "api_key": "api key",
    "latitude": "latitude",
    "longitude": "longitude",
}
"""Columns whose names say what they hold -> kind."""
MEANINGLESS = {
    "c1": "email",
    "c2": "ssn",
    "c3": "card",
    "c4": "iban",
    "c5": "phone",
    "c6": "ip",
    "c7": "mac",
    "c8": "api key",
    "c9": "ipv6",
}
NATIONAL = {
    "steuer_id": "de",
    "pesel": "pl",
    "codice_fiscale": "it",
    "dni": "es",
    "bsn": "nl",
    "personnummer": "se",
    "nhs_number": "gb",
    "curp": "mx",
    "cpf": "br",
    "aadhaar": "in",
    "tc_kimlik_no": "tr",
    "sa_id_number": "za",
}


def telling(planter: Planter, place: str, rows: int = 6) -> Columns:
    """People, as texts, under names that say so; `id` and `amount` are nobody's."""
    found: Columns = {"id": [str(row + 1) for row in range(rows)]}
    found |= {column: planter.column(kind, f"{place} {column}", rows) for column, kind in TELLING.items()}
    return found | {"amount": [f"{row}.5" for row in range(rows)]}


def meaningless(planter: Planter, place: str, rows: int = 6) -> Columns:
    """People, as texts, under names that say nothing."""
    found: Columns = {column: planter.column(kind, f"{place} {column}", rows) for column, kind in MEANINGLESS.items()}
    return found | {"n": [str(row) for row in range(rows)]}


def national(planter: Planter, place: str, rows: int = 6) -> Columns:
    """Numbers that states give to people."""
    return {column: planter.column(f"national id {country}", f"{place} {column}", rows) for column, country in NATIONAL.items()}


def texts(planter: Planter, place: str, rows: int = 6) -> Columns:
    """Free text with something private in the middle, and JSON in text. No line breaks."""

    def value(kind: str, row: int) -> str:
        return planter.plant(kind, f"{place} row {row}")

    numbered = range(rows)
    return {
        "number": [str(row) for row in numbered],
        "note": [f"The customer wrote from {value('email', r)} and called {value('phone', r)} about the order." for r in numbered],
        "comment": [f"Please charge {value('card', r)} or {value('iban', r)}; the server {value('ip', r)} was down." for r in numbered],
        "link": [f"https://shop.example.org/unsubscribe?to={value('email', r).replace('@', '%40')}&n={r}" for r in numbered],
        "payload": [f'{{"contact": {{"email": "{value("email", r)}", "phones": ["{value("phone", r)}"]}}, "n": {r}}}' for r in numbered],
        "seen_once": [f"see {value('email', r)} for more of this" if r == 0 else "nothing of note in here today" for r in numbered],
        "mixed": [value("email", r) if r % 2 else value("phone", r) for r in numbered],
    }


def typed(columns: Columns) -> Columns:
    """The values of `telling` in the types that a typed format has for them."""
    types: dict[str, Callable[[str], Any]] = {
        "id": int,
        "amount": float,
        "birth_date": dt.date.fromisoformat,
        "latitude": float,
        "longitude": float,
        "card_number": int,
        "ssn": lambda text: int(text.replace("-", "")),
    }
    return {name: [types[name](value) for value in values] if name in types else values for name, values in columns.items()}


def as_rows(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
