# One image: a Lambda function, an invoke URL on port 8080, and nothing it does not need at run time.
#
#   docker build -t gguf-lambda .
#   docker build -t gguf-lambda --build-arg MODEL=NAME .
#
# NAME is a model of models/catalog.json that has a hash there; `npm run model -- fetch NAME` enters it.
# Builds with Docker, with and without BuildKit, and with podman, for linux/amd64 and linux/arm64 (docs/decisions/0018).
ARG BASE_IMAGE=node:24-bookworm-slim
# machine: the stages that only build run on this machine's own processor, in MACHINE_IMAGE, and compile for the image's, which is
# several times faster than emulation: --platform linux/arm64 --build-arg BUILD_IN=machine --build-arg MACHINE_IMAGE=node:24-bookworm-slim
ARG BUILD_IN=${BASE_IMAGE}
ARG MACHINE_IMAGE=scratch

# podman 4.3 looks for an image by the platform of the stage before, so the stages of the image's processor are of this one.
FROM ${BASE_IMAGE} AS base

# --- target: the processor that the image is for, in Node's terms. Docker without BuildKit does not tell it otherwise. ---
FROM base AS target
RUN node -p process.arch > /arch

# --- tools: what compiling the native modules and fetching a model take -----------------------------
# Only BuildKit knows BUILDPLATFORM. Other engines may read this line too, where nothing is to be compiled for another processor.
FROM --platform=${BUILDPLATFORM:-linux/amd64} ${MACHINE_IMAGE} AS machine
FROM ${BUILD_IN} AS tools
# Debian keeps no earlier versions of packages, so none is named. Nothing of them is in the image.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates cmake g++ git make python3 python3-pip xz-utils \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
COPY infra/empty-package infra/empty-package

# --- libraries: the two packages that are not bundled, with what is compiled for them -----------------------------
FROM tools AS libraries
COPY --from=target /arch /
COPY native/cross-compile.sh native/
RUN native/cross-compile.sh "$(cat /arch)" install
# No install script but that of the runtime interface client, which compiles it. The base image has Node's C headers, so that
# none are downloaded.
RUN npm ci --omit=dev --ignore-scripts --cpu="$(cat /arch)" --no-audit --no-fund \
  && npm_config_nodedir=/usr/local native/cross-compile.sh "$(cat /arch)" npm rebuild aws-lambda-ric
COPY native/llama-cpp.mjs native/build-amx-library.mjs native/zig.txt native/
# true: compiles llama.cpp's library for x86 processors with AMX in the place of the prebuilt one (docs/decisions/0014).
ARG COMPILE_AMX=false
RUN case "${COMPILE_AMX} $(cat /arch)" in \
    "false "*) ;; \
    "true x64") \
      python3 -m pip install --quiet --no-cache-dir --target /zig --require-hashes --requirement native/zig.txt \
      && PYTHONPATH=/zig native/cross-compile.sh x64 node native/build-amx-library.mjs \
      && cp /zig/ziglang/LICENSE node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-cpu-amx.LICENSE \
      && rm -rf /zig ;; \
    *) echo "COMPILE_AMX=\"${COMPILE_AMX}\" cannot be used: expected false, or true on amd64." >&2; exit 1 ;; \
  esac

# --- runtime: what of them is used at run time, and this project's native modules ---------------------------------
FROM libraries AS runtime
COPY native native
RUN npm_config_nodedir=/usr/local native/cross-compile.sh "$(cat /arch)" node native/build-modules.mjs
# What an environment runs: llama.cpp's modules for this processor, and the runtime interface client without its sources.
RUN mkdir -p /runtime/node_modules/@node-llama-cpp \
  && cp -r "node_modules/@node-llama-cpp/linux-$(cat /arch)" /runtime/node_modules/@node-llama-cpp/ \
  && rm -rf node_modules/aws-lambda-ric/deps node_modules/aws-lambda-ric/src node_modules/aws-lambda-ric/node_modules \
  && cp -r node_modules/aws-lambda-ric /runtime/node_modules/ \
  && find /runtime \( -name '*.d.ts' -o -name '*.map' -o -name README.md \) -delete \
  # Each is opened at a start, to find the one that suits best: these are for processors that Lambda has not, or are a
  # subset of one that stays.
  && for processor in sse42 sandybridge ivybridge piledriver cannonlake cooperlake alderlake; do \
    find /runtime -name "libggml-cpu-$processor.so" -delete; \
  done

# --- build: the bundles, and the tool that fetches models -----------------------------------------------------
FROM tools AS build
# No install script: esbuild needs none, and nothing is compiled for a build.
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM build AS bundles
COPY tsconfig.json esbuild.config.ts ./
COPY functions functions
COPY src src
COPY playground playground
COPY tools/deploy/lambda-prices.ts tools/deploy/
RUN node esbuild.config.ts && mv dist/metafile.json /

