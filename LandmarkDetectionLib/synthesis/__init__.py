"""Endless synthetic bodies, hands and heads: posed, scanned, and labelled, from a seed.

The path of the data, for bodies (:mod:`.body.model`) and hands (:mod:`.hand.model`) alike: ``model`` (a shape
and a pose become a surface and joints), ``population`` (which shapes and poses to draw), ``rasterise`` (a
surface becomes silhouettes and depth maps), ``scanner`` (what a scanner does to them: field of view, table
remnants, noise), ``stream`` (all of it, batch after batch) and ``sheet`` (look at what is generated);
``body.phantom`` is one body as a CT volume. Heads as 3D volumes are made of simple shapes
(:mod:`.head.model`), without a body model.
"""
