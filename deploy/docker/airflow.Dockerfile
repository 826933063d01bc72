# syntax=docker/dockerfile:1
# Airflow with our DAG and plugins; its three processes are three commands of one image.
# Built from the checkout's root: docker build --file deploy/docker/airflow.Dockerfile .
FROM python:3.11.13-slim-bookworm AS build
RUN python -m venv /opt/venv
COPY deploy/airflow/requirements.txt /requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
  /opt/venv/bin/pip install --require-hashes --only-binary :all: --no-deps --requirement /requirements.txt

FROM python:3.11.13-slim-bookworm
RUN groupadd --system --gid 10001 airflow \
  && useradd --system --uid 10001 --gid airflow --no-create-home --home-dir /tmp airflow \
  && install -d -o airflow -g airflow /opt/airflow/logs
COPY --from=build /opt/venv /opt/venv
COPY deploy/airflow/dags /opt/airflow/dags
COPY deploy/airflow/plugins /opt/airflow/plugins
COPY --chmod=755 deploy/docker/entrypoint.sh /usr/local/bin/entrypoint.sh
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /opt/airflow/logs
EXPOSE 8080
ENTRYPOINT ["entrypoint.sh"]
CMD ["airflow", "api-server", "--host", "0.0.0.0", "--port", "8080"]
# each process has a check of its own in compose.yaml
HEALTHCHECK NONE
