#!/usr/bin/env bash
# The part of docs/performance.md that needs a GPU: run it from the root of a copy of the tree, with the package
# installed ('.[offline]'). It writes gpu/bench.json and gpu/subject.txt (or below $OUT).
# Usage: tests/benchmarks/gpu.sh [seconds for the networks of one subject, 600 by default]
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH="$PWD"
out="${OUT:-gpu}"
offline() { python -c "from offline.cli import main; main()" "$@"; }
mkdir -p "$out"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv | tee "$out/device.csv"
offline bench --json --device cuda | tee "$out/bench.json"

# One subject of full size, three targets, ten folds: its 30 supernets (and the three that would ship) together.
data="$(mktemp -d)"
offline synth deap "$data" --subjects 1 --trials 40
start=$SECONDS
status=0
timeout "${1:-600}" python -c "from offline.cli import main; main()" train --dataset deap --root "$data" --preset paper --subjects s01, \
    --targets valence,arousal,dominance --device cuda --fuse auto --out "$out/run" || status=$?
{
    echo "seconds $((SECONDS - start)), exit code $status (124: the time was up)"
    python - "$out/run" <<'PYTHON'
import sys
from pathlib import Path

from offline.training.checkpoint import load_checkpoint

for path in sorted(Path(sys.argv[1]).rglob("supernet.safetensors")):
    epochs = load_checkpoint(path)[1]["epochs"]
    print(path.parent.relative_to(sys.argv[1]), "epochs", len(epochs), "last", epochs[-1])
PYTHON
} | tee "$out/subject.txt"
