FROM python:3.11-alpine3.19
ARG RUNTIME=tini
RUN apk add --no-cache $RUNTIME
RUN pip install python-magic==0.4.27
