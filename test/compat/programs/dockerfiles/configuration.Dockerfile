FROM base
ENV LATER=1
CMD ["first"]
ENTRYPOINT ["sh"]
FROM base AS last
MAINTAINER somebody
CMD one two
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["three"]
EXPOSE 1000-1002 53/udp
VOLUME /a /b
HEALTHCHECK NONE
ONBUILD COPY one /
ONBUILD RUN ["true"]
RUN echo "u:x:7:8::/:/bin/sh" >> /etc/passwd && echo "g:x:9:" >> /etc/group
USER u:g
WORKDIR /by-names
USER u
WORKDIR /by-name
USER 5
WORKDIR relative
