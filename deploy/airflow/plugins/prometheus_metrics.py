"""`GET /monitoring/metrics`: runs of DAGs and heartbeats for Prometheus.

Airflow itself only pushes, by StatsD or OpenTelemetry, which wants another daemon in between; what is asked here is in its
database, and is the same whichever process answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from airflow.plugins_manager import AirflowPlugin
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from sqlalchemy import func, select

from bearer_token import require_token_of

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

require_token = require_token_of("AIRFLOW_SCRAPE_TOKEN_FILE", "/run/secrets/airflow_scrape_token")
app = FastAPI(title="Metrics of Airflow", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/metrics", dependencies=[Depends(require_token)])
def metrics() -> PlainTextResponse:
    """All figures as Prometheus' text format."""
    with create_session() as session:
        lines = [*dag_runs(session), *heartbeats(session), *import_errors(session)]
    return PlainTextResponse("\n".join(lines) + "\n", media_type=CONTENT_TYPE)


def dag_runs(session) -> Iterator[str]:
    """Runs in the database by state, all states of every DAG, and when each DAG last ended well."""
    from airflow.models import DagModel, DagRun

    dags = session.scalars(select(DagModel.dag_id).where(~DagModel.is_stale).order_by(DagModel.dag_id)).all()
    counts = select(DagRun.dag_id, DagRun.state, func.count()).group_by(DagRun.dag_id, DagRun.state)
    counted = {(dag, str(state)): number for dag, state, number in session.execute(counts)}
    yield from family("airflow_dag_runs", "Runs of a DAG that are kept, by state.")
    for dag in dags:
        for state in DagRunState:
            yield sample("airflow_dag_runs", {"dag_id": dag, "state": state.value}, counted.get((dag, state.value), 0))
    ended = select(DagRun.dag_id, func.max(DagRun.end_date)).where(DagRun.state == DagRunState.SUCCESS).group_by(DagRun.dag_id)
    name = "airflow_dag_last_success_timestamp_seconds"
    yield from family(name, "When a DAG last ended well.")
    for dag, when in session.execute(ended):
        yield sample(name, {"dag_id": dag}, when.timestamp())


def heartbeats(session) -> Iterator[str]:
    """How long ago the youngest of each kind of process said that it lives."""
    from airflow.jobs.job import Job

    latest = select(Job.job_type, func.max(Job.latest_heartbeat)).group_by(Job.job_type)
    yield from family("airflow_heartbeat_age_seconds", "Time since a process of this kind last said that it lives.")
    for kind, when in session.execute(latest):
        yield sample("airflow_heartbeat_age_seconds", {"process": kind}, (datetime.now(UTC) - when).total_seconds())


def import_errors(session) -> Iterator[str]:
    """Files of DAGs that can't be read."""
    from airflow.models.errors import ParseImportError

    yield from family("airflow_import_errors", "Files of DAGs that can't be read.")
    yield sample("airflow_import_errors", {}, session.scalar(select(func.count()).select_from(ParseImportError)))


def family(name: str, text: str) -> Iterator[str]:
    """What stands before the samples of a metric."""
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"


def sample(name: str, labels: dict[str, str], value: float) -> str:
    """One line; values of labels are quoted as the format wants it."""
    quoted = (value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for value in labels.values())
    inside = ",".join(f'{label}="{text}"' for label, text in zip(labels, quoted, strict=True))
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


class PrometheusMetrics(AirflowPlugin):
    """Mounts the metrics in Airflow's API server."""

    name = "prometheus_metrics"
    fastapi_apps = [{"app": app, "url_prefix": "/monitoring", "name": "metrics for Prometheus"}]
