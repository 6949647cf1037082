"""Landmarks for agents: a server of the Model Context Protocol over standard input and output.

:mod:`.folders` says which files may be read and written, :mod:`.images` reads an image without telling its
names, :mod:`.answers` are the types of what is answered, :mod:`.tasks` does the work, and :mod:`.server`
alone speaks the protocol.
"""
