#!/bin/sh
# Make a virtual environment with exactly what requirements.lock names, and the project itself in editable form.
# usage: setup.sh PYTHON VENV
set -eu
python=$1 venv=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Prompt Canvas needs Python 3.11 or later: set PYTHON to one, e.g. make setup PYTHON=python3.12" >&2
    exit 2
}
echo "Installing into $venv (once) ..."
if command -v uv >/dev/null 2>&1; then
    [ -x "$venv/bin/python" ] || uv venv -q --python "$python" "$venv"
    uv pip install -q --python "$venv/bin/python" --require-hashes -r requirements.lock
    uv pip install -q --python "$venv/bin/python" --no-deps --no-build-isolation -e .
else
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || {
        echo "python3 -m venv failed: install your system's package for it, e.g. apt-get install python3-venv" >&2
        exit 2
    }
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
