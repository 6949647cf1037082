#!/bin/sh
# @cornerstonejs/nifti-volume-loader 5.0.13, by which Cornerstone3D reads NIfTI (needs Node.js and npm)
#
# Expected: voxels are scaled by scl_slope and scl_inter whenever scl_slope is not 0, as NIfTI says.
# Seen: only when the slope is not 1 and the intercept is not 0 as well. A CT stored as HU + 1024 with slope 1 and intercept
#   -1024 keeps its stored values, so water is at 1024, and a slope of 2 without an intercept is left out too. No message.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund \
    @cornerstonejs/nifti-volume-loader@5.0.13 @cornerstonejs/core@5.0.13 esbuild@0.28.1
cat >seen.mjs <<'JAVASCRIPT'
import assert from 'node:assert';
import { modalityScaleNifti } from '@cornerstonejs/nifti-volume-loader/helpers';

const INT16 = 4;
const seen = {};
for (const [scl_slope, scl_inter] of [[1, -1024], [2, 0], [2, -1024]]) {
  const stored = new Int16Array([0, 1024, 1064]);
  const { scalarData } = modalityScaleNifti({ datatypeCode: INT16, scl_slope, scl_inter }, stored.buffer);
  seen[`slope ${scl_slope}, intercept ${scl_inter}`] = Array.from(scalarData);
}
console.log(seen);
assert.deepStrictEqual(
  Object.values(seen), [[0, 1024, 1064], [0, 1024, 1064], [-1024, 1024, 1104]], 'behaves otherwise now'
);
JAVASCRIPT
node_modules/.bin/esbuild seen.mjs --bundle --platform=node --format=cjs --log-level=error --outfile=seen.cjs
node seen.cjs
