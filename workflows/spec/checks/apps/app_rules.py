"""The apps' requirements beyond their specifications, as data: no code per app.

Sources: the apps' own scripts and their common reader of read libraries (ReadSet), the forms of the
website, and what the service was seen to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PLACES: Final = {
    "output_path": "give a folder, usually ${workspace_output_folder}/ and a name",
    "output_file": "give a name, such as that of the step",
}
"""The parameters that say where a job's results go, and what to give for them."""


@dataclass(frozen=True, slots=True)
class Need:
    """Where ``when`` holds, one of these parameters must be given (and not be empty)."""

    apps: tuple[str, ...]
    one_of: tuple[str, ...]
    when: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConditionalChoices:
    """Where ``when`` holds, the website offers only these choices; others are warned about."""

    app: str
    parameter: str
    choices: tuple[str, ...]
    when: Mapping[str, str]


READS: Final = ("paired_end_libs", "single_end_libs", "srr_ids", "srr_libs")


def _by(app: str, chooser: str, prefix: str, **companions: str) -> tuple[Need, ...]:
    """A choice such as ``input_source``, whose value names the parameter that holds the input."""
    return tuple(
        Need((app,), tuple(prefix + name for name in names.split()), {chooser: choice})
        for choice, names in companions.items()
    )


NEEDS: Final = (
    Need(
        (
            "FastqUtils",
            "FunctionalClassification",
            "GenomeAssembly",
            "GenomeAssembly2",
            "MetagenomicReadMapping",
            "SARS2Assembly",
            "SARS2Wastewater",
            "TaxonomicClassification",
            "Variation",
        ),
        READS,
    ),
    Need(("RNASeq",), (*READS, "bam_libs")),
    Need(("MetagenomeBinning",), (*READS, "contigs")),
    Need(("ViralAssembly",), ("paired_end_lib", "single_end_lib", "srr_id", "sra_id")),
    Need(("TnSeq",), ("read_files",)),
    Need(("CodonTree", "ComparativeSystems"), ("genome_ids", "genome_groups")),
    Need(("GenomeComparison",), ("genome_ids", "user_genomes", "user_feature_groups")),
    Need(
        ("MSA",),
        (
            "fasta_files",
            "select_genomegroup",
            "feature_groups",
            "feature_list",
            "genome_list",
            "fasta_keyboard_input",
        ),
    ),
    *(
        need
        for app in ("ComprehensiveGenomeAnalysis", "ComprehensiveSARS2Analysis")
        for need in (
            Need((app,), READS, {"input_type": "reads"}),
            Need((app,), ("contigs",), {"input_type": "contigs"}),
            Need((app,), ("genbank_file", "gto"), {"input_type": "genbank"}),
        )
    ),
    *_by(
        "Homology",
        "input_source",
        "input_",
        id_list="id_list",
        fasta_data="fasta_data",
        fasta_file="fasta_file",
        feature_group="feature_group",
        genome_group_features="genome_group",
        genome_group_sequences="genome_group",
    ),
    *_by(
        "Homology",
        "db_source",
        "db_",
        id_list="id_list",
        fasta_data="fasta_data",
        fasta_file="fasta_file",
        genome_list="genome_list",
        feature_group="feature_group",
        genome_group="genome_group",
        taxon_list="taxon_list",
        precomputed_database="precomputed_database",
    ),
    *(
        need
        for app in ("SubspeciesClassification", "SequenceSubmission")
        for need in _by(
            app,
            "input_source",
            "input_",
            fasta_data="fasta_data",
            fasta_file="fasta_file",
            genome_group="genome_group",
        )
    ),
    *_by(
        "HASubtypeNumberingConversion",
        "input_source",
        "input_",
        feature_list="feature_list",
        fasta_data="fasta_data",
        fasta_file="fasta_file",
        feature_group="feature_group",
    ),
    *_by(
        "TreeSort",
        "input_source",
        "input_",
        fasta_data="fasta_data",
        fasta_existing_dataset="fasta_existing_dataset",
        fasta_file_id="fasta_file_id",
        fasta_group_id="fasta_group_id",
    ),
    *(
        need
        for app in ("CoreGenomeMLST", "WholeGenomeSNPAnalysis")
        for need in _by(
            app,
            "input_genome_type",
            "input_",
            genome_group="genome_group",
            genome_fasta="genome_fasta",
        )
    ),
    *_by(
        "MetagenomicReadMapping",
        "gene_set_type",
        "gene_set_",
        predefined_list="name",
        fasta_file="fasta",
        feature_group="feature_group",
    ),
    *_by("MetaCATS", "input_type", "", auto="auto_groups", groups="groups", files="alignment_file"),
    *_by("MetaCATS", "input_type", "", files="group_file"),
    *_by(
        "ViralAssembly",
        "reference_type",
        "reference_",
        genome="genome_id",
        genbank="genbank_accession",
        fasta="fasta_file",
    ),
    Need(("SimilarGenomeFinder",), ("selectedGenomeId", "fasta_file")),
)

