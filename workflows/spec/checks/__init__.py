"""All checks of a workflow before it runs; ``workflows.spec.validate`` calls them.

One file for each question: ``shape`` (is it a workflow at all), ``texts`` (can it be stored and
sent), ``names`` (what was meant), ``parameters``, ``libraries`` and ``rules`` (what the app would
refuse), ``links`` (do references lead anywhere), ``places`` (who writes where).
"""
