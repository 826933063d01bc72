#!/usr/bin/env bash
# Prints SQL that makes a role and a database for each program that keeps something in PostgreSQL, and gives each role the
# password of its secret: run again, it changes passwords and nothing else.
#
#   databases.sh SECRETS_FOLDER | psql --set ON_ERROR_STOP=1 --username postgres
set -euo pipefail
secrets=${1:?folder of the secrets}

for name in scene3d mlflow airflow; do
  password=$(<"$secrets/${name}_database_password")
  [[ $password =~ ^[0-9a-zA-Z]{16,}$ ]] || {
    echo "${name}_database_password: expected 16 or more letters and digits, nothing else" >&2
    exit 1
  }
  cat <<END
select 'create role $name login' where not exists (select from pg_roles where rolname = '$name') \gexec
alter role $name password '$password';
select 'create database $name owner $name' where not exists (select from pg_database where datname = '$name') \gexec
revoke connect on database $name from public;
END
done
