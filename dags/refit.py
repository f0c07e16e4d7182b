"""Airflow Dag: refit, the data-driven models learn from the newest journeys."""

from __future__ import annotations

from tributary.orchestration.refit import refit_dag

dag = refit_dag()
