"""What must hold of deploy/kuberay beyond its schemas: nothing is exposed, every pod is confined and bounded, the application is
that of deploy/ray, and what it names is mounted. Each rule tells its mistakes as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
APPLICATION = CHECKOUT / "deploy/ray/application.json"
RAY_REQUIREMENTS = CHECKOUT / "xtask/src/setup/ray-requirements.txt"
NAMESPACE = "scene3d-ray"
GPU = "nvidia.com/gpu"
SERVE, DASHBOARD = 8000, 8265
# what a replica caches unless its application says otherwise (host/python/src/worker.rs)
MAX_CACHE_BYTES = 20 << 30
BOUNDED = ("cpu", "memory", "ephemeral-storage")
UNITS = {"": 1, "m": 1e-3, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)


def mistakes(manifests: list[dict]) -> Iterator[str]:
    """Of all manifests; they fit their schemas."""
    service = only(manifests, "RayService")
    yield from in_namespace(manifests)
    yield from bounds(manifests)
    yield from cluster(service)
    for name, template in pods(service).items():
        yield from (f"{name}: {mistake}" for mistake in pod(template))
    yield from application(service)
    yield from network([manifest for manifest in manifests if manifest["kind"] == "NetworkPolicy"], pods(service))
    budget = only(manifests, "PodDisruptionBudget")["spec"]["selector"]
    if [name for name, template in pods(service).items() if selects(budget, template)] != ["head"]:
        yield "PodDisruptionBudget: does not select the head alone"


def only(manifests: list[dict], kind: str) -> dict:
    """The one of a kind."""
    (found,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


def serve_config(service: dict) -> dict:
    """What the operator sends to Ray Serve."""
    return yaml.safe_load(service["spec"]["serveConfigV2"])


def pods(service: dict) -> dict[str, dict]:
    """Templates of pods, by the name of their group."""
    config = service["spec"]["rayClusterConfig"]
    workers = {group["groupName"]: group["template"] for group in config["workerGroupSpecs"]}
    return {"head": config["headGroupSpec"]["template"], **workers}


def in_namespace(manifests: list[dict]) -> Iterator[str]:
    """Everything lies in the namespace, which confines pods whatever their templates say."""
    for manifest in manifests:
        metadata = manifest["metadata"]
        if (metadata["name"] if manifest["kind"] == "Namespace" else metadata.get("namespace")) != NAMESPACE:
            yield f"{manifest['kind']} {metadata['name']}: is not in {NAMESPACE}"
    if only(manifests, "Namespace")["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "Namespace: takes pods that are not confined, expected pod-security.kubernetes.io/enforce: restricted"


def bounds(manifests: list[dict]) -> Iterator[str]:
    """The quota publishes nothing, and has room for two clusters."""
    hard = only(manifests, "ResourceQuota")["spec"]["hard"]
    for what in ("services.loadbalancers", "services.nodeports", "count/ingresses.networking.k8s.io"):
        if hard.get(what) != "0":
            yield f"ResourceQuota: {what} is {hard.get(what)}, expected 0"
    groups = only(manifests, "RayService")["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    if size(hard.get(f"requests.{GPU}")) < 2 * sum(group["maxReplicas"] for group in groups):
        yield "ResourceQuota: has no room for a second cluster during an upgrade"


def cluster(service: dict) -> Iterator[str]:
    """Not exposed, asks for a token, grows and shrinks, of the version that tests run."""
    config = service["spec"]["rayClusterConfig"]
    head = config["headGroupSpec"]
    if head.get("serviceType") != "ClusterIP" or head.get("enableIngress"):
        yield f"head: is exposed as {head.get('serviceType')}, expected ClusterIP and no ingress"
    if config.get("authOptions", {}).get("mode") != "token":
        yield "cluster: takes what anybody sends, expected authOptions.mode: token"
    if f"ray=={config['rayVersion']}" not in RAY_REQUIREMENTS.read_text().splitlines():
        yield f"cluster: Ray {config['rayVersion']} is not the version of {RAY_REQUIREMENTS.name}"
    if not config.get("enableInTreeAutoscaling"):
        yield "cluster: has no autoscaler"
    autoscaler = {"name": "autoscaler", "readinessProbe": {}, "image": "as:head", **config.get("autoscalerOptions", {})}
    yield from (f"autoscaler: {mistake}" for mistake in container(autoscaler))
    if head["rayStartParams"].get("num-cpus") != "0" or any(GPU in limits(one) for one in head["template"]["spec"]["containers"]):
        yield "head: takes work, expected num-cpus: \"0\" and no GPU"


def pod(template: dict) -> Iterator[str]:
    """Confined as the pod security standard `restricted` has it, and more."""
    spec = template["spec"]
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(shared):
            yield f"{shared} opens the machine to it"
    context = spec.get("securityContext", {})
    if not context.get("runAsNonRoot") or not context.get("runAsUser"):
        yield "runs as root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "may make any system call: expected seccompProfile RuntimeDefault"
    if template["metadata"].get("labels", {}).get("app.kubernetes.io/component") != "ray-head" and spec.get("automountServiceAccountToken") is not False:
        yield "is given a token for Kubernetes, which jobs need not"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"volume {volume['name']} is a folder of the machine"
        if "emptyDir" in volume and not size(volume["emptyDir"].get("sizeLimit")):
            yield f"volume {volume['name']} has no sizeLimit"
    for one in [*spec.get("initContainers", []), *spec["containers"]]:
        yield from (f"{one['name']}: {mistake}" for mistake in container(one))


def container(one: dict) -> Iterator[str]:
    """Confined, bounded, pinned, asked whether it is ready; without a secret in its text."""
    context = one.get("securityContext") or {}
    if context.get("privileged") or context.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities: expected drop: [ALL]"
    if not context.get("readOnlyRootFilesystem"):
        yield "can write to its image"
    for kind in ("requests", "limits"):
        given = (one.get("resources") or {}).get(kind) or {}
        if missing := [what for what in BOUNDED if not size(given.get(what))]:
            yield f"{kind} lack {missing}"
    if "readinessProbe" not in one:
        yield "has no readinessProbe"
    image = one.get("image", "")
    if ":" not in image.rpartition("/")[2] or image.endswith(":latest"):
        yield f"image `{image}` is not pinned"
    if any("hostPort" in port for port in one.get("ports", [])):
        yield "listens on a port of the machine"
    for variable in one.get("env", []):
        if SECRET_NAME.search(variable["name"]) and "value" in variable:
            yield f"{variable['name']} stands in the manifest: expected a Secret"


def application(service: dict) -> Iterator[str]:
    """It is that of deploy/ray, and its workers have what it names: a token, room, as many GPUs as replicas."""
    expected = json.loads(APPLICATION.read_text())
    if serve_config(service).get("applications") != [expected]:
        yield "serveConfigV2: its application is not that of deploy/ray/application.json"
    (group,) = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    spec = group["template"]["spec"]
    worker = spec["containers"][0]
    for which in ("min", "max"):
        wanted = sum(deployment["autoscaling_config"][f"{which}_replicas"] for deployment in expected["deployments"])
        if group[f"{which}Replicas"] < wanted:
            yield f"{group['groupName']}: has fewer workers than the application replicas, expected {which}Replicas: {wanted}"
    for options in (deployment["ray_actor_options"] for deployment in expected["deployments"]):
        if size(limits(worker).get(GPU)) != options["num_gpus"] or size(limits(worker).get("cpu")) < options["num_cpus"]:
            yield f"{group['groupName']}: a worker has not what one replica wants ({options})"
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    mounted = {mount["mountPath"]: volumes.get(mount["name"], {}) for mount in worker.get("volumeMounts", [])}
    args = expected["args"]
    if "secret" not in mounted.get(args["token_file"], {}):
        yield f"{group['groupName']}: no Secret is mounted at {args['token_file']}"
    room = size(mounted.get(args["cache_dir"], {}).get("emptyDir", {}).get("sizeLimit"))
    if room <= args.get("max_cache_bytes", MAX_CACHE_BYTES) or room > size(limits(worker).get("ephemeral-storage")):
        yield f"{group['groupName']}: {args['cache_dir']} has not the room for max_cache_bytes, or more than its container"


def network(policies: list[dict], templates: dict[str, dict]) -> Iterator[str]:
    """Everything is denied that is not named, and Ray's ports are named for the operator and the service only."""
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if not any(policy["spec"] == closed for policy in policies):
        yield "NetworkPolicy: none denies everything"
    for policy in policies:
        name, spec = f"NetworkPolicy {policy['metadata']['name']}", policy["spec"]
        selector = spec.get("podSelector", {})
        if not any(selects(selector, template) for template in templates.values()):
            yield f"{name}: selects no pod of the cluster"
        if not any(selector.values()) and (spec.get("ingress") or spec.get("egress")):
            yield f"{name}: opens something for all pods"
        for rule, peers in [(rule, key) for way, key in (("ingress", "from"), ("egress", "to")) for rule in spec.get(way, [])]:
            if not rule.get(peers) or not all(is_named(peer) for peer in rule[peers]):
                yield f"{name}: is open to everybody"
            if any("namespaceSelector" in peer or "ipBlock" in peer for peer in rule.get(peers, [])) and not rule.get("ports"):
                yield f"{name}: opens all ports to others than Ray"
            if any("endPort" in port or not isinstance(port["port"], int) for port in rule.get("ports", [])):
                yield f"{name}: opens ports that it does not number one by one"
    admitted = {SERVE: {"scene3d", "kuberay-operator"}, DASHBOARD: {"kuberay-operator"}}
    if (found := ports_from_outside(policies)) != admitted:
        yield f"NetworkPolicy: from outside come {found}, expected {admitted}"


