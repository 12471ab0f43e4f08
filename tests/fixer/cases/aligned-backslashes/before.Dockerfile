FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache  \
      gcc               \
      libffi-dev        \
      musl-dev          \
      postgresql16-dev
RUN pip install --prefix=/install lz4==4.4.5 psycopg2==2.9.11
FROM python:3.11-alpine3.19
RUN apk add --no-cache  \
      ca-certificates   \
      libpq             \
      tini
COPY --from=builder /install /usr/local
