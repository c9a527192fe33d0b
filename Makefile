UV ?= uv
LOCK = $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --no-config --group pyproject.toml:build --extra camera --extra demo pyproject.toml

lock:
	$(LOCK) -o requirements/run.lock
	$(LOCK) --group pyproject.toml:test -c requirements/run.lock -o requirements/test.lock
