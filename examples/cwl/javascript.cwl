cwlVersion: v1.2
class: Workflow
label: assemble what JavaScript chooses
doc: |
  JavaScript leaves out what is no run of SRA, and makes a name for each result.

requirements:
  InlineJavascriptRequirement: {}
  ScatterFeatureRequirement: {}
  StepInputExpressionRequirement: {}

inputs:
  samples: string[]

steps:
  choose:
    in: {samples: samples}
    out: [runs]
    run:
      class: ExpressionTool
      inputs: {samples: "string[]"}
      outputs: {runs: "string[]"}
      expression: |
        ${
          return {runs: inputs.samples.filter(function (name) { return /^[SED]RR[0-9]+$/.test(name); })};
        }

  assemble:
    run: bvbrc://GenomeAssembly2
    scatter: run_id
    in:
      run_id: choose/runs
      srr_ids: {valueFrom: '$([inputs.run_id])'}
      output_file: {valueFrom: '$("assembled_" + inputs.run_id)'}
      recipe: {default: auto}
    out: [contigs]

outputs:
  contigs: {type: "File[]", outputSource: assemble/contigs}
