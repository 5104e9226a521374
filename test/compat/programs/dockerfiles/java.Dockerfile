FROM base AS explode
WORKDIR /work
COPY a.tgz app.jar
RUN tar -xzf app.jar && rm app.jar && mkdir -p out/dependencies out/application && mv dir out/application/
FROM base
ENV JAVA_OPTS="-Xmx64m -Dname=\"a b\"" JAVA_HOME=/opt/java
RUN mkdir -p $JAVA_HOME/bin && ln -s /bin/sh ${JAVA_HOME}/bin/java
WORKDIR /app
COPY --from=explode /work/out/dependencies/ ./
COPY --from=explode /work/out/application/ ./
LABEL maintainer="somebody <some@body>" multi.line="one \
two"
ENTRYPOINT exec $JAVA_HOME/bin/java $JAVA_OPTS -jar app.jar
