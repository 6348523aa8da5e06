FROM python:3.12-slim

# tini reaps the workers that the app leaves behind when they end.
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 chatui && mkdir /data && chown chatui:chatui /data
WORKDIR /home/chatui/app

COPY requirements.txt ./
RUN python -m pip install --no-cache-dir -r requirements.txt

COPY --chown=chatui:chatui app.py README.md LICENSE ./
COPY --chown=chatui:chatui chatui ./chatui

USER chatui
ENV CHATUI_WORKSPACE=/data \
    CHATUI_HOST=0.0.0.0 \
    CHATUI_PORT=7860 \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 7860

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/health', timeout=4)"]

ENTRYPOINT ["tini", "--"]
CMD ["python", "app.py"]
