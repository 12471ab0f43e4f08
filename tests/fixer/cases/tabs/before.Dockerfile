FROM python:3.11-alpine3.19
RUN set -eux; \
	apk add --no-cache --virtual .build-deps \
		gcc \
		musl-dev \
	; \
	pip install --no-cache-dir psycopg2==2.9.11; \
	apk del --no-network .build-deps
