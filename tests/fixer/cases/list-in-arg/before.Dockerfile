FROM python:3.11-alpine3.19
ARG BUILD_DEPS="gcc musl-dev"
ARG RUN_DEPS="tini"
RUN apk add --no-cache $RUN_DEPS \
    && apk add --no-cache --virtual .build $BUILD_DEPS \
    && pip install psycopg2==2.9.11 \
    && apk del .build
