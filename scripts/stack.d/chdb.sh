# shellcheck shell=bash
# ClickHouse's engine as a library, which Playhead loads at run time (clickhouse/). No part: it is never up. The package is Node's; of it only the
# library is kept.

chdb_version=26.7.3-stable.1
chdb_sha256=c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad

chdb_install() {
  local target=$STACK_CACHE/chdb-$chdb_version registry=${NPM_CONFIG_REGISTRY:-https://registry.npmjs.org} archive
  if [ -d "$target" ]; then return; fi
  if [ "$(uname -sm)" != 'Linux x86_64' ]; then
    say "there is no ClickHouse engine for $(uname -sm): Playhead runs without metrics"
    return
  fi
  needs curl tar
  say "fetching ${target##*/} from npm (178 MB, 570 MB unpacked)"
  rm -rf "$target.part"
  mkdir -p "$target.part"
  archive=$target.part/package.tgz
  curl -fsSL --retry 3 -o "$archive" "${registry%/}/@chdb/lib-linux-x64-gnu/-/lib-linux-x64-gnu-$chdb_version.tgz" ||
    die "ClickHouse's engine can't be fetched; everything but metrics works without it"
  printf '%s  %s\n' "$chdb_sha256" "$archive" | sha256sum --check --quiet >&2 || die "the archive of ClickHouse's engine is not the one that was expected"
  tar -xzf "$archive" -C "$target.part" --strip-components=1 package/libchdb.so
  rm "$archive"
  mv "$target.part" "$target"
}
