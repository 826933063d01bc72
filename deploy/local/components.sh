# shellcheck shell=bash
# How each part of the stack is started and found ready; to be sourced by local.sh.

# program VARIABLE PACKAGE NAME...: the first that is there; nginx of Debian is in /usr/sbin, which users do not search
program() {
  local variable=$1 package=$2 found
  shift 2
  found=$(PATH=$PATH:/usr/sbin:/sbin type -P "$@" | head -n 1) || true
  if [[ -z $found ]]; then
    echo "there is no $1: install it (Debian's package $package)" >&2
    return 1
  fi
  printf -v "$variable" %s "$found"
}

# All that is missing is told at once.
find_programs() {
  local missing=0 file
  # Debian keeps each version in a folder that no PATH names
  POSTGRES_BIN=$(find /usr/lib/postgresql -path '*/bin/initdb' -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)
  [[ -n $POSTGRES_BIN ]] || POSTGRES_BIN=$(dirname "$(type -P initdb)")
  [[ -x $POSTGRES_BIN/postgres ]] || { echo "there is no PostgreSQL: install it (Debian's package postgresql)" >&2 && missing=1; }
  program PROMETHEUS prometheus prometheus || missing=1
  program ALERTMANAGER prometheus-alertmanager prometheus-alertmanager alertmanager || missing=1
  program NODE_EXPORTER prometheus-node-exporter prometheus-node-exporter node_exporter || missing=1
  program BLACKBOX prometheus-blackbox-exporter prometheus-blackbox-exporter blackbox_exporter || missing=1
  program NGINX nginx nginx || missing=1
  for file in curl openssl setsid; do
    program _ "$file" "$file" || missing=1
  done
  [[ -x $SCENE3D ]] || { echo "there is no $SCENE3D: run \`cargo xtask build\`" >&2 && missing=1; }
  for file in mlflow airflow dvc; do
    [[ -x $CHECKOUT/.deps/$file/bin/$file ]] ||
      { echo "there is no $file in $CHECKOUT/.deps/$file: run \`cargo xtask setup\`" >&2 && missing=1; }
  done
  [[ -f $CHECKOUT/frontend/dist/index.html ]] || echo "note: the page is not built (\`cargo xtask frontend\`): nginx has none" >&2
  return $missing
}

# PostgreSQL refuses root: then it, and only it, runs as the user of its package.
as_database_user() {
  if [[ $(id -u) == 0 ]]; then
    setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  else
    "$@"
  fi
}

