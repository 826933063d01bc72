#!/usr/bin/env bash
# Makes every secret of the stack that is not there yet, each a file of its own; what is there stays as it is.
#
#   deploy/secrets/make.sh FOLDER [--for-containers]
#
# Files can be read by their owner alone. With --for-containers by everybody, as Docker's own secrets are, because each image
# runs as a user of its own; the folder around them keeps others out.
set -euo pipefail
umask 077

usage() {
  echo "usage: deploy/secrets/make.sh FOLDER [--for-containers]" >&2
  exit 2
}

folder=${1:-}
[[ -n $folder && $folder != -* ]] || usage
file_mode=600
case ${2:-} in
  "") ;;
  --for-containers) file_mode=444 ;;
  *) usage ;;
esac
command -v openssl >/dev/null || { echo "openssl is not on PATH: install it" >&2; exit 1; }
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

# secret NAME COMMAND...: the file holds what the command says; it appears whole or not at all
secret() {
  local name=$1
  shift
  [[ -e $name ]] && return
  "$@" >".$name.new"
  chmod "$file_mode" ".$name.new"
  mv ".$name.new" "$name"
  echo "made $name"
}
random() { openssl rand -hex 32; }
signing_key() { echo "$(date -u +%Y-%m-%d) $(random)"; }
fernet_key() { openssl rand -base64 32 | tr '+/' '-_'; }
pgpass() { echo "*:*:$1:$1:$(cat "$1_database_password")"; }
airflow_passwords() { echo "{\"admin\": \"$(random)\"}"; }
htpasswd() { echo "operator:$(openssl passwd -apr1 -stdin <operators_password)"; }

# The mail server; none of the words may hold a quote or a backslash.
airflow_connections() {
  local smtp=${SMTP_ADDRESS:-localhost:25}
  cat <<END
{
  "smtp_default": {
    "conn_type": "smtp", "host": "${smtp%:*}", "port": ${smtp##*:}, "login": "${SMTP_LOGIN:-}", "password": "${SMTP_PASSWORD:-}",
    "extra": {"disable_ssl": true, "disable_tls": ${SMTP_WITHOUT_TLS:-false}, "from_email": "${SMTP_FROM:-scene3d@localhost}"}
  }
}
END
}

# Of its own making, for a year; put your authority's in its place.
certificate() {
  [[ -e tls_cert && -e tls_key ]] && return
  local domain=${SCENE3D_DOMAIN:-localhost}
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$domain" \
    -addext "subjectAltName=DNS:$domain,DNS:localhost,IP:127.0.0.1" -addext basicConstraints=critical,CA:FALSE \
    -keyout .tls_key.new -out .tls_cert.new 2>/dev/null
  chmod "$file_mode" .tls_key.new .tls_cert.new
  mv .tls_key.new tls_key
  mv .tls_cert.new tls_cert
  echo "made tls_cert and tls_key for $domain"
}

certificate
secret token_keys signing_key
secret scrape_token random
secret airflow_scrape_token random
secret alertmanager_hook_token random
secret postgres_password random
for database in scene3d mlflow airflow; do
  secret "${database}_database_password" random
  secret "${database}_pgpass" pgpass "$database"
done
secret airflow_jwt_secret random
secret airflow_session_key random
secret airflow_fernet_key fernet_key
secret airflow_passwords.json airflow_passwords
secret airflow_connections.json airflow_connections
secret grafana_password random
secret operators_password random
secret operators_htpasswd htpasswd
# nobody listens there: put the URL of your chat's incoming webhook in its place
secret operators_webhook_url echo "http://127.0.0.1:9/put-your-incoming-webhook-here"
chmod "$file_mode" -- *
