FROM alpine:3.16
RUN apk --no-cache add python3 py3-pip python3-dev gcc musl-dev make tor \
 && pip3 install greenlet==1.1.2 python-magic==0.4.27 \
 && apk del python3-dev gcc musl-dev make
CMD ["python3", "-c", "import greenlet, magic"]
