#!/bin/sh
# The browser tests want Chromium and a font with Hangul. As root on Debian they are installed; elsewhere those tests
# skip and say why.
command -v chromium >/dev/null 2>&1 && exit 0
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || exit 0
echo "Installing Chromium for the browser tests (once) ..."
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; } >/dev/null 2>&1 ||
    echo "Chromium could not be installed: the browser tests will skip" >&2
exit 0