start_postgres() {
  local cluster=$DATA/postgres options
  if [[ ! -s $cluster/PG_VERSION ]]; then
    mkdir -p "$cluster"
    chmod 700 "$cluster"
    if [[ $(id -u) == 0 ]]; then
      chown postgres: "$cluster"
      chmod 711 "$STACK_DIR" "$DATA"
      as_database_user test -x "$cluster" || {
        echo "the user postgres can't reach $cluster: let others pass through the folders above, or set STACK_DIR" >&2
        return 1
      }
    fi
    # its socket is in that folder, which nobody else can enter; by network a password is needed
    as_database_user "$POSTGRES_BIN/initdb" -D "$cluster" -U postgres -E UTF8 --auth-local=trust \
      --auth-host=scram-sha-256 >>"$LOGS/postgres.log" 2>&1
  fi
  options=(-p "$(port POSTGRES)" -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$cluster" -c shared_buffers=64MB)
  if [[ $(id -u) == 0 ]]; then
    start postgres setpriv --reuid=postgres --regid=postgres --init-groups "$POSTGRES_BIN/postgres" -D "$cluster" "${options[@]}"
  else
    start postgres "$POSTGRES_BIN/postgres" -D "$cluster" "${options[@]}"
  fi
  wait_for postgres 30 as_database_user "$POSTGRES_BIN/pg_isready" -q -h "$cluster" -p "$(port POSTGRES)"
  "$DEPLOY/postgres/databases.sh" "$SECRETS" |
    as_database_user "$POSTGRES_BIN/psql" -q -v ON_ERROR_STOP=1 -U postgres -h "$cluster" -p "$(port POSTGRES)" -d postgres
}

start_mlflow() {
  PGPASSFILE=$SECRETS/mlflow_pgpass MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    start mlflow "$CHECKOUT/.deps/mlflow/bin/mlflow" server --host 127.0.0.1 --port "$(port MLFLOW)" --workers 1 \
    --backend-store-uri "postgresql+psycopg2://mlflow@127.0.0.1:$(port POSTGRES)/mlflow" \
    --artifacts-destination "$DATA/mlflow" --serve-artifacts --allowed-hosts 'mlflow:5000,127.0.0.1:*,localhost:*'
}

start_scene3d() {
  PGPASSFILE=$SECRETS/scene3d_pgpass start scene3d "$SCENE3D" serve --config "$CONFIGS/serve.toml" --log-format json
}

# In a shell of its own: its settings are nobody else's.
airflow() (
  set -a
  # shellcheck source=/dev/null
  source "$CONFIGS/airflow.env"
  PATH=$(dirname "$SCENE3D"):$PATH
  export SCENE3D_DVC=$CHECKOUT/.deps/dvc/bin/dvc
  export EXPERIMENT_RUNNER=subprocess EXPERIMENT_CHECKOUT=$EXPERIMENTS PYTHONDONTWRITEBYTECODE=1
  export AIRFLOW_CONN_FS_DATA='{"conn_type": "fs", "extra": {"path": "'$EXPERIMENTS/experiments'"}}'
  EXPERIMENT_DATA=${STACK_EXPERIMENT_DATA:-$EXPERIMENT_DATA}
  "$@"
)

start_airflow() {
  local program=$CHECKOUT/.deps/airflow/bin/airflow
  airflow "$program" db migrate >>"$LOGS/airflow-migrate.log" 2>&1 || {
    echo "Airflow's database can't be made; the end of $LOGS/airflow-migrate.log:" >&2
    tail -n 20 "$LOGS/airflow-migrate.log" >&2
    return 1
  }
  airflow start airflow-api "$program" api-server --host 127.0.0.1 --port "$(port AIRFLOW)"
  airflow start airflow-scheduler "$program" scheduler --skip-serve-logs
  airflow start airflow-dag-processor "$program" dag-processor
}

start_monitoring() {
  start node-exporter "$NODE_EXPORTER" --web.listen-address="127.0.0.1:$(port NODE_EXPORTER)"
  start blackbox "$BLACKBOX" --config.file="$CONFIGS/blackbox.yml" --web.listen-address="127.0.0.1:$(port BLACKBOX)"
  # without the last option it would look for others of its kind, on all addresses
  start alertmanager "$ALERTMANAGER" --config.file="$CONFIGS/alertmanager.yml" --storage.path="$DATA/alertmanager" \
    --web.listen-address="127.0.0.1:$(port ALERTMANAGER)" --cluster.listen-address= \
    --web.external-url="https://localhost:$(port OPERATORS)/alertmanager/"
  start prometheus "$PROMETHEUS" --config.file="$CONFIGS/prometheus.yml" --storage.tsdb.path="$DATA/prometheus" \
    --storage.tsdb.retention.time=30d --web.listen-address="127.0.0.1:$(port PROMETHEUS)" \
    --web.external-url="https://localhost:$(port OPERATORS)/prometheus/"
}

start_nginx() {
  local directives="daemon off;"
  # its workers would be nobody, who can't read this checkout
  [[ $(id -u) == 0 ]] && directives+=" user root;"
  start nginx "$NGINX" -c "$CONFIGS/nginx.conf" -e stderr -g "$directives"
}

wait_until_ready() {
  local get=(curl --silent --fail --max-time 5)
  wait_for mlflow 60 "${get[@]}" "127.0.0.1:$(port MLFLOW)/health"
  wait_for scene3d 60 "${get[@]}" "127.0.0.1:$(port SCENE3D)/readyz"
  wait_for node-exporter 20 "${get[@]}" "127.0.0.1:$(port NODE_EXPORTER)/"
  wait_for blackbox 20 "${get[@]}" "127.0.0.1:$(port BLACKBOX)/-/healthy"
  wait_for alertmanager 20 "${get[@]}" "127.0.0.1:$(port ALERTMANAGER)/alertmanager/-/ready"
  wait_for prometheus 60 "${get[@]}" "127.0.0.1:$(port PROMETHEUS)/prometheus/-/ready"
  wait_for nginx 20 "${get[@]}" --insecure "https://127.0.0.1:$(port PAGE)/healthz"
  wait_for airflow-api 120 airflow_is_healthy
  wait_for airflow-dag-processor 120 airflow_knows_the_dag
}

airflow_is_healthy() {
  local health part
  health=$(curl --silent --fail --max-time 5 "127.0.0.1:$(port AIRFLOW)/airflow/api/v2/monitor/health")
  for part in metadatabase scheduler dag_processor; do
    grep -Eq "\"$part\": ?\{[^}]*\"status\": ?\"healthy\"" <<<"$health" || return 1
  done
}

airflow_knows_the_dag() {
  curl --silent --fail --max-time 5 --header @- "127.0.0.1:$(port AIRFLOW)/airflow/monitoring/metrics" \
    <<<"Authorization: Bearer $(<"$SECRETS/airflow_scrape_token")" | grep -q 'dag_id="experiment_pipeline"'
}

print_addresses() {
  cat <<END

page         https://localhost:$(port PAGE)/
operators    https://localhost:$(port OPERATORS)/   user operator, password in $SECRETS/operators_password
users        PGPASSFILE=$SECRETS/scene3d_pgpass $SCENE3D user add NAME --config $CONFIGS/serve.toml
logs         $LOGS
END
}
