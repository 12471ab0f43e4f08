ARG COMMON="ca-certificates tzdata"
FROM python:3.11-alpine3.19 AS builder
ARG COMMON
RUN apk add --no-cache $COMMON gcc musl-dev
RUN pip install --prefix=/install psycopg2==2.9.11
FROM python:3.11-alpine3.19
ARG COMMON
RUN apk add --no-cache $COMMON
COPY --from=builder /install /usr/local
