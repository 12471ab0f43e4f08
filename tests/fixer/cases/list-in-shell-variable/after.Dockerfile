FROM python:3.11-alpine3.19
RUN apk add --no-cache libpq
RUN buildDeps='gcc libpq-dev musl-dev' \
    && apk add --no-cache $buildDeps \
    && pip install psycopg2==2.9.11 \
    && apk del $buildDeps
