"""Columns that hold what detectors look for, with the detectors that should say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from s3_catalog_tests.tagging import made_values as make

ROWS = 40
Maker = Callable[[Random], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One column: its name, its table's, the names beside it, how a value is made, and the detectors that should claim it."""

    column: str
    maker: Maker
    detectors: tuple[str, ...] = ()
    table: str = ""
    beside: tuple[str, ...] = ()


def some(maker: Maker, share: float, other: object) -> Maker:
    """Of each hundred values, some are made and the others are given (null, broken)."""
    return lambda r: maker(r) if r.random() < share else other


def columns() -> Iterator[Labelled]:
    for detector, listed in BY_DETECTOR.items():
        for name, maker in listed:
            table, _, column = name.rpartition("/")
            yield Labelled(column=column, maker=maker, detectors=(detector,), table=table)
    yield from SEVERAL


BY_DETECTOR: dict[str, list[tuple[str, Maker]]] = {
    "email": [
        ("users/email", make.email),
        ("EMailAdresse", some(make.email, 0.9, None)),
        ("user_email", some(make.email, 0.85, "not given")),
        ("login", make.email),
        ("v7", make.email),
        ("recipients", lambda r: f"{make.email(r)}; {make.email(r)}"),
        ("from_header", lambda r: f"{make.full(r)} <{make.email(r)}>"),
        ("comment", some(lambda r: f"{make.sentence(r)} Write to {make.email(r)} please.", 0.3, "Nothing to add here.")),
        ("payload", lambda r: {"type": "signup", "contact": {"mail": make.email(r)}, "n": r.randrange(9)}),
        ("members", lambda r: [make.email(r) for _ in range(3)]),
        ("event", lambda r: f'{{"kind": "click", "who": "{make.email(r)}"}}'),
        ("landing_url", some(lambda r: f"https://example.com/in?e={make.email(r)}&x=1", 0.2, "https://example.com/in")),
    ],
    "us_ssn": [
        ("ssn", make.ssn),
        ("SSN", lambda r: int(make.ssn(r).replace("-", ""))),
        ("socialSecurityNumber", lambda r: make.ssn(r).replace("-", "")),
        ("ssn_number", some(lambda r: float(make.ssn(r).replace("-", "")), 0.8, None)),
        ("col_4", make.ssn),
        ("employee_ssn", some(make.ssn, 0.9, "000-00-0000")),
        ("remarks", some(lambda r: f"{make.sentence(r)} SSN {make.ssn(r)}", 0.2, "No remarks were made.")),
        ("applicant", lambda r: {"ssn": make.ssn(r), "score": r.randrange(300, 850)}),
    ],
    "payment_card": [
        ("card_number", make.card),
        ("cc", make.grouped_card),
        ("pan", lambda r: int(make.card(r))),
        ("kreditkartennummer", make.card),
        ("c12", make.card),
        ("numero_tarjeta", some(make.card, 0.7, "1234567890123456")),
        ("payment", lambda r: {"method": "card", "number": make.card(r)}),
        ("ticket", some(lambda r: f"{make.sentence(r)} They paid with {make.grouped_card(r)}.", 0.2, "They paid in cash.")),
    ],
    "iban": [
        ("iban", make.iban),
        ("kontoIBAN", make.grouped_iban),
        ("bank_account", make.iban),
        ("field_9", lambda r: make.iban(r).lower()),
        ("creditor", lambda r: {"iban": make.iban(r), "amount": r.randrange(1000)}),
        ("purpose", some(lambda r: f"{make.sentence(r)} to {make.grouped_iban(r)} soon", 0.2, "Rent for the market hall.")),
        ("accounts", lambda r: [make.iban(r), make.iban(r)]),
    ],
    "phone": [
        ("phone", make.us_phone),
        ("telefon", lambda r: f"030 23125{r.randrange(1000):03}"),
        ("mobilePhone", make.world_phone),
        ("tel_no", lambda r: int(f"4930231250{r.randrange(100):02}")),
        ("contact_value", make.world_phone),
        ("handynummer", lambda r: f"0171/{make.number(r, 7)}"),
        ("telefono_movil", lambda r: make.number(r, 9)),
        ("fax", some(make.world_phone, 0.8, "none")),
        ("x2", lambda r: f"({make.us_phone(r)[:3]}) {make.us_phone(r)[4:]}"),
        ("numero_telephone", lambda r: f"01 99 00 {r.randrange(100):02} {r.randrange(100):02}"),
        ("note", some(lambda r: f"{make.sentence(r)} Call {make.world_phone(r)}", 0.25, "Left no number behind.")),
        ("customer", lambda r: {"phone": make.us_phone(r), "vip": r.random() < 0.1}),
    ],
    "ip_address": [
        ("ip", make.ipv4),
        ("client_ip", make.ipv6),
        ("remote_addr", some(make.ipv4, 0.9, "-")),
        ("sourceIPAddress", lambda r: f"{make.ipv4(r)}:{r.randrange(1024, 65000)}"),
        ("c", make.ipv4),
        ("last_login_from", make.ipv4),
        ("line", lambda r: f'{make.ipv4(r)} - - "GET /{r.choice(make.WORDS)} HTTP/1.1" 200 {r.randrange(9999)}'),
        ("peers", lambda r: [make.ipv4(r), make.ipv6(r)]),
    ],
    "mac_address": [
        ("mac", make.mac),
        ("deviceMacAddress", lambda r: make.mac(r, "-").upper()),
        ("bssid", make.mac),
        ("hw", make.mac),
        ("mac_addr", lambda r: make.mac(r, "")),
        ("switch_entry", lambda r: f"{make.hexadecimal(r, 4)}.{make.hexadecimal(r, 4)}.{make.hexadecimal(r, 4)}"),
        ("dhcp_log", lambda r: f"DHCPACK to {make.mac(r)} via eth0"),
    ],
    "person_name": [
        ("first_name", make.first),
        ("LastName", make.last),
        ("nachname", make.last),
        ("customers/name", make.full),
        ("prenom", make.first),
        ("apellidos", lambda r: f"{make.last(r)} {make.last(r)}"),
        ("fullName", lambda r: f"{make.last(r)}, {make.first(r)}"),
        ("patient_name", lambda r: make.full(r).upper()),
        ("ansprechpartner", lambda r: f"Dr. {make.full(r)}"),
        ("cardholder", make.full),
        ("employee", lambda r: {"name": make.full(r), "grade": r.randrange(9)}),
        ("emergencyContactName", make.full),
    ],
    "postal_address": [
        ("address", make.address),
        ("street", make.street),
        ("shipping_address", some(make.address, 0.9, None)),
        ("straße", make.street),
        ("billingAddressLine1", make.street),
        ("direccion", make.address),
        ("wohnadresse", make.address),
        ("adresse_postale", make.address),
        ("customer", lambda r: {"address": {"street": make.street(r), "floor": r.randrange(9)}}),
    ],
    "birth_date": [
        ("date_of_birth", lambda r: str(make.day(r))),
        ("dob", lambda r: f"{make.day(r):%m/%d/%Y}"),
        ("geburtsdatum", lambda r: f"{make.day(r):%d.%m.%Y}"),
        ("birthDate", lambda r: f"{make.day(r)}T00:00:00"),
        ("fecha_nacimiento", lambda r: f"{make.day(r):%d/%m/%Y}"),
        ("date_naissance", lambda r: int(f"{make.day(r):%Y%m%d}")),
        ("birth_year", lambda r: make.day(r).year),
        ("birthday", lambda r: f"{make.day(r).day} March {make.day(r).year}"),
        ("patient", lambda r: {"birth_date": str(make.day(r)), "ward": r.randrange(20)}),
    ],
    "national_id": [
        ("dni", make.NATIONAL["es"]),
        ("nie", make.NATIONAL["es foreign"]),
        ("codice_fiscale", make.NATIONAL["it"]),
        ("nir", make.NATIONAL["fr"]),
        ("steuer_id", make.NATIONAL["de"]),
        ("bsn", lambda r: int(make.NATIONAL["nl"](r))),
        ("pesel", make.NATIONAL["pl"]),
        ("personnummer", make.NATIONAL["se"]),
        ("hetu", make.NATIONAL["fi"]),
        ("cpf", make.NATIONAL["br"]),
        ("aadhaar_no", make.NATIONAL["in"]),
        ("id_number", make.NATIONAL["za"]),
        ("resident_id", make.NATIONAL["cn"]),
        ("rijksregisternummer", make.NATIONAL["be"]),
        ("curp", make.NATIONAL["mx"]),
        ("nhs_number", make.NATIONAL["gb"]),
        ("ahv_nr", make.NATIONAL["ch"]),
        ("sin", make.NATIONAL["ca"]),
        ("tc_kimlik", make.NATIONAL["tr"]),
        ("fodselsnummer", make.NATIONAL["no"]),
        ("col_a", make.NATIONAL["it"]),
        ("kennung", make.NATIONAL["br dotted"]),
        ("national_id", some(make.NATIONAL["es"], 0.6, "12345")),
        ("citizen", lambda r: {"pesel": make.NATIONAL["pl"](r)}),
    ],
    "secret": [
        ("aws_access_key_id", lambda r: "AKIA" + make.letters(r, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
        ("github", lambda r: "ghp_" + make.letters(r, 36)),
        ("stripe_key", lambda r: "sk_test_" + make.letters(r, 24)),
        ("slack", lambda r: "xoxb-" + make.number(r, 12) + "-" + make.letters(r, 24)),
        ("google_key", lambda r: "AIza" + make.letters(r, 35)),
        ("session", make.jwt),
        ("pem", make.key_block),
        ("password", lambda r: make.letters(r, 10)),
        ("passwort", lambda r: r.choice(make.WORDS) + str(r.randrange(100))),
        ("api_key", lambda r: make.letters(r, 32)),
        ("client_secret", lambda r: make.hexadecimal(r, 40)),
        ("dsn", lambda r: f"postgresql://app:{make.letters(r, 12)}@db.example.com/app"),
        ("config_line", some(lambda r: f"export API_KEY={make.letters(r, 30)} # {make.sentence(r, 3)}", 0.3, "set -e # stop at errors")),
        ("connection", lambda r: {"user": "app", "password": make.letters(r, 14)}),
    ],
    "coordinates": [
        ("latitude", make.latitude),
        ("lng", make.longitude),
        ("breitengrad", lambda r: str(make.latitude(r))),
        ("location", lambda r: f"{make.latitude(r)}, {make.longitude(r)}"),
        ("c3", lambda r: f"{make.latitude(r)},{make.longitude(r)}"),
        ("geom", lambda r: f"POINT ({make.longitude(r)} {make.latitude(r)})"),
        ("pickup_longitude", make.longitude),
        ("home", lambda r: {"lat": make.latitude(r), "lon": make.longitude(r)}),
        ("geometry", lambda r: {"type": "Point", "coordinates": [make.longitude(r), make.latitude(r)]}),
    ],
}

SEVERAL: tuple[Labelled, ...] = (
    Labelled(column="name", maker=make.full, detectors=("person_name",), beside=("birth_date", "gender")),
    Labelled(column="long", maker=make.longitude, detectors=("coordinates",), beside=("lat",)),
    Labelled(column="contact", maker=lambda r: r.choice((make.email, make.world_phone))(r), detectors=("email", "phone")),
    Labelled(column="body", maker=lambda r: f"{make.sentence(r)} {make.email(r)}, {make.world_phone(r)}", detectors=("email", "phone")),
    Labelled(
        column="person",
        maker=lambda r: {"first_name": make.first(r), "emails": [make.email(r)], "born_on": str(make.day(r)), "ip": make.ipv4(r)},
        detectors=("person_name", "email", "birth_date", "ip_address"),
    ),
    Labelled(
        column="raw",
        maker=lambda r: f'{{"ssn": "{make.ssn(r)}", "card": "{make.card(r)}", "iban": "{make.iban(r)}", "mac": "{make.mac(r)}"}}',
        detectors=("us_ssn", "payment_card", "iban", "mac_address"),
    ),
    Labelled(column="quota", maker=lambda r: {make.email(r): r.randrange(100)}, detectors=("email",)),
)
