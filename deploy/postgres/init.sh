#!/usr/bin/env bash
# Run by PostgreSQL's image when it makes its cluster.
set -euo pipefail
/usr/local/bin/databases.sh /run/secrets | psql --set ON_ERROR_STOP=1 --username postgres --dbname postgres
