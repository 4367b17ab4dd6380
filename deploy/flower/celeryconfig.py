"""Celery's settings for Flower, which needs the broker alone: no key and no other setting.

Flower is started in this folder, by ``celery flower`` without ``-A``. Its environment is that of
celery-exporter: ``CE_BROKER_URL``, and ``CE_BROKER_TRANSPORT_OPTION`` with pairs ``name=value``
separated by blanks.
"""

import os

broker_url = os.environ["CE_BROKER_URL"]
broker_transport_options = dict(
    pair.split("=", 1)
    for pair in os.environ.get(
        "CE_BROKER_TRANSPORT_OPTION", "global_keyprefix=bvbrc-workflows."
    ).split()
)
