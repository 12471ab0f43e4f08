FROM python:3.11-alpine3.19
RUN adduser -D app
USER app
WORKDIR /home/app
RUN pip install --user python-magic==0.4.27
