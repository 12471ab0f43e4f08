FROM python:3.11-alpine3.19
ONBUILD RUN apk add --no-cache curl
RUN pip install python-magic==0.4.27
