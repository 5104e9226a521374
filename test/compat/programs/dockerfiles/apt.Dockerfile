FROM base
ARG DEBIAN_FRONTEND=noninteractive
RUN mkdir -p /var/cache/apt /var/lib/apt
SHELL ["/bin/sh", "-eu", "-c"]
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked \
    --mount=type=tmpfs,target=/tmp \
    mkdir -p /var/lib/dpkg/info; touch /var/cache/apt/pkgcache.bin /tmp/scratch; echo "Package: x" > /var/lib/dpkg/status; \
    mkdir -p /usr/share/doc/x && echo changelog > /usr/share/doc/x/changelog && rm -r /usr/share/doc/x
RUN rm -rf /var/lib/dpkg/info && mkdir /var/lib/dpkg/info && touch /var/lib/dpkg/info/x.list
RUN mkdir -m 1777 /sticky && mkdir -m 2755 /setgid && umask 077 && touch /private
