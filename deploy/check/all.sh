#!/usr/bin/env bash
# Checks everything in deploy/ and the workflows, without an engine of containers and without Grafana; `cargo xtask deploy-check`
# lays out what it needs. Goes on after a failure, and tells all of them at the end.
set -uo pipefail
DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CHECKOUT=$(dirname "$DEPLOY")
TOOLS=$CHECKOUT/.deps/deploy-tools
PATH=$TOOLS/bin:$PATH:/usr/sbin:/sbin
cd "$DEPLOY" || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=()

step() {
  local name=$1 said
  shift
  if said=$("$@" 2>&1); then
    printf 'ok      %s\n' "$name"
  else
    printf 'FAILED  %s\n%s\n' "$name" "$said" >&2
    failed+=("$name")
  fi
}

# The order of words that everybody's tools agree on; all profiles at once.
compose() {
  docker-compose --project-directory . --file compose.yaml --profile '*' config "$@"
}
compose_rules() { compose --format json | python3 check/compose.py; }
rules_fire() { promtool test rules prometheus/rules_test.yml; }
rendered() { STACK_DIR=$scratch/stack ./local.sh configs; }
routes() {
  local labels receivers
  while read -r labels receivers; do
    # shellcheck disable=SC2086 # several labels
    [[ $(amtool config routes test --config.file=alertmanager/alertmanager.yml ${labels//,/ } 2>/dev/null) == "$receivers" ]] ||
      { echo "$labels: expected $receivers" && return 1; }
  done <<'END'
action=retrain,severity=warning airflow,operators
severity=critical operators
severity=warning operators
END
}
nginx_accepts() {
  nginx -t -q -e stderr -c "$scratch/stack/configs/nginx.conf"
}
airflow_tests() {
  cd airflow/tests && "$CHECKOUT/.deps/airflow/bin/python" -B -m unittest
}
# with PyYAML, which Airflow brings along
alerts() { "$CHECKOUT/.deps/airflow/bin/python" -B check/alerts.py; }
kuberay_tests() { cd check && python3 -B -m unittest kuberay_test; }
serve_accepts() { python3 -B check/kuberay.py serve-config | "$CHECKOUT/.deps/ray/bin/python" -B check/serve_config.py; }

step "compose: its own parser" compose --quiet
step "compose: schema of the specification" check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
step "compose: confined, bounded, only nginx published, no secret in an environment" compose_rules
step "Dockerfiles" hadolint docker/*.Dockerfile
step "shell scripts" shellcheck --external-sources local.sh secrets/make.sh postgres/*.sh docker/*.sh check/all.sh ../.ci/run
step "configs of the local stack" rendered
step "Prometheus: config" promtool check config "$scratch/stack/configs/prometheus.yml"
step "Prometheus: rules" promtool check rules prometheus/rules.yml
step "Prometheus: each alert fires, does not fire, ends" rules_fire
step "alerts: metrics, summaries, runbooks, tests" alerts
step "blackbox exporter" prometheus-blackbox-exporter --config.check --config.file=prometheus/blackbox.yml
step "Alertmanager: config" amtool check-config alertmanager/alertmanager.yml
step "Alertmanager: routes" routes
step "dashboards: types and structure" python3 -B check/dashboards.py schema "$TOOLS/node/node_modules"
step "nginx" nginx_accepts
step "workflows" check-jsonschema --builtin-schema vendor.github-workflows ../.github/workflows/*.yml
step "Airflow: DAG, hook and metrics" airflow_tests
step "KubeRay: schemas, nothing exposed, the application of deploy/ray" python3 -B check/kuberay.py
step "KubeRay: that check finds what it is for" kuberay_tests
if [[ -x $CHECKOUT/.deps/ray/bin/python ]]; then
  step "KubeRay: Serve's config, by Serve" serve_accepts
else
  echo "skipped KubeRay: Serve's config, by Serve: .deps/ray is not laid out (cargo xtask setup)"
fi

if ((${#failed[@]} > 0)); then
  printf '\n%d of the checks of deploy/ failed:\n' ${#failed[@]} >&2
  printf '  %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "deploy: everything holds"
