"""HTML pages that need nothing besides themselves, light or dark as the reader's system is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

_PAGE_WIDTH = 1500  # pixels of a picture that is still readable where it is made to fit

_STYLE = """
:root { color-scheme: light dark; --ink: #24292f; --ground: #fff; --faint: #d0d7de; --soft: #f6f8fa;
  --warning: #cf222e; --note: #1f6feb; --healthy: #1a7f37 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --ground: #0d1117; --faint: #30363d;
  --soft: #161b22; --warning: #ff7b72; --note: #58a6ff; --healthy: #3fb950 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--ground) }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.6rem; border-top: 1px solid var(--faint);
  padding-top: 1rem } h3 { font-size: 1rem }
figure { margin: 1.2rem 0 } figure.wide { overflow-x: auto } figure.wide img { max-width: none }
figcaption { font-size: .9rem } img { max-width: 100%; height: auto }
pre { background: var(--soft); padding: .8rem; overflow: auto; max-height: 24rem; white-space: pre-wrap }
summary { cursor: pointer; font-size: .9rem } .facts { font-size: .9rem }
table { border-collapse: collapse; font-size: .9rem; display: block; overflow-x: auto }
td, th { padding: .2rem 1.2rem .2rem 0; text-align: left; border-bottom: 1px solid var(--faint);
  overflow-wrap: anywhere }
td + td { font-variant-numeric: tabular-nums }
"""


def page(title: str, parts: Iterable[str], style: str = "") -> str:
    """A whole page of parts in HTML. `style` is CSS besides that of every page."""
    name = escape(title)
    head = (
        f"<meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{name}</title><style>{_STYLE}{style}</style>"
    )
    body = [f"<h1>{name}</h1>", *parts]
    return "\n".join(["<!doctype html><html lang=en>", head, *body, "</html>", ""])


def heading(text: str, level: int = 2) -> str:
    """A heading of a part."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str) -> str:
    """A paragraph."""
    return f"<p class=facts>{escape(text)}</p>"


def block(text: str) -> str:
    """Text as it stands."""
    return f"<pre>{escape(text)}</pre>"


def details(summary: str, text: str) -> str:
    """Text that is shown when its summary is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{block(text)}</details>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    head = "".join(f"<th>{escape(name)}" for name in columns)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(cell)}' for cell in row)}" for row in rows)
    return f"<table><tr>{head}{lines}</table>"


def figure(caption: str, light: bytes, dark: bytes) -> str:
    """A PNG that is there twice: the reader's system chooses the light or the dark one. One that would be too
    small to read at the page's width is scrolled.
    """
    width = int.from_bytes(light[16:20], "big")  # of the header that every PNG begins with
    wide = " class=wide" if width > _PAGE_WIDTH else ""
    return (
        f"<figure{wide}><picture>"
        f"<source media='(prefers-color-scheme: dark)' srcset='{_url(dark)}'>"
        f"<img alt='{escape(caption, quote=True)}' src='{_url(light)}'></picture>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _url(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"
