"""Values that look real and are nobody's: reserved domains, numbers and networks, and numbers made by their check's own rules.

Every function takes a seeded `Random`, so the same seed makes the same values.
"""

from __future__ import annotations

import base64
import datetime as dt
import importlib
import json
import string
import uuid
from collections.abc import Callable
from random import Random

from stdnum import iban as iban_rules
from stdnum import luhn

FIRST = (
    "Erika",
    "Max",
    "Jane",
    "John",
    "Jean",
    "Marie",
    "Juan",
    "María",
    "Luca",
    "Giulia",
    "Zoë",
    "Søren",
    "Jürgen",
    "Anaïs",
    "Pedro",
    "Noor",
)
LAST = (
    "Mustermann",
    "Doe",
    "Smith",
    "Dupont",
    "Pérez",
    "García",
    "Rossi",
    "Müller",
    "O'Neill",
    "Lefèvre",
    "Kowalska",
    "de_Vries",
    "van_den_Berg",
)
STREETS = (
    "Hauptstraße",
    "Bahnhofstr.",
    "Rue de la Paix",
    "Calle Mayor",
    "Via Roma",
    "Main Street",
    "Elm Avenue",
    "Kerkstraat",
    "High Road",
)
WORDS = (
    "alpha",
    "bravo",
    "river",
    "stone",
    "paper",
    "orange",
    "winter",
    "market",
    "signal",
    "engine",
    "copper",
    "garden",
    "mirror",
    "planet",
)
DOMAINS = ("example.org", "example.com", "mail.example.net", "example.de")
CARD_BEGINNINGS = (
    ("411111", 16),
    ("424242", 16),
    ("555555", 16),
    ("222300", 16),
    ("378282", 15),
    ("601111", 16),
    ("353011", 16),
    ("305693", 14),
)


def number(r: Random, length: int) -> str:
    return str(r.randrange(1, 10)) + "".join(r.choices(string.digits, k=length - 1))


def letters(r: Random, length: int, of: str = string.ascii_letters + string.digits) -> str:
    return "".join(r.choices(of, k=length))


def hexadecimal(r: Random, length: int) -> str:
    return letters(r, length, "0123456789abcdef")


def first(r: Random) -> str:
    return r.choice(FIRST)


def last(r: Random) -> str:
    return r.choice(LAST).replace("_", " ")


def full(r: Random) -> str:
    return f"{first(r)} {last(r)}"


def email(r: Random) -> str:
    return f"{letters(r, r.randrange(3, 9), string.ascii_lowercase)}.{letters(r, 6, string.ascii_lowercase)}@{r.choice(DOMAINS)}"


def us_phone(r: Random) -> str:
    """North American numbers kept for fiction: 555-0100 to 555-0199."""
    return f"{r.choice(('202', '212', '303', '415', '617'))}-555-01{r.randrange(100):02}"


def world_phone(r: Random) -> str:
    """Numbers that regulators keep for fiction: Berlin, London, Paris, Washington."""
    kept = (
        f"+49 30 23125{r.randrange(1000):03}",
        f"+44 20 7946 0{r.randrange(1000):03}",
        f"+33 1 99 00 {r.randrange(100):02} {r.randrange(100):02}",
    )
    return r.choice((*kept, f"+1 {us_phone(r)}"))


def card(r: Random) -> str:
    beginning, length = r.choice(CARD_BEGINNINGS)
    body = beginning + "".join(r.choices(string.digits, k=length - len(beginning) - 1))
    return body + luhn.calc_check_digit(body)


def grouped_card(r: Random) -> str:
    text = card(r)
    while len(text) != 16:
        text = card(r)
    return " ".join(text[at : at + 4] for at in range(0, 16, 4))


def iban(r: Random) -> str:
    country, bank, length = r.choice(
        (("DE", "99999999", 10), ("NL", "TEST", 10), ("GB", "TEST999999", 8), ("AT", "99999", 11), ("CH", "99999", 12))
    )
    body = bank + "".join(r.choices(string.digits, k=length))
    return country + iban_rules.calc_check_digits(f"{country}00{body}") + body


def grouped_iban(r: Random) -> str:
    text = iban(r)
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def ssn(r: Random) -> str:
    area = r.choice([n for n in range(1, 900) if n != 666])
    return f"{area:03}-{r.randrange(1, 100):02}-{r.randrange(1, 10000):04}"


def ipv4(r: Random) -> str:
    """Networks for documentation, and private ones."""
    return f"{r.choice(('192.0.2', '198.51.100', '203.0.113', '10.20.30', '192.168.7'))}.{r.randrange(1, 255)}"


def ipv6(r: Random) -> str:
    return f"2001:db8:{hexadecimal(r, 4)}::{hexadecimal(r, 4)}"


def mac(r: Random, mark: str = ":") -> str:
    """Addresses that are set by their owner (second digit 2), which no maker sells."""
    return mark.join(["02", *(hexadecimal(r, 2) for _ in range(5))])


