#!/bin/sh
# @cornerstonejs/core 5.14.0, which draws the images of OHIF (needs Node.js and npm)
#
# Expected: a place on an image, as DICOM's SCOORD count it (column, row; the centre of the first pixel is 0.5, 0.5),
#   becomes the place where the same package draws that pixel, also where pixels are not square: along a row by the
#   distance of columns, PixelSpacing[1], and down by the distance of rows, PixelSpacing[0].
# Seen: imageToWorldCoords and worldToImageCoords exchange the two; getImageDataMetadata, by which images are drawn, does
#   not. On pixels 0.1 mm high and 0.2 mm wide column 101, row 51 is put at 10 mm, 10 mm instead of 20 mm, 5 mm. There
#   and back again the faults cancel, so the package's own round trip shows nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund @cornerstonejs/core@5.14.0
cat >seen.mjs <<'JAVASCRIPT'
import assert from 'node:assert';
import { metaData } from '@cornerstonejs/core';
import imageToWorldCoords from '@cornerstonejs/core/utilities/imageToWorldCoords';
import worldToImageCoords from '@cornerstonejs/core/utilities/worldToImageCoords';
import { getImageDataMetadata } from '@cornerstonejs/core/utilities/getImageDataMetadata';

const [heightOfPixel, widthOfPixel] = [0.1, 0.2]; // PixelSpacing as DICOM has it: rows, then columns
const modules = {
  imagePlaneModule: {
    imagePositionPatient: [0, 0, 0], rowCosines: [1, 0, 0], columnCosines: [0, 1, 0],
    pixelSpacing: [heightOfPixel, widthOfPixel], rowPixelSpacing: heightOfPixel, columnPixelSpacing: widthOfPixel,
    rows: 400, columns: 300, frameOfReferenceUID: '1.2.3',
  },
  imagePixelModule: { photometricInterpretation: 'MONOCHROME2', bitsAllocated: 16, samplesPerPixel: 1 },
  generalSeriesModule: { modality: 'DX' }, voiLutModule: {}, modalityLutModule: {}, calibrationModule: {},
};
metaData.addProvider((kind, image) => (image === 'image' ? modules[kind] : undefined));

const drawn = getImageDataMetadata({ imageId: 'image', rows: 400, columns: 300 });
const expected = [100 * drawn.spacing[0], 50 * drawn.spacing[1]];
const seen = imageToWorldCoords('image', [100.5, 50.5]).slice(0, 2);
const back = worldToImageCoords('image', [...seen, 0]);
console.log({ drawnWithSpacing: drawn.spacing.slice(0, 2), expected, seen, back });
const near = (a, b) => a.every((value, i) => Math.abs(value - b[i]) < 1e-3);
assert(near(expected, [20, 5]) && near(seen, [10, 10]) && near(back, [100.5, 50.5]), 'behaves otherwise now');
JAVASCRIPT
node seen.mjs
