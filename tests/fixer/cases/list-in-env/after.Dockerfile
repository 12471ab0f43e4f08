FROM python:3.11-alpine3.19
ENV PACKAGES="\
    curl \
    libpq \
    tini \
    " \
    BUILD_PACKAGES="\
    gcc \
    libpq-dev \
    musl-dev \
    "
RUN apk add --no-cache $PACKAGES $BUILD_PACKAGES \
    && pip install psycopg2==2.9.11 \
    && apk del $BUILD_PACKAGES
