#!/usr/bin/env bash
# Long runs at the paper's size on synthetic DEAP files. It runs from a copy of the tree, with '.[offline]' installed.
#
#   tests/benchmarks/long_fold.sh fold FOLDER HOURS       one fold of one subject through preset paper; resumable
#   tests/benchmarks/long_fold.sh killed FOLDER           two subjects, two epochs, two generations: killed and resumed
#
# Options after these are added to those of the run: `killed FOLDER 0 --preset compact` tries the script in minutes.
set -euo pipefail
what=$1 folder=$(realpath -m "$2") hours=${3:-2} more=("${@:4}")
cd "$(dirname "$0")/../.."
export PYTHONPATH="$PWD"
offline=(python -c "from offline.cli import main; main()")
mkdir -p "$folder"
data=$folder/deap
subjects=$([ "$what" = fold ] && echo 1 || echo 2)
[ -d "$data" ] || "${offline[@]}" synth deap "$data" --subjects "$subjects" --trials 40
case $what in
fold)
  run=("${offline[@]}" run --dataset deap --root "$data" --preset paper --protocol paper --folds 1 --targets valence
    --no-search-controls --processes 1 --cache "$folder/windows" --out "$folder/run" "${more[@]}")
  timeout "${hours}h" "${run[@]}" || echo "stopped after $hours h; the same command goes on"
  python - "$folder/run" <<'PYTHON'
import sys
from pathlib import Path

from offline.training.checkpoint import load_checkpoint

for path in sorted(Path(sys.argv[1]).rglob("supernet.safetensors")):
    print(path.parent)
    for epoch in load_checkpoint(path)[1]["epochs"]:
        print(*epoch.values(), sep=",")
for path in sorted(Path(sys.argv[1]).rglob("training.csv")):
    print(path.parent, path.read_text(), sep="\n")
PYTHON
  ;;
killed)
  run=("${offline[@]}" run --dataset deap --root "$data" --preset paper --protocol paper --folds 1 --targets valence
    --epochs 2 --generations 2 --fuse auto --device cpu --no-search-controls --processes 1 --cache "$folder/windows" "${more[@]}")
  start=$SECONDS
  "${run[@]}" --out "$folder/whole"
  echo "whole: $((SECONDS - start)) s"
  for after in supernet.safetensors search.sqlite; do
    "${run[@]}" --out "$folder/killed" &
    until find "$folder/killed" -name "$after" 2>/dev/null | grep -q . || ! kill -0 $!; do sleep 0.5; done
    kill -KILL $! 2>/dev/null || true
    wait $! || true
  done
  "${run[@]}" --out "$folder/killed"
  cmp "$folder"/whole/bundle/*/model.onnx "$folder"/killed/bundle/*/model.onnx
  cmp "$folder/whole/paper/predictions.npz" "$folder/killed/paper/predictions.npz"
  echo "killed twice and resumed: the same model and predictions"
  ;;
esac
