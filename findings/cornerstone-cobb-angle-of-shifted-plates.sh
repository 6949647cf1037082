#!/bin/sh
# @cornerstonejs/tools 5.14.0, the tools of OHIF (needs Node.js and npm)
#
# Expected: the Cobb angle of two end plates depends on their directions alone. A shift of one vertebra against the other, or
#   longer lines, changes nothing.
# Seen: CobbAngleTool lets both lines point to those two of their ends that lie nearest to each other. Once one plate is
#   shifted by about its own width these are the front end of one and the back end of the other, and the tool shows 180
#   degrees less the angle: C2 and C7 at 10 degrees are at 170 where the head is carried 25 mm forward, and at 10 again when
#   the same two lines are drawn longer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund @cornerstonejs/tools@5.14.0 @cornerstonejs/core@5.14.0
cat >seen.mjs <<'JAVASCRIPT'
import assert from 'node:assert';
import { CobbAngleTool } from '@cornerstonejs/tools';

const viewport = { element: null, worldToCanvas: ([x, y]) => [x, y], canvasToWorld: ([x, y]) => [x, y, 0] };

function plate(x, y, length, degrees) {
  const [dx, dy] = [Math.cos, Math.sin].map((part) => (length / 2) * part((degrees * Math.PI) / 180));
  return [[x - dx, y - dy, 0], [x + dx, y + dy, 0]];
}

function cobb(shift, length) {
  const points = [...plate(0, 0, length, 5), ...plate(shift, 80, length, -5)]; // of C2 and C7, 80 mm apart
  const annotation = { data: { handles: { points }, cachedStats: { image: {} } }, invalidated: false };
  return Math.round(new CobbAngleTool()._calculateCachedStats(annotation, null, { viewport }).image.angle);
}

const seen = [[0, 15], [10, 15], [25, 15], [25, 60]].map(([shift, length]) => {
  const angle = cobb(shift, length);
  console.log(`lines of ${length} mm, shifted by ${shift} mm: ${angle} degrees`);
  return angle;
});
assert.deepStrictEqual(seen, [10, 10, 170, 10], 'behaves otherwise now');
JAVASCRIPT
node seen.mjs
