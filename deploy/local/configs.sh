# shellcheck shell=bash
# The containers' own configs with ports and folders of this machine; to be sourced by local.sh.

# here FILE [AS]: a copy in the folder of configs
here() {
  local edits=() entry name address
  for entry in "${PORTS[@]}"; do
    name=${entry%% *} address=${entry#* }
    edits+=(-e "s#\\b$address\\b#127.0.0.1:$(port "$name")#g")
    # where its own server listens
    [[ $address == nginx:* || $1 == */serve.toml && $name == SCENE3D ]] &&
      edits+=(-e "s#\\b0\\.0\\.0\\.0:${address#*:}\\b#127.0.0.1:$(port "$name")#g")
  done
  edits+=(
    -e "s#https://localhost:8444#https://localhost:$(port OPERATORS)#g"
    -e "s#/run/secrets/#$SECRETS/#g"
    -e "s#/tmp/nginx#$RUN/nginx#g"
    -e "s#/usr/share/nginx/page#$CHECKOUT/frontend/dist#g"
    -e "s#/var/lib/scene3d#$DATA/scene3d#g"
    -e "s#/usr/share/scene3d/configs#$CHECKOUT/configs#g"
    -e "s#/tmp/airflow#$DATA/airflow#g"
    -e "s#/opt/airflow/logs#$DATA/airflow/logs#g"
    -e "s#/opt/airflow/#$DEPLOY/airflow/#g"
  )
  sed "${edits[@]}" "$1" >"$CONFIGS/${2:-$(basename "$1")}"
}

write_configs() {
  here "$DEPLOY/prometheus/prometheus.yml"
  here "$DEPLOY/prometheus/rules.yml"
  here "$DEPLOY/prometheus/blackbox.yml"
  here "$DEPLOY/alertmanager/alertmanager.yml"
  here "$DEPLOY/nginx/nginx.conf"
  here "$DEPLOY/nginx/security_headers.conf"
  here "$DEPLOY/airflow/airflow.env"
  here "$SERVE_TOML" serve.toml
  cp "$SECRETS/airflow_passwords.json" "$DATA/airflow/passwords.json"
  cp "$SECRETS/airflow_pgpass" "$DATA/airflow/pgpass"
}
