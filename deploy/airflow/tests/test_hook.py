"""Alertmanager's hook, with Airflow's own database and scheduler model behind it."""

from __future__ import annotations

import copy
import os
import unittest
from pathlib import Path

import airflow_home
from alertmanager_hook import MAX_BODY_BYTES, app
from fastapi.testclient import TestClient

DAG = "/experiment_pipeline"
TOKEN = airflow_home.TOKENS["ALERTMANAGER_HOOK_TOKEN_FILE"]
# as Alertmanager 0.25 sends it
NOTIFICATION = {
    "receiver": "airflow",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"action": "retrain", "alertname": "InputBrightnessDrift", "feature": "brightness"},
            "annotations": {"summary": "darker", "runbook_url": "https://example.invalid/"},
            "startsAt": "2026-11-23T09:32:02.232Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus/graph",
            "fingerprint": "422323e6715e2939",
        }
    ],
    "groupLabels": {"action": "retrain"},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "version": "4",
    "groupKey": '{}/{action="retrain"}:{action="retrain"}',
    "truncatedAlerts": 0,
}


def runs() -> dict[str, dict]:
    """Runs in the database, with what they were told."""
    from airflow.models import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        return {run.run_id: run.conf for run in session.query(DagRun)}


class Hook(unittest.TestCase):
    """Each case uses a group of its own."""

    @classmethod
    def setUpClass(cls) -> None:
        airflow_home.make_database()
        cls.client = TestClient(app)

    def notification(self, **changes) -> dict:
        """One whose group is named after the test."""
        return copy.deepcopy(NOTIFICATION) | {"groupKey": self.id()} | changes

    def post(self, body, path: str = DAG, token: str | None = TOKEN):
        """What the hook answers."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return self.client.post(path, json=body, headers=headers)

    def test_an_alert_starts_a_run_and_its_repetition_does_not(self) -> None:
        before = runs()
        first = self.post(self.notification())
        self.assertEqual((first.status_code, first.json()["duplicate"]), (202, False))
        run_id = first.json()["dag_run_id"]
        again = self.post(self.notification())
        self.assertEqual((again.status_code, again.json()), (202, {"dag_run_id": run_id, "duplicate": True}))
        after = runs()
        self.assertEqual(set(after) - set(before), {run_id})
        self.assertEqual(after[run_id]["alerts"][0]["labels"]["alertname"], "InputBrightnessDrift")

    def test_another_alert_of_the_group_is_no_new_run_but_one_after_its_end_is(self) -> None:
        first = self.post(self.notification()).json()
        joined = self.notification()
        joined["alerts"].append(joined["alerts"][0] | {"startsAt": "2026-11-23T10:00:00Z", "labels": {"feature": "contrast"}})
        self.assertEqual(self.post(joined).json(), first | {"duplicate": True})
        joined["alerts"][0]["status"] = "resolved"
        later = self.post(joined).json()
        self.assertFalse(later["duplicate"])
        self.assertNotEqual(later["dag_run_id"], first["dag_run_id"])

    def test_the_same_moment_in_another_zone_is_the_same_group(self) -> None:
        first = self.post(self.notification()).json()
        shifted = self.notification()
        shifted["alerts"][0]["startsAt"] = "2026-11-23T10:32:02.232+00:00"
        self.assertFalse(self.post(shifted).json()["duplicate"])
        shifted["alerts"][0]["startsAt"] = "2026-11-23T10:32:02.232+01:00"
        self.assertEqual(self.post(shifted).json(), first | {"duplicate": True})

    def test_what_is_resolved_starts_nothing(self) -> None:
        before = runs()
        self.assertEqual(self.post(self.notification(status="resolved")).json(), {"skipped": "resolved"})
        self.assertEqual(runs(), before)

    def test_who_shows_no_token_or_a_wrong_one_is_refused_before_anything_else(self) -> None:
        for token in (None, "", "x" * 40, TOKEN[:-1], "ü"):
            for path in (DAG, "/no_such_dag"):
                answer = self.client.post(
                    path, content=b"{", headers=[] if token is None else [(b"authorization", f"Bearer {token}".encode())]
                )
                self.assertEqual(answer.status_code, 401, (token, answer.text))
                self.assertEqual(answer.headers["www-authenticate"], "Bearer")
        basic = self.client.post(DAG, json=self.notification(), headers={"authorization": f"Basic {TOKEN}"})
        self.assertEqual(basic.status_code, 401)

    def test_other_dags_are_not_found(self) -> None:
        self.assertEqual(self.post(self.notification(), path="/example").status_code, 404)

    def test_large_bodies_are_refused_also_without_their_length(self) -> None:
        large = self.notification(padding="x" * MAX_BODY_BYTES)
        self.assertEqual(self.post(large).status_code, 413)
        parts = (b"x" * 65_536 for _ in range(1_000))
        answer = self.client.post(DAG, content=parts, headers={"authorization": f"Bearer {TOKEN}"})
        self.assertEqual(answer.status_code, 413)

    def test_what_is_no_notification_is_told_with_its_mistake(self) -> None:
        without_group = self.notification()
        del without_group["groupKey"]
        bodies = ["text", [], {}, without_group, self.notification(version="3"), self.notification(alerts=[{"status": "firing"}])]
        for body in bodies:
            self.assertEqual(self.post(body).status_code, 422, body)
        self.assertIn("groupKey", self.post(without_group).text)

    def test_a_token_is_rotated_by_its_file_and_a_short_one_opens_nothing(self) -> None:
        file = Path(os.environ["ALERTMANAGER_HOOK_TOKEN_FILE"])
        try:
            file.write_text("n" * 40)
            self.assertEqual(self.post(self.notification()).status_code, 401)
            self.assertEqual(self.post(self.notification(), token="n" * 40).status_code, 202)
            file.write_text("")
            self.assertEqual(self.post(self.notification(), token="").status_code, 503)
            file.unlink()
            self.assertEqual(self.post(self.notification()).status_code, 503)
        finally:
            file.write_text(TOKEN)


if __name__ == "__main__":
    unittest.main()
