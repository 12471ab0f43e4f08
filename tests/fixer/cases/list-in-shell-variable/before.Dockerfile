FROM python:3.11-alpine3.19
RUN buildDeps='gcc musl-dev' \
    && apk add --no-cache $buildDeps \
    && pip install psycopg2==2.9.11 \
    && apk del $buildDeps
