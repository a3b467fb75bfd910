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
CHECK := $(TARGET)/venv-check
NODE_MODULES := infra/cdk/node_modules
AXE := $(TARGET)/axe
ASL := infra/asl/node_modules
PY := $(abspath $(VENV))/bin/python
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
ENGINE := $(addprefix -p portcullis-,engine recreation exceptions alerts audit replay testkit)
SHELLS := $(addprefix -p portcullis-,aws inventory approval trail digest sweep cache recreate harden approval-page cli) --features test-util
# All that the demo and the tests run, in one build and with the feature that the tests have: the SDK is compiled once for all
# of it, and for `cargo lambda watch`. A selection with other features would compile the SDK anew (e2e/tests/test_build.py).
PROGRAMS := $(addprefix -p portcullis-,ingress cache trail digest sweep recreate harden approval-page cli) --features test-util
# Beside what is built already for the programs, the engine's crates are the same; alone they compile no SDK.
ENGINE_HERE = $(ENGINE) $(if $(wildcard $(TARGET)/programs/portcullis),$(SHELLS))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

# See it ---------------------------------------------------------------------------------------

.PHONY: demo
demo: ready ## Open ports in an emulated AWS account, watch them close, and re-create a cache
	@PYTHONPATH=e2e $(PY) -m demo

.PHONY: demo-picture
demo-picture: ready ## Draw a real run of the demo into docs/demo.svg
	@mkdir -p docs
	@COLUMNS=128 PYTHONPATH=e2e $(PY) -m demo --picture docs/demo.svg

.PHONY: account
account: ready ## Leave the emulated account running, to play with
	@PYTHONPATH=e2e $(PY) e2e/play.py

# Check it -------------------------------------------------------------------------------------

.PHONY: test
test: ## All tests: the engine, the shell, the page, then end to end; lists skipped tests with reasons
	@.ci/steps test

.PHONY: test-quick
test-quick: tools ## Decisions, exceptions, plans, and the shell against scripted answers: no account, no Python
	cargo test --locked -q $(ENGINE) $(SHELLS)

.PHONY: test-engine
test-engine: tools ## Decisions, exceptions, alerts and plans; compiles no AWS SDK
	cargo test --locked -q $(ENGINE)

.PHONY: exceptions
exceptions: tools ## Check the exceptions, and print what they suppress: DIR=
	@cargo build --locked -q $(ENGINE_HERE) --example check
	@$(TARGET)/$(HOST)/debug/examples/check $(or $(DIR),infra/exceptions infra/exceptions/strict)

.PHONY: test-shell
test-shell: tools ## Reading, remediating, re-creating, the page and the command line, against scripted answers
	cargo test --locked -q $(SHELLS)

# Accounts are processes on ports of their own and mostly wait, so there are more workers than cores. SHARD=2/4 runs the
# second quarter of the files. What fails beside them runs once more, and is named at the end if it then passes. The storms
# of faults run once: what they lose is lost.
WORKERS ?= 4
PYTEST = MOTO_SERVER=$(abspath $(MOTO))/bin/moto_server $(PY) -m pytest $(if $(SHARD),--shard $(SHARD))

.PHONY: test-account
test-account: ready test-tools exceptions ## The deployed stack, end to end: SHARD=1/4 for a part
	@cargo build --locked -q $(ENGINE) $(SHELLS) --example serve
	@ln -f $(TARGET)/$(HOST)/debug/examples/serve $(TARGET)/programs
	$(PYTEST) -m alone e2e/tests
	$(PYTEST) -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone" --reruns 1 -r R e2e/tests

# Without npm the tests of the CDK and of the page say that they were skipped, and why.
.PHONY: test-tools
test-tools: $(VENV)/stamp $(MOTO)/stamp $(SAM)/stamp $(OPERATE)/stamp $(if $(shell command -v npm),$(NODE_MODULES)/stamp $(AXE)/stamp)

.PHONY: test-emulator
test-emulator: $(VENV)/stamp $(MOTO)/stamp ## Conformance of the emulated account with AWS's documents; security groups also against moto
	$(PYTEST) -n $(WORKERS) --dist loadfile emulator/conformance

# The servers are in network namespaces of their own, which needs root; each test mostly waits for one to restart.
.PHONY: document
document: ## Write the script for Memcached servers into the document of the template
	@$(PYTHON) infra/documents/write.py

.PHONY: test-memcached
test-memcached: $(VENV)/stamp ## The script that hardens Memcached servers, with the real memcached; needs root and `make programs`
	$(PYTEST) -n $(WORKERS) e2e/memcached

