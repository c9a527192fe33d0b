#!/bin/sh
# Installs Debian packages that are missing, saying which and why: debian.sh "WHY" PACKAGE...
# As root, or through sudo. Does nothing, and asks nothing, when all are there.
set -eu
why=$1
shift
missing=""
for package in "$@"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "Debian packages to install:$missing ($why)"
if [ "$(id -u)" = 0 ]; then
    root=""
elif command -v sudo >/dev/null 2>&1; then
    root="sudo"
else
    echo "This needs root, and there is no sudo. Install them as root:" >&2
    echo "    apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
wait="-o DPkg::Lock::Timeout=300"
# shellcheck disable=SC2086 # the lists are words
$root env DEBIAN_FRONTEND=noninteractive sh -c "
    apt-get -q $wait install -y --no-install-recommends $missing ||
    { apt-get -q update && apt-get -q $wait install -y --no-install-recommends $missing; }"
