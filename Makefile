# Thin: each target is a line or two. Everything runs from .venv, which the first target that needs it makes.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
export PYTHONUTF8 := 1

ifeq ($(OS),Windows_NT)
$(error This book runs on Linux and macOS. On Windows use WSL, the Windows Subsystem for Linux)
endif

.PHONY: help book serve pdf slides assignments student test test-book test-slow test-long check proofs notebooks encoders natural-encoders reference lock clean install
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

book: install ## run what is out of date, build the book, print where it is (CHAPTERS="...": run these alone)
	@$(BIN)/python book/pipeline.py $(CHAPTERS)

serve: ## the built book at http://127.0.0.1:8000/ (PORT=... for another), until Ctrl-C
	@$(PYTHON) book/serve.py $(PORT)

pdf: install ## print the built book as _build/book.pdf, with contents and links; needs Chromium
	@$(BIN)/python book/pdf.py

test: install ## the tests, in a few minutes
	@$(BIN)/python -m pytest -m "not slow and not long and not book" -n 2 --dist loadfile --durations=25

test-book: book ## the built pages in a real browser
	@$(BIN)/python -m pytest -m "book and not long" -n 2 --dist loadfile --durations=25 $$(grep -l "mark.book" tests/test_*.py)

test-slow: install ## the tests that take long: whole books, trained encoders, large networks
	@$(BIN)/python -m pytest -m "slow and not long" -n 3 --dist loadfile --no-loadscope-reorder --durations=25

test-long: install ## the tests that take more than three minutes each, outside CI
	@$(BIN)/python -m pytest -m long -n 2 --dist loadfile --durations=25 --timeout 7200

check: install ## ruff and mypy, on the chapters too; which room imports which
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache --no-logo \
	    && $(BIN)/python book/check_chapters.py

proofs: ## check every proof by Coq, which must be there, and that false variants fail; no .venv is needed
	@$(PYTHON) proofs/check.py

slides: install ## the lectures as slides, in _build/slides, cut out of the book that `make book` built
	@$(BIN)/python book/slides.py

assignments: install ## the assignments as an nbgrader course, in _build/assignments
	@$(BIN)/python book/assignments.py

student: install ## the book without solutions, in _build/student, from the chapters that `make book` ran
	@$(BIN)/python book/student.py

notebooks: install ## write the .ipynb beside each source
	@$(BIN)/rt notebooks

encoders: install ## train the embedded encoders again from nothing
	@$(BIN)/python -m rt_utils.training.embedded_encoders

natural-encoders: install ## pretrain the natural encoders on DATA=folder; goes on where it was stopped
	@$(BIN)/python -m rt_utils.training.natural_encoders $(ENCODERS) --data "$(DATA)" $(if $(DESCRIBED),--described "$(DESCRIBED)")

# The chapters whose numbers depend on the encoders. Where a record is there already it is replaced.
NATURAL := theorem_1_loss_gap theorem_2_criterion slack converse section_5_1_cross_entropy section_5_2_criterion \
    section_6_1_as_score section_6_2_transfer_methods appendix_b5_distribution_shift \
    appendix_paper_and_code roli audit
reference: install ## run the chapters under natural and keep what they computed for the book (needs the data)
	@for chapter in $(NATURAL); do $(BIN)/rt reference $$chapter --alone -f notebooks/profiles/natural.yaml || exit 1; done

lock: install ## resolve requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --all-extras --no-header \
	    --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock

clean: ## remove what was generated (not .venv)
	@rm -rf _build chapters results .cache .snakemake notebooks/*.ipynb

install: .venv/installed ## set up .venv, and nothing else; does nothing where all is there

# uv is pinned in the lock like everything else. The stamp is written last, so an install that was cut off is done again.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	@echo "Installing into .venv: torch is large, the first time downloads about 5 GB"
	@$(PYTHON) -m venv .venv
	@grep -A 99 '^uv==' requirements.lock | sed '/^    # via/q' > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch .venv/installed
