#!/usr/bin/env python3
"""Checks deploy/kuberay without a cluster: each manifest by schema, then the rules of kuberay_rules.py.

    kuberay.py               all of it
    kuberay.py serve-config  prints the config of Ray Serve, as JSON

What is Kubernetes' own is held to the schemas of its API (kubernetes-validate), strictly: a field that they do not know is a
mistake. A RayService is held to kuberay.schema.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import kuberay_rules
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

CHECK = Path(__file__).resolve().parent
MANIFESTS = CHECK.parent / "kuberay"
KUBERNETES = "v1.34.0"
DEFINITIONS = "https://kubernetes.io/api/_definitions.json"
# where Kubernetes' schemas keep what is used here
OF_KUBERNETES = {
    ("v1", "Namespace"): "io.k8s.api.core.v1.Namespace",
    ("v1", "ResourceQuota"): "io.k8s.api.core.v1.ResourceQuota",
    ("v1", "PersistentVolumeClaim"): "io.k8s.api.core.v1.PersistentVolumeClaim",
    ("policy/v1", "PodDisruptionBudget"): "io.k8s.api.policy.v1.PodDisruptionBudget",
    ("networking.k8s.io/v1", "NetworkPolicy"): "io.k8s.api.networking.v1.NetworkPolicy",
}


@cache
def validators() -> dict[tuple[str, str], Draft202012Validator]:
    """By apiVersion and kind."""
    packaged = files("kubernetes_validate") / f"kubernetes-json-schema/{KUBERNETES}-local-strict/_definitions.json"
    registry = Registry().with_resource(DEFINITIONS, Resource.from_contents(json.loads(packaged.read_text())))
    schemas = {kind: {"$ref": f"{DEFINITIONS}#/$defs/{name}"} for kind, name in OF_KUBERNETES.items()}
    schemas["ray.io/v1", "RayService"] = json.loads((CHECK / "kuberay.schema.json").read_text())
    return {kind: Draft202012Validator(schema, registry=registry) for kind, schema in schemas.items()}


def manifests() -> list[dict]:
    """All of those that the kustomization lists, in its order."""
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
    return [manifest for name in listed for manifest in yaml.safe_load_all((MANIFESTS / name).read_text())]


def unlisted() -> Iterator[str]:
    """Files that `kubectl apply -k` would not see, and what it would not understand."""
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
    if kustomization.keys() != {"apiVersion", "kind", "resources"}:
        yield f"kustomization.yaml: has {sorted(kustomization)}, expected apiVersion, kind and resources"
    there = {file.name for file in MANIFESTS.glob("*.yaml")} - {"kustomization.yaml"}
    for name in there ^ set(kustomization["resources"]):
        yield f"{name}: is {'not listed' if name in there else 'listed and not there'}"


def mistakes(all_of_it: list[dict]) -> Iterator[str]:
    """Of the manifests together; rules are asked only of what has the right shape."""
    by_schema = [f"{title(manifest)}: {mistake}" for manifest in all_of_it for mistake in against_schema(manifest)]
    yield from by_schema or kuberay_rules.mistakes(all_of_it)


def against_schema(manifest: dict) -> Iterator[str]:
    """What its schema does not allow."""
    validator = validators().get((manifest.get("apiVersion"), manifest.get("kind")))
    if validator is None:
        yield "there is no schema of its kind: it does not belong here"
        return
    for error in validator.iter_errors(manifest):
        yield f"{error.json_path}: {error.message[:300]}"


def title(manifest: dict) -> str:
    """How a manifest is named in messages."""
    return f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"


def main() -> int:
    """Tells every mistake; fails if there is one."""
    all_of_it = manifests()
    if sys.argv[1:] == ["serve-config"]:
        print(json.dumps(kuberay_rules.serve_config(kuberay_rules.only(all_of_it, "RayService"))))
        return 0
    found = [*unlisted(), *mistakes(all_of_it)]
    print("\n".join(found), file=sys.stderr)
    print(f"kuberay: {len(all_of_it)} manifests against Kubernetes {KUBERNETES}, {len(found)} mistakes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
