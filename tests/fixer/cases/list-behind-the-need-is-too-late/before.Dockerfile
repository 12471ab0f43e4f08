FROM python:3.11-alpine3.19
RUN pip install psycopg2==2.9.11
RUN apk add --no-cache tini gcc musl-dev
