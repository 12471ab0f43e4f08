FROM python:3.11-alpine3.19 AS builder
RUN apk add --no-cache bash
RUN pip install --prefix=/install lz4==4.4.5 psycopg2==2.9.11 mysqlclient==2.2.7

FROM python:3.11-alpine3.19
RUN apk add --no-cache tini
COPY --from=builder /install /usr/local
