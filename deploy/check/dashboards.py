#!/usr/bin/env python3
"""Checks the dashboards without Grafana.

    dashboards.py schema NODE_MODULES     each fits the types of @grafana/schema, has ids, places and queries of its own
    dashboards.py queries PROMETHEUS_URL  each query is run by a live Prometheus, and names metrics that some target exposes

The second wants a Prometheus that has scraped the stack; counters that nothing has touched yet have no series, so names are
looked up among those that the service's sources register, too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent
DASHBOARDS = DEPLOY / "grafana/dashboards"
SOURCES = [*(DEPLOY.parent / "host/monitor/src/metrics").glob("*.rs"), DEPLOY / "airflow/plugins/prometheus_metrics.py"]
# what Grafana puts in place of its variables
VARIABLES = {"$__rate_interval": "1m", "$__interval": "30s", "$__range": "6h"}
# of Prometheus itself, once an alert is pending or fires
MADE_BY_PROMETHEUS = {"ALERTS"}
# In files, enums are their text, and queries and annotations have keys of their datasource.
WIRE_TYPES = """import type { AnnotationQuery, Dashboard, DataQuery } from '@grafana/schema';
type Wire<T> = T extends string ? `${T}` : T extends DataQuery ? T & Record<string, unknown>
  : T extends AnnotationQuery ? { [K in keyof T]: Wire<T[K]> } & Record<string, unknown> : T extends object ? { [K in keyof T]: Wire<T[K]> } : T;
export const dashboard = %s satisfies Partial<Wire<Dashboard>>;
"""
# of a histogram, which is registered by its own name
SUFFIXES = ("_bucket", "_sum", "_count")


def dashboards() -> dict[str, dict]:
    """All files, by name."""
    return {file.name: json.loads(file.read_text()) for file in sorted(DASHBOARDS.glob("*.json"))}


def queries(dashboard: dict) -> Iterator[tuple[str, str]]:
    """Where a query stands, and the query as Grafana sends it."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target['refId']}", with_values(target["expr"])
    for annotation in dashboard["annotations"]["list"]:
        yield f"annotation {annotation['name']}", with_values(annotation["target"]["expr"])


def with_values(expression: str) -> str:
    """A query without Grafana's variables."""
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def check_schema(node_modules: Path) -> list[str]:
    """Types by TypeScript's compiler; what types can't say by hand."""
    mistakes = [f"{name}: {mistake}" for name, dashboard in dashboards().items() for mistake in structure(dashboard)]
    uids = [dashboard["uid"] for dashboard in dashboards().values()]
    if len(set(uids)) != len(uids):
        mistakes.append(f"dashboards share a uid: {uids}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "node_modules").symlink_to(node_modules.resolve())
        for name, dashboard in dashboards().items():
            (Path(folder) / f"{name}.ts").write_text(WIRE_TYPES % json.dumps(dashboard))
        files = [f"{name}.ts" for name in dashboards()]
        options = "--noEmit --skipLibCheck --strict --moduleResolution bundler --module esnext --target es2022".split()
        compiler = [node_modules.resolve() / ".bin/tsc", *options, *files]
        compiled = subprocess.run(compiler, cwd=folder, capture_output=True, text=True)
        if compiled.returncode != 0:
            mistakes.append(compiled.stdout)
    return mistakes


def structure(dashboard: dict) -> Iterator[str]:
    """Panels with ids and places of their own, in the grid, each with a title, a text and queries of our datasource."""
    panels = dashboard["panels"]
    if len({panel["id"] for panel in panels}) != len(panels):
        yield "panels share an id"
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        if cells & taken or place["x"] + place["w"] > 24:
            yield f"{panel['title']}: lies over another panel, or out of the grid"
        taken |= cells
        if not (panel["title"] and panel["description"] and panel["targets"]):
            yield f"panel {panel['id']}: has no title, text or query"
        if any(source != {"type": "prometheus", "uid": "prometheus"} for source in (panel["datasource"], *(t["datasource"] for t in panel["targets"]))):
            yield f"{panel['title']}: asks another datasource"


def check_queries(prometheus: str) -> list[str]:
    """Every query is run; what it names is exposed by somebody."""
    mistakes = []
    known = exposed(prometheus) | MADE_BY_PROMETHEUS
    ours = registered()
    for name, dashboard in dashboards().items():
        for place, query in queries(dashboard):
            answer = ask(prometheus, "query", query=query)
            if answer["status"] != "success":
                mistakes.append(f"{name}: {place}: {answer['error']}\n  {query}")
            unknown = {metric for metric in metrics_of(query) if metric not in known and without_suffix(metric) not in ours}
            if unknown:
                mistakes.append(f"{name}: {place}: nobody exposes {sorted(unknown)}\n  {query}")
    return mistakes


def metrics_of(query: str) -> set[str]:
    """Names of metrics: words that are neither functions, nor labels, nor values, nor words of the language."""
    query = re.sub(r'"[^"]*"', "", query)
    query = re.sub(r"\{[^}]*\}", "", query)
    query = re.sub(r"\[[^\]]*\]", "", query)
    query = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", query)
    words = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w)(?!\s*\()", query)
    return set(words) - {"and", "or", "unless", "offset", "bool"} - {word for word in words if re.fullmatch(r"\d*[smhdwy]", word)}


def without_suffix(metric: str) -> str:
    """The name by which a histogram is registered."""
    return next((metric.removesuffix(suffix) for suffix in SUFFIXES if metric.endswith(suffix)), metric)


def exposed(prometheus: str) -> set[str]:
    """Names of all that was ever scraped or recorded, and of recording rules that had nothing to record yet."""
    names = set(ask(prometheus, "label/__name__/values")["data"])
    groups = ask(prometheus, "rules", type="record")["data"]["groups"]
    return names | {rule["name"] for group in groups for rule in group["rules"]}


def registered() -> set[str]:
    """Names in the sources of those who expose them."""
    text = "".join(file.read_text() for file in SOURCES if file.name != "tests.rs")
    return set(re.findall(r'"((?:scene3d|airflow)_[a-z0-9_]+)"', text))


def ask(prometheus: str, path: str, **parameters: str) -> dict:
    """An answer of Prometheus' API, also one that tells of a mistake."""
    url = f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def main() -> int:
    """Tells every mistake; fails if there is one."""
    match sys.argv[1:]:
        case ["schema", node_modules]:
            mistakes = check_schema(Path(node_modules))
        case ["queries", prometheus]:
            mistakes = check_queries(prometheus.rstrip("/"))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    print("\n".join(mistakes), file=sys.stderr)
    total = sum(1 for dashboard in dashboards().values() for _ in queries(dashboard))
    print(f"dashboards: {len(dashboards())} files, {total} queries, {len(mistakes)} mistakes")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
