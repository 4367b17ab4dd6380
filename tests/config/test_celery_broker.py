"""Celery's settings of the broker."""

from __future__ import annotations

import ssl

import pytest
from kombu.utils.url import parse_url

from config.celery_broker import DEFAULTS, CeleryBroker, celery_broker
from config.sections import Broker

SENTINELS = "sentinel://ann:s%40cret@s1:26379;sentinel://s2:26380;sentinel://s3/3"


def told(**settings: object) -> CeleryBroker:
    return celery_broker(Broker.model_validate(settings))


def test_each_address_of_a_sentinel_is_complete() -> None:
    """Kombu takes user, password and database from the one that it tries."""
    found = told(url=SENTINELS, sentinel_master="broker")

    addresses = [parse_url(each) for each in found.url.split(";")]
    assert [each["hostname"] for each in addresses] == ["s1", "s2", "s3"]
    assert {each["userid"] for each in addresses} == {"ann"}
    assert {each["password"] for each in addresses} == {"s@cret"}
    assert {each["virtual_host"] for each in addresses} == {"3"}
    assert found.use_ssl is None
    assert found.transport_options["master_name"] == "broker"
    assert "ssl" not in found.transport_options["sentinel_kwargs"]


def test_the_sentinels_are_asked_over_tls_where_redis_is() -> None:
    url = SENTINELS + "?ssl_ca_certs=/etc/ca.pem"
    found = told(
        url=url,
        sentinel_master="broker",
        transport_options={"sentinel_kwargs": {"password": "theirs"}},
    )

    assert found.use_ssl == {"ssl_ca_certs": "/etc/ca.pem", "ssl_cert_reqs": ssl.CERT_REQUIRED}
    assert "?" not in found.url
    asked = found.transport_options["sentinel_kwargs"]
    assert asked["ssl"] is True
    assert asked["ssl_ca_certs"] == "/etc/ca.pem"
    assert asked["password"] == "theirs"
    assert asked["socket_timeout"] == DEFAULTS["socket_timeout"]


@pytest.mark.parametrize(
    ("query", "certificates", "more"),
    [
        ("", ssl.CERT_REQUIRED, {}),
        ("?ssl_cert_reqs=required", ssl.CERT_REQUIRED, {}),
        ("?ssl_cert_reqs=CERT_NONE", ssl.CERT_NONE, {"ssl_check_hostname": False}),
        ("?ssl_check_hostname=false", ssl.CERT_REQUIRED, {"ssl_check_hostname": False}),
    ],
)
def test_certificates_are_checked_unless_the_address_says_otherwise(
    query: str, certificates: ssl.VerifyMode, more: dict[str, object]
) -> None:
    found = told(url=f"rediss://:secret@cache:6379/1{query}")

    assert found.use_ssl == {"ssl_cert_reqs": certificates, **more}
    assert found.url == "rediss://:secret@cache:6379/1"


def test_options_are_passed_on_and_win() -> None:
    found = told(transport_options={"socket_timeout": 30, "priority_steps": [0]})

    assert found.transport_options == {
        **DEFAULTS,
        "global_keyprefix": "bvbrc-workflows.",
        "socket_timeout": 30,
        "priority_steps": [0],
    }


def test_an_empty_prefix_is_none() -> None:
    assert "global_keyprefix" not in told(key_prefix="").transport_options
