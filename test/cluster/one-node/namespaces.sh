# The node's namespaces and its link to the host. Sourced by `up`, not run.

make_namespaces() {
  local unshare child='' attempt
  mkdir -p "$DATA"/{kubelet,pod-logs,cni,containerd}
  save_machine_settings
  cat >"$ETC/first-process" <<END
set -e
hostname $NODE_NAME
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/containerd /run/lock /var/lib/kubelet /var/log/pods /var/log/containers /var/lib/cni
ln -s "$CONTAINERD_SOCKET" /run/containerd/containerd.sock
mount --bind "$DATA/kubelet" /var/lib/kubelet
mount --bind "$DATA/pod-logs" /var/log/pods
mount --bind "$DATA/cni" /var/lib/cni
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
touch /run/node-ready
exec catatonit -P
END
  # It reaps, and ends with its parent.
  setsid unshare --mount --net --uts --ipc --pid --fork --mount-proc --propagation private --kill-child \
    bash "$ETC/first-process" >"$LOG/node.log" 2>&1 </dev/null &
  unshare=$!
  record unshare $unshare
  for attempt in {1..100}; do
    # The file has no newline at its end: `read` fails though it has read.
    read -r child _ <"/proc/$unshare/task/$unshare/children" || true
    [ -z "$child" ] || break
    sleep 0.02
  done
  [ "$child" ] || die "the node's namespaces could not be made: $(cat "$LOG/node.log")"
  record node "$child"
  wait_for 10 "the node's first process" in_node test -e /run/node-ready || die "$(cat "$LOG/node.log")"
  make_link "$child"
}

make_link() { # make_link PID
  # What no route of the node's takes must not leave by the machine's default route.
  ip route replace unreachable "$NETWORK.0.0/16" metric 4000000
  ip link add "$LINK" type veth peer name eth0 netns "$1"
  ip addr add "$HOST_ADDRESS/30" dev "$LINK"
  ip link set "$LINK" up
  in_node ip addr add "$NODE_ADDRESS/30" dev eth0
  in_node ip link set eth0 up
  # Not a way out: kube-proxy rewrites these addresses before the route is used.
  in_node ip route add "$SERVICE_RANGE" via "$HOST_ADDRESS"
  ip route replace "$POD_RANGE" via "$NODE_ADDRESS"
  ip route replace "$SERVICE_RANGE" via "$NODE_ADDRESS"
  start api-forward socat "TCP-LISTEN:$API_PORT,bind=127.0.0.1,reuseaddr,fork,nodelay" "TCP:$NODE_ADDRESS:6443,nodelay"
}

# The kubelet sets these for the whole machine; `down` sets them back.
save_machine_settings() {
  local name
  [ -s "$RUN/sysctl.saved" ] ||
    for name in vm.overcommit_memory kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys \
      kernel.keys.root_maxbytes fs.inotify.max_user_instances; do
      echo "$name=$(sysctl -n $name 2>/dev/null || true)"
    done >"$RUN/sysctl.saved"
  [ "$(sysctl -n fs.inotify.max_user_instances)" -ge 1024 ] || sysctl -qw fs.inotify.max_user_instances=1024
}