def ports_from_outside(policies: list[dict]) -> dict[int, set[str]]:
    """Who of other namespaces is let in where."""
    found: dict[int, set[str]] = {}
    for rule in (rule for policy in policies for rule in policy["spec"].get("ingress", [])):
        outside = [peer for peer in rule.get("from", []) if peer.keys() != {"podSelector"}]
        for port in rule.get("ports", []):
            names = {peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name", "?") for peer in outside}
            found.setdefault(port["port"], set()).update(names)
    return found


def is_named(peer: dict) -> bool:
    """Neither everybody nor a whole namespace."""
    if "ipBlock" in peer:
        return int(peer["ipBlock"]["cidr"].rpartition("/")[2]) >= 8
    selectors = [peer.get("podSelector"), *([peer["namespaceSelector"]] if "namespaceSelector" in peer else [])]
    return all(selector and any(selector.values()) for selector in selectors)


def selects(selector: dict, template: dict) -> bool:
    """Whether a selector of labels is for these pods."""
    labels = template["metadata"].get("labels", {})
    expressions = selector.get("matchExpressions", [])
    matches = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return matches and all(one["operator"] == "In" and labels.get(one["key"]) in one["values"] for one in expressions)


def limits(one: dict) -> dict:
    """Of a container."""
    return (one.get("resources") or {}).get("limits") or {}


def size(quantity: str | float | None) -> float:
    """A quantity of Kubernetes as a number; 0 for none, or for what is no quantity."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m|k|[MGT]|[KMGT]i|)", str(quantity))
    return float(match[1]) * UNITS[match[2]] if match else 0
