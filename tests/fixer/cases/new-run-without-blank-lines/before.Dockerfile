FROM python:3.11-alpine3.19
# install what we need
COPY requirements.txt .
RUN pip install -r requirements.txt
