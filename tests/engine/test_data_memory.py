"""Reading is bounded in memory: large files, measured in a process of their own."""

import json
import sys
from pathlib import Path
from subprocess import run

import pyarrow
import pyarrow.parquet
import pytest

MIB = 1024 * 1024
SIZE = 48 * MIB

READ = """
import json, sys
from pathlib import Path
import pyarrow, pyarrow.parquet
from engine.data import BadRows, open_parts
from engine.spec import DataSection

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) * 1024

said = {}
for name in sys.argv[2:]:
    before = peak = anonymous()
    section = DataSection(train=name)
    (part,) = open_parts(
        section, method="sft", base_folder=Path(sys.argv[1]), chat=True, bad_rows=BadRows()
    )
    for count, _ in enumerate(part.rows, 1):
        if count % 100 == 0:
            peak = max(peak, anonymous())
    said[name] = [count, peak - before]
print(json.dumps(said))
"""


def write(folder: Path) -> dict[str, int]:
    """Files of 48 MiB of rows, and how many each has."""
    row = b'{"prompt": "' + b"what? " * 340 + b'", "completion": "' + b"this. " * 340 + b'"}'
    count = SIZE // len(row)
    lines = (row + b"\n") * count
    (folder / "a.jsonl").write_bytes(lines)
    (folder / "array.json").write_bytes(b"[\n" + (row + b",\n") * (count - 1) + row + b"\n]")
    (folder / "object.json").write_bytes(
        b'{"version": 1, "data": [\n' + (row + b",\n") * (count - 1) + row + b"\n]}"
    )
    (folder / "c.jsonl.zst").write_bytes(pyarrow.Codec("zstd").compress(lines, asbytes=True))
    text = b"prompt,completion\n" + (b"what? " * 340 + b"," + b"this. " * 340 + b"\n") * count
    (folder / "a.csv").write_bytes(text)
    table = pyarrow.table(
        {
            "prompt": [f"{n}" + "what? " * 340 for n in range(count)],
            "completion": ["this. " * 340] * count,
        }
    )
    pyarrow.parquet.write_table(table, folder / "a.parquet", compression="none")
    with pyarrow.ipc.new_file(str(folder / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    names = ("a.jsonl", "array.json", "c.jsonl.zst", "a.csv", "a.parquet")
    return dict.fromkeys([*names, "a.arrow", "object.json"], count)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_large_files_of_every_kind_are_read_with_little_memory(tmp_path: Path) -> None:
    rows = write(tmp_path)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", READ, str(tmp_path), *rows]
    done = run(command, cwd=root, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert {name: count for name, (count, _) in said.items()} == rows
    grown = {name: round(peak / MIB) for name, (_, peak) in said.items()}
    assert max(grown.values()) < 40, grown  # all rows of a file would be more than its 48
