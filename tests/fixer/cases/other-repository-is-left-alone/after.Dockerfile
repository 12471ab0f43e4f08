FROM python:3.11-alpine3.19
RUN apk add --no-cache libmagic
RUN apk add --no-cache --repository=https://dl-cdn.alpinelinux.org/alpine/edge/testing watchexec
RUN pip install python-magic==0.4.27
