"""A worker elsewhere: the requests and events of :mod:`LandmarkDetectionLib.worker` over a socket.

:mod:`.wire` says how bytes travel and how both ends prove that they know the token, :mod:`.parcels` what of a
request may leave the computer, :mod:`.server` answers (``landmark-detection serve``), and :mod:`.client` is a
process that looks like the worker and passes everything on. Nothing here imports PyTorch or pydantic, so a
window without them can use a worker that has them.
"""
