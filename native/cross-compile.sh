#!/bin/sh
# Runs a command that compiles for a processor, which need not be this machine's: with Debian's compilers for another one, by
# the variables that autoconf, cmake, node-gyp and build-modules.mjs read. The command `install` installs the compilers.
# usage: cross-compile.sh x64|arm64 command...
set -eu

processor=$1
shift
case $processor in
  x64) triplet=x86_64-linux-gnu package=g++-x86-64-linux-gnu ;;
  arm64) triplet=aarch64-linux-gnu package=g++-aarch64-linux-gnu ;;
  *)
    echo "There is no compiler for the processor \"$processor\": expected x64 or arm64." >&2
    exit 1
    ;;
esac

if [ "$processor" = "$(node -p process.arch)" ]; then
  if [ "$1" = install ]; then exit; fi
  exec "$@"
fi
if [ "$1" = install ]; then
  apt-get update
  apt-get install -y --no-install-recommends "$package"
  rm -rf /var/lib/apt/lists/*
  exit
fi
export npm_config_arch="$processor" host_alias="$triplet" CC="$triplet-gcc" CXX="$triplet-g++" AR="$triplet-ar"
exec "$@"
