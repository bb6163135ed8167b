"""Every sign that tunedeck draws, and its twin in ASCII: one character for one, so that nothing moves."""

from engine.text import ASCII_GLYPHS, GLYPHS


def _twins() -> dict[int, str]:
    twins = {ord(sign): ASCII_GLYPHS[state] for state, sign in GLYPHS.items()}
    for characters, twin in (
        ("─━═╌╍┄┅┈┉╴╶╸╺▔", "-"),
        ("│┃║╎╏┆┇┊┋╵╷╹╻▏▎▕▌▐", "|"),
        ("▁▂▃", "_"),
        ("▄▅▆▇█▀▉▊▋▍░▒▓", "#"),
        ("•●◦∙", "*"),
        ("·", "."),
        ("…", "~"),
        ("→▸▹", ">"),
        ("←◂", "<"),
        ("↑▲△", "^"),
        ("↓▼▽▾", "v"),
        ("✓✔", "+"),
        ("✗✘×", "x"),
        ("–—−", "-"),
        ("‘’", "'"),
        ("“”", '"'),
        ("°⏎\u00a0", " "),
        ("≈", "~"),
    ):
        twins |= {ord(character): twin for character in characters}
    for code in range(0x2500, 0x2580):
        twins.setdefault(code, "+")  # corners and crossings of box drawing
    for code in range(0x2580, 0x25A0):
        twins.setdefault(code, "#")
    for code in range(0x2801, 0x2900):
        twins.setdefault(code, "*")  # braille
    twins[0x2800] = " "
    return twins


TWINS = _twins()
"""Every sign that tunedeck or Textual draws -> its twin."""


def to_ascii(text: str) -> str:
    """`text` with the twins of our signs; what users wrote in other letters stays as it is."""
    return text if text.isascii() else text.translate(TWINS)
