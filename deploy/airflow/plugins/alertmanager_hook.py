"""`POST /alertmanager/{dag_id}`: an alert of Alertmanager starts a DAG, once for each group of alerts.

Airflow's own REST API takes neither Alertmanager's body (it is fixed) nor a token that holds longer than a day, hence this.
"""

from __future__ import annotations

import hashlib
from datetime import UTC
from typing import Annotated, Literal

from airflow.plugins_manager import AirflowPlugin
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from bearer_token import require_token_of

DAGS = {"experiment_pipeline"}
MAX_BODY_BYTES = 256 * 1024
MAX_ALERTS = 1000

require_token = require_token_of("ALERTMANAGER_HOOK_TOKEN_FILE", "/run/secrets/alertmanager_hook_token")
app = FastAPI(title="Hook of Alertmanager", docs_url=None, redoc_url=None, openapi_url=None)


class Alert(BaseModel):
    """One alert of a group."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: AwareDatetime


class Notification(BaseModel):
    """What Alertmanager sends (version 4 of its webhook); more keys than these are left out."""

    version: Literal["4"]
    status: Literal["firing", "resolved"]
    groupKey: str = Field(min_length=1)
    alerts: list[Alert] = Field(max_length=MAX_ALERTS)

    def firing(self) -> list[Alert]:
        """The alerts that are not over."""
        return [alert for alert in self.alerts if alert.status == "firing"]

    def run_id(self) -> str:
        """The same as long as the group fires: Alertmanager repeats itself, and is sent to from several Prometheus."""
        began = min(alert.startsAt for alert in self.firing())
        group = f"{self.groupKey}\n{began.astimezone(UTC).isoformat()}"
        return "alertmanager__" + hashlib.sha256(group.encode()).hexdigest()[:32]


async def limited_body(request: Request) -> bytes:
    """The body, read no further than its limit, whatever its headers say."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
    return bytes(body)


@app.post("/{dag_id}", status_code=202, dependencies=[Depends(require_token)])
def start_dag(dag_id: str, body: Annotated[bytes, Depends(limited_body)]) -> dict[str, object]:
    """Starts a run, or says why none is needed: the group is resolved, or has its run already."""
    if dag_id not in DAGS:
        raise HTTPException(404, f"alerts start no DAG of this name; expected one of {sorted(DAGS)}")
    try:
        notification = Notification.model_validate_json(body)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False, include_context=False)
        raise HTTPException(422, mistakes) from error
    if notification.status == "resolved" or not notification.firing():
        return {"skipped": "resolved"}
    return trigger(dag_id, notification)


def trigger(dag_id: str, notification: Notification) -> dict[str, object]:
    """A run of its own for the group, or a note that it is there."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.exceptions import DagNotFound, DagRunAlreadyExists
    from airflow.utils.types import DagRunTriggeredByType

    run_id = notification.run_id()
    alerts = [alert.model_dump(mode="json") for alert in notification.firing()]
    try:
        trigger_dag(
            dag_id=dag_id,
            triggered_by=DagRunTriggeredByType.REST_API,
            triggering_user_name="alertmanager",
            run_id=run_id,
            conf={"group": notification.groupKey, "alerts": alerts},
        )
    except DagRunAlreadyExists:
        return {"dag_run_id": run_id, "duplicate": True}
    except DagNotFound as error:
        # Alertmanager tries again after 5xx, not after 4xx
        raise HTTPException(503, f"{dag_id} is not known yet: the DAG processor has not read it") from error
    return {"dag_run_id": run_id, "duplicate": False}


class AlertmanagerHook(AirflowPlugin):
    """Mounts the hook in Airflow's API server."""

    name = "alertmanager_hook"
    fastapi_apps = [{"app": app, "url_prefix": "/alertmanager", "name": "hook of Alertmanager"}]
