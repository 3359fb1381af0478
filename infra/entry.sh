#!/bin/sh
# The one way to start a function's runtime: Lambda and the Runtime Interface Emulator run this as the
# image's entry; on any other machine it starts the HTTP front, whose emulator then runs it again.
# usage: entry.sh [<function>.handler]
set -eu

# The root is the parent of this file's folder, links followed. No process is forked here unless this
# file is reached by a link: every one would be a millisecond or more of a cold start.
self=$0
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=$(dirname "$self")/$target ;;
  esac
done
case $self in
  */*) folder=${self%/*} ;;
  *) folder=. ;;
esac
started_in=$PWD
CDPATH='' cd -P -- "${folder:-/}/.."
root=$PWD
cd -- "$started_in"

# aws-lambda-ric ignores its arguments and reads these two; on Lambda _HANDLER may arrive blank for an image.
export _HANDLER="${1:-completion.handler}"
export LAMBDA_TASK_ROOT="$root/dist/functions"
if [ -z "${MODEL_DIR:-}" ]; then
  MODEL_DIR=$root/dist/model
  # A checkout has a link, which the next `npm start` may change. A runtime that starts again keeps the model of its front.
  if [ -L "$MODEL_DIR" ] && [ -d "$MODEL_DIR" ]; then
    cd -P -- "$MODEL_DIR"
    MODEL_DIR=$PWD
    cd -- "$started_in"
  fi
fi
export MODEL_DIR
# Without baked prefixes there is no such folder; one that is set by name must exist.
if [ -z "${PREFIX_DIR:-}" ] && [ -d "$root/dist/prefixes" ]; then export PREFIX_DIR="$root/dist/prefixes"; fi
if [ -n "${AWS_LAMBDA_MAX_CONCURRENCY:-}" ]; then
  # Lambda Managed Instances: invocations come several at once, and share one model. The interface client would start
  # eight workers with a model each.
  export AWS_LAMBDA_NODEJS_WORKER_COUNT="${AWS_LAMBDA_NODEJS_WORKER_COUNT:-1}"
  export SLOTS="${SLOTS:-$AWS_LAMBDA_MAX_CONCURRENCY}"
fi
# glibc gives each thread a heap of its own, and memory that one has freed is not used by the others: memory would grow for hours
# (docs/reliability.md, "Memory over time").
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
# NODE_OPTIONS is left alone: --enable-source-maps would read and parse the maps on the cold path.

# A checkout pins its Node in node_modules; an image has only the one on PATH.
node=node
if [ -x "$root/node_modules/.bin/node" ]; then node=$root/node_modules/.bin/node; fi

if [ -n "${AWS_LAMBDA_RUNTIME_API:-}" ]; then
  # The kernel gives the context and the buffers of llama.cpp in pages of 2 MB, and not of 4 KB one by one: a start takes ten
  # milliseconds less (docs/decisions/0009-what-a-cold-start-waits-for.md).
  export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"
  exec "$node" --import "$root/dist/preload.mjs" "$root/node_modules/aws-lambda-ric/index.mjs" "$_HANDLER"
fi
exec "$node" "$root/dist/server/main.mjs" "$_HANDLER"
