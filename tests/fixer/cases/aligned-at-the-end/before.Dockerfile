FROM python:3.11-alpine3.19
RUN apk add --no-cache  \
        tini            \
        bash            \
        ca-certificates
RUN pip install lz4==4.4.5 psycopg2==2.9.9
