#!/bin/sh
# Make the virtual environment $1 with a Python this project supports, or say what is missing.
set -eu
folder=$1

supported='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))'

if [ -x "$folder/bin/python" ] && "$folder/bin/python" -c "$supported" 2>/dev/null \
    && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

# Running each candidate, not merely finding it: version managers leave shims that start nothing.
python=""
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10 python}; do
    if "$candidate" -c "$supported" 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "No usable Python found (tried: ${PYTHON:-python3, python3.10 to python3.14, python})." >&2
    echo "Install Python 3.10 to 3.14, or name one: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi

rm -rf "$folder"
if ! message=$("$python" -m venv "$folder" 2>&1); then
    rm -rf "$folder"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$message" >&2
    echo "Python $version cannot make a virtual environment." >&2
    echo "On Debian and Ubuntu: sudo apt install python$version-venv   then run make again." >&2
    exit 1
fi
echo "Made $folder with $("$python" --version)."
