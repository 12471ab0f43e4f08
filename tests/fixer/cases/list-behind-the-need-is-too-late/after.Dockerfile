FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc libpq-dev musl-dev
RUN pip install psycopg2==2.9.11
RUN apk add --no-cache tini gcc musl-dev
