"""What is known of a job before it is started; imports no training library."""

from engine.plan.preflight import Facts, Plan, preflight

__all__ = ["Facts", "Plan", "preflight"]