def address(r: Random) -> str:
    return f"{r.choice(STREETS)} {r.randrange(1, 200)}, {r.randrange(10000, 99999)} Musterstadt"


def street(r: Random) -> str:
    return f"{r.choice(STREETS)} {r.randrange(1, 200)}"


def day(r: Random, first_year: int = 1935, last_year: int = 2010) -> dt.date:
    return dt.date(first_year, 1, 1) + dt.timedelta(days=r.randrange((last_year - first_year) * 365))


def moment(r: Random) -> str:
    return f"{day(r, 2019, 2025)}T{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}Z"


def latitude(r: Random) -> float:
    return round(r.uniform(-60, 70), 6)


def longitude(r: Random) -> float:
    return round(r.uniform(-175, 175), 6)


def identifier(r: Random) -> str:
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def sentence(r: Random, words: int = 7) -> str:
    return " ".join(r.choices(WORDS, k=words)).capitalize() + "."


def jwt(r: Random) -> str:
    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    head, claims = json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": number(r, 6)}, separators=(",", ":"))
    return f"{part(head.replace(' ', ''))}.{part(claims)}.{letters(r, 43)}"


def key_block(r: Random) -> str:
    lines = "\n".join(letters(r, 64) for _ in range(3))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


def valid(module: str, candidate: Callable[[Random], str]) -> Callable[[Random], str]:
    """Draw candidates until one passes the check of a national number."""
    rules = importlib.import_module(f"stdnum.{module}")

    def make(r: Random) -> str:
        return next(text for text in (candidate(r) for _ in range(100_000)) if _passes(rules.is_valid, text))

    return make


def _passes(is_valid: Callable[[str], bool], text: str) -> bool:
    try:
        return is_valid(text)
    except LookupError:  # gaps in python-stdnum's tables of places
        return False


def _yymmdd(r: Random) -> str:
    return f"{day(r, 1950, 1999):%y%m%d}"


def _italian(r: Random) -> str:
    born = f"{r.randrange(100):02}{r.choice('ABCDEHLMPRST')}{r.randrange(1, 29):02}"
    return letters(r, 6, string.ascii_uppercase) + born + "H501" + letters(r, 1, string.ascii_uppercase)


NATIONAL: dict[str, Callable[[Random], str]] = {
    "be": valid("be.nn", lambda r: f"{_yymmdd(r)}{number(r, 3)}{r.randrange(97):02}"),
    "br": valid("br.cpf", lambda r: number(r, 11)),
    "br dotted": valid("br.cpf", lambda r: f"{number(r, 3)}.{number(r, 3)}.{number(r, 3)}-{r.randrange(100):02}"),
    "ca": valid("ca.sin", lambda r: f"{number(r, 3)} {number(r, 3)} {number(r, 3)}"),
    "ch": valid("ch.ssn", lambda r: f"756.{number(r, 4)}.{number(r, 4)}.{number(r, 2)}"),
    "cn": valid("cn.ric", lambda r: f"110101{day(r):%Y%m%d}{number(r, 3)}{r.choice('0123456789X')}"),
    "de": valid("de.idnr", lambda r: number(r, 11)),
    "es": valid("es.dni", lambda r: f"{number(r, 8)}{r.choice('TRWAGMYFPDXBNJZSQVHLCKE')}"),
    "es foreign": valid("es.nie", lambda r: f"{r.choice('XYZ')}{number(r, 7)}{r.choice('TRWAGMYFPDXBNJZSQVHLCKE')}"),
    "fi": valid("fi.hetu", lambda r: f"{day(r, 1950, 1999):%d%m%y}-{r.randrange(2, 900):03}{r.choice('0123456789ABCDEFHJKLMNPRSTUVWXY')}"),
    "fr": valid("fr.nir", lambda r: f"{r.choice('12')}{r.randrange(100):02}{r.randrange(1, 13):02}75{number(r, 6)}{r.randrange(98):02}"),
    "gb": valid("gb.nhs", lambda r: number(r, 10)),
    "in": valid("in_.aadhaar", lambda r: f"{r.randrange(2, 10)}{number(r, 11)}"),
    "it": valid("it.codicefiscale", _italian),
    "mx": valid("mx.curp", lambda r: f"BEXA{_yymmdd(r)}{r.choice('HM')}DFRRN0{r.randrange(10)}"),
    "nl": valid("nl.bsn", lambda r: number(r, 9)),
    "no": valid("no.fodselsnummer", lambda r: f"{day(r, 1950, 1999):%d%m%y}{r.randrange(100, 500):03}{r.randrange(100):02}"),
    "pl": valid("pl.pesel", lambda r: f"{_yymmdd(r)}{number(r, 5)}"),
    "se": valid("se.personnummer", lambda r: f"{_yymmdd(r)}-{r.randrange(10000):04}"),
    "tr": valid("tr.tckimlik", lambda r: number(r, 11)),
    "za": valid("za.idnr", lambda r: f"{_yymmdd(r)}{number(r, 4)}08{r.randrange(10)}"),
}
