FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc libffi-dev musl-dev openssl-dev && pip install pycurl==7.45.7
