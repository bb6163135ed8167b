"""What charts show, and how they are looked at; `tui.widgets.chart` draws it."""
