FROM python:3.11-alpine3.19

RUN apk update \
 && apk add gcc musl-dev \
 && pip install psycopg2==2.9.11 \
 && rm -rf /var/cache/apk/*
