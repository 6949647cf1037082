"""Anatomical landmark detection in CT, MR and radiographs.

A volume goes in, named landmarks with confidence come out, a person corrects them.
Every position that enters or leaves this library is in RAS millimetres.
"""

__version__ = "0.1.0"
