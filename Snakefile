# What depends on what. Run by book/pipeline.py (make book); two chapters run at once, each on half of the cores: that
# hides what only one core can do. What both need is computed by the one that comes to it first (rt_utils.evaluation.measure).
import sys
from pathlib import Path

sys.path.insert(0, "book")
from build import pages
from pipeline import PAGES

PROFILE = "notebooks/profiles/embedded.yaml"
CHAPTERS = [name for name in pages() if name not in PAGES]
# They start first, the longest before the others, so that none of them is left running alone at the end.
LONGEST = ["section_6_2_transfer_methods", "roli"]
LONG = [
    "theorem_2_criterion",
    "section_5_1_cross_entropy",
    "section_5_2_criterion",
    "appendix_b2_regression",
    "appendix_b5_distribution_shift",
    "appendix_paper_and_code",
    "certified",
    "purification",
]
RUN = config.get("chapters", "").split() or CHAPTERS  # make book CHAPTERS="...": these alone
if odd := set(RUN) - set(CHAPTERS):
    sys.exit(f"unknown chapter {min(odd)!r}: use one of {', '.join(CHAPTERS)}")
CODE = sorted(
    str(p)
    for p in Path("rt_utils").rglob("*")
    if p.suffix in (".py", ".json", ".safetensors")
)
KEPT = {  # the kept runs that a chapter reads itself; the build shows the others beside it
    "certified": ("embedded/certified_seeds.json", "public/certified_networks.json"),
    "model_cards": ("autoattack/*.json",),
    "roli": ("embedded/roli_peft.json",),
    "section_5_2_criterion": ("control/*.json",),
}
PROSE = sorted(str(p) for p in Path("book").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
BOOK = "_build/book.done"

# The stamp speaks of a book that must be there.
if not Path("_build/html/index.html").exists():
    Path(BOOK).unlink(missing_ok=True)


onstart:  # for what make book shows
    print("to run:", *(job.wildcards.name for job in workflow.dag.needrun_jobs() if job.rule.name != "book"), flush=True)


rule book:
    input:
        expand("chapters/{name}.ipynb", name=[*RUN, *PAGES]),
        PROSE,
        "CITATION.cff",
        "_config.yml",
        "_toc.yml",
    output:
        touch(BOOK),
    params:
        pages=[] if RUN is CHAPTERS else [*RUN, *PAGES],
    shell:
        "python book/build.py {params.pages}"


rule chapter:
    input:
        "notebooks/{name}.md",
        PROFILE,
        "requirements.lock",
        CODE,
        lambda wildcards: [
            str(path) for pattern in KEPT.get(wildcards.name, ()) for path in sorted(Path("book/reference").glob(pattern))
        ],
    output:
        "chapters/{name}.ipynb",
        "results/book/{name}/ledger.csv",
        "results/book/{name}/run.json",
    wildcard_constraints:
        name="|".join(name for name in CHAPTERS if name not in LONGEST + LONG),
    threads: max(1, workflow.cores // min(2, len(RUN)))
    shell:
        "OMP_NUM_THREADS={threads} LOKY_MAX_CPU_COUNT={threads} rt run {wildcards.name} --whole -f {PROFILE} "
        "-p results results/book/{wildcards.name} -o chapters/{wildcards.name}.ipynb"


use rule chapter as long_chapter with:
    wildcard_constraints:
        name="|".join(LONG),
    priority: 1


use rule chapter as longest_chapter with:
    wildcard_constraints:
        name="|".join(LONGEST),
    priority: 2


rule page:
    input:
        "notebooks/{name}.md",
        "requirements.lock",
        CODE,
        expand("results/book/{chapter}/{file}", chapter=RUN, file=("ledger.csv", "run.json")),
    output:
        "chapters/{name}.ipynb",
    wildcard_constraints:
        name="|".join(PAGES),
    params:
        ledgers="" if RUN is CHAPTERS else "-p ledgers " + ",".join(f"results/book/{name}" for name in RUN),
    shell:
        "rt run {wildcards.name} --whole -q {params.ledgers} -o chapters/{wildcards.name}.ipynb"
