ARG VERSION=1.2
FROM base AS build
ARG VERSION
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY one two ./
COPY dir/ ./pkg/
ENV CGO_ENABLED=0
RUN --mount=type=cache,target=/root/.cache/go --mount=type=cache,target=/go/pkg \
    echo "built $TARGETOS/$TARGETARCH $VERSION" > /out && cat one two >> /out && chmod 755 /out
FROM scratch
LABEL org.opencontainers.image.version=$VERSION org.opencontainers.image.title="a program"
COPY --from=build /out /usr/bin/program
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/bin/program"]
CMD ["--help"]
