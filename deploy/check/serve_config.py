#!/usr/bin/env python3
"""Holds a config of Ray Serve, given on stdin as JSON, to Serve's own models: `kuberay.py serve-config | serve_config.py`.

Serve passes over fields that it does not know, and reads some only when it starts; here both are mistakes. Runs where Ray is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from pydantic import BaseModel, ValidationError
from ray.serve import schema
from ray.serve.config import AutoscalingConfig


def parts(config: dict) -> Iterator[tuple[str, type[BaseModel], dict]]:
    """Each part of a config, and the model of it."""
    yield "config", schema.ServeDeploySchema, config
    yield "http_options", schema.HTTPOptionsSchema, config.get("http_options", {})
    for application in config["applications"]:
        yield application["name"], schema.ServeApplicationSchema, application
        for deployment in application.get("deployments", []):
            yield deployment["name"], schema.DeploymentSchema, deployment
            yield "ray_actor_options", schema.RayActorOptionsSchema, deployment.get("ray_actor_options", {})
            yield "autoscaling_config", AutoscalingConfig, deployment.get("autoscaling_config", {})


def mistakes(config: dict) -> Iterator[str]:
    """What Serve would refuse, or pass over."""
    for name, model, part in parts(config):
        yield from (f"{name}: Serve knows no `{field}`" for field in part.keys() - model.model_fields.keys())
        try:
            model.model_validate(part)
        except ValidationError as error:
            yield f"{name}: {error}"


if __name__ == "__main__":
    found = list(mistakes(json.load(sys.stdin)))
    print("\n".join(found), file=sys.stderr)
    sys.exit(1 if found else 0)
