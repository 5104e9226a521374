FROM base AS made
RUN mkdir -p /tree/a /tree/b && echo shared > /tree/a/first && ln /tree/a/first /tree/b/second && ln -s ../a/first /tree/b/soft && ln -s /nowhere /tree/dangling && ln -s a /tree/way && chown 5:6 /tree/a/first && chmod 640 /tree/a/first && chown -h 7:8 /tree/b/soft
FROM base
COPY --from=made /tree /copy
COPY --from=made /tree/way/ /followed/
COPY --from=made /tree/b/soft /file-of-link
COPY --from=made /tree/b/second /tree/a/first /both/
