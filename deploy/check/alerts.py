#!/usr/bin/env python3
"""Checks the alert rules beyond their syntax: they use metrics that somebody registers, and each has a summary, a runbook that
stands in docs/operations.md, and unit tests that see it fire and see it not fire. Wants PyYAML."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from dashboards import metrics_of, registered, without_suffix

DEPLOY = Path(__file__).resolve().parent.parent
OPERATIONS = DEPLOY.parent / "docs/operations.md"
BASE = "https://github.com/scene3d/scene3d/blob/main/docs/operations.md#"
EXPECTED = {
    "FeatureDriftDetected",
    "InputBrightnessDrift",
    "InputContrastDrift",
    "PerformanceDecay",
    "JobQueueBacklog",
    "JobFailureRate",
    "GpuMemoryPressure",
    "ServiceDown",
}
# of Prometheus itself and of the blackbox exporter
OF_OTHERS = {"up", "probe_success"}


def check() -> Iterator[str]:
    """All mistakes."""
    rules = [rule for group in load("rules.yml")["groups"] for rule in group["rules"]]
    alerts = [rule for rule in rules if "alert" in rule]
    if {alert["alert"] for alert in alerts} != EXPECTED:
        yield f"alerts are {sorted({alert['alert'] for alert in alerts})}, expected {sorted(EXPECTED)}"
    known = registered() | OF_OTHERS | {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        name = rule.get("alert") or rule["record"]
        unknown = {metric for metric in metrics_of(rule["expr"]) if metric not in known and without_suffix(metric) not in known}
        if unknown:
            yield f"{name}: nobody registers {sorted(unknown)}"
    headings = {line.lstrip("# ").strip().lower() for line in OPERATIONS.read_text().splitlines() if line.startswith("#")}
    for alert in alerts:
        runbook = alert["annotations"].get("runbook_url", "")
        if not alert["annotations"].get("summary"):
            yield f"{alert['alert']}: has no summary"
        if runbook != BASE + alert["alert"].lower() or alert["alert"].lower() not in headings:
            yield f"{alert['alert']}: docs/operations.md has no runbook of its name ({runbook})"
        yield from untested(alert["alert"])


def untested(alert: str) -> Iterator[str]:
    """Each alert is seen to fire, and to end or not to begin, at least once."""
    cases = [case for test in load("rules_test.yml")["tests"] for case in test["alert_rule_test"] if case["alertname"] == alert]
    if not any(case["exp_alerts"] for case in cases):
        yield f"{alert}: no test sees it fire"
    if not any(not case["exp_alerts"] for case in cases):
        yield f"{alert}: no test sees it not fire"


def load(name: str) -> dict:
    """A file of Prometheus."""
    return yaml.safe_load((DEPLOY / "prometheus" / name).read_text())


if __name__ == "__main__":
    mistakes = list(check())
    print("\n".join(mistakes), file=sys.stderr)
    print(f"alerts: {len(EXPECTED)} expected, {len(mistakes)} mistakes")
    sys.exit(1 if mistakes else 0)
