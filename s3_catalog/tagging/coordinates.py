"""Places on Earth: latitude and longitude in columns of their own, as pairs, and as WKT points."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from s3_catalog.tagging import Certainty, ColumnName, Detection
from s3_catalog.tagging._by_value import ByValue, count_matches, names_itself
from s3_catalog.tagging._names import phrases

_SIDE = r"(?: ?°)?(?: ?[NSEW])?"
_NUMBER = re.compile(rf"([+-]?\d{{1,3}}[.,]\d{{1,18}}){_SIDE}", re.ASCII)
_DETAILED = re.compile(rf"[+-]?\d{{1,3}}[.,]\d{{3,18}}{_SIDE}", re.ASCII)
_SEXAGESIMAL = re.compile(r"\d{1,3}° ?\d{1,2}['′] ?(?:\d{1,2}(?:\.\d+)?(?:[\"″]|'')?)? ?[NSEW]?")
_PAIR = re.compile(r"[(\[]?([+-]?\d{1,3}\.\d{3,18})(?:, ?|; ?| )([+-]?\d{1,3}\.\d{3,18})[)\]]?", re.ASCII)
_POINT = re.compile(
    r"(?:SRID=\d+;)?POINT ?Z? ?\(([+-]?\d{1,3}(?:\.\d+)?) ([+-]?\d{1,3}(?:\.\d+)?)(?: [+-]?[\d.]+)?\)", re.ASCII | re.IGNORECASE
)
_INSIDE = re.compile(r"(?<![\w.,-])([+-]?\d{1,3}\.\d{4,18}), ?([+-]?\d{1,3}\.\d{4,18})(?![\w]|[.,]\d)", re.ASCII)
_LATITUDE = phrases("*latitude", "lat", "breitengrad", "breite", "latitud", "latitudine")
_LONGITUDE = phrases("*longitude, lon, lng, laengengrad, langengrad, longitud, longitudine")
_LONG = phrases("long")
_SINGLE = phrases("coordinate", "coord", "gps")


class CoordinatesDetector(ByValue):
    """Prices and rates have two decimals; a place within 100 metres has three and more."""

    name = "coordinates"
    label = "coordinate"
    tags = ("PII.Location",)
    certainty = Certainty.SHAPED
    min_share_named = 0.7
    min_share = 0.9
    min_values = 2
    looks_for = (
        "numbers within ±90 or ±180, most of them with three decimals and more, where the name says latitude or longitude; "
        "pairs and WKT points by themselves"
    )
    names = phrases(
        """
        coordinate, coordinates, coord, coords, geo, geo point, geopoint, geolocation, geo location, geom, geometry, location, gps, gps *,
        position, lat lon, lat lng, lat long, latlng, latlon, koordinate, koordinaten, point, standort, ll
        """
    )
    other_names = phrases("price, amount, rate, score, ms, sec, seconds, latency, accuracy, precision, version, range, bid, ask")

    def detect(self, column: ColumnName, values: Sequence[str]) -> Detection | None:
        if self.is_other(column) or not values:
            return None
        limit = self._limit(column)
        if limit is None:
            return super().detect(column, values)
        least = self.min_share_named * len(values)
        matched = count_matches((_is_within(text, limit) for text in values), len(values), least)
        # A few places lie on a round number, a column of them does not.
        if not matched or sum(_is_detailed(text) for text in values) < len(values) / 2:
            return None
        return self.claim(column, values, matched, named=True, what="latitude" if limit == 90 else "longitude")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if match := _PAIR.fullmatch(text):
            return _is_place(match[1], match[2]) and (named or _is_far_out(match[1], match[2]))
        if match := _POINT.fullmatch(text):
            return _is_place(match[2], match[1])
        in_pairs = column.path.endswith("[]") or _SINGLE.search(column.text) is not None
        return named and in_pairs and _DETAILED.fullmatch(text) is not None and _is_within(text, 180)

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        if self.is_other(column):
            return
        yield from (match.span() for match in _POINT.finditer(text) if _is_place(match[2], match[1]))
        yield from (match.span() for match in _INSIDE.finditer(text) if _is_place(match[1], match[2]) and _is_far_out(match[1], match[2]))

    def _limit(self, column: ColumnName) -> int | None:
        latitude, longitude = names_itself(_LATITUDE, column), names_itself(_LONGITUDE, column)
        if latitude or longitude:
            return None if _LATITUDE.search(column.text) and _LONGITUDE.search(column.text) else 90 if latitude else 180
        beside = {"lat", "latitude"} & column.siblings
        return 180 if beside and _LONG.fullmatch(column.text) else None


def _is_within(text: str, limit: int) -> bool:
    match = _NUMBER.fullmatch(text)
    return _SEXAGESIMAL.fullmatch(text) is not None if match is None else abs(float(match[1].replace(",", "."))) <= limit


def _is_detailed(text: str) -> bool:
    return _DETAILED.fullmatch(text) is not None or _SEXAGESIMAL.fullmatch(text) is not None


def _is_place(first: str, second: str) -> bool:
    """Whether a pair is one, in either order: GeoJSON puts the longitude first."""
    one, other = abs(float(first)), abs(float(second))
    return (one <= 90 and other <= 180) or (one <= 180 and other <= 90)


def _is_far_out(first: str, second: str) -> bool:
    """Whether a pair is unlike an interval of small numbers. Few places lie this near to both the equator and Greenwich."""
    return max(abs(float(first)), abs(float(second))) > 10


DETECTOR = CoordinatesDetector()
