"""Evaluates the pipeline anew: waits for the data, runs `dvc repro`, lets `select-best` move the champion, writes a mail.

Started by hand, or by Alertmanager when photos drift or results decay (plugins/alertmanager_hook.py).

What it is told, by the environment of the scheduler and the DAG processor:

EXPERIMENT_RUNNER       `docker`: an ephemeral container for each stage; `subprocess`: a child of the worker
EXPERIMENT_DATA         JSON list of what must be there, relative to the folder of the connection `fs_data`
EXPERIMENT_IMAGE        docker: the image
EXPERIMENT_VOLUME       docker: name of the volume with `experiments` and `configs` of the checkout, mounted at /workspace
EXPERIMENT_NETWORK      docker: network in which MLflow is reached
EXPERIMENT_CHECKOUT     subprocess: the checkout
SCENE3D_TRACKING_SERVER where runs are recorded
EXPERIMENT_MAIL_TO      whom to write to, by the connection `smtp_default`; nobody if it is empty
"""

from __future__ import annotations

import json
import os
import re
import shlex
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.providers.smtp.operators.smtp import EmailOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.sensors.filesystem import FileSensor
from airflow.sdk import DAG, BaseOperator
from docker.types import Mount

PASSED_ON = ("SCENE3D_TRACKING_SERVER",)
PROJECT = "experiments"
REPRO = ["scene3d", "experiments", "repro", "--"]


def wait_for(path: str) -> FileSensor:
    """Waits for a file, or for a folder with something in it."""
    name = re.sub(r"[^a-zA-Z0-9_.-]+", "_", path).strip("_.") or "root"
    return FileSensor(
        task_id=f"wait_for_{name}",
        fs_conn_id="fs_data",
        filepath=path,
        # a worker's place is free between two looks
        mode="reschedule",
        poke_interval=timedelta(seconds=30),
        timeout=timedelta(hours=6),
    )


def stage(name: str, command: list[str], **more) -> BaseOperator:
    """A command of scene3d, run as EXPERIMENT_RUNNER says."""
    environment = {variable: os.environ[variable] for variable in PASSED_ON if variable in os.environ}
    runner = os.environ.get("EXPERIMENT_RUNNER", "docker")
    if runner == "docker":
        return DockerOperator(
            task_id=name,
            image=os.environ.get("EXPERIMENT_IMAGE", "scene3d:latest"),
            command=command,
            environment=environment,
            working_dir=f"/workspace/{PROJECT}",
            mounts=[Mount("/workspace", os.environ.get("EXPERIMENT_VOLUME", "scene3d_experiments"), type="volume")],
            network_mode=os.environ.get("EXPERIMENT_NETWORK", "mlops_net"),
            docker_url=os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"),
            auto_remove="success",
            mount_tmp_dir=False,
            **more,
        )
    if runner == "subprocess":
        return BashOperator(
            task_id=name,
            # so that a cancelled task ends the program itself, not a shell around it
            bash_command="exec " + shlex.join(command),
            cwd=str(Path(os.environ["EXPERIMENT_CHECKOUT"], PROJECT)),
            env=environment,
            append_env=True,
            **more,
        )
    raise ValueError(f"EXPERIMENT_RUNNER is `{runner}`, expected docker or subprocess")


with DAG(
    dag_id="experiment_pipeline",
    description="Evaluates the pipeline anew and promotes the best configuration",
    doc_md=__doc__,
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=False,
    # two at once would wait for each other's lock of DVC, and promote one after the other
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=24),
    tags=["experiments"],
) as dag:
    data = [wait_for(path) for path in json.loads(os.environ.get("EXPERIMENT_DATA", '["data/strecha"]'))]
    # both by DVC, up to a stage: what is finished is not run again, so that trying once more costs what was lost
    repro = stage("repro", [*REPRO, "eda", "evaluate"], retries=1, retry_delay=timedelta(minutes=1))
    select_best = stage("select_best", [*REPRO, "select-best"])
    data >> repro >> select_best
    if mail_to := os.environ.get("EXPERIMENT_MAIL_TO"):
        mail = EmailOperator(
            task_id="mail",
            conn_id="smtp_default",
            to=mail_to,
            subject="scene3d: evaluated anew ({{ run_id }})",
            html_content=(
                "<p>dvc repro and select-best ended well.</p>"
                "<p>Why: {{ dag_run.conf.get('alerts', []) | map(attribute='labels.alertname') | unique | join(', ') "
                "or 'started by hand' }}.</p>"
            ),
        )
        select_best >> mail
