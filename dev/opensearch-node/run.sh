#!/bin/bash
# Starts one OpenSearch node in the foreground, for tests and development.
#
#   ./run.sh HOME [-E key=value]... [--plugin CLASS]...
#
#   HOME is made if missing: HOME/data, HOME/logs, HOME/config (opensearch.yml there is read).
#   Ready when HOME/http.url appears; it holds the URL. SIGTERM or Ctrl-C shuts down cleanly.
#
#   HEAP=1g                 heap
#   OPENSEARCH_VERSION=...  another version than the pom's
#   MVN_FLAGS=-o            passed to mvn (from the local repository only)
#   OPENSEARCH_LIB=DIR      take the jars from DIR and leave Maven out
#   BUILD=DIR               where the classpath and the compiled launcher are kept
#   JAVA_HOME               which Java
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=${1:?usage: run.sh HOME [-E key=value]...}; shift
mkdir -p "$home/tmp"; home=$(cd "$home" && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java; javac=${JAVA_HOME:+$JAVA_HOME/bin/}javac
major=$("$java" -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.specification.version = //p')

if [ -n "${OPENSEARCH_LIB:-}" ]; then
  jars="$OPENSEARCH_LIB/*"
  build=${BUILD:-$here/build}/lib-$(echo "$OPENSEARCH_LIB" | cksum | cut -d' ' -f1)
else
  build=${BUILD:-$here/build}/maven-${OPENSEARCH_VERSION:-pom}-$(echo "${MVN_FLAGS:-}" | cksum | cut -d' ' -f1)
  mkdir -p "$build"
  if [ ! -s "$build/classpath" ] || [ "$here/pom.xml" -nt "$build/classpath" ]; then
    # shellcheck disable=SC2086
    mvn -q -B ${MVN_FLAGS:-} -f "$here/pom.xml" ${OPENSEARCH_VERSION:+-Dopensearch.version=$OPENSEARCH_VERSION} \
      org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath \
      -DincludeScope=runtime -Dmdep.outputFile="$build/classpath.part"
    mv "$build/classpath.part" "$build/classpath"
  fi
  jars=$(cat "$build/classpath")
fi
mkdir -p "$build"
if [ ! -e "$build/DevNode.class" ] || [ "$here/src/DevNode.java" -nt "$build/DevNode.class" ]; then
  "$javac" -proc:none -Xlint:-options -d "$build" -cp "$jars" "$here/src/DevNode.java"
fi

flags=(
  "-Xms${HEAP:-1g}" "-Xmx${HEAP:-1g}" -Xss1m
  -XX:+UseG1GC -XX:G1ReservePercent=25 -XX:InitiatingHeapOccupancyPercent=30 -XX:+ExitOnOutOfMemoryError
  -Djava.io.tmpdir="$home/tmp" -Djna.nosys=true -Djna.tmpdir="$home/tmp"
  -Djava.awt.headless=true -Dfile.encoding=UTF-8
  -Dio.netty.noUnsafe=true -Dio.netty.noKeySetOptimization=true
  -Dio.netty.recycler.maxCapacityPerThread=0 -Dio.netty.allocator.numDirectArenas=0
  -Dlog4j.shutdownHookEnabled=false -Dlog4j2.disable.jmx=true
)
# the real 2.x server asks for the old locale data, 3.x for the new; Java 23 has only the new
if [ "$major" -lt 21 ]; then flags+=(-Djava.locale.providers=SPI,COMPAT); else flags+=(-Djava.locale.providers=SPI,CLDR); fi
# Lucene maps files through the foreign-memory API from Java 21 on; without this it warns, from 24 on it fails
[ "$major" -lt 22 ] || flags+=(--enable-native-access=ALL-UNNAMED)
exec "$java" "${flags[@]}" -cp "$build:$jars" DevNode --home "$home" "$@"
