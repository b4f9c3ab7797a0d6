"""Drawings without third-party rights, for screenshots; the local Rekognition finds in each what its name says."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]

# Drawn at twice the size and scaled down, for smooth edges.
_FINENESS = 2
_BLACK, _WHITE, _RED = (24, 25, 28), (249, 248, 244), (205, 38, 42)


class _Scene:
    """A canvas with a sky, and shapes in pixels of the finished picture."""

    def __init__(self, width: int, height: int, top: Colour, bottom: Colour) -> None:
        self.size = (width, height)
        large = (width * _FINENESS, height * _FINENESS)
        shade = Image.linear_gradient("L").resize(large)
        self.image = Image.composite(Image.new("RGB", large, bottom), Image.new("RGB", large, top), shade)
        self._draw = ImageDraw.Draw(self.image)

    def shape(self, points: Iterable[Point], fill: Colour) -> None:
        self._draw.polygon(_fine(points), fill=fill)

    def line(self, points: Iterable[Point], fill: Colour, width: int) -> None:
        self._draw.line(_fine(points), fill=fill, width=width * _FINENESS, joint="curve")

    def ellipse(self, x: float, y: float, radius: float, fill: Colour, height: float = 0) -> None:
        half = height or radius
        self._draw.ellipse(_fine([(x - radius, y - half), (x + radius, y + half)]), fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour, radius: int = 0) -> None:
        self._draw.rounded_rectangle(_fine([(left, top), (right, bottom)]), radius * _FINENESS, fill=fill)

    def text(self, x: float, y: float, words: str, height: int, fill: Colour) -> None:
        font = ImageFont.load_default(height * _FINENESS)
        self._draw.text((x * _FINENESS, y * _FINENESS), words, fill, font, anchor="mm")

    def png(self) -> bytes:
        content = io.BytesIO()
        self.image.resize(self.size, Image.Resampling.LANCZOS).save(content, "PNG")
        return content.getvalue()


def _fine(points: Iterable[Point]) -> list[Point]:
    return [(x * _FINENESS, y * _FINENESS) for x, y in points]


def _around(x: float, y: float, radius: float, degrees: Iterable[float]) -> list[Point]:
    """Points on a circle; 0 degrees are at twelve o'clock."""
    turns = [math.radians(angle) for angle in degrees]
    return [(x + radius * math.sin(turn), y - radius * math.cos(turn)) for turn in turns]


def _hand(x: float, y: float, degrees: float, inner: float, outer: float) -> Sequence[Point]:
    return _around(x, y, inner, [degrees]) + _around(x, y, outer, [degrees])


def _clock() -> _Scene:
    scene = _Scene(600, 450, (236, 226, 208), (214, 196, 170))
    scene.ellipse(308, 238, 172, (190, 170, 140))
    scene.ellipse(300, 225, 170, (60, 44, 36))
    scene.ellipse(300, 225, 152, _WHITE)
    for minute in range(60):
        is_hour = minute % 5 == 0
        scene.line(_hand(300, 225, minute * 6, 120 if is_hour else 136, 143), _BLACK, 6 if is_hour else 2)
    scene.line(_hand(300, 225, 305, -20, 80), _BLACK, 10)
    scene.line(_hand(300, 225, 54, -20, 118), _BLACK, 7)
    scene.line(_hand(300, 225, 190, 0, 125), _RED, 3)
    scene.ellipse(300, 225, 9, _BLACK)
    return scene


def _traffic_light() -> _Scene:
    scene = _Scene(450, 600, (120, 170, 225), (205, 225, 245))
    scene.box(212, 400, 238, 600, (70, 72, 78))
    scene.box(146, 76, 304, 424, (50, 52, 58), 26)
    scene.box(150, 80, 300, 420, (28, 30, 34), 24)
    for y, colour in ((145, (235, 40, 35)), (250, (80, 62, 15)), (355, (18, 70, 35))):
        scene.ellipse(225, y, 44, (12, 12, 14))
        scene.ellipse(225, y, 38, colour)
    scene.ellipse(213, 132, 10, (255, 150, 140), 8)
    return scene


def _stop_sign() -> _Scene:
    scene = _Scene(450, 600, (140, 185, 230), (225, 236, 246))
    scene.shape([(0, 520), (450, 490), (450, 600), (0, 600)], (110, 150, 80))
    scene.box(217, 300, 233, 600, (140, 142, 148))
    corners = [22.5 + 45 * corner for corner in range(8)]
    scene.shape(_around(225, 210, 160, corners), _WHITE)
    scene.shape(_around(225, 210, 150, corners), (196, 22, 32))
    scene.text(225, 210, "STOP", 100, _WHITE)
    return scene


