"""The apps that backends declare themselves. AppService says what its apps are when it is asked, so
every other app is AppService's.

A backend declares apps in a module ``apps`` of its folder: ``APPS``, the same as ``SPECS``, and
``CWL_SPECS`` for those that CWL workflows may use.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType

from workflows import backends
from workflows.model.values import APPSERVICE
from workflows.spec.catalogue import App, AppSpec


@cache
def apps() -> tuple[App, ...]:
    return tuple(app for module in _modules() for app in module.APPS)


@cache
def specs() -> tuple[AppSpec, ...]:
    """The same in the form of AppService's own specifications."""
    return tuple(spec for module in _modules() for spec in module.SPECS)


@cache
def cwl_specs() -> tuple[AppSpec, ...]:
    """Those of them that CWL workflows may use."""
    return tuple(spec for module in _modules() for spec in module.CWL_SPECS)


def backend_of(app: str) -> str:
    """The name of the backend that runs an app."""
    declared = _by_id().get(app)
    return declared.backend if declared else APPSERVICE


def brings_outputs(app: str) -> bool:
    """Whether an app has outputs that only its run brings."""
    declared = _by_id().get(app)
    return bool(declared and declared.later)


@cache
def _by_id() -> dict[str, App]:
    return {app.id: app for app in apps()}


def _modules() -> list[ModuleType]:
    names = [f"{backends.__name__}.{found.name}" for found in iter_modules(backends.__path__)]
    packages = [name for name in names if find_spec(name).submodule_search_locations]  # type: ignore[union-attr]
    return [import_module(f"{name}.apps") for name in packages if find_spec(f"{name}.apps")]
