# syntax=docker/dockerfile:1
# A node of a Ray cluster, head or worker (deploy/kuberay). Built from the checkout's root:
#   docker build --file deploy/docker/ray.Dockerfile --build-arg SETUP=--cuda .
# Ray is laid out by set-up, in the version that tests run; its own images have another C library than the plugins are built for.
# Weights are mounted, at SCENE3D_WEIGHTS: not all of them may be passed on. Without SETUP=--cuda it uses no GPU.
ARG DEBIAN=debian:12.11-slim

FROM node:22.19.0-bookworm-slim AS node

FROM rust:1.95.0-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ curl python3.11 python3.11-venv \
  && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
# programs of Python name their interpreter and plugins find libtorch by where they were built: they lie there later, too
WORKDIR /opt/scene3d
COPY . .
ARG SETUP=""
ENV SCENE3D_PYTHON=/usr/bin/python3.11 SCENE3D_CACHE=/var/cache/scene3d
# set-up lays out Ray; the wheel is built, tested, and installed beside it
# hadolint ignore=SC2086
RUN --mount=type=cache,target=/var/cache/scene3d --mount=type=cache,target=/usr/local/cargo/registry \
  cargo xtask setup ${SETUP} && cargo xtask python
RUN mkdir -p /image/target/release /image/.deps/python/torch /image/ray \
  && .deps/ray/bin/python -c "import ray, scene3d" \
  && cp -a target/release/plugins /image/target/release/ \
  && cp -a .deps/ray .deps/venv /image/.deps/ \
  && cp -a .deps/python/torch/lib /image/.deps/python/torch/ \
  && cp -a .deps/python/nvidia /image/.deps/python/ \
  && cp -a deploy/ray/scene3d_ray /image/ray/ \
  && rm -rf /image/target/release/plugins/dummy-* /image/target/release/plugins/hostile

FROM ${DEBIAN}
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libgl1 libgomp1 python3.11 wget \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --system --gid 10001 scene3d \
  && useradd --system --uid 10001 --gid scene3d --no-create-home --home-dir /tmp scene3d \
  && install -d -o scene3d -g scene3d /var/cache/scene3d \
  && install -d /opt/scene3d/weights
COPY --from=build /image /opt/scene3d
# KubeRay starts `ray` by a shell that may set PATH anew; older versions of it ask for health by wget
RUN ln -s /opt/scene3d/.deps/ray/bin/ray /usr/local/bin/ray
ENV PATH=/opt/scene3d/.deps/ray/bin:$PATH PYTHONPATH=/opt/scene3d/ray PYTHONDONTWRITEBYTECODE=1 RAY_USAGE_STATS_ENABLED=0 HOME=/tmp \
  NVIDIA_DRIVER_CAPABILITIES=compute,utility \
  SCENE3D_PLUGIN_PATH=/opt/scene3d/target/release/plugins SCENE3D_WEIGHTS=/opt/scene3d/weights \
  SCENE3D_PYCOLMAP_PYTHON=/opt/scene3d/.deps/venv/bin/python
USER 10001:10001
# who runs it asks (readinessProbe)
HEALTHCHECK NONE
CMD ["ray", "--version"]
