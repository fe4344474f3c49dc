"""Which element of an XML document is the row: where people say, else the one that repeats; and what is left out beside it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from s3_catalog.formats._xml_shapes import Place

_NAMED_ELEMENTS = 20


class NoSuchElementError(LookupError):
    """The document has no element at a path; the message says which part is missing, and what is there."""


def find_record(top: Place, rows: str | None = None) -> tuple[str, Place]:
    """Find the element that is one row, and its path.

    It is the outermost element that repeats within its parent and has attributes or children, the most frequent of several; then an
    element that repeats and has a text alone, where the root holds nothing else; then the only element below roots that only wrap it.

    Args:
        rows: its path as people say it, element names joined by slashes; "" is the root.

    Raises:
        NoSuchElementError: there is no element at `rows`.
    """
    if rows is not None:
        return _follow(top, rows)
    level = [("", top)]
    while level:
        level = [(f"{path}/{name}", child) for path, place in level for name, child in place.children.items()]
        repeated = [(path, place) for path, place in level if place.repeats and place.structured]
        if repeated:
            return max(repeated, key=lambda found: found[1].count)
    (root_name, root), path = next(iter(top.children.items())), ""
    path = f"/{root_name}"
    while len(root.children) == 1 and not root.attributes and not root.texts:
        name, child = next(iter(root.children.items()))
        if not child.structured and not child.repeats:
            break
        root, path = child, f"{path}/{name}"
    return path, root


def _follow(top: Place, rows: str) -> tuple[str, Place]:
    names = [name.rpartition(":")[2] for name in rows.strip().strip("/").split("/")]  # prefixes of namespaces are no part of names
    path, place = "", top
    for name in names if names != [""] else list(top.children):
        if name not in place.children:
            there = list(place.children)[:_NAMED_ELEMENTS]
            known = f"the elements there are {', '.join(there)}" if there else "no element is there"
            raise NoSuchElementError(f"there is no {name!r} {f'in {path!r}' if path else 'at the top'}; {known}")
        place, path = place.children[name], f"{path}/{name}"
    return path, place


def other_records(top: Place, path: str) -> list[str]:
    """Siblings of the record that repeat as well: they are tables of their own, which this one leaves out."""
    *_, (_, parent, own) = _way(top, path)
    return [name for name, child in parent.children.items() if name != own and child.repeats and child.structured]


def outer_fields(top: Place, path: str) -> list[str]:
    """Attributes and elements around the record: a document that is a record itself, with a list in it, has them."""
    others = other_records(top, path)
    found = list[str]()
    for above, place, own in _way(top, path):
        found += [f"{above}/@{name}" for name in place.attributes]
        found += [f"{above}/{name}" for name in place.children if name != own and name not in others]
    return found


def is_open_ended(top: Place, path: str) -> bool:
    """Whether more records may follow those seen: an element around them has not ended, and it is the list of them or one of many."""
    way = list(_way(top, path))
    return way[-1][1].is_open or any(place.repeats for _, place, _ in way)


def _way(top: Place, path: str) -> Iterator[tuple[str, Place, str]]:
    """The places above an element, from the document down: the path of each, and the name of the next."""
    place, above = top, ""
    for name in path.strip("/").split("/"):
        yield above, place, name
        place, above = place.children[name], f"{above}/{name}"
