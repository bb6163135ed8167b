"""The README's pictures are there and show no machine; a recorded session becomes a film."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from screenshots.film import LAST_SECONDS, film
from screenshots.session import IDLE_SECONDS

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def cast_of(path: Path, *events: tuple[float, str, str]) -> Path:
    """A recording of a terminal of 20 by 3."""
    lines = [{"version": 2, "width": 20, "height": 3}, *events]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def filmed(cast: Path, still: str = "") -> tuple[str, list[list[str]]]:
    """The SVG, and the letters that each of its frames shows, row by row."""
    svg = film(cast, still)
    root = ElementTree.fromstring(svg)
    drawn = {row.get("id"): "".join(row.itertext()) for row in root.iter(f"{SVG}g")}
    (strip,) = (group for group in root.iter(f"{SVG}g") if group.get("id") == "film")
    frames = [
        [row for use in frame.iter(f"{SVG}use") if (row := drawn[use.get("href", "")[1:]])]
        for frame in strip.findall(f"{SVG}svg")
    ]
    return svg, frames


def test_every_picture_of_the_readme_is_there() -> None:
    content = (ROOT / "README.md").read_text()
    named = set(re.findall(r"screenshots/[\w.-]+", content))
    assert len(named) > 4
    assert not [name for name in named if not (ROOT / name).is_file()]


@pytest.mark.parametrize(
    "path", sorted([*(ROOT / "screenshots").glob("*.svg"), *(ROOT / "screenshots").glob("*.cast")]),
    ids=lambda path: path.name,
)  # fmt: skip
def test_no_picture_shows_a_path_of_the_machine_it_was_made_on(path: Path) -> None:
    content = path.read_text()
    assert not re.findall(r"(?<![\w.])/(?:tmp|root|home|work|Users|private)\b[^\s<]*", content)


def test_a_film_shows_each_screen_from_its_time_on(tmp_path: Path) -> None:
    cast = cast_of(
        tmp_path / "a.cast",
        (0.0, "o", "one\r\n"),
        (1.0, "i", "x"),
        (1.0, "o", "\x1b[31mtwo < 3\x1b[0m"),
        (2.0, "o", "\x1b[2J\x1b[H"),
    )
    svg, frames = filmed(cast)
    assert frames[:2] == [["one"], ["one", "two < 3"]]
    assert svg.count(">one<") == 1  # once in the file, however often it is shown
    assert f"{100 / (2 + LAST_SECONDS):.3f}%{{" in svg
    assert f"film {2 + LAST_SECONDS:.2f}s step-end infinite" in svg


def test_a_film_does_not_wait_long_and_stands_still_where_nothing_may_move(tmp_path: Path) -> None:
    cast = cast_of(
        tmp_path / "a.cast", (0.0, "o", "one "), (60.0, "o", "two "), (61.0, "o", "\x1b[2J\x1b[Hx")
    )
    svg, frames = filmed(cast, still="two")
    assert len(frames) == 3
    assert f"film {IDLE_SECONDS + 1 + LAST_SECONDS:.2f}s" in svg
    width = ElementTree.fromstring(svg).get("width")
    assert f"#film{{transform:translateX(-{width}px)}}" in svg


def test_a_film_shows_the_shell_again_after_a_full_screen_program(tmp_path: Path) -> None:
    cast = cast_of(
        tmp_path / "a.cast",
        (0.0, "o", "$ deck\r\n"),
        (1.0, "o", "\x1b[?1049h\x1b[Hfull"),
        (2.0, "o", "\x1b[?1049lbye"),
    )
    _, frames = filmed(cast)
    assert frames == [["$ deck"], ["full"], ["$ deck", "bye"]]


def test_a_film_ends_with_what_the_screen_showed_last(tmp_path: Path) -> None:
    cast = cast_of(
        tmp_path / "a.cast", (0.0, "i", "x"), (0.1, "o", "a"), (0.2, "o", "b"), (0.3, "o", "c")
    )
    assert filmed(cast)[1] == [["a"], ["abc"]]
