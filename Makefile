# Everything below works on a machine that has Rust, a C compiler, Python 3.10+ and make.
# Python tools live in virtual environments under target/, with pinned versions.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := $(TARGET)/venv
# Tools that share no pins with ours, each in an environment of its own.
MOTO := $(TARGET)/venv-moto
SAM := $(TARGET)/venv-sam
OPERATE := $(TARGET)/venv-ops
CHECKOV := $(TARGET)/venv-checkov
NODE_MODULES := infra/cdk/node_modules
AXE := $(TARGET)/axe
ASL := infra/asl/node_modules
# The slow ones, with the real command-line tools.
DEPLOYMENTS := $(addprefix e2e/tests/,test_sam.py test_cdk.py test_many_accounts.py test_operations.py test_faults.py test_moves_failures.py)
PY := $(abspath $(VENV))/bin/python
# Named, so that `sam build` finds what is built here, and the other way round.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
FUNCTIONS := $(addprefix -p portcullis-,ingress cache trail digest recreate approve)
# In one build: apart, each would ask for other features of what the SDK is made of, and compile all of it.
SHELLS := $(addprefix -p portcullis-,aws approval recreate approve cli)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

# See it ---------------------------------------------------------------------------------------

.PHONY: demo
demo: functions cli $(VENV)/stamp ## Open ports in an emulated AWS account, watch them close, and move a cache
	@PYTHONPATH=e2e $(PY) -m demo

.PHONY: demo-picture
demo-picture: functions cli $(VENV)/stamp ## Draw a real run of the demo into docs/demo.svg
	@mkdir -p docs
	@COLUMNS=128 PYTHONPATH=e2e $(PY) -m demo --picture docs/demo.svg

.PHONY: account
account: functions cli $(VENV)/stamp ## Leave the emulated account running, to play with
	@PYTHONPATH=e2e $(PY) e2e/play.py

# Check it -------------------------------------------------------------------------------------

.PHONY: test
test: ## All tests: the engine, the shell, then end to end
	@$(MAKE) test-engine
	@$(MAKE) test-shell
	@$(MAKE) test-page
	@$(MAKE) test-deployments
	@$(MAKE) test-account

.PHONY: test-engine
test-engine: tools ## Decisions, exceptions, alerts and plans; compiles no AWS SDK
	cargo test --locked -q -p portcullis-engine -p portcullis-plan -p portcullis-exceptions

.PHONY: exceptions
exceptions: tools ## Check the exceptions, and say what is tolerated: DIR=
	@cargo run --locked -q -p portcullis-exceptions --example check -- $(or $(DIR),infra/exceptions infra/exceptions/strict)

.PHONY: test-shell
test-shell: tools ## Looking, acting, moving, the page and the command line, against scripted answers
	cargo test --locked -q $(SHELLS)

# `make check` has npm; without it the test of the CDK says that it was skipped.
.PHONY: test-deployments
test-deployments: functions cli $(VENV)/stamp $(SAM)/stamp $(OPERATE)/stamp $(if $(shell command -v npm),$(NODE_MODULES)/stamp) ## Deploying and operating the stack: SAM, CDK, many accounts, faults
	$(PY) -m pytest -q -p no:cacheprovider $(DEPLOYMENTS)

.PHONY: test-account
test-account: functions cli $(VENV)/stamp $(MOTO)/stamp ## The deployed stack, in the emulated account and against moto
	MOTO_SERVER=$(abspath $(MOTO))/bin/moto_server $(PY) -m pytest -q -p no:cacheprovider emulator/conformance
	MOTO_SERVER=$(abspath $(MOTO))/bin/moto_server $(PY) -m pytest -q -p no:cacheprovider e2e/tests $(addprefix --ignore=,$(DEPLOYMENTS) e2e/tests/test_page.py)

# In a browser that is on the machine: none is downloaded. What was seen is in target/pages.
.PHONY: test-page
test-page: tools $(VENV)/stamp $(if $(shell command -v npm),$(AXE)/stamp) ## The approval page in a real browser, on a phone and on a desk
	@cargo build --locked -q $(SHELLS) --example serve
	$(PY) -m pytest -q -p no:cacheprovider e2e/tests/test_page.py

.PHONY: test-template
test-template: $(VENV)/stamp $(SAM)/stamp $(CHECKOV)/stamp ## What the linters say of the template
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-west-1 $(SAM)/bin/sam validate --lint --template infra/template.yaml
	$(SAM)/bin/cfn-lint infra/template.yaml
	LOG_LEVEL=ERROR $(CHECKOV)/bin/checkov --file infra/template.yaml --config-file infra/checkov.yaml

.PHONY: test-workflow
test-workflow: $(ASL)/stamp ## What the validator of the Amazon States Language says of the workflow
	@mkdir -p $(TARGET)
	@sed 's/$${Partition}/aws/' infra/recreate.asl.json >$(TARGET)/recreate.asl.json
	$(ASL)/.bin/asl-validator --json-path $(TARGET)/recreate.asl.json

.PHONY: test-cdk
test-cdk: $(VENV)/stamp $(NODE_MODULES)/stamp ## The CDK construct: types, synthesis, cdk-nag, and that it agrees with the template
	@PYTHON=$(PY) npm test --prefix infra/cdk --silent

.PHONY: check
check: tools ## Everything that must hold before a merge
	@.ci/steps

.PHONY: fmt
fmt: tools ## Format the code
	cargo fmt --all

.PHONY: bench
bench: tools ## Speed and memory, of the engine and of the functions
	cargo bench --locked -q -p portcullis-bench --bench engine
	@PYTHON=$(PYTHON) bench/run

# Run it in AWS --------------------------------------------------------------------------------
# In the account and Region of your AWS environment. docs/operations.md says what each does, and when.
# Variables reach the shell by its environment, whatever quotes are in them.

