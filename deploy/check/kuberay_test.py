#!/usr/bin/env python3
"""The check of deploy/kuberay finds what it is for: each case breaks one thing in the manifests, and names the words by which the
mistake is told."""

from __future__ import annotations

import copy
import unittest

import kuberay

WORKER = "spec rayClusterConfig workerGroupSpecs 0"
WORKER_POD = f"{WORKER} template spec"
HEAD = "spec rayClusterConfig headGroupSpec"
GONE = object()

# manifest, where in it, what stands there instead, what is told
SHAPES = [
    ("scene3d", "spec rayClusterConfig enableInTreeAutoScaling", True, "enableInTreeAutoScaling"),
    ("scene3d", "spec rayClusterConfigs", {}, "rayClusterConfigs"),
    ("scene3d", f"{WORKER} maxReplica", 8, "maxReplica"),
    ("scene3d", f"{WORKER} maxReplicas", "8", "'8' is not of type 'integer'"),
    ("scene3d", f"{WORKER} minReplicas", -1, "minimum"),
    ("scene3d", "spec rayClusterConfig rayVersion", 2.6, "is not of type 'string'"),
    ("scene3d", f"{HEAD} rayStartParams num-cpus", 0, "0 is not of type 'string'"),
    ("scene3d", "spec rayClusterConfig authOptions mode", "tokens", "'tokens' is not one of"),
    ("scene3d", "spec serveService", {"spec": {"type": "LoadBalancer"}}, "serveService"),
    ("scene3d", f"{WORKER_POD} containers 0 resourses", {}, "resourses"),
    ("scene3d", f"{WORKER_POD} containers 0 readinessProbe httpGet port", [8000], "[8000]"),
    ("scene3d", f"{WORKER_POD} containers 0 securityContext readOnlyRootFileSystem", True, "readOnlyRootFileSystem"),
    ("scene3d", "spec rayClusterConfig autoscalerOptions securityContext privileged", "no", "'no' is not of type 'boolean'"),
    ("scene3d", "kind", "RayJob", "there is no schema"),
    ("server-to-serve", "spec ingress 0 form", [], "form"),
    ("server-to-serve", "spec ingress 0 ports 0 protocol", 6, "6 is not of type"),
    ("ray-head", "spec minimumAvailable", 1, "minimumAvailable"),
    ("bounds", "spec hard", ["pods"], "is not of type"),
]
RULES = [
    ("scene3d", f"{HEAD} serviceType", "LoadBalancer", "exposed as LoadBalancer"),
    ("scene3d", f"{HEAD} serviceType", "NodePort", "exposed as NodePort"),
    ("scene3d", f"{HEAD} serviceType", GONE, "exposed"),
    ("scene3d", f"{HEAD} enableIngress", True, "exposed"),
    ("scene3d", f"{HEAD} rayStartParams num-cpus", "2", "head: takes work"),
    ("scene3d", f"{HEAD} template spec hostNetwork", True, "head: hostNetwork"),
    ("scene3d", f"{HEAD} template spec containers 0 resources limits nvidia.com/gpu", 1, "head: takes work"),
    ("scene3d", f"{HEAD} template spec containers 0 ports 1 hostPort", 8265, "listens on a port of the machine"),
    ("scene3d", f"{WORKER_POD} hostNetwork", True, "gpu: hostNetwork"),
    ("scene3d", f"{WORKER_POD} hostPID", True, "gpu: hostPID"),
    ("scene3d", f"{WORKER_POD} automountServiceAccountToken", GONE, "token for Kubernetes"),
    ("scene3d", f"{WORKER_POD} securityContext runAsNonRoot", False, "runs as root"),
    ("scene3d", f"{WORKER_POD} securityContext runAsUser", 0, "runs as root"),
    ("scene3d", f"{WORKER_POD} securityContext seccompProfile", GONE, "system call"),
    ("scene3d", f"{WORKER_POD} containers 0 securityContext privileged", True, "gain privileges"),
    ("scene3d", f"{WORKER_POD} containers 0 securityContext allowPrivilegeEscalation", GONE, "gain privileges"),
    ("scene3d", f"{WORKER_POD} containers 0 securityContext capabilities", {"drop": ["ALL"], "add": ["SYS_PTRACE"]}, "capabilities"),
    ("scene3d", f"{WORKER_POD} containers 0 securityContext readOnlyRootFilesystem", False, "write to its image"),
    ("scene3d", f"{WORKER_POD} containers 0 resources limits memory", GONE, "limits lack ['memory']"),
    ("scene3d", f"{WORKER_POD} containers 0 resources requests memory", "32 GB", "requests lack ['memory']"),
    ("scene3d", f"{WORKER_POD} containers 0 resources limits nvidia.com/gpu", GONE, "has not what one replica wants"),
    ("scene3d", f"{WORKER_POD} containers 0 resources limits cpu", "2", "has not what one replica wants"),
    ("scene3d", f"{WORKER_POD} containers 0 readinessProbe", GONE, "no readinessProbe"),
    ("scene3d", f"{WORKER_POD} containers 0 image", "scene3d-ray", "not pinned"),
    ("scene3d", f"{WORKER_POD} containers 0 env", [{"name": "AWS_SECRET_ACCESS_KEY", "value": "x"}], "expected a Secret"),
    ("scene3d", f"{WORKER_POD} containers 0 volumeMounts 3 mountPath", "/run/secrets/token", "no Secret is mounted"),
    ("scene3d", f"{WORKER_POD} volumes 1 emptyDir sizeLimit", GONE, "has no sizeLimit"),
    ("scene3d", f"{WORKER_POD} volumes 1 emptyDir sizeLimit", "10Gi", "has not the room"),
    ("scene3d", f"{WORKER_POD} volumes 1", {"name": "cache", "hostPath": {"path": "/"}}, "folder of the machine"),
    ("scene3d", "spec rayClusterConfig autoscalerOptions securityContext", GONE, "autoscaler: may gain privileges"),
    ("scene3d", "spec rayClusterConfig autoscalerOptions resources", GONE, "autoscaler: limits lack"),
    ("scene3d", "spec rayClusterConfig authOptions", GONE, "takes what anybody sends"),
    ("scene3d", "spec rayClusterConfig rayVersion", "2.59.0", "not the version"),
    ("scene3d", "spec rayClusterConfig enableInTreeAutoscaling", GONE, "no autoscaler"),
    ("scene3d", f"{WORKER} maxReplicas", 4, "fewer workers than the application replicas"),
    ("scene3d", f"{WORKER} minReplicas", 0, "fewer workers than the application replicas"),
    ("scene3d", "spec serveConfigV2", "applications: []", "not that of deploy/ray"),
    ("scene3d", "metadata namespace", "default", "is not in scene3d-ray"),
    ("scene3d-ray", "metadata labels", {}, "pods that are not confined"),
    ("bounds", "spec hard services.loadbalancers", "1", "services.loadbalancers"),
    ("bounds", "spec hard requests.nvidia.com/gpu", "8", "no room for a second cluster"),
    ("deny-all", "spec policyTypes", ["Ingress"], "none denies everything"),
    ("server-to-serve", "spec ingress 0 from", GONE, "open to everybody"),
    ("server-to-serve", "spec ingress 0 from 0 podSelector", GONE, "open to everybody"),
    ("server-to-serve", "spec ingress 0 from 0 namespaceSelector", {}, "open to everybody"),
    ("server-to-serve", "spec ingress 0 from 0", {"ipBlock": {"cidr": "0.0.0.0/0"}}, "open to everybody"),
    ("server-to-serve", "spec ingress 0 ports", GONE, "opens all ports"),
    ("server-to-serve", "spec ingress 0 ports 0 port", 8265, "from outside come"),
    ("server-to-serve", "spec ingress 0 ports 0 endPort", 10001, "one by one"),
    ("server-to-serve", "spec podSelector", GONE, "for all pods"),
    ("server-to-serve", "spec podSelector matchLabels", {"app.kubernetes.io/component": "head"}, "selects no pod"),
    ("worker-to-object-store", "spec egress 0 to 0 ipBlock cidr", "0.0.0.0/0", "open to everybody"),
    ("ray-head", "spec selector matchLabels", {}, "does not select the head alone"),
]