.PHONY: test-template
test-template: $(VENV)/stamp $(SAM)/stamp $(CHECKOV)/stamp ## Lint the template
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-west-1 $(SAM)/bin/sam validate --lint --template infra/template.yaml
	$(SAM)/bin/cfn-lint infra/template.yaml infra/stacksets/audit-role.yaml
	@$(PY) infra/stacksets/package --print --bucket lint --regions eu-west-1 >$(TARGET)/packaged.json
	$(SAM)/bin/cfn-lint --ignore-checks W --regions ALL_REGIONS -- $(TARGET)/packaged.json
	LOG_LEVEL=ERROR $(CHECKOV)/bin/checkov --file infra/template.yaml --config-file infra/checkov.yaml

.PHONY: test-workflow
test-workflow: $(ASL)/stamp ## Validate the workflow (Amazon States Language)
	@mkdir -p $(TARGET)
	@for name in recreate harden harden-ask; do sed 's/$${Partition}/aws/' infra/$$name.asl.json >$(TARGET)/$$name.asl.json; done
	$(ASL)/.bin/asl-validator --json-path $(TARGET)/recreate.asl.json --json-path $(TARGET)/harden.asl.json --json-path $(TARGET)/harden-ask.asl.json

.PHONY: test-cdk
test-cdk: $(VENV)/stamp $(NODE_MODULES)/stamp ## The CDK construct: types, synthesis, cdk-nag, and that it agrees with the template
	@PYTHON=$(PY) npm test --prefix infra/cdk --silent

.PHONY: test-python
test-python: $(CHECK)/stamp ## Lint the Python code with ruff
	@$(CHECK)/bin/ruff format --quiet --check . && $(CHECK)/bin/ruff check --quiet .

.PHONY: test-scripts
test-scripts: $(CHECK)/stamp ## Lint the script for Memcached servers with shellcheck
	@$(CHECK)/bin/shellcheck infra/documents/*.sh

.PHONY: test-spelling
test-spelling: $(CHECK)/stamp ## Spelling, in code and documentation
	@$(CHECK)/bin/typos

.PHONY: test-workflows
test-workflows: $(CHECK)/stamp ## Lint the workflows of the code host with zizmor
	@$(CHECK)/bin/zizmor --offline --no-progress .github

.PHONY: test-dependencies
test-dependencies: $(CHECK)/stamp ## Licences, bans, sources and advisories of the Rust dependencies; fails if advisories cannot be fetched
	@$(CHECK)/bin/cargo-deny --log-level error check

.PHONY: check
check: tools ## All checks before a merge
	@.ci/steps

.PHONY: clippy
clippy: tools ## Lint all Rust code with clippy; the SDK is checked once, for this and for `make docs`
	cargo clippy --locked -q $(ENGINE) $(SHELLS) $(PROGRAMS) -p portcullis-bench -p portcullis-bench-empty --all-targets -- -D warnings

.PHONY: docs
docs: tools ## The documentation of the crates, with warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --locked -q $(ENGINE) $(SHELLS) $(PROGRAMS) --no-deps

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
deploy: $(OPERATE)/stamp $(VENV)/stamp $(SAM)/stamp ## Create or update the stack: MODE= EMAIL= ARCH= PARAMETERS='Name=Value ...' TAGS='key=value ...'
	@$(OPS)/deploy.py $(if $(MODE),--mode "$$MODE") $(if $(EMAIL),--email "$$EMAIL") $(if $(ARCH),--arch "$$ARCH") \
	    $(if $(PARAMETERS),--parameters "$$PARAMETERS") $(if $(TAGS),--tags "$$TAGS")

.PHONY: release
release: $(OPERATE)/stamp $(VENV)/stamp $(SAM)/stamp ## Build the functions as `make deploy` does, and deploy nothing: ARCH=
	@$(OPS)/build.py $(or $(ARCH),arm64)

.PHONY: package
package: $(VENV)/stamp ## Code and template for StackSets: BUCKET=prefix REGIONS='eu-west-1 ...' ORG=o-... ARCH= PAGE=1
	@$(if $(and $(BUCKET),$(REGIONS)),,echo "make package BUCKET=prefix REGIONS='eu-west-1 us-east-1' [ORG=o-...] [ARCH=x86_64] [PAGE=1]"; exit 1)
	@$(PY) infra/stacksets/package --bucket $(BUCKET) --regions $(REGIONS) --arch $(or $(ARCH),arm64) $(if $(PAGE),--page) \
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
redrive: $(OPERATE)/stamp ## Give events in the on-failure and dead-letter queues to their functions again: QUEUE= DRY_RUN=1
	@$(OPS)/redrive.py $(if $(QUEUE),--queue "$$QUEUE") $(if $(DRY_RUN),--dry-run)

.PHONY: verify-aws
verify-aws: $(OPERATE)/stamp ## Ask the account what AWS's documents leave open about re-creations: ONLY= SUBNET_GROUP= CLEAN_UP=
	@$(OPS)/verify_aws.py $(if $(ONLY),--only "$$ONLY") $(if $(SUBNET_GROUP),--subnet-group "$$SUBNET_GROUP") \
	    $(if $(CLEAN_UP),--clean-up "$$CLEAN_UP")

.PHONY: destroy
destroy: $(OPERATE)/stamp ## Remove the stack and everything in it: FORCE=1 with events in the queues, or re-creations in progress
	@$(OPS)/destroy.py $(if $(FORCE),--force)

# No more than Python and boto3: whoever is on call may never have built anything.
$(OPERATE)/stamp: infra/ops/requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.10 or later, or set PYTHON="; exit 1; }
	@$(call says,$(OPERATE),infra/ops/requirements,60 MB)
	@$(PYTHON) -m venv --clear $(OPERATE)
	@$(OPERATE)/bin/python $(PIP_INSTALL) -r $<
	@touch $@

# Parts ----------------------------------------------------------------------------------------

.PHONY: programs
programs: tools ## Build the functions and the command line for this machine, in the dev profile
	@[ -d $(TARGET)/$(HOST)/debug/deps ] || echo "Rust: the AWS SDK, the functions and the command line (5 minutes on 2 cores, once)"
	@cargo build --locked $(PROGRAMS)
	@mkdir -p $(TARGET)/programs
	@ln -f $(addprefix $(TARGET)/$(HOST)/debug/,ingress cache trail digest sweep recreate harden approval-page portcullis) $(TARGET)/programs

# Side by side: what cargo and pip do is mostly waiting for each other's downloads.
.PHONY: ready
ready:
	@$(MAKE) -j2 programs $(VENV)/stamp

.PHONY: setup
setup: $(VENV)/stamp $(MOTO)/stamp $(SAM)/stamp $(OPERATE)/stamp $(CHECK)/stamp $(CHECKOV)/stamp $(NODE_MODULES)/stamp $(AXE)/stamp $(ASL)/stamp ## Install all tools, pinned, under target/ and beside the package.json (1.9 GB)

$(VENV)/stamp: emulator/requirements.txt e2e/requirements.txt e2e/requirements-tools.txt | tools
	@$(call says,$(VENV),emulator/requirements e2e/requirements e2e/requirements-tools,450 MB)
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PY) $(PIP_INSTALL) $(addprefix -r ,$(filter %.txt,$^))
	@touch $@

# What a requirements file names is all that is installed, and only as a file that has one of its hashes.
PIP_INSTALL := -m pip install -q --no-deps --require-hashes

# $(call says,DIRECTORY,REQUIREMENTS,SIZE): what is asked for by name; what that needs in turn is in the requirements files.
says = echo "$(1) gets, once, $(3): $$(sed -nE 's/^([A-Za-z][^=]*)==([^ ;]+).*/\1 \2/p' $(addsuffix .in,$(2)) | paste -sd, - | sed 's/,/, /g')"

