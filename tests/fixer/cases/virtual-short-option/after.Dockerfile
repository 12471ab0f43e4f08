FROM python:3.11-alpine3.19
RUN apk add --no-cache libstdc++ mariadb-connector-c && \
    apk add --no-cache -t build-deps build-base mariadb-connector-c-dev && \
    pip install --no-cache-dir mysqlclient==2.2.7 && \
    apk del --no-cache build-deps