_NUCLEOTIDES: Final = ("ffn", "frn", "fna")
_BLAST: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "blastp": ("aa", ("faa",)),
    "blastn": ("dna", _NUCLEOTIDES),
    "blastx": ("dna", ("faa",)),
    "tblastn": ("aa", _NUCLEOTIDES),
    "tblastx": ("dna", _NUCLEOTIDES),
}
"""Program to the kinds of query and of database it compares."""

CUSTOMS: Final = (
    ConditionalChoices(
        "TaxonomicClassification", "database", ("SILVA", "Greengenes"), {"analysis_type": "16S"}
    ),
    *(
        ConditionalChoices(
            "TaxonomicClassification", "database", ("bvbrc", "standard"), {"analysis_type": kind}
        )
        for kind in ("pathogen", "microbiome")
    ),
    ConditionalChoices("RNASeq", "recipe", ("Host",), {"genome_type": "host"}),
    ConditionalChoices(
        "RNASeq", "recipe", ("HTSeq-DESeq", "cufflinks"), {"genome_type": "bacteria"}
    ),
    *(
        ConditionalChoices("Homology", parameter, choices, {"blast_program": program})
        for program, (query, databases) in _BLAST.items()
        for parameter, choices in (("input_type", (query,)), ("db_type", databases))
    ),
)

RUN_ACCESSIONS: Final = frozenset({"srr_ids", "srr_id", "sra_id", "srr_accession"})
"""Parameters and members that hold accessions of the Sequence Read Archive."""
ACCESSION: Final = r"\s*[A-Z]+\d+\s*"
"""What ReadSet accepts as one."""
RUN: Final = r"[SED]RR\d+"
"""The archive's accession of a run; studies and samples have other letters and cannot be
fetched."""
TAXONOMY_IDS: Final = frozenset({"taxonomy_id", "tax_id"})
GENOME_IDS: Final = frozenset(
    {"genome_ids", "optional_genome_ids", "reference_genome_id", "in_genome_ids", "out_genome_ids"}
)
GENOME_ID: Final = r"\d+\.\d+"

UNCHECKED: Final = frozenset(
    {
        "condition",  # of a library: called an integer, but RNASeq is given names
        "SEQUENCE_TARGET",
        "SEQUENCE_INCLUDED_REGION",
        "SEQUENCE_EXCLUDED_REGION",
        "SEQUENCE_OVERLAP_JUNCTION_LIST",
        "PRIMER_PRODUCT_SIZE_RANGE",  # called arrays, but PrimerDesign is given texts as well
    }
)
"""Parameters and members whose declared types their apps do not hold to."""
LISTS_AS_TEXT: Final = frozenset(
    {"srr_ids", "contrasts", "experimental_conditions", "types", "input_feature_list", "segments"}
)
"""Called texts by the specifications, but their apps take lists."""

CHOICE_SYNONYMS: Final[Mapping[str, Mapping[str, str]]] = {
    "domain": {
        "bacterial": "Bacteria",
        "bacterium": "Bacteria",
        "archaeal": "Archaea",
        "archaeon": "Archaea",
        "virus": "Viruses",
        "viral": "Viruses",
    },
    "platform": {"hifi": "pacbio_hifi", "ont": "nanopore", "ion torrent": "iontorrent"},
}
"""Parameter to other words for its choices; used only where the choice exists."""

OTHER_NAMES: Final[Mapping[str, str]] = {
    "code": "geneticcode geneticcodeid translationtable",
    "scientific_name": "organism organismname species taxonname",
    "taxonomy_id": "taxid taxon ncbitaxid ncbitaxonomyid",
    "recipe": "assembler method strategy",
    "srr_ids": "sra sraid sraids sraaccession sraaccessions accessions runs",
    "contigs": "assembly fasta fastafile genomefasta",
    "output_path": "outputfolder outputdir outdir folder",
    "output_file": "outputname output name prefix",
}
"""Aliases of parameters as people and models write them; without case and separators."""

LIBRARY_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "read1": (
        "r1", "read_1", "reads1", "reads_1", "forward", "forward_read", "forward_reads", "fastq1",
        "fastq_1", "file1", "left", "mate1", "read1_file", "read_file_1",
    ),
    "read2": (
        "r2", "read_2", "reads2", "reads_2", "reverse", "reverse_read", "reverse_reads", "fastq2",
        "fastq_2", "file2", "right", "mate2", "read2_file", "read_file_2",
    ),
    "read": (
        "reads", "file", "path", "fastq", "read_file", "reads_file", "filename", "single",
    ),
    "srr_accession": ("srr", "srr_id", "sra", "sra_id", "accession", "run", "run_accession"),
}  # fmt: skip
"""Member of a read library to the names that people give it."""
