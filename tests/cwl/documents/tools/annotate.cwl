cwlVersion: v1.1
class: CommandLineTool
label: Annotate contigs
$namespaces:
  gowe: https://github.com/wilke/GoWe#
hints:
  gowe:Execution:
    executor: bvbrc
    bvbrc_app_id: GenomeAnnotation
  DockerRequirement:
    dockerPull: bvbrc/annotation
baseCommand: [GenomeAnnotation]
inputs:
  contigs: File
  scientific_name: string
  code: int
  domain:
    type:
      type: enum
      symbols: [Bacteria, Archaea, Viruses]
  taxonomy_id: int?
outputs:
  genome:
    type: File
    outputBinding:
      glob: $(inputs.output_file).genome
