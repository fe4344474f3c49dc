"""Drawing for people: a rich console, grids, lists of facts, numbers and sizes as text.

Keys, names and values come from strangers, so they are escaped (`printable`) and never read as markup. Where output is no terminal nothing
is cut short or wrapped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table as Grid
from rich.text import Text

from s3_catalog.storage import printable

WIDE = 100
"""From this width on there is room for what people can do without."""
_UNLIMITED = 100_000
_BETWEEN = 2
"""What stands between the columns of a grid: padding, and the box's own blank."""


def open_console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; where there is none, as wide as the text."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNLIMITED
    return console


def shown(text: object, style: str = "") -> Text:
    """Foreign text, harmless: control characters escaped, brackets taken as they are."""
    return Text(printable(str(text)), style, overflow="fold")


def build_grid(*headers: str) -> Grid:
    """A grid whose numbers (`>name`) stand to the right."""
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", show_edge=False)
    for number, header in enumerate(headers):
        right = header.startswith(">")
        grid.add_column(shown(header.removeprefix(">")), justify="right" if right else "left", no_wrap=number > 0)
    return grid


def grid_width(widths: Collection[int]) -> int:
    """How wide a grid is whose columns have these widths.

    >>> grid_width([3, 4])
    9
    """
    return sum(widths) + _BETWEEN * (len(widths) - 1)


def print_facts(console: Console, facts: Iterable[tuple[str, object]], *, indent: int = 0) -> None:
    """Names and values; a name that repeats is written once. Off a terminal, without the spaces that fill a grid."""
    rows = [(printable(name), value if isinstance(value, Text) else shown(value)) for name, value in facts]
    names = [name if number == 0 or name != rows[number - 1][0] else "" for number, (name, _) in enumerate(rows)]
    margin = " " * indent
    if not console.is_terminal:
        width = max(map(len, names), default=0)
        for name, (_, value) in zip(names, rows, strict=True):
            console.print(Text.assemble(f"{margin}{name:<{width}}  ", value), soft_wrap=True)
        return
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, (_, value) in zip(names, rows, strict=True):
        grid.add_row(Text(margin + name), value)
    console.print(grid)


def size_text(nbytes: int) -> str:
    """Bytes as people read them.

    >>> size_text(1), size_text(21_261)
    ('1 B', '21.3 kB')
    """
    return decimal(nbytes).replace(" bytes", " B").replace(" byte", " B")


def number_text(count: int, noun: str) -> str:
    """A number of things.

    >>> number_text(1, "table"), number_text(2000, "table")
    ('1 table', '2,000 tables')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def count_text(rows: int | None) -> str:
    """A count, or nothing where there is none."""
    return "" if rows is None else f"{rows:,}"


def time_text(when: datetime | None) -> str:
    """A time to the minute."""
    return "unknown" if when is None else f"{when:%Y-%m-%d %H:%M}"
