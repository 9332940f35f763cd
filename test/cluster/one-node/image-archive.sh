# Images made of a folder, without any registry. Sourced, not run.

# An archive, as `docker save` writes it, of one layer; the same folder gives the same bytes.
image_archive() { # image_archive ARCHIVE REFERENCE FOLDER CONFIG
  local archive=$1 reference=$2 folder=$3 config=$4 work layer image
  work=$(mktemp -d "$CLUSTER_DIR/tmp.XXXXXX")
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --directory "$folder" --create --file "$work/layer.tar" .
  layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created_by":"image_archive"}]}' \
    "$(dpkg --print-architecture)" "$config" "$layer" >"$work/config.json"
  image=$(sha256sum "$work/config.json" | cut -d' ' -f1)
  mv "$work/config.json" "$work/$image.json"
  printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$image" "$reference" >"$work/manifest.json"
  tar --directory "$work" --create --file "$archive.part" manifest.json "$image.json" layer.tar
  mv "$archive.part" "$archive"
  rm -rf "$work"
}
