FROM python:3.11-alpine3.19
ENV PACKAGES="\
    curl \
    tini \
    " \
    BUILD_PACKAGES="\
    gcc \
    musl-dev \
    "
RUN apk add --no-cache $PACKAGES $BUILD_PACKAGES \
    && pip install psycopg2==2.9.11 \
    && apk del $BUILD_PACKAGES
