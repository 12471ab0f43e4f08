FROM python:3.11-alpine3.19
RUN apk add --no-cache lz4-libs
RUN apk add --no-cache --virtual .build-deps gcc musl-dev lz4-dev && \
    pip install --no-cache-dir lz4==4.4.5 && \
    apk del .build-deps
