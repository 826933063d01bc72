# shellcheck shell=bash
# Processes that outlive this script: each in a session of its own, with a file of its id and a log; to be sourced by local.sh.

STOP_SECS=20

# start NAME COMMAND...: with the environment of this shell
start() {
  local name=$1
  shift
  # the process that is started is the one that is waited for and stopped: no shell stays in between
  # shellcheck disable=SC2016 # to be expanded by that bash
  setsid --fork bash -c 'echo $$ > "$1"; shift; exec "$@"' start "$RUN/$name.pid" "$@" \
    </dev/null >>"$LOGS/$name.log" 2>&1
  local tries
  for tries in {1..50}; do
    [[ -s $RUN/$name.pid ]] && return
    sleep 0.1
  done
  echo "$name: not started after $((tries / 10)) s" >&2
  return 1
}

pid_of() {
  cat "$RUN/$1.pid" 2>/dev/null
}

# A zombie has ended; so has one whose id another process has by now.
runs() {
  local pid start
  pid=$(pid_of "$1") && [[ -n $pid ]] || return 1
  [[ $(ps -o stat= -p "$pid") =~ ^[^Z] ]] || return 1
  start=$(ps -o sid= -p "$pid" | tr -d ' ')
  [[ $start == "$pid" ]]
}

# It, all that it started and what those started; PostgreSQL puts its own into sessions of theirs, so ancestry tells.
family() {
  ps -e -o pid= -o ppid= | awk -v first="$1" '
    { children[$2] = children[$2] " " $1 }
    function tell(pid, list, count, i) {
      print pid
      count = split(children[pid], list, " ")
      for (i = 1; i <= count; i++) tell(list[i])
    }
    END { tell(first) }'
}

# What its children leave behind would hold ports and files.
stop() {
  local name=$1 pid signal=TERM tenths whole
  pid=$(pid_of "$name") || return 0
  if runs "$name"; then
    whole=$(family "$pid")
    # PostgreSQL takes SIGTERM as "wait until all clients have gone"
    [[ $name == postgres ]] && signal=INT
    kill -s "$signal" "$pid"
    for ((tenths = 0; tenths < STOP_SECS * 10; tenths++)); do
      runs "$name" || break
      sleep 0.1
    done
    runs "$name" && echo "$name did not end within $STOP_SECS s: killing it" >&2
    # shellcheck disable=SC2086 # a list
    kill -s KILL $whole 2>/dev/null || true
  fi
  rm -f "$RUN/$name.pid"
}

refuse_if_running() {
  load_settings
  local name
  for name in "${PROCESSES[@]}"; do
    if runs "$name"; then
      echo "$name runs already (process $(pid_of "$name")): deploy/local.sh down first" >&2
      exit 1
    fi
  done
  refuse_taken_ports
}

refuse_taken_ports() {
  local entry name
  for entry in "${PORTS[@]}"; do
    name=${entry%% *}
    if (exec 3<>"/dev/tcp/127.0.0.1/$(port "$name")") 2>/dev/null; then
      echo "port $(port "$name") is taken: set STACK_PORT_$name or STACK_PORT_BASE to others" >&2
      exit 1
    fi
  done
}

# wait_for NAME SECONDS COMMAND...: until the command succeeds; tells the log's end if the process ends or time does
wait_for() {
  local name=$1 seconds=$2 tenths
  shift 2
  for ((tenths = 0; tenths < seconds * 5; tenths++)); do
    "$@" >/dev/null 2>&1 && return
    if ! runs "$name"; then
      echo "$name ended; the end of $LOGS/$name.log:" >&2
      tail -n 20 "$LOGS/$name.log" >&2
      return 1
    fi
    sleep 0.2
  done
  echo "$name is not ready after $seconds s; the end of $LOGS/$name.log:" >&2
  tail -n 20 "$LOGS/$name.log" >&2
  return 1
}

# Of it and all that it started; what they share is counted once, by parts (proc(5), smaps_rollup).
memory_mib() {
  local pid
  for pid in $(family "$(pid_of "$1")"); do
    awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null || true
  done | awk '{ kib += $1 } END { printf "%d", kib / 1024 }'
}
