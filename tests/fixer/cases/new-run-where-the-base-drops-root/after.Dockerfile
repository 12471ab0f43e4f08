FROM python:3.11-alpine3.19 AS base
RUN adduser -D app
USER app

FROM base AS api
USER root
RUN apk add --no-cache libmagic
USER app
COPY requirements.txt .
RUN pip install --user -r requirements.txt

FROM base AS worker
CMD ["true"]
