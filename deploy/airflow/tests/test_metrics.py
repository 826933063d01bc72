"""Metrics of Airflow: what `promtool` accepts, with every state of our DAG, for whoever shows the token."""

from __future__ import annotations

import shutil
import subprocess
import unittest
from datetime import UTC, datetime

import airflow_home
from fastapi.testclient import TestClient
from prometheus_metrics import app, sample

TOKEN = airflow_home.TOKENS["AIRFLOW_SCRAPE_TOKEN_FILE"]


class Metrics(unittest.TestCase):
    """With a database that has the DAG and, where other cases ran before, some runs."""

    @classmethod
    def setUpClass(cls) -> None:
        airflow_home.make_database()
        cls.client = TestClient(app)

    def scrape(self, token: str = TOKEN):
        """What Prometheus gets."""
        return self.client.get("/metrics", headers={"authorization": f"Bearer {token}"})

    def test_all_states_are_told_from_the_start(self) -> None:
        answer = self.scrape()
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain; version=0.0.4"))
        for state in ("queued", "running", "success", "failed"):
            self.assertIn(f'airflow_dag_runs{{dag_id="experiment_pipeline",state="{state}"}} ', answer.text)
        self.assertIn("airflow_import_errors 0\n", answer.text)

    def test_a_run_that_ended_well_is_dated(self) -> None:
        from airflow.models import DagRun
        from airflow.utils.session import create_session
        from airflow.utils.types import DagRunType

        when = datetime(2026, 11, 23, 12, tzinfo=UTC)
        with create_session() as session:
            run = DagRun(dag_id="experiment_pipeline", run_id="ended", run_type=DagRunType.MANUAL, run_after=when, state="success")
            run.end_date = when
            session.add(run)
        expected = f'airflow_dag_last_success_timestamp_seconds{{dag_id="experiment_pipeline"}} {when.timestamp()}'
        self.assertIn(expected, self.scrape().text)

    def test_promtool_finds_nothing_to_complain_of(self) -> None:
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("there is no promtool; it comes with the package `prometheus`")
        checked = subprocess.run([promtool, "check", "metrics"], input=self.scrape().text, capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stderr.strip()), (0, ""))

    def test_others_are_refused(self) -> None:
        self.assertEqual(self.scrape("x" * 40).status_code, 401)

    def test_labels_are_quoted(self) -> None:
        self.assertEqual(sample("a", {"b": 'c"\\\n'}, 1), 'a{b="c\\"\\\\\\n"} 1')


if __name__ == "__main__":
    unittest.main()
