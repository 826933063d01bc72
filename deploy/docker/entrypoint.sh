#!/bin/sh
# Starts a program after it copied what must be private or writable into memory: PRIVATE_COPIES is a list of FROM:TO.
# libpq, sqlx and asyncpg read a password file only if nobody else can, and Docker's secrets can be read by everybody.
set -eu
umask 077
for copy in ${PRIVATE_COPIES:-}; do
  to=${copy#*:}
  mkdir -p "$(dirname "$to")"
  cp "${copy%%:*}" "$to"
  chmod 600 "$to"
done
exec "$@"