def broken(name: str, where: str, value: object) -> list[dict]:
    """The manifests, with one thing changed."""
    manifests = copy.deepcopy(kuberay.manifests())
    (inside,) = [manifest for manifest in manifests if manifest["metadata"]["name"] == name]
    *way, last = [int(key) if key.isdigit() else key for key in where.split()]
    for key in way:
        inside = inside[key]
    if value is GONE:
        del inside[last]
    else:
        inside[last] = value
    return manifests


class Mistakes(unittest.TestCase):
    """Each is told, and the manifests as they are have none."""

    def test_manifests_hold(self) -> None:
        self.assertEqual([*kuberay.unlisted(), *kuberay.mistakes(kuberay.manifests())], [])

    def test_shapes(self) -> None:
        self.told(SHAPES)

    def test_rules(self) -> None:
        self.told(RULES)

    def test_rules_are_reached(self) -> None:
        """What breaks a rule fits the schemas: it is the rule that finds it."""
        for name, where, value, _ in RULES:
            with self.subTest(name=name, where=where, value=value):
                shapes = [mistake for one in broken(name, where, value) for mistake in kuberay.against_schema(one)]
                self.assertEqual(shapes, [])

    def told(self, cases: list[tuple[str, str, object, str]]) -> None:
        for name, where, value, words in cases:
            with self.subTest(name=name, where=where, value=value):
                found = list(kuberay.mistakes(broken(name, where, value)))
                self.assertTrue(any(words in mistake for mistake in found), found)


if __name__ == "__main__":
    unittest.main()
