"""Columns that look like personal data, by name or by value, and hold none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

from s3_catalog_tests.tagging import made_values as make
from s3_catalog_tests.tagging.personal_columns import Labelled, Maker


def columns() -> Iterator[Labelled]:
    for name, maker in LOOK_ALIKES:
        table, _, column = name.rpartition("/")
        yield Labelled(column=column, maker=maker, table=table)
    yield Labelled(column="name", maker=lambda r: make.sentence(r, 2), beside=("price", "sku"))
    yield Labelled(column="name", maker=lambda r: f"{make.last(r)} GmbH", table="companies", beside=("email", "phone"))


def prefixed(prefix: str, digits: int) -> Maker:
    return lambda r: prefix + make.number(r, digits)


def running(start: int, step: int = 1) -> Maker:
    counter = count(start, step)
    return lambda r: next(counter)


def version(r: Random) -> str:
    return ".".join(str(r.randrange(20)) for _ in range(4))


def small(low: int, high: int) -> Maker:
    return lambda r: r.randrange(low, high)


LOOK_ALIKES: tuple[tuple[str, Maker], ...] = (
    # called like e-mail
    ("email_sent_count", small(0, 50)),
    ("email_type", lambda r: r.choice(("promo", "digest", "receipt"))),
    ("email_verified", lambda r: r.random() < 0.5),
    ("email_hash", lambda r: make.hexadecimal(r, 64)),
    ("email_domain", lambda r: r.choice(make.DOMAINS)),
    ("email_sent_at", make.moment),
    ("mail_subject", make.sentence),
    ("package", lambda r: f"lodash@{r.randrange(9)}.{r.randrange(20)}.{r.randrange(30)}"),
    ("clone_url", lambda r: f"git@git.example.com:team/{r.choice(make.WORDS)}.git"),
    ("handle", lambda r: "@" + r.choice(make.WORDS) + str(r.randrange(99))),
    ("image", lambda r: f"registry.example.com/app@sha256:{make.hexadecimal(r, 64)}"),
    ("message_id", lambda r: f"<{make.letters(r, 20)}@mx.example.com>"),
    # digits like a social security number
    ("order_number", lambda r: make.number(r, 9)),
    ("order_id", running(100_000_001)),
    ("customer_no", lambda r: int(make.number(r, 9))),
    ("part_number", lambda r: f"{make.number(r, 3)}-{make.number(r, 2)}-{make.number(r, 4)}"),
    ("zip4", lambda r: f"{make.number(r, 5)}-{make.number(r, 4)}"),
    ("routing_number", lambda r: make.number(r, 9)),
    ("ssn_last_verified_at", make.moment),
    ("ssn_provided", lambda r: r.choice(("yes", "no"))),
    ("duns", lambda r: f"{make.number(r, 2)}-{make.number(r, 3)}-{make.number(r, 4)}"),
    # digits like a payment card
    ("order_ref", lambda r: make.number(r, 16)),
    ("account_key", lambda r: "4" + make.number(r, 15)),
    ("tracking_number", lambda r: make.number(r, 18)),
    ("created_us", lambda r: 1_700_000_000_000_000 + r.randrange(10**13)),
    ("event_ns", lambda r: 1_700_000_000_000_000_000 + r.randrange(10**16)),
    ("imei", lambda r: "35" + make.number(r, 13)),
    ("loyalty_number", lambda r: "9" + make.number(r, 15)),
    ("card_type", lambda r: r.choice(("visa", "mastercard", "amex"))),
    ("card_last4", lambda r: make.number(r, 4)),
    ("card_count", small(0, 9)),
    ("ean", lambda r: make.number(r, 13)),
    ("masked_card", lambda r: f"**** **** **** {make.number(r, 4)}"),
    # shaped like an IBAN
    ("iban_country", lambda r: r.choice(("DE", "NL", "GB"))),
    ("voucher", lambda r: f"DE{make.number(r, 20)}"),
    ("vat_id", lambda r: f"DE{make.number(r, 9)}"),
    ("bic", lambda r: r.choice(("TESTDEFFXXX", "TESTNL2AXXX", "TESTGB2LXXX"))),
    ("container", lambda r: f"{make.letters(r, 4, 'ABCDEFG')}{make.number(r, 7)}"),
    ("isin", lambda r: f"US{make.number(r, 10)}"),
    # called or shaped like phone numbers
    ("phone_model", lambda r: f"Phone {r.randrange(5, 16)} Pro"),
    ("phone_type", lambda r: r.choice(("home", "work", "mobile"))),
    ("phone_os_version", lambda r: f"{r.randrange(10, 18)}.{r.randrange(9)}"),
    ("phone_price", lambda r: round(r.uniform(99, 1500), 2)),
    ("phone_calls_count", small(0, 90)),
    ("phone_id", running(1_000_023)),
    ("mobile_sessions", small(0, 90_000)),
    ("mobile_app_version", version),
    ("telephony_minutes", small(0, 9000)),
    ("invoice", lambda r: f"2024-{make.number(r, 6)}"),
    ("sku", lambda r: f"{make.number(r, 3)}-{make.number(r, 3)}-{make.number(r, 4)}"),
    ("utc_offset", lambda r: r.choice(("+01:00", "+02:00", "-05:00"))),
    ("unix_time", lambda r: 1_700_000_000 + r.randrange(10**7)),
    ("change_pct", lambda r: f"+{r.randrange(9)}.{r.randrange(99)}"),
    ("isbn", lambda r: f"978-3-{make.number(r, 4)}-{make.number(r, 4)}-{r.randrange(10)}"),
    # called or shaped like IP and MAC addresses
    ("version", version),
    ("app_version", lambda r: f"{r.randrange(100, 200)}.0.{r.randrange(200)}.{r.randrange(200)}"),
    ("release", version),
    ("ip_version", lambda r: r.choice((4, 6))),
    ("section", version),
    ("cidr", lambda r: f"10.{r.randrange(255)}.0.0/16"),
    ("dotted", lambda r: f"1.{r.randrange(9)}.{r.randrange(9)}.{r.randrange(9)}"),
    ("user_agent", lambda r: f"Browser/5.0 (X11) Engine/{r.randrange(100, 140)}.0.0.0 Shell/1.2.3.4"),
    ("oid", lambda r: f"1.3.6.1.{r.randrange(9)}.{r.randrange(300)}"),
    ("clock", lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"),
    ("symbol", lambda r: f"std::{r.choice(make.WORDS)}::add"),
    ("uuid", make.identifier),
    ("object_id", lambda r: make.hexadecimal(r, 24)),
    ("short_hash", lambda r: make.hexadecimal(r, 12)),
    ("cert_fingerprint", lambda r: ":".join(make.hexadecimal(r, 2) for _ in range(20))),
    ("md5", lambda r: make.hexadecimal(r, 32)),
    ("mac_count", small(0, 99)),
    ("is_mac_user", lambda r: r.random() < 0.5),
    ("color_hex", lambda r: "#" + make.hexadecimal(r, 6)),
    # called like names of people
    ("name_of_product", lambda r: make.sentence(r, 2)),
    ("file_name", lambda r: f"{r.choice(make.WORDS)}.csv"),
    ("product_name", lambda r: r.choice(make.WORDS).title()),
    ("hostname", lambda r: f"web-{r.randrange(99)}.example.com"),
    ("products/name", lambda r: " ".join(r.choices(make.WORDS, k=2)).title()),
    ("name", lambda r: r.choice(make.WORDS).title()),
    ("first_name_length", small(2, 12)),
    ("last_name_source", lambda r: r.choice(("web", "import"))),
    ("customer_name_id", running(5000)),
    ("display_name", lambda r: make.sentence(r, 2)),
    ("column_name", lambda r: f"{r.choice(make.WORDS)}_{r.choice(make.WORDS)}"),
    ("company_name", lambda r: f"{make.last(r)} Inc"),
    ("customer_name", lambda r: make.hexadecimal(r, 16)),
    ("city", lambda r: r.choice(("Musterstadt", "Springfield", "Exempleville"))),
    ("renamed_at", make.moment),
    # called like addresses
    ("address_type", lambda r: r.choice(("billing", "shipping"))),
    ("address_id", running(7000)),
    ("web_address", lambda r: f"https://{r.choice(make.WORDS)}.example.com"),
    ("memory_address", lambda r: "0x" + make.hexadecimal(r, 12)),
    ("wallet_address", lambda r: "0x" + make.hexadecimal(r, 40)),
    ("address_count", small(0, 5)),
    ("street_count", small(0, 500)),
    ("addressed_to", lambda r: r.choice(("team", "all", "none"))),
    ("address_verified", lambda r: r.random() < 0.5),
    ("contract_address", lambda r: "0x" + make.hexadecimal(r, 40)),
    # dates that are not of birth, births that are not dates
    ("created_at", make.moment),
    ("order_date", lambda r: str(make.day(r))),
    ("birth_rate", lambda r: round(r.uniform(1, 40), 1)),
    ("birth_country", lambda r: r.choice(("DE", "FR", "US"))),
    ("birthplace", lambda r: r.choice(("Musterstadt", "Springfield"))),
    ("birth_weight", small(1500, 1800)),
    ("birthday_mail_sent_at", make.moment),
    ("datum", lambda r: f"{make.day(r):%d.%m.%Y}"),
    ("expiry_date", lambda r: str(make.day(r, 2020, 2030))),
    ("births", small(0, 400)),
    ("year", small(1950, 2025)),
    # numbers like national ids
    ("booking", lambda r: make.number(r, 11)),
    ("document_ref", lambda r: make.number(r, 13)),
    ("serial", lambda r: f"{make.number(r, 8)}{make.letters(r, 1, 'ABCDEFGH')}"),
    ("ticket_number", lambda r: f"{make.day(r):%y%m%d}-{make.number(r, 4)}"),
    ("case_key", lambda r: make.number(r, 10)),
    ("meter", lambda r: make.number(r, 12)),
    ("id_type", lambda r: r.choice(("passport", "id card"))),
    ("national_id_type", lambda r: r.choice(("dni", "nie"))),
    ("product_code", lambda r: f"{make.letters(r, 6, 'ABCDEFG')}{make.number(r, 2)}A{make.number(r, 2)}B{make.number(r, 3)}C"),
    ("millis", lambda r: 1_700_000_000_000 + r.randrange(10**10)),
    ("stamp", lambda r: f"{make.day(r, 2019, 2025):%Y%m%d}{make.number(r, 6)}"),
    # called or shaped like secrets
    ("token_count", small(1, 9000)),
    ("tokens", lambda r: r.choices(make.WORDS, k=4)),
    ("token_type", lambda r: r.choice(("bearer", "basic"))),
    ("password_changed_at", make.moment),
    ("password_length", small(8, 30)),
    ("has_password", lambda r: r.random() < 0.5),
    ("secret_santa", lambda r: r.choice(make.WORDS)),
    ("key", lambda r: f"{r.choice(make.WORDS)}/{r.randrange(999)}.parquet"),
    ("etag", lambda r: make.hexadecimal(r, 32)),
    ("session_id", make.identifier),
    ("sha256", lambda r: make.hexadecimal(r, 64)),
    ("primary_key", running(1)),
    ("secretary", lambda r: r.choice(("yes", "no"))),
    # numbers like coordinates
    ("price", lambda r: round(r.uniform(1, 90), 2)),
    ("latency", lambda r: round(r.uniform(1, 90), 4)),
    ("lat_ms", lambda r: round(r.uniform(1, 90), 4)),
    ("long_name", lambda r: make.sentence(r, 3)),
    ("score", lambda r: round(r.random(), 6)),
    ("position", small(1, 100)),
    ("rates", lambda r: f"{r.uniform(1, 9):.2f}, {r.uniform(1, 9):.2f}"),
    ("temperature", lambda r: round(r.uniform(-20, 40), 4)),
    ("location", lambda r: r.choice(("Hall A", "Hall B", "Yard"))),
    ("embedding", lambda r: [round(r.uniform(-1, 1), 6) for _ in range(8)]),
    ("longitudinal_study", lambda r: r.choice(("yes", "no"))),
    # nothing at all
    ("amount", lambda r: round(r.uniform(1, 9999), 2)),
    ("description", make.sentence),
    ("settings", lambda r: {"theme": r.choice(("dark", "light")), "size": r.randrange(9), "name": r.choice(make.WORDS)}),
    ("log", lambda r: f"{make.moment(r)} INFO worker-{r.randrange(9)} done in {r.uniform(0, 9):.3f} s id={make.identifier(r)}"),
    ("empty", lambda r: None),
)
