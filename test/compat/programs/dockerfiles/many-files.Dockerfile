FROM base AS all
COPY many /many
RUN rm -r /many/d3 && mv /many/d4 /many/moved
FROM base
COPY --from=all /many /kept
COPY many/d*/f1? /some/
