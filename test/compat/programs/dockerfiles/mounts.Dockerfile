FROM base AS kit
RUN mkdir -p /kit/bin && echo 'echo kit "$@"' > /kit/bin/kit && chmod +x /kit/bin/kit
FROM base
RUN mkdir /in /kit /rw /tmp/rel
RUN --mount=type=bind,source=dir,target=/in --mount=type=bind,from=kit,source=/kit,target=/kit \
    ls -A /in > /listed && sh /kit/bin/kit a b > /said
RUN --mount=type=secret,id=absent --mount=type=ssh true
RUN --mount=target=/rw,rw touch written-in-the-mount
WORKDIR /deep/er
RUN --mount=type=tmpfs,target=/tmp/rel touch /tmp/rel/x
