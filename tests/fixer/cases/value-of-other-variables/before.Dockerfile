FROM python:3.11-alpine3.19
ENV COMPILERS=gcc
ENV BUILD_DEPS="$COMPILERS musl-dev"
RUN apk add --no-cache $BUILD_DEPS
RUN pip install psycopg2==2.9.11
