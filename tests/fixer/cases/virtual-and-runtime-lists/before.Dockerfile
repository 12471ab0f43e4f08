FROM python:3.10-alpine3.17
RUN \
  apk add --no-cache --virtual=build-dependencies \
    build-base \
    python3-dev && \
  apk add --no-cache \
    curl \
    jq && \
  pip install --no-cache-dir psycopg2==2.9.11 && \
  apk del --purge build-dependencies && \
  rm -rf /root/.cache /tmp/*
