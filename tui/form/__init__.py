"""What stands behind the forms: the draft of a spec, its fields, what was found wrong, the data seen."""
