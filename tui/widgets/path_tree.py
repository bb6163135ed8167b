"""The folders and files that a path field can take."""

from collections.abc import Iterable
from pathlib import Path

from rich.style import Style
from rich.text import Text
from textual.widgets import DirectoryTree
from textual.widgets._directory_tree import DirEntry
from textual.widgets.tree import TreeNode

from engine.text import one_line
from tui.paths import Wanted, is_model, is_shown


class PathTree(DirectoryTree):
    """Folders, and the files that are asked for."""

    ICON_NODE = "+ "
    ICON_NODE_EXPANDED = "- "
    ICON_FILE = "  "

    def __init__(self, folder: Path, *, id: str | None = None) -> None:
        super().__init__(folder, id=id)
        self.wanted = Wanted.ANY
        self.show_guides = False
        self.show_root = False

    def show_folder(self, folder: Path, wanted: Wanted) -> None:
        """Show what a field may take from that folder."""
        if (folder, wanted) == (Path(self.path), self.wanted):
            return
        self.wanted = wanted
        if folder == Path(self.path):
            self.reload()
        else:
            self.path = folder

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Only what can be taken, or leads to it."""
        return [path for path in paths if is_shown(path, self.wanted)]

    def process_label(self, label: object) -> Text:
        """A file's name is never markup, and never more than a name."""
        return Text(one_line(label.plain if isinstance(label, Text) else str(label)) or "?")

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        """A folder that holds a model says so."""
        label = super().render_label(node, base_style, style)
        entry = node.data
        if self.wanted is Wanted.MODEL and entry is not None and is_model(entry.path):
            label.append("  model", style=base_style + Style(italic=True))
        return label