# --- model: the one model, verified, and a layer of its own, so that a change of code moves no weights ----------
FROM build AS model
COPY src/config src/config
COPY src/model src/model
COPY tools/lock tools/lock
COPY tools/terminal tools/terminal
COPY tools/store tools/store
COPY tools/model tools/model
# The catalog, and the chat templates that its entries name.
COPY models/*.j* models/
ARG MODEL=
# Takes one model of the checkout's store: MODEL, or .default, which links to the catalog's default. The store need not be
# there, nor hold that model, but a COPY must match a file: the catalog is one.
COPY models/catalog.json models/stor[e]/${MODEL:-.default} /model/
# Verifies those files where they are, or fetches the model. Files without the store's record are somebody else's.
RUN rm /model/catalog.json \
  && if [ ! -e /model/.verified.json ]; then rm -r /model; fi \
  && node tools/model/cli.ts fetch ${MODEL} --to /model --pinned \
  && rm -f /model/.verified.json
# What the tool takes of the packages, for a stage that may be of another processor.
RUN mkdir /packages \
  && cp -r --parents node_modules/@cfworker/json-schema node_modules/cli-progress node_modules/commander node_modules/emoji-regex \
    node_modules/string-width node_modules/zod /packages

# --- prefixes: snapshots of what prompts begin with, if there are any. It runs on the processor that will restore them. ----
FROM base AS prefixes
WORKDIR /app
COPY package.json ./
COPY --from=model /packages ./
COPY --from=model /model /model
COPY src src
COPY tools/lock tools/lock
COPY tools/terminal tools/terminal
COPY tools/store tools/store
COPY tools/model tools/model
COPY models/catalog.json models/
COPY models/prefixes models/prefixes
# The same libraries evaluate them that will restore them.
COPY --from=runtime /runtime/node_modules/@node-llama-cpp node_modules/@node-llama-cpp
ARG CONTEXT_SIZE=auto
# The type of keys and values in the context: auto, f16 or q8_0.
ARG KV_TYPE=auto
# A folder of models/prefixes; by default that itself.
ARG PREFIX_SET=
RUN mkdir /prefixes \
  && node tools/model/cli.ts prefixes --model /model --from "models/prefixes/${PREFIX_SET}" --to /prefixes

FROM build AS emulator
COPY src/config src/config
COPY src/model src/model
COPY tools/lock tools/lock
COPY tools/terminal tools/terminal
COPY tools/store tools/store
COPY tools/model tools/model
COPY models/catalog.json models/
COPY --from=target /arch /
RUN node tools/model/cli.ts fetch aws-lambda-rie --arch "$(cat /arch)" --to /emulator

# --- notices: the licences of all that the image holds, and the list of it in CycloneDX's format --------------------
FROM bundles AS notices
COPY tools/notices tools/notices
COPY models/catalog.json models/
COPY --from=target /arch /
COPY --from=model /model/model.json /model/
RUN node tools/notices/cli.ts --metafile /metafile.json --model /model --arch "$(cat /arch)" --to /

# --- lambda: the image as Lambda takes it ------------------------------------------------------------------------
# It names no user: Lambda brings its own, without privileges, and `sam local` adds its emulator as the image's
# user, for which that must be allowed to write.
FROM base AS lambda
LABEL org.opencontainers.image.title="gguf-lambda" \
  org.opencontainers.image.description="A private LLM endpoint that scales to zero: a GGUF model on AWS Lambda, answered by llama.cpp." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="0.1.0" \
  com.amazonaws.lambda.feature.snapstart="Allow"
WORKDIR /app
COPY --from=model /model dist/model
COPY --from=emulator /emulator/aws-lambda-rie dist/aws-lambda-rie
COPY --from=runtime /runtime/node_modules node_modules
COPY --from=prefixes /prefixes dist/prefixes
COPY infra/entry.sh infra/entry.sh
COPY --from=bundles /app/dist dist
COPY LICENSE ./
COPY --from=notices /THIRD-PARTY-NOTICES.txt /sbom.cdx.json ./
# What prefixes were evaluated with is what they are restored with, unless whoever runs it says otherwise.
ARG CONTEXT_SIZE=auto
ARG KV_TYPE=auto
# podman 4.3 finds a cached ENV by its text, whatever the arguments are, but a RUN by its arguments too. Without this one, an
# image with another context would have the settings of the image before it.
RUN : "${CONTEXT_SIZE} ${KV_TYPE}"
# On Lambda the first two mean nothing: it has its own way in.
ENV HOST=0.0.0.0 PORT=8080 NODE_ENV=production CONTEXT_SIZE=${CONTEXT_SIZE} KV_TYPE=${KV_TYPE}
EXPOSE 8080
ENTRYPOINT ["/app/infra/entry.sh"]
CMD ["completion.handler"]

# --- the image: the same, for any other machine -----------------------------------------------------------------
FROM lambda
# A place for CACHE_DIR or RESPONSES_DIR: a new volume takes its owner from here.
RUN mkdir /states && chown 1000:1000 /states
# By number, because a base image need not know a name.
USER 1000:1000
