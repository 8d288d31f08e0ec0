# shellcheck shell=bash
# Starts parts and ends them. A pid file holds the pid, the kernel's start time of the process, and the part's version. The start time, and
# the data folder on its command line, tell it from a stranger that got the same number later, so that nothing else is ever ended.

# The start time of a process that has not ended, in clock ticks since boot: started_at PID
started_at() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # The name of the program, in parentheses, may have blanks; the first field after it is the state (Z: ended), the 20th the start time.
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] || return 1
  printf '%s' "${fields[19]}"
}

# Prints the pid of a part's process, and fails where it does not run: process_of PART
process_of() {
  local pid start version
  { read -r pid start version <"$(folder "$1")/pid"; } 2>/dev/null || return 1
  [ "$(started_at "$pid")" = "$start" ] || return 1
  [[ "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" == *"$(folder "$1")"* ]] || return 1
  printf '%s' "$pid"
}

# The version that a running part was started with.
running_version() {
  local pid start version
  read -r pid start version <"$(folder "$1")/pid"
  printf '%s' "$version"
}

# Whether a part was started and not stopped since, alive or not.
should_run() { [ -f "$(folder "$1")/pid" ]; }

# Resident memory in MB: memory_of PID
memory_of() { awk '/^VmRSS:/ { printf "%d", $2 / 1024 }' "/proc/$1/status" 2>/dev/null; }

# Runs a part's command in its folder, in a session of its own; the log of the run before stays as log.1.
start() {
  local part=$1 home pid
  local -a argv=()
  home=$(folder "$part")
  "${part}_command"
  if [ -f "$home/log" ]; then mv "$home/log" "$home/log.1"; fi
  # The lock is not for the server to keep.
  (cd "$home" && exec setsid "${argv[@]}" >log 2>&1 </dev/null {stack_lock}>&-) &
  pid=$!
  printf '%s %s %s\n' "$pid" "$(started_at "$pid" || printf 0)" "$(version_of "$part")" >"$home/pid"
  # Until it has become the command, it does not pass for the part.
  for _ in {1..50}; do
    if process_of "$part" >/dev/null || ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.02
  done
  disown "$pid"
}

# Waits until a part is ready; shows the end of its log where it ends or takes too long.
wait_until_ready() {
  local part=$1 limit_variable=${1}_ready_within_s deadline
  deadline=$((SECONDS + ${!limit_variable}))
  until "${part}_ready"; do
    if ! process_of "$part" >/dev/null; then
      fail_with_log "$part" 'ended by itself'
      return 1
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      fail_with_log "$part" "is not ready after ${!limit_variable} s"
      return 1
    fi
    sleep 0.2
  done
}

fail_with_log() {
  local log
  log=$(folder "$1")/log
  say "$1 $2; the end of $log:" >&2
  tail -n 25 "$log" | sed 's/^/  | /' >&2
}

# Asks a part to end: stop_request PART
stop_request() {
  local pid
  if pid=$(process_of "$1"); then kill -TERM "$pid" 2>/dev/null || true; fi
}

# Waits until a part has ended, and ends it where it does not within 30 s.
stop_finish() {
  local part=$1 pid start deadline=$((SECONDS + 30))
  if pid=$(process_of "$part"); then
    start=$(started_at "$pid" || true)
    while [ -n "$start" ] && [ "$(started_at "$pid" || true)" = "$start" ]; do
      if [ "$SECONDS" -ge "$deadline" ]; then
        say "$part does not end: killed" >&2
        kill -KILL "$pid" 2>/dev/null || true
        deadline=$((SECONDS + 30))
      fi
      sleep 0.1
    done
  fi
  rm -f "$(folder "$part")/pid"
}
