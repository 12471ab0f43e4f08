FROM python:3.11-alpine3.19
RUN sed -i 's/dl-cdn.alpinelinux.org/mirror.example.org/g' /etc/apk/repositories
COPY . .
RUN pip install python-magic==0.4.27
