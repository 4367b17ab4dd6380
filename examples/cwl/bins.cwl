cwlVersion: v1.2
class: CommandLineTool
label: Bins of a metagenome
doc: An app bound by a hint; its outputs are found by a pattern when the job has ended.

$namespaces:
  gowe: https://github.com/wilke/GoWe#

hints:
  gowe:Execution: {executor: bvbrc, bvbrc_app_id: MetagenomeBinning}

baseCommand: [MetagenomeBinning]

inputs:
  srr_ids: string[]?

outputs:
  bin_contigs:
    type: File[]
    outputBinding: {glob: "bin.*.fa"}
