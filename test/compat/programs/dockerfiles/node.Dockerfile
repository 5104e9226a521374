FROM base AS deps
WORKDIR /app
COPY on? tw? ./
RUN --mount=type=cache,target=/root/.npm,sharing=locked mkdir -p node_modules/.bin node_modules/a && echo x > node_modules/a/index.js && ln -s ../a/index.js node_modules/.bin/a
FROM base
RUN echo "node:x:1000:1000::/home/node:/bin/sh" >> /etc/passwd && echo "node:x:1000:" >> /etc/group && mkdir -p /home/node && chown 1000:1000 /home/node
ENV NODE_ENV=production PORT=3000
WORKDIR /app
COPY --from=deps /app/node_modules ./node_modules
COPY --chown=node:node dir ./dir
USER node
EXPOSE $PORT 9229/tcp
HEALTHCHECK --interval=30s --timeout=3s --retries=2 CMD wget -q -O - http://localhost:$PORT/ || exit 1
STOPSIGNAL SIGTERM
CMD ["node", "index.js"]
