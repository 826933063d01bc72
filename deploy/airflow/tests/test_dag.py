"""The DAG: its order, what each task runs by either runner, and that Airflow reads it without complaint."""

from __future__ import annotations

import importlib
import json
import os
import unittest
from unittest import mock

import airflow_home

SUBPROCESS = {"EXPERIMENT_RUNNER": "subprocess", "EXPERIMENT_CHECKOUT": "/checkout", "SCENE3D_TRACKING_SERVER": "http://mlflow"}


def dag_with(**environment: str):
    """The DAG as it is read with this environment alone."""
    names = [name for name in os.environ if name.startswith("EXPERIMENT_") or name == "SCENE3D_TRACKING_SERVER"]
    with mock.patch.dict(os.environ):
        for name in names:
            del os.environ[name]
        os.environ.update(environment)
        import experiment_pipeline_dag

        return importlib.reload(experiment_pipeline_dag).dag


class Dag(unittest.TestCase):
    """Read by Python as Airflow's processor does."""

    @classmethod
    def setUpClass(cls) -> None:
        airflow_home.make_database()
        import sys

        sys.path.insert(0, str(airflow_home.OURS / "dags"))

    def test_airflow_reads_it(self) -> None:
        self.assertIn("No data found", airflow_home.airflow("dags", "list-import-errors"))
        # warnings of its own stand before
        dags = json.loads(airflow_home.airflow("dags", "list", "--output", "json").splitlines()[-1])
        self.assertEqual([dag["dag_id"] for dag in dags], ["experiment_pipeline"])

    def test_tasks_follow_each_other(self) -> None:
        dag = dag_with(EXPERIMENT_DATA='["photos", "labels/train.csv"]', EXPERIMENT_MAIL_TO="ops@example.org")
        followers = {task.task_id: task.downstream_task_ids for task in dag.tasks}
        expected = {
            "wait_for_photos": {"repro"},
            "wait_for_labels_train.csv": {"repro"},
            "repro": {"select_best"},
            "select_best": {"mail"},
            "mail": set(),
        }
        self.assertEqual(followers, expected)
        self.assertEqual(dag.max_active_runs, 1)

    def test_without_a_recipient_nobody_is_written_to(self) -> None:
        self.assertEqual(dag_with().get_task("select_best").downstream_task_ids, set())

    def test_a_container_runs_the_commands(self) -> None:
        repro = dag_with(EXPERIMENT_IMAGE="scene3d:1.2.3", SCENE3D_TRACKING_SERVER="http://mlflow:5000").get_task("repro")
        self.assertEqual(type(repro).__name__, "DockerOperator")
        self.assertEqual((repro.image, repro.command), ("scene3d:1.2.3", ["scene3d", "experiments", "repro", "--", "eda", "evaluate"]))
        self.assertEqual((repro.network_mode, repro.auto_remove), ("mlops_net", "success"))
        self.assertEqual(repro.environment, {"SCENE3D_TRACKING_SERVER": "http://mlflow:5000"})
        self.assertFalse(repro.privileged)

    def test_a_child_process_runs_the_commands(self) -> None:
        dag = dag_with(**SUBPROCESS)
        commands = [dag.get_task(name).bash_command for name in ("repro", "select_best")]
        self.assertEqual(commands, [f"exec scene3d experiments repro -- {stages}" for stages in ("eda evaluate", "select-best")])
        self.assertEqual(dag.get_task("repro").cwd, "/checkout/experiments")

    def test_another_runner_is_a_mistake(self) -> None:
        with self.assertRaisesRegex(ValueError, "podman"):
            dag_with(EXPERIMENT_RUNNER="podman")


if __name__ == "__main__":
    unittest.main()
