FROM python:3.11-alpine3.19
RUN apk add --no-cache \
		libpq
RUN set -eux; \
	apk add --no-cache --virtual .build-deps \
		gcc \
		libpq-dev \
		musl-dev \
	; \
	pip install --no-cache-dir psycopg2==2.9.11; \
	apk del --no-network .build-deps
