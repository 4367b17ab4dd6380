cwlVersion: v1.2
class: Workflow
label: rich
doc: Most of what CWL has, on BV-BRC's apps. Each mutant spoils one place of it.

requirements:
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}
  MultipleInputFeatureRequirement: {}
  StepInputExpressionRequirement: {}
  InlineJavascriptRequirement: {}
  SchemaDefRequirement:
    types:
      - $import: types/sample.yml

inputs:
  samples:
    type:
      type: array
      items: types/sample.yml#sample
  scientific_name: string
  code:
    type: int
    default: 11
  wanted: boolean
  extra: File?
  recipe:
    type:
      type: enum
      symbols: [auto, spades, flye]
    default: auto

steps:
  names:
    run: tools/names.cwl
    in:
      samples: samples
      prefix:
        default: rich
    out: [ids]

  each:
    run:
      class: Workflow
      inputs:
        sample: types/sample.yml#sample
        name: string
        recipe: string
      steps:
        assemble:
          run: bvbrc://GenomeAssembly2
          in:
            single_end_libs:
              source: sample
              valueFrom: "${return [{read: self.reads, platform: self.platform}];}"
            recipe: recipe
            output_file:
              source: name
              valueFrom: assembly-$(self)
          out: [contigs, report]
      outputs:
        contigs:
          type: File
          outputSource: assemble/contigs
    scatter: [sample, name]
    scatterMethod: dotproduct
    in:
      sample: samples
      name: names/ids
      recipe: recipe
    out: [contigs]

  annotate:
    run: tools/annotate.cwl
    when: $(inputs.wanted)
    scatter: contigs
    in:
      wanted: wanted
      contigs:
        source: [each/contigs, extra]
        linkMerge: merge_flattened
        pickValue: all_non_null
      scientific_name: scientific_name
      code: code
      domain:
        default: Bacteria
    out: [genome]

outputs:
  contigs:
    type: File[]
    outputSource: each/contigs
  genomes:
    type: File[]
    outputSource: annotate/genome
    pickValue: all_non_null
