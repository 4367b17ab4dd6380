cwlVersion: v1.2
class: Workflow
label: annotate what JavaScript names
doc: |
  JavaScript makes a name for each result, and leaves out what is no contigs file.

requirements:
  InlineJavascriptRequirement: {}
  ScatterFeatureRequirement: {}
  StepInputExpressionRequirement: {}

inputs:
  files: File[]
  organism: string

steps:
  choose:
    in: {files: files}
    out: [contigs]
    run:
      class: ExpressionTool
      inputs: {files: "File[]"}
      outputs: {contigs: "File[]"}
      expression: |
        ${
          return {contigs: inputs.files.filter(function (file) {
            return /\.(fa|fasta)$/.test(file.basename);
          })};
        }

  annotate:
    run: bvbrc://GenomeAnnotation
    scatter: contigs
    in:
      contigs: choose/contigs
      scientific_name: organism
      output_file: {valueFrom: '$("annotated_" + inputs.contigs.nameroot)'}
      domain: {default: Bacteria}
      code: {default: 11}
    out: [genome]

outputs:
  genomes: {type: "File[]", outputSource: annotate/genome}
