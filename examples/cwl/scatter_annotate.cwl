cwlVersion: v1.2
class: Workflow
label: annotate-each
doc: |
  Annotates every contigs file given, and every one that an assembly folder holds: how many
  jobs the second step has is known only when the first one has ended.

requirements:
  ScatterFeatureRequirement: {}
  StepInputExpressionRequirement: {}
  MultipleInputFeatureRequirement: {}

inputs:
  contigs: File[]
  runs: string[]
  scientific_name: string

steps:
  assemble:
    run: bins.cwl
    in: {srr_ids: runs}
    out: [bin_contigs]

  annotate:
    run: bvbrc://GenomeAnnotation
    scatter: contigs
    in:
      contigs:
        source: [contigs, assemble/bin_contigs]
        linkMerge: merge_flattened
      scientific_name: scientific_name
      domain: {default: Bacteria}
      code: {default: 11}
    out: [genome]

outputs:
  genomes: {type: "File[]", outputSource: annotate/genome}
