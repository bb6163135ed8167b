"""The deck: the terminal screen of tunedeck."""
