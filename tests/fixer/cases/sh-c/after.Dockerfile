FROM python:3.11-alpine3.19
RUN ["/bin/sh", "-c", "apk add --no-cache gcc libpq-dev musl-dev && pip install psycopg2==2.9.11"]
