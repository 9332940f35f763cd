# Programs of the cluster: started with a log and a pid file, ended by that file alone. Sourced, not run.

say() { printf '%s\n' "$*" >&2; }
die() {
  say "error: $*"
  exit 1
}
now_milliseconds() { echo $(($(date +%s%N) / 1000000)); }

LAST_STEP=$(now_milliseconds)
step() { # step NAME: says how long it took since the step before
  local now
  now=$(now_milliseconds)
  say "$(printf '%6d ms  %s' $((now - LAST_STEP)) "$1")"
  LAST_STEP=$now
}

wait_for() { # wait_for SECONDS WHAT COMMAND...
  local end=$(($(now_milliseconds) + $1 * 1000)) seconds=$1 what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$(now_milliseconds)" -lt "$end" ] || {
      say "$what: not there after $seconds s"
      return 1
    }
    sleep 0.2
  done
}

# A pid file holds the pid and when that process started: a pid that the system has given to another is never signalled.
start_time_of() {
  local fields
  fields=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The name, in parentheses, may hold spaces.
  set -- ${fields##*) }
  echo "${20}"
}
pid_of() { # pid_of NAME: fails when it does not run
  local pid started
  [ -s "$RUN/$1.pid" ] || return 1
  read -r pid started <"$RUN/$1.pid"
  [ "$(start_time_of "$pid")" = "$started" ] || return 1
  ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null || return 1
  echo "$pid"
}
runs() { pid_of "$1" >/dev/null; }
record() { echo "$2 $(start_time_of "$2")" >"$RUN/$1.pid"; } # record NAME PID

start() { # start NAME COMMAND...: in a session and process group of its own
  local name=$1
  shift
  setsid "$@" >"$LOG/$name.log" 2>&1 </dev/null &
  record "$name" $!
}
stop() { # stop NAME SECONDS: its whole process group; 0 seconds: at once
  local pid waited
  if pid=$(pid_of "$1"); then
    [ "$2" = 0 ] || kill -TERM -- "-$pid" 2>/dev/null || true
    for ((waited = 0; waited < $2 * 20; waited++)); do
      runs "$1" || break
      sleep 0.05
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$RUN/$1.pid"
}

# One pid, one mount and one network namespace hold every process, mount, bridge and iptables rule of the node: the end
# of their first process removes all of them.
in_node() { nsenter --target "$(pid_of node)" --net --mount --pid --uts --ipc -- "$@"; }
start_in_node() { # start_in_node NAME COMMAND...
  local name=$1
  shift
  start "$name" nsenter --target "$(pid_of node)" --net --mount --pid --uts --ipc -- "$@"
}

kubectl() { "$BIN/kubectl" --kubeconfig "$ADMIN_KUBECONFIG" "$@"; }
containerd_client() { ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }
has_image() { containerd_client images list --quiet | grep -qxF "$1"; }

# What is missing of these Debian packages; none of their services is started.
need_debian() { # need_debian PACKAGE...
  local package missing=() policy=/usr/sbin/policy-rc.d own_policy=
  for package in "$@"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  if [ ! -e $policy ]; then
    own_policy=1
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
  fi
  local install=(apt-get install --yes --quiet --no-install-recommends "${missing[@]}") failed=
  export DEBIAN_FRONTEND=noninteractive
  "${install[@]}" >"$LOG/apt.log" 2>&1 ||
    { apt-get update --quiet >>"$LOG/apt.log" 2>&1 && "${install[@]}" >>"$LOG/apt.log" 2>&1; } || failed=1
  [ -z "$own_policy" ] || rm -f $policy
  [ -z "$failed" ] || die "apt-get failed: $(tail -5 "$LOG/apt.log")"
}
