"""The whole product without a screen: specs, jobs, the queue, training, the command line."""

__version__ = "0.1.0"
