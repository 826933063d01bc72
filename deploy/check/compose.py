#!/usr/bin/env python3
"""Checks what compose's own schema does not: `docker-compose config --format json | compose.py`.

Only nginx is published; no environment holds a secret; every service is confined, bounded and asked how it is; secrets are
mounted where they are named, and nowhere else.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent
PUBLISHED = {"nginx"}
# starts the containers of experiments: Docker's socket is root's
AS_ROOT = {"docker-proxy"}
# these end; nobody waits for their answers
ENDING = {"airflow-migration", "experiments"}
SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|API_KEY|FERNET|CREDENTIAL", re.IGNORECASE)
# say where a secret is, not what it is
REFERENCE = re.compile(r"(_FILE|_CMD|_BACKEND|_BACKEND_KWARGS)$")
ROOT = re.compile(r"^(root|0)(:|$)")


def mistakes_of(name: str, service: dict) -> Iterator[str]:
    """What is wrong with a service."""
    if service.get("ports") and name not in PUBLISHED:
        yield "publishes a port: only nginx does"
    if service.get("network_mode") or service.get("privileged"):
        yield "shares the host's network or is privileged"
    if not service.get("read_only"):
        yield "can write to its image: expected read_only"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
        yield "keeps capabilities: expected cap_drop: [ALL]"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "may gain privileges: expected no-new-privileges"
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if not {"cpus", "memory", "pids"} <= limits.keys() and name not in {"experiments"}:
        yield f"is bounded by {sorted(limits)} only: expected cpus, memory and pids"
    if name not in AS_ROOT and (ROOT.match(service.get("user", "")) or not (service.get("user") or user_of_image(service))):
        yield "runs as root"
    if name not in ENDING and not (service.get("healthcheck") or image_has_check(service)):
        yield "has no health check, nor has its Dockerfile"
    image = service.get("image", "")
    if ":" not in image.rpartition("/")[2] or image.endswith(":latest"):
        yield f"image `{image}` is not pinned"
    for variable in service.get("environment") or {}:
        if SECRET_NAME.search(variable) and not REFERENCE.search(variable):
            yield f"{variable} looks like a secret in the environment: expected a file"


def dockerfile(service: dict) -> str:
    """Text of what it is built from."""
    build = service.get("build")
    return (DEPLOY.parent / build["dockerfile"]).read_text() if build else ""


def user_of_image(service: dict) -> str | None:
    """The user that the Dockerfile ends with, unless that is root."""
    users = re.findall(r"^USER (\S+)", dockerfile(service), re.MULTILINE)
    return None if not users or ROOT.match(users[-1]) else users[-1]


def image_has_check(service: dict) -> bool:
    """Whether the Dockerfile says how to ask."""
    return bool(re.search(r"^HEALTHCHECK (?!NONE)", dockerfile(service), re.MULTILINE))


def env_files() -> Iterator[str]:
    """No secret stands in the files of settings either."""
    for file in [*DEPLOY.rglob("*.env"), DEPLOY / ".env.example"]:
        for line in file.read_text().splitlines():
            variable, _, value = line.partition("=")
            if value and not line.startswith("#") and SECRET_NAME.search(variable):
                # a path, or a command that reads one
                if not (REFERENCE.search(variable) or value.startswith(("/", "./"))):
                    yield f"{file.name}: {variable} holds what looks like a secret"


def main() -> int:
    """Tells every mistake; fails if there is one."""
    config = json.load(sys.stdin)
    services = config["services"]
    mistakes = [f"{name}: {mistake}" for name, service in services.items() for mistake in mistakes_of(name, service)]
    mistakes += env_files()
    used = {secret["source"] for service in services.values() for secret in service.get("secrets", [])}
    mistakes += [f"secret {name} is mounted nowhere" for name in config["secrets"] if name not in used]
    if "mlops_net" not in config["networks"]:
        mistakes.append("there is no network mlops_net")
    print("\n".join(mistakes), file=sys.stderr)
    print(f"compose: {len(services)} services, {len(config['secrets'])} secrets, {len(mistakes)} mistakes")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
