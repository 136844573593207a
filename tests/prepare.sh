#!/usr/bin/env bash
# The suite reads QR codes back with a foreign reader, zbarimg, drives the pages in Chromium, prints reports with Pango,
# and has its logs judged by Go's transparency log packages and by aics-tlog. Root on Debian gets them installed;
# everybody else is told what is missing. On CI a missing program is a failure, elsewhere its tests are skipped.
set -euo pipefail

# A wheel of the Python index that asks for Python 3.12; its code runs on 3.11 too, so it is unpacked and not installed.
aics=build/interop/aics
if [[ ! -d $aics/aics_tlog ]]; then
    mkdir -p build/interop
    if .venv/bin/pip download --quiet --disable-pip-version-check --no-deps --no-input --only-binary :all: \
        --python-version 3.12 --require-hashes --dest build/interop --requirement tests/interop/requirements.txt >&2; then
        rm -rf $aics && .venv/bin/python -m zipfile -e build/interop/aics_tlog-*.whl $aics
    else
        echo "  *** MISSING: aics-tlog could not be fetched, so it judges nothing" >&2
    fi
fi
echo "  Not judged by a witness: litewitness comes as Go source only, from no package registry." >&2

packages=()
command -v zbarimg >/dev/null || packages+=(zbar-tools)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || packages+=(chromium)
if command -v ldconfig >/dev/null && ! ldconfig -p | grep -q libpangoft2; then
    packages+=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core)
fi
command -v go >/dev/null || packages+=(golang-go)
[[ -d /usr/share/gocode/src/golang.org/x/mod/sumdb ]] || packages+=(golang-golang-x-mod-dev)
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
