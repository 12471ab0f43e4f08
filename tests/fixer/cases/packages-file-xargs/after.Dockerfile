FROM python:3.11-alpine3.19
COPY docker/apk.txt /tmp/apk.txt
RUN xargs apk add --no-cache < /tmp/apk.txt
RUN pip install psycopg2==2.9.11
