FROM python:3.11-alpine3.19 AS base
RUN apk add --no-cache tini libmagic

FROM base AS web
RUN pip install python-magic==0.4.27

FROM base AS worker
RUN pip install python-magic==0.4.27 redis==7.0.1
