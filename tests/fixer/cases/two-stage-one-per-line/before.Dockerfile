FROM python:3.12-alpine3.21 AS build

RUN apk add --no-cache \
        gcc \
        musl-dev \
        postgresql-dev

WORKDIR /src
RUN pip wheel --no-cache-dir --wheel-dir /wheels psycopg2==2.9.11

FROM python:3.12-alpine3.21
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links=/wheels psycopg2==2.9.11
