cwlVersion: v1.2
class: ExpressionTool
requirements:
  InlineJavascriptRequirement:
    expressionLib:
      - "function label(prefix, sample) { return prefix + '-' + sample.id; }"
  SchemaDefRequirement:
    types:
      - $import: ../types/sample.yml
inputs:
  samples:
    type:
      type: array
      items: ../types/sample.yml#sample
  prefix: string
outputs:
  ids: string[]
expression: >
  ${
    return {ids: inputs.samples.map(function (sample) { return label(inputs.prefix, sample); })};
  }