def _umbrella() -> _Scene:
    scene = _Scene(600, 450, (180, 195, 210), (220, 228, 235))
    panels, steps = 6, 20
    for panel in range(panels):
        edges = [[], []]
        for edge, points in enumerate(edges):
            reach = -math.cos(math.pi * (panel + edge) / panels)
            turns = [math.pi / 2 * step / steps for step in range(steps + 1)]
            points += [(300 + 190 * reach * math.sin(turn), 240 - 150 * math.cos(turn)) for turn in turns]
        scene.shape([*edges[0], *reversed(edges[1])], (240, 240, 240) if panel % 2 else (210, 40, 60))
    handle = [
        (325 - 25 * math.cos(math.pi * step / steps), 370 + 25 * math.sin(math.pi * step / steps)) for step in range(21)
    ]
    scene.line([(300, 70), (300, 370), *handle], (60, 45, 40), 7)
    return scene


def _cup() -> _Scene:
    scene = _Scene(600, 450, (225, 215, 205), (170, 130, 95))
    scene.box(0, 300, 600, 450, (140, 95, 60))
    scene.ellipse(300, 350, 150, (110, 72, 44), 26)
    scene.ellipse(415, 235, 60, (235, 235, 240))
    scene.ellipse(415, 235, 38, (196, 170, 145))
    scene.box(190, 130, 410, 350, (240, 240, 245), 30)
    scene.ellipse(300, 135, 110, (215, 215, 222), 26)
    scene.ellipse(300, 138, 98, (70, 40, 22), 20)
    return scene


def _orange() -> _Scene:
    scene = _Scene(600, 450, (245, 240, 230), (215, 200, 180))
    scene.ellipse(310, 360, 150, (185, 165, 140), 26)
    for step in range(60):
        part = step / 60
        colour = (round(230 + 20 * part), round(120 + 45 * part), round(20 + 40 * part))
        scene.ellipse(300 - 30 * part, 225 - 30 * part, 150 * (1 - 0.95 * part), colour)
    scene.ellipse(300, 92, 10, (90, 110, 40), 7)
    scene.shape([(300, 92), (350, 50), (400, 60), (360, 95)], (70, 130, 50))
    return scene


def _ball() -> _Scene:
    scene = _Scene(600, 450, (150, 200, 240), (215, 235, 245))
    scene.box(0, 260, 600, 450, (70, 150, 60))
    scene.ellipse(305, 372, 120, (45, 110, 40), 18)
    scene.ellipse(300, 250, 125, _WHITE)
    corners = [72 * corner for corner in range(5)]
    scene.shape(_around(300, 250, 44, corners), _BLACK)
    for corner in corners:
        scene.line(_hand(300, 250, corner, 44, 80), _BLACK, 3)
        near = _around(300, 250, 79, [corner - 16, corner + 16])
        scene.shape(near + _around(300, 250, 122, [corner + 14, corner - 14]), _BLACK)
    return scene


def _lighthouse() -> _Scene:
    scene = _Scene(450, 600, (95, 160, 225), (240, 225, 205))
    scene.box(0, 480, 450, 600, (40, 95, 140))
    scene.shape([(60, 600), (110, 470), (340, 460), (410, 600)], (95, 90, 80))
    for band in range(6):
        top, half = 170 + band * 52, 38 + band * 5
        corners = [(225 - half, top), (225 + half, top), (230 + half, top + 52), (220 - half, top + 52)]
        scene.shape(corners, _RED if band % 2 else _WHITE)
    scene.box(175, 158, 275, 172, (50, 50, 55))
    scene.box(195, 110, 255, 160, (255, 240, 170))
    for x in (195, 215, 235, 255):
        scene.line([(x, 110), (x, 160)], (50, 50, 55), 3)
    scene.shape([(185, 112), (265, 112), (225, 70)], (180, 35, 35))
    return scene


def _sailing_boat() -> _Scene:
    scene = _Scene(600, 450, (120, 185, 240), (235, 244, 250))
    scene.box(0, 300, 600, 450, (35, 105, 165))
    for wave in range(14):
        y = 330 + (wave * 37) % 100
        scene.line([(40 * wave + 7 * (wave % 3), y), (40 * wave + 40, y)], (90, 150, 200), 2)
    scene.line([(300, 50), (300, 320)], (90, 60, 40), 6)
    scene.shape([(308, 60), (308, 290), (440, 290)], _WHITE)
    scene.shape([(292, 80), (292, 290), (190, 290)], (240, 236, 230))
    scene.shape([(180, 305), (440, 305), (400, 350), (215, 350)], (190, 50, 40))
    scene.ellipse(500, 80, 34, (255, 225, 120))
    return scene


_SCENES: dict[str, Callable[[], _Scene]] = {
    "traffic-light.png": _traffic_light,
    "sailing-boat.png": _sailing_boat,
    "orange.png": _orange,
    "lighthouse.png": _lighthouse,
    "football.png": _ball,
    "umbrella.png": _umbrella,
    "coffee.png": _cup,
    "stop-sign.png": _stop_sign,
    "clock.png": _clock,
}

NAMES = tuple(_SCENES)


@cache
def drawing(name: str) -> bytes:
    """One of the drawings as PNG."""
    return _SCENES[name]().png()
