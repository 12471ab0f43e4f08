FROM python:3.11-alpine3.19
RUN apk add -U          \
        bash            \
        findmnt         \
        mariadb-client      \
        xz
RUN pip install lz4==4.4.5 psycopg2==2.9.9
