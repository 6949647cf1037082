#!/bin/sh
# @kitware/vtk.js 37.4.3 and VTK 9.7.2 (needs Node.js and npm)
#
# Expected: a turned volume that VTK saved as .vti, its own format, lies in the same place in the browser.
# Seen: the file has the rows of the direction one after the other. vtk.js counts such nine numbers by columns and takes them
#   over as they are, so that the volume is turned the other way about its origin, without a message: what lies at
#   L 5 P 24 S 39 is drawn at L 15 P 16 S 39. Its writer does the same, so that vtk.js's round trip shows nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check vtk==9.7.2
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund @kitware/vtk.js@37.4.3
venv/bin/python - <<'PYTHON'
import json

import vtk

image = vtk.vtkImageData()
image.SetDimensions(4, 5, 6)
image.SetOrigin(10, 20, 30)
image.SetSpacing(1, 2.5, 3)
image.SetDirectionMatrix(0, -1, 0, 1, 0, 0, 0, 0, 1)
image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
writer = vtk.vtkXMLImageDataWriter()
writer.SetInputData(image)
writer.SetFileName("turned.vti")
writer.SetDataModeToAscii()
writer.Write()
reader = vtk.vtkXMLImageDataReader()
reader.SetFileName("turned.vti")
reader.Update()
place = [0.0, 0.0, 0.0]
reader.GetOutput().TransformContinuousIndexToPhysicalPoint((4, 2, 3), place)
print("voxel 4, 2, 3 in VTK:   ", place)
json.dump(place, open("place.json", "w"))
PYTHON
cat >seen.mjs <<'JAVASCRIPT'
import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import vtkXMLImageDataReader from '@kitware/vtk.js/IO/XML/XMLImageDataReader.js';

const file = readFileSync('turned.vti');
const reader = vtkXMLImageDataReader.newInstance();
reader.parseAsArrayBuffer(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
const place = Array.from(reader.getOutputData().indexToWorld([4, 2, 3]));
console.log('voxel 4, 2, 3 in vtk.js:', place);
assert.deepStrictEqual(JSON.parse(readFileSync('place.json')), [5, 24, 39], 'behaves otherwise now');
assert.deepStrictEqual(place, [15, 16, 39], 'behaves otherwise now');
JAVASCRIPT
node seen.mjs
