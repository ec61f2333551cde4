"""Curves over time as SVG, with nothing but text: panels one under the other, each with its own scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _GAP, _ROW = 900, 120, 64, 16, 50, 40, 16
_NAMES_A_ROW = 3
_COLOURS = ("#d9730d", "#0b6e99", "#6940a5", "#0f7b6c", "#e03e3e", "#7a6a58")
_ALONE = "#444444"
_POINTS = 450


@dataclass(frozen=True)
class Curve:
    """A named line: its values at equal distances from the first to the last moment of the chart."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """Curves on one scale that begins at 0."""

    title: str
    curves: Sequence[Curve]


def chart(title: str, hours: float, panels: Sequence[Panel]) -> str:
    """The chart as a document. A name has the same colour in every panel; a curve alone has none."""
    names = [panel.curves for panel in panels if len(panel.curves) > 1]
    shared = list(dict.fromkeys(curve.name for curves in names for curve in curves))
    colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(shared)}
    top = _TOP + _ROW * -(-len(shared) // _NAMES_A_ROW)
    height = top + len(panels) * (_PANEL + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
        ' font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="15" font-weight="bold" fill="#222222">{escape(title)}</text>',
        *_legend(colours),
    ]
    for place, panel in enumerate(panels):
        parts += _panel(panel, hours, top + place * (_PANEL + _GAP), colours)
    return "\n".join([*parts, "</svg>", ""])


def _legend(colours: dict[str, str]) -> list[str]:
    parts = []
    for place, (name, colour) in enumerate(colours.items()):
        row, column = divmod(place, _NAMES_A_ROW)
        x, y = _LEFT + column * (_WIDTH - _LEFT - _RIGHT) // _NAMES_A_ROW, 38 + row * _ROW
        parts.append(f'<rect x="{x}" y="{y - 6}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 20}" y="{y}" fill="#444444">{escape(name)}</text>')
    return parts


def _panel(panel: Panel, hours: float, top: int, colours: dict[str, str]) -> list[str]:
    most = max((max(curve.values, default=0.0) for curve in panel.curves), default=0.0)
    limit = _round_up(most)
    bottom, right = top + _PANEL, _WIDTH - _RIGHT
    parts = [f'<text x="{_LEFT}" y="{top - 7}" fill="#222222">{escape(panel.title)}</text>']
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * _PANEL
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:g}" y2="{y:g}" stroke="#e3e3e3"/>')
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end" fill="#666666">{share * limit:,.4g}</text>'
        )
    for place in range(9):
        x = _LEFT + place / 8 * (right - _LEFT)
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle" fill="#888888">{place / 8 * hours:g} h</text>'
        )
    for curve in panel.curves:
        path = _path(curve.values, limit, bottom, right)
        parts.append(f'<path d="{path}" fill="none" stroke="{colours.get(curve.name, _ALONE)}" stroke-width="1.4"/>')
    return parts


def _path(values: Sequence[float], limit: float, bottom: int, right: int) -> str:
    """The largest value of each stretch, so that no peak is lost."""
    stretch = max(1, -(-len(values) // _POINTS))
    points = [max(values[first : first + stretch]) for first in range(0, len(values), stretch)]
    width = (right - _LEFT) / max(1, len(points) - 1)
    places = (
        f"{_LEFT + place * width:.1f},{bottom - value / limit * _PANEL:.1f}" for place, value in enumerate(points)
    )
    return "M" + "L".join(places)


def _round_up(most: float) -> float:
    """The next of 1, 2, 5, 10, 20 … above."""
    limit = 1.0
    while limit > most > 0:
        limit /= 10
    for _ in range(60):
        for factor in (1, 2, 5):
            if limit * factor >= most:
                return limit * factor
        limit *= 10
    return limit
