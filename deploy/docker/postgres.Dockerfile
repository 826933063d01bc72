# syntax=docker/dockerfile:1
# PostgreSQL that makes our databases when it starts for the first time.
# Built from the checkout's root: docker build --file deploy/docker/postgres.Dockerfile .
FROM postgres:15.14-bookworm
COPY --chmod=755 deploy/postgres/databases.sh /usr/local/bin/databases.sh
COPY --chmod=755 deploy/postgres/init.sh /docker-entrypoint-initdb.d/10-databases.sh
# postgres, as the image has it
USER 999:999
HEALTHCHECK --interval=10s --timeout=5s CMD ["pg_isready", "--quiet", "--username", "postgres"]
