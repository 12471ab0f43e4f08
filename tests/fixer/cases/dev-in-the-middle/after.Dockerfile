FROM python:3.11-alpine3.19
RUN apk add --no-cache curl-dev gcc libffi-dev musl-dev openssl-dev && pip install pycurl==7.45.7
