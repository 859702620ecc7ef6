"""The parts of a page: everything is escaped, and nothing is fetched from anywhere."""

import base64
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import nctheory
from nctheory.drawing import stacked, svg

__all__ = ["Picture", "download", "escaped", "heading", "items", "page", "paragraph", "table", "tiles"]

_TEMPLATE = Path(__file__).with_name("page.html")
_COLUMNS = 3  # of a table that fits on a phone


@dataclass(frozen=True)
class Picture:
    """A matplotlib Figure with what it shows in words, its main number among them, and what to know to read it."""

    figure: Any
    alternative: str
    caption: str

    def markup(self) -> str:
        """The picture in two forms, of which the style shows the one that fits, in print always the wide one."""
        forms = ("wide", svg(self.figure)), ("narrow", svg(stacked(self.figure)))
        images = (
            f'<img class="{kind}" src="{_inline(content)}" alt="{escaped(self.alternative)}">'
            for kind, content in forms
        )
        return f"<figure>{''.join(images)}<figcaption>{escaped(self.caption)}</figcaption></figure>"


def _inline(content: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode('ascii')}"


def escaped(text: object) -> str:
    """Text for HTML: markup loses its meaning, and what cannot be printed is spelled out."""
    return html.escape("".join(map(_printable, str(text))))


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else ascii(letter)[1:-1]


def heading(text: object, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escaped(text)}</h{level}>"


def paragraph(text: object, kind: str | None = None) -> str:
    """A paragraph; lines are joined."""
    named = f' class="{kind}"' if kind else ""
    return f"<p{named}>{escaped(' '.join(str(text).split()))}</p>"


def items(texts: Iterable[object], kind: str | None = None) -> str:
    """A list."""
    named = f' class="{kind}"' if kind else ""
    return f"<ul{named}>{''.join(f'<li>{escaped(text)}</li>' for text in texts)}</ul>"


def tiles(rows: Iterable[tuple[object, object]]) -> str:
    """Names with their numbers, as many beside one another as there is room for."""
    parts = (f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in rows)
    return f'<dl class="tiles">{"".join(parts)}</dl>'


def table(headers: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table; on a narrow screen, one of many columns becomes a list for each row."""
    names = [escaped(header) for header in headers]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(f"<tr>{_cells(names, row)}</tr>" for row in rows)
    kind = ' class="wide"' if len(names) > _COLUMNS else ""
    return f'<div class="scroll"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cells(names: Sequence[str], row: Sequence[object]) -> str:
    return "".join(f'<td data-name="{name}">{escaped(cell)}</td>' for name, cell in zip(names, row, strict=True))


def download(name: str, content: bytes) -> str:
    """A link that holds the file itself."""
    inside = base64.b64encode(content).decode("ascii")
    return f'<a download="{escaped(name)}" href="data:application/json;base64,{inside}">{escaped(name)}</a>'


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document."""
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(version=nctheory.__version__, title=escaped(title), body="\n".join(parts))
