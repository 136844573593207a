#!/usr/bin/env bash
# The suite reads QR codes back with a foreign reader, zbarimg, drives the pages in Chromium, and prints reports with
# Pango. Root on Debian gets them installed; everybody else is told what is missing. On CI a missing program is a
# failure, elsewhere its tests are skipped.
set -euo pipefail

packages=()
command -v zbarimg >/dev/null || packages+=(zbar-tools)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || packages+=(chromium)
if command -v ldconfig >/dev/null && ! ldconfig -p | grep -q libpangoft2; then
    packages+=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core)
fi
((${#packages[@]})) || exit 0

if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    echo "Installing for the tests: ${packages[*]}" >&2
    if apt-get update -qq </dev/null >&2 &&
        apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >&2; then
        exit 0
    fi
fi

cat >&2 <<EOT

  *** MISSING FOR THE TESTS: ${packages[*]}
  *** Debian, Ubuntu: sudo apt-get install ${packages[*]}      macOS: brew install zbar chromium

EOT
[[ "${CI:-}" != true ]]
