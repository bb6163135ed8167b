"""`plot`: charts in letters, points as data, and pictures as files."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli import main
from engine.cli.chart import FAINT, Look, draw, look_of, picture_of_one, picture_of_several
from engine.cli.figure import COLOURS, MOST_COLUMNS, thinned
from engine.compare.side import Series, read_side, series, smoothed
from engine.curves import Curve
from engine.job import Job
from engine.status import JobState
from engine.store import Store
from engine.text import cells, clean_text
from tests.engine.cli_jobs import make_job, measure, tunedeck

PLAIN = Look()
COLOURED = Look(colours=True)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    return Store(tmp_path / "home")


@pytest.fixture
def job(store: Store) -> Job:
    made = make_job(store, JobState.COMPLETED, name="one", step=40)
    measure(made, 100, gpu=True)
    return made


@pytest.fixture
def other(store: Store) -> Job:
    made = make_job(store, JobState.FAILED, name="two", step=40)
    measure(made, 60, rate=4e-4, broken_from=50)
    return made


def curve(ys: list[float]) -> Curve:
    return Curve(np.arange(1.0, len(ys) + 1), np.array(ys))


# --- letters --------------------------------------------------------------------------------------


def test_a_chart_fits_and_carries_no_sequence_unless_colours_are_wanted(job: Job) -> None:
    found = series(read_side(job), "loss")
    picture = picture_of_one(found, "loss", "step", smoothed=smoothed(found.line, "loss"))
    plain = draw(picture, 70, 12, PLAIN)
    assert len(plain) == 12
    assert all(len(line) <= 70 for line in plain)
    assert "\x1b" not in "".join(plain)
    coloured = draw(picture, 70, 12, COLOURED)
    assert [clean_text(line) for line in coloured] == plain
    assert f"\x1b[38;5;{FAINT}m" in "".join(coloured)
    assert all(line.count("m") >= 2 * line.count("\x1b[38") for line in coloured), "all end"


def test_there_is_no_chart_of_one_point_and_none_in_no_room() -> None:
    one = Series(curve([1.0]))
    assert draw(picture_of_one(one, "loss", "step"), 70, 12, PLAIN) == []
    two = picture_of_one(Series(curve([1.0, 2.0])), "loss", "step")
    assert draw(two, 70, 4, PLAIN) == ["loss by optimizer step"]
    assert all(len(line) <= 20 for line in draw(two, 20, 12, PLAIN))


def test_a_curve_without_numbers_at_its_end_has_a_badge_and_a_gap() -> None:
    broken = Series(curve([3.0] * 50 + [float("nan")] * 50))
    lines = draw(picture_of_one(broken, "loss", "step"), 70, 12, PLAIN)
    assert "! NaN since 51" in lines[0]
    drawn = "\n".join(line[40:] for line in lines[1:-2])
    assert drawn.strip() == ""


def test_a_curve_that_never_was_a_number_is_drawn_as_nothing() -> None:
    empty = Series(curve([float("nan")] * 5))
    assert "NaN since 1" in draw(picture_of_one(empty, "loss", "step"), 70, 12, PLAIN)[0]


def test_of_several_jobs_each_carries_its_letter_without_colour(job: Job, other: Job) -> None:
    sides = [read_side(one) for one in (job, other)]
    found = [series(side, "loss") for side in sides]
    smooth = [smoothed(one.line, "loss") for one in found]
    picture = picture_of_several(["one", "two"], found, "loss", "step", smoothed=smooth)
    head, *rows = draw(picture, 80, 16, PLAIN)
    assert "A one" in head
    assert "B two" in head
    assert "two: NaN since 50" in head
    body = "\n".join(rows)
    assert body.count("A") >= 3
    assert body.count("B") >= 2
    in_ascii = draw(picture, 80, 16, Look(ascii_only=True))
    assert "".join(in_ascii).isascii()
    assert "\n".join(in_ascii).count("a") > 10, "the lines themselves are told apart"


def test_a_logarithmic_chart_has_round_ticks_and_drops_what_it_cannot_show() -> None:
    picture = picture_of_one(Series(curve([0.01, 0.1, 1.0, -5.0])), "x", "step", log=True)
    lines = draw(picture, 70, 14, PLAIN)
    assert "(log)" in lines[0]
    ticks = [line.partition("┤")[0].strip() for line in lines if "┤" in line]
    assert {"1", "0.1", "0.01"} <= set(ticks)


def test_a_legend_that_is_too_long_takes_more_lines() -> None:
    found = [Series(curve([1.0, 2.0]))] * 4
    names = ["a-rather-long-name-0001"] * 4
    picture = picture_of_several(names, found, "loss", "step", smoothed=[s.line for s in found])
    lines = draw(picture, 60, 14, PLAIN)
    assert len(lines) == 14
    assert sum("a-rather" in line for line in lines) >= 2
    assert all(cells(line) <= 60 for line in lines)


def test_colours_are_for_people_who_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert look_of(Terminal()) == Look(colours=True)
    assert look_of(io.StringIO()).colours is False
    monkeypatch.setenv("NO_COLOR", "1")
    assert look_of(Terminal()).colours is False
    assert look_of(Terminal(), ascii_only=True).ascii_only


def test_ticks_of_one_axis_are_written_alike() -> None:
    long = Series(Curve(np.array([1.0, 480_000.0]), np.array([1.0, 2.0])))
    ticks = draw(picture_of_one(long, "loss", "step"), 90, 12, PLAIN)[-1].split()
    assert ticks == ["0", "100k", "200k", "300k", "400k"]


def test_plot_draws_each_metric_and_says_what_is_missing(
    job: Job, other: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plot", "one", "--metric", "loss", "--metric", "memory"]) == 0
    shown = capsys.readouterr().out
    assert "loss by optimizer step" in shown
    assert "GPU memory, GiB by time of work, seconds" in shown
    other.metrics_file.write_text(
        other.metrics_file.read_text().replace('"num_tokens"', '"other_tokens"')
    )
    assert main(["plot", "one", "two", "--by", "tokens"]) == 0
    assert f"{other.id} measured no loss by tokens" in capsys.readouterr().err


def test_json_prints_the_points_and_null_for_what_is_no_number(
    other: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plot", "two", "--metric", "loss", "--metric", "learning_rate", "--json"]) == 0
    loss, rate = json.loads(capsys.readouterr().out)
    assert (loss["metric"], loss["axis"], rate["metric"]) == ("loss", "step", "learning_rate")
    line = loss["jobs"][0]["line"]
    assert line["x"] == list(range(1, 61))
    assert line["y"][48] is not None
    assert line["y"][49:] == [None] * 11
    assert loss["jobs"][0]["dots"]["x"] == [10, 20, 30, 40, 50, 60]


# --- pictures -------------------------------------------------------------------------------------


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def test_a_picture_has_the_asked_size_and_the_colours_of_its_jobs(
    job: Job, other: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "loss.png"
    assert main(["plot", "one", "two", "--out", str(target), "--size", "640x400"]) == 0
    assert capsys.readouterr().err == f"wrote {target}\n"
    with Image.open(target) as picture:
        assert picture.size == (640, 400)
        counted = picture.convert("RGB").getcolors(1_000_000)
    assert counted is not None
    colours = {colour: count for count, colour in counted}
    assert colours.get(rgb(COLOURS[0]), 0) > 50
    assert colours.get(rgb(COLOURS[1]), 0) > 50
    assert list(tmp_path.glob(".loss*")) == [], "no half of a file is left"


@pytest.mark.parametrize(
    ("suffix", "head"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF-1")]
)
def test_the_suffix_decides_the_form_and_the_same_points_make_the_same_file(
    job: Job, tmp_path: Path, suffix: str, head: bytes
) -> None:
    target = tmp_path / f"loss.{suffix}"
    contents = []
    for _ in range(2):
        assert main(["plot", "one", "-o", str(target), "--log", "--smooth", "5"]) == 0
        contents.append(target.read_bytes())
    assert contents[0].startswith(head)
    assert contents[0] == contents[1]


def test_a_gap_in_the_curve_is_a_gap_in_the_picture(store: Store, tmp_path: Path) -> None:
    job = make_job(store, JobState.COMPLETED, name="torn")
    lines = [
        f'{{"kind": "train", "step": {s}, "loss": {"null" if 40 < s < 60 else "1.0"}}}'
        for s in range(1, 101)
    ]
    job.metrics_file.write_text("\n".join(lines) + "\n")
    assert main(["plot", "torn", "-o", str(tmp_path / "torn.png"), "--smooth", "0"]) == 0
    with Image.open(tmp_path / "torn.png") as picture:
        pixels = np.array(picture.convert("RGB"))
    drawn = np.flatnonzero((pixels == rgb(COLOURS[0])).all(axis=2).any(axis=0))
    widest = np.diff(drawn).max()
    assert 0.12 < widest / (drawn[-1] - drawn[0]) < 0.28


def test_a_long_curve_is_drawn_by_its_extremes() -> None:
    ys = np.sin(np.arange(1_000_000.0))
    ys[123_456], ys[700_000:710_000] = 99.0, np.nan
    thin = thinned(Curve(np.arange(1_000_000.0), ys))
    assert len(thin) < 4 * MOST_COLUMNS
    assert np.nanmax(thin.ys) == 99.0
    assert np.isnan(thin.ys).sum() >= 2
    short = curve([1.0, 2.0])
    assert thinned(short) is short


def test_an_old_picture_survives_a_failure(
    job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "loss.png"
    target.write_bytes(b"old")

    def full(path: Path, to: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert main(["plot", "one", "-o", str(target)]) == 5
    assert "No space left on device" in capsys.readouterr().err
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.glob("*loss*")] == ["loss.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["one", "-o", "loss.jpg"], 2, ".png, .svg, .pdf"),
        (["one", "-o", "loss"], 2, ".png, .svg, .pdf"),
        (["one", "-o", "no/such/loss.png"], 2, "no such folder"),
        (["one", "-o", "x" * 300 + ".png"], 5, "cannot be written"),
        (["one", "--metric", "los"], 2, "did you mean loss?"),
        (["one", "one"], 2, "stands twice"),
        (["waits"], 4, "has measured nothing yet"),
        (["one", "--size", "wide"], 2, "like 1200x700"),
        (["one", "--size", "99999x10"], 2, "between 200 and 10000"),
        (["one", "--smooth", "-2"], 2, "is no number of points"),
        (["one", "--metric", "memory", "--by", "step"], 2, "--by time"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    store: Store,
    job: Job,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    make_job(store, JobState.QUEUED, name="waits")
    assert main(["plot", *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    assert "hint: " in shown.err


def test_matplotlib_keeps_its_fonts_in_our_folder_and_reads_nobody_s_settings(
    store: Store, job: Job, tmp_path: Path
) -> None:
    home = tmp_path / "user"
    (home / ".config" / "matplotlib").mkdir(parents=True)
    (home / ".config" / "matplotlib" / "matplotlibrc").write_text("figure.facecolor: black\n")
    theirs = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": ""}
    target = tmp_path / "loss.png"
    assert tunedeck(store.home, "plot", "one", "-o", str(target), environ=theirs).returncode == 0
    [fonts] = home.rglob("fontlist*")
    assert fonts.parent.parent.name == "tunedeck"
    with Image.open(target) as picture:
        assert picture.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


def test_matplotlib_is_not_imported_for_a_chart_in_letters_and_needs_no_home(
    store: Store, job: Job, tmp_path: Path
) -> None:
    nowhere = {"HOME": os.devnull, "XDG_CACHE_HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull}
    target = tmp_path / "loss.png"
    drawn = tunedeck(store.home, "plot", "one", "-o", str(target), environ=nowhere)
    assert (drawn.returncode, drawn.stderr) == (0, f"wrote {target}\n")
    assert target.stat().st_size > 1000
    shown = tunedeck(store.home, "plot", "one", environ={"PYTHONPROFILEIMPORTTIME": "1"})
    assert shown.returncode == 0
    assert "plotext" in shown.stderr
    assert "matplotlib" not in shown.stderr
