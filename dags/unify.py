"""Airflow Dag: unify, from everything that landed to checked, credited, published rows."""

from __future__ import annotations

from tributary.orchestration.unify import unify_dag

dag = unify_dag()
