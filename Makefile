# `make demo` sets up and does the main job; `make test` sets up and runs the tests.
# The environments are made here, in .venv, .venv-peers and so on; the system's Python is not touched.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# Some readers of files need a newer Python than the package itself; their tests are left out where there is none.
NEWER ?= $(shell for p in $(PYTHON) python3.13 python3.12 python3.14 $$(pyenv root 2>/dev/null)/versions/3.1[2-9].*/bin/python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo $$p && break; done)
UV := $(shell command -v uv 2>/dev/null)
RUN := .venv/bin/python
PEERS := .venv-peers/bin/python
OPENCL := .venv-opencl/bin/python
NAPARI := .venv-napari/bin/python
FORMATS := .venv-formats/bin/python

.PHONY: demo test test-napari test-formats test-lowest nightly mutants release check format bench bench-opencl quality environments setup \
	setup-peers setup-opencl setup-napari setup-formats docs walkthrough napari-pictures jar clean

demo: setup
	$(RUN) -m isoscale_ij demo demo --overwrite

test:
	$(MAKE) -j 2 environments
	$(RUN) -m pytest
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(PEERS) -m pytest -p pytest_timeout tests/peers
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 ISOSCALE_TEST_ENGINE=opencl $(OPENCL) -m pytest -p pytest_timeout tests/test_engine.py tests/opencl
	$(MAKE) test-napari
	$(MAKE) test-formats

# Files of microscopes, on a Python for which there are all of the readers.
test-formats: setup-formats
	test ! -e $(FORMATS) || $(FORMATS) -m pytest tests/test_known_files.py tests/test_microscopes.py tests/test_xlef.py tests/test_bioio.py

test-napari: setup-napari
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(NAPARI) -m pytest -p pytest_timeout tests/napari_plugin

# The lowest versions that pyproject.toml allows, on the lowest Python; old packages with newer ones below them are warned of.
test-lowest: .venv-lowest/.ready
	.venv-lowest/bin/python -m pytest -W ignore::DeprecationWarning

release: setup
	$(RUN) .ci/release.py

check: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	.venv/bin/lint-imports --no-logo --no-cache

format: setup
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# An hour or two: damaged files, kills, laws with 10,000 examples; writes docs/trust.md. MINUTES=30 makes it shorter.
nightly: setup
	$(RUN) tests/nightly/run.py $(if $(MINUTES),--minutes $(MINUTES))

# Half an hour: changes the code that calibrates and scales, and lists what no test minds in docs/trust.md.
mutants: setup
	$(RUN) -m pip install --disable-pip-version-check --quiet 'mutmut>=3.4'
	$(RUN) -m mutmut run
	PYTHONPATH=tests $(RUN) tests/nightly/mutants.py

bench: setup setup-peers
	$(PEERS) benchmarks/run.py $(if $(QUICK),--quick)
	$(PEERS) benchmarks/chunks.py --workers 2
	$(PEERS) benchmarks/chunks.py --grow $(if $(QUICK),0.25,0.25 1 4) --limit "1.7 GB"

bench-opencl: setup-opencl
	OCL_ICD_FILENAMES=$(CURDIR)/.venv-opencl/lib/libintelocl.so $(OPENCL) benchmarks/opencl.py

quality: setup-peers
	$(PEERS) benchmarks/quality.py $(if $(QUICK),--quick)

docs: setup
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict --quiet

walkthrough: setup
	$(RUN) docs/render.py
	$(RUN) docs/drawings.py

napari-pictures: setup-napari
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 ISOSCALE_SCREENSHOTS=docs/pictures $(NAPARI) -m pytest -p pytest_timeout tests/napari_plugin/test_tutorial.py

jar: setup
	$(RUN) -m isoscale_ij.fiji.jar dist

environments: setup setup-peers setup-opencl setup-napari setup-formats
setup: .venv/.ready
setup-peers: .venv-peers/.ready
setup-opencl: .venv-opencl/.ready
setup-napari: .venv-napari/.ready
setup-formats: $(if $(NEWER),.venv-formats/.ready,no-newer-python)

.PHONY: no-newer-python
no-newer-python:
	@echo "The tests of CZI files are left out: they need Python 3.12 or newer; name it with make NEWER=/path/to/python3"

.venv/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3"; exit 1; }
	@echo "Packages are fetched into .venv; this happens once, and takes a minute or more."
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip install --python $(RUN) -e '.[dev,imagej]'
else
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --disable-pip-version-check -e '.[dev,imagej]'
endif
	$(RUN) -m isoscale_ij doctor --warm-up
	@touch $@

.venv-peers/.ready: pyproject.toml benchmarks/requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3"; exit 1; }
	@echo "Packages are fetched into .venv-peers; this happens once, and takes some minutes."
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-peers
	$(UV) pip install --python $(PEERS) -e '.[imagej]' -r benchmarks/requirements.txt
else
	$(PYTHON) -m venv .venv-peers
	$(PEERS) -m pip install --disable-pip-version-check -e '.[imagej]' -r benchmarks/requirements.txt
endif
	@touch $@

.venv-opencl/.ready: pyproject.toml tests/opencl/requirements.txt tests/opencl/register_driver.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3"; exit 1; }
	@echo "Packages are fetched into .venv-opencl; this happens once, and takes some minutes."
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-opencl
	$(UV) pip install --python $(OPENCL) -e . -r tests/opencl/requirements.txt
else
	$(PYTHON) -m venv .venv-opencl
	$(OPENCL) -m pip install --disable-pip-version-check -e . -r tests/opencl/requirements.txt
endif
	$(OPENCL) tests/opencl/register_driver.py
	@touch $@

.venv-napari/.ready: pyproject.toml isoscale_ij/napari_plugin/napari.yaml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with make PYTHON=/path/to/python3"; exit 1; }
	@echo "Packages are fetched into .venv-napari; this happens once, and takes some minutes."
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv-napari
	$(UV) pip install --python $(NAPARI) -e '.[napari,dask]' pytest pytest-timeout napari-metadata
else
	$(PYTHON) -m venv .venv-napari
	$(NAPARI) -m pip install --disable-pip-version-check -e '.[napari,dask]' pytest pytest-timeout napari-metadata
endif
	@touch $@

.venv-formats/.ready: pyproject.toml tests/formats.txt
	@echo "Packages are fetched into .venv-formats; this happens once, and takes a minute or more."
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(NEWER) .venv-formats
	$(UV) pip install --python $(FORMATS) -e '.[czi,nd2,lif,ims,mrc,nrrd,nifti,bioio]' -r tests/formats.txt
else
	$(NEWER) -m venv .venv-formats
	$(FORMATS) -m pip install --disable-pip-version-check -e '.[czi,nd2,lif,ims,mrc,nrrd,nifti,bioio]' -r tests/formats.txt
endif
	@touch $@

.venv-lowest/.ready: pyproject.toml .ci/lowest.py
	@command -v python3.11 > /dev/null || { echo "Python 3.11 is needed as python3.11"; exit 1; }
	python3.11 -m venv .venv-lowest
	python3.11 .ci/lowest.py > .venv-lowest/lowest.txt
	.venv-lowest/bin/python -m pip install --disable-pip-version-check -c .venv-lowest/lowest.txt -e '.[dev,imagej]'
	@touch $@

clean:
	rm -rf .venv .venv-peers .venv-opencl .venv-napari .venv-formats .venv-lowest .nightly demo site build dist .pytest_cache \
		.ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
