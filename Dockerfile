# syntax=docker/dockerfile:1
# Playhead as an image: docker build -t playhead . && docker run --rm playhead --help

# The builder's image has what scripts/setup installs on a bare machine.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --locked --release -p playhead && cp target/release/playhead /playhead

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin playhead \
    && install -d -o playhead -m 0750 /data
COPY --from=build /playhead /usr/local/bin/playhead
# A library that is missing fails here, and not at the first start.
RUN playhead --version
USER playhead
WORKDIR /data
ENV PLAYHEAD_DATA=/data
VOLUME /data
ENTRYPOINT ["playhead"]
CMD ["--help"]
