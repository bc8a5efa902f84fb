#!/bin/sh
# Install one service into a virtual environment of its own: sh install.sh EXTRA TARGET
# Everything comes from requirements.lock with its hashes; the project's own wheel is built here and pinned by its own.
set -eu
extra=$1
target=$2
# Older pips than 25 cannot take hashes from a constraints file, hence --upgrade-deps.
python -m venv --upgrade-deps /tmp/build
/tmp/build/bin/pip install --quiet --no-cache-dir --constraint requirements.lock hatchling
/tmp/build/bin/python -m hatchling build --target wheel --directory /tmp/wheel
wheel=$(ls /tmp/wheel/*.whl)
hash=$(sha256sum "$wheel" | cut -d' ' -f1)
echo "sledwatch[$extra] @ file://$wheel --hash=sha256:$hash" > /tmp/requirement.txt
python -m venv --upgrade-deps "$target"
"$target/bin/pip" install --quiet --no-cache-dir --only-binary :all: --constraint requirements.lock --requirement /tmp/requirement.txt
