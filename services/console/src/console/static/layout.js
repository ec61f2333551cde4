// Where the pipeline's boxes stand: side by side on wide screens, top down on narrow ones.

const WIDE = {
  width: 1320, height: 388,
  boxes: {
    "sources": [56, 180, 92], "ingest-api": [230, 180, 104], "raw": [406, 180, 90], "enricher": [582, 180, 104],
    "enriched": [764, 180, 104], "indexer": [1034, 180, 104], "opensearch": [1254, 180, 118],
    "aggregator": [764, 52, 116], "windows": [1034, 52, 156],
    "firehose": [764, 304, 104], "s3": [1034, 304, 92], "dead-letters": [406, 304, 124],
  },
  routes: {
    "dead-letters>indexer": "M406 330 V336 Q406 352 422 352 H1098 Q1114 352 1114 336 V212 Q1114 196 1093 192",
    "aggregator>firehose": "M822 66 H836 Q850 66 850 80 V236 Q850 252 834 252 H792 Q778 252 778 262 V272",
  },
};

const NARROW = {
  width: 360, height: 690,
  boxes: {
    "sources": [92, 36, 120], "ingest-api": [92, 132, 120], "raw": [92, 228, 120], "enricher": [92, 324, 120],
    "enriched": [92, 440, 120], "indexer": [92, 556, 120], "opensearch": [92, 652, 120],
    "aggregator": [280, 440, 120], "windows": [280, 556, 146],
    "firehose": [280, 324, 120], "s3": [280, 228, 120], "dead-letters": [280, 132, 120],
  },
  routes: {
    "dead-letters>indexer": "M340 132 H345 Q357 132 357 144 V612 Q357 624 345 624 H170 Q128 622 128 580",
    "enricher>dead-letters": "M152 312 C214 296 196 150 213 138",
  },
};

export function layoutFor(pixels) {
  return pixels < 720 ? NARROW : WIDE;
}

/** The curve between two boxes, and whether it runs rather sideways than up or down. */
export function route(layout, hop, height) {
  const [x1, y1, w1] = layout.boxes[hop.source];
  const [x2, y2, w2] = layout.boxes[hop.target];
  const fixed = layout.routes[hop.id];
  const level = Math.abs(y1 - y2) < 4;
  if (fixed) return { path: fixed, level: hop.id === "dead-letters>indexer" && layout === WIDE, fixed: true };
  if (level) {
    const way = Math.sign(x2 - x1);
    return { path: `M${x1 + (way * w1) / 2} ${y1}H${x2 - (way * (w2 / 2 + 7))}`, level: true, fixed: false };
  }
  const down = Math.sign(y2 - y1);
  if (Math.abs(x1 - x2) < 4) {
    return { path: `M${x1} ${y1 + (down * height) / 2}V${y2 - down * (height / 2 + 7)}`, level: false, fixed: false };
  }
  const way = Math.sign(x2 - x1);
  const endX = x2 - way * (w2 / 2 + 7);
  const startY = y1 + (down * height) / 2;
  return { path: `M${x1} ${startY}C${x1} ${y2} ${x1 + (endX - x1) * 0.3} ${y2} ${endX} ${y2}`, level: false, fixed: false };
}
