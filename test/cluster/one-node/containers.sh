# containerd and the images that every pod needs. Sourced by `up`, not run.

PAUSE=productmatcher.local/pause:1

start_containers() {
  local left
  write_containerd_configuration
  start_containerd
  # What a node that was killed left of its containers. Its images stay.
  left=$(containerd_client containers list --quiet)
  if [ "$left" ]; then
    # shellcheck disable=SC2086 # one word each
    containerd_client containers rm $left >/dev/null
    stop containerd 5
    start_containerd
  fi
  find "$DATA/cni" "$DATA/pod-logs" -mindepth 1 -delete 2>/dev/null || true
  has_image $PAUSE || import_pause
}

start_containerd() {
  rm -f "$CONTAINERD_SOCKET"
  start_in_node containerd containerd --config "$ETC/containerd.toml" --log-level warn
  wait_for 20 containerd containerd_client version
}

# The first process of every pod.
import_pause() {
  local root
  root=$(mktemp -d "$CLUSTER_DIR/tmp.XXXXXX")
  cp "$(readlink -f /usr/bin/catatonit)" "$root/pause"
  image_archive "$IMAGES/pause.tar" $PAUSE "$root" '{"Entrypoint":["/pause","-P"],"User":"65535:65535"}'
  rm -rf "$root"
  containerd_client images import "$IMAGES/pause.tar" >/dev/null
}

write_containerd_configuration() {
  mkdir -p "$ETC/cni"
  cat >"$ETC/containerd.toml" <<END
version = 2
root = "$DATA/containerd"
state = "/run/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.internal.v1.opt",
  "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE"
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE runc may not give a process a lower score than its own, and dies of it.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$ETC/cni"
END
  cat >"$ETC/cni/10-bridge.conflist" <<END
{"cniVersion": "0.4.0", "name": "bridge", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_RANGE"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
}
