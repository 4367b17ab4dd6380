"""Everything that can be said against a workflow before it runs; ``workflows.validate`` asks it.

One file for each question: ``shape`` (is it a workflow at all), ``texts`` (can it be stored and
sent), ``names`` (what was meant), ``parameters``, ``libraries`` and ``rules`` (what the app would
refuse), ``links`` (do references lead anywhere), ``places`` (who writes where).
"""
