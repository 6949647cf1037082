#!/bin/sh
# @cornerstonejs/nifti-volume-loader 5.0.13, by which Cornerstone3D reads NIfTI (needs Node.js and npm)
#
# Expected: the slices of a NIfTI volume follow each other at the distance of its third axis, whichever way that axis runs.
# Seen: the loader multiplies each part of the slice direction by the voxel size of the axis with the same number as the
#   part, not by that of the third axis. Axial volumes come out right. Of a sagittal one with 3 mm between slices and pixels
#   of 1 mm the slices are put 1 mm apart, without a word: landmarks of its far side lie outside the volume.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund \
    @cornerstonejs/nifti-volume-loader@5.0.13 @cornerstonejs/core@5.0.13 esbuild@0.28.1
cat >seen.mjs <<'JAVASCRIPT'
import assert from 'node:assert';
import { utilities } from '@cornerstonejs/core';
import { createNiftiImageIdsAndCacheMetadata } from '@cornerstonejs/nifti-volume-loader';

// A NIfTI file of 16-bit zeros whose sform has these columns (RAS, mm) and no translation.
function nifti(columns, size) {
  const bytes = new DataView(new ArrayBuffer(352 + 2 * size[0] * size[1] * size[2]));
  bytes.setInt32(0, 348, true);
  [3, ...size, 1, 1, 1, 1].forEach((value, i) => bytes.setInt16(40 + 2 * i, value, true));
  bytes.setInt16(70, 4, true); // int16
  bytes.setInt16(72, 16, true);
  [1, ...columns.map((column) => Math.hypot(...column))].forEach((value, i) => bytes.setFloat32(76 + 4 * i, value, true));
  bytes.setFloat32(108, 352, true);
  bytes.setUint8(123, 2); // mm
  bytes.setInt16(254, 1, true); // sform_code
  for (let row = 0; row < 3; row++) {
    columns.forEach((column, i) => bytes.setFloat32(280 + 16 * row + 4 * i, column[row], true));
  }
  [0x6e, 0x2b, 0x31, 0].forEach((value, i) => bytes.setUint8(344 + i, value));
  return Buffer.from(bytes.buffer).toString('base64');
}

async function step(columns) {
  const url = `data:application/octet-stream;base64,${nifti(columns, [16, 16, 5])}`;
  const slices = (await createNiftiImageIdsAndCacheMetadata({ url })).map((id) =>
    utilities.genericMetadataProvider.get('imagePlaneModule', id)
  );
  const [first, second] = slices.map((slice) => slice.imagePositionPatient);
  return Math.hypot(...second.map((value, i) => value - first[i]));
}

async function main() {
  const axial = await step([[1, 0, 0], [0, 1, 0], [0, 0, 3]]);
  const sagittal = await step([[0, 1, 0], [0, 0, 1], [3, 0, 0]]);
  console.log('distance of slices of 3 mm:', { axial, sagittal });
  assert(axial === 3 && sagittal === 1, 'behaves otherwise now');
}

main();
JAVASCRIPT
node_modules/.bin/esbuild seen.mjs --bundle --platform=node --format=cjs --log-level=error --outfile=seen.cjs
node seen.cjs
