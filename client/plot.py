"""Draw what was measured: throughput and times over the number of requests at once, as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from client.bench import Measured

_WIDTH, _HEIGHT = 360, 240
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 34, 12, 40
_COLOURS = ("#0067b8", "#c4314b")


@dataclass(frozen=True)
class Curve:
    """A line of a panel."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """A diagram over the concurrencies."""

    title: str
    concurrencies: Sequence[int]
    curves: Sequence[Curve]


def plot(title: str, measured: Sequence[Measured]) -> str:
    """The measurements of a service as a picture that browsers and READMEs show."""
    at_once = [one.load.concurrency for one in measured]
    panels = [Panel("output tok/s", at_once, [Curve("", [one.output_per_second for one in measured])])]
    for name, field in (("TTFT, ms", "first"), ("TPOT, ms", "per_token")):
        spreads = [getattr(one, field) for one in measured]
        curves = [
            Curve(label, [spread.percentiles[index] * 1000 if spread else 0.0 for spread in spreads])
            for index, label in enumerate(("p50", "p90"))
        ]
        panels.append(Panel(name, at_once, curves))
    return "\n".join(_picture(title, panels)) + "\n"


def _picture(title: str, panels: Sequence[Panel]) -> Iterator[str]:
    width, height = _WIDTH * len(panels), _HEIGHT + 24
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield f'<text x="12" y="17" font-size="13" font-weight="bold">{escape(title)}</text>'
    for number, panel in enumerate(panels):
        yield f'<g transform="translate({number * _WIDTH} 24)">'
        yield from _panel(panel)
        yield "</g>"
    yield "</svg>"


def _panel(panel: Panel) -> Iterator[str]:
    top = nice(max((value for curve in panel.curves for value in curve.values), default=0))
    xs = [_x(index, len(panel.concurrencies)) for index in range(len(panel.concurrencies))]
    yield f'<text x="{_LEFT}" y="{_TOP - 14}" font-weight="bold">{escape(panel.title)}</text>'
    for part in range(5):
        y = _y(top * part / 4, top)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#dddddd"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{top * part / 4:g}</text>'
    for x, concurrency in zip(xs, panel.concurrencies, strict=True):
        yield f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{concurrency}</text>'
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    yield f'<text x="{middle:g}" y="{_HEIGHT - 8}" text-anchor="middle">requests at once</text>'
    for curve, colour in zip(panel.curves, _COLOURS, strict=False):
        yield from _curve(curve, colour, xs, top)


def _curve(curve: Curve, colour: str, xs: Sequence[float], top: float) -> Iterator[str]:
    points = [(x, _y(value, top)) for x, value in zip(xs, curve.values, strict=True)]
    line = " ".join(f"{x},{y}" for x, y in points)
    yield f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{line}"/>'
    for (x, y), value in zip(points, curve.values, strict=True):
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"><title>{curve.name} {value:.4g}</title></circle>'
    if curve.name:
        x, y = points[-1]
        beside = y + 16 if colour == _COLOURS[0] else y - 7
        yield f'<text x="{x}" y="{beside:g}" text-anchor="end" fill="{colour}">{curve.name}</text>'


def _x(index: int, count: int) -> float:
    room = _WIDTH - _LEFT - _RIGHT
    return round(_LEFT + room * (index + 0.5) / count, 1)


def _y(value: float, top: float) -> float:
    return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top, 1)


def nice(value: float) -> float:
    """The next round number of an axis: 1, 2, 4, 5 or 10 of a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 10) if step * power >= value)
