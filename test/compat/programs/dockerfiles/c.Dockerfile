# escape=\
FROM base AS headers
RUN mkdir -p /usr/include && echo "int x;" > /usr/include/x.h
FROM base AS compile
ARG CFLAGS="-O2 -g"
COPY --from=headers /usr/include /usr/include
COPY one main.c
RUN echo "cc $CFLAGS" | cat - main.c /usr/include/x.h > program && chmod 4755 program
FROM headers AS docs
RUN exit 1
FROM base
COPY --from=compile /program /usr/local/bin/
COPY --from=0 /usr/include/x.h /usr/local/include/
RUN ln /usr/local/bin/program /usr/local/bin/also && ln -sf program /usr/local/bin/link
CMD program
