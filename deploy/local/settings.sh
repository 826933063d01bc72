# shellcheck shell=bash
# Folders, ports and processes of the local stack; to be sourced by local.sh.

# In the order in which they start.
PROCESSES=(
  postgres mlflow scene3d airflow-api airflow-scheduler airflow-dag-processor node-exporter blackbox alertmanager prometheus nginx
)

# Name of the port, and the address that the files of the containers have for it. Grafana has none here: there is no package.
PORTS=(
  "POSTGRES postgres:5432"
  "MLFLOW mlflow:5000"
  "SCENE3D scene3d:8000"
  "AIRFLOW airflow-api:8080"
  "NODE_EXPORTER node-exporter:9100"
  "BLACKBOX blackbox:9115"
  "ALERTMANAGER alertmanager:9093"
  "PROMETHEUS prometheus:9090"
  "PAGE nginx:8443"
  "OPERATORS nginx:8444"
  "PLAIN nginx:8080"
  "GRAFANA grafana:3000"
)

SECRETS=$STACK_DIR/secrets
CONFIGS=$STACK_DIR/configs
DATA=$STACK_DIR/data
RUN=$STACK_DIR/run
LOGS=$STACK_DIR/logs
SETTINGS=$STACK_DIR/run/settings

# What is kept for the next time, besides ports.
KEPT=(STACK_SCENE3D STACK_SERVE_TOML STACK_EXPERIMENTS STACK_EXPERIMENT_DATA EXPERIMENT_MAIL_TO)

# The environment's, else those of the last time, else the defaults.
load_settings() {
  local port index=0 variable kept
  if [[ -f $SETTINGS ]]; then
    while IFS='=' read -r variable kept; do
      # another base is other ports
      [[ $variable == STACK_PORT_* && -n ${STACK_PORT_BASE:-} ]] && continue
      [[ -n ${!variable:-} ]] || printf -v "$variable" %s "$(eval "echo $kept")"
    done <"$SETTINGS"
  fi
  for port in "${PORTS[@]}"; do
    variable=STACK_PORT_${port%% *}
    printf -v "$variable" %s "${!variable:-$((${STACK_PORT_BASE:-18400} + index))}"
    index=$((index + 1))
  done
  SCENE3D=$(realpath -m "${STACK_SCENE3D:-$CHECKOUT/target/release/scene3d}")
  SERVE_TOML=$(realpath -m "${STACK_SERVE_TOML:-$DEPLOY/scene3d/serve.toml}")
  EXPERIMENTS=$(realpath -m "${STACK_EXPERIMENTS:-$CHECKOUT}")
  # kept, they hold wherever the next call comes from
  [[ -z ${STACK_SCENE3D:-} ]] || STACK_SCENE3D=$SCENE3D
  [[ -z ${STACK_SERVE_TOML:-} ]] || STACK_SERVE_TOML=$SERVE_TOML
  [[ -z ${STACK_EXPERIMENTS:-} ]] || STACK_EXPERIMENTS=$EXPERIMENTS
  STACK_EXPERIMENT_DATA=${STACK_EXPERIMENT_DATA:-}
  export EXPERIMENT_MAIL_TO=${EXPERIMENT_MAIL_TO:-}
}

# Lines that a shell can read, too.
save_settings() {
  local port variable
  {
    for port in "${PORTS[@]}"; do
      variable=STACK_PORT_${port%% *}
      echo "$variable=${!variable}"
    done
    for variable in "${KEPT[@]}"; do
      [[ -z ${!variable:-} ]] || printf '%s=%q\n' "$variable" "${!variable}"
    done
  } >"$SETTINGS"
}

port() {
  local variable=STACK_PORT_$1
  echo "${!variable}"
}

address_of() {
  case $1 in
    airflow-api) echo "127.0.0.1:$(port AIRFLOW)" ;;
    airflow-*) echo - ;;
    nginx) echo "127.0.0.1:$(port PAGE)" ;;
    *)
      local name=${1//-/_}
      echo "127.0.0.1:$(port "${name^^}")"
      ;;
  esac
}

# Its parents as others have theirs: PostgreSQL's own user must pass through them.
make_folders() {
  (umask 022 && mkdir -p "$STACK_DIR")
  mkdir -p "$SECRETS" "$CONFIGS" "$DATA"/{mlflow,scene3d,airflow/logs,alertmanager,prometheus} "$RUN"/nginx "$LOGS"
  chmod 700 "$SECRETS" "$CONFIGS" "$DATA"/{mlflow,scene3d,airflow,alertmanager,prometheus} "$LOGS"
}
