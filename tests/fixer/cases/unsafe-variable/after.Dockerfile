FROM python:3.11-alpine3.19
ARG PACKAGES="tini"
RUN apk add --no-cache $PACKAGES
RUN pip install cryptography==46.0.3