# The same of what npm installs.
says_npm = echo "$(1) gets, once, $(3): $$(sed -nE '/ependencies": /,/\}/s/^ *"([^"]*)": "([0-9][^"]*)",?$$/\1 \2/p' $(2) | paste -sd, - | sed 's/,/, /g')"

# $(call environment,DIRECTORY,REQUIREMENTS,SIZE)
define environment
$(1)/stamp: $(2).txt | tools
	@$$(call says,$(1),$(2),$(3))
	@$(PYTHON) -m venv --clear $(1)
	@$(1)/bin/python $(PIP_INSTALL) -r $(2).txt
	@touch $$@
endef
$(eval $(call environment,$(MOTO),emulator/requirements-moto,320 MB))
$(eval $(call environment,$(SAM),infra/ops/requirements-sam,350 MB))
$(eval $(call environment,$(CHECK),e2e/requirements-check,150 MB))
$(eval $(call environment,$(CHECKOV),infra/requirements-checkov,290 MB))

$(NODE_MODULES)/stamp $(ASL)/stamp: %/node_modules/stamp: %/package-lock.json | tools
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later (the CDK construct and the check of the workflow need it)"; exit 1; }
	@$(call says_npm,$*/node_modules,$*/package.json,$(if $(findstring cdk,$*),260 MB,8 MB))
	@npm ci --prefix $* --silent --no-audit --no-fund
	@touch $@

$(AXE)/stamp: e2e/axe/package-lock.json | tools
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later (axe-core comes by it)"; exit 1; }
	@$(call says_npm,$(AXE),e2e/axe/package.json,4 MB)
	@mkdir -p $(AXE)
	@cp e2e/axe/package.json e2e/axe/package-lock.json $(AXE)
	@npm ci --prefix $(AXE) --silent --no-audit --no-fund
	@touch $@

.PHONY: tables
tables: $(VENV)/stamp ## Write the generated tables of the documents
	@$(PY) docs/tables.py --write
	@$(PY) bench/costs.py --write >/dev/null

.PHONY: requirements
requirements: $(CHECK)/stamp ## Pin what the requirements*.in ask for, with hashes: UPGRADE='name ...'
	@.ci/requirements

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
