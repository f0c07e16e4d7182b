"""Airflow Dag: ingest_sales and ingest_sales_hourly, orders and refunds of the shops."""

from __future__ import annotations

from tributary.orchestration.ingest import ingest_dag

daily, hourly = ingest_dag("sales")