export STACK ?= portcullis
OPS = $(OPERATE)/bin/python infra/ops

.PHONY: deploy
deploy: $(OPERATE)/stamp $(VENV)/stamp $(SAM)/stamp ## Make or update the stack: MODE= EMAIL= ARCH= PARAMETERS='Name=Value ...' TAGS='key=value ...'
	@$(OPS)/deploy.py $(if $(MODE),--mode "$$MODE") $(if $(EMAIL),--email "$$EMAIL") $(if $(ARCH),--arch "$$ARCH") \
	    $(if $(PARAMETERS),--parameters "$$PARAMETERS") $(if $(TAGS),--tags "$$TAGS")

.PHONY: package
package: $(VENV)/stamp ## Code and template for StackSets: BUCKET=prefix REGIONS='eu-west-1 ...' ORG=o-... ARCH=
	@$(if $(and $(BUCKET),$(REGIONS)),,echo "make package BUCKET=prefix REGIONS='eu-west-1 us-east-1' [ORG=o-...] [ARCH=x86_64]"; exit 1)
	@$(PY) infra/stacksets/package --bucket $(BUCKET) --regions $(REGIONS) --arch $(or $(ARCH),arm64) \
	    $(if $(ORG),--create-buckets --organization-id $(ORG))

.PHONY: canary
canary: $(OPERATE)/stamp ## Open a port on a group that nothing uses, and see it close: VPC=
	@$(OPS)/canary.py $(if $(VPC),--vpc "$$VPC") $(if $(MINUTES),--minutes "$$MINUTES")

.PHONY: pause
pause: $(OPERATE)/stamp ## Turn the stack to observe mode at once
	@$(OPS)/mode.py pause

.PHONY: resume
resume: $(OPERATE)/stamp ## Turn the stack to enforce mode
	@$(OPS)/mode.py resume

.PHONY: redrive
redrive: $(OPERATE)/stamp ## Give events that were not dealt with to their functions again: QUEUE= DRY_RUN=1
	@$(OPS)/redrive.py $(if $(QUEUE),--queue "$$QUEUE") $(if $(DRY_RUN),--dry-run)

.PHONY: destroy
destroy: $(OPERATE)/stamp ## Remove the stack and all that came with it: FORCE=1 with events in the queues, or caches on the move
	@$(OPS)/destroy.py $(if $(FORCE),--force)

# No more than Python and boto3: whoever is on call may never have built anything.
$(OPERATE)/stamp: infra/ops/requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.10 or later, or set PYTHON="; exit 1; }
	@echo "boto3 goes to $(OPERATE) (once)"
	@$(PYTHON) -m venv --clear $(OPERATE)
	@$(OPERATE)/bin/python -m pip install -q -r $<
	@touch $@

# Parts ----------------------------------------------------------------------------------------

.PHONY: functions
functions: tools ## Build the Lambda functions for this machine
	@cargo build --locked -q --release --target $(HOST) $(FUNCTIONS)

# By itself: with the functions, they would get its ways to sign in.
.PHONY: cli
cli: tools ## Build the command line, portcullis, for this machine
	@cargo build --locked -q --release --target $(HOST) -p portcullis-cli

.PHONY: setup
setup: $(VENV)/stamp $(MOTO)/stamp $(SAM)/stamp $(OPERATE)/stamp $(CHECKOV)/stamp $(NODE_MODULES)/stamp $(AXE)/stamp $(ASL)/stamp ## Install all tools, pinned, under target/

$(VENV)/stamp: emulator/requirements.txt e2e/requirements.txt e2e/requirements-tools.txt | tools
	@echo "Python tools for the emulated account go to $(VENV) (about 20 s, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PY) -m pip install -q -r emulator/requirements.txt -r e2e/requirements.txt
	@$(PY) -m pip install -q --no-deps -r e2e/requirements-tools.txt
	@touch $@

# $(call environment,NAME,DIRECTORY,REQUIREMENTS)
define environment
$(2)/stamp: $(3) | tools
	@echo "$(1) goes to $(2) (once)"
	@$(PYTHON) -m venv --clear $(2)
	@$(2)/bin/python -m pip install -q -r $(3)
	@touch $$@
endef
$(eval $(call environment,moto,$(MOTO),emulator/requirements-moto.txt))
$(eval $(call environment,the SAM CLI,$(SAM),infra/ops/requirements-sam.txt))
$(eval $(call environment,checkov,$(CHECKOV),infra/requirements-checkov.txt))

$(NODE_MODULES)/stamp $(ASL)/stamp: %/node_modules/stamp: %/package-lock.json | tools
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later (the CDK construct and the check of the workflow need it)"; exit 1; }
	@echo "what $*/package.json asks for goes to $*/node_modules (once)"
	@npm ci --prefix $* --silent --no-audit --no-fund
	@touch $@

$(AXE)/stamp: e2e/axe/package-lock.json | tools
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later (axe-core comes by it)"; exit 1; }
	@echo "axe-core goes to $(AXE) (once)"
	@mkdir -p $(AXE)
	@cp e2e/axe/package.json e2e/axe/package-lock.json $(AXE)
	@npm ci --prefix $(AXE) --silent --no-audit --no-fund
	@touch $@

.PHONY: tools
tools:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { echo "cc is missing: install a C compiler (Debian: apt install gcc; macOS: xcode-select --install)"; exit 1; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.10 or later, or set PYTHON="; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is older than 3.10, which MiniStack needs: install a later one, or set PYTHON="; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv: install it (Debian: apt install python3-venv)"; exit 1; }

.PHONY: clean
clean: ## Remove what was built and installed here
	cargo clean
	rm -rf $(NODE_MODULES) $(ASL)
