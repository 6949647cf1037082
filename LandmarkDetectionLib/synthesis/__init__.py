"""Endless synthetic bodies: posed, scanned, and labelled, from a seed.

The path of the data: ``body`` (a shape and a pose become a surface and joints), ``population`` (which
shapes and poses to draw), ``rasterise`` (a surface becomes silhouettes and depth maps), ``scanner`` (what a
scanner does to them: field of view, table remnants, noise), ``stream`` (all of it, batch after batch),
``phantom`` (one body as a CT volume) and ``contact_sheet`` (look at what is generated). Hands take the same
path through ``hand``, ``hand_population``, ``rasterise``, ``hand_scanner`` and ``hand_stream``. Heads as 3D
volumes are made of simple shapes: ``head`` and ``volumes``, without a body model.
"""
