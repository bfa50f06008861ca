"""Draw measurements as SVG: throughput and latency over the number of concurrent requests."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from client.bench import Measurement, Spread

_WIDTH = 360
_HEIGHT = 240
_TITLE_HEIGHT = 24

_LEFT = 56
_TOP = 34
_RIGHT = 12
_BOTTOM = 40
"""Margins of a panel."""

_COLOURS = ("#0067b8", "#c4314b")
_LINES = 4
_STEPS = (1, 2, 4, 5, 10)
"""Round numbers at the end of an axis, times a power of ten."""


@dataclass(frozen=True)
class Curve:
    """A curve in a panel."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """A diagram over the number of concurrent requests."""

    title: str
    concurrencies: Sequence[int]
    curves: Sequence[Curve]

    @property
    def top(self) -> float:
        """The number at the end of the vertical axis."""
        values = [value for curve in self.curves for value in curve.values]
        return nice(max(values, default=0))


def plot(title: str, measurements: Sequence[Measurement]) -> str:
    """The measurements of a service as an SVG picture, which browsers and READMEs show."""
    concurrencies = [measurement.load.concurrency for measurement in measurements]
    throughput = [measurement.output_per_second for measurement in measurements]
    first = [measurement.first for measurement in measurements]
    per_token = [measurement.per_token for measurement in measurements]
    panels = [
        Panel("output tok/s", concurrencies, [Curve("", throughput)]),
        Panel("TTFT, ms", concurrencies, _percentile_curves(first)),
        Panel("TPOT, ms", concurrencies, _percentile_curves(per_token)),
    ]
    lines = [*_picture(title, panels)]
    return "\n".join(lines) + "\n"


def _percentile_curves(spreads: Sequence[Spread | None]) -> list[Curve]:
    return [
        Curve("p50", [_milliseconds(spread, 0) for spread in spreads]),
        Curve("p90", [_milliseconds(spread, 1) for spread in spreads]),
    ]


def _milliseconds(spread: Spread | None, index: int) -> float:
    if spread is None:
        return 0.0
    return spread.percentiles[index] * 1000


def _picture(title: str, panels: Sequence[Panel]) -> Iterator[str]:
    width = _WIDTH * len(panels)
    height = _HEIGHT + _TITLE_HEIGHT
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">'
    )
    yield _element("title", escape(title))
    yield _element("rect", width=width, height=height, fill="#ffffff")
    yield _element(
        "text",
        escape(title),
        x=12,
        y=17,
        font_size=13,
        font_weight="bold",
    )
    for number, panel in enumerate(panels):
        left = number * _WIDTH
        yield f'<g transform="translate({left} {_TITLE_HEIGHT})">'
        yield from _panel(panel)
        yield "</g>"
    yield "</svg>"


def _element(name: str, content: str = "", **attributes: object) -> str:
    """An SVG element. The attribute `text_anchor` is written `text-anchor`."""
    words = [name]
    for key, value in attributes.items():
        attribute = key.replace("_", "-")
        words.append(f'{attribute}="{value}"')
    tag = " ".join(words)
    if not content:
        return f"<{tag}/>"
    return f"<{tag}>{content}</{name}>"


def _panel(panel: Panel) -> Iterator[str]:
    yield _element(
        "text",
        escape(panel.title),
        x=_LEFT,
        y=_TOP - 14,
        font_weight="bold",
    )
    yield from _vertical_axis(panel)
    yield from _horizontal_axis(panel)
    for curve, colour in zip(panel.curves, _COLOURS, strict=False):
        yield from _curve(panel, curve, colour)


def _vertical_axis(panel: Panel) -> Iterator[str]:
    for number in range(_LINES + 1):
        value = panel.top * number / _LINES
        y = _y(panel, value)
        yield _element(
            "line",
            x1=_LEFT,
            x2=_WIDTH - _RIGHT,
            y1=y,
            y2=y,
            stroke="#dddddd",
        )
        yield _element(
            "text",
            f"{value:g}",
            x=_LEFT - 6,
            y=y + 4,
            text_anchor="end",
        )


def _horizontal_axis(panel: Panel) -> Iterator[str]:
    for index, concurrency in enumerate(panel.concurrencies):
        yield _element(
            "text",
            str(concurrency),
            x=_x(panel, index),
            y=_HEIGHT - _BOTTOM + 16,
            text_anchor="middle",
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    yield _element(
        "text",
        "concurrent requests",
        x=f"{middle:g}",
        y=_HEIGHT - 8,
        text_anchor="middle",
    )


def _curve(panel: Panel, curve: Curve, colour: str) -> Iterator[str]:
    xs = [_x(panel, index) for index in range(len(curve.values))]
    ys = [_y(panel, value) for value in curve.values]
    points = [f"{x},{y}" for x, y in zip(xs, ys, strict=True)]
    yield _element(
        "polyline",
        fill="none",
        stroke=colour,
        stroke_width=2,
        points=" ".join(points),
    )
    for x, y, value in zip(xs, ys, curve.values, strict=True):
        tooltip = _element("title", f"{curve.name} {value:.4g}")
        yield _element(
            "circle",
            tooltip,
            cx=x,
            cy=y,
            r=3,
            fill=colour,
        )
    if curve.name:
        yield _curve_name(curve.name, colour, xs[-1], y=ys[-1])


def _curve_name(name: str, colour: str, x: float, y: float) -> str:
    """The name of a curve at its last point: below the first curve, above the second."""
    offset = -7
    if colour == _COLOURS[0]:
        offset = 16
    return _element(
        "text",
        name,
        x=x,
        y=f"{y + offset:g}",
        text_anchor="end",
        fill=colour,
    )


def _x(panel: Panel, index: int) -> float:
    width = _WIDTH - _LEFT - _RIGHT
    return round(_LEFT + width * (index + 0.5) / len(panel.concurrencies), 1)


def _y(panel: Panel, value: float) -> float:
    height = _HEIGHT - _TOP - _BOTTOM
    return round(_HEIGHT - _BOTTOM - height * value / panel.top, 1)


def nice(value: float) -> float:
    """The next round number at or above a value: 1, 2, 4, 5 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for step in _STEPS:
        if step * power >= value:
            return step * power
    return 10 * power
