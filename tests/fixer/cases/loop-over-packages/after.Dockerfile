FROM python:3.11-alpine3.19
RUN for package in gcc libpq-dev musl-dev; do apk add --no-cache $package; done
RUN pip install psycopg2==2.9.11
