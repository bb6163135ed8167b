"""The training worker: the only place that imports torch. Launched as a process, imported by nobody."""
