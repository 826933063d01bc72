# syntax=docker/dockerfile:1
# The service (target `service`) and what runs experiments (target `experiments`). Built from the checkout's root:
#   docker build --file deploy/docker/scene3d.Dockerfile --target service .
# SETUP=--cuda brings libtorch's CUDA libraries along (several GB). Digests stand in the place of tags once they are known.
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
# the program finds libtorch, weights and pycolmap by their place beside it: it is built where it will lie
WORKDIR /opt/scene3d
COPY . .
ARG SETUP=""
ENV SCENE3D_PYTHON=/usr/bin/python3.11 SCENE3D_CACHE=/var/cache/scene3d
# hadolint ignore=SC2086
RUN --mount=type=cache,target=/var/cache/scene3d --mount=type=cache,target=/usr/local/cargo/registry \
  cargo xtask setup ${SETUP} && cargo xtask build
RUN mkdir -p /image/target/release /image/.deps/python \
  && cp -a target/release/scene3d target/release/plugins /image/target/release/ \
  && cp -a .deps/venv .deps/weights /image/.deps/ \
  && mkdir -p /image/.deps/python/torch && cp -a .deps/python/torch/lib /image/.deps/python/torch/ \
  && cp -a .deps/python/nvidia /image/.deps/python/ \
  && rm -rf /image/target/release/plugins/dummy-* /image/target/release/plugins/hostile

FROM ${DEBIAN} AS service
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libgl1 libgomp1 python3.11 \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --system --gid 10001 scene3d \
  && useradd --system --uid 10001 --gid scene3d --no-create-home --home-dir /tmp scene3d \
  && install -d -o scene3d -g scene3d /var/lib/scene3d
COPY --from=build /image /opt/scene3d
COPY configs /usr/share/scene3d/configs
COPY deploy/scene3d/serve.toml /etc/scene3d/serve.toml
COPY --chmod=755 deploy/docker/entrypoint.sh /usr/local/bin/entrypoint.sh
RUN ln -s /opt/scene3d/target/release/scene3d /usr/local/bin/scene3d
USER 10001:10001
VOLUME /var/lib/scene3d
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python3.11", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["entrypoint.sh"]
CMD ["scene3d", "serve", "--config", "/etc/scene3d/serve.toml", "--log-format", "json"]

# Airflow starts one of these for each stage; the volume holds `experiments` and `configs` of a checkout.
FROM service AS experiments
USER 0
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/* \
  && install -d -o scene3d -g scene3d /workspace
COPY --from=build /opt/scene3d/.deps/dvc /opt/scene3d/.deps/dvc
ENV PATH=/opt/scene3d/.deps/dvc/bin:$PATH DVC_NO_ANALYTICS=1
USER 10001:10001
WORKDIR /workspace/experiments
VOLUME /workspace
HEALTHCHECK NONE
CMD ["scene3d", "experiments", "repro"]
