cwlVersion: v1.2
class: Workflow
label: assemble-annotate
doc: Assembles the reads of one sample and annotates the contigs.

inputs:
  runs:
    type: string[]
    doc: SRA runs of one sample, e.g. SRR21907330
  scientific_name: string
  domain:
    type:
      type: enum
      symbols: [Bacteria, Archaea, Viruses]
    default: Bacteria

steps:
  assemble:
    run: bvbrc://GenomeAssembly2
    in:
      srr_ids: runs
      recipe: {default: auto}
    out: [contigs, report]

  annotate:
    run: bvbrc://GenomeAnnotation
    in:
      contigs: assemble/contigs
      scientific_name: scientific_name
      domain: domain
      code: {default: 11}
    out: [genome, features]

outputs:
  contigs: {type: File, outputSource: assemble/contigs}
  genome: {type: File, outputSource: annotate/genome}
