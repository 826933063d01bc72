# syntax=docker/dockerfile:1
# MLflow with its page. Built from the checkout's root: docker build --file deploy/docker/mlflow.Dockerfile .
FROM python:3.11.13-slim-bookworm AS build
RUN python -m venv /opt/mlflow
COPY deploy/mlflow/requirements.txt /requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
  /opt/mlflow/bin/pip install --require-hashes --only-binary :all: --no-deps --requirement /requirements.txt

FROM python:3.11.13-slim-bookworm
RUN groupadd --system --gid 10001 mlflow \
  && useradd --system --uid 10001 --gid mlflow --no-create-home --home-dir /tmp mlflow \
  && install -d -o mlflow -g mlflow /var/lib/mlflow
COPY --from=build /opt/mlflow /opt/mlflow
COPY --chmod=755 deploy/docker/entrypoint.sh /usr/local/bin/entrypoint.sh
ENV PATH=/opt/mlflow/bin:$PATH PYTHONDONTWRITEBYTECODE=1 MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true \
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
USER 10001:10001
VOLUME /var/lib/mlflow
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=4)"]
ENTRYPOINT ["entrypoint.sh"]
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "2", \
  "--backend-store-uri", "postgresql+psycopg2://mlflow@postgres:5432/mlflow", \
  "--artifacts-destination", "/var/lib/mlflow", "--serve-artifacts", "--allowed-hosts", "mlflow:5000,127.0.0.1:*,localhost:*"]
