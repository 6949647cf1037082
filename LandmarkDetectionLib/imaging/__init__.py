"""What is computed from voxels: grids, registration, and bodies and hands seen along canonical axes."""
