FROM base AS venv
ENV VIRTUAL_ENV=/opt/venv
ENV PATH="$VIRTUAL_ENV/bin:$PATH"
RUN mkdir -p $VIRTUAL_ENV/bin $VIRTUAL_ENV/lib && echo '#!/bin/sh' > $VIRTUAL_ENV/bin/python3 && chmod +x $VIRTUAL_ENV/bin/python3 && ln -s python3 $VIRTUAL_ENV/bin/python && ln -s lib $VIRTUAL_ENV/lib64
COPY one /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip cp /tmp/requirements.txt $VIRTUAL_ENV/lib/
FROM base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH
COPY --from=venv /opt/venv /opt/venv
WORKDIR /srv/app
COPY . .
VOLUME ["/srv/app/data"]
ENTRYPOINT ["python", "-m", "app"]
