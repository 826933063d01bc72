#!/usr/bin/env bash
# The stack of compose.yaml as processes of this machine, without containers; all of it listens on 127.0.0.1.
#
#   deploy/local.sh up        start everything, wait until it is ready, say where it is
#   deploy/local.sh status    each process: whether it runs, its address, its memory
#   deploy/local.sh down      stop everything, in order; what was kept stays
#   deploy/local.sh configs   write secrets and configs only, to be looked at or checked
#
# Settings, by the environment; those of the last `up` hold until others are given:
#   STACK_DIR            folder of data, secrets, configs and logs (default: out/stack of the checkout)
#   STACK_PORT_BASE      first of 12 ports (default: 18400); STACK_PORT_<NAME> sets one, see local/settings.sh
#   STACK_SCENE3D        the program (default: target/release/scene3d of the checkout)
#   STACK_SERVE_TOML     the service's config (default: deploy/scene3d/serve.toml)
#   STACK_EXPERIMENTS    checkout in which Airflow runs experiments (default: this one)
#   EXPERIMENT_MAIL_TO, SMTP_ADDRESS ...   see airflow/dags/experiment_pipeline_dag.py and secrets/make.sh
set -euo pipefail
umask 077

DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CHECKOUT=$(dirname "$DEPLOY")
STACK_DIR=$(realpath -m "${STACK_DIR:-$CHECKOUT/out/stack}")
# shellcheck source=local/settings.sh
source "$DEPLOY/local/settings.sh"
# shellcheck source=local/processes.sh
source "$DEPLOY/local/processes.sh"
# shellcheck source=local/configs.sh
source "$DEPLOY/local/configs.sh"
# shellcheck source=local/components.sh
source "$DEPLOY/local/components.sh"

configs() {
  load_settings
  make_folders
  save_settings
  "$DEPLOY/secrets/make.sh" "$SECRETS"
  write_configs
}

up() {
  refuse_if_running
  find_programs
  configs
  trap give_up EXIT
  local started=$SECONDS
  start_postgres
  start_mlflow
  start_scene3d
  start_airflow
  start_monitoring
  start_nginx
  wait_until_ready
  trap - EXIT
  echo "everything is ready after $((SECONDS - started)) s"
  status
  print_addresses
}

# Leaves nothing half-started behind.
give_up() {
  trap - EXIT
  echo "the stack is not up: stopping what was started" >&2
  down
  exit 1
}

down() {
  load_settings
  local name
  [[ -d $RUN ]] || { echo "nothing was started in $STACK_DIR" && return; }
  for name in $(printf '%s\n' "${PROCESSES[@]}" | tac); do
    stop "$name"
  done
  echo "stopped; what was kept is in $STACK_DIR"
}

# Fails if a process is missing.
status() {
  load_settings
  local name ok=0 total=0 mib
  printf '%-24s %-8s %-22s %8s\n' process pid address MiB
  for name in "${PROCESSES[@]}"; do
    if runs "$name"; then
      mib=$(memory_mib "$name")
      total=$((total + mib))
      printf '%-24s %-8s %-22s %8d\n' "$name" "$(pid_of "$name")" "$(address_of "$name")" "$mib"
    else
      printf '%-24s %-8s %-22s\n' "$name" "-" "does not run"
      ok=1
    fi
  done
  printf '%-24s %-8s %-22s %8d\n' "in all" "" "" "$total"
  return $ok
}

case ${1:-} in
  up | down | status | configs) "$1" ;;
  *)
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
