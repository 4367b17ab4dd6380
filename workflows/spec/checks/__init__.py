"""All checks of a workflow before it runs; ``workflows.spec.validate`` calls them.

One file for each question: ``shape`` (is it a workflow at all), ``texts`` (can it be stored and
sent), ``suggestions`` (did-you-mean), ``parameters``, ``read_libraries`` and ``rule_checks`` (would
the app refuse it), ``links`` (do references resolve), ``outputs`` (which steps write where).
"""
