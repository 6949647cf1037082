"""A body in a CT: what of the voxels it is, and how it looks from the front and from the left."""
