"""Names of people: by the column's name, the names around it and beside it; values can only contradict."""

from __future__ import annotations

import re

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue
from s3_catalog.tagging._names import ABOUT, phrases

_WORD = r"[^\W\d_](?:[^\W\d_]|\.?['’.-])*"
_SHAPE = re.compile(rf"{_WORD}(?:,? {_WORD}){{0,6}}")
_SHOUTED = re.compile(r"[A-Z_]+")
_COMPANY = re.compile(
    r"\b(?:gmbh|mbh|ag|kg|ohg|inc|llc|ltd|plc|corp|co|sarl|sas|srl|spa|bv|nv|oy|ab|group|holding|bank)\b\.?$", re.IGNORECASE
)
_BARE = phrases("name, names, nom, nombre, nome, namn, naam, navn, imie")
_PEOPLE = phrases(
    """
    emp, cust, assignee, manager, reporter, borrower, insured, witness, author, sender, supervisor, child, parent, customer, client, user,
    employee, person, people, patient, member, contact, guest, passenger, student, teacher, applicant, candidate, recipient, beneficiary,
    owner, tenant, subscriber, staff, payer, payee, cardholder, holder, kunde, kunden, mitarbeiter, patienten, nutzer, benutzer, personen,
    ansprechpartner, empfanger, cliente, empleado, usuario, paciente, salarie, utilisateur, personne, klant, kund, voter, donor, driver,
    resident
    """
)
_BEGINNINGS = frozenset(("name", "names", "nom", "nombre"))
_ENDS = _BEGINNINGS | {"nm", "first", "last"}
_ROLES = phrases("* manager, doctor, physician, supervisor, assignee, ansprechpartner, contact person")
_BESIDE = frozenset(
    """
    email birth birthday dob birthdate ssn gender sex age surname lastname geburtsdatum vorname apellido apellidos prenom
    """.split()  # noqa: SIM905  a list of words is read more easily than a list of strings
)
_THINGS = phrases(
    """
    product, company, companies, store, shop, vendor, supplier, brand, city, cities, country, countries, file, project, team, event,
    department, station, hotel, restaurant, organisation, organization, institution, account, category, categories, campaign, region
    """
)
_BESIDE_THINGS = frozenset(
    ("product", "sku", "price", "brand", "stock", "isbn", "founded", "website", "industry", "vat", "area", "population")
)


class PersonNameDetector(ByValue):
    """`first_name` says it; a bare `name` is a person's where customers are around it or birthdays beside it."""

    name = "person_name"
    label = "person name"
    tags = ("PII.Sensitive", "PII.Name")
    certainty = Certainty.NAMED
    needs_name = True
    min_share_named = 0.7
    min_share = 1.0
    looks_for = (
        "names of columns (`first_name`, `nachname`, `apellidos`; `name` in `customers` or beside `birth_date`) over values made of letters"
    )
    names = phrases(
        """
        *first name, *last name, *given name, *family name, middle name, *surname, *full name, maiden name, birth name, forename, *first nm,
        *last nm, player name, doctor, manager, supervisor, assignee, ship to name, bill to name, nom prenom, nombre apellidos, physician,
        author name, fname, lname, name first, name last, given names, legal name, preferred name, customer name, client name, patient name,
        employee name, person name, contact name, contact person, holder name, cardholder, cardholder name, account holder, beneficiary,
        beneficiary name, recipient name, passenger name, guest name, member name, student name, owner name, manager name, doctor name,
        physician name, sender name, user full name, mother* name, father* name, spouse name, vorname, vornamen, nachname, familienname,
        zuname, geburtsname, kundenname, mitarbeitername, patientenname, ansprechpartner, kontoinhaber, prenom, nom de famille, nom complet,
        nom client, nom usage, apellido, primer apellido, segundo apellido, nombre completo, nombre cliente, cognome, sobrenome, nome
        completo, nom famille, primer nombre, segundo nombre, voornaam, achternaam, fornamn, efternamn, etunimi, sukunimi, imie, nazwisko,
        fornavn, etternavn
        """
    )
    other_names = phrases("product, company, file, host, table, field, event, template, campaign, brand, domain, initial, origin, meaning")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if not 2 <= len(text) <= 70 or not _SHAPE.fullmatch(text) or _COMPANY.search(text):
            return False
        if " " not in text and _ROLES.fullmatch(column.text):
            return False
        return not (text.islower() and "-" in text) and "_" not in text and not (_SHOUTED.fullmatch(text) and len(text) < 3)

    def is_named(self, column: ColumnName) -> bool:
        if super().is_named(column):
            return True
        if not ABOUT.search(column.text) and _speaks_of_people(column.words):
            return True
        if column.words in (("first",), ("last",), ("middle",), ("given",), ("family",)) and {"name", "names"} & column.context:
            return True
        if not _BARE.fullmatch(column.text):
            return False
        around = f"_{'__'.join(column.context)}_"
        people, things = _PEOPLE.search(around) is not None, _THINGS.search(around) is not None
        if people and not things:
            return True
        beside = column.siblings & (_BESIDE - {"email"} if things else _BESIDE)  # companies have addresses too
        return bool(beside) and not column.siblings & _BESIDE_THINGS


def _speaks_of_people(words: tuple[str, ...]) -> bool:
    """Whether a noun for names stands beside a noun for people: `cust_name`, `contact_first`, `name des kunden`."""
    if words[-1:] and words[-1] in _ENDS:
        others = words[:-1]
    elif words[:1] and words[0] in _BEGINNINGS:
        others = words[1:]
    else:
        return False
    return _PEOPLE.search(f"_{'__'.join(others)}_") is not None


DETECTOR = PersonNameDetector()
