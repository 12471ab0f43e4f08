FROM python:3.11-alpine3.19
RUN apk add --no-cache \
        bash \
        gcc \
        musl-dev \
        tini \
    && pip install --no-cache-dir psycopg2==2.9.11 \
    && rm -rf /root/.cache
